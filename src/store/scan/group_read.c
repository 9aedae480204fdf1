#include "store/scan/group_read.h"

#include <stdlib.h>

#include "base/err.h"
#include "store/scan/group_removal.h"
#include "store/scan/group_fields.h"

struct group_reader {
    struct scan scan; /* what vectors point to; nobody asks it for streams */
    struct store_query query;
    struct scan_context ctx;
    struct group_scan group;
    uint64_t rows_left;
};

struct group_reader *group_reader_create(struct objects *objects, struct budget *budget)
{
    struct group_reader *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    struct scan_context *ctx = &r->ctx;
    r->query = (struct store_query){.projection = PROJECT_LINE | PROJECT_FIELDS, .direction = FORWARD,
                                    .budget = budget};
    ctx->query = &r->query;
    ctx->bound_ns = INT64_MAX;
    ctx->needs_lines = ctx->needs_seqs = ctx->takes_all = true;
    arena_init(&ctx->arena, budget);
    arena_init(&ctx->vector_arena, budget);
    buf_init(&ctx->row_fields, budget);
    group_scan_init(&r->group, ctx, &r->scan, objects);
    return r;
}

void group_reader_destroy(struct group_reader *r)
{
    if (!r)
        return;
    group_scan_deinit(&r->group);
    buf_deinit(&r->ctx.row_fields);
    arena_deinit(&r->ctx.vector_arena);
    arena_deinit(&r->ctx.arena);
    free(r);
}

/* What a scan sets aside is a failure here. */
static bole_status refuse_damage(const struct group_reader *r, const char *key, uint32_t group, struct bole_err *err)
{
    if (r->ctx.stats.bad_chunks == 0 && r->rows_left == 0)
        return BOLE_OK;
    return bole_fail(err, BOLE_E_CORRUPT, "segment %s: row group %u is damaged", key, group);
}

bole_status group_reader_open(struct group_reader *r, struct segment *segment, struct segment_directory *directory,
                              uint32_t group, struct bole_err *err)
{
    r->ctx.stats = (struct store_scan_stats){0};
    r->ctx.deferred = BOLE_OK;
    r->rows_left = directory->groups[group].row_count;
    bole_status st = group_scan_open(&r->group, segment, segment_directory_ref(directory), group, err);
    return st == BOLE_END ? refuse_damage(r, segment->key_text, group, err) : st;
}

bole_status group_reader_next(struct group_reader *r, struct vector **ret_vector, struct bole_err *err)
{
    if (!r->group.group)
        return BOLE_END;
    const struct segment *segment = r->group.segment;
    uint32_t group = (uint32_t)(r->group.group - r->group.directory->groups);
    if (r->ctx.deferred < 0)
        return bole_fail(err, r->ctx.deferred, "%s", r->ctx.deferred_err.msg);
    bole_status st = group_scan_next(&r->group, err);
    if (st < 0)
        return st;
    if (st == BOLE_OK)
        r->rows_left -= r->ctx.vector.row_count; /* all of them are selected */
    if (st == BOLE_END || r->ctx.stats.bad_chunks) {
        bole_status damage = refuse_damage(r, segment->key_text, group, err);
        if (damage < 0)
            return damage;
    }
    *ret_vector = &r->ctx.vector;
    return st;
}

bole_status group_reader_pieces(struct group_reader *r, struct segment *segment, struct segment_directory *directory,
                                uint32_t group, text_piece_fn *fn, void *ctx, bool *ret_cuts, struct bole_err *err)
{
    bole_status st = group_reader_open(r, segment, directory, group, err);
    if (st < 0)
        return st;
    st = text_pieces(r->group.text, fn, ctx, err);
    if (st >= 0)
        st = group_fields_pieces(&r->group, fn, ctx, err);
    *ret_cuts = st >= 0 && text_cuts(r->group.text);
    group_scan_close(&r->group);
    return st == BOLE_END ? refuse_damage(r, segment->key_text, group, err) : st;
}

bole_status group_reader_find(struct group_reader *r, const struct removal *removal, uint64_t **ret_bits, struct bole_err *err)
{
    struct group_scan *g = &r->group;
    uint64_t *bits = arena_array(&g->arena, group_scan_words(g), sizeof *bits);
    if (!bits)
        return bole_fail(err, BOLE_E_LIMIT, "a row group does not fit into the memory limit");
    uint32_t group = (uint32_t)(g->group - g->directory->groups);
    const char *key = g->segment->key_text;
    bole_status st = group_removal_find(g, removal, bits, err);
    if (st == BOLE_END)
        return bole_fail(err, BOLE_E_CORRUPT, "segment %s: row group %u is damaged", key, group);
    *ret_bits = bits;
    return st;
}

void group_reader_close(struct group_reader *r)
{
    group_scan_close(&r->group);
}

uint32_t group_reader_first_row(const struct group_reader *r)
{
    return r->group.first_row;
}
