#include "query/matrix.h"

#include <stdlib.h>

#include "base/err.h"
#include "query/source.h"

bole_status eval_out_of_memory(const struct eval *e)
{
    return query_out_of_memory(e->request, e->err);
}

struct matrix_row *matrix_add(struct eval *e, struct matrix *m, const struct label *labels, size_t label_count)
{
    if (m->count == QUERY_SERIES_MAX) {
        bole_fail(e->err, BOLE_E_LIMIT,
                  "maximum number of series (%u) reached for a single query: aggregate by fewer labels, or "
                  "narrow the selector",
                  QUERY_SERIES_MAX);
        return NULL;
    }
    if (m->count == m->cap) {
        size_t cap = m->cap ? m->cap * 2 : 16;
        struct matrix_row *rows = arena_grow(e->arena, m->rows, m->cap * sizeof *rows, cap * sizeof *rows);
        if (!rows) {
            eval_out_of_memory(e);
            return NULL;
        }
        m->rows = rows;
        m->cap = cap;
    }
    struct matrix_row row = {labels, label_count, arena_array(e->arena, e->steps, sizeof *row.values),
                             arena_array(e->arena, e->steps / 64 + 1, sizeof *row.present)};
    if (!row.values || !row.present) {
        eval_out_of_memory(e);
        return NULL;
    }
    m->rows[m->count] = row;
    return &m->rows[m->count++];
}

int matrix_row_cmp(const struct matrix_row *a, const struct matrix_row *b)
{
    return label_set_cmp(a->labels, a->label_count, b->labels, b->label_count);
}

static int cmp_rows(const void *a, const void *b)
{
    return matrix_row_cmp(a, b);
}

void matrix_sort(struct matrix *m)
{
    if (m->count)
        qsort(m->rows, m->count, sizeof *m->rows, cmp_rows);
}

size_t labels_reduce(const struct label *labels, size_t count, const struct ast_pair *names, bool keep,
                     struct label *out)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        bool named = false;
        for (const struct ast_pair *name = names; name && !named; name = name->next)
            named = bole_slice_eq(name->name, labels[i].name);
        if (named == keep)
            out[n++] = labels[i];
    }
    return n;
}
