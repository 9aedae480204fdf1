/* line, replace, time: another line, other words in it, another time. */
#include <stdio.h>

#include "base/err.h"
#include "base/gotime.h"
#include "base/timefmt.h"
#include "process/rule.h"

/* ---- line: "${msg}" ---- */

static bole_status line_compile(struct pipeline *p, const struct config_node *node, struct process_rule *rule, struct bole_err *err)
{
    struct rule_template *t = arena_zalloc(&p->arena, sizeof *t);
    bole_slice text = {0};
    bole_status st = t ? rule_text(p, node, "line", &text, err) : rule_no_memory(err);
    rule->step = t;
    return st < 0 ? st : rule_template(p, node, text, t, err);
}

static enum process_outcome line_run(const struct process_rule *rule, struct process_run *run, struct process_record *r)
{
    bole_slice line = rule_template_fill(run, r, rule->step);
    if (!line.len)
        return line.ptr ? PROCESS_KEPT : PROCESS_NO_MEMORY;
    r->line = line;
    return PROCESS_CHANGED;
}

const struct rule_ops line_ops = {"line", line_compile, line_run, NULL};

/* ---- replace: {pattern: 'user=(\S+)', with: someone, in: field} ---- */

struct replace {
    bole_slice    in; /* a field; empty: the line */
    bole_slice    with;
    struct regex *regex;
    uint32_t      literal; /* rule_literal, where it is about the line */
};

static bole_status replace_compile(struct pipeline *p, const struct config_node *node, struct process_rule *rule, struct bole_err *err)
{
    static const char *const keys[] = {"pattern", "with", "in"};
    struct replace *x = arena_zalloc(&p->arena, sizeof *x);
    bole_slice pattern = {0};
    if (!x)
        return rule_no_memory(err);
    bole_status st = rule_check_keys(p, node, keys, 3, err);
    const struct config_node *re = st < 0 ? NULL : config_get(node, S("pattern")), *with = st < 0 ? NULL : config_get(node, S("with"));
    const struct config_node *in = st < 0 ? NULL : config_get(node, S("in"));
    if (st >= 0 && !re)
        st = config_fail(p->config, node, err, "replace needs a pattern, and what stands there then (with)");
    if (st >= 0)
        st = rule_text(p, re, "a pattern", &pattern, err);
    if (st >= 0)
        st = rule_regex(p, re, pattern, 0, &x->regex, err);
    if (st >= 0 && with && with->kind != CONFIG_NULL)
        st = rule_text(p, with, "with", &x->with, err);
    if (st >= 0 && in && !bole_slice_eq(in->text, S("line")))
        st = rule_text(p, in, "in", &x->in, err);
    if (st >= 0 && !x->in.len)
        x->literal = rule_literal(p, x->regex);
    rule->step = x;
    return st;
}

struct replacing {
    const struct replace *x;
    const uint8_t *at, *end; /* what is not copied yet */
    uint8_t *out;            /* NULL: only the room is counted */
    size_t   len, groups;
};

static void put_bytes(struct replacing *g, const uint8_t *ptr, size_t len)
{
    if (g->out && len)
        memcpy(g->out + g->len, ptr, len);
    g->len += len;
}

static bool replace_match(const bole_slice *groups, void *ctx)
{
    struct replacing *g = ctx;
    for (size_t i = g->groups > 0; i <= g->groups; i++) {
        if (!groups[i].ptr || groups[i].ptr < g->at) /* a group within one that is replaced already */
            continue;
        put_bytes(g, g->at, (size_t)(groups[i].ptr - g->at));
        put_bytes(g, g->x->with.ptr, g->x->with.len);
        g->at = groups[i].ptr + groups[i].len;
    }
    return true;
}

/* Once to know the room, once to fill it. */
static size_t replace_all(const struct replace *x, bole_slice text, uint8_t *out)
{
    struct replacing g = {x, text.ptr, text.ptr + text.len, out, 0, regex_group_count(x->regex)};
    g.groups = g.groups < REGEX_GROUPS_MAX ? g.groups : REGEX_GROUPS_MAX;
    regex_each(x->regex, text, g.groups + 1, replace_match, &g);
    put_bytes(&g, g.at, (size_t)(g.end - g.at));
    return g.len;
}

static enum process_outcome replace_run(const struct process_rule *rule, struct process_run *run, struct process_record *r)
{
    const struct replace *x = rule->step;
    bole_slice text = x->in.len ? record_value(r, x->in) : r->line;
    if (!text.len || !line_may_match(run, r, x->literal) || !regex_match(x->regex, text))
        return PROCESS_KEPT;
    uint8_t *out = arena_bytes(&run->arena, replace_all(x, text, NULL) + 1);
    if (!out)
        return PROCESS_NO_MEMORY;
    bole_slice fresh = bole_slice_from(out, replace_all(x, text, out));
    if (!x->in.len)
        r->line = fresh;
    else if (!record_set(run, r, x->in, fresh))
        return PROCESS_NO_MEMORY;
    return PROCESS_CHANGED;
}

const struct rule_ops replace_ops = {"replace", replace_compile, replace_run, NULL};

/* ---- time: {from: ts, format: '2006-01-02 15:04:05', zone: Europe/Berlin} ---- */

struct time_step {
    bole_slice         from;
    bole_slice        *formats; /* the first that fits */
    size_t             count;
    const struct zone *zone;
};

static bole_status time_compile(struct pipeline *p, const struct config_node *node, struct process_rule *rule, struct bole_err *err)
{
    static const char *const keys[] = {"from", "format", "zone"};
    struct time_step *x = arena_zalloc(&p->arena, sizeof *x);
    bole_slice zone = {0};
    if (!x)
        return rule_no_memory(err);
    bole_status st = rule_check_keys(p, node, keys, 3, err);
    const struct config_node *from = st < 0 ? NULL : config_get(node, S("from")), *format = st < 0 ? NULL : config_get(node, S("format"));
    const struct config_node *place = st < 0 ? NULL : config_get(node, S("zone"));
    if (st >= 0 && (!from || !format))
        st = config_fail(p->config, node, err, "time needs from, a field, and its format");
    if (st >= 0)
        st = rule_text(p, from, "from", &x->from, err);
    if (st >= 0)
        st = rule_texts(p, format, "a format", &x->formats, &x->count, err);
    if (st >= 0 && place)
        st = rule_text(p, place, "zone", &zone, err);
    x->zone = zone.len ? zone_load(zone, &p->arena) : NULL;
    if (st >= 0 && zone.len && !x->zone && !bole_slice_eq(zone, S("UTC")))
        st = config_fail(p->config, place, err, "the system knows no time zone '%.*s'", BOLE_SLICE_ARG(zone));
    rule->step = x;
    return st;
}

/* A whole number of that unit; of seconds also a fraction. */
static bool unix_time(bole_slice text, int64_t unit_ns, int64_t *ret_ns)
{
    bool is_negative = text.len && text.ptr[0] == '-';
    int64_t whole = 0, rest = 0, part = unit_ns;
    size_t i = is_negative;
    for (; i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9'; i++)
        if (__builtin_mul_overflow(whole, 10, &whole) || __builtin_add_overflow(whole, text.ptr[i] - '0', &whole))
            return false;
    if (i == (size_t)is_negative)
        return false;
    if (i < text.len && text.ptr[i] == '.' && unit_ns == NS_PER_S)
        for (i++; i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9'; i++)
            rest += (text.ptr[i] - '0') * (part /= 10);
    if (i < text.len || __builtin_mul_overflow(whole, unit_ns, &whole) || __builtin_add_overflow(whole, rest, &whole))
        return false;
    *ret_ns = is_negative ? -whole : whole;
    return true;
}

/* With the year in front of both; the offset of a zone is that of then. */
static bool with_year(bole_slice layout, bole_slice text, int64_t year, const struct zone *zone, struct gotime *ret_time)
{
    enum { ROOM = 256 };
    char a[ROOM], b[ROOM];
    int n = snprintf(a, ROOM, "2006 %.*s", BOLE_SLICE_ARG(layout)), m = snprintf(b, ROOM, "%04lld %.*s", (long long)year, BOLE_SLICE_ARG(text));
    return n < ROOM && m < ROOM && gotime_parse(bole_slice_from(a, (size_t)n), bole_slice_from(b, (size_t)m), zone, ret_time);
}

/* A layout without a year means the one that makes the time the latest which is not more than a day ahead of now. */
static bool by_layout(bole_slice layout, bole_slice text, const struct zone *zone, int64_t now_ns, int64_t *ret_ns)
{
    enum { DAY_S = 24 * 3600 };
    struct gotime t;
    struct gotime_civil c;
    struct civil now;
    int64_t ns;
    if (!gotime_parse(layout, text, zone, &t))
        return false;
    gotime_to_civil(&t, &c);
    if (c.year == 0) {
        time_to_civil(now_ns + DAY_S * NS_PER_S, &now);
        if (!with_year(layout, text, now.year, zone, &t))
            return false; /* the 29th of February */
        if (t.second > now_ns / NS_PER_S + DAY_S && !with_year(layout, text, now.year - 1, zone, &t))
            return false;
    }
    if (__builtin_mul_overflow(t.second, NS_PER_S, &ns) || __builtin_add_overflow(ns, (int64_t)t.nanosecond, &ns))
        return false;
    *ret_ns = ns;
    return true;
}

static bool read_time(bole_slice format, bole_slice text, const struct zone *zone, int64_t now_ns, int64_t *ret_ns)
{
    static const struct { bole_slice name; int64_t unit_ns; } units[] = {
        {S("unix"), NS_PER_S}, {S("unix_ms"), NS_PER_MS}, {S("unix_us"), 1000}, {S("unix_ns"), 1}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (bole_slice_eq(format, units[i].name))
            return unix_time(text, units[i].unit_ns, ret_ns);
    if (bole_slice_eq(format, S("rfc3339")))
        return time_parse_rfc3339(text, ret_ns);
    return by_layout(format, text, zone, now_ns, ret_ns);
}

static enum process_outcome time_run(const struct process_rule *rule, struct process_run *run, struct process_record *r)
{
    const struct time_step *x = rule->step;
    bole_slice text = record_value(r, x->from);
    for (size_t i = 0; text.len && i < x->count; i++)
        if (read_time(x->formats[i], text, x->zone, clock_now_ns(run->clock), &r->time_ns))
            return PROCESS_CHANGED;
    return PROCESS_KEPT;
}

const struct rule_ops time_ops = {"time", time_compile, time_run, NULL};
