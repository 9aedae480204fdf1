/* The agent as a whole: its thread, its sink, its memory. */
#include "agent/agent_fixture.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void sleep_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

static size_t sunk_total(struct fixture *f)
{
    pthread_mutex_lock(&f->sink.lock);
    size_t n = f->sink.count;
    pthread_mutex_unlock(&f->sink.lock);
    return n;
}

static void wait_for_total(struct fixture *f, size_t total)
{
    for (int i = 0; i < 1000 && sunk_total(f) < total; i++)
        sleep_ms(10);
}

TEST(a_hundred_rotations_in_a_row_bring_every_line_once)
{
    enum { ROTATIONS = 100, LINES = 20 };
    struct fixture f;
    struct bole_err err = {0};
    fixture_init(&f);
    f.options.clock = &clock_system;
    f.options.linger_ns = 5 * NS_PER_MS;
    fixture_start(&f);
    agent_step(f.agent, 0); /* the directory is watched from here on */
    CHECK_OK(agent_start(f.agent, &err), err);
    for (int rotation = 0; rotation < ROTATIONS; rotation++) {
        char line[64], old[32];
        for (int i = 0; i < LINES; i++) {
            snprintf(line, sizeof line, "rotation %d line %d\n", rotation, i);
            fixture_append(&f, "a.log", line);
        }
        snprintf(old, sizeof old, "a.log.%d", rotation);
        fixture_rename(&f, "a.log", old);
    }
    wait_for_total(&f, ROTATIONS * LINES);
    sleep_ms(100); /* for what must not come */
    agent_stop(f.agent);
    CHECK_EQ_U64(f.sink.count, ROTATIONS * LINES);
    for (int rotation = 0; rotation < ROTATIONS; rotation++)
        for (int i = 0; i < LINES; i++) {
            char line[64];
            snprintf(line, sizeof line, "rotation %d line %d", rotation, i);
            CHECK_EQ_U64(sunk_count(&f, line), 1);
        }
    fixture_deinit(&f);
}

/* The system's clock, counting how often it is asked: an agent that does nothing does not ask. */
static _Atomic unsigned clock_asked;

static int64_t counting_now(const struct clock *self)
{
    return clock_now_ns(&clock_system);
}

static uint64_t counting_mono(const struct clock *self)
{
    clock_asked++;
    return clock_mono_ns(&clock_system);
}

static const struct clock counting_clock = {.now_ns = counting_now, .mono_ns = counting_mono};

TEST(an_idle_agent_does_not_use_the_processor)
{
    struct fixture f;
    struct bole_err err = {0};
    fixture_init(&f);
    f.options.clock = &counting_clock;
    char name[32];
    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof name, "f%d.log", i);
        fixture_append(&f, name, "line\n");
    }
    fixture_start(&f);
    CHECK_OK(agent_start(f.agent, &err), err);
    wait_for_total(&f, 200);
    sleep_ms(2500); /* checkpoint written, memory given back */
    unsigned before = clock_asked;
    sleep_ms(1000);
    CHECK(clock_asked - before < 20);
    agent_stop(f.agent);
    CHECK_EQ_U64(f.sink.count, 200);
    fixture_deinit(&f);
}

TEST(a_stop_does_not_wait_for_the_next_event)
{
    struct fixture f;
    struct bole_err err = {0};
    struct timespec begin, end;
    fixture_init(&f);
    f.options.clock = &clock_system;
    fixture_start(&f);
    CHECK_OK(agent_start(f.agent, &err), err);
    sleep_ms(50);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    agent_stop(f.agent);
    clock_gettime(CLOCK_MONOTONIC, &end);
    CHECK(end.tv_sec - begin.tv_sec < 5);
    agent_stop(f.agent);
    fixture_deinit(&f);
}

TEST(nothing_is_read_ahead_while_the_sink_says_later)
{
    struct fixture f;
    fixture_init(&f);
    FILE *out = fopen(fixture_path(&f, "a.log"), "w");
    for (int i = 0; i < 200000; i++)
        fprintf(out, "line number %d\n", i);
    fclose(out);
    f.sink.answer = BOLE_AGAIN;
    f.sink.answer_times = UINT_MAX;
    fixture_start(&f);
    for (int i = 0; i < 10; i++)
        fixture_pass(&f, 10 * NS_PER_S);
    struct agent_input input = fixture_input(&f, "a.log");
    CHECK_EQ_U64(input.offset, 0);
    CHECK_EQ_U64(input.lag_bytes, input.size);
    CHECK(input.bytes <= 512 * 1024);
    struct agent_status status;
    agent_get_status(f.agent, &status);
    CHECK(status.waiting && status.retries >= 5);
    CHECK(f.sink.calls < 30); /* longer and longer pauses */
    f.sink.answer_times = 0;
    fixture_pass(&f, 20 * NS_PER_S);
    CHECK_EQ_U64(f.sink.count, 200000);
    fixture_deinit(&f);
}

TEST(a_batch_that_is_refused_for_good_does_not_block_what_follows)
{
    struct fixture f;
    fixture_init(&f);
    f.sink.answer = BOLE_E_INVALID;
    f.sink.answer_times = 1;
    fixture_append(&f, "a.log", "refused\n");
    fixture_start(&f);
    fixture_pump(&f);
    fixture_append(&f, "a.log", "taken\n");
    fixture_pump(&f);
    CHECK_LINES(&f, "taken");
    struct agent_status status;
    agent_get_status(f.agent, &status);
    CHECK_EQ_U64(status.records_refused, 1);
    fixture_deinit(&f);
}

TEST(a_busy_file_does_not_starve_a_quiet_one)
{
    struct fixture f;
    fixture_init(&f);
    FILE *out = fopen(fixture_path(&f, "busy.log"), "w");
    for (int i = 0; i < 400000; i++)
        fprintf(out, "busy line number %d\n", i);
    fclose(out);
    fixture_append(&f, "quiet.log", "quiet\n");
    fixture_start(&f);
    for (int i = 0; i < 1000 && sunk_count(&f, "quiet") == 0; i++) {
        clock_manual_advance(&f.clock, AGENT_LINGER_NS);
        agent_step(f.agent, 0);
    }
    CHECK(f.sink.batches <= 2);
    fixture_deinit(&f);
}

TEST(many_files_are_read)
{
    struct fixture f;
    fixture_init(&f);
    char name[32], line[32];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 300; i++) {
            snprintf(name, sizeof name, "f%d.log", i);
            snprintf(line, sizeof line, "round %d file %d\n", round, i);
            fixture_append(&f, name, line);
        }
        if (round == 0)
            fixture_start(&f);
        fixture_pump(&f);
        CHECK_EQ_U64(f.sink.count, (size_t)(round + 1) * 300);
    }
    fixture_deinit(&f);
}

static size_t count_in_file(const char *path, const char *text)
{
    char line[1024];
    size_t n = 0;
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    while (fgets(line, sizeof line, in))
        n += strstr(line, text) != NULL;
    fclose(in);
    return n;
}

/* Few rounds: the log itself holds back more than LOG_BURST lines of one second. */
TEST(a_checkpoint_that_cannot_be_written_is_told_once_a_minute_and_when_it_can_again)
{
    struct fixture f;
    struct agent_status broken, mended;
    char path[128], log[128];
    fixture_init(&f);
    snprintf(path, sizeof path, "%s/missing/checkpoint", f.dir);
    snprintf(log, sizeof log, "%s/stderr", f.dir);
    f.options.checkpoint_path = path;
    int stderr_fd = dup(STDERR_FILENO), log_fd = open(log, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    assert_true(stderr_fd >= 0 && log_fd >= 0 && dup2(log_fd, STDERR_FILENO) >= 0);
    fixture_start(&f);
    for (int i = 0; i < 4; i++) {
        fixture_append(&f, "a.log", "line\n"); /* the sink is well all the time */
        fixture_pass(&f, i < 3 ? 2 * NS_PER_S : AGENT_TELL_NS);
    }
    agent_get_status(f.agent, &broken);
    *strrchr(path, '/') = 0;
    mkdir(path, 0755);
    fixture_pass(&f, 2 * NS_PER_S);
    agent_get_status(f.agent, &mended);
    dup2(stderr_fd, STDERR_FILENO);
    close(stderr_fd);
    close(log_fd);
    CHECK_EQ_U64(f.sink.count, 4);
    CHECK_EQ_U64(count_in_file(log, "checkpoint not written"), 2);
    CHECK_EQ_U64(count_in_file(log, "checkpoint is written again"), 1);
    CHECK(strstr(broken.last_error, "missing"));
    CHECK_EQ_SLICE(bole_slice_str(mended.last_error), S(""));
    fixture_deinit(&f);
}

TEST(a_glob_that_is_not_absolute_is_refused)
{
    struct fixture f;
    struct bole_err err = {0};
    fixture_init(&f);
    f.globs[0] = "logs/*.log";
    CHECK_EQ_STATUS(agent_create(&f.options, &f.agent, &err), BOLE_E_INVALID);
    CHECK(strstr(err.msg, "logs/*.log"));
    fixture_deinit(&f);
}
