/*
 * A table of pointers by the hash of what names a source. What is saved is what it is here, in the order of struct source:
 * texts behind their length in 1 byte, numbers of 8 bytes.
 */
#include "receive/sources.h"

#include <assert.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"

enum { SLOTS = 1 << 15, TEXTS = 4 };
#define RATE_S 60.0 /* the time in which what was counts half as much, about */
_Static_assert(SLOTS > 2 * SOURCES_MAX, "the table stays half empty");

struct known {
    struct source source; /* its texts are behind it */
    uint64_t hash;
    bool     is_new, is_saving;
    uint8_t  texts[];
};

struct sources {
    pthread_mutex_t lock;   /* guards everything below */
    struct known *slots[SLOTS];
    size_t   count;
    uint64_t forgotten[64]; /* hashes that the catalogue still has */
    size_t   forgotten_count, forgotten_saving;
};

struct sources *sources_create(void)
{
    struct sources *s = calloc(1, sizeof *s);
    if (s)
        pthread_mutex_init(&s->lock, NULL);
    return s;
}

void sources_destroy(struct sources *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < SLOTS; i++)
        free(s->slots[i]);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static void texts_of(const struct source *s, bole_slice ret_texts[TEXTS])
{
    const bole_slice texts[TEXTS] = {s->tenant, s->door, s->client, s->agent};
    for (size_t i = 0; i < TEXTS; i++) {
        ret_texts[i] = texts[i];
        if (texts[i].len > SOURCE_TEXT_MAX)
            ret_texts[i].len = SOURCE_TEXT_MAX;
    }
}

static uint64_t hash_of(const bole_slice texts[TEXTS])
{
    uint64_t hash = 0;
    for (size_t i = 0; i < TEXTS; i++)
        hash = (hash ^ hash64(texts[i])) * 0x9e3779b97f4a7c15u + i;
    return hash;
}

static size_t slot_of(const struct sources *s, uint64_t hash)
{
    size_t at = hash % SLOTS;
    while (s->slots[at] && s->slots[at]->hash != hash) /* 64 bits: two sources that share one share a line */
        at = (at + 1) % SLOTS;
    return at;
}

/* Takes a slot's source out, and moves those behind it that belong in front. */
static void take_out(struct sources *s, size_t at)
{
    free(s->slots[at]);
    s->slots[at] = NULL;
    s->count--;
    for (size_t next = (at + 1) % SLOTS; s->slots[next]; next = (next + 1) % SLOTS) {
        struct known *k = s->slots[next];
        s->slots[next] = NULL;
        s->slots[slot_of(s, k->hash)] = k;
    }
}

static void forget_one(struct sources *s)
{
    size_t oldest = SLOTS;
    for (size_t i = 0; i < SLOTS; i++)
        if (s->slots[i] && (oldest == SLOTS || s->slots[i]->source.last_ns < s->slots[oldest]->source.last_ns))
            oldest = i;
    if (s->forgotten_count < sizeof s->forgotten / sizeof *s->forgotten)
        s->forgotten[s->forgotten_count++] = s->slots[oldest]->hash; /* else it is known again after a restart */
    take_out(s, oldest);
}

/* Found or made; NULL: no memory. */
static struct known *known_of(struct sources *s, const bole_slice texts[TEXTS])
{
    uint64_t hash = hash_of(texts);
    size_t at = slot_of(s, hash), size = 0;
    if (s->slots[at])
        return s->slots[at];
    if (s->count >= SOURCES_MAX) {
        forget_one(s);
        at = slot_of(s, hash);
    }
    for (size_t i = 0; i < TEXTS; i++)
        size += texts[i].len;
    struct known *k = calloc(1, sizeof *k + size);
    if (!k)
        return NULL;
    bole_slice *const to[TEXTS] = {&k->source.tenant, &k->source.door, &k->source.client, &k->source.agent};
    uint8_t *end = k->texts;
    for (size_t i = 0; i < TEXTS; i++) {
        if (texts[i].len)
            memcpy(end, texts[i].ptr, texts[i].len);
        *to[i] = (bole_slice){end, texts[i].len};
        end += texts[i].len;
    }
    k->hash = hash;
    s->slots[at] = k;
    s->count++;
    return k;
}

static double rate_at(const struct source *s, int64_t now_ns)
{
    double silent_s = now_ns > s->last_ns ? (double)(now_ns - s->last_ns) / NS_PER_S : 0;
    return s->records_per_s * exp(-silent_s / RATE_S);
}

void sources_count(struct sources *s, const struct source *who, const struct source_batch *batch, int64_t now_ns)
{
    bole_slice texts[TEXTS];
    texts_of(who, texts);
    pthread_mutex_lock(&s->lock);
    struct known *k = known_of(s, texts);
    if (k) {
        struct source *to = &k->source;
        to->first_ns = to->first_ns ? to->first_ns : now_ns;
        to->records_per_s = rate_at(to, now_ns) + (double)batch->records / RATE_S;
        to->last_ns = now_ns;
        to->batches += batch->records > 0;
        to->records += batch->records;
        to->bytes += batch->bytes;
        to->errors += batch->errors;
        if (batch->newest_ns != INT64_MIN && __builtin_sub_overflow(now_ns, batch->newest_ns, &to->lag_ns))
            to->lag_ns = 0; /* a time of other centuries */
        k->is_new = true;
    }
    pthread_mutex_unlock(&s->lock);
}

static int by_last_seen(const void *a, const void *b)
{
    int64_t x = ((const struct source *)a)->last_ns, y = ((const struct source *)b)->last_ns;
    return (x < y) - (x > y);
}

bole_status sources_each(struct sources *s, bole_slice tenant, int64_t now_ns, void (*fn)(const struct source *source, void *ctx),
                         void *ctx, struct bole_err *err)
{
    size_t count = 0;
    pthread_mutex_lock(&s->lock);
    struct source *all = malloc((s->count + 1) * sizeof *all);
    for (size_t i = 0; all && i < SLOTS; i++)
        if (s->slots[i] && bole_slice_eq(s->slots[i]->source.tenant, tenant)) {
            all[count] = s->slots[i]->source;
            all[count].records_per_s = rate_at(&all[count], now_ns);
            count++;
        }
    if (count)
        qsort(all, count, sizeof *all, by_last_seen);
    for (size_t i = 0; i < count; i++)
        fn(&all[i], ctx);
    pthread_mutex_unlock(&s->lock);
    free(all);
    return all ? BOLE_OK : bole_fail(err, BOLE_E_NOMEM, "no memory for the sources");
}

size_t sources_number(struct sources *s)
{
    pthread_mutex_lock(&s->lock);
    size_t count = s->count;
    pthread_mutex_unlock(&s->lock);
    return count;
}

/* ---- over restarts ---- */

static bole_slice key_of(uint64_t hash, uint8_t ret_key[SOURCE_KEY_SIZE])
{
    for (size_t i = 0; i < SOURCE_KEY_SIZE; i++)
        ret_key[i] = (uint8_t)"0123456789abcdef"[hash >> (60 - 4 * i) & 15];
    return (bole_slice){ret_key, SOURCE_KEY_SIZE};
}

static void put_source(struct buf *out, const struct source *s)
{
    bole_slice texts[TEXTS];
    uint64_t rate;
    texts_of(s, texts);
    buf_reset(out);
    for (size_t i = 0; i < TEXTS; i++) {
        buf_put_u8(out, (uint8_t)texts[i].len);
        buf_put(out, texts[i]);
    }
    memcpy(&rate, &s->records_per_s, sizeof rate);
    const uint64_t numbers[] = {
        (uint64_t)s->first_ns, (uint64_t)s->last_ns, s->batches, s->records, s->bytes, s->errors, (uint64_t)s->lag_ns, rate};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        buf_put_u64(out, numbers[i]);
}

void sources_save(struct sources *s, bool (*fn)(bole_slice key, bole_slice value, void *ctx), void *ctx)
{
    struct buf value;
    uint8_t key[SOURCE_KEY_SIZE];
    bool going_on = true;
    buf_init(&value, NULL);
    pthread_mutex_lock(&s->lock);
    for (s->forgotten_saving = 0; going_on && s->forgotten_saving < s->forgotten_count; s->forgotten_saving += going_on)
        going_on = fn(key_of(s->forgotten[s->forgotten_saving], key), (bole_slice){0}, ctx);
    for (size_t i = 0; going_on && i < SLOTS; i++) {
        struct known *k = s->slots[i];
        if (!k || !k->is_new)
            continue;
        put_source(&value, &k->source);
        going_on = !value.failed && fn(key_of(k->hash, key), buf_slice(&value), ctx);
        k->is_saving = going_on;
        k->is_new = !going_on;
    }
    pthread_mutex_unlock(&s->lock);
    buf_deinit(&value);
}

void sources_saved(struct sources *s, bool kept)
{
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < SLOTS; i++)
        if (s->slots[i] && s->slots[i]->is_saving) {
            s->slots[i]->is_saving = false;
            s->slots[i]->is_new |= !kept;
        }
    if (kept) {
        s->forgotten_count -= s->forgotten_saving;
        memmove(s->forgotten, s->forgotten + s->forgotten_saving, s->forgotten_count * sizeof *s->forgotten);
    }
    s->forgotten_saving = 0;
    pthread_mutex_unlock(&s->lock);
}

void sources_restore(struct sources *s, bole_slice value)
{
    struct reader r = reader_of(value);
    bole_slice texts[TEXTS];
    uint64_t numbers[8];
    for (size_t i = 0; i < TEXTS; i++)
        texts[i] = reader_bytes(&r, reader_u8(&r));
    for (size_t i = 0; i < 8; i++)
        numbers[i] = reader_u64(&r);
    if (r.failed)
        return;
    pthread_mutex_lock(&s->lock);
    struct known *k = known_of(s, texts);
    if (k) {
        struct source *to = &k->source;
        to->first_ns = (int64_t)numbers[0];
        to->last_ns = (int64_t)numbers[1];
        to->batches = numbers[2];
        to->records = numbers[3];
        to->bytes = numbers[4];
        to->errors = numbers[5];
        to->lag_ns = (int64_t)numbers[6];
        memcpy(&to->records_per_s, &numbers[7], sizeof to->records_per_s);
        if (!isfinite(to->records_per_s) || to->records_per_s < 0)
            to->records_per_s = 0;
    }
    pthread_mutex_unlock(&s->lock);
}
