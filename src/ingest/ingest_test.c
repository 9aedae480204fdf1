#include "ingest/ingest_private.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/test.h"
#include "queue/faulty.h"

static const bole_slice LABELS = S("\3job\1x");

struct fixture {
    struct queue *queue;
    struct store *store;
    struct budget budget;
    struct ingest *in;
};

static struct fixture fixture_of(bole_slice queue_uri, size_t budget_bytes)
{
    struct fixture f = {0};
    struct bole_err err;
    budget_init(&f.budget, NULL, budget_bytes);
    struct queue_options q = {.uri = queue_uri, .fs = &fs_posix, .clock = &clock_system, .random = &random_system};
    CHECK_OK(queue_open(&q, &f.queue, &err), err);
    struct store_options s = {.uri = S("mem:"), .fs = &fs_posix, .clock = &clock_system};
    CHECK_OK(store_open(&s, &f.store, &err), err);
    return f;
}

static void fixture_start(struct fixture *f, unsigned workers)
{
    struct bole_err err;
    struct ingest_options o = {.queue = f->queue, .store = f->store, .clock = &clock_system, .budget = &f->budget,
                               .fs = &fs_posix, .worker_count = workers};
    CHECK_OK(ingest_create(&o, &f->in, &err), err);
}

static void fixture_end(struct fixture *f)
{
    ingest_destroy(f->in);
    store_destroy(f->store);
    queue_destroy(f->queue);
}

/* ---- waiting for an acknowledgement ---- */

struct wait {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned done;
    bole_status status;
    char message[sizeof((struct bole_err *)0)->msg];
};

static void wait_init(struct wait *w)
{
    *w = (struct wait){.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
}

static void on_done(bole_status status, const struct bole_err *err, void *ctx)
{
    struct wait *w = ctx;
    pthread_mutex_lock(&w->lock);
    w->done++;
    if (status < 0) {
        w->status = status;
        snprintf(w->message, sizeof w->message, "%s", err->msg);
    }
    pthread_cond_signal(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

static bole_status wait_for(struct wait *w, unsigned count)
{
    pthread_mutex_lock(&w->lock);
    while (w->done < count)
        pthread_cond_wait(&w->changed, &w->lock);
    pthread_mutex_unlock(&w->lock);
    return w->status;
}

/* ---- counting what the store holds ---- */

static uint64_t stored_rows(struct store *store, bool (*check)(bole_slice line, const struct batch_field *fields, size_t n))
{
    struct view *view = store_view(store);
    struct store_query q = {.tenant = S("t"), .from_ns = INT64_MIN, .to_ns = INT64_MAX, .projection = PROJECT_LINE | PROJECT_FIELDS};
    struct scan *scan;
    struct bole_err err;
    CHECK_OK(store_scan_open(store, view, &q, &scan, &err), err);
    uint64_t rows = 0;
    struct vector *v;
    while (store_scan_next(scan, &v, &err) == BOLE_OK)
        for (uint32_t r = vector_first(v); r < v->row_count; r = vector_next(v, r)) {
            const struct batch_field *fields;
            size_t n = v->fields(v, r, &fields);
            CHECK(!check || check(column_get(&v->line, r), fields, n));
            rows++;
        }
    store_scan_close(scan);
    store_view_release(store, view);
    return rows;
}

static void add_rows(struct ingest_request *r, uint32_t rows, bole_slice line)
{
    struct bole_err err;
    struct ingest_stream stream = {.tenant = S("t"), .labels = LABELS};
    for (uint32_t i = 0; i < rows; i++)
        CHECK_OK(ingest_add(r, (int64_t)i, &stream, line, NULL, 0, &err), err);
}

TEST(acknowledged_is_searchable)
{
    struct fixture f = fixture_of(S("mem:"), SIZE_MAX);
    fixture_start(&f, 1);
    struct wait w;
    wait_init(&w);
    for (unsigned i = 1; i <= 50; i++) {
        struct ingest_request *r;
        struct bole_err err;
        CHECK_OK(ingest_begin(f.in, 0, 100, &r, &err), err);
        add_rows(r, 3, S("hello"));
        ingest_commit(r, on_done, &w);
        CHECK_EQ_STATUS(wait_for(&w, i), BOLE_OK);
        CHECK_EQ_U64(stored_rows(f.store, NULL), 3 * i);
    }
    fixture_end(&f);
}

TEST(a_request_taken_back_leaves_nothing)
{
    struct fixture f = fixture_of(S("mem:"), SIZE_MAX);
    fixture_start(&f, 1);
    struct wait w;
    wait_init(&w);
    struct bole_err err;
    static const size_t sizes[] = {100, 1 << 20};
    for (size_t i = 0; i < 2; i++) {
        struct ingest_request *r;
        CHECK_OK(ingest_begin(f.in, 0, sizes[i], &r, &err), err);
        add_rows(r, 10, S("gone"));
        ingest_rollback(r);
        CHECK_OK(ingest_begin(f.in, 0, sizes[i], &r, &err), err);
        add_rows(r, 5, S("kept"));
        ingest_commit(r, on_done, &w);
        CHECK_EQ_STATUS(wait_for(&w, (unsigned)i + 1), BOLE_OK);
    }
    CHECK_EQ_U64(stored_rows(f.store, NULL), 10);
    struct ingest_request *r;
    CHECK_OK(ingest_begin(f.in, 0, 10, &r, &err), err);
    ingest_commit(r, on_done, &w); /* without rows: done at once */
    CHECK_EQ_U64(w.done, 3);
    fixture_end(&f);
}

static bool is_big_row(bole_slice line, const struct batch_field *fields, size_t n)
{
    return line.len == 1000 && n == 1 && fields[0].value.len == 5;
}

/* Announced as small, but its records fill several batches: nothing of it or of its neighbours may be lost. */
TEST(a_small_request_that_outgrows_the_open_batch_moves_out)
{
    struct fixture f = fixture_of(S("mem:"), SIZE_MAX);
    fixture_start(&f, 1);
    struct wait w;
    wait_init(&w);
    struct bole_err err;
    uint8_t text[1000];
    memset(text, 'x', sizeof text);
    struct batch_field field = {S("key"), S("value")};
    for (unsigned round = 0; round < 2; round++) { /* 0: committed, 1: taken back */
        struct ingest_request *r;
        struct ingest_stream stream = {.tenant = S("t"), .labels = LABELS};
        CHECK_OK(ingest_begin(f.in, 0, 100, &r, &err), err);
        for (int i = 0; i < 5000; i++)
            CHECK_OK(ingest_add(r, i, &stream, bole_slice_from(text, sizeof text), &field, 1, &err), err);
        CHECK_EQ_U64(ingest_rows(r), 5000);
        if (round == 0)
            ingest_commit(r, on_done, &w);
        else
            ingest_rollback(r);
    }
    CHECK_EQ_STATUS(wait_for(&w, 1), BOLE_OK);
    CHECK_EQ_U64(stored_rows(f.store, is_big_row), 5000);
    fixture_end(&f);
}

struct hammer {
    struct ingest *in;
    unsigned worker;
    uint64_t rows;
    struct wait wait;
};

static void *hammer_main(void *arg)
{
    struct hammer *h = arg;
    struct random r;
    random_seed(&r, 40 + h->worker);
    unsigned requests = 0;
    uint8_t text[600];
    memset(text, 'y', sizeof text);
    for (; requests < 400; requests++) {
        struct bole_err err;
        struct ingest_request *request;
        uint32_t rows = 1 + (uint32_t)random_below(&r, random_below(&r, 20) ? 20 : 4000);
        CHECK_OK(ingest_begin(h->in, h->worker, rows * 300, &request, &err), err);
        add_rows(request, rows, bole_slice_from(text, random_below(&r, sizeof text)));
        if (random_below(&r, 10) == 0) {
            ingest_rollback(request);
            on_done(BOLE_OK, NULL, &h->wait);
            continue;
        }
        h->rows += rows;
        ingest_commit(request, on_done, &h->wait);
    }
    wait_for(&h->wait, requests);
    return NULL;
}

TEST(many_workers_and_sizes_lose_and_double_nothing)
{
    enum { WORKERS = 3 };
    struct fixture f = fixture_of(S("mem:"), SIZE_MAX);
    fixture_start(&f, WORKERS);
    struct hammer hammers[WORKERS];
    pthread_t threads[WORKERS];
    uint64_t rows = 0;
    for (unsigned i = 0; i < WORKERS; i++) {
        hammers[i] = (struct hammer){.in = f.in, .worker = i};
        wait_init(&hammers[i].wait);
        CHECK(pthread_create(&threads[i], NULL, hammer_main, &hammers[i]) == 0);
    }
    for (unsigned i = 0; i < WORKERS; i++) {
        pthread_join(threads[i], NULL);
        CHECK_EQ_STATUS(hammers[i].wait.status, BOLE_OK);
        rows += hammers[i].rows;
    }
    CHECK_EQ_U64(stored_rows(f.store, NULL), rows);
    struct ingest_stats stats;
    ingest_get_stats(f.in, &stats);
    CHECK_EQ_U64(stats.rows_total, rows);
    CHECK(stats.groups_total < stats.requests_total);
    fixture_end(&f);
}

enum { NOISE_ROW = 700 * 1024 }; /* bytes: one to a batch, and they do not get smaller */

static uint8_t *make_noise(void)
{
    uint8_t *noise = malloc(NOISE_ROW);
    struct random r;
    random_seed(&r, 3);
    for (size_t i = 0; noise && i < NOISE_ROW; i++)
        noise[i] = (uint8_t)random_next(&r);
    CHECK(noise != NULL);
    return noise;
}

/* A request of rows of noise, whose first byte is its name. */
static void commit_noise(struct ingest *in, unsigned worker, uint8_t *noise, uint32_t rows, uint8_t name, struct wait *w)
{
    struct ingest_request *r;
    struct bole_err err;
    CHECK_OK(ingest_begin(in, worker, (size_t)rows * NOISE_ROW, &r, &err), err);
    noise[0] = name;
    add_rows(r, rows, bole_slice_from(noise, NOISE_ROW));
    ingest_commit(r, on_done, w);
}

static uint8_t wanted_name;
static uint32_t rows_of_name;

static bool count_name(bole_slice line, const struct batch_field *fields, size_t n)
{
    (void)fields, (void)n;
    rows_of_name += line.ptr[0] == wanted_name;
    return true;
}

/* Requests of all sizes that fit a group, so many at once that they share and fill groups; the disk refuses some of them.
 * Goes red when a group takes the units of a request one by one. */
TEST(a_request_that_fits_a_group_is_stored_wholly_or_not_at_all)
{
    static const uint32_t sizes[] = {1, 5, 3, 17, 9, 22, 2, 7, 11, 4}; /* 22 rows are 15.8 MB */
    enum { REQUESTS = sizeof sizes / sizeof *sizes };
    uint8_t *noise = make_noise();
    for (uint64_t k = 1; k <= 6; k++) {
        struct fixture f = fixture_of(S("mem:"), SIZE_MAX);
        struct wait waits[REQUESTS];
        struct bole_err err;
        CHECK_OK(queue_faulty_create(f.queue, &f.queue, &err), err);
        queue_faulty_set(f.queue, &(struct queue_faults){.fail_from = k, .fail_count = 1, .status = BOLE_E_IO,
                                                         .append_delay_ns = 30 * NS_PER_MS});
        fixture_start(&f, 2);
        for (uint8_t i = 0; i < REQUESTS; i++) {
            wait_init(&waits[i]);
            commit_noise(f.in, i % 2, noise, sizes[i], i, &waits[i]);
        }
        unsigned refused = 0;
        for (uint8_t i = 0; i < REQUESTS; i++) {
            bole_status st = wait_for(&waits[i], 1);
            wanted_name = i;
            rows_of_name = 0;
            stored_rows(f.store, count_name);
            CHECK_EQ_U64(rows_of_name, st == BOLE_OK ? sizes[i] : 0);
            CHECK(!strstr(waits[i].message, "are stored"));
            refused += st != BOLE_OK;
        }
        CHECK(refused > 0);
        fixture_end(&f);
    }
    free(noise);
}

struct stream_of_requests {
    struct ingest *in;
    uint8_t       *noise;
    struct wait    wait;
};

/* Three requests of 4 MB are always there: together they are more than a group. */
static void *keep_busy(void *arg)
{
    enum { REQUESTS = 60, AT_ONCE = 3 };
    struct stream_of_requests *s = arg;
    for (unsigned i = 0; i < REQUESTS; i++) {
        commit_noise(s->in, 0, s->noise, 6, 1, &s->wait);
        if (i + 1 >= AT_ONCE)
            wait_for(&s->wait, i + 2 - AT_ONCE);
    }
    wait_for(&s->wait, REQUESTS);
    return NULL;
}

/* It needs an empty group, which the other worker's requests would never leave it. */
TEST(a_request_too_large_to_share_a_group_gets_its_turn)
{
    struct fixture f = fixture_of(S("mem:"), SIZE_MAX);
    struct bole_err err;
    CHECK_OK(queue_faulty_create(f.queue, &f.queue, &err), err);
    queue_faulty_set(f.queue, &(struct queue_faults){.append_delay_ns = 20 * NS_PER_MS});
    fixture_start(&f, 2);
    struct stream_of_requests busy = {.in = f.in, .noise = make_noise()};
    uint8_t *noise = make_noise();
    struct wait large;
    pthread_t thread;
    wait_init(&busy.wait);
    wait_init(&large);
    CHECK(pthread_create(&thread, NULL, keep_busy, &busy) == 0);
    wait_for(&busy.wait, 3);
    commit_noise(f.in, 1, noise, 20, 2, &large);
    CHECK_EQ_STATUS(wait_for(&large, 1), BOLE_OK);
    pthread_mutex_lock(&busy.wait.lock);
    unsigned others = busy.wait.done;
    pthread_mutex_unlock(&busy.wait.lock);
    pthread_join(thread, NULL);
    CHECK(others < 50);
    free(noise);
    free(busy.noise);
    fixture_end(&f);
}

/* A body of several groups whose k-th group the disk refuses: the answer must be the refusal, for every k, and nothing of
 * it is stored after that group. Goes red when only the last part decides. */
TEST(a_large_request_is_acknowledged_only_when_all_its_groups_are_durable)
{
    enum { ROWS = 36 };
    uint8_t *noise = make_noise();
    uint64_t groups = UINT64_MAX;
    for (uint64_t k = 0; k <= groups; k++) { /* 0: none fails */
        struct fixture f = fixture_of(S("mem:"), SIZE_MAX);
        struct bole_err err;
        CHECK_OK(queue_faulty_create(f.queue, &f.queue, &err), err);
        queue_faulty_set(f.queue, &(struct queue_faults){.fail_from = k, .fail_count = k ? 1 : 0, .status = BOLE_E_IO});
        fixture_start(&f, 1);
        struct wait w;
        wait_init(&w);
        commit_noise(f.in, 0, noise, ROWS, 0, &w);
        CHECK_EQ_STATUS(wait_for(&w, 1), k ? BOLE_E_IO : BOLE_OK);
        if (k == 0) {
            groups = queue_faulty_append_count(f.queue);
            CHECK(groups >= 3);
            CHECK_EQ_U64(stored_rows(f.store, NULL), ROWS);
        } else {
            CHECK_EQ_U64(queue_faulty_append_count(f.queue), k); /* nothing was tried after the failure */
            uint64_t stored = stored_rows(f.store, NULL);
            char said[100];
            snprintf(said, sizeof said, "the first %llu of %d records are stored, the others are not: ", (unsigned long long)stored, ROWS);
            CHECK(stored < ROWS && (stored == 0) == (k == 1));
            CHECK(stored ? strstr(w.message, said) == w.message : !strstr(w.message, "are stored"));
        }
        fixture_end(&f);
    }
    free(noise);
}

TEST(without_memory_a_request_is_refused_at_the_door)
{
    struct fixture f = fixture_of(S("mem:"), 4 << 20);
    fixture_start(&f, 1);
    struct ingest_request *r;
    struct bole_err err;
    CHECK_EQ_STATUS(ingest_begin(f.in, 0, 3 << 20, &r, &err), BOLE_E_LIMIT);
    CHECK_OK(ingest_begin(f.in, 0, 1000, &r, &err), err);
    ingest_rollback(r);
    fixture_end(&f);
}

TEST(everything_a_large_request_holds_is_charged)
{
    struct fixture f = fixture_of(S("mem:"), 64 << 20);
    fixture_start(&f, 1);
    uint8_t *noise = make_noise();
    struct ingest_request *r;
    struct bole_err err;
    CHECK_OK(ingest_begin(f.in, 0, 10 * NOISE_ROW, &r, &err), err);
    add_rows(r, 10, bole_slice_from(noise, NOISE_ROW));
    CHECK(f.budget.used_bytes >= 2 * 9 * (size_t)NOISE_ROW); /* nine batches, each beside its encoded form */
    CHECK(ingest_held_bytes(r) >= 2 * 9 * (size_t)NOISE_ROW && ingest_held_bytes(r) <= f.budget.used_bytes);
    ingest_rollback(r);
    free(noise);
    fixture_end(&f);
}

/* An open batch that cannot be sealed for want of memory belongs to requests that wait for their answer. Goes red (it
 * hangs, or rows are missing) when the builder is emptied before there is room for all that it becomes. */
TEST(without_memory_to_seal_a_batch_its_rows_stay)
{
    struct fixture f = fixture_of(S("mem:"), 64 << 20);
    struct bole_err err;
    CHECK_OK(queue_faulty_create(f.queue, &f.queue, &err), err);
    queue_faulty_set(f.queue, &(struct queue_faults){.append_delay_ns = 300 * NS_PER_MS});
    fixture_start(&f, 1);
    struct wait w;
    struct ingest_request *r;
    uint8_t *noise = make_noise();
    wait_init(&w);
    for (unsigned i = 0; i < 2; i++) { /* the first keeps the committer busy, the second stays in the open batch */
        CHECK_OK(ingest_begin(f.in, 0, 1000, &r, &err), err);
        add_rows(r, 1, bole_slice_from(noise, NOISE_ROW));
        ingest_commit(r, on_done, &w);
        struct timespec pause = {.tv_nsec = 100 * NS_PER_MS};
        nanosleep(&pause, NULL);
    }
    for (size_t room = 0; room < 3 << 20; room += 64 * 1024) { /* enough for one half of it, for one and a half... */
        size_t taken = f.budget.limit_bytes - f.budget.used_bytes - room;
        CHECK(budget_take(&f.budget, taken));
        bole_status st = ingest_begin(f.in, 0, 1000, &r, &err);
        budget_give(&f.budget, taken);
        if (st == BOLE_OK) {
            ingest_rollback(r);
            break;
        }
        CHECK_EQ_STATUS(st, BOLE_E_LIMIT);
    }
    CHECK_EQ_STATUS(wait_for(&w, 2), BOLE_OK);
    CHECK_EQ_U64(stored_rows(f.store, NULL), 2);
    free(noise);
    fixture_end(&f);
}

TEST(what_the_queue_holds_comes_back_after_a_restart)
{
    char dir[] = "/tmp/bole-ingest-XXXXXX", uri[64];
    CHECK(mkdtemp(dir) != NULL);
    snprintf(uri, sizeof uri, "wal:%s", dir);
    for (unsigned life = 1; life <= 3; life++) {
        struct fixture f = fixture_of(bole_slice_str(uri), SIZE_MAX);
        fixture_start(&f, 1);
        CHECK_EQ_U64(stored_rows(f.store, NULL), (life - 1) * 7); /* the mem store forgets, the queue does not */
        struct wait w;
        wait_init(&w);
        struct ingest_request *r;
        struct bole_err err;
        CHECK_OK(ingest_begin(f.in, 0, 100, &r, &err), err);
        add_rows(r, 7, S("again"));
        ingest_commit(r, on_done, &w);
        CHECK_EQ_STATUS(wait_for(&w, 1), BOLE_OK);
        fixture_end(&f);
    }
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", dir);
    CHECK(system(command) == 0);
}

/* ---- no room ---- */

static bole_status try_store(struct fixture *f, struct bole_err *err)
{
    struct wait w;
    struct ingest_request *r;
    wait_init(&w);
    bole_status st = ingest_begin(f->in, 0, 100, &r, err);
    if (st < 0)
        return st;
    uint8_t noise[4000];
    struct random random;
    random_seed(&random, 1);
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (uint8_t)random_next(&random);
    add_rows(r, 10, bole_slice_from(noise, sizeof noise));
    ingest_commit(r, on_done, &w);
    return wait_for(&w, 1);
}

/* Want of a descriptor for the log's next file, and a disk that is full to its reserve: requests are told "later", the
 * door is shut until there is room, and opens by itself. Mutant: let the queue's status through as it was
 * (BOLE_E_LIMIT, IO). */
TEST(without_room_requests_wait_and_service_returns)
{
    enum { RESERVE = 8 << 20, CAPACITY = 16 << 20 };
    static const struct fs_mem_faults faults[] = {{.no_descriptors = true}, {.capacity_bytes = CAPACITY}};
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        struct fixture f = {0};
        struct fs *disk = fs_mem_create();
        struct bole_err err;
        budget_init(&f.budget, NULL, SIZE_MAX);
        struct queue_options q = {.uri = S("wal:data/wal"), .fs = disk, .clock = &clock_system,
                                  .random = &random_system, .reserve_bytes = RESERVE};
        CHECK_OK(queue_open(&q, &f.queue, &err), err);
        struct store_options s = {.uri = S("segments:data"), .fs = disk, .clock = &clock_system, .budget = &f.budget,
                                  .head_max_bytes = 1 << 30 /* no cut gives room back in between */};
        CHECK_OK(store_open(&s, &f.store, &err), err);
        struct ingest_options o = {.queue = f.queue, .store = f.store, .clock = &clock_system, .budget = &f.budget,
                                   .fs = disk, .data_dir = "data", .reserve_bytes = RESERVE, .worker_count = 1};
        CHECK_OK(ingest_create(&o, &f.in, &err), err);
        CHECK_OK(try_store(&f, &err), err);
        fs_mem_set_faults(disk, &faults[i]);
        uint64_t stored = 10, free_bytes;
        bole_status st;
        for (; (st = try_store(&f, &err)) == BOLE_OK; stored += 10)
            CHECK(stored < 100000);
        CHECK_EQ_STATUS(st, BOLE_E_FULL);
        CHECK_OK(fs_free_space(disk, "data", &free_bytes, &err), err);
        CHECK(free_bytes >= RESERVE);
        CHECK_EQ_STATUS(try_store(&f, &err), BOLE_E_FULL); /* at the door */
        CHECK_EQ_STATUS(ingest_flush(f.in, &err), faults[i].no_descriptors ? BOLE_E_LIMIT : BOLE_OK);
        fs_mem_set_faults(disk, &(struct fs_mem_faults){0});
        for (int tries = 0; (st = try_store(&f, &err)) == BOLE_E_FULL && tries < 100; tries++)
            usleep(100 * 1000);
        CHECK_EQ_STATUS(st, BOLE_OK);
        CHECK_OK(ingest_flush(f.in, &err), err); /* the cut that failed is made up for */
        CHECK_EQ_U64(stored_rows(f.store, NULL), stored + 10);
        fixture_end(&f);
        fs_mem_destroy(disk);
    }
}

/* One group that does not fit is no reason to refuse those that would. */
TEST(the_door_stays_open_while_the_queue_has_room_for_others)
{
    struct fixture f = fixture_of(S("mem:"), SIZE_MAX);
    struct bole_err err;
    CHECK_OK(queue_faulty_create(f.queue, &f.queue, &err), err);
    queue_faulty_set(f.queue, &(struct queue_faults){.fail_from = 1, .fail_count = 1, .status = BOLE_E_FULL});
    fixture_start(&f, 1);
    CHECK_EQ_STATUS(try_store(&f, &err), BOLE_E_FULL);
    CHECK_OK(try_store(&f, &err), err);
    fixture_end(&f);
}

/* ---- flushes ---- */

static void *flush_often(void *ctx)
{
    struct fixture *f = ctx;
    for (int i = 0; i < 100; i++) {
        struct bole_err err;
        CHECK_OK(ingest_flush(f->in, &err), err);
    }
    return NULL;
}

TEST(flushes_at_once_are_all_answered)
{
    enum { THREADS = 4, REQUESTS = 50 };
    struct fixture f = fixture_of(S("mem:"), 64 << 20);
    pthread_t threads[THREADS];
    struct wait w;
    wait_init(&w);
    fixture_start(&f, 1);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, flush_often, &f) == 0);
    for (unsigned i = 0; i < REQUESTS; i++) {
        struct ingest_request *r;
        struct bole_err err;
        CHECK_OK(ingest_begin(f.in, 0, 100, &r, &err), err);
        add_rows(r, 10, S("line"));
        ingest_commit(r, on_done, &w);
        CHECK_EQ_STATUS(wait_for(&w, i + 1), BOLE_OK);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    CHECK_EQ_U64(stored_rows(f.store, NULL), 10 * REQUESTS);
    fixture_end(&f);
}

/* ---- lanes ---- */

struct lane_push {
    struct ingest_lane lane;
    struct wait w;
};

/* Sends one batch of the lane and waits. `done` told the caller through the lane. */
static bole_status push_lane(struct fixture *f, unsigned worker, uint8_t producer, uint64_t sequence, uint32_t rows,
                             struct ingest_lane *ret_lane)
{
    struct lane_push p = {.lane = {.producer = {producer}, .sequence = sequence}};
    struct ingest_request *r;
    struct bole_err err;
    wait_init(&p.w);
    CHECK_OK(ingest_begin_lane(f->in, worker, 100, &p.lane, &r, &err), err);
    add_rows(r, rows, S("of a lane"));
    ingest_commit(r, on_done, &p.w);
    bole_status st = wait_for(&p.w, 1);
    *ret_lane = p.lane;
    return st;
}

TEST(a_batch_of_a_lane_is_stored_once_and_in_its_turn)
{
    struct fixture f = fixture_of(S("mem:"), SIZE_MAX);
    struct ingest_lane lane;
    struct ingest_stats stats;
    fixture_start(&f, 2);
    CHECK_EQ_STATUS(push_lane(&f, 0, 1, 2, 5, &lane), BOLE_E_CONFLICT); /* it begins with 1 */
    CHECK_EQ_U64(lane.wanted, 1);
    CHECK_OK(push_lane(&f, 0, 1, 1, 5, &lane), (struct bole_err){0});
    CHECK(!lane.was_stored);
    CHECK_OK(push_lane(&f, 1, 1, 1, 5, &lane), (struct bole_err){0}); /* again, over another connection */
    CHECK(lane.was_stored);
    CHECK_OK(push_lane(&f, 1, 1, 2, 5, &lane), (struct bole_err){0});
    CHECK_EQ_STATUS(push_lane(&f, 0, 1, 4, 5, &lane), BOLE_E_CONFLICT);
    CHECK_EQ_U64(lane.wanted, 3);
    CHECK_OK(push_lane(&f, 0, 1, 3, 0, &lane), (struct bole_err){0}); /* nothing was left of it */
    CHECK_OK(push_lane(&f, 0, 1, 4, 5, &lane), (struct bole_err){0});
    CHECK_OK(push_lane(&f, 0, 2, 1, 5, &lane), (struct bole_err){0}); /* another lane */
    CHECK_EQ_U64(stored_rows(f.store, NULL), 20);
    ingest_get_stats(f.in, &stats);
    CHECK_EQ_U64(stats.lane_resent_total, 1);
    CHECK_EQ_U64(stats.lane_gaps_total, 2);
    fixture_end(&f);
}

/* All of these are there before the committer looks: it has to decide within one group. */
TEST(resends_of_what_is_on_its_way_wait_for_it)
{
    enum { SENDERS = 8 };
    for (int fails = 0; fails < 2; fails++) {
        struct fixture f = fixture_of(S("mem:"), SIZE_MAX);
        struct bole_err err;
        CHECK_OK(queue_faulty_create(f.queue, &f.queue, &err), err);
        if (fails)
            queue_faulty_set(f.queue, &(struct queue_faults){.fail_from = 1, .fail_count = 1000, .status = BOLE_E_FULL});
        fixture_start(&f, SENDERS);
        pthread_mutex_lock(&f.in->lock); /* the committer waits here */
        struct lane_push pushes[SENDERS];
        struct ingest_request *requests[SENDERS];
        for (unsigned i = 0; i < SENDERS; i++) {
            pushes[i] = (struct lane_push){.lane = {.producer = {7}, .sequence = 1}};
            wait_init(&pushes[i].w);
            CHECK_OK(ingest_begin_lane(f.in, i, 100, &pushes[i].lane, &requests[i], &err), err);
            add_rows(requests[i], 3, S("x"));
        }
        pthread_mutex_unlock(&f.in->lock);
        for (unsigned i = 0; i < SENDERS; i++)
            ingest_commit(requests[i], on_done, &pushes[i].w);
        unsigned stored = 0;
        for (unsigned i = 0; i < SENDERS; i++) {
            CHECK_EQ_STATUS(wait_for(&pushes[i].w, 1), fails ? BOLE_E_FULL : BOLE_OK);
            stored += !pushes[i].lane.was_stored;
        }
        CHECK_EQ_U64(stored_rows(f.store, NULL), fails ? 0 : 3);
        CHECK(fails || stored == 1);
        fixture_end(&f);
    }
}

TEST(a_lane_goes_on_after_a_restart)
{
    char dir[] = "/tmp/bole-ingest-XXXXXX", uri[64];
    struct ingest_lane lane;
    CHECK(mkdtemp(dir) != NULL);
    snprintf(uri, sizeof uri, "wal:%s", dir);
    for (uint64_t life = 1; life <= 3; life++) {
        struct fixture f = fixture_of(bole_slice_str(uri), SIZE_MAX);
        fixture_start(&f, 1);
        if (life > 1) {
            CHECK_OK(push_lane(&f, 0, 1, 2 * life - 2, 4, &lane), (struct bole_err){0});
            CHECK(lane.was_stored);
        }
        CHECK_OK(push_lane(&f, 0, 1, 2 * life - 1, 4, &lane), (struct bole_err){0});
        CHECK(!lane.was_stored);
        CHECK_OK(push_lane(&f, 0, 1, 2 * life, 0, &lane), (struct bole_err){0}); /* a mark is read back, too */
        CHECK_EQ_U64(stored_rows(f.store, NULL), 4 * life);
        fixture_end(&f);
    }
}
