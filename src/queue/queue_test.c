#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/test.h"
#include "queue/faulty.h"
#include "queue/mem.h"
#include "queue/wal.h"

/* ---- one conformance test for every queue ---- */

struct subject {
    const char *name;
    struct queue *(*make)(struct fs *disk, uint64_t min_lsn);
};

static struct queue *opened(const struct queue_options *o)
{
    struct bole_err err = {0};
    struct queue *q = NULL;
    log_set_level(LOG_LEVEL_ERROR); /* that a log is behind the store is meant */
    CHECK_OK(queue_open(o, &q, &err), err);
    return q;
}

static struct queue_options options_for(struct fs *disk, bole_slice uri, uint64_t min_lsn)
{
    return (struct queue_options){
        .uri = uri, .fs = disk, .clock = &clock_system, .random = &random_system, .min_lsn = min_lsn};
}

static struct queue *make_mem(struct fs *disk, uint64_t min_lsn)
{
    struct queue_options o = options_for(disk, S("mem:"), min_lsn);
    return opened(&o);
}

static struct queue *make_wal(struct fs *disk, uint64_t min_lsn)
{
    struct queue_options o = options_for(disk, S("wal:data/wal"), min_lsn);
    return opened(&o);
}

static struct queue *make_small_wal(struct fs *disk, uint64_t min_lsn)
{
    struct bole_err err = {0};
    struct queue *q = NULL;
    struct wal_options o = {.dir = "data/wal",
                            .fs = disk,
                            .clock = &clock_system,
                            .random = &random_system,
                            .min_lsn = min_lsn,
                            .file_size_min = 8192,
                            .file_size_max = 32768};
    CHECK_OK(wal_open(&o, &q, &err), err);
    return q;
}

static struct queue *make_faulty(struct fs *disk, uint64_t min_lsn)
{
    struct bole_err err = {0};
    struct queue *q = NULL;
    CHECK_OK(queue_faulty_create(make_mem(disk, min_lsn), &q, &err), err);
    return q;
}

static const struct subject subjects[] = {
    {"mem", make_mem}, {"wal", make_wal}, {"wal with small files", make_small_wal}, {"faulty", make_faulty}};
enum { SUBJECT_COUNT = sizeof subjects / sizeof *subjects };

static uint64_t append_text(struct queue *q, const char *text)
{
    struct bole_err err = {0};
    uint64_t lsn = 0;
    bole_slice part = bole_slice_str(text);
    CHECK_OK(queue_append(q, &part, 1, &lsn, &err), err);
    return lsn;
}

/* What a read delivered, as "1=one 2=two ". */
struct delivered {
    char text[512];
    size_t len;
    uint64_t stop_at; /* 0: never */
};

static bole_status deliver(uint64_t lsn, bole_slice payload, void *ctx, struct bole_err *err)
{
    struct delivered *d = ctx;
    d->len += (size_t)snprintf(d->text + d->len, sizeof d->text - d->len, "%llu=%.*s ", (unsigned long long)lsn,
                               BOLE_SLICE_ARG(payload));
    return lsn == d->stop_at ? BOLE_E_CANCELLED : BOLE_OK;
}

static void check_delivers(struct queue *q, uint64_t after_lsn, const char *expected)
{
    struct bole_err err = {0};
    struct delivered d = {.len = 0};
    CHECK_OK(queue_read(q, after_lsn, deliver, &d, &err), err);
    assert_string_equal(d.text, expected);
}

static void groups_come_back_in_order(struct queue *q)
{
    struct bole_err err = {0};
    check_delivers(q, 0, "");
    CHECK_EQ_U64(append_text(q, "one"), 1);
    bole_slice parts[] = {S("t"), {0}, S("wo"), S("!")};
    uint64_t lsn;
    CHECK_OK(queue_append(q, parts, 4, &lsn, &err), err);
    CHECK_EQ_U64(lsn, 2);
    CHECK_EQ_U64(append_text(q, "three"), 3);
    check_delivers(q, 0, "1=one 2=two! 3=three ");
    check_delivers(q, 1, "2=two! 3=three ");
    check_delivers(q, 3, "");
    check_delivers(q, 99, "");

    struct delivered d = {.stop_at = 2};
    CHECK_EQ_STATUS(queue_read(q, 0, deliver, &d, &err), BOLE_E_CANCELLED);
    assert_string_equal(d.text, "1=one 2=two! ");

    struct queue_stats s;
    queue_stats(q, &s);
    CHECK_EQ_U64(s.appended_lsn, 3);
    CHECK_EQ_U64(s.released_lsn, 0);
    CHECK_EQ_U64(s.groups_total, 3);
    CHECK_EQ_U64(s.bytes_total, 12);
    CHECK_EQ_U64(s.torn_tail_bytes + s.corrupt_frames, 0);
    CHECK(s.room_bytes > 0);
}

static void released_groups_do_not_come_back(struct queue *q)
{
    struct bole_err err = {0};
    for (int i = 0; i < 5; i++)
        append_text(q, (const char *[]){"a", "b", "c", "d", "e"}[i]);
    CHECK_OK(queue_release(q, 2, &err), err);
    check_delivers(q, 0, "3=c 4=d 5=e ");
    check_delivers(q, 4, "5=e ");
    CHECK_OK(queue_release(q, 1, &err), err); /* it is released already */
    CHECK_OK(queue_release(q, 2, &err), err);
    CHECK_EQ_STATUS(queue_release(q, 6, &err), BOLE_E_INVALID);
    check_delivers(q, 0, "3=c 4=d 5=e ");
    CHECK_OK(queue_release(q, 5, &err), err);
    check_delivers(q, 0, "");
    CHECK_EQ_U64(append_text(q, "f"), 6);
    check_delivers(q, 0, "6=f ");
    struct queue_stats s;
    queue_stats(q, &s);
    CHECK_EQ_U64(s.released_lsn, 5);
    CHECK_EQ_U64(s.appended_lsn, 6);
}

static void limits_are_kept(struct queue *q)
{
    struct bole_err err = {0};
    uint64_t lsn = 77;
    bole_slice empty[] = {{0}, {0}};
    CHECK_EQ_STATUS(queue_append(q, empty, 2, &lsn, &err), BOLE_E_INVALID);
    CHECK_EQ_STATUS(queue_append(q, NULL, 0, &lsn, &err), BOLE_E_INVALID);
    uint8_t *big = calloc(1, QUEUE_GROUP_SIZE_MAX);
    bole_slice parts[] = {{big, QUEUE_GROUP_SIZE_MAX}, S("x")};
    CHECK_EQ_STATUS(queue_append(q, parts, 2, &lsn, &err), BOLE_E_LIMIT);
    parts[0].len = SIZE_MAX;
    CHECK_EQ_STATUS(queue_append(q, parts, 2, &lsn, &err), BOLE_E_LIMIT);
    CHECK_EQ_U64(lsn, 77);
    parts[0].len = QUEUE_GROUP_SIZE_MAX;
    CHECK_OK(queue_append(q, parts, 1, &lsn, &err), err);
    CHECK_EQ_U64(lsn, 1);
    free(big);
    CHECK_EQ_U64(append_text(q, "after it"), 2);
    check_delivers(q, 1, "2=after it ");
}

enum { STREAM_GROUPS = 400 };

struct stream {
    struct queue *q;
    _Atomic uint64_t appended;
};

static void *append_stream(void *ctx)
{
    struct stream *s = ctx;
    for (uint64_t i = 1; i <= STREAM_GROUPS; i++) {
        uint8_t bytes[100];
        uint64_t lsn = 0;
        memset(bytes, (int)(i % 251), sizeof bytes);
        bole_slice part = {bytes, 1 + i % sizeof bytes};
        struct bole_err err = {0};
        if (queue_append(s->q, &part, 1, &lsn, &err) != BOLE_OK || lsn != i)
            abort();
        s->appended = i;
    }
    return NULL;
}

static bole_status check_group(uint64_t lsn, bole_slice payload, void *ctx, struct bole_err *err)
{
    uint64_t *last = ctx;
    CHECK_EQ_U64(lsn, *last + 1);
    CHECK_EQ_U64(payload.len, 1 + lsn % 100);
    for (size_t i = 0; i < payload.len; i++)
        CHECK_EQ_U64(payload.ptr[i], lsn % 251);
    *last = lsn;
    return BOLE_OK;
}

/* One thread appends, this one reads and releases what it has read. */
static void reads_and_releases_run_beside_appends(struct queue *q)
{
    struct stream s = {.q = q};
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, append_stream, &s) == 0);
    uint64_t last = 0;
    while (last < STREAM_GROUPS) {
        struct bole_err err = {0};
        struct queue_stats stats;
        uint64_t before = s.appended;
        CHECK_OK(queue_read(q, last, check_group, &last, &err), err);
        CHECK(last >= before);
        CHECK_OK(queue_release(q, last, &err), err);
        queue_stats(q, &stats);
        CHECK(stats.appended_lsn >= last);
    }
    pthread_join(thread, NULL);
}

static void numbers_start_above_the_position_of_the_store(struct queue *q)
{
    CHECK_EQ_U64(append_text(q, "x"), 1001);
    check_delivers(q, 0, "1001=x ");
    check_delivers(q, 1000, "1001=x ");
}

static const struct conformance_case {
    void (*run)(struct queue *q);
    uint64_t min_lsn;
} cases[] = {
    {groups_come_back_in_order},
    {released_groups_do_not_come_back},
    {limits_are_kept},
    {reads_and_releases_run_beside_appends},
    {numbers_start_above_the_position_of_the_store, 1000},
};

TEST(every_queue_keeps_the_contract)
{
    for (size_t i = 0; i < SUBJECT_COUNT; i++)
        for (size_t j = 0; j < sizeof cases / sizeof *cases; j++) {
            struct fs *disk = fs_mem_create();
            struct queue *q = subjects[i].make(disk, cases[j].min_lsn);
            cases[j].run(q);
            queue_destroy(q);
            fs_mem_destroy(disk);
        }
}

TEST(the_wal_keeps_the_contract_on_a_real_disk)
{
    for (size_t j = 0; j < sizeof cases / sizeof *cases; j++) {
        char dir[512], uri[600], command[600];
        const char *tmp = getenv("TMPDIR");
        snprintf(dir, sizeof dir, "%s/bole_queue_test_XXXXXX", tmp ? tmp : "/tmp");
        CHECK(mkdtemp(dir));
        snprintf(uri, sizeof uri, "wal:%s/a/b", dir);
        struct queue_options o = options_for(&fs_posix, bole_slice_str(uri), cases[j].min_lsn);
        struct queue *q = opened(&o);
        cases[j].run(q);
        queue_destroy(q);
        snprintf(command, sizeof command, "rm -rf '%s'", dir);
        CHECK(system(command) == 0);
    }
}

TEST(a_scheme_that_is_unknown_or_not_built_says_what_there_is)
{
    static const struct {
        const char *uri;
        bole_status status;
        const char *says;
    } wrong[] = {
        {"ftp:x", BOLE_E_INVALID, "wal:, mem:, kafka:"},
        {"", BOLE_E_INVALID, "wal:"},
        {"wal", BOLE_E_INVALID, "wal:"},
        {"wal:", BOLE_E_INVALID, "wal:DIRECTORY"},
        {"kafka://broker:9092/topic", BOLE_E_UNSUPPORTED, "kafka.so"},
        {"redis://host", BOLE_E_UNSUPPORTED, "redis.so"},
        {"sqs://queue", BOLE_E_UNSUPPORTED, "sqs.so"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct bole_err err = {0};
        struct queue *q = NULL;
        struct queue_options o = options_for(NULL, bole_slice_str(wrong[i].uri), 0);
        CHECK_EQ_STATUS(queue_open(&o, &q, &err), wrong[i].status);
        CHECK(strstr(err.msg, wrong[i].says));
    }
}

TEST(faulty_fails_the_appends_it_was_told_to_and_delays_them)
{
    struct bole_err err = {0};
    struct queue *q = make_faulty(NULL, 0);
    bole_slice part = S("x");
    uint64_t lsn = 0;
    queue_faulty_set(q, &(struct queue_faults){.fail_from = 2, .fail_count = 2, .status = BOLE_E_FULL});
    static const bole_status expected[] = {BOLE_OK, BOLE_E_FULL, BOLE_E_FULL, BOLE_OK};
    for (size_t i = 0; i < 4; i++)
        CHECK_EQ_STATUS(queue_append(q, &part, 1, &lsn, &err), expected[i]);
    CHECK_EQ_U64(lsn, 2); /* the inner queue saw two */
    CHECK_EQ_U64(queue_faulty_append_count(q), 4);

    queue_faulty_set(q, &(struct queue_faults){.append_delay_ns = 20 * NS_PER_MS});
    uint64_t before = clock_mono_ns(&clock_system);
    CHECK_OK(queue_append(q, &part, 1, &lsn, &err), err);
    CHECK(clock_mono_ns(&clock_system) - before >= 20 * NS_PER_MS);
    queue_destroy(q);
}
