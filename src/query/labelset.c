#include "query/labelset.h"

#include <stdlib.h>

#include "base/hash.h"
#include "query/parser.h"

uint64_t label_set_hash(const struct label *labels, size_t count)
{
    uint64_t h = count;
    for (size_t i = 0; i < count; i++)
        h = hash64_seed(labels[i].value, hash64_seed(labels[i].name, h));
    return h;
}

bool label_set_eq(const struct label *a, size_t a_count, const struct label *b, size_t b_count)
{
    if (a_count != b_count)
        return false;
    for (size_t i = 0; i < a_count; i++)
        if (!bole_slice_eq(a[i].name, b[i].name) || !bole_slice_eq(a[i].value, b[i].value))
            return false;
    return true;
}

int label_set_cmp(const struct label *a, size_t a_count, const struct label *b, size_t b_count)
{
    for (size_t i = 0; i < a_count && i < b_count; i++) {
        int c = bole_slice_cmp(a[i].name, b[i].name);
        c = c ? c : bole_slice_cmp(a[i].value, b[i].value);
        if (c)
            return c;
    }
    return (a_count > b_count) - (a_count < b_count);
}

const struct label *label_set_find(const struct label *labels, size_t count, bole_slice name)
{
    for (size_t i = 0; i < count; i++)
        if (bole_slice_eq(labels[i].name, name))
            return &labels[i];
    return NULL;
}

static int cmp_labels(const void *a, const void *b)
{
    return bole_slice_cmp(((const struct label *)a)->name, ((const struct label *)b)->name);
}

static int cmp_row_labels(const void *a, const void *b)
{
    return bole_slice_cmp(((const struct row_label *)a)->name, ((const struct row_label *)b)->name);
}

size_t labels_drop_empty(struct label *labels, size_t count)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        if (labels[i].value.len)
            labels[n++] = labels[i];
    return n;
}

enum { INSERTION_MAX = 24 }; /* most sets are small and nearly sorted */

void labels_sort(struct label *labels, size_t count)
{
    if (count > INSERTION_MAX) {
        qsort(labels, count, sizeof *labels, cmp_labels);
        return;
    }
    for (size_t i = 1; i < count; i++) {
        struct label l = labels[i];
        size_t j = i;
        for (; j && bole_slice_cmp(labels[j - 1].name, l.name) > 0; j--)
            labels[j] = labels[j - 1];
        labels[j] = l;
    }
}

void row_labels_sort(struct row_label *labels, size_t count)
{
    if (count)
        qsort(labels, count, sizeof *labels, cmp_row_labels);
}

static size_t find_slot(const struct label_sets *s, const struct label *labels, size_t count, uint64_t hash)
{
    size_t at = hash & (s->slot_count - 1);
    for (; s->slots[at]; at = (at + 1) & (s->slot_count - 1)) {
        const struct label_set *set = &s->sets[s->slots[at] - 1];
        if (set->hash == hash && label_set_eq(set->labels, set->count, labels, count))
            break;
    }
    return at;
}

static bool grow(struct label_sets *s)
{
    size_t cap = s->cap ? s->cap * 2 : 16;
    struct label_set *sets = arena_grow(s->arena, s->sets, s->cap * sizeof *sets, cap * sizeof *sets);
    uint32_t *slots = arena_array(s->arena, cap * 2, sizeof *slots);
    if (!sets || !slots)
        return false;
    s->sets = sets;
    s->cap = cap;
    s->slots = slots;
    s->slot_count = cap * 2;
    for (size_t i = 0; i < s->count; i++)
        s->slots[find_slot(s, sets[i].labels, sets[i].count, sets[i].hash)] = (uint32_t)i + 1;
    return true;
}

/* One block: the array, then all texts. */
static const struct label *copy_labels(struct arena *arena, const struct label *labels, size_t count)
{
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += labels[i].name.len + labels[i].value.len;
    struct label *copy = arena_alloc(arena, count * sizeof *copy + bytes);
    uint8_t *p = (uint8_t *)(copy + count);
    for (size_t i = 0; copy && i < count; i++) {
        bole_slice *from[] = {&copy[i].name, &copy[i].value};
        copy[i] = labels[i];
        for (size_t k = 0; k < 2; k++) {
            if (from[k]->len)
                memcpy(p, from[k]->ptr, from[k]->len);
            from[k]->ptr = p;
            p += from[k]->len;
        }
    }
    return copy;
}

uint32_t label_sets_find(const struct label_sets *s, const struct label *labels, size_t count)
{
    return s->count ? s->slots[find_slot(s, labels, count, label_set_hash(labels, count))] - 1 : LABEL_SET_NONE;
}

uint32_t label_sets_intern(struct label_sets *s, const struct label *labels, size_t count)
{
    if (s->count == s->cap && !grow(s))
        return LABEL_SET_NONE;
    uint64_t hash = label_set_hash(labels, count);
    size_t slot = find_slot(s, labels, count, hash);
    if (s->slots[slot])
        return s->slots[slot] - 1;
    struct label_set set = {copy_labels(s->arena, labels, count), count, hash};
    if (!set.labels)
        return LABEL_SET_NONE;
    s->sets[s->count++] = set;
    s->slots[slot] = (uint32_t)s->count;
    return (uint32_t)s->count - 1;
}

void label_set_print(const struct label *labels, size_t count, struct buf *out)
{
    buf_put_u8(out, '{');
    for (size_t i = 0; i < count; i++) {
        buf_put_str(out, i ? ", " : "");
        buf_put(out, labels[i].name);
        buf_put_u8(out, '=');
        ast_print_string(labels[i].value, out);
    }
    buf_put_u8(out, '}');
}
