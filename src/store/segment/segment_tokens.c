#include "store/segment/segment_tokens.h"

#include "shim/regex.h"
#include "store/index/token_map.h"

static bole_status read_range(void *ctx, uint64_t offset, size_t len, uint8_t *ret_bytes, struct bole_err *err)
{
    const struct segment_directory *d = ctx;
    return objects_read(d->objects, bole_slice_str(d->key), d->tokens_section->offset + offset, len, ret_bytes, err);
}

/* Opened by whoever needs it first; several may try at once, one wins. */
static bole_status open_index(struct segment_directory *d, struct token_index **ret_index, struct bole_err *err)
{
    struct token_index *opened = atomic_load(&d->tokens), *none = NULL;
    if (!opened) {
        const struct token_source source = {.read = read_range, .ctx = d, .size = d->tokens_section->size};
        bole_status st = token_index_open(&source, &opened, err);
        if (st < 0)
            return st;
        if (!atomic_compare_exchange_strong(&d->tokens, &none, opened)) {
            token_index_close(opened);
            opened = none;
        }
    }
    *ret_index = opened;
    return BOLE_OK;
}

/* What every row that passes must hold. False: nothing that the index knows. */
static bool needle_of(const struct store_predicate *p, struct token_needle *ret_needle)
{
    *ret_needle = (struct token_needle){.text = p->value};
    switch (p->kind) {
    case PREDICATE_LINE_CONTAINS: break;
    case PREDICATE_LINE_MATCHES: ret_needle->text = regex_needle(p->regex); break;
    case PREDICATE_FIELD_EQ: ret_needle->closed_left = ret_needle->closed_right = true; break;
    default: return false;
    }
    return ret_needle->text.len > 0;
}

void segment_tokens_prune(struct segment *s, struct segment_directory *d, const struct store_query *q, uint64_t *groups,
                          struct store_scan_stats *stats)
{
    struct token_index *index = NULL;
    struct token_needle needle;
    struct bole_err err;
    bole_status st = BOLE_OK;
    for (size_t i = 0; st >= 0 && d->tokens_section && i < q->predicate_count; i++) {
        if (!needle_of(&q->predicates[i], &needle))
            continue;
        if (!index)
            st = open_index(d, &index, &err);
        if (st >= 0)
            st = token_index_prune(index, &needle, 1, groups, &err);
    }
    if (segment_is_damage(st)) {
        segment_note_damage(s, d->tokens_section->offset, &err);
        stats->bad_chunks++;
    }
}
