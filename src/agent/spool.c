/*
 * The log is the truth; the window is the part of it that is in memory. Groups enter the window from spool_append while it
 * holds everything that was appended, else from the log, and leave it at its head when all their batches are answered.
 *
 * Released is what was answered and is in the checkpoint file: until both hold, a group may be needed again, to be sent or
 * to say how far the files were read. So what a crash sends again is what was answered since the last release, and the
 * server says that it has it.
 */
#include "agent/spool_private.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/err.h"
#include "base/log.h"
#include "os/thread.h"
#include "queue/wal.h"

enum {
    RELEASE_BYTES = 1024 * 1024, /* answered, before the log is told between two checkpoints: each time costs a sync */
    DROP_SHARE = 16,             /* of the spool that goes when its oldest has to */
    FILE_SIZE_MAX = 8 * 1024 * 1024, /* of the log: groups are looked for from the beginning of a file */
};

static uint64_t now_ns(const struct spool *s)
{
    return clock_mono_ns(s->options.clock);
}

/* ---- the window ---- */

static struct spool_group *group_create(uint64_t lsn, size_t size, const struct cut *cut)
{
    size_t bytes = 0;
    for (size_t i = 0; i < cut->batch_count; i++)
        bytes += cut->batches[i].bytes.len;
    struct spool_group *g = malloc(sizeof *g + cut->batch_count * sizeof *g->batches + bytes);
    if (!g)
        return NULL;
    *g = (struct spool_group){.lsn = lsn, .size = size, .batch_count = cut->batch_count};
    g->batches = (struct cut_batch *)(g + 1);
    uint8_t *to = (uint8_t *)(g->batches + cut->batch_count);
    for (size_t i = 0; i < cut->batch_count; i++) {
        bole_slice from = cut->batches[i].bytes;
        memcpy(to, from.ptr, from.len);
        g->batches[i] = (struct cut_batch){cut->batches[i].lane, {to, from.len}};
        g->open |= 1ull << i;
        to += from.len;
    }
    return g;
}

void spool_unpin(struct spool_group *g)
{
    if (--g->pins == 0 && g->gone)
        free(g);
}

static void group_leave(struct spool_group *g)
{
    g->gone = true;
    g->pins++;
    spool_unpin(g);
}

static bool window_takes(const struct spool *s, size_t size)
{
    return s->window_count == 0 || (s->window_count < SPOOL_WINDOW && s->window_bytes + size <= SPOOL_WINDOW_BYTES);
}

static void window_push(struct spool *s, struct spool_group *g)
{
    *(s->window ? &s->window_last->next : &s->window) = g;
    s->window_last = g;
    s->window_count++;
    s->window_bytes += g->size;
    s->loaded_lsn = g->lsn;
}

static void window_pop(struct spool *s)
{
    struct spool_group *g = s->window;
    s->window = g->next;
    s->window_count--;
    s->window_bytes -= g->size;
    group_leave(g);
}

void spool_drop_window(struct spool *s)
{
    while (s->window)
        window_pop(s);
}

void spool_pop_answered(struct spool *s)
{
    bool any = false;
    for (; s->window && s->window->open == 0; any = true) {
        size_t size = s->window->size;
        s->answered_lsn = s->window->lsn;
        s->unreleased += size;
        s->bytes -= s->bytes < size ? s->bytes : size;
        window_pop(s);
    }
    if (s->answered_lsn == s->appended_lsn)
        s->bytes = 0;
    if (any)
        pthread_cond_broadcast(&s->changed);
}

/* ---- from the log into the window ---- */

struct load {
    struct spool_group *first, *last;
    size_t count, bytes;
};

static bole_status load_group(uint64_t lsn, bole_slice payload, void *ctx, struct bole_err *err)
{
    struct load *load = ctx;
    struct cut cut;
    if (load->count && (load->count >= SPOOL_WINDOW || load->bytes + payload.len > SPOOL_WINDOW_BYTES))
        return BOLE_END;
    bole_status st = cut_decode(payload, &cut, err);
    if (st == BOLE_E_CORRUPT) { /* under a right checksum: not ours. It has no batch to send */
        LOG(ERROR, "group of the spool cannot be read", " lsn=%llu reason=%s", (unsigned long long)lsn, LOGQS(err->msg));
        cut = (struct cut){0};
        st = BOLE_OK;
    }
    struct spool_group *g = st == BOLE_OK ? group_create(lsn, payload.len, &cut) : NULL;
    if (!g)
        return st < 0 ? st : bole_fail(err, BOLE_E_NOMEM, "no memory for a group of the spool");
    *(load->first ? &load->last->next : &load->first) = g;
    load->last = g;
    load->count++;
    load->bytes += payload.len;
    return BOLE_OK;
}

bool spool_wants_load(const struct spool *s)
{
    return s->loaded_lsn < s->appended_lsn && !s->loading && s->window_count < SPOOL_WINDOW / 2;
}

bole_status spool_load(struct spool *s, struct bole_err *err)
{
    uint64_t after = s->loaded_lsn;
    struct load load = {0};
    s->loading = true;
    pthread_mutex_unlock(&s->lock);
    bole_status st = queue_read(s->queue, after, load_group, &load, err);
    pthread_mutex_lock(&s->lock);
    s->loading = false;
    bool moved = s->loaded_lsn != after; /* dropped or rewound meanwhile */
    for (struct spool_group *g = load.first, *next; g; g = next) {
        next = g->next;
        g->next = NULL;
        if (moved)
            free(g);
        else
            window_push(s, g);
    }
    if (st == BOLE_OK && !load.first && !moved)
        s->loaded_lsn = s->appended_lsn; /* damage has taken the rest */
    spool_pop_answered(s);
    if (s->loaded_lsn == s->appended_lsn && !s->window && s->answered_lsn < s->appended_lsn) {
        s->answered_lsn = s->appended_lsn;
        s->bytes = 0;
    }
    pthread_cond_broadcast(&s->changed);
    return st < 0 ? st : BOLE_OK;
}

bole_status spool_rewind(struct spool *s, struct bole_err *err)
{
    while (s->loading)
        pthread_cond_wait(&s->changed, &s->lock);
    spool_drop_window(s);
    s->loaded_lsn = s->answered_lsn = s->released_lsn;
    s->bytes += s->unreleased;
    s->unreleased = 0;
    return spool_load(s, err);
}

/* ---- producers ---- */

void spool_draw_producer(struct spool *s, uint8_t ret_producer[BATCH_PRODUCER_SIZE])
{
    do {
        store_u64(ret_producer, random_next(s->options.random));
        store_u64(ret_producer + 8, random_next(s->options.random));
    } while (load_u64(ret_producer) == 0 && load_u64(ret_producer + 8) == 0);
}

static bool move_applies(const struct cut_move *m, uint32_t lane, const uint8_t *producer, uint64_t sequence)
{
    return m->lane == lane && sequence >= m->from_sequence && memcmp(m->from, producer, BATCH_PRODUCER_SIZE) == 0;
}

void spool_resolve(const struct spool *s, uint64_t lsn, uint32_t lane, struct batch_stamp *stamp)
{
    for (size_t i = 0; i < s->move_count; i++) {
        const struct cut_move *m = &s->moves[i].move;
        if (s->moves[i].lsn <= lsn || !move_applies(m, lane, stamp->producer, stamp->sequence))
            continue;
        memcpy(stamp->producer, m->to, sizeof stamp->producer);
        stamp->sequence -= m->from_sequence - 1;
    }
}

static void move_lane(struct lane *l, const struct cut_move *m)
{
    if (!move_applies(m, l->index, l->producer, l->next_sequence))
        return;
    memcpy(l->producer, m->to, sizeof l->producer);
    l->next_sequence -= m->from_sequence - 1;
    l->sent_high = 0;
}

/* lock held */
static void note_move(struct spool *s, const struct cut_move *m, uint64_t lsn)
{
    assert(s->move_count < SPOOL_MOVES_ROOM);
    s->moves[s->move_count++] = (struct spool_move){*m, lsn};
}

/* lock held */
static void note_append(struct spool *s, uint64_t lsn, size_t size, const struct cut *cut)
{
    bool all_loaded = s->loaded_lsn == s->appended_lsn && !s->loading;
    if (s->answered_lsn == s->appended_lsn)
        s->progress_ns = now_ns(s);
    s->appended_lsn = lsn;
    s->bytes += size;
    struct spool_group *g = all_loaded && window_takes(s, size) ? group_create(lsn, size, cut) : NULL;
    if (g)
        window_push(s, g); /* else it is loaded when its turn comes */
    spool_pop_answered(s);
    pthread_cond_broadcast(&s->changed);
}

/* append_lock held, lock not. */
static bole_status append(struct spool *s, struct cut *cut, uint64_t *ret_lsn, size_t *ret_size, struct bole_err *err)
{
    struct buf head;
    bole_slice parts[1 + CUT_BATCHES_MAX];
    buf_init(&head, NULL);
    cut->number = s->cut_number + 1;
    cut_encode_head(cut, &head);
    parts[0] = buf_slice(&head);
    *ret_size = head.len;
    for (size_t i = 0; i < cut->batch_count; i++) {
        parts[1 + i] = cut->batches[i].bytes;
        *ret_size += cut->batches[i].bytes.len;
    }
    bole_status st = head.failed ? bole_fail(err, BOLE_E_NOMEM, "no memory for a group of the spool")
                                 : queue_append(s->queue, parts, 1 + cut->batch_count, ret_lsn, err);
    buf_deinit(&head);
    if (st < 0)
        bole_err_context(err, "spool %s", s->options.dir);
    else
        s->cut_number = cut->number;
    return st;
}

bole_status spool_move_lane(struct spool *s, uint32_t lane, const uint8_t from[BATCH_PRODUCER_SIZE], uint64_t from_sequence,
                            struct bole_err *err)
{
    struct cut cut = {.is_move = true, .move = {.lane = lane, .from_sequence = from_sequence}};
    uint64_t lsn;
    size_t size;
    memcpy(cut.move.from, from, sizeof cut.move.from);
    pthread_mutex_lock(&s->lock);
    spool_draw_producer(s, cut.move.to);
    bool full = s->move_count >= SPOOL_MOVES_MAX;
    pthread_mutex_unlock(&s->lock);
    if (full)
        return bole_fail(err, BOLE_AGAIN, "too many new producers in a short time");
    bole_status st = append(s, &cut, &lsn, &size, err);
    if (st < 0)
        return st;
    pthread_mutex_lock(&s->lock);
    note_move(s, &cut.move, lsn);
    move_lane(&s->lanes[lane], &cut.move);
    s->stats.new_producers++;
    note_append(s, lsn, size, &cut);
    pthread_mutex_unlock(&s->lock);
    return BOLE_OK;
}

/* ---- append ---- */

void spool_begin(struct spool *s)
{
    pthread_mutex_lock(&s->append_lock);
}

struct batch_stamp spool_next_stamp(struct spool *s, uint32_t lane)
{
    struct batch_stamp stamp = {0};
    pthread_mutex_lock(&s->lock);
    stamp.sequence = s->lanes[lane].next_sequence;
    memcpy(stamp.producer, s->lanes[lane].producer, sizeof stamp.producer);
    pthread_mutex_unlock(&s->lock);
    return stamp;
}

bole_status spool_append(struct spool *s, struct cut *cut, struct bole_err *err)
{
    uint64_t lsn;
    size_t size;
    bole_status st = BOLE_OK;
    if (cut) {
        cut->is_move = false;
        st = append(s, cut, &lsn, &size, err);
    }
    if (cut && st >= 0) {
        pthread_mutex_lock(&s->lock);
        for (size_t i = 0; i < cut->batch_count; i++)
            s->lanes[cut->batches[i].lane].next_sequence = batch_stamp_of(cut->batches[i].bytes).sequence + 1;
        note_append(s, lsn, size, cut);
        pthread_mutex_unlock(&s->lock);
    }
    pthread_mutex_unlock(&s->append_lock);
    return st;
}

/* ---- room ---- */

static bool is_away(const struct spool *s)
{
    return s->answered_lsn < s->appended_lsn && now_ns(s) - s->progress_ns >= s->options.away_ns;
}

static bool has_room(const struct spool *s)
{
    return s->appended_lsn - s->answered_lsn < SPOOL_WINDOW || (is_away(s) && s->bytes < s->options.spool_bytes);
}

struct drop {
    uint64_t wanted_bytes, bytes, last_lsn, batches, records;
    uint32_t lanes; /* bit of a lane */
};

static bole_status drop_group(uint64_t lsn, bole_slice payload, void *ctx, struct bole_err *err)
{
    struct drop *d = ctx;
    struct cut cut;
    if (d->bytes >= d->wanted_bytes)
        return BOLE_END;
    d->bytes += payload.len;
    d->last_lsn = lsn;
    if (cut_decode(payload, &cut, err) < 0)
        return BOLE_OK;
    for (size_t i = 0; i < cut.batch_count; i++) {
        d->lanes |= 1u << cut.batches[i].lane;
        d->records += batch_stamp_of(cut.batches[i].bytes).row_count;
    }
    d->batches += cut.batch_count;
    return BOLE_OK;
}

/* The oldest groups go, whether they have been sent or not. When the server is back it misses them (409), and their lanes go
 * on with new producers. */
static bole_status drop_oldest(struct spool *s, struct bole_err *err)
{
    struct drop d = {.wanted_bytes = s->options.spool_bytes / DROP_SHARE};
    pthread_mutex_lock(&s->lock);
    uint64_t after = s->answered_lsn;
    pthread_mutex_unlock(&s->lock);
    bole_status st = queue_read(s->queue, after, drop_group, &d, err);
    if (st < 0)
        return st;
    pthread_mutex_lock(&s->lock);
    if (s->answered_lsn == after && d.last_lsn > after) { /* else the server has come back */
        while (s->window && s->window->lsn <= d.last_lsn)
            window_pop(s);
        s->answered_lsn = d.last_lsn;
        s->loaded_lsn = s->loaded_lsn > d.last_lsn ? s->loaded_lsn : d.last_lsn;
        s->bytes -= s->bytes < d.bytes ? s->bytes : d.bytes;
        s->stats.batches_dropped += d.batches;
        s->stats.records_dropped += d.records;
        for (unsigned i = 0; i < CUT_LANES_MAX; i++)
            s->lanes[i].rewound |= d.lanes >> i & 1; /* what was dropped is not sent after all */
        LOG(WARN, "spool full: the oldest lines were dropped", " records=%llu batches=%llu", (unsigned long long)d.records,
            (unsigned long long)d.batches);
    }
    pthread_mutex_unlock(&s->lock);
    return BOLE_OK;
}

/* Absolute, for a condition that counts with CLOCK_MONOTONIC. */
bole_status spool_wait_room(struct spool *s, uint64_t wait_ns, struct bole_err *err)
{
    struct timespec deadline = thread_deadline(wait_ns);
    pthread_mutex_lock(&s->lock);
    int rc = 0;
    while (!has_room(s) && rc == 0 && !s->stop && wait_ns)
        rc = pthread_cond_timedwait(&s->changed, &s->lock, &deadline);
    bool room = has_room(s), drop = !room && is_away(s) && s->options.drop_oldest;
    const char *last = s->stats.last_error;
    bole_status st = room || drop
                         ? BOLE_OK
                         : bole_fail(err, BOLE_AGAIN, "%s%s%s", is_away(s) ? "the spool is full" : "waiting for the server",
                                     *last ? ": " : "", last);
    pthread_mutex_unlock(&s->lock);
    return drop ? drop_oldest(s, err) : st;
}

/* ---- the checkpoint, and what may be forgotten ---- */

void spool_checkpoint(struct spool *s, struct checkpoint *c)
{
    pthread_mutex_lock(&s->append_lock); /* a move is in both, log and lane, or in neither */
    pthread_mutex_lock(&s->lock);
    c->cut_number = s->cut_number;
    c->lane_count = s->lane_count;
    for (uint32_t i = 0; i < s->lane_count; i++) {
        c->lanes[i] = (struct checkpoint_lane){.lane = i, .next_sequence = s->lanes[i].next_sequence};
        memcpy(c->lanes[i].producer, s->lanes[i].producer, sizeof c->lanes[i].producer);
    }
    s->checkpoint_lsn = s->appended_lsn;
    pthread_mutex_unlock(&s->lock);
    pthread_mutex_unlock(&s->append_lock);
}

static void forget_moves(struct spool *s)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->move_count; i++)
        if (s->moves[i].lsn > s->released_lsn)
            s->moves[kept++] = s->moves[i];
    s->move_count = kept;
}

/* lock held, given up meanwhile. */
static void release(struct spool *s, uint64_t least_bytes)
{
    uint64_t lsn = s->answered_lsn < s->saved_lsn ? s->answered_lsn : s->saved_lsn;
    if (lsn <= s->released_lsn || s->unreleased < least_bytes)
        return;
    s->unreleased = 0;
    s->released_lsn = lsn; /* before it is: nobody shall rewind to what is about to go */
    forget_moves(s);
    pthread_mutex_unlock(&s->lock);
    struct bole_err err = {0};
    if (queue_release(s->queue, lsn, &err) < 0)
        LOG(WARN, "spool keeps what it could forget", " reason=%s", LOGQS(err.msg));
    pthread_mutex_lock(&s->lock);
}

void spool_saved(struct spool *s)
{
    pthread_mutex_lock(&s->lock);
    s->saved_lsn = s->checkpoint_lsn;
    release(s, 0);
    pthread_mutex_unlock(&s->lock);
}

/* ---- sending ---- */

static void *run_lane(void *arg)
{
    struct lane *l = arg;
    struct spool *s = l->spool;
    pthread_mutex_lock(&s->lock);
    while (!s->stop) {
        bool answered = false;
        uint64_t wait_ns = lane_step(l, &answered);
        if (answered)
            release(s, RELEASE_BYTES);
        if (wait_ns == 0 || s->stop)
            continue;
        struct timespec until = thread_deadline(wait_ns < NS_PER_S ? wait_ns : NS_PER_S);
        pthread_cond_timedwait(&s->changed, &s->lock, &until);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

bool spool_step(struct spool *s)
{
    bool any = false;
    assert(s->options.no_threads);
    pthread_mutex_lock(&s->lock);
    for (unsigned i = 0; i < s->lane_count; i++) {
        bool answered = false;
        lane_step(&s->lanes[i], &answered);
        any |= answered;
    }
    release(s, RELEASE_BYTES);
    pthread_mutex_unlock(&s->lock);
    return any;
}

/* ---- life ---- */

struct restore {
    struct spool *spool;
    const struct checkpoint *checkpoint;
    void (*fn)(void *ctx, bole_slice marks);
    void *ctx;
};

static bole_status restore_group(uint64_t lsn, bole_slice payload, void *ctx, struct bole_err *err)
{
    struct restore *r = ctx;
    struct spool *s = r->spool;
    struct cut cut;
    bole_status st = cut_decode(payload, &cut, err);
    if (st == BOLE_E_UNSUPPORTED)
        return st;
    if (st < 0)
        return BOLE_OK; /* told when its turn to be sent comes */
    bool is_new = cut.number > r->checkpoint->cut_number;
    s->bytes += payload.len;
    s->cut_number = cut.number > s->cut_number ? cut.number : s->cut_number;
    if (cut.is_move) {
        if (s->move_count == SPOOL_MOVES_ROOM)
            return bole_fail(err, BOLE_E_CORRUPT, "spool: more than %u new producers", SPOOL_MOVES_ROOM);
        note_move(s, &cut.move, lsn);
        if (is_new)
            move_lane(&s->lanes[cut.move.lane], &cut.move);
        return BOLE_OK;
    }
    for (size_t i = 0; i < cut.batch_count; i++) {
        struct lane *l = &s->lanes[cut.batches[i].lane];
        struct batch_stamp stamp = batch_stamp_of(cut.batches[i].bytes);
        if (l->index >= s->lane_count)
            s->lane_count = l->index + 1;
        if (is_new) {
            memcpy(l->producer, stamp.producer, sizeof l->producer);
            l->next_sequence = stamp.sequence + 1;
        }
    }
    if (is_new)
        r->fn(r->ctx, cut.marks);
    return BOLE_OK;
}

bole_status spool_restore(struct spool *s, const struct checkpoint *c, void (*fn)(void *ctx, bole_slice marks), void *ctx,
                          struct bole_err *err)
{
    struct restore r = {s, c, fn, ctx};
    static const uint8_t none[BATCH_PRODUCER_SIZE];
    s->cut_number = c->cut_number;
    for (size_t i = 0; i < c->lane_count; i++) {
        struct lane *l = &s->lanes[c->lanes[i].lane];
        memcpy(l->producer, c->lanes[i].producer, sizeof l->producer);
        l->next_sequence = c->lanes[i].next_sequence;
    }
    bole_status st = queue_read(s->queue, 0, restore_group, &r, err);
    if (st < 0)
        return st;
    s->progress_ns = now_ns(s);
    for (unsigned i = 0; i < CUT_LANES_MAX; i++) {
        struct lane *l = &s->lanes[i];
        if (memcmp(l->producer, none, sizeof none) == 0) {
            spool_draw_producer(s, l->producer);
            l->next_sequence = 1;
        }
        l->sent_high = l->next_sequence - 1; /* nobody knows how much of it was sent */
    }
    for (unsigned i = 0; i < s->lane_count && st >= 0; i++) {
        st = s->options.make_poster(s->options.make_poster_ctx, &s->lanes[i].poster, err);
        if (st >= 0 && !s->options.no_threads)
            st = lane_start(&s->lanes[i], err);
    }
    return st;
}

static bole_status open_log(struct spool *s, struct bole_err *err)
{
    const struct spool_options *o = &s->options;
    struct wal_options wal = {.dir = o->dir,
                              .fs = o->fs,
                              .clock = o->clock,
                              .random = o->random,
                              .on_fatal = o->on_fatal,
                              .reserve_bytes = o->reserve_bytes,
                              .file_size_min = o->file_size_max && o->file_size_max < WAL_FILE_SIZE_MIN ? o->file_size_max : 0,
                              .file_size_max = o->file_size_max ? o->file_size_max : FILE_SIZE_MAX,
                              .no_helper = o->no_threads};
    bole_status st = wal_open(&wal, &s->queue, err);
    if (st < 0)
        return st;
    struct queue_stats stats;
    queue_stats(s->queue, &stats);
    s->appended_lsn = stats.appended_lsn;
    s->released_lsn = s->answered_lsn = s->saved_lsn = s->loaded_lsn = stats.released_lsn;
    return BOLE_OK;
}

bole_status spool_open(const struct spool_options *options, struct spool **ret_spool, struct bole_err *err)
{
    struct spool *s = calloc(1, sizeof *s);
    if (!s)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for the spool");
    assert(options->lane_count >= 1 && options->lane_count <= CUT_LANES_MAX);
    s->options = *options;
    s->options.spool_bytes = options->spool_bytes ? options->spool_bytes : SPOOL_BYTES_DEFAULT;
    s->options.away_ns = options->away_ns ? options->away_ns : SPOOL_AWAY_NS;
    s->lane_count = options->lane_count;
    pthread_mutex_init(&s->append_lock, NULL);
    pthread_mutex_init(&s->lock, NULL);
    thread_cond_init(&s->changed);
    for (unsigned i = 0; i < CUT_LANES_MAX; i++) {
        s->lanes[i].spool = s;
        s->lanes[i].index = i;
    }
    s->options.dir = strdup(options->dir);
    bole_status st = s->options.dir ? open_log(s, err) : bole_fail(err, BOLE_E_NOMEM, "no memory for the spool");
    if (st < 0) {
        spool_destroy(s);
        return st;
    }
    *ret_spool = s;
    return BOLE_OK;
}

bole_status lane_start(struct lane *l, struct bole_err *err)
{
    char name[16];
    snprintf(name, sizeof name, "agent-lane-%u", l->index);
    bole_status st = thread_start(name, run_lane, l, &l->thread, err);
    l->runs = st == BOLE_OK;
    return st;
}

void spool_destroy(struct spool *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    s->stop = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    for (unsigned i = 0; i < CUT_LANES_MAX; i++) {
        if (s->lanes[i].runs)
            pthread_join(s->lanes[i].thread, NULL);
        poster_destroy(s->lanes[i].poster);
    }
    spool_drop_window(s);
    queue_destroy(s->queue);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    pthread_mutex_destroy(&s->append_lock);
    free((char *)s->options.dir);
    free(s);
}

void spool_get_stats(struct spool *s, struct spool_stats *ret_stats)
{
    pthread_mutex_lock(&s->lock);
    *ret_stats = s->stats;
    ret_stats->groups = s->appended_lsn - s->answered_lsn;
    ret_stats->bytes = s->bytes;
    ret_stats->is_away = is_away(s);
    ret_stats->is_full = !has_room(s) && is_away(s);
    pthread_mutex_unlock(&s->lock);
}
