#include "cmd/produce.h"

#include <time.h>

#include "base/clock.h"
#include "base/timefmt.h"

#define PICK(random, list) ((list)[random_below(random, sizeof(list) / sizeof *(list))])

static const char *const paths[] = {"/",      "/api/orders", "/api/orders/%u", "/api/users/%u",
                                    "/login", "/healthz",    "/static/app.js"};
static const char *const agents[] = {"Mozilla/5.0 (X11; Linux x86_64)", "curl/8.5.0", "okhttp/4.12", "kube-probe/1.31"};
static const char *const messages[] = {
    "order accepted", "payment done",   "cache miss",   "retrying upstream", "connection closed by peer",
    "queue is long",  "user logged in", "card declined"};
static const char *const levels[] = {"info", "info", "info", "info", "info", "info", "debug", "debug", "warn", "error"};

static unsigned number(struct random *random, unsigned below)
{
    return (unsigned)random_below(random, below);
}

/* Mostly small, now and then large. */
static unsigned milliseconds(struct random *random)
{
    return 1 + number(random, number(random, 20) == 0 ? 3000 : 40);
}

static void put_time(int64_t time_ns, int digits, struct buf *out)
{
    char text[TIME_TEXT_MAX];
    time_format_rfc3339(time_ns, digits, text);
    buf_put_str(out, text);
}

/* "22/Nov/2026:10:00:00 +0000", or "2026-11-22 10:00:00". */
static void put_date(int64_t time_ns, bool is_access, struct buf *out)
{
    char text[64];
    time_t seconds = (time_t)(time_ns / NS_PER_S);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    size_t n = is_access ? strftime(text, sizeof text, "%d/%b/%Y:%H:%M:%S +0000", &utc)
                         : strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &utc);
    buf_put(out, (bole_slice){(const uint8_t *)text, n});
}

static void put_path(struct random *random, struct buf *out)
{
    const char *path = PICK(random, paths), *place = strchr(path, '%');
    buf_put(out, (bole_slice){(const uint8_t *)path, place ? (size_t)(place - path) : strlen(path)});
    if (place)
        buf_printf(out, "%u", number(random, 100000));
}

static unsigned status(struct random *random)
{
    static const unsigned statuses[] = {200, 200, 200, 200, 200, 200, 200, 201, 204, 304, 404, 403, 500, 503};
    return PICK(random, statuses);
}

static void put_access(struct random *random, int64_t time_ns, struct buf *out)
{
    static const char *const methods[] = {"GET", "GET", "GET", "POST", "PUT", "DELETE"};
    buf_printf(out, "10.%u.%u.%u - - [", number(random, 4), number(random, 256), number(random, 256));
    put_date(time_ns, true, out);
    buf_printf(out, "] \"%s ", PICK(random, methods));
    put_path(random, out);
    unsigned code = status(random), bytes = number(random, 40000);
    buf_printf(out, " HTTP/1.1\" %u %u \"-\" \"%s\"\n", code, bytes, PICK(random, agents));
}

static void put_json(struct random *random, int64_t time_ns, struct buf *out)
{
    const char *level = PICK(random, levels), *message = PICK(random, messages);
    buf_put_str(out, "{\"time\":\"");
    put_time(time_ns, 3, out);
    buf_printf(out, "\",\"level\":\"%s\",\"msg\":\"%s\",\"trace_id\":\"%016llx\",\"user\":\"u%u\",\"duration_ms\":%u}\n", level,
               message, (unsigned long long)random_next(random), number(random, 5000), milliseconds(random));
}

static void put_logfmt(struct random *random, int64_t time_ns, struct buf *out)
{
    const char *level = PICK(random, levels), *message = PICK(random, messages);
    buf_put_str(out, "ts=");
    put_time(time_ns, 3, out);
    buf_printf(out, " level=%s msg=\"%s\" user=u%u took=%ums path=", level, message, number(random, 5000), milliseconds(random));
    put_path(random, out);
    buf_put_u8(out, '\n');
}

/* One line of ten is an error with its trace. */
static void put_java(struct random *random, int64_t time_ns, struct buf *out)
{
    static const char *const names[] = {"java.lang.IllegalStateException", "java.net.SocketTimeoutException",
                                        "shop.CardException"};
    static const char *const frames[] = {"shop.Orders.pay(Orders.java", "shop.Cards.charge(Cards.java",
                                         "shop.Http.handle(Http.java", "java.base/java.lang.Thread.run(Thread.java"};
    bool fails = number(random, 10) == 0;
    put_date(time_ns, false, out);
    buf_printf(out, ",%03u %-5s [worker-%u] shop.Orders - %s\n", (unsigned)(time_ns / NS_PER_MS % 1000), fails ? "ERROR" : "INFO",
               number(random, 8), PICK(random, messages));
    if (!fails)
        return;
    const char *name = PICK(random, names);
    buf_printf(out, "%s: order %u failed\n", name, number(random, 100000));
    for (unsigned n = 2 + number(random, 10); n; n--) {
        const char *frame = PICK(random, frames);
        buf_printf(out, "\tat %s:%u)\n", frame, 1 + number(random, 500));
    }
}

static void put_syslog(struct random *random, int64_t time_ns, struct buf *out)
{
    static const char *const hosts[] = {"web-1", "web-2", "db-1"}, *const apps[] = {"sshd", "cron", "kernel", "postgres"};
    unsigned priority = 8 * (3 + number(random, 2)) + 3 + number(random, 4);
    const char *host = PICK(random, hosts), *app = PICK(random, apps);
    buf_printf(out, "<%u>1 ", priority);
    put_time(time_ns, 6, out);
    buf_printf(out, " %s %s %u - - %s\n", host, app, 100 + number(random, 30000), PICK(random, messages));
}

/* As a container's runtime writes it: long lines in parts. */
static void put_cri(struct random *random, int64_t time_ns, struct buf *out)
{
    const char *stream = number(random, 8) ? "stdout" : "stderr";
    for (unsigned parts = number(random, 20) ? 0 : 1 + number(random, 3); parts; parts--) {
        put_time(time_ns, 9, out);
        buf_printf(out, " %s P %s, then ", stream, PICK(random, messages));
        buf_put_u8(out, '\n');
    }
    put_time(time_ns, 9, out);
    buf_printf(out, " %s F ", stream);
    put_logfmt(random, time_ns, out);
}

const struct produce_format produce_formats[] = {
    {"access", "web", put_access},  {"json", "shop", put_json},        {"logfmt", "api", put_logfmt},
    {"java", "orders", put_java},   {"syslog", "system", put_syslog},  {"cri", "pod", put_cri},
};
const size_t produce_format_count = sizeof produce_formats / sizeof *produce_formats;
