/*
 * text.h - a column of lines, split into templates and typed columns of what varies.
 *
 * A line is the literal pieces of its template with a value in each slot between them. Three ways of splitting (split.h)
 * lead to the same stored form, and the one that suits a family of lines is chosen by trial on real rows: digits (a run of
 * letters and digits with a digit in it is a value), fields (what stands between separators is a value), shape (a JSON or
 * logfmt line: keys and punctuation are the template, each key path is a column). Columns are values.h; the same column
 * serves every template that has a slot for it. Lines that no template suits are one slot, so "raw zstd" is always legal.
 *
 * Every byte comes back, whatever it is. What was encoded is decoded before it is handed out, and lines that it does not give
 * back are stored whole instead. Verified are: every line byte by byte against the literals of its template and the ends of its
 * slots; the map, part by part; every value of every row, decoded, by two seeded hashes of 64 bits; some stretches of whole lines,
 * byte by byte (text_verify.c).
 *
 * Stored as chunks: the first is the map (templates, heads of the columns, the template of each row), the others hold the
 * numbers or the texts of columns: small ones together, large ones alone.
 *
 * Owner:   an encoder keeps scratch memory; per family, the split that suited it is remembered. A struct text points into arena and
 *          chunks of its caller.
 * Threads: one at a time; a text_memory any.
 * Errors:  encoding BOLE_E_NOMEM only. Reading: BOLE_E_CORRUPT, or what `load` returns.
 * Format:  docs/format/segment.md.
 */
#ifndef STORE_CODEC_TEXT_H
#define STORE_CODEC_TEXT_H

#include "store/codec/values.h"

/* ---- writing ---- */

struct text_input {
    const bole_slice *lines;   /* [count] borrowed */
    const int64_t    *time_ns; /* [count] */
    uint32_t          count;   /* 1 .. VALUES_COUNT_MAX */
    uint64_t          family;  /* what generates these lines, hashed: remembers the split */
};

/* What suited the families that were encoded so far: for encoders that come and go, on any threads. */
struct text_memory;

struct text_memory *text_memory_create(void); /* NULL: no memory */
void text_memory_destroy(struct text_memory *m);

struct text_encoder;

/* memory: borrowed; NULL: of its own. Returns NULL: no memory. */
struct text_encoder *text_encoder_create(struct text_memory *memory);
void text_encoder_destroy(struct text_encoder *e);

/* Hands out the chunks in order: raw bytes, to be compressed and checksummed by the caller. */
bole_status text_encode(struct text_encoder *e, const struct text_input *in,
                        bole_status (*put)(void *ctx, bole_slice raw, struct bole_err *err), void *ctx, struct bole_err *err);

/* After text_encode: every piece of text that tokens of the lines can be found in, distinct pieces once: literals of
 * templates and distinct values. A token (index/tokens.h) never crosses the border of two pieces. For the token index. */
void text_encoder_pieces(const struct text_encoder *e, void (*fn)(void *ctx, bole_slice piece), void *ctx);

/* Whether an address or a UUID of a line may lie across such a border; false is certain. */
bool text_encoder_cuts(struct text_encoder *e);

/* How often what was written did not read back as it was, and was written whole instead: a bug if it is not 0. */
uint64_t text_encoder_mismatches(const struct text_encoder *e);

/* ---- reading ---- */

struct text; /* in the arena */

struct text_source {
    bole_status (*load)(void *ctx, uint32_t chunk, bole_slice *ret_raw, struct bole_err *err); /* valid as long as the text */
    void           *ctx;
    uint32_t        chunk_count;
    uint32_t        row_count;
    const int64_t  *time_ns; /* [row_count]; NULL: times() says them */
    struct arena   *arena;
    uint32_t        few;     /* as long as no more lines than this are asked for, each is made from its own values; then
        columns are made ready for all of them */
    const int64_t *(*times)(void *ctx); /* called when a column needs them, which few do; NULL: they are damaged */
};

/* Loads the map only. */
bole_status text_open(const struct text_source *source, struct text **ret_text, struct bole_err *err);

/* Clears the bit of every row whose line does not contain the needle; what was clear stays clear. Exact. Loads only what
 * templates and stamps cannot decide. bits: [(row_count + 63) / 64]. */
bole_status text_contains(struct text *t, bole_slice needle, uint64_t *bits, struct bole_err *err);

struct shadow; /* codec/shadow.h */

/* Clears the bit of every row whose line the shadow refuses. Not all of them: what is left must be looked at. Decided once per
 * template where that is possible, else by the values that matter, once per distinct one of a dictionary. */
bole_status text_match(struct text *t, struct shadow *shadow, uint64_t *bits, struct bole_err *err);

/* Appends the lines of the rows first .. first + count - 1 whose bit is set (bits[row / 64], whole column) to out; ret_ends
 * [count]: where each ends in out (rows that are not set end where the row before does). */
bole_status text_lines(struct text *t, uint32_t first, uint32_t count, const uint64_t *bits, struct buf *out,
                       uint32_t *ret_ends, struct bole_err *err);

/* Lengths of the lines of these rows, without building them. */
bole_status text_lengths(struct text *t, uint32_t first, uint32_t count, uint32_t *ret_lengths, struct bole_err *err);

/* ---- reading values instead of lines ---- */

struct text_shape { uint32_t slot_count, row_count; const uint32_t *pieces; const uint8_t *literals; const uint32_t *columns; };
struct text_shape text_shape(const struct text *t, uint32_t template); /* valid as long as t */
bole_status text_row_templates(struct text *t, const uint16_t **ret_templates, struct bole_err *err); /* [row_count] */

/* What the head of a column says: may values have one of these bytes, are all of them of this form as far as is known? */
bool text_slot_may_have(const struct text *t, uint32_t column, bole_slice bytes);
bool text_slot_are(const struct text *t, uint32_t column, enum values_forms form);

/* More of the same: which bytes below 0x80 (a bit each) and whether others, how long. */
struct text_slot { uint64_t low[2]; bool high; uint32_t len_min, len_max; };
struct text_slot text_slot(const struct text *t, uint32_t column);

/* What all values of a column of numbers or times look like: '0' for each letter and digit that may differ, in their usual number;
 * everything else is the same in all. 0: it is none. */
#define TEXT_LAYOUT_MAX 640u
size_t text_slot_layout(const struct text *t, uint32_t column, uint8_t ret_layout[TEXT_LAYOUT_MAX]);

/* What every value of the column is; ptr NULL: they may differ. */
bole_slice text_slot_constant(const struct text *t, uint32_t column);

/* A column with few distinct values: how many (0: it is none such), their text, and which of them the rows have (ids and bits as
 * values and bits of text_slot_values), which loads the text. */
uint32_t text_slot_distinct_count(const struct text *t, uint32_t column);
bole_slice text_slot_distinct(const struct text *t, uint32_t column, uint32_t id);
bole_status text_slot_ids(struct text *t, uint32_t column, uint32_t first, uint32_t count, const uint64_t *bits, uint32_t *ids,
                          struct bole_err *err);

/* Sets the bits of the rows whose value in the column does not hold: asked once per distinct value of a dictionary. */
bole_status text_refused(struct text *t, uint32_t column, bool (*holds)(unsigned check, bole_slice value), unsigned check,
                         uint64_t *bits, bool *ret_any, struct bole_err *err);

/* values[row - first] of the rows first .. first + count - 1 that have the column and whose bit is set (bits[row / 64], whole
 * column); the others stay as they are. Numbers are printed to the arena, other values are valid as long as t. */
bole_status text_slot_values(struct text *t, uint32_t column, uint32_t first, uint32_t count, const uint64_t *bits,
                             struct arena *arena, bole_slice *values, struct bole_err *err);

/* The same pieces as text_encoder_pieces, of a column that was written before: literals and distinct values, each at least
 * once. */
typedef void text_piece_fn(void *ctx, bole_slice piece);
bole_status text_pieces(struct text *t, text_piece_fn *fn, void *ctx, struct bole_err *err);
bool text_cuts(const struct text *t); /* as text_encoder_cuts */
/* The distinct values of a loaded value column. scratch is working memory. */
bole_status text_values_pieces(const struct values *v, text_piece_fn *fn, void *ctx, struct buf *scratch,
                               struct bole_err *err);

/* For `bole inspect`: what the column is made of. */
struct text_column_info { enum values_type type; uint32_t count, distinct; size_t numbers_size, text_size; bole_slice name; };
uint32_t text_template_count(const struct text *t);
void text_template(const struct text *t, uint32_t index, struct buf *out, uint32_t *ret_rows); /* slots as <name:type> */
uint32_t text_column_count(const struct text *t);
struct text_column_info text_column_info(const struct text *t, uint32_t index);

#endif
