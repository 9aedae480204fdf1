/*
 * text_table.h - encodes a set of lines as a table (text_private.h): what text_encode does once it knows how to split, and
 * what it does again with the distinct values of a column of strings.
 *
 * Owner:   a writer keeps scratch memory from one row group to the next. Threads: one at a time.
 * Errors:  BOLE_E_NOMEM; text_put_table also BOLE_E_CORRUPT.
 */
#ifndef STORE_CODEC_TEXT_TABLE_H
#define STORE_CODEC_TEXT_TABLE_H

#include "store/codec/chunks.h"
#include "store/codec/distinct.h"
#include "store/codec/template.h"
#include "store/codec/text_cut.h"
#include "store/codec/text_memory.h"
#include "store/codec/text_private.h"

enum { TEXT_ROWS_PER_TEMPLATE = 16, TEXT_NEST_SAMPLE = 4096 };

struct text_gathered {
    uint64_t check; /* of the root: sum of distinct_hashes' check over the column's values */
    uint32_t end;   /* index behind its last value */
};

/* Scratch memory for one table. */
struct text_work {
    struct template_table templates;
    struct column_table   columns;
    uint32_t             *row_template; /* [row] as split, later the number in the map */
    uint32_t              row_cap;
    struct split_slot    *slots;        /* of all rows, in order */
    uint32_t              slot_count, slot_cap;
    uint32_t             *number;       /* of template: its number in the map; TEMPLATE_NONE: its lines are stored whole */
    uint32_t              number_cap;
    uint64_t             *order;        /* templates of the map */
    uint32_t              order_count, order_cap;
    bole_slice           *values;       /* of all columns, column by column; after encoding its distinct values */
    uint64_t             *hashes;       /* distinct.h's, of values as gathered */
    uint32_t              value_cap, hash_cap;
    struct text_gathered *gathered;     /* of column */
    uint32_t              gathered_cap;
    uint32_t              whole_rows;   /* stored as one slot; if there are any their template is the last one of the map */
    struct buf            heads;
    struct cut_slot      *cuts;         /* of column; len_max UINT32_MAX: not known yet */
    uint32_t              cut_cap;
};

struct text_writer {
    struct splitter        splitter;
    struct values_encoder *values;
    struct distinct        distinct;
    struct text_work       root, inner;
    struct chunks          chunks, trial; /* trial: of samples */
    struct buf             trial_map, packed;
    int64_t               *numbers;       /* [VALUES_COUNT_MAX] times of a column's rows; ids */
    bool                   has_column[VALUES_COUNT_MAX / TEXT_ROWS_PER_TEMPLATE + 2]; /* of templates */
    struct text_memory    *memory;        /* borrowed */
    bole_slice             nest_sample[TEXT_NEST_SAMPLE];
    uint64_t               nest_hashes[TEXT_NEST_SAMPLE];
    struct distinct_hashes *of_id;        /* [VALUES_COUNT_MAX] scratch of text_verify */
    uint64_t               seed;          /* of hashes */
    bool                   sample;        /* what is encoded is a sample: columns get no tables, nothing is remembered */
    bool                   learn;         /* what is remembered is decided anew */
    bool                   torn;          /* a line was split into what it is not made of */
    void                  *zstd;          /* ZSTD_CCtx, for trials */
};

bool text_writer_init(struct text_writer *w, struct text_memory *memory); /* false: no memory; deinit it all the same */
void text_writer_deinit(struct text_writer *w);

/* Appends the table to map and its parts to w->chunks, which were reset before. BOLE_E_CORRUPT: a line is not its template
 * with the slots that it was split into, which is a bug. */
bole_status text_put_table(struct text_writer *w, enum split how, const struct text_input *in, struct buf *map,
                           struct bole_err *err);

/* After text_put_table: literals and distinct values of the columns. */
void text_table_pieces(const struct text_writer *w, void (*fn)(void *ctx, bole_slice piece), void *ctx);

bool text_table_cuts(struct text_writer *w); /* text_encoder_cuts */

/* What the chunks take when they are compressed. SIZE_MAX: no memory. */
size_t text_packed_size(struct text_writer *w, const struct chunks *c);

/* Templates of the map, with that of lines which are stored whole. */
uint32_t text_map_templates(const struct text_work *w);
const struct template *text_map_template(const struct text_work *w, uint32_t number);

/* ---- text_verify.c ---- */

/* After text_put_table, when the chunks are finished: whether they give back the lines that it was given. Anything but a yes
 * is a no. `lines` is scratch memory. */
bool text_verify(struct text_writer *w, const struct text_input *in, struct arena *arena, struct buf *lines);

#endif
