/*
 * vector.h - up to 1,024 rows on their way out of a store, as columns with a selection bitmap.
 *
 * A column is plain (a value per row), const, dictionary (values and ids) or lazy (decoded on column_get only: templates,
 * compressed text). An executor that can work on the dictionary does so once per value; everybody else calls column_get.
 *
 * Errors:  the calls of a vector cannot fail: what did not fit into the query's memory reads as absent, and the next
 *          store_scan_next returns BOLE_E_LIMIT. So go on to the end before believing an answer.
 *
 * Owner:   the scan owns the vector and all it points to, until the next store_scan_next or store_scan_close.
 * Threads: the scan's.
 */
#ifndef STORE_VECTOR_H
#define STORE_VECTOR_H

#include "base/arena.h"
#include "record/batch.h"

#define VECTOR_ROWS_MAX 1024u

enum column_kind { COLUMN_ABSENT, COLUMN_CONST, COLUMN_PLAIN, COLUMN_DICT, COLUMN_LAZY };

/* A value whose ptr is NULL is absent from its row. */
struct column {
    enum column_kind  kind;
    const bole_slice *values;      /* CONST: [1]; PLAIN: [row_count]; DICT: [value_count] */
    const uint32_t   *ids;         /* DICT: [row_count], index into values */
    uint32_t          value_count; /* DICT */
    bole_slice (*get)(struct column *self, uint32_t row); /* LAZY: decodes one row; valid as long as the vector */
    void             *self;        /* LAZY: the store's */
};

static inline bole_slice column_get(struct column *c, uint32_t row)
{
    switch (c->kind) {
    case COLUMN_CONST: return c->values[0];
    case COLUMN_PLAIN: return c->values[row];
    case COLUMN_DICT: return c->values[c->ids[row]];
    case COLUMN_LAZY: return c->get(c, row);
    case COLUMN_ABSENT: break;
    }
    return (bole_slice){0};
}

struct vector {
    uint32_t        row_count;                      /* 1 .. VECTOR_ROWS_MAX */
    uint64_t        selected[VECTOR_ROWS_MAX / 64]; /* bit r: row r passed everything the store consumed */
    const int64_t  *time_ns;                        /* [row_count] */
    const uint64_t *seq;                            /* [row_count] */
    const uint32_t *stream;                         /* [row_count]; index for store_scan_stream, stable for the scan */
    struct column   line;                           /* ABSENT when not projected */
    /* Where the query has a reader of lines (line_shape.h) and the store could follow it: [value][row], ptr NULL: this line has
     * no such value. Rows whose bit is set in `whole` have their line instead. NULL: all lines are there. */
    const bole_slice *const *values;
    uint64_t        whole[VECTOR_ROWS_MAX / 64];
    const uint32_t
        *value_index; /* [row]: then it is [value][value_index[row]], and stays so for all vectors of one epoch; or NULL */
    uint32_t        value_epoch;
    bool            has_no_fields;                  /* certainly: none of the rows, or none that matters (only_fields) */
    struct scan    *scan;
    /* The fields ("structured metadata") of one row, in no promised order but that of several values of one key; the array
     * is valid until the next call. `field` gives the first value of a key. */
    size_t (*fields)(struct vector *v, uint32_t row, const struct batch_field **ret_fields);
    /* One field of all rows as a column; ABSENT when no row of the vector has it. Valid as long as the vector. */
    struct column (*field)(struct vector *v, bole_slice key);
};

static inline bool vector_is_selected(const struct vector *v, uint32_t row) { return v->selected[row / 64] >> (row % 64) & 1; }
static inline void vector_deselect(struct vector *v, uint32_t row) { v->selected[row / 64] &= ~(1ull << (row % 64)); }
void vector_select_all(struct vector *v); /* the first row_count bits, no others */

/* for (uint32_t r = vector_first(v); r < v->row_count; r = vector_next(v, r)) goes over the selected rows. */
static inline uint32_t vector_next_from(const struct vector *v, uint32_t row)
{
    for (uint32_t word = row / 64; word < VECTOR_ROWS_MAX / 64; word++) {
        uint64_t bits = v->selected[word] & (word == row / 64 ? ~0ull << (row % 64) : ~0ull);
        if (bits)
            return word * 64 + (uint32_t)__builtin_ctzll(bits);
    }
    return VECTOR_ROWS_MAX;
}
static inline uint32_t vector_first(const struct vector *v) { return vector_next_from(v, 0); }
static inline uint32_t vector_next(const struct vector *v, uint32_t row)
{
    return row + 1 < VECTOR_ROWS_MAX ? vector_next_from(v, row + 1) : VECTOR_ROWS_MAX;
}

#endif
