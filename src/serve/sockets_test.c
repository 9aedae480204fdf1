/* Real sockets over a stand-in for ingest: what happens when there is no room, too many come, or one goes away. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/test.h"
#include "receive/fake_ingest.h"
#include "serve/sockets.h"

enum { WAIT_MS = 20000 };

struct world {
    struct ingest   ingest; /* the sockets' thread only, but for `refuse` and `rows_total` */
    struct budget   budget;
    struct sockets *sockets;
};

static void world_init(struct world *w, size_t connection_max, uint64_t message_timeout_ns)
{
    struct bole_err err;
    fake_ingest_init(&w->ingest);
    w->ingest.discard = true;
    budget_init(&w->budget, NULL, (size_t)64 << 20);
    struct socket_door_options door = {.name = "syslog", .protocol = &syslog_protocol, .listen = S("127.0.0.1:0")};
    struct sockets_options options = {.doors = &door, .door_count = 1, .ingest = &w->ingest, .budget = &w->budget,
                                      .clock = &clock_system, .random = &random_system, .tenant = S("default"),
                                      .connection_max = connection_max, .message_timeout_ns = message_timeout_ns};
    CHECK_OK(sockets_create(&options, &w->sockets, &err), err);
    CHECK_OK(sockets_start(w->sockets, &err), err);
}

static void world_deinit(struct world *w)
{
    sockets_destroy(w->sockets);
    CHECK_EQ_U64(w->ingest.open_requests, 0);
    CHECK_EQ_U64(w->budget.used_bytes, 0); /* every buffer has been given back */
    fake_ingest_deinit(&w->ingest);
}

static struct socket_stats stats_of(const struct world *w)
{
    struct socket_stats s;
    sockets_stats(w->sockets, 0, &s);
    return s;
}

static int connect_to(const struct world *w, int type)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)sockets_port(w->sockets, 0)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0);
    return fd;
}

static void send_text(int fd, const char *text)
{
    CHECK(send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text));
}

static void pause_ms(unsigned ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L}, NULL);
}

/* Waits until the figure at that place has this value. */
static void wait_for(const struct world *w, size_t at, uint64_t value)
{
    uint64_t now = 0;
    for (unsigned ms = 0; ms < WAIT_MS; ms += 5) {
        struct socket_stats s = stats_of(w);
        memcpy(&now, (char *)&s + at, sizeof now);
        if (now == value)
            return;
        pause_ms(5);
    }
    CHECK_EQ_U64(now, value);
}
#define WAIT_FOR(w, field, value) wait_for(w, offsetof(struct socket_stats, field), value)

static bool is_closed(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    char byte;
    return poll(&p, 1, WAIT_MS) == 1 && recv(fd, &byte, 1, 0) <= 0;
}

TEST(sockets_take_from_tcp_and_udp)
{
    struct world w;
    world_init(&w, 0, 0);
    CHECK(sockets_has_udp(w.sockets, 0));
    int tcp = connect_to(&w, SOCK_STREAM), udp = connect_to(&w, SOCK_DGRAM);
    send_text(tcp, "<14>one\n6 <14>tw");
    send_text(udp, "<14>three");
    WAIT_FOR(&w, records_total, 3);
    send_text(tcp, "<14>four\n<14>fi");
    WAIT_FOR(&w, records_total, 4);
    close(tcp); /* what stood without its end is taken as it is */
    WAIT_FOR(&w, records_total, 5);
    WAIT_FOR(&w, connections, 0);
    CHECK_EQ_U64(stats_of(&w).datagrams_total, 1);
    close(udp);
    world_deinit(&w);
}

/* A sender that goes on while nothing can be taken is stopped, and nothing of what it could send is lost. */
TEST(sockets_stop_reading_while_there_is_no_room)
{
    struct world w;
    world_init(&w, 0, 0);
    w.ingest.refuse = BOLE_E_FULL;
    int fd = connect_to(&w, SOCK_STREAM);
    int small = 64 * 1024;
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    char lines[10000];
    size_t len = 0, count = 0, sent = 0, unsent;
    while (len + 20 < sizeof lines) {
        len += (size_t)snprintf(lines + len, sizeof lines - len, "<14>line %04zu\n", count++);
    }
    for (bool blocked = false; !blocked;) {
        ssize_t n = send(fd, lines, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0) {
            CHECK(errno == EAGAIN);
            struct pollfd p = {.fd = fd, .events = POLLOUT};
            blocked = poll(&p, 1, 500) == 0;
            continue;
        }
        sent += (size_t)n;
        for (size_t at = (size_t)n; at < len && at > 0;) { /* finish the block, or learn that it cannot be */
            n = send(fd, lines + at, len - at, MSG_NOSIGNAL | MSG_DONTWAIT);
            struct pollfd p = {.fd = fd, .events = POLLOUT};
            if (n < 0 && poll(&p, 1, 500) == 0) {
                blocked = true;
                break;
            }
            at += n > 0 ? (size_t)n : 0;
            sent += n > 0 ? (size_t)n : 0;
        }
        CHECK(sent < (size_t)64 << 20);
    }
    CHECK(stats_of(&w).pauses_total > 0);
    CHECK_EQ_U64(stats_of(&w).records_total, 0);
    CHECK(w.budget.used_bytes < (size_t)2 << 20);
    w.ingest.refuse = BOLE_OK;
    unsent = (len - sent % len) % len;
    CHECK(unsent == 0 || send(fd, lines + len - unsent, unsent, MSG_NOSIGNAL) == (ssize_t)unsent);
    WAIT_FOR(&w, records_total, (sent + unsent) / len * count);
    close(fd);
    WAIT_FOR(&w, connections, 0);
    world_deinit(&w);
}

TEST(sockets_keep_datagrams_while_there_is_no_room)
{
    struct world w;
    world_init(&w, 0, 0);
    w.ingest.refuse = BOLE_E_LIMIT;
    int fd = connect_to(&w, SOCK_DGRAM);
    for (int i = 0; i < 100; i++)
        send_text(fd, "<14>x");
    for (unsigned ms = 0; ms < WAIT_MS && !stats_of(&w).pauses_total; ms += 5)
        pause_ms(5);
    CHECK_EQ_U64(stats_of(&w).records_total, 0);
    w.ingest.refuse = BOLE_OK;
    WAIT_FOR(&w, records_total, 100);
    /* What the kernel's buffer cannot hold is lost, and counted. */
    w.ingest.refuse = BOLE_E_LIMIT;
    char large[60000];
    memset(large, 'x', sizeof large);
    uint64_t sent = 0;
    for (; sent < 1000; sent++)
        CHECK(send(fd, large, sizeof large, 0) == sizeof large);
    w.ingest.refuse = BOLE_OK;
    for (unsigned ms = 0; ms < WAIT_MS; ms += 10) {
        struct socket_stats s = stats_of(&w);
        if (s.records_total - 100 + s.dropped_total[SOCKET_DROP_BUFFER] == sent)
            break;
        send_text(fd, "<14>x"); /* the kernel tells its count with what it delivers */
        sent++;
        pause_ms(10);
    }
    struct socket_stats s = stats_of(&w);
    CHECK(s.dropped_total[SOCKET_DROP_BUFFER] > 0);
    CHECK_EQ_U64(s.records_total - 100 + s.dropped_total[SOCKET_DROP_BUFFER], sent);
    close(fd);
    world_deinit(&w);
}

TEST(sockets_refuse_connections_over_the_limit)
{
    struct world w;
    world_init(&w, 2, 0);
    int a = connect_to(&w, SOCK_STREAM), b = connect_to(&w, SOCK_STREAM);
    WAIT_FOR(&w, connections, 2);
    int c = connect_to(&w, SOCK_STREAM);
    CHECK(is_closed(c));
    CHECK_EQ_U64(stats_of(&w).refused_total, 1);
    close(c);
    close(a);
    WAIT_FOR(&w, connections, 1);
    c = connect_to(&w, SOCK_STREAM);
    send_text(c, "<14>x\n");
    WAIT_FOR(&w, records_total, 1);
    close(b);
    close(c);
    world_deinit(&w);
}

TEST(sockets_take_half_a_message_whose_rest_does_not_come)
{
    struct world w;
    world_init(&w, 0, 200 * NS_PER_MS);
    int idle = connect_to(&w, SOCK_STREAM), half = connect_to(&w, SOCK_STREAM);
    send_text(half, "<14>half");
    CHECK(is_closed(half));
    CHECK_EQ_U64(stats_of(&w).records_total, 1);
    WAIT_FOR(&w, connections, 1); /* one that is only silent stays */
    send_text(idle, "<14>x\n");
    WAIT_FOR(&w, records_total, 2);
    close(half);
    close(idle);
    world_deinit(&w);
}

/* However often a byte comes: neither the buffer nor the connection is held for it. */
TEST(sockets_give_up_on_a_message_that_only_trickles)
{
    struct world w;
    world_init(&w, 0, 300 * NS_PER_MS);
    int fd = connect_to(&w, SOCK_STREAM);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    send_text(fd, "<14>");
    for (unsigned ms = 0; ms < WAIT_MS && poll(&p, 1, 20) == 0; ms += 20)
        send(fd, "x", 1, MSG_NOSIGNAL);
    CHECK(is_closed(fd));
    CHECK_EQ_U64(stats_of(&w).records_total, 1); /* as it is */
    close(fd);
    world_deinit(&w);
}

TEST(sockets_take_what_has_arrived_when_they_drain)
{
    struct world w;
    world_init(&w, 0, 0);
    int fd = connect_to(&w, SOCK_STREAM), udp = connect_to(&w, SOCK_DGRAM);
    WAIT_FOR(&w, connections, 1);
    w.ingest.refuse = BOLE_E_LIMIT;
    for (int i = 0; i < 1000; i++) {
        send_text(fd, "<14>x\n");
        if (i % 10 == 0)
            send_text(udp, "<14>x");
    }
    for (unsigned ms = 0; ms < WAIT_MS && stats_of(&w).pauses_total < 2; ms += 5)
        pause_ms(5);
    w.ingest.refuse = BOLE_OK;
    sockets_drain(w.sockets, 10 * NS_PER_S);
    CHECK_EQ_U64(stats_of(&w).records_total, 1100);
    CHECK(is_closed(fd));
    close(fd);
    close(udp);
    world_deinit(&w);
}

TEST(sockets_give_up_when_the_grace_is_over)
{
    struct world w;
    world_init(&w, 0, 0);
    w.ingest.refuse = BOLE_E_FULL;
    int fd = connect_to(&w, SOCK_STREAM);
    send_text(fd, "<14>x\n");
    for (unsigned ms = 0; ms < WAIT_MS && !stats_of(&w).pauses_total; ms += 5)
        pause_ms(5);
    sockets_drain(w.sockets, 100 * NS_PER_MS);
    CHECK_EQ_U64(stats_of(&w).records_total, 0);
    close(fd);
    world_deinit(&w);
}

static void *send_without_end(void *arg)
{
    char lines[8192];
    size_t len = 0;
    while (len + 8 < sizeof lines)
        len += (size_t)snprintf(lines + len, sizeof lines - len, "<14>x\n");
    while (send(*(int *)arg, lines, len, MSG_NOSIGNAL) > 0)
        continue;
    return NULL;
}

TEST(sockets_end_although_somebody_goes_on_sending)
{
    struct world w;
    pthread_t thread;
    world_init(&w, 0, 0);
    int fd = connect_to(&w, SOCK_STREAM);
    CHECK(pthread_create(&thread, NULL, send_without_end, &fd) == 0);
    while (stats_of(&w).records_total == 0)
        pause_ms(1);
    uint64_t begin_ns = clock_mono_ns(&clock_system);
    sockets_drain(w.sockets, 300 * NS_PER_MS);
    CHECK(clock_mono_ns(&clock_system) - begin_ns < 20 * (uint64_t)NS_PER_S);
    pthread_join(thread, NULL);
    close(fd);
    world_deinit(&w);
}

TEST(sockets_name_an_address_that_is_taken)
{
    struct world w;
    struct bole_err err;
    world_init(&w, 0, 0);
    char taken[32];
    snprintf(taken, sizeof taken, "127.0.0.1:%u", sockets_port(w.sockets, 0));
    struct socket_door_options door = {.name = "syslog", .protocol = &syslog_protocol, .listen = bole_slice_str(taken)};
    struct sockets_options options = {.doors = &door, .door_count = 1, .ingest = &w.ingest, .budget = &w.budget,
                                      .clock = &clock_system, .random = &random_system, .tenant = S("default")};
    struct sockets *second = NULL;
    CHECK(sockets_create(&options, &second, &err) < 0 && second == NULL);
    CHECK(strstr(err.msg, taken) && strstr(err.msg, "syslog"));
    world_deinit(&w);
}
