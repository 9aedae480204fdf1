/*
 * Slots are emptied only by making the table anew: a producer goes once in a week at most.
 */
#include "store/producers.h"

#include <assert.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/hash.h"

enum { KEY_SIZE = 2 * BATCH_PRODUCER_SIZE, VALUE_SIZE = 16 };

void producers_deinit(struct producers *p)
{
    free(p->slots);
    *p = (struct producers){0};
}

static struct producer *slot_of(const struct producers *p, const uint8_t *id)
{
    uint32_t mask = p->slot_count - 1, at = (uint32_t)hash64(bole_slice_from(id, BATCH_PRODUCER_SIZE)) & mask;
    while (p->slots[at].sequence && memcmp(p->slots[at].id, id, BATCH_PRODUCER_SIZE) != 0)
        at = (at + 1) & mask;
    return &p->slots[at];
}

bole_status producers_find(const struct producers *p, const uint8_t id[BATCH_PRODUCER_SIZE], uint64_t *ret_sequence,
                           struct bole_err *err)
{
    *ret_sequence = p->slot_count ? slot_of(p, id)->sequence : 0;
    if (*ret_sequence == 0 && p->count >= PRODUCERS_MAX)
        return bole_fail(err, BOLE_E_LIMIT, "%u producers are known, no more are taken until one was silent for a week",
                         PRODUCERS_MAX);
    return BOLE_OK;
}

/* The same producers in a table of so many slots. */
static bool rebuild(struct producers *p, uint32_t slot_count)
{
    struct producers grown = {.slots = calloc(slot_count, sizeof *grown.slots), .slot_count = slot_count};
    if (!grown.slots)
        return false;
    for (uint32_t i = 0; i < p->slot_count; i++) {
        const struct producer *s = &p->slots[i];
        if (!s->sequence || s->is_gone)
            continue;
        *slot_of(&grown, s->id) = *s;
        grown.count++;
    }
    free(p->slots);
    *p = grown;
    return true;
}

bole_status producers_reserve(struct producers *p, size_t more, struct bole_err *err)
{
    size_t slot_count = p->slot_count ? p->slot_count : 64;
    while (slot_count < 2 * (p->count + more))
        slot_count *= 2;
    if (slot_count > UINT32_MAX / 2 || (slot_count != p->slot_count && !rebuild(p, (uint32_t)slot_count)))
        return bole_fail(err, BOLE_E_NOMEM, "store: no memory for one more producer");
    return BOLE_OK;
}

static void note(struct producers *p, const uint8_t *id, uint64_t sequence, int64_t seen_ns, bool is_new)
{
    struct producer *slot = slot_of(p, id);
    if (sequence <= slot->sequence)
        return;
    p->count += !slot->sequence;
    memcpy(slot->id, id, sizeof slot->id);
    slot->sequence = sequence;
    slot->seen_ns = seen_ns;
    slot->is_new = is_new;
    slot->is_gone = false;
}

void producers_note(struct producers *p, const struct batch *b)
{
    if (batch_has_producer(b))
        note(p, b->producer, b->producer_sequence, b->received_ns, true);
}

/* ---- the catalogue ---- */

static bool is_due(const struct producer *s, int64_t now_ns)
{
    return now_ns > s->seen_ns && now_ns - s->seen_ns > PRODUCER_IDLE_NS;
}

static bool put_item(const struct producer *s, int64_t now_ns, struct arena *arena, struct catalog_item *ret_item)
{
    static const char hex[] = "0123456789abcdef";
    uint8_t *bytes = arena_alloc(arena, KEY_SIZE + VALUE_SIZE);
    if (!bytes)
        return false;
    for (size_t i = 0; i < sizeof s->id; i++) {
        bytes[2 * i] = (uint8_t)hex[s->id[i] >> 4];
        bytes[2 * i + 1] = (uint8_t)hex[s->id[i] & 15];
    }
    store_u64(bytes + KEY_SIZE, s->sequence);
    store_u64(bytes + KEY_SIZE + 8, (uint64_t)s->seen_ns);
    *ret_item = (struct catalog_item){PRODUCERS_SPACE, {bytes, KEY_SIZE}, {0}};
    if (!is_due(s, now_ns))
        ret_item->value = (bole_slice){bytes + KEY_SIZE, VALUE_SIZE};
    return true;
}

bole_status producers_save(const struct producers *p, int64_t now_ns, struct arena *arena, struct catalog_item **ret_items,
                           size_t *ret_count, struct bole_err *err)
{
    struct catalog_item *items;
    size_t count = 0;
    for (uint32_t i = 0; i < p->slot_count; i++)
        count += p->slots[i].sequence && (p->slots[i].is_new || is_due(&p->slots[i], now_ns));
    items = arena_array(arena, count + 1, sizeof *items);
    if (!items)
        return bole_fail(err, BOLE_E_NOMEM, "store: no memory for the producers' marks");
    *ret_items = items;
    *ret_count = count;
    for (uint32_t i = 0; i < p->slot_count; i++)
        if (p->slots[i].sequence && (p->slots[i].is_new || is_due(&p->slots[i], now_ns)) &&
            !put_item(&p->slots[i], now_ns, arena, items++))
            return bole_fail(err, BOLE_E_NOMEM, "store: no memory for the producers' marks");
    return BOLE_OK;
}

static bool read_key(bole_slice key, uint8_t ret_id[BATCH_PRODUCER_SIZE])
{
    if (key.len != KEY_SIZE)
        return false;
    for (size_t i = 0; i < KEY_SIZE; i++) {
        uint8_t c = key.ptr[i];
        bool digit = c >= '0' && c <= '9';
        if (!digit && !(c >= 'a' && c <= 'f'))
            return false;
        uint8_t nibble = (uint8_t)(digit ? c - '0' : c - 'a' + 10);
        ret_id[i / 2] = (uint8_t)(i % 2 ? ret_id[i / 2] | nibble : nibble << 4);
    }
    return true;
}

/* True when the mark is what the item says. */
static bool saved_as(const struct producer *s, bole_slice value)
{
    return value.ptr && load_u64(value.ptr) == s->sequence;
}

void producers_saved(struct producers *p, const struct catalog_item *items, size_t count)
{
    bool forgotten = false;
    for (size_t i = 0; i < count; i++) {
        uint8_t id[BATCH_PRODUCER_SIZE];
        bool ok = read_key(items[i].key, id);
        assert(ok);
        struct producer *s = slot_of(p, id);
        if (saved_as(s, items[i].value))
            s->is_new = false;
        s->is_gone = !items[i].value.ptr && !s->is_new;
        forgotten |= s->is_gone;
    }
    if (forgotten)
        rebuild(p, p->slot_count); /* without memory for it they go the next time */
}

static bole_status load(bole_slice key, bole_slice value, void *ctx)
{
    struct producers *p = ctx;
    uint8_t id[BATCH_PRODUCER_SIZE];
    if (!read_key(key, id) || value.len != VALUE_SIZE || load_u64(value.ptr) == 0)
        return BOLE_E_CORRUPT;
    bole_status st = producers_reserve(p, 1, NULL);
    if (st == BOLE_OK)
        note(p, id, load_u64(value.ptr), load_i64(value.ptr + 8), false);
    return st;
}

bole_status producers_load(struct producers *p, struct catalog *catalog, struct bole_err *err)
{
    bole_status st = catalog_items(catalog, PRODUCERS_SPACE, load, p, err);
    return st == BOLE_E_CORRUPT || st == BOLE_E_NOMEM ? bole_fail(err, st, "the producers' marks in the catalogue cannot be read")
                                                      : st;
}
