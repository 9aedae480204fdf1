/*
 * loki_volume.c - see loki_volume.h.
 */
#include "serve/loki_volume.h"

#include <stdlib.h>

#include "base/err.h"
#include "record/labels.h"
#include "serve/loki_json.h"

void loki_volume_init(struct loki_volume *v, struct budget *budget, uint32_t bucket_count)
{
    *v = (struct loki_volume){.bucket_count = bucket_count};
    loki_set_init(&v->set, budget);
    buf_init(&v->key, budget);
}

void loki_volume_deinit(struct loki_volume *v)
{
    loki_set_deinit(&v->set);
    buf_deinit(&v->key);
}

static size_t count_targets(bole_slice text)
{
    size_t count = 0;
    while (text.len)
        count += bole_slice_trim(bole_slice_cut(text, ',', &text)).len > 0;
    return count;
}

bole_status loki_volume_choose(struct loki_volume *v, const struct store_matcher *matchers, size_t matcher_count,
                               bole_slice target_labels, bole_slice aggregate_by, struct bole_err *err)
{
    if (aggregate_by.len && !bole_slice_eq(aggregate_by, S("series")) && !bole_slice_eq(aggregate_by, S("labels")))
        return bole_fail(err, BOLE_E_INVALID, "invalid aggregation option");
    v->by_labels = bole_slice_eq(aggregate_by, S("labels"));
    size_t targets = count_targets(target_labels);
    v->targeted = targets > 0;
    v->all_names = !targets && (!matcher_count || v->by_labels);
    v->names = arena_array(&v->set.arena, targets ? targets : matcher_count, sizeof *v->names);
    if (!v->names)
        return bole_fail(err, BOLE_E_LIMIT, "the answer needs more memory than one query may use");
    for (size_t i = 0; !targets && i < matcher_count; i++)
        v->names[v->name_count++] = matchers[i].name;
    while (targets && target_labels.len) {
        bole_slice name = bole_slice_trim(bole_slice_cut(target_labels, ',', &target_labels));
        if (name.len)
            v->names[v->name_count++] = name;
    }
    return BOLE_OK;
}

static bool is_chosen(const struct loki_volume *v, bole_slice name)
{
    for (size_t i = 0; i < v->name_count; i++)
        if (bole_slice_eq(v->names[i], name))
            return true;
    return v->all_names;
}

static bool has_targets(const struct loki_volume *v, bole_slice labels)
{
    for (size_t i = 0; v->targeted && i < v->name_count; i++)
        if (!labels_find(labels, v->names[i]).ptr)
            return false;
    return true;
}

static bole_status add_to_key(struct loki_volume *v, uint32_t bucket, uint64_t bytes)
{
    struct loki_set_item *item = v->key.failed ? NULL : loki_set_get(&v->set, buf_slice(&v->key));
    if (item && !item->data)
        item->data = arena_array(&v->set.arena, v->bucket_count, sizeof(uint64_t));
    if (!item || !item->data)
        return BOLE_E_LIMIT;
    item->bytes += bytes;
    if (bucket < v->bucket_count)
        ((uint64_t *)item->data)[bucket] += bytes;
    return BOLE_OK;
}

static void put_label(struct buf *key, bole_slice name, bole_slice value, bool first)
{
    if (!first)
        buf_put_u8(key, ',');
    buf_put_json(key, name, true);
    buf_put_u8(key, ':');
    buf_put_json(key, value, true);
}

/* {"host":""}: the name alone, its value empty. */
static bole_status add_names(struct loki_volume *v, bole_slice labels, uint32_t bucket, uint64_t bytes)
{
    struct reader r = reader_of(labels);
    struct label label;
    bole_status st = BOLE_OK;
    while (st == BOLE_OK && labels_next(&r, &label)) {
        if (!is_chosen(v, label.name))
            continue;
        buf_reset(&v->key);
        buf_put_u8(&v->key, '{');
        put_label(&v->key, label.name, S(""), true);
        buf_put_u8(&v->key, '}');
        st = add_to_key(v, bucket, bytes);
    }
    return st;
}

bole_status loki_volume_add(struct loki_volume *v, bole_slice labels, uint32_t bucket, uint64_t bytes)
{
    if (!has_targets(v, labels))
        return BOLE_OK;
    if (v->by_labels)
        return add_names(v, labels, bucket, bytes);
    struct reader r = reader_of(labels);
    struct label label;
    bool first = true;
    buf_reset(&v->key);
    buf_put_u8(&v->key, '{');
    while (labels_next(&r, &label))
        if (is_chosen(v, label.name)) {
            put_label(&v->key, label.name, label.value, first);
            first = false;
        }
    buf_put_u8(&v->key, '}');
    return add_to_key(v, bucket, bytes);
}

static int compare_volumes(const void *a, const void *b)
{
    const struct loki_set_item *const *x = a, *const *y = b;
    if ((*x)->bytes != (*y)->bytes)
        return (*x)->bytes < (*y)->bytes ? 1 : -1;
    return bole_slice_cmp((*x)->key, (*y)->key);
}

/* The largest first. NULL: no memory. */
static struct loki_set_item **rank(struct loki_volume *v, uint64_t limit, size_t *ret_count)
{
    struct loki_set_item **items = loki_set_sorted(&v->set);
    if (items && v->set.count)
        qsort(items, v->set.count, sizeof *items, compare_volumes);
    *ret_count = items ? v->set.count < limit ? v->set.count : (size_t)limit : 0;
    return items;
}

static void put_end(const struct loki_volume *v, size_t count, struct buf *out)
{
    buf_put_str(out, "],\"stats\":");
    loki_put_stats(out, &(struct loki_stats){.exec_ns = v->exec_ns, .entries_returned = count});
    buf_put_str(out, "}}");
}

void loki_volume_write_vector(struct loki_volume *v, uint64_t limit, int64_t time_ns, struct buf *out)
{
    size_t count;
    struct loki_set_item **items = rank(v, limit, &count);
    buf_put_str(out, "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[");
    for (size_t i = 0; i < count; i++) {
        buf_put_str(out, i ? ",{\"metric\":" : "{\"metric\":");
        buf_put(out, items[i]->key);
        buf_put_str(out, ",\"value\":");
        loki_put_sample(out, time_ns, (double)items[i]->bytes);
        buf_put_u8(out, '}');
    }
    put_end(v, count, out);
    out->failed |= !items;
}

/* Does any series have more than one sample? If not, Loki's answer over a range is a vector. */
static bool has_two_samples(const struct loki_volume *v, struct loki_set_item *const *items)
{
    for (size_t i = 0; i < v->set.count; i++) {
        const uint64_t *bytes = items[i]->data;
        uint32_t n = 0;
        for (uint32_t k = 0; k < v->bucket_count; k++)
            n += bytes[k] != 0;
        if (n > 1)
            return true;
    }
    return false;
}

void loki_volume_write_range(struct loki_volume *v, uint64_t limit, int64_t first_ns, int64_t step_ns, int64_t end_ns,
                              struct buf *out)
{
    size_t count;
    struct loki_set_item **items = rank(v, limit, &count);
    bool is_matrix = items && has_two_samples(v, items);
    buf_put_str(out, "{\"status\":\"success\",\"data\":{\"resultType\":");
    buf_put_str(out, is_matrix ? "\"matrix\",\"result\":[" : "\"vector\",\"result\":[");
    for (size_t i = 0; i < count; i++) {
        uint64_t *bytes = items[i]->data;
        bool first = true;
        buf_put_str(out, i ? ",{\"metric\":" : "{\"metric\":");
        buf_put(out, items[i]->key);
        buf_put_str(out, is_matrix ? ",\"values\":[" : ",\"value\":");
        for (uint32_t k = 0; k < v->bucket_count; k++) {
            if (!bytes[k])
                continue;
            __int128 next_ns = first_ns + ((__int128)k + 1) * step_ns;
            if (!first)
                buf_put_u8(out, ',');
            loki_put_sample(out, next_ns < end_ns ? (int64_t)next_ns - NS_PER_MS : end_ns, (double)bytes[k]);
            first = false;
        }
        buf_put_str(out, is_matrix ? "]}" : "}");
    }
    put_end(v, count, out);
    out->failed |= !items;
}
