#include "store/codec/chunks.h"

#include <stdlib.h>

#include "store/codec/array.h"

enum { ALONE_MIN = 16 * 1024, GATHERED_MAX = 96 * 1024 };

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
    c->count = 0;
    c->no_memory = false;
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

uint32_t chunks_place(struct chunks *c, enum chunks_kind kind, size_t from)
{
    struct buf *open = &c->open[kind];
    c->no_memory |= open->failed;
    size_t len = open->len - from;
    if (len == 0 || c->no_memory)
        return 0;
    if (len >= ALONE_MIN) {
        uint32_t number = add(c);
        set(c, number, bole_slice_from(open->ptr + from, len));
        open->len = from;
        return number;
    }
    if (!c->open_number[kind])
        c->open_number[kind] = add(c);
    uint32_t number = c->open_number[kind];
    if (open->len >= GATHERED_MAX)
        finish_open(c, kind);
    return number;
}

void chunks_finish(struct chunks *c, bole_slice map)
{
    for (int kind = 0; kind < CHUNKS_KINDS; kind++)
        finish_open(c, kind);
    set(c, 0, map);
}
