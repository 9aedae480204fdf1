/*
 * patterns.c - `| patterns`: what the lines look like (miner.h, as /loki/api/v1/patterns), how often, and one of them.
 *
 * Where lines go as they are stored from the store to here, few are built: of patterns that were found without, the first row is
 * remembered, and asked for once all are known.
 */
#include <stdio.h>
#include <stdlib.h>

#include "query/columns/mined_lines.h"
#include "query/set/set.h"

struct sought { /* an example */
    struct set_place      place;
    struct miner_pattern *pattern;
};

struct patterns {
    struct set_op      op;
    struct miner       miner;
    struct mined_lines lines;
    struct sought     *sought; /* [sought_count] by place once they are asked for */
    size_t             sought_count;
    bool               is_again;
};

static bole_status patterns_init(struct set_op *op, struct bole_err *err)
{
    struct patterns *p = (struct patterns *)op;
    bool ok = miner_init(&p->miner, op->x->request->budget, 1);
    p->miner.keeps_examples = true;
    p->sought = arena_array(op->x->arena, MINER_PATTERNS_MAX, sizeof *p->sought);
    ok = mined_lines_init(&p->lines, &p->miner, op->x->request->budget) && ok && p->sought;
    return ok ? BOLE_OK : query_out_of_memory(op->x->request, err);
}

static void patterns_needs(const struct set_op *op, struct set_needs *needs)
{
    needs->line = true;
}

static bole_status out_of_memory(const struct patterns *p, struct bole_err *err)
{
    return set_out_of_memory(&p->op, p->miner.pattern_count, "patterns", "filter earlier", err);
}

static int by_place(const void *a, const void *b)
{
    return set_place_cmp(((const struct sought *)a)->place, ((const struct sought *)b)->place);
}

static bole_status patterns_row(struct set_op *op, const struct set_row *row, struct bole_err *err)
{
    struct patterns *p = (struct patterns *)op;
    bole_slice line = row->row->line;
    if (!p->is_again)
        return miner_add(&p->miner, line, (bole_slice){0}, 0) ? BOLE_OK : out_of_memory(p, err);
    struct sought key = {.place = row->place}, *s = bsearch(&key, p->sought, p->sought_count, sizeof key, by_place);
    return !s || s->pattern->example.ptr || miner_set_example(&p->miner, s->pattern, line) ? BOLE_OK : out_of_memory(p, err);
}

static const struct line_reader *patterns_reader(struct set_op *op)
{
    return mined_lines_reader(&((struct patterns *)op)->lines);
}

static bole_status patterns_stored(struct set_op *op, struct vector *v, uint32_t row, struct bole_err *err)
{
    struct patterns *p = (struct patterns *)op;
    struct miner_pattern *found = mined_lines_add(&p->lines, v, row, (bole_slice){0}, 0);
    bole_slice line = found && !found->example.ptr ? mined_line(v, row) : (bole_slice){0};
    if (!found || (line.ptr && !miner_set_example(&p->miner, found, line)))
        return out_of_memory(p, err);
    if (found->total == 1 && !found->example.ptr)
        p->sought[p->sought_count++] = (struct sought){set_place_of(op->x, v->time_ns[row], v->seq[row]), found};
    return BOLE_OK;
}

static const struct set_place *patterns_again(struct set_op *op, size_t *ret_count)
{
    struct patterns *p = (struct patterns *)op;
    struct set_place *places = arena_array(op->x->arena, p->sought_count + 1, sizeof *places);
    size_t count = 0;
    for (size_t i = 0; i < p->sought_count; i++)
        if (!p->sought[i].pattern->example.ptr)
            p->sought[count++] = p->sought[i];
    p->sought_count = count;
    if (count)
        qsort(p->sought, count, sizeof *p->sought, by_place);
    for (size_t i = 0; places && i < count; i++)
        places[i] = p->sought[i].place;
    p->is_again = true;
    *ret_count = places ? count : 0;
    return places;
}

static bole_status patterns_finish(struct set_op *op, struct bole_err *err)
{
    struct patterns *p = (struct patterns *)op;
    size_t count;
    struct miner_pattern **ranked = miner_ranked(&p->miner, &count);
    bole_status st = ranked ? BOLE_OK : out_of_memory(p, err);
    for (size_t i = 0; st == BOLE_OK && i < count; i++) {
        char number[32];
        int len = snprintf(number, sizeof number, "%llu", (unsigned long long)ranked[i]->total);
        const struct set_cell cells[] = {{S("pattern"), ranked[i]->text},
                                         {S("count"), {(const uint8_t *)number, (size_t)len}},
                                         {S("example"), ranked[i]->example}};
        st = set_emit_table(op, i, cells, sizeof cells / sizeof *cells, err);
    }
    return st;
}

static void patterns_destroy(struct set_op *op)
{
    mined_lines_deinit(&((struct patterns *)op)->lines);
    miner_deinit(&((struct patterns *)op)->miner);
}

const struct set_type set_patterns = {
    .is_table = true, .size = sizeof(struct patterns), .init = patterns_init, .row = patterns_row, .finish = patterns_finish,
    .destroy = patterns_destroy, .needs = patterns_needs, .reader = patterns_reader, .stored = patterns_stored, .again = patterns_again,
};
