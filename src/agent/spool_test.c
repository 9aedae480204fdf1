/* Exactly once: the agent, its spool and a model of the server through crashes, lost answers and lost servers. */
#include "agent/spool_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/test.h"

static void drain(struct world *w)
{
    w->server.answer = MODEL_TAKES;
    for (int i = 0; i < 200 && (world_stats(w).groups || i < 2); i++)
        world_pass(w, 60 * NS_PER_S);
    CHECK_EQ_U64(world_stats(w).groups, 0);
}

static void check_once(struct world *w)
{
    assert_string_equal(world_verdict(w), "");
}

TEST(lines_reach_the_server_once)
{
    struct world w;
    world_init(&w, 1);
    world_write(&w, "a.log", 5);
    world_start(&w);
    world_pump(&w);
    world_write(&w, "a.log", 5);
    world_write(&w, "b.log", 5);
    drain(&w);
    check_once(&w);
    CHECK_EQ_U64(w.server.lane_count, 1);
    CHECK_EQ_U64(world_stats(&w).batches_sent, w.server.posts);
    world_deinit(&w);
}

TEST(an_answer_that_is_lost_costs_a_resend_and_nothing_else)
{
    struct world w;
    world_init(&w, 2);
    world_start(&w);
    w.server.answer = MODEL_LOSES_ANSWERS;
    for (int i = 0; i < 20; i++) {
        world_write(&w, "a.log", 3);
        world_pass(&w, NS_PER_S);
    }
    drain(&w);
    check_once(&w);
    CHECK(world_stats(&w).duplicates > 0);
    CHECK_EQ_U64(world_stats(&w).new_producers, 0);
    world_deinit(&w);
}

TEST(what_a_crash_left_in_the_spool_is_sent_with_the_same_bytes)
{
    struct world w;
    world_init(&w, 3);
    world_start(&w);
    w.server.answer = MODEL_LOSES_ANSWERS;
    for (int i = 0; i < 5; i++) {
        world_write(&w, "a.log", 3);
        world_pump(&w);
        world_kill(&w);
        unlink(world_path(&w, "a.log")); /* they are nowhere else */
        world_start(&w);
    }
    drain(&w);
    check_once(&w);
    world_deinit(&w);
}

/* While the server is away: at most a window, then, when it stays away, as much as the spool takes; the rest waits in the files. */
TEST(a_full_spool_leaves_the_rest_in_the_files)
{
    struct world w;
    world_init(&w, 4);
    w.spool_bytes = 4000;
    w.away_ns = 3600 * NS_PER_S;
    world_start(&w);
    w.server.answer = MODEL_AWAY;
    for (int i = 0; i < 40; i++) {
        world_write(&w, "a.log", 3);
        world_pump(&w);
    }
    CHECK_EQ_U64(world_stats(&w).groups, SPOOL_WINDOW);
    world_pass(&w, w.away_ns);
    for (int i = 0; i < 40; i++) {
        world_write(&w, "a.log", 3);
        world_pump(&w);
    }
    struct spool_stats stats = world_stats(&w);
    CHECK(stats.groups > SPOOL_WINDOW && stats.is_full && stats.is_away);
    CHECK(stats.bytes < 4000 + 2000);
    struct agent_status status;
    agent_get_status(w.agent, &status);
    CHECK(status.waiting);
    drain(&w);
    check_once(&w);
    CHECK_EQ_U64(world_stats(&w).records_dropped, 0);
    world_deinit(&w);
}

TEST(what_is_in_the_spool_is_not_lost_with_its_file)
{
    struct world w;
    world_init(&w, 5);
    world_start(&w);
    w.server.answer = MODEL_AWAY;
    for (int i = 0; i < 30; i++) {
        world_write(&w, "a.log", 3);
        world_pass(&w, SPOOL_AWAY_NS);
        if (i % 3 == 0)
            CHECK_EQ_U64(truncate(world_path(&w, "a.log"), 0), 0); /* copytruncate */
        else if (i % 3 == 1)
            unlink(world_path(&w, "a.log"));
    }
    drain(&w);
    check_once(&w);
    world_deinit(&w);
}

TEST(drop_oldest_drops_the_oldest_and_counts_it)
{
    struct world w;
    world_init(&w, 6);
    w.spool_bytes = 4000;
    w.drop_oldest = true;
    world_start(&w);
    world_write(&w, "a.log", 1);
    world_pump(&w);
    w.server.answer = MODEL_AWAY;
    for (int i = 0; i < 300; i++) {
        world_write(&w, "a.log", 1);
        world_pass(&w, SPOOL_AWAY_NS);
        CHECK(world_stats(&w).bytes < 4000 + 2000);
    }
    uint64_t dropped = world_stats(&w).records_dropped;
    CHECK(dropped > 200);
    drain(&w);
    CHECK_EQ_U64(w.server.line_count, w.written - dropped);
    for (size_t i = 0; i < w.server.line_count; i++)
        CHECK_EQ_U64(w.server.lines[i].count, 1);
    char newest[64];
    snprintf(newest, sizeof newest, "number=%zu of a file", w.written - 1);
    CHECK_EQ_SLICE(w.server.lines[w.server.line_count - 1].line, bole_slice_str(newest));
    world_deinit(&w);
}

TEST(a_full_disk_stops_reading_and_loses_nothing)
{
    struct world w;
    world_init(&w, 12);
    world_start(&w);
    world_write(&w, "a.log", 3);
    drain(&w);
    fs_mem_set_faults(w.disk, &(struct fs_mem_faults){.capacity_bytes = 1}); /* what is there may be written over */
    w.server.answer = MODEL_AWAY;
    for (int i = 0; i < 2000; i++) { /* more than the room made ahead: two files of 64 KB */
        world_write(&w, "a.log", 2);
        clock_manual_advance(&w.clock, 10 * NS_PER_S);
        agent_step(w.agent, 0);
        spool_step(w.spool);
    }
    struct agent_status status;
    agent_get_status(w.agent, &status);
    CHECK(status.waiting && strstr(status.last_error, "spool"));
    CHECK(!world_stats(&w).is_full); /* it is the disk */
    fs_mem_set_faults(w.disk, &(struct fs_mem_faults){0});
    drain(&w);
    check_once(&w);
    world_deinit(&w);
}

TEST(lanes_on_their_own_threads_bring_every_line_once)
{
    struct world w;
    struct bole_err err = {0};
    world_init(&w, 13);
    w.threads = true;
    w.lane_count = 4;
    world_start(&w);
    CHECK_OK(agent_start(w.agent, &err), err);
    for (int i = 0; i < 40; i++) {
        char name[16];
        snprintf(name, sizeof name, "%d.log", i % 10);
        world_write(&w, name, 20);
        pthread_mutex_lock(&w.server.lock);
        w.server.answer = i < 30 ? (enum model_answer)(i % 3) : MODEL_TAKES;
        if (i == 35)
            w.server.lane_count = 0; /* it has forgotten everything but the lines */
        pthread_mutex_unlock(&w.server.lock);
        nanosleep(&(struct timespec){.tv_nsec = 20 * 1000 * 1000}, NULL);
    }
    for (int i = 0; i < 6000; i++) { /* a minute */
        pthread_mutex_lock(&w.server.lock);
        bool all = w.server.line_count == w.written;
        pthread_mutex_unlock(&w.server.lock);
        if (all && world_stats(&w).groups == 0)
            break;
        nanosleep(&(struct timespec){.tv_nsec = 10 * 1000 * 1000}, NULL);
    }
    agent_stop(w.agent);
    CHECK_EQ_U64(w.server.line_count, w.written);
    world_deinit(&w);
}

/* ---- servers and states that have lost something ---- */

TEST(a_server_that_lost_its_data_gets_what_comes_from_then_on)
{
    struct world w;
    world_init(&w, 7);
    world_start(&w);
    world_write(&w, "a.log", 5);
    drain(&w);
    size_t before = w.written;
    w.server.lane_count = 0; /* nothing is left there */
    w.server.line_count = 0;
    world_write(&w, "a.log", 5);
    drain(&w);
    CHECK_EQ_U64(world_stats(&w).new_producers, 1);
    CHECK_EQ_U64(w.server.line_count, w.written - before);
    world_kill(&w);
    world_start(&w); /* the new producer is remembered */
    world_write(&w, "a.log", 5);
    drain(&w);
    CHECK_EQ_U64(world_stats(&w).new_producers, 0);
    CHECK_EQ_U64(w.server.line_count, w.written - before);
    for (size_t i = 0; i < w.server.line_count; i++)
        CHECK_EQ_U64(w.server.lines[i].count, 1);
    world_deinit(&w);
}

/* Until the agent has read what was written and the server has it; less than a second passes, so that no checkpoint lets the
 * spool forget anything. */
static void send_quickly(struct world *w, size_t lines)
{
    for (int i = 0; i < 4 && w->server.line_count < lines; i++) {
        clock_manual_advance(&w->clock, AGENT_LINGER_NS);
        agent_step(w->agent, 0);
        for (int k = 0; k < 8; k++)
            spool_step(w->spool);
    }
    CHECK_EQ_U64(w->server.line_count, lines);
}

TEST(a_server_that_went_back_a_little_gets_again_what_is_kept)
{
    struct world w;
    world_init(&w, 8);
    world_start(&w);
    world_write(&w, "a.log", 5);
    drain(&w);
    world_write(&w, "a.log", 5);
    send_quickly(&w, 10);
    struct model_server then = w.server;
    world_write(&w, "a.log", 5);
    send_quickly(&w, 15);
    w.server.lanes[0].mark = then.lanes[0].mark; /* its disk lied about a sync */
    w.server.line_count = then.line_count;
    world_write(&w, "a.log", 5);
    send_quickly(&w, 20);
    check_once(&w);
    CHECK_EQ_U64(world_stats(&w).gaps, 1);
    CHECK_EQ_U64(world_stats(&w).new_producers, 0);
    world_deinit(&w);
}

TEST(an_agent_whose_state_is_an_old_copy_is_noticed_and_loses_nothing)
{
    struct world w;
    world_init(&w, 9);
    world_start(&w);
    world_write(&w, "a.log", 5);
    drain(&w);
    /* A clone goes on with the same producer. */
    w.server.lanes[0].mark += 3;
    world_write(&w, "a.log", 5);
    drain(&w);
    check_once(&w);
    CHECK_EQ_U64(world_stats(&w).new_producers, 1);
    world_deinit(&w);
}

/* ---- every moment ---- */

static void script(struct world *w)
{
    world_write(w, "a.log", 4);
    world_start(w);
    world_pump(w);
    world_write(w, "a.log", 3);
    world_write(w, "b.log", 3);
    world_pass(w, NS_PER_S);
    w->server.answer = MODEL_AWAY;
    world_write(w, "a.log", 3);
    world_pass(w, 10 * NS_PER_S);
    rename(world_path(w, "a.log"), world_path(w, "a.log.1"));
    world_write(w, "a.log", 3);
    world_pump(w);
    w->server.answer = MODEL_LOSES_ANSWERS;
    world_write(w, "b.log", 3);
    world_pass(w, 60 * NS_PER_S);
    w->server.answer = MODEL_TAKES;
    world_pass(w, 60 * NS_PER_S);
    world_stop(w);
    world_write(w, "b.log", 3);
    world_start(w);
    world_pump(w);
    CHECK_EQ_U64(truncate(world_path(w, "b.log"), 0), 0);
    world_write(w, "b.log", 3);
    world_pass(w, NS_PER_S);
    drain(w);
}

/* Dies at its n-th call to the disk, for every n. Returns how many of the deaths ended in another verdict than "once". */
static unsigned die_at_every_call(bool power, unsigned lanes, void (*prepare)(struct world *w), unsigned step)
{
    unsigned wrong = 0;
    for (uint64_t n = 1;; n += step) {
        struct world w;
        world_init(&w, 100 + n);
        w.power = power;
        w.lane_count = lanes;
        w.fs.die_at = n;
        if (prepare)
            prepare(&w);
        script(&w);
        const char *verdict = world_verdict(&w);
        wrong += verdict[0] != 0;
        if (verdict[0] && !prepare)
            fprintf(stderr, "death at call %llu: %s\n", (unsigned long long)n, verdict);
        unsigned deaths = w.deaths;
        world_deinit(&w);
        if (deaths == 0)
            break;
    }
    return wrong;
}

TEST(a_kill_between_any_two_calls_to_the_disk_loses_and_repeats_nothing)
{
    CHECK_EQ_U64(die_at_every_call(false, 1, NULL, 1), 0);
    CHECK_EQ_U64(die_at_every_call(false, 3, NULL, 3), 0);
}

TEST(a_power_cut_between_any_two_calls_to_the_disk_loses_and_repeats_nothing)
{
    CHECK_EQ_U64(die_at_every_call(true, 1, NULL, 1), 0);
    CHECK_EQ_U64(die_at_every_call(true, 3, NULL, 3), 0);
}

static void lie(struct world *w)
{
    w->fs.lying = true;
}

/* Mutants: the tests above see them. */
TEST(a_spool_that_is_written_after_the_send_is_noticed)
{
    CHECK(die_at_every_call(true, 1, lie, 5) > 0);
}

static void hurry(struct world *w)
{
    w->server.eager = true;
}

TEST(a_position_that_moves_before_the_answer_is_noticed)
{
    CHECK(die_at_every_call(false, 1, hurry, 5) > 0);
}
