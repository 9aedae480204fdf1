/*
 * values_private.h - what the files of values.h share: the head's fields, and reading and printing of short texts.
 */
#ifndef STORE_CODEC_VALUES_PRIVATE_H
#define STORE_CODEC_VALUES_PRIVATE_H

#include "store/codec/ints.h"
#include "store/codec/values.h"

/* What a struct values points to. Which fields are there depends on the type: docs/format/columns.md. */
struct values_detail {
    struct ints_head numbers_head;  /* RAW: lengths; DICT: ids; else the numbers */
    struct ints_head lengths_head;  /* DICT: of the distinct values */
    uint32_t         distinct;      /* DICT, CONST */
    uint32_t         text_size;
    unsigned         digits;        /* INT: a number with fewer is padded with zeros */

    /* After values_load. */
    struct ints      numbers;
    const uint32_t  *starts;        /* RAW, DICT: [n + 1] where value n lies in text */
    const uint8_t   *text;          /* CONST: from values_open on */
    const uint8_t   *text_end;
};

/* Bits of the classes of the bytes of s. */
uint64_t values_classes(bole_slice s);

/* 1 .. 8 bytes as a number, the first one lowest. Never reads outside of them. */
static inline uint64_t load_short(const uint8_t *p, size_t len)
{
    if (len >= 8)
        return load_u64(p);
    if (len >= 4)
        return load_u32(p) | (uint64_t)load_u32(p + len - 4) << (8 * (len - 4));
    if (len == 0)
        return 0;
    return p[0] | (uint64_t)p[len / 2] << (8 * (len / 2)) | (uint64_t)p[len - 1] << (8 * (len - 1));
}

/* Decimal numbers, 1 .. 19 digits. False: not digits only, or above INT64_MAX. */
bool values_parse_digits(const uint8_t *p, size_t len, uint64_t *ret_v);
uint8_t *values_print_digits(uint8_t *out, uint64_t v, unsigned len); /* may write 16 bytes more */
unsigned values_count_digits(uint64_t v);                             /* 1 .. 20 */

/* A number as INT prints it: at least `digits` digits, a minus where one belongs, never "-0". */
bool values_parse_int(bole_slice s, unsigned digits, int64_t *ret_v);
static inline unsigned values_int_len(int64_t v, unsigned digits)
{
    unsigned n = values_count_digits(v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
    return (n < digits ? digits : n) + (v < 0);
}

#endif
