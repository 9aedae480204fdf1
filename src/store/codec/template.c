#include "store/codec/template.h"

#include <stdlib.h>

#include "store/codec/array.h"
#include "store/codec/mix.h"

void template_table_init(struct template_table *t)
{
    *t = (struct template_table){0};
}

void template_table_deinit(struct template_table *t)
{
    free(t->list);
    free(t->pieces);
    free(t->keys);
    template_tree_deinit(&t->tree);
    free(t->columns);
    buf_deinit(&t->text);
    free(t->index);
    template_table_init(t);
}

void template_table_reset(struct template_table *t)
{
    t->count = t->piece_count = t->slot_count = 0;
    template_tree_reset(&t->tree);
    t->no_memory = false;
    buf_reset(&t->text);
    if (t->index)
        memset(t->index, 0, t->index_size * sizeof *t->index);
}

/* ---- hash of the literals ---- */

static uint64_t hash_line(bole_slice line, const struct split_slot *slots, uint32_t slot_count)
{
    uint64_t h = slot_count;
    size_t at = 0;
    for (uint32_t i = 0; i < slot_count; i++) {
        h = mix_bytes(h, line.ptr + at, slots[i].offset - at);
        at = slots[i].offset + slots[i].len;
    }
    return mix_bytes(h, line.ptr + at, line.len - at);
}

static inline bool equal(const uint8_t *a, const uint8_t *b, size_t len) /* literals are short */
{
    for (; len >= 8; a += 8, b += 8, len -= 8)
        if (load_u64(a) != load_u64(b))
            return false;
    for (; len; a++, b++, len--)
        if (*a != *b)
            return false;
    return true;
}

static bool has_template(const struct template_table *t, uint32_t number, bole_slice line, const struct split_slot *slots,
                         uint32_t slot_count)
{
    const struct template *p = &t->list[number];
    if (p->slot_count != slot_count)
        return false;
    const uint32_t *pieces = t->pieces + p->piece_at;
    const uint8_t *text = t->text.ptr + p->text_at;
    size_t at = 0;
    for (uint32_t i = 0; i <= slot_count; i++) {
        size_t end = i < slot_count ? slots[i].offset : line.len;
        if (end - at != pieces[i] || !equal(line.ptr + at, text, end - at))
            return false;
        text += pieces[i];
        at = i < slot_count ? end + slots[i].len : end;
    }
    return true;
}

/* ---- interning ---- */

enum { PROBES_MAX = 64 }; /* more are lines made to collide */

static bool index_grow(uint32_t **index, uint32_t *size, uint32_t need)
{
    if (need * 2ull <= *size)
        return true;
    uint32_t more = *size ? *size : 256;
    while (more < need * 4ull)
        more *= 2;
    uint32_t *grown = calloc(more, sizeof *grown);
    if (!grown)
        return false;
    free(*index);
    *index = grown;
    *size = more;
    return true;
}

static bool reserve(struct template_table *t, uint32_t slot_count, size_t text_len)
{
    uint32_t old_size = t->index_size;
    if (!array_reserve(&t->list, &t->cap, t->count + 1ull, sizeof *t->list) ||
        !array_reserve(&t->pieces, &t->piece_cap, t->piece_count + slot_count + 1ull, sizeof *t->pieces) ||
        !array_reserve(&t->keys, &t->key_cap, (size_t)t->slot_count + slot_count, sizeof *t->keys) ||
        !array_reserve(&t->columns, &t->column_of_cap, (size_t)t->slot_count + slot_count, sizeof *t->columns) ||
        !buf_reserve(&t->text, text_len) || t->text.len + text_len > UINT32_MAX ||
        !index_grow(&t->index, &t->index_size, t->count + 1))
        return false;
    if (t->index_size != old_size)
        for (uint32_t i = 0; i < t->count; i++) {
            uint32_t at = (uint32_t)t->list[i].hash & (t->index_size - 1);
            while (t->index[at])
                at = (at + 1) & (t->index_size - 1);
            t->index[at] = i + 1;
        }
    return true;
}

static uint32_t add(struct template_table *t, const struct splitter *s, bole_slice line, uint32_t slot_count, uint64_t hash)
{
    size_t values_len = 0;
    for (uint32_t i = 0; i < slot_count; i++)
        values_len += s->slots[i].len;
    if (!reserve(t, slot_count, line.len - values_len)) {
        t->no_memory = true;
        return TEMPLATE_NONE;
    }
    t->list[t->count] = (struct template){hash, slot_count, t->piece_count, t->slot_count, (uint32_t)t->text.len,
                                          (uint32_t)(line.len - values_len), 0};
    size_t at = 0;
    for (uint32_t i = 0; i <= slot_count; i++) {
        size_t end = i < slot_count ? s->slots[i].offset : line.len;
        t->pieces[t->piece_count++] = (uint32_t)(end - at);
        buf_put(&t->text, bole_slice_from(line.ptr + at, end - at));
        if (i < slot_count) {
            t->keys[t->slot_count++] = s->keys[i];
            at = end + s->slots[i].len;
        }
    }
    return t->count++;
}

static uint32_t find_or_add(struct template_table *t, struct splitter *s, bole_slice line, uint32_t slot_count, uint32_t limit)
{
    uint64_t hash = hash_line(line, s->slots, slot_count);
    if (t->index_size) {
        uint32_t mask = t->index_size - 1;
        unsigned probes = 0;
        for (uint32_t at = (uint32_t)hash & mask; t->index[at]; at = (at + 1) & mask) {
            uint32_t number = t->index[at] - 1;
            if (++probes > PROBES_MAX)
                return TEMPLATE_NONE;
            if (t->list[number].hash == hash && has_template(t, number, line, s->slots, slot_count))
                return number;
        }
    }
    if (t->count >= limit || t->no_memory)
        return TEMPLATE_NONE;
    split_keys(s, line, slot_count);
    uint32_t number = add(t, s, line, slot_count, hash);
    if (number == TEMPLATE_NONE)
        return number;
    uint32_t at = (uint32_t)hash & (t->index_size - 1);
    while (t->index[at])
        at = (at + 1) & (t->index_size - 1);
    t->index[at] = number + 1;
    return number;
}

uint32_t template_guess(struct template_table *t, struct splitter *s, bole_slice line, uint32_t *ret_slot_count)
{
    uint32_t number = template_tree_find(&t->tree, s, line, t->text.ptr, ret_slot_count);
    if (number != TEMPLATE_NONE)
        t->list[number].rows++;
    return number;
}

uint32_t template_intern(struct template_table *t, struct splitter *s, bole_slice line, uint32_t slot_count, uint32_t limit)
{
    uint32_t number = find_or_add(t, s, line, slot_count, limit);
    if (number == TEMPLATE_NONE)
        return number;
    struct template *p = &t->list[number];
    p->rows++;
    if (s->how != SPLIT_NUMBERS) /* those are never guessed */
        template_tree_add(&t->tree, s, line, slot_count, t->text.ptr, p->text_at, t->pieces + p->piece_at, number);
    return number;
}

/* ---- columns ---- */

void column_table_deinit(struct column_table *c)
{
    free(c->list);
    free(c->index);
    *c = (struct column_table){0};
}

void column_table_reset(struct column_table *c)
{
    c->count = 0;
    if (c->index)
        memset(c->index, 0, c->index_size * sizeof *c->index);
}

static uint32_t column_place(const struct column_table *c, uint64_t key)
{
    uint32_t at = (uint32_t)mix(key, 0) & (c->index_size - 1);
    while (c->index[at] && c->list[c->index[at] - 1].key != key)
        at = (at + 1) & (c->index_size - 1);
    return at;
}

static bool column_reserve(struct column_table *c)
{
    uint32_t old_size = c->index_size;
    if (!array_reserve(&c->list, &c->cap, c->count + 1ull, sizeof *c->list) ||
        !index_grow(&c->index, &c->index_size, c->count + 1))
        return false;
    if (c->index_size != old_size)
        for (uint32_t i = 0; i < c->count; i++)
            c->index[column_place(c, c->list[i].key)] = i + 1;
    return true;
}

uint32_t column_table_add(struct column_table *c, uint32_t count)
{
    if (!column_reserve(c))
        return UINT32_MAX;
    c->list[c->count] = (struct column){.count = count, .last_template = TEMPLATE_NONE};
    return c->count++;
}

/* The column with this key that the template has not used yet. The second slot of a key in one template has another column:
 * its key is that of the first and the occurrence. */
static uint32_t column_of(struct column_table *c, uint64_t key, uint32_t template)
{
    for (;;) {
        if (!column_reserve(c))
            return UINT32_MAX;
        uint32_t at = column_place(c, key);
        if (!c->index[at]) {
            c->list[c->count] = (struct column){.key = key, .last_template = template};
            c->index[at] = ++c->count;
            return c->count - 1;
        }
        struct column *column = &c->list[c->index[at] - 1];
        if (column->last_template != template) {
            column->last_template = template;
            return c->index[at] - 1;
        }
        key = mix(key, 1);
    }
}

bool template_columns(struct template_table *t, uint32_t template, struct column_table *c)
{
    const struct template *p = &t->list[template];
    for (uint32_t i = 0; i < p->slot_count; i++) {
        uint64_t key = t->keys[p->slot_at + i];
        if (!key)
            key = mix(mix(p->hash, i), 2) | 1;
        uint32_t column = column_of(c, key, template);
        if (column == UINT32_MAX) {
            t->no_memory = true;
            return false;
        }
        t->columns[p->slot_at + i] = column;
        c->list[column].count += p->rows;
    }
    return true;
}
