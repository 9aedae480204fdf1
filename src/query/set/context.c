/*
 * context.c - `| context 5`: the lines around each match in its stream, each line once, with a label `context` that says which
 * are matches.
 *
 * Matches are held; when all are known, their neighbours are asked for as any other lines are, newest or oldest first behind
 * the match's place, in the stream with exactly its labels: two short scans for each.
 */
#include "base/err.h"
#include "base/hash.h"
#include "query/labelset.h"
#include "query/set/kept.h"

enum { MATCHES_MAX = 5000, SLOTS_MIN = 64 };

struct context {
    struct set_op     op;
    struct kept       matches, shown;
    struct kept_row **slots; /* [slot_count] of shown, by place, open addressing */
    size_t            slot_count;
};

static bole_status context_init(struct set_op *op, struct bole_err *err)
{
    struct context *c = (struct context *)op;
    size_t most = op->limit < MATCHES_MAX ? op->limit : MATCHES_MAX + 1;
    bool ok = kept_init(&c->matches, op->x, most, NULL) && kept_init(&c->shown, op->x, SIZE_MAX, NULL);
    return ok ? BOLE_OK : query_out_of_memory(op->x->request, err);
}

static bole_status out_of_memory(const struct context *c, struct bole_err *err)
{
    return set_out_of_memory(&c->op, c->matches.count + c->shown.count, "lines with their context",
                             "ask for fewer lines or a smaller context", err);
}

static bole_status context_row(struct set_op *op, const struct set_row *row, struct bole_err *err)
{
    struct context *c = (struct context *)op;
    struct kept_row *out = NULL, *r;
    if (!row->row->base_count)
        return bole_fail(err, BOLE_E_INVALID, "context: the rows of a table have no stream: put it in front of stats and top");
    if (!kept_wants(&c->matches, NULL, row->place))
        return BOLE_OK;
    r = kept_make(&c->matches, row, NULL, (bole_slice){0});
    if (!r || !kept_push(&c->matches, r, &out)) {
        kept_drop(&c->matches, r);
        return out_of_memory(c, err);
    }
    kept_drop(&c->matches, out);
    if (c->matches.count > MATCHES_MAX)
        return bole_fail(err, BOLE_E_LIMIT, "context: more than %u matches: filter earlier, or ask for fewer lines", MATCHES_MAX);
    if (kept_is_full(&c->matches))
        set_bound(op, c->matches.at[0]->place);
    return BOLE_OK;
}

/* ---- what is shown ---- */

static struct kept_row **slot_of(const struct context *c, int64_t time_ns, uint64_t seq)
{
    const int64_t key[2] = {time_ns, (int64_t)seq};
    size_t i = hash64((bole_slice){(const uint8_t *)key, sizeof key}) & (c->slot_count - 1);
    while (c->slots[i] && (c->slots[i]->entry.time_ns != time_ns || c->slots[i]->entry.seq != seq))
        i = (i + 1) & (c->slot_count - 1);
    return &c->slots[i];
}

static bool grow(struct context *c)
{
    c->slot_count = c->slot_count ? 2 * c->slot_count : SLOTS_MIN;
    c->slots = arena_array(c->op.x->arena, c->slot_count, sizeof *c->slots);
    for (size_t i = 0; c->slots && i < c->shown.count; i++)
        *slot_of(c, c->shown.at[i]->entry.time_ns, c->shown.at[i]->entry.seq) = c->shown.at[i];
    return c->slots != NULL;
}

/* The row in x->row, unless it is there. False: no memory. */
static bool show(struct context *c, uint64_t seq, struct set_place place, bole_slice how)
{
    struct row *r = &c->op.x->row;
    struct set_row row = {.row = r, .seq = seq, .place = place};
    struct kept_row *out, *kept;
    if (2 * (c->shown.count + 1) > c->slot_count && !grow(c))
        return false;
    struct kept_row **slot = slot_of(c, r->time_ns, seq);
    if (*slot)
        return true;
    row_set(r, ORIGIN_PARSED, S("context"), how);
    kept = kept_make(&c->shown, &row, NULL, (bole_slice){0});
    if (!kept || !kept_push(&c->shown, kept, &out)) {
        kept_drop(&c->shown, kept);
        return false;
    }
    *slot = kept;
    return true;
}

/* ---- neighbours ---- */

/* The stream of a match: matchers for the index, and its canonical labels, which keep out what has more. */
struct stream_of {
    struct ast_matcher *matchers;
    struct buf          labels;
};

static bool name_stream(struct context *c, const struct kept_row *match, struct arena *arena, struct stream_of *ret)
{
    struct ast_matcher *m = arena_array(arena, match->base_count, sizeof *m);
    struct label *labels = arena_array(arena, match->base_count, sizeof *labels);
    size_t count = 0;
    buf_init(&ret->labels, c->op.x->request->budget);
    if (!m || !labels)
        return false;
    for (size_t i = 0; i < match->base_count; i++) {
        const struct row_label *l = &match->base[i];
        m[i] = (struct ast_matcher){.op = MATCH_EQ, .name = l->name, .value = l->value,
                                    .next = i + 1 < match->base_count ? &m[i + 1] : NULL};
        if (!bole_slice_eq(l->name, LABEL_TENANT) || c->op.x->request->tenant_count < 2)
            labels[count++] = (struct label){l->name, l->value};
    }
    ret->matchers = m;
    return labels_encode(labels, count, &ret->labels, NULL) == BOLE_OK && !ret->labels.failed;
}

/* Shows the rows of a result; all are of the match's stream. */
static bool show_result(struct context *c, const struct kept_row *match, const struct query_result *result)
{
    struct set_exec *x = c->op.x;
    for (size_t i = 0; i < result->stream_count; i++)
        for (size_t k = 0; k < result->streams[i].entry_count; k++) {
            struct kept_row neighbour = {
                .entry = result->streams[i].entries[k], .base = match->base, .base_count = match->base_count};
            kept_load(x, &neighbour);
            if (!show(c, neighbour.entry.seq, set_place_of(x, neighbour.entry.time_ns, neighbour.entry.seq), S("around")))
                return false;
        }
    return true;
}

/* The next `count` rows behind the match in one direction, inside of the asked range. */
static bole_status ask(struct context *c, const struct kept_row *match, const struct stream_of *stream,
                       enum store_direction direction, uint32_t count, struct bole_err *err)
{
    struct set_exec *x = c->op.x;
    struct query_place after = {match->entry.time_ns, match->entry.seq};
    struct query_request request = *x->request;
    struct query_result result = {0};
    struct expr e = {.kind = EXPR_LOG, .log = {.matchers = stream->matchers}};
    if (!count)
        return BOLE_OK;
    request.stream = buf_slice(&stream->labels);
    request.limit = count;
    request.direction = direction;
    request.after = &after;
    request.interval_ns = 0;
    if (direction == FORWARD)
        request.start_ns = after.time_ns;
    else
        request.end_ns = after.time_ns + 1;
    arena_init(&result.arena, request.budget);
    bole_status st = exec_log(&e, &request, x->view, &result, err);
    if (st == BOLE_OK && !show_result(c, match, &result))
        st = out_of_memory(c, err);
    x->stats->rows_scanned += result.stats.rows_scanned;
    x->stats->bytes_scanned += result.stats.bytes_scanned;
    x->stats->bad_chunks = result.stats.bad_chunks > x->stats->bad_chunks ? result.stats.bad_chunks : x->stats->bad_chunks;
    log_entries_destroy(result.log);
    arena_deinit(&result.arena);
    return st;
}

static bole_status show_around(struct context *c, const struct kept_row *match, struct bole_err *err)
{
    struct arena arena;
    struct stream_of stream;
    arena_init(&arena, c->op.x->request->budget);
    bole_status st = name_stream(c, match, &arena, &stream) ? BOLE_OK : out_of_memory(c, err);
    if (st == BOLE_OK)
        st = ask(c, match, &stream, BACKWARD, c->op.set->before, err);
    if (st == BOLE_OK)
        st = ask(c, match, &stream, FORWARD, c->op.set->after, err);
    buf_deinit(&stream.labels);
    arena_deinit(&arena);
    return st;
}

static bole_status context_finish(struct set_op *op, struct bole_err *err)
{
    struct context *c = (struct context *)op;
    bole_status st = BOLE_OK;
    kept_sort(&c->matches);
    for (size_t i = 0; i < c->matches.count && st == BOLE_OK; i++) { /* so that they are known as matches */
        struct kept_row *m = c->matches.at[i];
        kept_load(op->x, m);
        if (!show(c, m->entry.seq, m->place, S("match")))
            st = out_of_memory(c, err);
    }
    for (size_t i = 0; i < c->matches.count && st == BOLE_OK; i++)
        st = show_around(c, c->matches.at[i], err);
    return st == BOLE_OK ? kept_emit_all(op, &c->shown, err) : st;
}

static void context_destroy(struct set_op *op)
{
    struct context *c = (struct context *)op;
    kept_deinit(&c->matches);
    kept_deinit(&c->shown);
}

const struct set_type set_context = {
    .size = sizeof(struct context),
    .init = context_init,
    .row = context_row,
    .finish = context_finish,
    .destroy = context_destroy,
};
