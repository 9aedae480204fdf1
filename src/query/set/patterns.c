/* patterns.c - `| patterns`: what the lines look like (miner.h, as /loki/api/v1/patterns), how often, and one of them. */
#include <stdio.h>

#include "query/miner.h"
#include "query/set/set.h"

struct patterns {
    struct set_op op;
    struct miner  miner;
};

static bole_status patterns_init(struct set_op *op, struct bole_err *err)
{
    struct patterns *p = (struct patterns *)op;
    bool ok = miner_init(&p->miner, op->x->request->budget, 1);
    p->miner.keeps_examples = true;
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

static bole_status patterns_row(struct set_op *op, const struct set_row *row, struct bole_err *err)
{
    struct patterns *p = (struct patterns *)op;
    return miner_add(&p->miner, row->row->line, (bole_slice){0}, 0) ? BOLE_OK : out_of_memory(p, err);
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
    miner_deinit(&((struct patterns *)op)->miner);
}

const struct set_type set_patterns = {
    .is_table = true, .size = sizeof(struct patterns), .init = patterns_init, .row = patterns_row, .finish = patterns_finish,
    .destroy = patterns_destroy, .needs = patterns_needs,
};
