#include "store/head.h"

#include <assert.h>
#include <stdlib.h>

#include "base/err.h"

void head_init(struct head *h)
{
    *h = (struct head){0};
}

static void entry_release(struct head_entry *e)
{
    batch_unref(e->batch);
    free((void *)e->dead);
}

/* A chain may be long: no recursion. */
static void block_unref(struct head_block *b)
{
    while (b && atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) == 1) {
        struct head_block *next = b->next;
        for (uint32_t i = 0; i < atomic_load_explicit(&b->count, memory_order_relaxed); i++)
            entry_release(&b->entries[i]);
        free(b);
        b = next;
    }
}

void head_deinit(struct head *h)
{
    block_unref(h->first);
    block_unref(h->spare);
    *h = (struct head){0};
}

static size_t bitmap_words(const struct batch *b)
{
    return (b->row_count + 63) / 64;
}

static uint32_t live_rows(const struct head_entry *e)
{
    uint32_t dead = 0;
    for (size_t i = 0; e->dead && i < bitmap_words(e->batch); i++)
        dead += (uint32_t)__builtin_popcountll(e->dead[i]);
    return e->batch->row_count - dead;
}

/* What an entry costs while it is here; small batches must not look free. */
static uint64_t entry_size(const struct head_entry *e)
{
    const struct batch *b = e->batch;
    enum { ALLOCATOR = 64 };
    return sizeof(struct head_entry) + sizeof *b + b->body_size + b->stream_count * sizeof *b->streams +
           b->key_count * sizeof *b->keys + (e->dead ? bitmap_words(b) * sizeof *e->dead : 0) + 4 * ALLOCATOR;
}

static uint32_t room(const struct head *h)
{
    return h->last && !h->last->closed
               ? HEAD_BLOCK_ENTRIES - atomic_load_explicit(&h->last->count, memory_order_relaxed)
               : 0;
}

bole_status head_reserve(struct head *h, size_t entry_count, struct bole_err *err)
{
    size_t free_entries = room(h);
    for (struct head_block *b = h->spare; b; b = b->next)
        free_entries += HEAD_BLOCK_ENTRIES;
    for (; free_entries < entry_count; free_entries += HEAD_BLOCK_ENTRIES) {
        struct head_block *b = calloc(1, sizeof *b);
        if (!b)
            return bole_fail(err, BOLE_E_NOMEM, "store: no memory for the rows of a group");
        atomic_init(&b->refs, 1);
        b->next = h->spare;
        h->spare = b;
    }
    return BOLE_OK;
}

static void append(struct head *h, const struct head_entry *entry)
{
    if (room(h) == 0) {
        struct head_block *b = h->spare;
        assert(b);
        h->spare = b->next;
        b->next = NULL;
        if (h->last)
            h->last->next = b;
        else
            h->first = b;
        h->last = b;
    }
    uint32_t count = atomic_load_explicit(&h->last->count, memory_order_relaxed);
    h->last->entries[count] = *entry;
    batch_ref(entry->batch);
    atomic_store_explicit(&h->last->count, count + 1, memory_order_release);
    h->entry_count++;
    h->row_count += live_rows(entry);
    h->size_bytes += entry_size(entry);
}

void head_insert(struct head *h, const struct head_entry *entries, size_t entry_count, uint64_t mono_ns)
{
    if (h->entry_count == 0)
        h->oldest_mono_ns = mono_ns;
    for (size_t i = 0; i < entry_count; i++) {
        assert(i ? entries[i].lsn == entries[0].lsn : entries[i].lsn > h->last_lsn);
        append(h, &entries[i]);
    }
    if (entry_count)
        h->last_lsn = entries[0].lsn;
}

struct head_snapshot head_snapshot(const struct head *h)
{
    if (h->first)
        atomic_fetch_add_explicit(&h->first->refs, 1, memory_order_relaxed);
    return (struct head_snapshot){h->first, h->entry_count, h->row_count, h->size_bytes, h->last_lsn};
}

void head_snapshot_release(struct head_snapshot *s)
{
    block_unref(s->first);
    *s = (struct head_snapshot){0};
}

struct head_snapshot head_close(struct head *h)
{
    if (h->last)
        h->last->closed = true;
    return head_snapshot(h);
}

void head_drop(struct head *h, const struct head_snapshot *closed, uint64_t mono_ns)
{
    if (closed->entry_count == 0)
        return;
    assert(h->first == closed->first);
    size_t dropped = 0;
    struct head_block *b = h->first;
    while (dropped < closed->entry_count) {
        dropped += atomic_load_explicit(&b->count, memory_order_relaxed);
        b = b->next;
    }
    assert(dropped == closed->entry_count);
    if (b)
        atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    else
        h->last = NULL;
    struct head_block *old = h->first;
    h->first = b;
    block_unref(old);
    h->entry_count -= closed->entry_count;
    h->row_count -= closed->row_count;
    h->size_bytes -= closed->size_bytes;
    h->oldest_mono_ns = mono_ns; /* what is left came in while the cut went on */
}

const struct head_entry *head_next(struct head_cursor *c)
{
    if (c->done == c->snapshot->entry_count)
        return NULL;
    if (!c->block)
        c->block = c->snapshot->first;
    while (c->at == atomic_load_explicit(&c->block->count, memory_order_acquire)) {
        c->block = c->block->next;
        c->at = 0;
    }
    c->done++;
    return &c->block->entries[c->at++];
}
