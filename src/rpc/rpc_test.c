/* The door over a transport that the test plays: order of what is sent, ends, refusals, and what may come at a bad time. */
#include <stdlib.h>
#include <time.h>

#include "base/content.h"
#include "base/test.h"
#include "rpc/fake_transport.h"
#include "serve/api_testing.h"

struct door {
    struct world *world;
    struct rpc   *rpc;
};

static void door_begin_at(struct door *d, const struct clock *clock)
{
    struct bole_err err;
    d->world = world_open(NULL);
    struct rpc_options o = {.listen = "127.0.0.1:0", .api = d->world->api, .ingest = d->world->ingest, .first_worker = WORLD_LOOPS,
                            .budget = &d->world->budget, .clock = clock, .module = &fake_module};
    CHECK_OK(rpc_create(&o, &d->rpc, &err), err);
    CHECK_OK(rpc_start(d->rpc, &err), err);
}

static void door_begin(struct door *d)
{
    door_begin_at(d, &clock_system);
}

static void door_end(struct door *d)
{
    rpc_destroy(d->rpc);
    world_close(d->world);
}

/* The transport's last word. */
static void over(struct rpc_wire *w)
{
    CHECK(w->is_finished);
    transport.events->ended(w->call);
    buf_deinit(&w->sent);
}

static void wait_finished(struct rpc_wire *w)
{
    for (int i = 0; i < 2000 && !w->is_finished; i++)
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
}

#define CHECK_PATH "/grpc.health.v1.Health/Check"
#define WATCH_PATH "/grpc.health.v1.Health/Watch"
#define OTLP_PATH  "/opentelemetry.proto.collector.logs.v1.LogsService/Export"
#define PUSH_PATH  "/bole.v1.Logs/Push"

TEST(rpc_takes_known_methods_only)
{
    struct door d;
    struct rpc_wire unknown = {0}, empty = {0}, health = {0}, nothing = {0};
    door_begin(&d);
    CHECK(!call(&unknown, "/bole.v1.Logs/Pus"));
    CHECK(!call(&empty, ""));
    CHECK(call(&health, CHECK_PATH));
    say(&health, S(""), RPC_IDENTITY);
    CHECK_EQ_U64(health.code, RPC_OK);
    CHECK_EQ_SLICE(buf_slice(&health.sent), S("\2\x08\1"));
    over(&health);
    CHECK(call(&nothing, CHECK_PATH));
    transport.events->read_end(nothing.call);
    CHECK_EQ_U64(nothing.code, RPC_INVALID_ARGUMENT);
    over(&nothing);
    door_end(&d);
}

TEST(rpc_sends_in_order_and_ends_behind_it)
{
    struct door d;
    struct rpc_wire w = {0};
    door_begin(&d);
    CHECK(call(&w, WATCH_PATH));
    struct rpc_call *c = w.call;
    CHECK(rpc_write(c, S("a")) && rpc_write(c, S("b")) && rpc_write(c, S("c")));
    CHECK_EQ_SLICE(buf_slice(&w.sent), S("\1a"));
    rpc_finish(c, &(struct rpc_end){.code = RPC_ABORTED, .text = S("why"), .message = S("d")});
    rpc_finish(c, &(struct rpc_end){.code = RPC_OK, .text = S("too late")});
    CHECK(!rpc_write(c, S("e")));
    left(&w, true);
    left(&w, true);
    CHECK(!w.is_finished);
    left(&w, true);
    CHECK_EQ_SLICE(buf_slice(&w.sent), S("\1a\1b\1c\1d"));
    CHECK_EQ_U64(w.code, RPC_ABORTED);
    CHECK_EQ_SLICE(bole_slice_str(w.text), S("why"));
    over(&w);
    door_end(&d);
}

TEST(rpc_drops_what_nobody_will_read)
{
    struct door d;
    struct rpc_wire w = {0};
    door_begin(&d);
    CHECK(call(&w, WATCH_PATH));
    CHECK(rpc_write(w.call, S("a")) && rpc_write(w.call, S("b")));
    CHECK(rpc_unsent_bytes(w.call) > 0);
    transport.events->cancelled(w.call); /* Watch ends here, when what is on its way has left */
    CHECK(!w.is_finished);
    left(&w, false);
    CHECK_EQ_SLICE(buf_slice(&w.sent), S("\1a"));
    CHECK_EQ_U64(w.code, RPC_CANCELLED);
    CHECK(!rpc_write(w.call, S("c")));
    over(&w);
    door_end(&d);
}

static enum rpc_code export(struct rpc_wire *w, bole_slice body, enum rpc_coding coding)
{
    CHECK(call(w, OTLP_PATH));
    say(w, body, coding);
    wait_finished(w);
    return w->code;
}

/* One record "x" at 5 ns. */
#define EXPORT_BODY S("\x0a\x12\x12\x10\x12\x0e\x09\5\0\0\0\0\0\0\0\x2a\3\x0a\1x")

TEST(rpc_otlp_answers_when_records_are_there_or_says_why_not)
{
    struct door d;
    struct buf packed;
    struct rpc_wire good = {0}, tenant = {.tenant = "../x"}, twice = {.tenant = "a", .second_tenant = "b"}, cut = {0}, zip = {0}, bad_zip = {0},
                    full = {0};
    door_begin(&d);
    CHECK_EQ_U64(export(&good, EXPORT_BODY, RPC_IDENTITY), RPC_OK);
    CHECK_EQ_SLICE(buf_slice(&good.sent), S("\0"));
    over(&good);
    buf_init(&packed, NULL);
    CHECK(content_gzip(EXPORT_BODY, &packed));
    CHECK_EQ_U64(export(&zip, buf_slice(&packed), RPC_GZIP), RPC_OK);
    over(&zip);
    CHECK_EQ_U64(world_get(d.world, "/loki/api/v1/query_range?query=%7Bservice_name%3D~%22.%2B%22%7D&start=0&end=10", ""), 200);
    CHECK(world_body_has(d.world, "\"values\":[[\"5\",\"x\"],[\"5\",\"x\"]]"));
    CHECK_EQ_U64(export(&tenant, EXPORT_BODY, RPC_IDENTITY), RPC_INVALID_ARGUMENT);
    over(&tenant);
    CHECK_EQ_U64(export(&twice, EXPORT_BODY, RPC_IDENTITY), RPC_INVALID_ARGUMENT);
    over(&twice);
    CHECK_EQ_U64(export(&cut, bole_slice_from(EXPORT_BODY.ptr, 7), RPC_IDENTITY), RPC_INVALID_ARGUMENT);
    CHECK_EQ_U64(cut.details_len, 0);
    over(&cut);
    CHECK_EQ_U64(export(&bad_zip, EXPORT_BODY, RPC_GZIP), RPC_INVALID_ARGUMENT);
    over(&bad_zip);
    struct budget *b = &d.world->budget;
    size_t taken = b->limit_bytes - b->used_bytes - 600; /* there is room for the message, not for its records */
    CHECK(budget_take(b, taken));
    CHECK_EQ_U64(export(&full, EXPORT_BODY, RPC_IDENTITY), RPC_RESOURCE_EXHAUSTED);
    CHECK(full.details_len > 0); /* RetryInfo: come again */
    over(&full);
    budget_give(b, taken);
    buf_deinit(&packed);
    door_end(&d);
}

TEST(rpc_push_stops_reading_while_its_answers_are_not_taken)
{
    struct door d;
    struct rpc_wire w = {0};
    unsigned messages = 0;
    door_begin(&d);
    CHECK(call(&w, PUSH_PATH));
    while (w.reads && messages < 100000) {
        w.reads--;
        say(&w, S("\x08\7"), RPC_IDENTITY);
        messages++;
    }
    CHECK(messages > 1000 && messages < 40000);
    for (unsigned i = 0; i < messages; i++)
        left(&w, true);
    CHECK_EQ_U64(w.reads, 1); /* it goes on */
    transport.events->read_end(w.call);
    CHECK_EQ_U64(w.code, RPC_OK);
    over(&w);
    door_end(&d);
}

/* The client goes away, or its time is over. */
static void end_call(struct rpc_wire *w, bool cancelled)
{
    if (cancelled)
        transport.events->cancelled(w->call);
    transport.events->read_end(w->call);
    over(w);
}

enum { READS = 8, CALLS = 20 }; /* messages that may be on their way at once with this little memory */

static void wait_broken_off(struct rpc_wire *w)
{
    for (int i = 0; i < 4000 && !w->broken_off; i++)
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    CHECK_EQ_U64(w->broken_off, 1);
}

TEST(rpc_reads_only_as_many_messages_at_once_as_there_is_room_for)
{
    struct door d;
    struct clock_manual clock;
    struct rpc_wire w[CALLS] = {0};
    clock_manual_init(&clock, 1795255200 * NS_PER_S);
    door_begin_at(&d, &clock.base);
    for (size_t i = 0; i < CALLS; i++)
        CHECK(call(&w[i], PUSH_PATH));
    for (size_t i = 0; i < CALLS; i++)
        CHECK_EQ_U64(w[i].reads, i < READS);
    say(&w[0], S("\x08\7"), RPC_IDENTITY); /* the next one's turn: who was read stands in line again */
    CHECK_EQ_U64(w[0].reads, 1);
    CHECK_EQ_U64(w[READS].reads, 1);
    CHECK_EQ_U64(w[READS + 1].reads, 0);
    left(&w[0], true);
    end_call(&w[1], false);
    CHECK_EQ_U64(w[READS + 1].reads, 1);
    CHECK_EQ_U64(w[READS + 2].reads, 0);
    end_call(&w[CALLS - 1], true); /* who is gone waits for nothing */
    CHECK_EQ_U64(w[READS + 2].reads, 0);
    clock_manual_advance(&clock, RPC_READ_PATIENCE_NS);
    wait_broken_off(&w[2]);
    CHECK_EQ_U64(w[0].broken_off, 0);
    end_call(&w[2], true);
    CHECK_EQ_U64(w[READS + 2].reads, 1);
    for (size_t i = 0; i < CALLS - 1; i++)
        if (i != 1 && i != 2)
            end_call(&w[i], i % 2);
    door_end(&d);
}

/* Each has its turn, and others are behind it: who comes after them must not wait for as many turns. */
TEST(rpc_many_slow_clients_do_not_make_others_wait_for_long)
{
    enum { MANY = 60 };
    struct door d;
    struct clock_manual clock;
    struct rpc_wire w[MANY + 1] = {0};
    bool ended[MANY] = {0};
    clock_manual_init(&clock, 1795255200 * NS_PER_S);
    door_begin_at(&d, &clock.base);
    for (size_t i = 0; i <= MANY; i++)
        CHECK(call(&w[i], PUSH_PATH));
    uint64_t passed_ns = 0;
    while (!w[MANY].reads && passed_ns < 10 * RPC_READ_PATIENCE_NS) {
        clock_manual_advance(&clock, RPC_READ_PATIENCE_NS / 50);
        passed_ns += RPC_READ_PATIENCE_NS / 50;
        struct rpc_wire more = {0}; /* who comes behind makes it look */
        CHECK(call(&more, PUSH_PATH));
        end_call(&more, true);
        for (size_t i = 0; i < MANY; i++)
            if (w[i].broken_off && !ended[i]) {
                ended[i] = true;
                end_call(&w[i], true);
            }
    }
    CHECK_EQ_U64(w[MANY].reads, 1);
    CHECK(passed_ns < 4 * RPC_READ_PATIENCE_NS);
    for (size_t i = 0; i <= MANY; i++)
        if (i == MANY || !ended[i])
            end_call(&w[i], true);
    door_end(&d);
}

TEST(rpc_leaves_slow_clients_alone_while_nobody_waits)
{
    struct door d;
    struct clock_manual clock;
    struct rpc_wire w[READS + 1] = {0};
    clock_manual_init(&clock, 1795255200 * NS_PER_S);
    door_begin_at(&d, &clock.base);
    for (size_t i = 0; i < READS; i++)
        CHECK(call(&w[i], PUSH_PATH));
    clock_manual_advance(&clock, 100 * RPC_READ_PATIENCE_NS);
    nanosleep(&(struct timespec){.tv_nsec = 600000000}, NULL); /* it looks twice */
    for (size_t i = 0; i < READS; i++)
        CHECK_EQ_U64(w[i].broken_off, 0);
    CHECK(call(&w[READS], OTLP_PATH));
    wait_broken_off(&w[0]);
    CHECK_EQ_U64(w[1].broken_off, 0);
    end_call(&w[0], true);
    say(&w[READS], EXPORT_BODY, RPC_IDENTITY);
    wait_finished(&w[READS]);
    CHECK_EQ_U64(w[READS].code, RPC_OK);
    over(&w[READS]);
    for (size_t i = 1; i < READS; i++)
        end_call(&w[i], false);
    door_end(&d);
}

TEST(rpc_refuses_calls_over_its_limit)
{
    struct door d;
    struct rpc_wire *w = calloc(RPC_CALLS_MAX + 1, sizeof *w);
    size_t count = 0;
    door_begin(&d);
    while (count <= RPC_CALLS_MAX && (call(&w[count], PUSH_PATH), !w[count++].is_finished))
        ;
    CHECK(count > 64 && count <= RPC_CALLS_MAX + 1);
    CHECK_EQ_U64(w[count - 1].code, RPC_RESOURCE_EXHAUSTED);
    CHECK(w[count - 1].details_len > 0); /* come again */
    over(&w[count - 1]);
    for (size_t i = 0; i + 1 < count; i++)
        end_call(&w[i], false);
    free(w);
    door_end(&d);
}

TEST(rpc_push_ends_behind_its_last_answer)
{
    struct door d;
    struct rpc_wire w = {0};
    /* id 3, one stream {a="b"} with the line "x" */
    const bole_slice push = S("\x08\3\x12\x0d\x0a\6\x0a\1a\x12\1b\x12\3\x12\1x");
    door_begin(&d);
    CHECK(call(&w, PUSH_PATH));
    for (int i = 0; i < 20; i++) {
        w.reads = 0;
        say(&w, push, RPC_IDENTITY);
    }
    transport.events->read_end(w.call);
    unsigned answers = 0;
    for (int i = 0; i < 4000 && !w.is_finished; i++) {
        if (w.sends) {
            left(&w, true);
            answers++;
        } else {
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        }
    }
    CHECK_EQ_U64(answers, 20);
    CHECK_EQ_U64(w.code, RPC_OK);
    CHECK_EQ_SLICE(bole_slice_from(w.sent.ptr, 5), S("\4\x08\3\x10\1"));
    over(&w);
    door_end(&d);
}

TEST(rpc_tells_endless_calls_that_the_server_stops)
{
    struct door d;
    struct rpc_wire watch = {0}, push = {0}, tail = {0};
    door_begin(&d);
    CHECK(call(&watch, WATCH_PATH) && call(&push, PUSH_PATH) && call(&tail, "/bole.v1.Logs/Tail"));
    rpc_drain(d.rpc, 0);
    CHECK_EQ_U64(watch.code, RPC_OK);
    CHECK_EQ_SLICE(buf_slice(&watch.sent), S("\2\x08\2")); /* not serving */
    CHECK_EQ_U64(push.code, RPC_UNAVAILABLE);
    CHECK_EQ_U64(tail.code, RPC_UNAVAILABLE);
    say(&tail, S("\x0a\2{}"), RPC_IDENTITY); /* had been on its way */
    over(&watch);
    over(&push);
    over(&tail);
    door_end(&d);
}
