/*
 * One batch at a time: the first of the lane in the window that is not answered. What the answer means:
 *
 *   durable        the next one
 *   duplicate      the same, if it may have been sent before. If not, somebody else has used this producer: the state of
 *                  this agent is an old copy, or there is a second one. It begins again with a new producer, and this batch
 *                  is sent under it
 *   gap            the server has lost what it had called durable (a backup was restored, its data is new). All that is
 *                  still kept is sent again; when that does not close the gap, under a new producer
 *   anything else  the same bytes again, later and later
 */
#include "agent/spool_private.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"

struct sending {
    struct spool_group *group;
    size_t   index;
    struct batch_stamp stamp;
    bole_slice bytes;
    uint8_t *restamped; /* from malloc; NULL: the bytes are as they were made */
    bool     first;     /* it was never sent before */
};

static bool find_next(struct lane *l, struct sending *ret_sending)
{
    for (struct spool_group *g = l->spool->window; g; g = g->next)
        for (size_t i = 0; i < g->batch_count; i++)
            if (g->open >> i & 1 && g->batches[i].lane == l->index) {
                *ret_sending = (struct sending){.group = g, .index = i, .bytes = g->batches[i].bytes};
                return true;
            }
    return false;
}

/* The stamp that it has by now. False: no memory. */
static bool stamp(struct lane *l, struct sending *x)
{
    struct batch_stamp made = batch_stamp_of(x->bytes);
    x->stamp = made;
    spool_resolve(l->spool, x->group->lsn, l->index, &x->stamp);
    if (x->stamp.sequence != made.sequence || memcmp(x->stamp.producer, made.producer, sizeof made.producer) != 0) {
        x->restamped = malloc(x->bytes.len);
        if (!x->restamped)
            return false;
        memcpy(x->restamped, x->bytes.ptr, x->bytes.len);
        batch_restamp(x->restamped, x->bytes.len, x->stamp.producer, x->stamp.sequence);
        x->bytes.ptr = x->restamped;
    }
    bool is_current = memcmp(x->stamp.producer, l->producer, sizeof l->producer) == 0;
    x->first = is_current && x->stamp.sequence > l->sent_high;
    if (x->first)
        l->sent_high = x->stamp.sequence;
    return true;
}

/* Between half and all of a wait that doubles: many agents must not come back at the same moment. */
static uint64_t back_off(struct lane *l, unsigned retry_after_s)
{
    struct spool *s = l->spool;
    l->backoff_ns = l->backoff_ns ? l->backoff_ns * 2 : SPOOL_RETRY_FIRST_NS;
    if (l->backoff_ns > SPOOL_RETRY_MAX_NS)
        l->backoff_ns = SPOOL_RETRY_MAX_NS;
    uint64_t wait_ns = l->backoff_ns / 2 + random_below(s->options.random, l->backoff_ns / 2 + 1);
    uint64_t asked_ns = retry_after_s * (uint64_t)NS_PER_S;
    if (asked_ns)
        wait_ns = asked_ns + random_below(s->options.random, asked_ns / 4 + 1);
    l->retry_at_ns = clock_mono_ns(s->options.clock) + wait_ns;
    s->stats.retries++;
    return wait_ns;
}

static void fail(struct lane *l, bole_status st, const struct bole_err *err, unsigned retry_after_s)
{
    struct spool *s = l->spool;
    uint64_t wait_ns = back_off(l, retry_after_s);
    err_print(s->stats.last_error, sizeof s->stats.last_error, "%s", err->msg);
    if (!s->stop)
        LOG(WARN, "batch not taken yet: it is sent again", " lane=%u wait_ms=%llu reason=%s", l->index,
            (unsigned long long)(wait_ns / NS_PER_MS), LOGQS(err->msg));
}

static void settle(struct lane *l, const struct sending *x, const struct poster_answer *answer)
{
    struct spool *s = l->spool;
    s->progress_ns = clock_mono_ns(s->options.clock);
    s->stats.last_error[0] = 0;
    l->backoff_ns = l->retry_at_ns = 0;
    l->rewound = false;
    if (x->group->gone || !(x->group->open >> x->index & 1))
        return; /* dropped, or to be sent again, meanwhile */
    x->group->open &= ~(1ull << x->index);
    s->stats.batches_sent++;
    s->stats.records_sent += x->stamp.row_count - (answer->rejected < x->stamp.row_count ? answer->rejected : x->stamp.row_count);
    s->stats.bytes_sent += x->bytes.len;
    s->stats.duplicates += answer->duplicate;
    s->stats.records_rejected += answer->rejected;
    if (answer->rejected)
        LOG(WARN, "records refused for good", " records=%llu of=%u reason=%s", (unsigned long long)answer->rejected,
            x->stamp.row_count, LOGQS(answer->reason));
    spool_pop_answered(s);
}

/* From this batch on the lane goes on with a new producer. lock held, given up meanwhile. */
static void begin_again(struct lane *l, const struct sending *x)
{
    struct spool *s = l->spool;
    struct bole_err err = {0};
    pthread_mutex_unlock(&s->lock);
    pthread_mutex_lock(&s->append_lock);
    pthread_mutex_lock(&s->lock);
    struct batch_stamp now = batch_stamp_of(x->group->batches[x->index].bytes);
    spool_resolve(s, x->group->lsn, l->index, &now);
    bool moved = memcmp(now.producer, x->stamp.producer, sizeof now.producer) != 0; /* by somebody else, meanwhile */
    pthread_mutex_unlock(&s->lock);
    bole_status st = moved ? BOLE_OK : spool_move_lane(s, l->index, x->stamp.producer, x->stamp.sequence, &err);
    pthread_mutex_unlock(&s->append_lock);
    pthread_mutex_lock(&s->lock);
    l->rewound = false;
    if (st != BOLE_OK)
        fail(l, st, &err, 0);
}

static void close_gap(struct lane *l, const struct sending *x, const struct poster_answer *answer, struct bole_err *err)
{
    struct spool *s = l->spool;
    s->stats.gaps++;
    if (answer->wanted >= x->stamp.sequence || x->group->gone) { /* no sense in it */
        fail(l, BOLE_E_CONFLICT, err, 0);
        return;
    }
    if (!l->rewound && s->released_lsn < s->answered_lsn) {
        LOG(WARN, "server has less than it said: what is kept is sent again", " lane=%u sequence=%llu wanted=%llu", l->index,
            (unsigned long long)x->stamp.sequence, (unsigned long long)answer->wanted);
        l->rewound = true;
        if (spool_rewind(s, err) < 0)
            fail(l, BOLE_E_IO, err, 0);
        return;
    }
    LOG(WARN, "server misses batches that are not here any more: going on with a new producer",
        " lane=%u from=%llu to=%llu", l->index, (unsigned long long)answer->wanted, (unsigned long long)x->stamp.sequence - 1);
    begin_again(l, x);
}

static void judge(struct lane *l, struct sending *x, bole_status st, const struct poster_answer *answer, struct bole_err *err,
                  bool *ret_answered)
{
    if (st == BOLE_OK && answer->duplicate && x->first && !x->group->gone) {
        LOG(ERROR, "server knows a batch that was never sent: another agent has a copy of this state, or the state is an old one",
            " lane=%u sequence=%llu", l->index, (unsigned long long)x->stamp.sequence);
        begin_again(l, x);
    } else if (st == BOLE_OK) {
        settle(l, x, answer);
        *ret_answered = true;
    } else if (st == BOLE_E_CONFLICT) {
        close_gap(l, x, answer, err);
    } else {
        fail(l, st, err, answer->retry_after_s);
    }
}

uint64_t lane_step(struct lane *l, bool *ret_answered)
{
    struct spool *s = l->spool;
    struct sending x;
    struct bole_err err = {0};
    struct poster_answer answer = {0};
    uint64_t now = clock_mono_ns(s->options.clock);
    if (now < l->retry_at_ns)
        return l->retry_at_ns - now;
    if (spool_wants_load(s) && spool_load(s, &err) < 0) {
        fail(l, BOLE_E_IO, &err, 0);
        return SPOOL_RETRY_FIRST_NS;
    }
    if (!find_next(l, &x))
        return s->loaded_lsn < s->appended_lsn && !s->loading && s->window_count == 0 ? 0 : UINT64_MAX;
    if (!stamp(l, &x)) {
        bole_fail(&err, BOLE_E_NOMEM, "no memory for a batch");
        fail(l, BOLE_E_NOMEM, &err, 0);
        return SPOOL_RETRY_FIRST_NS;
    }
    x.group->pins++;
    pthread_mutex_unlock(&s->lock);
    bole_status st = poster_post(l->poster, x.bytes, x.stamp.sequence, &answer, &err);
    pthread_mutex_lock(&s->lock);
    judge(l, &x, st, &answer, &err, ret_answered);
    spool_unpin(x.group);
    free(x.restamped);
    return 0;
}
