#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "ingest/ingest_private.h"
#include "os/thread.h"

/* ---- what the queue still holds goes into the store again ---- */

struct replay {
    struct ingest *in;
    uint64_t rows;
    bool cut_failed;
};

/* One group of the queue back into the store. A batch that does not decode although its frame did is our own bug or a
 * newer version's work: it stays in the queue's files, is counted, and does not keep the rest away. */
static bole_status replay_group(uint64_t lsn, bole_slice payload, void *ctx, struct bole_err *err)
{
    struct replay *replay = ctx;
    struct ingest *in = replay->in;
    struct batch *batches[GROUP_BATCHES_MAX];
    size_t count = 0, taken;
    bole_status st = BOLE_OK;
    while (payload.len && count < GROUP_BATCHES_MAX) {
        st = batch_decode(payload, in->options.budget, &batches[count], &taken, err);
        if (st == BOLE_E_CORRUPT) {
            LOG(ERROR, "a group of the queue does not decode", " lsn=%llu reason=%s", (unsigned long long)lsn, LOGQS(err->msg));
            atomic_fetch_add(&in->count.bad_batches, 1);
            st = BOLE_OK;
            break;
        }
        if (st < 0)
            break;
        replay->rows += batches[count++]->row_count;
        payload = bole_slice_sub(payload, taken);
    }
    if (st == BOLE_OK && count)
        st = store_insert(in->options.store, lsn, batches, count, err);
    while (count)
        batch_unref(batches[--count]);
    struct bole_err why;
    if (st == BOLE_OK && !replay->cut_failed && store_wants_cut(in->options.store) && ingest_cut(in, &why) < 0) {
        /* On a full disk a start must not need room. The cutter tries again; until then the head must have memory. */
        replay->cut_failed = true;
        LOG(ERROR, "moving records into segments failed, they stay in the queue", " reason=%s", LOGQS(why.msg));
    }
    return st;
}

static bole_status replay(struct ingest *in, struct bole_err *err)
{
    struct replay r = {.in = in};
    uint64_t begin = clock_mono_ns(in->options.clock);
    bole_status st = queue_read(in->options.queue, store_position(in->options.store), replay_group, &r, err);
    if (st < 0)
        bole_err_context(err, "reading the queue into the store");
    else if (r.rows)
        LOG(INFO, "records read back from the queue", " rows=%llu ms=%llu", (unsigned long long)r.rows,
            (unsigned long long)((clock_mono_ns(in->options.clock) - begin) / NS_PER_MS));
    return st < 0 ? st : BOLE_OK;
}

/* ---- life ---- */

static bole_status workers_create(struct ingest *in, struct bole_err *err)
{
    in->workers = calloc(in->options.worker_count, sizeof *in->workers);
    if (!in->workers)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for workers");
    for (unsigned i = 0; i < in->options.worker_count; i++) {
        struct worker *w = &in->workers[i];
        pthread_mutex_init(&w->lock, NULL);
        w->open = batch_builder_create(in->options.budget);
        w->spare = batch_builder_create(in->options.budget);
        if (!w->open || !w->spare)
            return bole_fail(err, BOLE_E_NOMEM, "no memory for workers");
    }
    return BOLE_OK;
}

bole_status ingest_create(const struct ingest_options *options, struct ingest **ret_ingest, struct bole_err *err)
{
    struct ingest *in = calloc(1, sizeof *in);
    if (!in)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for ingest");
    in->options = *options;
    in->generation = 1; /* 0 is a handle that was never used */
    pthread_mutex_init(&in->lock, NULL);
    pthread_cond_init(&in->work, NULL);
    pthread_cond_init(&in->settled, NULL);
    pthread_mutex_init(&in->cut_lock, NULL);
    pthread_mutex_init(&in->cutter_lock, NULL);
    thread_cond_init(&in->cutter_wake);
    pthread_cond_init(&in->cut_over, NULL);
    bole_status st = workers_create(in, err);
    if (st == BOLE_OK)
        st = replay(in, err);
    if (st == BOLE_OK) {
        ingest_watch_room(in);
        int rc = pthread_create(&in->committer, NULL, committer_main, in);
        in->committer_runs = rc == 0;
        if (rc == 0) {
            rc = pthread_create(&in->cutter, NULL, cutter_main, in);
            in->cutter_runs = rc == 0;
        }
        if (rc)
            st = bole_fail_errno(err, rc, "starting the commit threads");
    }
    if (st < 0) {
        ingest_destroy(in);
        return st;
    }
    *ret_ingest = in;
    return BOLE_OK;
}

static void free_requests(struct ingest_request *r)
{
    while (r) {
        struct ingest_request *next = r->next;
        free(r);
        r = next;
    }
}

void ingest_destroy(struct ingest *in)
{
    if (!in)
        return;
    if (in->committer_runs) {
        pthread_mutex_lock(&in->lock);
        in->stop = true;
        pthread_cond_signal(&in->work);
        pthread_mutex_unlock(&in->lock);
        pthread_join(in->committer, NULL);
    }
    if (in->cutter_runs) {
        pthread_mutex_lock(&in->cutter_lock);
        in->cutter_stop = true;
        pthread_cond_signal(&in->cutter_wake);
        pthread_mutex_unlock(&in->cutter_lock);
        pthread_join(in->cutter, NULL);
    }
    for (unsigned i = 0; in->workers && i < in->options.worker_count; i++) {
        batch_builder_destroy(in->workers[i].open);
        batch_builder_destroy(in->workers[i].spare);
        batch_builder_destroy(in->workers[i].large);
        free_requests(in->workers[i].spares);
        free_requests(in->workers[i].over);
        pthread_mutex_destroy(&in->workers[i].lock);
    }
    free(in->workers);
    pthread_mutex_destroy(&in->lock);
    pthread_cond_destroy(&in->work);
    pthread_cond_destroy(&in->settled);
    pthread_mutex_destroy(&in->cut_lock);
    pthread_mutex_destroy(&in->cutter_lock);
    pthread_cond_destroy(&in->cutter_wake);
    pthread_cond_destroy(&in->cut_over);
    free(in);
}

bole_status ingest_flush(struct ingest *in, struct bole_err *err)
{
    pthread_mutex_lock(&in->lock);
    /* Two rounds: the first may have looked at a worker before the last request was handed over. */
    for (int i = 0; i < 2; i++) {
        uint64_t seen = in->rounds;
        in->pending = true;
        pthread_cond_signal(&in->work);
        while (in->rounds == seen)
            pthread_cond_wait(&in->settled, &in->lock);
    }
    pthread_mutex_unlock(&in->lock);
    return ingest_ask_cut(in, err);
}

void ingest_get_stats(const struct ingest *in, struct ingest_stats *ret_stats)
{
    *ret_stats = (struct ingest_stats){
        .rows_total = in->count.rows,
        .bytes_total = in->count.bytes,
        .groups_total = in->count.groups,
        .requests_total = in->count.requests,
        .refused_full_total = in->count.refused_full,
        .refused_limit_total = in->count.refused_limit,
        .commit_ns_total = in->count.commit_ns,
        .lane_resent_total = in->count.lane_resent,
        .lane_gaps_total = in->count.lane_gaps,
        .bad_batches_total = in->count.bad_batches,
        .no_room = in->no_room,
    };
}
