/*
 * values_private.h - what the files of values.h share: shapes of values that are numbers, and the head as it was read.
 */
#ifndef STORE_CODEC_VALUES_PRIVATE_H
#define STORE_CODEC_VALUES_PRIVATE_H

#include "store/codec/datetime.h"
#include "store/codec/distinct.h"
#include "store/codec/ints.h"
#include "store/codec/values.h"

#define VALUES_WORDS_MAX 4u   /* 64 hex digits */
#define VALUES_AFFIX_MAX 255u

/*
 * How the values of a column are made of numbers: the same bytes in front of and behind each, and between them a
 * decimal number, hex digits, an address or a point in time. A value is 1 .. VALUES_WORDS_MAX numbers.
 */
struct values_shape {
    enum values_type       type;            /* INT, HEX, IP4, UUID or TIME */
    unsigned               digits;          /* INT: a number with fewer is padded with zeros; HEX: how many there are */
    unsigned               decimals;        /* INT: digits behind a point, 0: no point */
    bool                   upper;           /* HEX, UUID */
    struct datetime_format time;            /* TIME */
    bole_slice             prefix, suffix;
};

/* What a struct values points to. Which fields are there depends on the type: docs/format/columns.md. */
struct values_detail {
    enum values_type    stored;     /* how the values, or the distinct ones of a DICT, are stored */
    uint32_t            count;      /* of those */
    struct values_shape shape;      /* number types */
    bool                relative;   /* TIME: stored is the distance from the row's time */
    unsigned            words;      /* number types; RAW has one, the lengths */
    struct ints_head    word_heads[VALUES_WORDS_MAX];
    struct ints_head    ids_head;   /* DICT */
    uint32_t            text_size;
    bool                bare_int;   /* INT with nothing around it and no point */

    /* After values_load. */
    const uint32_t     *starts;     /* RAW, DICT: [count + 1] where value n lies in text */
    const uint8_t      *text;       /* CONST: from values_open on */
    const uint8_t      *text_end;
    const struct datetime_days *days; /* TIME */
    struct ints         word[VALUES_WORDS_MAX]; /* not even set before, nor is what follows */
    struct ints         ids;
};

/* Bits of the classes of the bytes of s. */
uint64_t values_classes(bole_slice s);

/* enum values_forms of all the texts, whose bytes are of these classes. */
unsigned values_forms(const bole_slice *values, uint32_t count, uint64_t classes);
unsigned values_forms_of_classes(uint64_t classes); /* those that no text of such bytes can lack */

/* The class of a byte. */
unsigned values_class(uint8_t byte);

/* Values lie a line apart, where no prefetcher of the machine foresees them. */
static inline void values_prefetch(const struct values_input *in, uint32_t index)
{
    enum { AHEAD = 16 };
    if (index + AHEAD < in->count)
        __builtin_prefetch(in->values[index + AHEAD].ptr);
}

/* Decimal numbers, 1 .. 19 digits. False: not digits only, or above INT64_MAX. */
bool values_parse_digits(const uint8_t *p, size_t len, uint64_t *ret_v);
uint8_t *values_print_digits(uint8_t *out, uint64_t v, unsigned len); /* writes at most 16 bytes more */
unsigned values_count_digits(uint64_t v);                             /* 1 .. 20 */

/* Reads all values as numbers of the type of `sample`, in the shape that they have in common. `sample` is what some of
 * the values gave, or holds the type and nothing else. False: they are not of that type; words is spoilt. */
bool values_shape_fit(const struct values_input *in, const struct values_shape *sample, struct values_shape *ret_shape,
                      int64_t *const words[VALUES_WORDS_MAX]);
bool values_shape_possible(enum values_type type, bole_slice value); /* at a glance */

unsigned values_shape_words(const struct values_shape *s);
/* near_ns: TIME without year or day. False: not a value of this shape; what is read prints back to the same bytes. */
bool values_shape_parse(const struct values_shape *s, bole_slice value, int64_t near_ns, struct datetime_cache *cache,
                        int64_t ret_words[VALUES_WORDS_MAX]);
unsigned values_shape_len(const struct values_shape *s, const int64_t *words);
uint8_t *values_shape_print(const struct values_shape *s, const int64_t *words,
                            uint8_t *out); /* writes at most 16 bytes more */

/* Parameters in the head: from the type on up to the ints. */
void values_shape_put(const struct values_shape *s, bool relative, struct buf *head);
bool values_shape_open(struct values_shape *s, enum values_type type, bool *ret_relative, struct reader *r);

/* Number n of the column as it was, or of its distinct values. */
static inline void values_words(const struct values_detail *d, uint32_t index, int64_t ret_words[VALUES_WORDS_MAX])
{
    for (unsigned w = 0; w < d->words; w++)
        ret_words[w] = ints_at(&d->word[w], index);
}

#endif
