#include "cmd/print.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/timefmt.h"

#define DIM    "\033[2m"
#define CYAN   "\033[36m"
#define RED    "\033[31m"
#define YELLOW "\033[33m"
#define RESET  "\033[0m"

#define CSV_HEADER "time,labels,fields,line\n"

enum { FLUSH_SIZE = 1 << 16 }; /* rows are written when so many bytes wait */

/* ---- the command line ---- */

static enum print_format parse_format(struct argp_state *state, const char *text)
{
    static const struct { const char *name; enum print_format format; } names[] = {
        {"text", PRINT_TEXT}, {"json", PRINT_JSON}, {"csv", PRINT_CSV}, {"raw", PRINT_RAW},
        {"default", PRINT_TEXT}, {"jsonl", PRINT_JSON}}; /* logcli's names */
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(text, names[i].name))
            return names[i].format;
    argp_error(state, "--output: '%s' is none of text, json (or jsonl), csv, raw", text);
    return PRINT_TEXT;
}

static bool parse_zone(struct argp_state *state, const char *text)
{
    if (strcasecmp(text, "local") && strcasecmp(text, "utc"))
        argp_error(state, "--timezone: '%s' is neither Local nor UTC", text);
    return !strcasecmp(text, "local");
}

enum { KEY_NO_LABELS = 512, KEY_INCLUDE, KEY_EXCLUDE, KEY_ZONE };

static const struct argp_option query_options_table[] = {
    {"output", 'o', "FORMAT", 0, "text, json (one object per line; also jsonl), csv, raw (default text)", 0},
    {"no-labels", KEY_NO_LABELS, 0, 0, "As text: time and line only", 0},
    {"include-label", KEY_INCLUDE, "NAME", 0, "Show this label or field and no others; may be repeated", 0},
    {"exclude-label", KEY_EXCLUDE, "NAME", 0, "Do not show this one; may be repeated", 0},
    {"timezone", KEY_ZONE, "ZONE", 0, "Times as text: Local or UTC (default UTC)", 0},
    {0},
};

static error_t query_parse(int key, char *arg, struct argp_state *state)
{
    struct query_argument *q = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &q->connection; return 0;
    case 'o': q->print.format = parse_format(state, arg); return 0;
    case KEY_NO_LABELS: q->print.no_labels = true; return 0;
    case KEY_INCLUDE:
        cmd_append(state, q->print.included, &q->print.included_count, PRINT_NAMES_MAX, "--include-label", arg);
        return 0;
    case KEY_EXCLUDE:
        cmd_append(state, q->print.excluded, &q->print.excluded_count, PRINT_NAMES_MAX, "--exclude-label", arg);
        return 0;
    case KEY_ZONE: q->print.local_time = parse_zone(state, arg); return 0;
    case ARGP_KEY_ARG:
        if (q->text)
            argp_error(state, "one query, please; quote it for the shell: '{app=\"api\"} |= \"error\"'");
        q->text = arg;
        return 0;
    case ARGP_KEY_END:
        if (!q->text)
            argp_error(state, "a query is needed, such as '{app=\"api\"} |= \"error\"'");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child query_children[] = {CONNECTION_CHILD, {0}};
const struct argp query_argp = {query_options_table, query_parse, "QUERY", NULL, query_children, NULL, NULL};

/* ---- records ---- */

struct members {
    struct buf *out;
    bool first;
    bool csv;      /* name=value, to be quoted by the caller */
    bool readable; /* leaves out what tells a person nothing */
    const struct print_choice *choice; /* NULL: all of them */
};

static bool is_listed(const char *const *names, size_t count, bole_slice name)
{
    for (size_t i = 0; i < count; i++)
        if (bole_slice_eq(bole_slice_str(names[i]), name))
            return true;
    return false;
}

static bool is_chosen(const struct print_choice *c, bole_slice name)
{
    return !c || ((!c->included_count || is_listed(c->included, c->included_count, name)) &&
                  !is_listed(c->excluded, c->excluded_count, name));
}

static bool put_member(bole_slice name, struct json_value value, void *ctx)
{
    struct members *m = ctx;
    bole_slice text = json_doc_string(value);
    if (!is_chosen(m->choice, name))
        return true;
    if (m->readable && bole_slice_eq(name, S("detected_level")) && bole_slice_eq(text, S("unknown")))
        return true;
    if (!m->first)
        buf_put(m->out, m->csv ? S(" ") : S(", "));
    m->first = false;
    buf_put(m->out, name);
    buf_put_u8(m->out, '=');
    if (m->csv)
        buf_put(m->out, text);
    else
        buf_put_json(m->out, text, false);
    return true;
}

static bool meet_member(bole_slice name, struct json_value value, void *ctx)
{
    *(bool *)ctx = true;
    return false;
}

static bool has_members(struct json_value v)
{
    bool any = false;
    if (v.doc)
        json_doc_each(v, meet_member, &any);
    return any;
}

/* {a="b", c="d"}; false when nothing stands between the braces. */
static bool put_members(struct json_value v, const struct print_choice *choice, struct buf *out)
{
    struct members m = {.out = out, .first = true, .readable = true, .choice = choice};
    buf_put_u8(out, '{');
    if (v.doc)
        json_doc_each(v, put_member, &m);
    buf_put_u8(out, '}');
    return !m.first;
}

/* A log line may hold anything; a terminal obeys escapes. */
void print_safe(struct buf *out, bole_slice s)
{
    size_t from = 0;
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.ptr[i];
        if ((c >= 0x20 && c != 0x7f) || c == '\t')
            continue;
        buf_put(out, bole_slice_from(s.ptr + from, i - from));
        buf_printf(out, "\\x%02x", c);
        from = i + 1;
    }
    buf_put(out, bole_slice_from(s.ptr + from, s.len - from));
}

static const char *level_colour(const struct print_record *r)
{
    struct json_value level;
    if (!(r->fields.doc && json_doc_member(r->fields, "detected_level", &level)) &&
        !(r->labels.doc && json_doc_member(r->labels, "detected_level", &level)))
        return "";
    bole_slice text = json_doc_string(level);
    if (bole_slice_eq(text, S("error")) || bole_slice_eq(text, S("critical")) || bole_slice_eq(text, S("fatal")))
        return RED;
    return bole_slice_eq(text, S("warn")) ? YELLOW : "";
}

/* 2026-11-21T11:00:00.123456789+01:00 */
static void format_local(int64_t ns, char stamp[TIME_TEXT_MAX])
{
    int64_t rest = ns % NS_PER_S;
    time_t seconds = (time_t)(ns / NS_PER_S - (rest < 0));
    struct tm tm;
    size_t n = localtime_r(&seconds, &tm) ? strftime(stamp, TIME_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &tm) : 0;
    long minutes = tm.tm_gmtoff / 60;
    snprintf(stamp + n, TIME_TEXT_MAX - n, ".%09lld%c%02ld:%02ld", (long long)(rest < 0 ? rest + NS_PER_S : rest),
             minutes < 0 ? '-' : '+', labs(minutes) / 60, labs(minutes) % 60);
}

static void put_text(const struct print_record *r, const struct print_choice *choice, bool colours, struct buf *out)
{
    char stamp[TIME_TEXT_MAX];
    if (choice->local_time)
        format_local(r->time_ns, stamp);
    else
        time_format_rfc3339(r->time_ns, 9, stamp);
    const char *level = colours ? level_colour(r) : "";
    buf_printf(out, "%s%s%s ", colours ? DIM : "", stamp, colours ? RESET CYAN : "");
    if (!choice->no_labels) {
        put_members(r->labels, choice, out);
        buf_put_u8(out, ' ');
    }
    buf_printf(out, "%s", colours ? RESET : "");
    buf_put_str(out, level);
    if (colours)
        print_safe(out, r->line);
    else
        buf_put(out, r->line);
    if (*level)
        buf_put_str(out, RESET);
    size_t end = out->len;
    buf_printf(out, " %s", colours ? DIM : "");
    if (!choice->no_labels && put_members(r->fields, choice, out))
        buf_put_str(out, colours ? RESET : "");
    else
        out->len = end;
}

static bool put_json_member(bole_slice name, struct json_value value, void *ctx)
{
    struct members *m = ctx;
    if (!is_chosen(m->choice, name))
        return true;
    if (!m->first)
        buf_put_u8(m->out, ',');
    m->first = false;
    buf_put_json(m->out, name, false);
    buf_put_u8(m->out, ':');
    buf_put_json(m->out, json_doc_string(value), false);
    return true;
}

static void put_json_object(struct json_value v, const struct print_choice *choice, struct buf *out)
{
    struct members m = {.out = out, .first = true, .choice = choice};
    buf_put_u8(out, '{');
    if (v.doc)
        json_doc_each(v, put_json_member, &m);
    buf_put_u8(out, '}');
}

static void put_json(const struct print_record *r, const struct print_choice *choice, struct buf *out)
{
    char stamp[TIME_TEXT_MAX];
    time_format_rfc3339(r->time_ns, -1, stamp);
    buf_printf(out, "{\"time\":\"%s\",\"labels\":", stamp);
    put_json_object(r->labels, choice, out);
    buf_put(out, S(",\"line\":"));
    buf_put_json(out, r->line, false);
    if (has_members(r->fields)) {
        buf_put(out, S(",\"fields\":"));
        put_json_object(r->fields, choice, out);
    }
    buf_put_u8(out, '}');
}

void print_csv_value(struct buf *out, bole_slice s)
{
    buf_put_u8(out, '"');
    while (s.len) {
        bole_slice rest, part = bole_slice_cut(s, '"', &rest);
        buf_put(out, part);
        if (part.len < s.len)
            buf_put(out, S("\"\""));
        s = rest;
    }
    buf_put_u8(out, '"');
}

static void put_csv(const struct print_record *r, const struct print_choice *choice, struct buf *out)
{
    char stamp[TIME_TEXT_MAX];
    time_format_rfc3339(r->time_ns, -1, stamp);
    buf_put_str(out, stamp);
    const struct json_value parts[] = {r->labels, r->fields};
    for (int i = 0; i < 2; i++) {
        struct buf text;
        buf_init(&text, NULL);
        struct members m = {.out = &text, .first = true, .csv = true, .choice = choice};
        if (parts[i].doc)
            json_doc_each(parts[i], put_member, &m);
        buf_put_u8(out, ',');
        print_csv_value(out, buf_slice(&text));
        buf_deinit(&text);
    }
    buf_put_u8(out, ',');
    print_csv_value(out, r->line);
}

void print_record(const struct print_record *r, const struct print_choice *choice, bool colours, struct buf *out)
{
    switch (choice->format) {
    case PRINT_TEXT: put_text(r, choice, colours, out); break;
    case PRINT_JSON: put_json(r, choice, out); break;
    case PRINT_CSV: put_csv(r, choice, out); break;
    case PRINT_RAW: buf_put(out, r->line); break;
    }
    buf_put_u8(out, '\n');
}

/* ---- points of metrics ---- */

/* JSON has no NaN and no infinity: these stay strings. */
static void put_json_number(bole_slice text, struct buf *out)
{
    char number[64], *end;
    snprintf(number, sizeof number, "%.*s", BOLE_SLICE_ARG(text));
    if (isfinite(strtod(number, &end)) && end != number && !*end)
        buf_put(out, text);
    else
        buf_put_json(out, text, false);
}

void print_point(const struct print_point *p, enum print_format format, struct buf *out)
{
    char stamp[TIME_TEXT_MAX];
    time_format_rfc3339(p->time_ns, -1, stamp);
    switch (format) {
    case PRINT_TEXT:
        buf_printf(out, "%s ", stamp);
        put_members(p->labels, NULL, out);
        buf_put_u8(out, ' ');
        buf_put(out, p->value);
        break;
    case PRINT_JSON:
        buf_printf(out, "{\"time\":\"%s\",\"labels\":", stamp);
        put_json_object(p->labels, NULL, out);
        buf_put(out, S(",\"value\":"));
        put_json_number(p->value, out);
        buf_put_u8(out, '}');
        break;
    case PRINT_CSV: {
        struct buf labels;
        buf_init(&labels, NULL);
        put_members(p->labels, NULL, &labels);
        buf_printf(out, "%s,", stamp);
        print_csv_value(out, buf_slice(&labels));
        buf_put_u8(out, ',');
        buf_put(out, p->value);
        buf_deinit(&labels);
        break;
    }
    case PRINT_RAW: buf_put(out, p->value); break;
    }
    buf_put_u8(out, '\n');
}

/* ---- standard output ---- */

bole_status print_flush(struct buf *out, struct bole_err *err)
{
    size_t at = 0;
    while (at < out->len) {
        if (cmd_stopped) /* a slow reader must not keep the program alive */
            return bole_fail(err, BOLE_E_CANCELLED, "stopped");
        ssize_t n = write(STDOUT_FILENO, out->ptr + at, out->len - at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EPIPE ? BOLE_END : bole_fail_errno(err, errno, "writing to standard output");
        at += (size_t)n;
    }
    bool failed = out->failed;
    buf_reset(out);
    return failed ? bole_fail(err, BOLE_E_NOMEM, "no memory for the output") : BOLE_OK;
}

/* ---- rows ---- */

void printer_init(struct printer *p, const struct print_choice *choice)
{
    *p = (struct printer){.choice = choice, .colours = choice->format == PRINT_TEXT && cmd_colours(), .newest_ns = INT64_MIN};
    p->doc = json_doc_create();
}

void printer_deinit(struct printer *p)
{
    table_deinit(&p->table);
    buf_deinit(&p->pending);
    buf_deinit(&p->out);
    json_doc_destroy(p->doc);
}

void printer_put(struct printer *p, const struct print_record *r)
{
    if (p->wants_header && !p->count)
        buf_put_str(&p->out, CSV_HEADER);
    print_record(r, p->choice, p->colours, &p->out);
    p->count++;
    if (r->time_ns > p->newest_ns)
        p->newest_ns = r->time_ns;
}

bole_status printer_flush(struct printer *p, struct bole_err *err)
{
    bole_status st = print_flush(&p->out, err);
    p->broken = p->broken || st != BOLE_OK;
    return st;
}

bole_status printer_finish(struct printer *p, struct bole_err *err)
{
    table_end(&p->table, &p->out);
    if (p->wants_header && !p->count && !p->table.rows)
        buf_put_str(&p->out, CSV_HEADER);
    return printer_flush(p, err);
}

/* An id ends in the number of its commit, in hexadecimal digits. */
static void note_id(struct printer *p, bole_slice id)
{
    char text[sizeof p->last_id];
    snprintf(text, sizeof text, "%.*s", BOLE_SLICE_ARG(id));
    const char *own = strrchr(text, '-'), *last = strrchr(p->last_id, '-');
    if (id.len < sizeof text && own && (!last || strcmp(own, last) > 0))
        memcpy(p->last_id, text, sizeof text);
}

static bole_status take_row(struct printer *p, bole_slice text, struct bole_err *err)
{
    struct json_value row, v;
    bole_status st = json_doc_parse(p->doc, text, &row, err);
    if (st < 0)
        return st;
    if (json_doc_member(row, "error", &v))
        return bole_fail(err, BOLE_E_IO, "%.*s", BOLE_SLICE_ARG(json_doc_string(v)));
    if (json_doc_member(row, "warning", &v)) {
        fprintf(stderr, "warning: %.*s\n", BOLE_SLICE_ARG(json_doc_string(v)));
        return BOLE_OK;
    }
    if (json_doc_member(row, "columns", &v)) {
        return (p->choice->format != PRINT_TEXT && p->choice->format != PRINT_CSV) ||
                       table_init(&p->table, v, p->choice->format, p->colours)
                   ? BOLE_OK
                   : bole_fail(err, BOLE_E_NOMEM, "no memory for the table");
    }
    if (p->on_event && json_doc_member(row, "type", &v) && !bole_slice_eq(json_doc_string(v), S("row"))) {
        p->on_event(json_doc_string(v), row, p->on_event_ctx);
        return BOLE_OK;
    }
    struct print_record r = {0};
    if (!json_doc_member(row, "time", &v) || !time_parse_rfc3339(json_doc_string(v), &r.time_ns))
        return BOLE_OK; /* statistics and progress, for other readers */
    if (json_doc_member(row, "line", &v))
        r.line = json_doc_string(v);
    json_doc_member(row, "labels", &r.labels);
    json_doc_member(row, "fields", &r.fields);
    if (json_doc_member(row, "id", &v))
        note_id(p, json_doc_string(v));
    if (!p->table.rows)
        printer_put(p, &r);
    else if (table_add(&p->table, r.fields, &p->out))
        p->count++;
    else
        return bole_fail(err, BOLE_E_NOMEM, "no memory for the table");
    return p->out.len > FLUSH_SIZE ? printer_flush(p, err) : BOLE_OK;
}

bole_status printer_take_rows(bole_slice bytes, void *ctx, struct bole_err *err)
{
    struct printer *p = ctx;
    buf_put(&p->pending, bytes);
    if (p->pending.failed)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for a row");
    bole_slice rest = buf_slice(&p->pending), row;
    bole_status st = BOLE_OK;
    while (st == BOLE_OK && rest.len && memchr(rest.ptr, '\n', rest.len)) {
        row = bole_slice_cut(rest, '\n', &rest);
        if (row.len)
            st = take_row(p, row, err);
    }
    memmove(p->pending.ptr, rest.ptr ? rest.ptr : p->pending.ptr, rest.len);
    p->pending.len = rest.len;
    return st;
}
