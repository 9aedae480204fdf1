/*
 * template.h - the templates of a set of lines while it is encoded: literals are interned, slots are given columns.
 *
 * Errors:  running out of memory sets no_memory, and every later line is TEMPLATE_NONE.
 * Threads: one at a time.
 */
#ifndef STORE_CODEC_TEMPLATE_H
#define STORE_CODEC_TEMPLATE_H

#include "base/buf.h"
#include "store/codec/template_tree.h"

struct template {
    uint64_t hash;
    uint32_t slot_count;
    uint32_t piece_at; /* its slot_count + 1 literal lengths in pieces[] */
    uint32_t slot_at;  /* its slot_count slots in keys[] and columns[] */
    uint32_t text_at, text_len; /* literals end to end in text */
    uint32_t rows;
};

struct column { /* of slots */
    uint64_t key;
    uint32_t count; /* values */
    uint32_t first; /* index of its first value among those of all columns */
    uint32_t last_template;
};

struct template_table {
    struct template *list;
    uint32_t         count, cap;
    uint32_t        *pieces;
    uint32_t         piece_count, piece_cap;
    uint64_t          *keys;    /* of slots */
    uint32_t          *columns; /* set by template_columns */
    uint32_t           slot_count, key_cap, column_of_cap;
    struct buf       text;
    uint32_t        *index; /* [index_size]: number of a template + 1, 0 is free */
    uint32_t         index_size;
    struct template_tree tree;
    bool             no_memory;
};

void template_table_init(struct template_table *t);
void template_table_deinit(struct template_table *t);
void template_table_reset(struct template_table *t);

/* The template of a line that the splitter has classified, if that can be told without splitting; its slots are then filled
 * in. Else TEMPLATE_NONE. */
uint32_t template_guess(struct template_table *t, struct splitter *s, bole_slice line, uint32_t *ret_slot_count);

/* The template of a line that the splitter has just split in `slot_count` slots. A new one, if that makes no more than `limit`; else TEMPLATE_NONE. */
uint32_t template_intern(struct template_table *t, struct splitter *s, bole_slice line, uint32_t slot_count, uint32_t limit);

static inline bole_slice template_text(const struct template_table *t, const struct template *p)
{
    return bole_slice_from(t->text.ptr + p->text_at, p->text_len);
}

/* Columns by key. */
struct column_table {
    struct column *list;
    uint32_t       count, cap;
    uint32_t      *index; /* [index_size]: number of a column + 1 */
    uint32_t       index_size;
};

void column_table_deinit(struct column_table *c);
void column_table_reset(struct column_table *c);

/* A column without a key, of so many values. UINT32_MAX: no memory. */
uint32_t column_table_add(struct column_table *c, uint32_t count);

/* Gives each slot of the template a column. False: no memory. */
bool template_columns(struct template_table *t, uint32_t template, struct column_table *c);

#endif
