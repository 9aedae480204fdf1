/*
 * native_sources.c - who sends (receive/sources.h): asked for, and kept in the store's catalogue by a thread of its own, once in
 * half a minute and at the end: a crash costs the counts of that time, no source that was there before.
 */
#include <pthread.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "base/timefmt.h"
#include "os/thread.h"
#include "serve/api_internal.h"
#include "serve/loki_json.h"

enum { SAVE_S = 30, ITEMS_MAX = 512 };

#define SPACE S("sources")

struct source_keeper {
    struct api     *api;
    pthread_t       thread;
    pthread_mutex_t lock;
    pthread_cond_t  wake;
    bool            stop; /* guarded by lock */
};

struct items { /* of one transaction */
    struct arena arena;
    struct catalog_item at[ITEMS_MAX];
    size_t count;
};

static bool collect(bole_slice key, bole_slice value, void *ctx)
{
    struct items *items = ctx;
    struct catalog_item item = {SPACE, arena_copy(&items->arena, key), value.ptr ? arena_copy(&items->arena, value) : value};
    if (items->count == ITEMS_MAX || !item.key.ptr || (value.ptr && !item.value.ptr))
        return false;
    items->at[items->count++] = item;
    return true;
}

static void save(struct api *a)
{
    struct items *items = calloc(1, sizeof *items);
    struct bole_err err;
    bole_status st = BOLE_OK;
    do {
        if (!items)
            return;
        arena_init(&items->arena, NULL);
        items->count = 0;
        sources_save(a->options.receive.sources, collect, items);
        if (items->count)
            st = store_put_notes(a->options.store, items->at, items->count, &err);
        sources_saved(a->options.receive.sources, st == BOLE_OK);
        arena_deinit(&items->arena);
    } while (st == BOLE_OK && items->count == ITEMS_MAX);
    if (st < 0)
        LOG(WARN, "the sources could not be written, it is tried again", " reason=%s", LOGQS(err.msg));
    free(items);
}

static void *keeper_main(void *arg)
{
    struct source_keeper *k = arg;
    pthread_mutex_lock(&k->lock);
    while (!k->stop) {
        struct timespec until = thread_deadline(SAVE_S * NS_PER_S);
        pthread_cond_timedwait(&k->wake, &k->lock, &until);
        pthread_mutex_unlock(&k->lock);
        save(k->api);
        pthread_mutex_lock(&k->lock);
    }
    pthread_mutex_unlock(&k->lock);
    return NULL;
}

static bole_status restore(bole_slice key, bole_slice value, void *ctx)
{
    (void)key;
    sources_restore(ctx, value);
    return BOLE_OK;
}

bole_status source_keeper_create(struct api *a, struct bole_err *err)
{
    if (!a->options.receive.sources)
        return BOLE_OK;
    bole_status st = store_notes(a->options.store, SPACE, restore, a->options.receive.sources, err);
    struct source_keeper *k = calloc(1, sizeof *k);
    if (st < 0 || !k) {
        free(k);
        return st < 0 ? st : bole_fail(err, BOLE_E_NOMEM, "no memory for the sources");
    }
    k->api = a;
    pthread_mutex_init(&k->lock, NULL);
    thread_cond_init(&k->wake);
    st = thread_start("bole-sources", keeper_main, k, &k->thread, err);
    if (st == BOLE_OK)
        a->source_keeper = k;
    else
        free(k);
    return st;
}

void source_keeper_destroy(struct api *a)
{
    struct source_keeper *k = a->source_keeper;
    if (!k)
        return;
    pthread_mutex_lock(&k->lock);
    k->stop = true;
    pthread_cond_signal(&k->wake);
    pthread_mutex_unlock(&k->lock);
    pthread_join(k->thread, NULL);
    pthread_mutex_destroy(&k->lock);
    pthread_cond_destroy(&k->wake);
    free(k);
    a->source_keeper = NULL;
}

/* ---- GET /api/v1/sources ---- */

static void put_text(struct buf *out, const char *name, bole_slice text)
{
    buf_printf(out, "\"%s\":", name);
    buf_put_json(out, text, false);
    buf_put_u8(out, ',');
}

static void put_source(const struct source *s, void *ctx)
{
    struct buf *out = ctx;
    char first[TIME_TEXT_MAX], last[TIME_TEXT_MAX];
    size_t first_len = time_format_rfc3339(s->first_ns, 3, first), last_len = time_format_rfc3339(s->last_ns, 3, last);
    buf_put_str(out, out->ptr[out->len - 1] == '[' ? "{" : ",{");
    put_text(out, "client", s->client);
    put_text(out, "agent", s->agent);
    put_text(out, "door", s->door);
    put_text(out, "first_seen", bole_slice_from(first, first_len));
    put_text(out, "last_seen", bole_slice_from(last, last_len));
    buf_printf(
        out, "\"batches\":%llu,\"records\":%llu,\"bytes\":%llu,\"errors\":%llu,\"records_per_second\":%.3f,\"lag_seconds\":%.3f}",
        (unsigned long long)s->batches, (unsigned long long)s->records, (unsigned long long)s->bytes,
        (unsigned long long)s->errors, s->records_per_s, (double)s->lag_ns / NS_PER_S);
}

static void list(struct http_exchange *x, void *ctx)
{
    struct api *a = ctx;
    struct bole_err err;
    struct buf out;
    bole_slice tenant;
    if (!api_tenant(x, &tenant))
        return;
    buf_init(&out, a->options.budget);
    buf_put_str(&out, "{\"sources\":[");
    bole_status st =
        out.failed || !a->options.receive.sources
            ? BOLE_OK
            : sources_each(a->options.receive.sources, tenant, clock_now_ns(a->options.clock), put_source, &out, &err);
    buf_put_str(&out, "]}");
    if (st == BOLE_OK) {
        api_reply_json(x, &out);
        return;
    }
    buf_deinit(&out);
    http_reply_err(x, &err);
}

static const struct http_route routes[] = {
    {HTTP_GET, "/api/v1/sources", list, .flags = HTTP_POOL},
};

const struct api_table native_sources_table = {routes, sizeof routes / sizeof *routes};
