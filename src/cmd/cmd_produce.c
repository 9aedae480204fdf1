#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "bole/client.h"
#include "cmd/cmd.h"
#include "cmd/produce.h"

enum { KEY_ROTATE = 256, KEY_KEEP, KEY_SEED, KEY_BURST, KEY_TO_SERVER, PUSH_BYTES = 256 * 1024, STEP_MS = 10, KEEP_MAX = 1000 };

struct produce {
    struct connection_options connection;
    const struct produce_format *formats[16];
    size_t format_count;
    double rate;              /* records per second; 0: as fast as it goes */
    double burst_rate;        /* within a burst */
    int64_t burst_ns, burst_every_ns; /* 0: there are none */
    int64_t count, duration_ns;       /* 0: without end */
    uint64_t seed;
    const char *path;         /* NULL: standard output, or a server */
    uint64_t rotate_bytes;
    int64_t keep;
    bool to_server;

    struct bole_client *client;
    struct bole_push *push;
    int fd;
    uint64_t file_bytes;
    struct buf out;
};

static const struct argp_option options_table[] = {
    {"format", 'f', "FORMATS", 0,
     "access, json, logfmt, java (with stack traces), syslog, cri; several with commas take turns at random (default logfmt)", 0},
    {"rate", 'r', "N", 0, "Records per second; 0: as many as possible (default 10)", 0},
    {"burst", KEY_BURST, "N:LENGTH:EVERY", 0, "N records per second for that long, every so often: 5000:2s:30s", 0},
    {"count", 'n', "N", 0, "End after so many records", 0},
    {"duration", 'd', "TIME", 0, "End after this time", 0},
    {"seed", KEY_SEED, "N", 0, "The same lines but for their times (default: others each time)", 0},
    {"file", 'o', "FILE", 0, "Append to this file", 0},
    {"rotate", KEY_ROTATE, "SIZE", 0, "Rename it to FILE.1, FILE.2... when it is that large", 0},
    {"keep", KEY_KEEP, "N", 0, "Rotated files that are kept (default 3)", 0},
    {"push", KEY_TO_SERVER, 0, 0, "Send to a server (--addr), with labels app and job=\"produce\"", 0},
    {0},
};

/* ---- options ---- */

static void set_formats(struct produce *p, struct argp_state *state, const char *text)
{
    p->format_count = 0;
    for (bole_slice rest = bole_slice_str(text); rest.len;) {
        bole_slice name = bole_slice_cut(rest, ',', &rest);
        size_t i = 0;
        while (i < produce_format_count && !bole_slice_eq(name, bole_slice_str(produce_formats[i].name)))
            i++;
        if (i == produce_format_count || p->format_count == sizeof p->formats / sizeof *p->formats)
            argp_error(state, "--format: access, json, logfmt, java, syslog or cri, not %.*s", BOLE_SLICE_ARG(name));
        else
            p->formats[p->format_count++] = &produce_formats[i];
    }
}

static void set_burst(struct produce *p, struct argp_state *state, const char *text)
{
    char copy[96], *length, *every;
    snprintf(copy, sizeof copy, "%s", text);
    length = strchr(copy, ':');
    every = length ? strchr(length + 1, ':') : NULL;
    if (!every)
        argp_error(state, "--burst: N:LENGTH:EVERY, as 5000:2s:30s");
    *length++ = *every++ = 0;
    p->burst_rate = (double)cmd_count(state, "--burst", copy);
    p->burst_ns = cmd_duration_ns(state, "burst", length);
    p->burst_every_ns = cmd_duration_ns(state, "burst", every);
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    struct produce *p = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &p->connection; return 0;
    case 'f': set_formats(p, state, arg); return 0;
    case 'r': p->rate = (double)cmd_count(state, "--rate", arg); return 0;
    case 'n': p->count = cmd_count(state, "--count", arg); return 0;
    case 'd': p->duration_ns = cmd_duration_ns(state, "duration", arg); return 0;
    case 'o': p->path = arg; return 0;
    case KEY_BURST: set_burst(p, state, arg); return 0;
    case KEY_SEED: p->seed = (uint64_t)cmd_count(state, "--seed", arg); return 0;
    case KEY_ROTATE: p->rotate_bytes = cmd_size(state, "--rotate", arg); return 0;
    case KEY_KEEP: p->keep = cmd_count(state, "--keep", arg); return 0;
    case KEY_TO_SERVER: p->to_server = true; return 0;
    case ARGP_KEY_END:
        if (p->to_server && p->path)
            argp_error(state, "--push or --file, not both");
        if (p->keep > KEEP_MAX)
            argp_error(state, "--keep: at most %d", KEEP_MAX);
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {CONNECTION_CHILD, {0}};
static const struct argp argp = {
    options_table, parse_option, NULL,
    "Writes lines as applications do, for demonstrations and load.\v"
    "Examples:\n"
    "  bole produce --format java --rate 5 --file /tmp/app.log --rotate 10MB\n"
    "  bole produce --format access,json --rate 0 --count 1000000 --seed 1 > lines\n"
    "  bole produce --push --rate 100 --burst 5000:2s:30s\n",
    children, NULL, NULL};

/* ---- where it goes ---- */

static bole_status open_file(struct produce *p, struct bole_err *err)
{
    p->fd = open(p->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    off_t size = p->fd >= 0 ? lseek(p->fd, 0, SEEK_END) : 0;
    p->file_bytes = size > 0 ? (uint64_t)size : 0;
    return p->fd >= 0 ? BOLE_OK : bole_fail_errno(err, errno, "opening %s", p->path);
}

static bole_status rotate(struct produce *p, struct bole_err *err)
{
    char from[4096], to[4096];
    close(p->fd);
    p->fd = -1;
    for (int64_t n = p->keep; n > 0; n--) {
        snprintf(from, sizeof from, n > 1 ? "%s.%lld" : "%s", p->path, (long long)n - 1);
        snprintf(to, sizeof to, "%s.%lld", p->path, (long long)n);
        if (rename(from, to) != 0 && errno != ENOENT)
            return bole_fail_errno(err, errno, "renaming %s", from);
    }
    if (p->keep == 0)
        unlink(p->path);
    return open_file(p, err);
}

static bole_status write_all(struct produce *p, struct bole_err *err)
{
    for (size_t at = 0; at < p->out.len;) {
        ssize_t n = write(p->fd, p->out.ptr + at, p->out.len - at);
        if (n < 0 && errno != EINTR)
            return bole_fail_errno(err, errno, "writing");
        at += n > 0 ? (size_t)n : 0;
    }
    p->file_bytes += p->out.len;
    buf_reset(&p->out);
    return p->rotate_bytes && p->path && p->file_bytes >= p->rotate_bytes ? rotate(p, err) : BOLE_OK;
}

static bole_status flush(struct produce *p, struct bole_err *err)
{
    if (p->push)
        return bole_push_size(p->push) ? bole_push_flush(p->push, err) : BOLE_OK;
    return p->out.len ? write_all(p, err) : BOLE_OK;
}

static bole_status put_one(struct produce *p, struct random *random, struct bole_err *err)
{
    const struct produce_format *f = p->formats[random_below(random, p->format_count)];
    int64_t now = clock_now_ns(&clock_system);
    char labels[64];
    f->put(random, now, &p->out);
    if (p->out.failed)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for lines");
    if (!p->push)
        return p->out.len >= PUSH_BYTES || (p->rotate_bytes && p->file_bytes + p->out.len >= p->rotate_bytes) ? flush(p, err)
                                                                                                              : BOLE_OK;
    snprintf(labels, sizeof labels, "{app=\"%s\",job=\"produce\"}", f->app);
    bole_slice line = {p->out.ptr, p->out.len - 1};
    bole_status st = bole_push_add(p->push, bole_slice_str(labels), now, line, NULL, 0, err);
    buf_reset(&p->out);
    return st == BOLE_OK && bole_push_size(p->push) >= PUSH_BYTES ? flush(p, err) : st;
}

/* ---- the clock ---- */

static double rate_at(const struct produce *p, int64_t elapsed_ns)
{
    bool in_burst = p->burst_every_ns && elapsed_ns % p->burst_every_ns < p->burst_ns;
    return in_burst ? p->burst_rate : p->rate;
}

static bole_status produce(struct produce *p, struct bole_err *err)
{
    struct random random;
    uint64_t begin = clock_mono_ns(&clock_system), last = begin;
    double owed = 1;
    int64_t made = 0;
    bole_status st = BOLE_OK;
    random_seed(&random, p->seed ? p->seed : random_next(&random_system));
    while (st == BOLE_OK && !cmd_stopped && (!p->count || made < p->count)) {
        uint64_t now = clock_mono_ns(&clock_system);
        int64_t elapsed = (int64_t)(now - begin);
        double rate = rate_at(p, elapsed);
        if (p->duration_ns && elapsed >= p->duration_ns)
            break;
        owed = rate > 0 ? owed + rate * (double)(now - last) / (double)NS_PER_S : 1000;
        last = now;
        for (; owed >= 1 && st == BOLE_OK && (!p->count || made < p->count); owed--, made++)
            st = put_one(p, &random, err);
        if (st == BOLE_OK && rate > 0)
            st = flush(p, err);
        if (rate > 0)
            nanosleep(&(struct timespec){.tv_nsec = STEP_MS * NS_PER_MS}, NULL);
    }
    return st == BOLE_OK ? flush(p, err) : st;
}

int cmd_produce(int argc, char **argv)
{
    struct produce p = {.rate = 10, .keep = 3, .fd = STDOUT_FILENO, .formats = {&produce_formats[2]}, .format_count = 1};
    struct bole_err err;
    bole_status st = BOLE_OK;
    cmd_parse(&argp, argc, argv, &p);
    cmd_catch_signals();
    buf_init(&p.out, NULL);
    if (p.to_server) {
        st = cmd_client(&p.connection, &p.client, &err);
        if (st == BOLE_OK)
            st = bole_push_create(p.client, &p.push, &err);
    } else if (p.path) {
        st = open_file(&p, &err);
    }
    if (st == BOLE_OK)
        st = produce(&p, &err);
    bole_push_destroy(p.push);
    bole_client_destroy(p.client);
    if (p.path && p.fd >= 0)
        close(p.fd);
    buf_deinit(&p.out);
    return st < 0 ? cmd_fail(&err) : EXIT_OK;
}
