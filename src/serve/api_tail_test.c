/*
 * api_tail_test.c - live tail over a real WebSocket: history, then what is committed, each row once.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/test.h"
#include "serve/api_testing.h"

#define CATEGORIZE "X-Loki-Response-Encoding-Flags: categorize-labels\r\n"

static char text[1 << 21]; /* of one message */

static void push_line(struct world *w, const char *app, const char *line)
{
    char json[1024];
    snprintf(json, sizeof json, "{\"streams\":[{\"stream\":{\"app\":\"%s\"},\"values\":[[\"%lld\",\"%s\",{\"trace\":\"t\"}]]}]}", app,
             (long long)clock_now_ns(&clock_system), line);
    world_push(w, json);
}

static void read_frame(int fd)
{
    unsigned code;
    if (world_read_socket(fd, text, sizeof text, &code))
        return;
    print_error("socket closed with %u\n", code);
    CHECK(false);
}

TEST(api_tail_shows_history_then_every_commit_once)
{
    struct world *w = world_open(NULL);
    push_line(w, "web", "old one");
    push_line(w, "db", "not wanted");
    push_line(w, "web", "old two");
    int fd = world_open_socket(w, "/loki/api/v1/tail?query={app=\"web\"}&limit=1", CATEGORIZE);
    CHECK(fd >= 0);
    read_frame(fd);
    CHECK(strstr(text, "{\"streams\":[{\"stream\":{\"app\":\"web\"},\"values\":[[\"") == text);
    CHECK(strstr(text, "\",\"old two\",{\"structuredMetadata\":{\"trace\":\"t\"}}]]}],\"encodingFlags\":[\"categorize-labels\"]}"));
    push_line(w, "db", "not wanted");
    push_line(w, "web", "new one");
    read_frame(fd);
    CHECK(strstr(text, "new one") && !strstr(text, "old") && !strstr(text, "not wanted"));
    push_line(w, "web", "new two");
    read_frame(fd);
    CHECK(strstr(text, "new two") && !strstr(text, "new one"));
    CHECK(!strstr(text, "dropped"));
    close(fd);
    world_close(w);
}

/* The cursor of the frame that was read last. */
static void read_cursor(char cursor[64])
{
    const char *at = strstr(text, "\"cursor\":\"");
    CHECK(at && sscanf(at, "\"cursor\":\"%63[^\"]", cursor) == 1);
}

TEST(api_tail_goes_on_behind_a_cursor_with_every_row_once)
{
    struct world *w = world_open(NULL);
    char cursor[64], target[256];
    push_line(w, "web", "one");
    int fd = world_open_socket(w, "/loki/api/v1/tail?query={app=\"web\"}&cursor=", "");
    CHECK(fd >= 0);
    read_frame(fd);
    CHECK(strstr(text, "one"));
    read_cursor(cursor);
    push_line(w, "web", "two");
    read_frame(fd);
    CHECK(strstr(text, "two"));
    read_cursor(cursor);
    close(fd);
    push_line(w, "web", "three");
    push_line(w, "db", "of others");
    world_push(w, "{\"streams\":[{\"stream\":{\"app\":\"web\"},\"values\":[[\"1795210200000000000\",\"late\"]]}]}");
    snprintf(target, sizeof target, "/loki/api/v1/tail?query={app=\"web\"}&start=1795210000&cursor=%s", cursor);
    fd = world_open_socket(w, target, "");
    CHECK(fd >= 0);
    read_frame(fd);
    CHECK(strstr(text, "three") && strstr(text, "late")); /* by when it was committed, not by its stamp */
    CHECK(!strstr(text, "one") && !strstr(text, "two") && !strstr(text, "of others"));
    push_line(w, "web", "four");
    read_frame(fd);
    CHECK(strstr(text, "four") && !strstr(text, "three"));
    close(fd);
    CHECK(world_open_socket(w, "/loki/api/v1/tail?query={app=\"web\"}&cursor=nonsense", "") < 0);
    CHECK(world_body_has(w, "no id of a row"));
    world_close(w);
}

TEST(api_tail_resumes_over_many_rows_and_counts_what_it_drops)
{
    enum { ROWS = 12000 };
    struct world *w = world_open(NULL);
    struct buf b;
    char cursor[64], target[256];
    buf_init(&b, NULL);
    push_line(w, "web", "first");
    int fd = world_open_socket(w, "/loki/api/v1/tail?query={app=\"web\"}&cursor=", "");
    CHECK(fd >= 0);
    read_frame(fd);
    read_cursor(cursor);
    close(fd);
    for (int i = 0; i < ROWS; i++) {
        if (i % 1000 == 0)
            buf_put_str(&b, "{\"streams\":[{\"stream\":{\"app\":\"web\"},\"values\":[");
        buf_printf(&b, "%s[\"%lld\",\"%0300d\"]", i % 1000 ? "," : "", (long long)clock_now_ns(&clock_system), i);
        if (i % 1000 == 999) {
            buf_put_str(&b, "]}]}");
            buf_put_u8(&b, 0);
            world_push(w, (const char *)b.ptr);
            buf_reset(&b);
        }
    }
    buf_deinit(&b);
    snprintf(target, sizeof target, "/loki/api/v1/tail?query={app=\"web\"}&cursor=%s", cursor);
    fd = world_open_socket(w, target, "");
    CHECK(fd >= 0);
    size_t seen = 0, dropped = 0;
    while (seen + dropped < ROWS) {
        read_frame(fd);
        for (const char *at = text; (at = strstr(at, "\",\"0")); at++)
            seen++;
        const char *count = strstr(text, "\"dropped_count\":");
        dropped += count ? strtoul(count + 16, NULL, 10) : 0;
    }
    CHECK_EQ_U64(seen + dropped, ROWS);
    CHECK(seen > 5000);
    close(fd);
    world_close(w);
}

TEST(api_tail_runs_the_querys_pipeline)
{
    struct world *w = world_open(NULL);
    int fd = world_open_socket(w, "/loki/api/v1/tail?query={app=~\".+\"} |= \"keep\" | logfmt | n > 1", "");
    CHECK(fd >= 0);
    push_line(w, "web", "keep n=1");
    push_line(w, "web", "drop n=2");
    push_line(w, "db", "keep n=3");
    read_frame(fd);
    CHECK(strstr(text, "{\"stream\":{\"app\":\"db\",\"n\":\"3\",\"trace\":\"t\"}") && !strstr(text, "n=1") && !strstr(text, "n=2"));
    close(fd);
    world_close(w);
}

/* Rows pushed while the tail opens are history or live, never both and never neither. */
TEST(api_tail_has_no_seam_between_history_and_live)
{
    struct world *w = world_open(NULL);
    enum { ROUNDS = 20, ROWS = 10 };
    for (int round = 0; round < ROUNDS; round++) {
        char target[128], line[32];
        snprintf(target, sizeof target, "/loki/api/v1/tail?query={app=\"r%d\"}&limit=1000", round);
        int fd = -1;
        unsigned seen[ROWS] = {0}, total = 0;
        char app[16];
        snprintf(app, sizeof app, "r%d", round);
        for (int i = 0; i < ROWS; i++) {
            if (i == ROWS / 2)
                fd = world_open_socket(w, target, "");
            snprintf(line, sizeof line, "row-%d-", i);
            push_line(w, app, line);
        }
        CHECK(fd >= 0);
        while (total < ROWS) {
            read_frame(fd);
            for (int i = 0; i < ROWS; i++) {
                snprintf(line, sizeof line, "row-%d-", i);
                for (const char *at = text; (at = strstr(at, line)); at++, total++)
                    seen[i]++;
            }
        }
        for (int i = 0; i < ROWS; i++)
            CHECK_EQ_U64(seen[i], 1);
        close(fd);
    }
    world_close(w);
}

TEST(api_tail_serves_many_clients_at_once)
{
    struct world *w = world_open(NULL);
    int fds[8];
    for (int i = 0; i < 8; i++)
        CHECK((fds[i] = world_open_socket(w, "/loki/api/v1/tail?query={app=\"web\"}", "")) >= 0);
    close(fds[3]);
    push_line(w, "web", "for all");
    for (int i = 0; i < 8; i++) {
        if (i == 3)
            continue;
        read_frame(fds[i]);
        CHECK(strstr(text, "for all"));
        close(fds[i]);
    }
    world_close(w);
}

TEST(api_tail_holds_entries_back_as_long_as_asked)
{
    struct world *w = world_open(NULL);
    int fd = world_open_socket(w, "/loki/api/v1/tail?query={app=\"web\"}&delay_for=1", "");
    CHECK(fd >= 0);
    uint64_t from_ns = clock_mono_ns(&clock_system);
    push_line(w, "web", "one");
    push_line(w, "web", "two");
    read_frame(fd);
    CHECK(strstr(text, "one") && strstr(text, "two"));
    CHECK(clock_mono_ns(&clock_system) - from_ns >= (uint64_t)NS_PER_S);
    close(fd);
    world_close(w);
}

TEST(api_tail_of_a_client_that_does_not_read_counts_what_it_lost)
{
    struct world *w = world_open(NULL);
    enum { PUSHES = 80, LINES = 100, LINE = 1000 };
    int fd = world_open_socket(w, "/loki/api/v1/tail?query={app=\"web\"}", "");
    CHECK(fd >= 0);
    char line[LINE + 1];
    memset(line, 'x', LINE);
    line[LINE] = 0;
    struct buf b;
    buf_init(&b, NULL);
    for (int i = 0; i < PUSHES; i++) { /* 8 MB: more than sockets and frames hold */
        buf_reset(&b);
        buf_put_str(&b, "{\"streams\":[{\"stream\":{\"app\":\"web\"},\"values\":[");
        for (int k = 0; k < LINES; k++)
            buf_printf(&b, "%s[\"%lld\",\"%s\"]", k ? "," : "", (long long)clock_now_ns(&clock_system) + k, line);
        buf_put_str(&b, "]}]}");
        buf_put_u8(&b, 0);
        world_push(w, (const char *)b.ptr);
    }
    push_line(w, "web", "the last");
    uint64_t got = 0, dropped = 0;
    while (got + dropped < PUSHES * LINES + 1) {
        read_frame(fd);
        for (const char *at = text; (at = strstr(at, "xx\"]")); at++)
            got++;
        got += strstr(text, "the last") != NULL;
        const char *count = strstr(text, "\"dropped_count\":");
        dropped += count ? strtoull(count + 16, NULL, 10) : 0;
    }
    CHECK_EQ_U64(got + dropped, PUSHES * LINES + 1);
    CHECK(dropped > 0 && got > 0);
    CHECK_EQ_U64(world_get(w, "/metrics", ""), 200);
    char wanted[64];
    snprintf(wanted, sizeof wanted, "\nbole_tail_dropped_total %llu\n", (unsigned long long)dropped);
    CHECK(world_body_has(w, wanted));
    buf_deinit(&b);
    close(fd);
    world_close(w);
}

TEST(api_tail_refuses_what_it_cannot_follow)
{
    static const struct {
        const char *target;
        const char *body;
    } cases[] = {
        {"/loki/api/v1/tail?query={app=\"web\"", "parse error at line 1, col 11: syntax error: unexpected $end, expecting } or ,"},
        {"/loki/api/v1/tail?query={app=\"web\"}&delay_for=6", "delay_for can't be greater than 5"},
        {"/loki/api/v1/tail?query={app=\"web\"}&limit=0", "limit must be a positive value"},
    };
    struct world *w = world_open(NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CHECK(world_open_socket(w, cases[i].target, "") == -1);
        CHECK_EQ_SLICE(w->body, bole_slice_str(cases[i].body));
    }
    CHECK_EQ_U64(world_get(w, "/loki/api/v1/tail?query={app=\"web\"}", ""), 400);
    CHECK(world_open_socket(w, "/loki/api/v1/tail?query={app=\"web\"}", "Origin: http://evil.example\r\n") == -1);
    world_close(w);
}

static void check_closes(struct world *w, const char *target, unsigned wanted)
{
    unsigned code;
    int fd = world_open_socket(w, target, "");
    CHECK(fd >= 0);
    CHECK(!world_read_socket(fd, text, sizeof text, &code));
    CHECK_EQ_U64(code, wanted);
    close(fd);
}

TEST(api_tail_ends_what_it_accepted_and_cannot_follow)
{
    struct world *w = world_open(&(struct api_options){.tails_max = 1});
    check_closes(w, "/loki/api/v1/tail?query=rate({app=\"web\"}[5m])", 1011);
    check_closes(w, "/loki/api/v1/tail?query={app=\"web\"}&start=4000000000", 1011);
    int first = world_open_socket(w, "/loki/api/v1/tail?query={app=\"web\"}", "");
    CHECK(first >= 0);
    check_closes(w, "/loki/api/v1/tail?query={app=\"web\"}", 1011);
    check_closes(w, "/loki/api/v1/tail?query={app=\"web\"}&cursor=", 1013); /* Bole's own clients try again */
    close(first);
    world_close(w);
}

TEST(api_tail_legacy_has_frames_of_its_own)
{
    struct world *w = world_open(NULL);
    push_line(w, "web", "old");
    int fd = world_open_socket(w, "/api/prom/tail?query={app=\"web\"}", "");
    CHECK(fd >= 0);
    read_frame(fd);
    CHECK(strstr(text, "{\"streams\":[{\"labels\":\"{app=\\\"web\\\", trace=\\\"t\\\"}\",\"entries\":[{\"ts\":\"") == text);
    CHECK(strstr(text, "\",\"line\":\"old\"}]}],\"dropped_entries\":null}\n"));
    push_line(w, "web", "new");
    read_frame(fd);
    CHECK(strstr(text, "{\"streams\":[{\"labels\":\"{app=\\\"web\\\"}\",") == text); /* no stage has seen it */
    close(fd);
    world_close(w);
}

TEST(api_tail_is_told_when_the_server_stops)
{
    struct world *w = world_open(NULL);
    int fd = world_open_socket(w, "/loki/api/v1/tail?query={app=\"web\"}", "");
    CHECK(fd >= 0);
    push_line(w, "web", "one");
    read_frame(fd);
    api_stop(w->api);
    unsigned code;
    CHECK(!world_read_socket(fd, text, sizeof text, &code));
    CHECK_EQ_U64(code, 1001);
    close(fd);
    CHECK_EQ_U64(world_get(w, "/ready", ""), 503);
    world_close(w);
}
