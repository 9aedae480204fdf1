/*
 * text_private.h - what the files of text.h share: the layout of the map and a text column as it is read.
 *
 * A *table* is a set of lines in templates and columns. The lines of a row group are the root table; the distinct values of
 * a column of long strings can be a table of their own below it (one level deep).
 *
 * The map (chunk 0), varints unless noted:
 *
 *   u8 version (1), table
 *
 *   table:  number of templates T, number of columns C
 *           for each template: number of its rows (together those of the table), number of its slots
 *           for each template: lengths of its slots + 1 literals
 *           for each template: column of each slot: zigzag of (column - (column of the slot before + 1)), -1 before the first
 *           for each column: see below
 *           place of the template numbers (none if T is 1): one byte per row, T > 256: then another with the high bytes
 *           size of the literals, literals end to end
 *
 *   column: kind, then
 *           VALUES      place of its numbers, place of its text, values head
 *           DICTIONARY  number of distinct values, place of the ids, ints head of the ids, table of the distinct values
 *           TABLE       table of the values
 *           Only columns of the root are of the last two kinds.
 *
 *   place:  0: no bytes. chunk * 2: behind the part that was placed in this chunk before, without gap.
 *           chunk * 2 + 1, offset: bytes that were placed before.
 */
#ifndef STORE_CODEC_TEXT_PRIVATE_H
#define STORE_CODEC_TEXT_PRIVATE_H

#include "base/bytes.h"
#include "store/codec/ints.h"
#include "store/codec/split.h"
#include "store/codec/text.h"

enum {
    TEXT_VERSION = 1,
    TEXT_COLUMNS_MAX = 2048,      /* of a table */
    TEXT_SLOTS_MAX = 1024 * 1024, /* of all templates of a table: bounds the time that a search takes */
};

/* Bytes per row of the template numbers. */
static inline unsigned text_planes(uint32_t template_count)
{
    return (template_count > 1) + (template_count > 256);
}

static inline uint64_t text_zigzag(int64_t v) { return (uint64_t)v << 1 ^ (uint64_t)(v >> 63); }
static inline int64_t text_unzigzag(uint64_t v) { return (int64_t)(v >> 1 ^ (0 - (v & 1))); }

enum text_column_kind { TEXT_COLUMN_VALUES = 0, TEXT_COLUMN_DICTIONARY = 1, TEXT_COLUMN_TABLE = 2 };

/* Where bytes of a column lie. */
struct text_part {
    uint32_t chunk; /* 0: nowhere, no bytes */
    uint32_t at, len;
};

struct text_column {
    enum text_column_kind kind;
    struct text_part      numbers; /* DICTIONARY: ids */
    struct text_part      text;
    struct values         values;  /* of all kinds: count and stamp */
    struct ints_head      ids_head;
    struct ints           ids;     /* DICTIONARY; set by text_load_column and text_prepare_column */
    struct text_table    *table;   /* DICTIONARY, TABLE; of values, type and stamp are set */
    uint8_t              *lines;   /* of table, end to end, with room behind them; set by text_load_column */
    uint32_t             *starts;  /* [rows of table + 1] */
    bool                  prepared, loaded, ids_loaded, forms_known;
    unsigned              forms;   /* once forms_known */
    uint64_t             *rows;    /* which rows have it; NULL while not asked for */
};

struct text_template {
    uint32_t        slot_count, rows;
    const uint32_t *pieces;       /* [slot_count + 1] lengths of the literals */
    const uint32_t *columns;      /* [slot_count] */
    const uint8_t  *literals;     /* end to end */
    uint32_t        literals_len;
    uint64_t        len_max;      /* of a line; set when all its columns are loaded or prepared, 0 before */
};

struct text_table {
    uint32_t              row_count, template_count, column_count;
    struct text_template *templates;
    struct text_column   *columns;
    bole_slice            literals;
    struct text_part      numbers_part; /* template of each row */
    uint16_t             *numbers;      /* set by text_load_rows */
    uint32_t              block;        /* same: rows of a block; a power of two */
    uint32_t             *before;       /* same: how many values of each column lie before block b: [b * column_count + c] */
    uint32_t             *cursor;       /* the same for row cursor_row: text_lines goes on where it ended */
    uint32_t              cursor_row;
    uint64_t             *template_rows; /* [template][word] which rows have it; NULL: not asked for, or too much of it */
    uint32_t             *users;         /* templates by column: those of column c from users_at[c] to users_at[c + 1] */
    uint32_t             *users_at;
};

#define TEXT_BLOCK       1024u /* rows, where templates or columns are many ... */
#define TEXT_BLOCK_SMALL 256u  /* ... and where they are few, so that single rows are found quickly */
#define TEXT_FEW         256u  /* templates and columns together: a look at them per block costs no more than the rows */

struct text {
    struct text_source source;
    bole_slice        *chunks;   /* [chunk_count]; ptr NULL: not loaded yet */
    uint32_t          *chunk_at; /* [chunk_count] while the map is read: where the next part begins */
    uint32_t           few_left; /* of source.few; 0: columns are loaded, not only prepared */
    struct text_table  root;
};

/* ---- text_encode.c, for tests and benchmarks ---- */

enum split text_encoder_split(const struct text_encoder *e); /* of the last row group */
void text_encoder_fix_split(struct text_encoder *e, enum split how); /* from now on; SPLIT_KINDS: by trial */

/* ---- text_open.c ---- */

bole_status text_no_room(struct bole_err *err);
bole_status text_load_chunk(struct text *t, uint32_t chunk, bole_slice *ret_raw, struct bole_err *err);
bole_status text_load_part(struct text *t, const struct text_part *part, bole_slice *ret_bytes, struct bole_err *err);
/* The template of each row, checked, and how many rows each has. */
bole_status text_load_rows(struct text *t, struct text_table *table, struct bole_err *err);
bole_status text_load_ids(struct text *t, struct text_column *c, struct bole_err *err);
/* What a few lines of the column can be made from. */
bole_status text_prepare_column(struct text *t, struct text_table *table, uint32_t column, struct bole_err *err);
/* What all lines are made from quickly. */
bole_status text_load_column(struct text *t, struct text_table *table, uint32_t column, struct bole_err *err);
/* Bit per row that has a value in the column. */
bole_status text_column_rows(struct text *t, struct text_table *table, uint32_t column, const uint64_t **ret_bits,
                             struct bole_err *err);

/* How many rows before this one have the column, whose rows these are. */
uint32_t text_rank(const struct text_table *table, const uint64_t *rows, uint32_t column, uint32_t row);

/* ---- text_read.c ---- */

/* Appends one line of a table. */
bole_status text_append_row(struct text *t, struct text_table *table, uint32_t row, struct buf *out, struct bole_err *err);
/* All lines of the table of a column, to c->lines. */
bole_status text_load_lines(struct text *t, struct text_column *c, struct bole_err *err);

/* ---- text_find.c ---- */

/* Moves bit i of `values` to the i-th set bit of `rows`. */
void text_spread_bits(const uint64_t *values, const uint64_t *rows, size_t words, uint64_t *ret_rows);
void text_spread_bits_portable(const uint64_t *values, const uint64_t *rows, size_t words, uint64_t *ret_rows);

static inline uint32_t text_row_template(const struct text_table *table, uint32_t row)
{
    return table->numbers[row];
}

#endif
