/* Conditions of rules. */
#include "base/err.h"
#include "process/level.h"
#include "process/rule.h"

static const char *const match_keys[] = {"stream", "tenant", "level", "fields", "line", "longer", "older"};
#define OLDER_MAX_NS (100ull * 365 * 24 * 3600 * NS_PER_S)

/* A quoted text as in LogQL: "..." with \" \\ \n \t, or `...` as it stands. Returns what is behind it; NULL: it is none. */
static const uint8_t *read_quoted(const uint8_t *p, const uint8_t *end, struct arena *arena, bole_slice *ret_text)
{
    uint8_t quote = p < end ? *p++ : 0;
    uint8_t *out = arena_bytes(arena, (size_t)(end - p) + 1);
    size_t n = 0;
    if ((quote != '"' && quote != '`') || !out)
        return NULL;
    for (; p < end && *p != quote; p++) {
        if (*p == '\\' && quote == '"') {
            if (++p == end)
                return NULL;
            out[n++] = *p == 'n' ? '\n' : *p == 't' ? '\t' : *p;
            if (!strchr("nt\"\\", *p) || !*p)
                return NULL;
        } else {
            out[n++] = *p;
        }
    }
    *ret_text = bole_slice_from(out, n);
    return p < end ? p + 1 : NULL;
}

static const uint8_t *skip_blanks(const uint8_t *p, const uint8_t *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\n'))
        p++;
    return p;
}

static const uint8_t *read_op(const uint8_t *p, const uint8_t *end, enum matcher_op *ret_op)
{
    static const struct { bole_slice text; enum matcher_op op; } ops[] = {
        {S("=~"), MATCHER_RE}, {S("!~"), MATCHER_NRE}, {S("!="), MATCHER_NE}, {S("="), MATCHER_EQ}};
    for (size_t i = 0; i < 4; i++)
        if (bole_slice_starts(bole_slice_from(p, (size_t)(end - p)), ops[i].text)) {
            *ret_op = ops[i].op;
            return p + ops[i].text.len;
        }
    return NULL;
}

static bool is_name(uint8_t c)
{
    return (c >= '0' && c <= '9') || (uint8_t)((c | 0x20) - 'a') < 26 || c == '_' || c == '.';
}

/* {a="b", c!="d", e=~"f", g!~"h"} */
static bole_status compile_matchers(struct pipeline *p, const struct config_node *node, struct matcher_list *list,
                                    struct bole_err *err)
{
    enum { MATCHERS_MAX = 32 };
    bole_slice text;
    bole_status st = rule_text(p, node, "a condition", &text, err);
    if (st < 0)
        return st;
    const uint8_t *at = skip_blanks(text.ptr, text.ptr + text.len), *end = text.ptr + text.len;
    list->items = arena_array(&p->arena, MATCHERS_MAX, sizeof *list->items);
    if (!list->items)
        return rule_no_memory(err);
    if (at == end || *at++ != '{')
        goto malformed;
    for (at = skip_blanks(at, end); at < end && *at != '}'; at = skip_blanks(at, end)) {
        struct matcher *m = &list->items[list->count];
        const uint8_t *name = at;
        if (list->count++ == MATCHERS_MAX)
            return config_fail(p->config, node, err, "more than %d conditions", MATCHERS_MAX);
        while (at < end && is_name(*at))
            at++;
        m->name = bole_slice_from(name, (size_t)(at - name));
        at = skip_blanks(at, end);
        if (!m->name.len || !(at = read_op(at, end, &m->op)) ||
            !(at = read_quoted(skip_blanks(at, end), end, &p->arena, &m->value)))
            goto malformed;
        if (m->op >= MATCHER_RE && (st = rule_regex(p, node, m->value, REGEX_ANCHORED, &m->regex, err)) < 0)
            return st;
        at = skip_blanks(at, end);
        if (at < end && *at == ',')
            at++;
        else if (at == end || *at != '}')
            goto malformed;
    }
    if (at < end && skip_blanks(at + 1, end) == end)
        return BOLE_OK;
malformed:
    return config_fail(p->config, node, err, "'%.*s' is no condition; write {app=\"shop\", env!=\"test\", host=~\"web.*\"}",
                       BOLE_SLICE_ARG(text));
}

bole_status match_compile(struct pipeline *p, const struct config_node *node, struct match *m, struct bole_err *err)
{
    if (node->kind == CONFIG_SCALAR)
        return compile_matchers(p, node, &m->stream, err);
    bole_status st = rule_check_keys(p, node, match_keys, sizeof match_keys / sizeof *match_keys, err);
    for (const struct config_node *n = node->first; n && st >= 0; n = n->next) {
        bole_slice text;
        if (bole_slice_eq(n->key, S("stream")))
            st = compile_matchers(p, n, &m->stream, err);
        else if (bole_slice_eq(n->key, S("fields")))
            st = compile_matchers(p, n, &m->fields, err);
        else if (bole_slice_eq(n->key, S("tenant")))
            st = rule_texts(p, n, "a tenant", &m->tenants, &m->tenant_count, err);
        else if (bole_slice_eq(n->key, S("level")))
            st = rule_texts(p, n, "a level", &m->levels, &m->level_count, err);
        else if (bole_slice_eq(n->key, S("longer")))
            st = config_size(p->config, n, 1, RECORD_LINE_MAX, &m->longer, err);
        else if (bole_slice_eq(n->key, S("older")))
            st = config_duration(p->config, n, 1, OLDER_MAX_NS, &m->older, err);
        else if ((st = rule_text(p, n, "a regular expression", &text, err)) >= 0)
            st = rule_regex(p, n, text, 0, &m->line, err);
    }
    if (st >= 0 && m->line)
        m->literal = rule_literal(p, m->line);
    return st;
}

/* ---- holding ---- */

static bool matcher_holds(const struct matcher *m, bole_slice value)
{
    switch (m->op) {
    case MATCHER_EQ: return bole_slice_eq(value, m->value);
    case MATCHER_NE: return !bole_slice_eq(value, m->value);
    case MATCHER_RE: return regex_match(m->regex, value);
    case MATCHER_NRE: return !regex_match(m->regex, value);
    }
    return false;
}

static bool is_one_of(bole_slice value, const bole_slice *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (bole_slice_eq(list[i], value))
            return true;
    return count == 0;
}

bool match_stream(const struct match *m, const struct process_record *r)
{
    for (size_t i = 0; i < m->stream.count; i++)
        if (!matcher_holds(&m->stream.items[i], labels_find(r->labels, m->stream.items[i].name)))
            return false;
    return is_one_of(r->tenant, m->tenants, m->tenant_count);
}

static bole_slice level_of(const struct process_record *r)
{
    const struct batch_field *f = record_field(r, LEVEL_FIELD);
    if (f)
        return f->value;
    bole_slice label = labels_find(r->labels, S("level"));
    return label.ptr ? level_normalize(label) : level_of_line(r->line);
}

bool match_record(const struct match *m, struct process_run *run, const struct process_record *r)
{
    if (m->line && !line_may_match(run, r, m->literal))
        return false;
    if (m->longer && r->line.len <= m->longer)
        return false;
    if (m->older && r->time_ns >= clock_now_ns(run->clock) - (int64_t)m->older)
        return false;
    if (m->level_count && !is_one_of(level_of(r), m->levels, m->level_count))
        return false;
    for (size_t i = 0; i < m->fields.count; i++)
        if (!matcher_holds(&m->fields.items[i], record_value(r, m->fields.items[i].name)))
            return false;
    return !m->line || regex_match(m->line, r->line);
}
