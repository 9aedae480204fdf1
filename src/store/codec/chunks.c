#include "store/codec/chunks.h"

#include <stdlib.h>

#include "base/hash.h"
#include "store/codec/array.h"

enum {
    ALONE_MIN = 16 * 1024,
    GATHERED_MAX = 96 * 1024,
    SHARED_MIN = 32, /* smaller parts are not looked for: the reference costs as much */
};

void chunks_init(struct chunks *c)
{
    *c = (struct chunks){0};
}

void chunks_deinit(struct chunks *c)
{
    buf_deinit(&c->bytes);
    for (int kind = 0; kind < CHUNKS_KINDS; kind++)
        buf_deinit(&c->open[kind]);
    free(c->list);
    free(c->parts);
    free(c->index);
    chunks_init(c);
}

static uint32_t add(struct chunks *c)
{
    if (!array_reserve(&c->list, &c->cap, c->count + 1ull, sizeof *c->list)) {
        c->no_memory = true;
        return 0;
    }
    c->list[c->count].at = c->list[c->count].len = 0;
    return c->count++;
}

static void set(struct chunks *c, uint32_t number, bole_slice bytes)
{
    if (c->no_memory)
        return;
    c->list[number].at = c->bytes.len;
    c->list[number].len = bytes.len;
    buf_put(&c->bytes, bytes);
    c->no_memory |= c->bytes.failed;
}

void chunks_reset(struct chunks *c)
{
    buf_reset(&c->bytes);
    c->count = c->part_count = 0;
    c->no_memory = false;
    if (c->index)
        memset(c->index, 0, c->index_size * sizeof *c->index);
    for (int kind = 0; kind < CHUNKS_KINDS; kind++) {
        buf_reset(&c->open[kind]);
        c->open_number[kind] = 0;
    }
    add(c);
}

static void finish_open(struct chunks *c, enum chunks_kind kind)
{
    if (c->open_number[kind])
        set(c, c->open_number[kind], buf_slice(&c->open[kind]));
    buf_reset(&c->open[kind]);
    c->open_number[kind] = 0;
}

static bool same_bytes(const struct chunks *c, const struct chunks_part *p, bole_slice bytes)
{
    const uint8_t *base = c->open_number[p->kind] == p->chunk ? c->open[p->kind].ptr : c->bytes.ptr + c->list[p->chunk].at;
    return p->len == bytes.len && memcmp(base + p->at, bytes.ptr, bytes.len) == 0;
}

static bool index_reserve(struct chunks *c)
{
    if (c->part_count * 2ull < c->index_size)
        return true;
    uint32_t size = c->index_size ? c->index_size * 2 : 1024;
    uint32_t *index = calloc(size, sizeof *index);
    if (!index)
        return false;
    for (uint32_t i = 0; i < c->part_count; i++) {
        uint32_t at = (uint32_t)c->parts[i].hash & (size - 1);
        while (index[at])
            at = (at + 1) & (size - 1);
        index[at] = i + 1;
    }
    free(c->index);
    c->index = index;
    c->index_size = size;
    return true;
}

/* The part that is these bytes; else NULL, and *ret_new is what is to be filled in for them. */
static const struct chunks_part *find_part(struct chunks *c, bole_slice bytes, struct chunks_part **ret_new)
{
    if (!index_reserve(c) || !array_reserve(&c->parts, &c->part_cap, c->part_count + 1ull, sizeof *c->parts)) {
        c->no_memory = true;
        return NULL;
    }
    uint64_t hash = hash64(bytes);
    uint32_t at = (uint32_t)hash & (c->index_size - 1);
    for (; c->index[at]; at = (at + 1) & (c->index_size - 1)) {
        const struct chunks_part *p = &c->parts[c->index[at] - 1];
        if (p->hash == hash && same_bytes(c, p, bytes))
            return p;
    }
    c->index[at] = ++c->part_count;
    *ret_new = &c->parts[c->part_count - 1];
    (*ret_new)->hash = hash;
    return NULL;
}

void chunks_place(struct chunks *c, enum chunks_kind kind, size_t from, struct buf *map)
{
    struct buf *open = &c->open[kind];
    c->no_memory |= open->failed;
    size_t len = c->no_memory ? 0 : open->len - from;
    struct chunks_part *new = NULL;
    const struct chunks_part *old = len >= SHARED_MIN ? find_part(c, bole_slice_from(open->ptr + from, len), &new) : NULL;
    if (len == 0 || c->no_memory) {
        buf_put_varint(map, 0);
        return;
    }
    if (old) {
        buf_put_varint(map, old->chunk * 2ull + 1);
        buf_put_varint(map, old->at);
        open->len = from;
        return;
    }
    uint32_t number;
    if (len >= ALONE_MIN) {
        number = add(c);
        set(c, number, bole_slice_from(open->ptr + from, len));
        open->len = from;
        from = 0;
    } else {
        if (!c->open_number[kind])
            c->open_number[kind] = add(c);
        number = c->open_number[kind];
        if (open->len >= GATHERED_MAX)
            finish_open(c, kind);
    }
    if (new)
        *new = (struct chunks_part){new->hash, number, (uint32_t)from, (uint32_t)len, kind};
    buf_put_varint(map, number * 2ull);
}

void chunks_finish(struct chunks *c, bole_slice map)
{
    for (int kind = 0; kind < CHUNKS_KINDS; kind++)
        finish_open(c, kind);
    set(c, 0, map);
}
