/*
 * Entries of a frame come grouped by stream and are printed in the order of time.
 *
 * A lost connection is made again. What came meanwhile is read from /api/v1/query first, which has no limit, and the rest, until the
 * tail stands, is the tail's own history. Both begin behind the cursor of the last frame: with what was committed since, whatever its
 * stamp (from an hour before on). Where the server gave none they begin behind the newest line that was printed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "cmd/print.h"
#include "cmd/url.h"

enum {
    DEFAULT_HISTORY = 10,
    CURSOR_MAX = 64,     /* bytes */
    RESUME_LIMIT = 5000, /* lines of history after a reconnect: the most that Loki's API allows */
};

struct tail_options {
    struct query_argument query;
    int64_t history;
};

static const struct argp_option options_table[] = {
    {"history", 'n', "N", 0, "Begin with the newest N lines that are there (default 10)", 0},
    {0},
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    struct tail_options *o = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &o->query; return 0;
    case 'n': o->history = cmd_count(state, "history", arg); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&query_argp, 0, NULL, 0}, {0}};
static const struct argp argp = {
    options_table, parse_option, NULL,
    "Follows what arrives, until Ctrl-C.\v"
    "Examples:\n"
    "  bole tail '{job=\"varlogs\"}'\n"
    "  bole tail '{app=\"api\"} |= \"error\"' -o raw | tee errors.log\n",
    children, NULL, NULL};

/* ---- frames ---- */

struct entry {
    struct print_record record;
    size_t index; /* in the frame */
};

struct tail {
    const struct tail_options *options;
    struct bole_client *client;
    struct printer printer;
    struct entry *entries;    /* of one frame */
    size_t entry_count, entry_cap;
    bool no_memory;           /* an entry was left out */
    struct json_value labels; /* of the stream being read */
    char cursor[CURSOR_MAX];  /* behind what is printed; empty: the server gave none */
    int64_t next_ns;          /* lines before it are printed, or older than the tail */
    bool stood;               /* ever: from then on nothing may be missed */
    bool lost;                /* it was told that the connection is */
};

struct pair {
    struct print_record *record;
    int index;
};

static bool read_pair(bole_slice name, struct json_value v, void *ctx)
{
    struct pair *p = ctx;
    if (p->index == 0) {
        char digits[24];
        snprintf(digits, sizeof digits, "%.*s", BOLE_SLICE_ARG(json_doc_string(v)));
        p->record->time_ns = strtoll(digits, NULL, 10);
    } else if (p->index == 1) {
        p->record->line = json_doc_string(v);
    }
    p->index++;
    return true;
}

static bool add_entry(bole_slice name, struct json_value v, void *ctx)
{
    struct tail *t = ctx;
    if (t->entry_count == t->entry_cap) {
        size_t cap = t->entry_cap ? t->entry_cap * 2 : 256;
        struct entry *more = reallocarray(t->entries, cap, sizeof *more);
        if (!more) {
            t->no_memory = true;
            return false;
        }
        t->entries = more;
        t->entry_cap = cap;
    }
    struct entry *e = &t->entries[t->entry_count];
    *e = (struct entry){.record.labels = t->labels, .index = t->entry_count};
    struct pair pair = {.record = &e->record};
    json_doc_each(v, read_pair, &pair);
    t->entry_count++;
    return true;
}

static bool add_stream(bole_slice name, struct json_value stream, void *ctx)
{
    struct tail *t = ctx;
    struct json_value values;
    t->labels = (struct json_value){0};
    json_doc_member(stream, "stream", &t->labels);
    if (json_doc_member(stream, "values", &values))
        json_doc_each(values, add_entry, t);
    return !t->no_memory;
}

static int compare_entries(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    if (x->record.time_ns != y->record.time_ns)
        return x->record.time_ns < y->record.time_ns ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

static void print_entries(struct tail *t)
{
    if (t->entry_count)
        qsort(t->entries, t->entry_count, sizeof *t->entries, compare_entries);
    for (size_t i = 0; i < t->entry_count; i++)
        printer_put(&t->printer, &t->entries[i].record);
    t->entry_count = 0;
}

static bool count_one(bole_slice name, struct json_value v, void *ctx)
{
    ++*(unsigned *)ctx;
    return true;
}

static bole_status on_frame(bole_slice text, void *ctx, struct bole_err *err)
{
    struct tail *t = ctx;
    struct json_value frame, v;
    if (text.len == 0) { /* it stands */
        if (t->lost)
            fputs("connected again\n", stderr);
        t->lost = false;
        t->stood = true;
        return BOLE_OK;
    }
    bole_status st = json_doc_parse(t->printer.doc, text, &frame, err);
    if (st < 0)
        return st;
    if (json_doc_member(frame, "streams", &v))
        json_doc_each(v, add_stream, t);
    if (t->no_memory)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for the lines of a frame");
    print_entries(t);
    if (json_doc_member(frame, "cursor", &v)) {
        bole_slice cursor = json_doc_string(v);
        snprintf(t->cursor, sizeof t->cursor, "%.*s", cursor.len < CURSOR_MAX ? (int)cursor.len : 0, (const char *)cursor.ptr);
    }
    unsigned dropped = 0;
    if (json_doc_member(frame, "dropped_entries", &v) && json_doc_each(v, count_one, &dropped) && dropped)
        fprintf(stderr, "(%u line%s came faster than can be sent, not shown but stored)\n", dropped, plural_s(dropped));
    return printer_flush(&t->printer, err);
}

/* ---- the connection ---- */

/* Moves on behind what is printed. A line stamped in the future must not hide what comes until then, so now is the
 * border; such a line may be shown twice. */
static void move_on(struct tail *t)
{
    int64_t now_ns = clock_now_ns(&clock_system);
    if (t->printer.newest_ns >= t->next_ns)
        t->next_ns = t->printer.newest_ns < now_ns ? t->printer.newest_ns + 1 : now_ns;
    t->printer.newest_ns = INT64_MIN; /* the border stays until more is printed */
}

#define LATE_NS (3600 * NS_PER_S)     /* as far behind as the server's tails look for what came late */
#define EARLY_NS (366 * 24 * LATE_NS) /* clocks that go before */

/* Prints what was committed behind the cursor, else what is stored between next_ns and now. BOLE_E_IO also when nobody answers. */
static bole_status catch_up(struct tail *t, struct bole_err *err)
{
    struct buf url;
    buf_init(&url, NULL);
    buf_put_str(&url, "/api/v1/query");
    url_param(&url, "query", bole_slice_str(t->options->query.text));
    int64_t now_ns = clock_now_ns(&clock_system), at_ns = strtoll(t->cursor, NULL, 10);
    if (t->cursor[0]) {
        url_param(&url, "committed_after", bole_slice_str(t->cursor));
        url_param_i64(&url, "start", (at_ns < now_ns ? at_ns : now_ns) - LATE_NS);
        url_param_i64(&url, "end", now_ns + EARLY_NS);
    } else {
        url_param_i64(&url, "start", t->next_ns);
        url_param_i64(&url, "end", now_ns);
    }
    url_param(&url, "direction", S("forward"));
    buf_reset(&t->printer.pending);
    t->printer.last_id[0] = 0;
    bole_status st = bole_client_get(t->client, url_text(&url), printer_take_rows, &t->printer, err);
    buf_deinit(&url);
    if (st == BOLE_E_NOTFOUND) /* a Loki: the tail's history must do */
        st = BOLE_OK;
    if (st == BOLE_OK && t->cursor[0] && t->printer.last_id[0]) /* all of it: rows come in the order of their stamps */
        memcpy(t->cursor, t->printer.last_id, sizeof t->cursor);
    struct bole_err flush_err;
    bole_status flushed = printer_flush(&t->printer, &flush_err);
    if (flushed != BOLE_OK) {
        *err = flush_err;
        st = flushed;
    }
    move_on(t);
    return st;
}

static bole_status follow(struct tail *t, struct bole_err *err)
{
    bool resumes = t->stood;
    struct buf url;
    buf_init(&url, NULL);
    buf_put_str(&url, "/loki/api/v1/tail");
    url_param(&url, "query", bole_slice_str(t->options->query.text));
    url_param(&url, "cursor", bole_slice_str(t->cursor));
    if (!t->cursor[0] && (resumes || !t->options->history))
        url_param_i64(&url, "start", t->next_ns);
    url_param_i64(&url, "limit", resumes ? RESUME_LIMIT : t->options->history ? t->options->history : 1);
    bole_status st = bole_client_follow(t->client, url_text(&url), on_frame, t, err);
    buf_deinit(&url);
    move_on(t);
    return st;
}

/* The server or the way to it went away, or has no room just now. What else it refuses it would refuse again. */
static bool is_lost(const struct tail *t, bole_status st)
{
    return !cmd_stopped && !t->printer.broken &&
           (st == BOLE_OK || st == BOLE_E_IO || st == BOLE_E_FULL || st == BOLE_E_LIMIT);
}

/* Once for each time that it is lost. */
static void tell_lost(struct tail *t, bole_status st, const struct bole_err *why)
{
    if (t->lost)
        return;
    t->lost = true;
    if (st == BOLE_E_FULL || st == BOLE_E_LIMIT)
        fprintf(stderr, "the server is busy, trying again (%s)\n", why->msg);
    else
        fputs("connection lost, trying again\n", stderr);
}

static bole_status run(struct tail *t, struct bole_err *err)
{
    bole_status st = cmd_client(&t->options->query.connection, &t->client, err);
    if (st == BOLE_OK)
        st = catch_up(t, err); /* of no time at all: only whether somebody answers */
    if (st == BOLE_E_IO || st == BOLE_E_CANCELLED || !t->client)
        return st;
    st = follow(t, err);
    while (is_lost(t, st)) {
        tell_lost(t, st, err);
        /* A handle of libcurl that was a bare connection once is not fit for another use. */
        bole_client_destroy(t->client);
        t->client = NULL;
        sleep(1); /* a signal ends it */
        if (cmd_stopped)
            break;
        st = cmd_client(&t->options->query.connection, &t->client, err);
        if (st == BOLE_OK && t->stood)
            st = catch_up(t, err);
        if (st == BOLE_OK)
            st = follow(t, err);
    }
    return cmd_stopped ? BOLE_E_CANCELLED : st;
}

int cmd_tail(int argc, char **argv)
{
    struct tail_options o = {.history = DEFAULT_HISTORY};
    cmd_parse(&argp, argc, argv, &o);
    bool is_log;
    if (!cmd_check_query(o.query.text, false, &is_log))
        return EXIT_USAGE;
    if (!is_log) {
        fputs("error: a metric query has no lines to follow\n", stderr);
        return EXIT_USAGE;
    }
    struct tail t = {.options = &o, .next_ns = clock_now_ns(&clock_system)};
    struct bole_err err;
    cmd_catch_signals();
    signal(SIGPIPE, SIG_IGN);
    printer_init(&t.printer, &o.query.print);
    bole_status st = run(&t, &err);
    bole_client_destroy(t.client);
    printer_deinit(&t.printer);
    free(t.entries);
    return st == BOLE_E_CANCELLED ? EXIT_OK : cmd_end(st, &err); /* Ctrl-C is how it ends */
}
