/*
 * bytes.h - loading and storing little-endian numbers at any alignment, and a checked reader over untrusted bytes.
 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdbool.h>
#include <string.h>

#include "bole/types.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "Bole's formats are little endian and read in place: a big-endian port needs swaps here"
#endif

static inline uint16_t load_u16(const uint8_t *p) { uint16_t v; memcpy(&v, p, sizeof v); return v; }
static inline uint32_t load_u32(const uint8_t *p) { uint32_t v; memcpy(&v, p, sizeof v); return v; }
static inline uint64_t load_u64(const uint8_t *p) { uint64_t v; memcpy(&v, p, sizeof v); return v; }
static inline int64_t  load_i64(const uint8_t *p) { return (int64_t)load_u64(p); }
static inline void store_u16(uint8_t *p, uint16_t v) { memcpy(p, &v, sizeof v); }
static inline void store_u32(uint8_t *p, uint32_t v) { memcpy(p, &v, sizeof v); }
static inline void store_u64(uint8_t *p, uint64_t v) { memcpy(p, &v, sizeof v); }

/* Reads from a slice; the first read past the end sets failed and every later one gives zero. Check failed once. */
struct reader {
    const uint8_t *next;
    const uint8_t *end;
    bool           failed;
};

static inline struct reader reader_of(bole_slice s)
{
    return (struct reader){s.ptr, s.ptr + s.len, false};
}

static inline size_t reader_left(const struct reader *r) { return (size_t)(r->end - r->next); }

static inline bole_slice reader_bytes(struct reader *r, size_t len)
{
    if (len > reader_left(r)) {
        r->failed = true;
        return (bole_slice){0};
    }
    bole_slice s = {r->next, len};
    r->next += len;
    return s;
}

static inline uint8_t reader_u8(struct reader *r) { bole_slice s = reader_bytes(r, 1); return s.len ? s.ptr[0] : 0; }
static inline uint16_t reader_u16(struct reader *r)
{
    bole_slice s = reader_bytes(r, 2);
    return s.len ? load_u16(s.ptr) : 0;
}

static inline uint32_t reader_u32(struct reader *r)
{
    bole_slice s = reader_bytes(r, 4);
    return s.len ? load_u32(s.ptr) : 0;
}

static inline uint64_t reader_u64(struct reader *r)
{
    bole_slice s = reader_bytes(r, 8);
    return s.len ? load_u64(s.ptr) : 0;
}

/* What reader_varint does for those that are longer, or that are not there. */
static inline uint64_t reader_long_varint(struct reader *r)
{
    uint64_t v = 0;
    const uint8_t *p = r->next;
    for (unsigned shift = 0; !r->failed && p < r->end && shift < 64; shift += 7) {
        uint8_t byte = *p++;
        if (shift == 63 && byte > 1)
            break;
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            r->next = p;
            return v;
        }
    }
    r->failed = true;
    return 0;
}

/* LEB128, at most 10 bytes; an eleventh byte or bits past 64 are an error. Nearly all are of one byte. */
static inline uint64_t reader_varint(struct reader *r)
{
    return !r->failed && r->next < r->end && *r->next < 0x80 ? *r->next++ : reader_long_varint(r);
}

#endif
