#include "store/scan/stream_table.h"

#include "base/err.h"
#include "base/hash.h"
#include "record/labels.h"

void stream_table_init(struct stream_table *t, struct arena *arena, const struct store_matcher *matchers,
                       size_t matcher_count)
{
    *t = (struct stream_table){.arena = arena, .matchers = matchers, .matcher_count = matcher_count, .compares = true};
    for (size_t i = 0; i < matcher_count; i++)
        t->compares = t->compares && (matchers[i].op == MATCH_EQ || matchers[i].op == MATCH_NE);
}

static struct stream_entry *slot_of(const struct stream_table *t, uint64_t hash, bole_slice labels)
{
    uint32_t mask = t->slot_count - 1, at = (uint32_t)hash & mask;
    while (t->slots[at].labels.ptr && !(t->slots[at].hash == hash && bole_slice_eq(t->slots[at].labels, labels)))
        at = (at + 1) & mask;
    return &t->slots[at];
}

/* The old table stays in the arena: all of them together are smaller than the new one. */
static bool grow_slots(struct stream_table *t)
{
    struct stream_table old = *t;
    t->slot_count = old.slot_count ? old.slot_count * 2 : 32;
    t->slots = arena_array(t->arena, t->slot_count, sizeof *t->slots);
    if (!t->slots) {
        *t = old;
        return false;
    }
    for (uint32_t i = 0; i < old.slot_count; i++)
        if (old.slots[i].labels.ptr)
            *slot_of(t, old.slots[i].hash, old.slots[i].labels) = old.slots[i];
    return true;
}

static bool grow_labels(struct stream_table *t)
{
    uint32_t capacity = t->capacity ? t->capacity * 2 : 16;
    bole_slice *labels = arena_grow(t->arena, t->labels, t->capacity * sizeof *labels, capacity * sizeof *labels);
    bool *has_label = arena_grow(t->arena, t->has_label, t->capacity * sizeof *has_label, capacity * sizeof *has_label);
    if (!labels || !has_label)
        return false;
    t->labels = labels;
    t->has_label = has_label;
    t->capacity = capacity;
    return true;
}

bole_status stream_table_find(struct stream_table *t, bole_slice labels, uint32_t *ret_index, struct bole_err *err)
{
    if (t->compares && !store_matches(labels, t->matchers, t->matcher_count)) {
        *ret_index = STREAM_NONE;
        return BOLE_OK;
    }
    uint64_t hash = hash64(labels);
    if (t->used * 2 < t->slot_count) {
        const struct stream_entry *known = slot_of(t, hash, labels);
        if (known->labels.ptr) {
            *ret_index = known->index;
            return BOLE_OK;
        }
    }
    bole_slice copy = arena_copy(t->arena, labels);
    if (!copy.ptr || (t->used * 2 >= t->slot_count && !grow_slots(t)) || (t->count == t->capacity && !grow_labels(t)))
        return bole_fail(err, BOLE_E_LIMIT, "the streams of this query do not fit into its memory limit");
    struct stream_entry *entry = slot_of(t, hash, labels);
    if (!entry->labels.ptr) { /* it was there when the table had to grow first */
        *entry = (struct stream_entry){hash, copy, STREAM_NONE};
        t->used++;
        if (store_matches(copy, t->matchers, t->matcher_count)) {
            entry->index = t->count;
            t->has_label[t->count] = t->label.ptr && labels_find(copy, t->label).ptr;
            t->labels[t->count++] = copy;
        }
    }
    *ret_index = entry->index;
    return BOLE_OK;
}
