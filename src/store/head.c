#include "store/head.h"

#include <assert.h>
#include <stdlib.h>

#include "base/err.h"

void head_init(struct head *h)
{
    *h = (struct head){0};
}

/* A chain may be long: no recursion. */
static void block_unref(struct head_block *b)
{
    while (b && atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) == 1) {
        struct head_block *next = b->next;
        for (uint32_t i = 0; i < atomic_load_explicit(&b->count, memory_order_relaxed); i++)
            batch_unref(b->entries[i].batch);
        free(b);
        b = next;
    }
}

void head_deinit(struct head *h)
{
    block_unref(h->first);
    *h = (struct head){0};
}

/* What an entry costs while it is here; small batches must not look free. */
static uint64_t entry_size(const struct batch *b)
{
    enum { ALLOCATOR = 64 };
    return sizeof(struct head_entry) + sizeof *b + b->body_size + b->stream_count * sizeof *b->streams +
           b->key_count * sizeof *b->keys + 4 * ALLOCATOR;
}

static uint32_t room(const struct head *h)
{
    return h->last && !h->last->closed
               ? HEAD_BLOCK_ENTRIES - atomic_load_explicit(&h->last->count, memory_order_relaxed)
               : 0;
}

/* A chain of empty blocks for `count` entries. */
static bool make_blocks(size_t count, struct head_block **ret_first)
{
    struct head_block *first = NULL;
    for (size_t made = 0; made < count; made += HEAD_BLOCK_ENTRIES) {
        struct head_block *b = calloc(1, sizeof *b);
        if (!b) {
            block_unref(first);
            return false;
        }
        atomic_init(&b->refs, 1);
        b->next = first;
        first = b;
    }
    *ret_first = first;
    return true;
}

static void append(struct head *h, struct head_entry entry, struct head_block **spare)
{
    if (room(h) == 0) {
        struct head_block *b = *spare;
        *spare = b->next;
        b->next = NULL;
        if (h->last)
            h->last->next = b;
        else
            h->first = b;
        h->last = b;
    }
    uint32_t count = atomic_load_explicit(&h->last->count, memory_order_relaxed);
    h->last->entries[count] = entry;
    atomic_store_explicit(&h->last->count, count + 1, memory_order_release);
    h->entry_count++;
    h->row_count += entry.batch->row_count;
    h->size_bytes += entry_size(entry.batch);
}

bole_status head_insert(struct head *h, uint64_t lsn, struct batch *const *batches, size_t batch_count,
                        uint64_t mono_ns, struct bole_err *err)
{
    struct head_block *spare = NULL;
    uint32_t free_entries = room(h);
    if (batch_count > free_entries && !make_blocks(batch_count - free_entries, &spare))
        return bole_fail(err, BOLE_E_NOMEM, "store: no memory for the rows of group %llu", (unsigned long long)lsn);
    assert(lsn > h->last_lsn);
    if (h->entry_count == 0)
        h->oldest_mono_ns = mono_ns;
    uint32_t first_row = 0;
    for (size_t i = 0; i < batch_count; i++) {
        append(h, (struct head_entry){batch_ref(batches[i]), lsn, first_row}, &spare);
        assert(batches[i]->row_count <= SEQ_ROWS_MAX - first_row);
        first_row += batches[i]->row_count;
    }
    assert(!spare);
    h->last_lsn = lsn;
    return BOLE_OK;
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
