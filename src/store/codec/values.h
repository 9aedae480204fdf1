/*
 * values.h - a column of up to 65,536 byte strings, stored by the type that suits them: what a slot of a template or
 * one field held in the rows of a row group.
 *
 *   CONST  every value is the same                    INT   decimal numbers that print back to the same bytes
 *   DICT   few distinct values: text once, ids         HEX   hex digits of one length and case
 *   RAW    lengths and bytes, end to end; always legal IP4   dotted quads      UUID  8-4-4-4-12, one case
 *   TIME   points in time as logs write them (datetime.h), stored as their distance from the row's own time
 *
 * The same bytes around every value do not hinder a number type, nor does a point in INT. A DICT of numbers keeps its
 * distinct values as numbers too.
 *
 * An encoded column has three parts: a head (type, parameters and stamp: a few bytes that say what the column can
 * hold), numbers and text. The container places them: heads together where they are read first, numbers and texts of
 * small columns together in chunks that are compressed as one. A column is never stored in a way that does not give
 * back every byte.
 *
 * Owner:   an encoder keeps scratch memory from column to column. A struct values points into the bytes it was given.
 * Threads: an encoder one at a time; a loaded struct values any number of readers.
 * Errors:  encoding fails with BOLE_E_NOMEM only. Reading bytes that are not such a column is BOLE_E_CORRUPT from
 *          values_open or values_load; the calls after them cannot fail.
 * Format:  docs/format/columns.md.
 */
#ifndef STORE_CODEC_VALUES_H
#define STORE_CODEC_VALUES_H

#include "base/arena.h"
#include "base/buf.h"

#define VALUES_COUNT_MAX 65536u

enum values_type {
    VALUES_CONST = 0,
    VALUES_RAW = 1,
    VALUES_DICT = 2,
    VALUES_INT = 3,
    VALUES_HEX = 4,
    VALUES_IP4 = 5,
    VALUES_UUID = 6,
    VALUES_TIME = 7,
};

/* ---- writing ---- */

struct values_input {
    const bole_slice *values;  /* [count] borrowed; below 4 GiB together */
    uint32_t          count;   /* 1 .. VALUES_COUNT_MAX */
    const int64_t    *time_ns; /* [count] of the rows, for TIME; NULL: the type is not tried */
    /* [count] distinct.h's, all with one seed: values of one hash are taken to be the same, and the caller finds out when it
     * verifies. NULL: they are made, and the values are compared. */
    const uint64_t   *hashes;
};

struct values_encoder;

struct values_encoder *values_encoder_create(void); /* NULL: no memory */
void values_encoder_destroy(struct values_encoder *e);

/* Appends the three parts. */
bole_status values_encode(struct values_encoder *e, const struct values_input *in, struct buf *head,
                          struct buf *numbers, struct buf *text, struct bole_err *err);

/* After values_encode, while its values are still there: every distinct value at least once, each seldom more than
 * once. For the token index. */
void values_encoder_distinct(const struct values_encoder *e, void (*fn)(void *ctx, bole_slice value), void *ctx);

/* ---- reading ---- */

/* What texts are as parts of JSON, so that nobody need look at them. A bit that is not set says nothing. */
enum values_forms {
    VALUES_QUOTED = 1,  /* between quotes: none that ends it, and no escape reaches over its end */
    VALUES_SCALARS = 2, /* a number, true or false */
    VALUES_ITEMS = 4,   /* between brackets: brackets and quotes come in pairs */
    VALUES_FORMS_MAX = 7,
};

/* What a value of the column can be: enough to prove that a needle is in none. */
struct values_stamp {
    uint32_t min_len, max_len;
    uint32_t word_max; /* no run of letters, digits and _ is longer */
    uint32_t forms; /* values_forms_of, but for CONST */
    uint64_t classes; /* bit c: a byte of class c occurs (values.c says which byte is of which class) */
};

struct values {
    enum values_type    type;
    uint32_t            count;
    struct values_stamp stamp;
    /* What follows is values.c's own. */
    const void *detail;
};

/* Takes one head off the front of *heads. Nothing but the stamp and CONST columns can be used before values_load. */
bole_status values_open(struct values *v, uint32_t count, bole_slice *heads, struct arena *arena, struct bole_err *err);
size_t values_numbers_size(const struct values *v); /* bytes of the parts, as the head says */
size_t values_text_size(const struct values *v);
/* Its stamps are stored as their distance from the times of the rows: values_load wants those. */
bool values_needs_times(const struct values *v);
/* Checks the parts through and through. time_ns: of the rows whose values these are, where they are needed. */
/* For a few values: ids of a dictionary are sought one by one, and the distinct values of one of numbers have no text before
 * values_render: values_distinct must not be called. */
bole_status values_load_few(struct values *v, bole_slice numbers, bole_slice text, const int64_t *time_ns,
                            struct arena *arena, struct bole_err *err);
bole_status values_render(struct values *v, struct arena *arena, struct bole_err *err);
bole_status values_load(struct values *v, bole_slice numbers, bole_slice text, const int64_t *time_ns,
                        struct arena *arena, struct bole_err *err);

/* Bits of enum values_forms that hold for every value. Needs no load; nor does the next. */
unsigned values_forms_of(const struct values *v);

/* False: certainly no value contains the needle. */
bool values_may_contain(const struct values *v, bole_slice needle);

uint32_t values_len(const struct values *v, uint32_t index);
/* Writes values_len bytes. There must be 16 bytes of room behind them, which may be overwritten. */
uint8_t *values_put(const struct values *v, uint32_t index, uint8_t *out); /* returns the end */

/* A dictionary's or constant's distinct values; 0 for other types. */
uint32_t values_distinct_count(const struct values *v);
bole_slice values_distinct(const struct values *v, uint32_t id);
uint32_t values_id(const struct values *v, uint32_t index); /* DICT, CONST */

bole_slice values_raw(const struct values *v, uint32_t index); /* RAW: where it lies */

enum values_match { VALUES_CONTAINS, VALUES_EQUALS, VALUES_STARTS, VALUES_ENDS };
/* Sets bit i of ret_bits ([(count + 63) / 64] words, all written) where value i matches. Once per distinct value of a
 * dictionary; numbers are compared as numbers where that is the same. */
void values_find(const struct values *v, enum values_match how, bole_slice needle, uint64_t *ret_bits);

#endif
