/*
 * json_exprs.c - `| json a="x.y[0]"`: one pass over the line for all paths.
 *
 * Which of several equal keys counts, what a torn or malformed line still gives and which error it has follows from the way Loki
 * goes over it: keys are compared at the level of braces and brackets they stand on, a path is found once, and arrays
 * are entered only where a path has an index on that level.
 */
#include <stdio.h>

#include "base/err.h"
#include "base/utf8.h"
#include "query/stage/json_cursor.h"
#include "query/stage/parse_json.h"

static const char malformed_json[] = "Malformed JSON error";

/* ---- paths ---- */

struct json_path {
    bool              is_index;
    bole_slice        field;
    size_t            index;
    struct json_path *next;
};

/* A byte that cannot be read is the end, with an error that counts where the path may end. */
enum path_token { PATH_END, PATH_DOT, PATH_OPEN, PATH_CLOSE, PATH_FIELD, PATH_STRING, PATH_INDEX };

struct path_reader {
    bole_slice       rest, text;
    size_t           index;
    char             error[64];
};

static bool is_digit(uint8_t c) { return c >= '0' && c <= '9'; }
static bool is_path_blank(uint8_t c) { return c == ' ' || c == '\t' || c == '\n'; }
static bool is_field_start(uint8_t c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

static enum path_token path_number(struct path_reader *p)
{
    size_t i = 0;
    for (p->index = 0; i < p->rest.len && is_digit(p->rest.ptr[i]); i++)
        if (__builtin_mul_overflow(p->index, 10, &p->index) ||
            __builtin_add_overflow(p->index, p->rest.ptr[i] - '0', &p->index) || p->index > INT64_MAX) {
            size_t len = i;
            while (len < p->rest.len && is_digit(p->rest.ptr[len]))
                len++;
            snprintf(p->error, sizeof p->error, "strconv.Atoi: parsing \"%.*s\": value out of range", (int)len,
                     (const char *)p->rest.ptr);
            return PATH_END;
        }
    uint8_t c = i < p->rest.len ? p->rest.ptr[i] : 0;
    if (c == '.') {
        snprintf(p->error, sizeof p->error, "cannot use float as array index");
        return PATH_END;
    }
    if (!is_path_blank(c) && c != ']') {
        snprintf(p->error, sizeof p->error, "non-integer value: %c", c);
        return PATH_END;
    }
    p->rest = bole_slice_sub(p->rest, i);
    return PATH_INDEX;
}

static enum path_token path_next(struct path_reader *p)
{
    size_t i = 0;
    while (p->rest.len && is_path_blank(p->rest.ptr[0]))
        p->rest = bole_slice_sub(p->rest, 1);
    if (p->rest.len == 0 || p->rest.ptr[0] == 0)
        return PATH_END;
    uint8_t c = p->rest.ptr[0];
    if (is_digit(c))
        return path_number(p);
    if (is_field_start(c)) {
        while (i < p->rest.len && (is_field_start(p->rest.ptr[i]) || is_digit(p->rest.ptr[i])))
            i++;
        p->text = (bole_slice){p->rest.ptr, i};
        p->rest = bole_slice_sub(p->rest, i);
        return PATH_FIELD;
    }
    bole_slice from = p->rest;
    p->rest = bole_slice_sub(p->rest, 1);
    if (c == '"') { /* a bracket ends it, too */
        while (i < p->rest.len && p->rest.ptr[i] && p->rest.ptr[i] != '"' && p->rest.ptr[i] != ']')
            i++;
        p->text = (bole_slice){p->rest.ptr, i};
        p->rest = bole_slice_sub(p->rest, i < p->rest.len ? i + 1 : i);
        return PATH_STRING;
    }
    if (c == '.' || c == '[' || c == ']')
        return c == '.' ? PATH_DOT : c == '[' ? PATH_OPEN : PATH_CLOSE;
    size_t len = utf8_length(from.ptr, from.len);
    snprintf(p->error, sizeof p->error, "unexpected char %.*s", (int)(len ? len : 1), (const char *)from.ptr);
    return PATH_END;
}

static bole_status path_refused(bole_slice text, enum path_token token, const char *wanted, struct bole_err *err)
{
    static const char *const names[] = {"$end", "DOT", "LSB", "RSB", "FIELD", "STRING", "INDEX"};
    return bole_fail(err, BOLE_E_INVALID, "cannot parse expression [%.*s]: syntax error: unexpected %s%s%s", BOLE_SLICE_ARG(text),
                     names[token], wanted ? ", expecting " : "", wanted ? wanted : "");
}

/* One step that begins with `token`: a field, `.field`, `[7]` or `["any text"]`. */
static bole_status path_step(struct path_reader *p, enum path_token token, bool is_first, bole_slice text, struct json_path *step,
                             struct bole_err *err)
{
    if (token == PATH_OPEN) {
        token = path_next(p);
        if (token != PATH_STRING && token != PATH_INDEX)
            return path_refused(text, token, "STRING or INDEX", err);
        *step = (struct json_path){.is_index = token == PATH_INDEX, .field = p->text, .index = p->index};
        token = path_next(p);
        return token == PATH_CLOSE ? BOLE_OK : path_refused(text, token, "RSB", err);
    }
    if (!is_first && token == PATH_DOT) {
        token = path_next(p);
        if (token != PATH_FIELD)
            return path_refused(text, token, "FIELD", err);
    } else if (!is_first || token != PATH_FIELD) {
        return path_refused(text, token, is_first ? "LSB or FIELD" : NULL, err);
    }
    step->field = p->text;
    return BOLE_OK;
}

bole_status json_path_compile(bole_slice text, struct arena *arena, struct json_path **ret_path, struct bole_err *err)
{
    struct json_path **tail = ret_path;
    struct path_reader p = {.rest = arena_copy(arena, text)};
    *ret_path = NULL;
    if (!p.rest.ptr)
        return bole_fail(err, BOLE_E_LIMIT, "memory limit of the query reached");
    for (;;) {
        enum path_token token = path_next(&p);
        if (token == PATH_END && tail != ret_path)
            return p.error[0]
                       ? bole_fail(err, BOLE_E_INVALID, "cannot parse expression [%.*s]: %s", BOLE_SLICE_ARG(text), p.error)
                       : BOLE_OK;
        struct json_path *step = arena_zalloc(arena, sizeof *step);
        if (!step)
            return bole_fail(err, BOLE_E_LIMIT, "memory limit of the query reached");
        bole_status st = path_step(&p, token, tail == ret_path, text, step, err);
        if (st < 0)
            return st;
        *tail = step;
        tail = &step->next;
    }
}

/* ---- all paths in one pass ---- */

struct target {
    const struct ast_pair *pair;
    const struct json_path **steps; /* [step_count] */
    size_t                 step_count;
    bool                   is_found;
};

struct search {
    struct row      *r;
    const uint8_t   *begin, *end;
    struct target   *targets; /* [target_count] */
    size_t           target_count, found_count, set_count;
    bole_slice      *names;   /* [longest] keys on the way to here */
    size_t           longest;
};

static size_t count_steps(const struct json_path *path)
{
    size_t count = 0;
    for (; path; path = path->next)
        count++;
    return count;
}

static bool begin_search(struct search *s, struct row *r, const struct ast_pair *pairs)
{
    *s = (struct search){.r = r, .begin = r->line.ptr, .end = r->line.ptr + r->line.len};
    for (const struct ast_pair *p = pairs; p; p = p->next)
        s->target_count++;
    s->targets = arena_array(r->scratch, s->target_count + 1, sizeof *s->targets);
    struct target *t = s->targets;
    for (const struct ast_pair *p = pairs; t && p; p = p->next, t++) {
        *t = (struct target){.pair = p, .step_count = count_steps(p->path)};
        t->steps = arena_array(r->scratch, t->step_count + 1, sizeof *t->steps);
        if (!t->steps)
            return false;
        size_t n = 0;
        for (const struct json_path *step = p->path; step; step = step->next)
            t->steps[n++] = step;
        s->longest = t->step_count > s->longest ? t->step_count : s->longest;
    }
    s->names = arena_array(r->scratch, s->longest + 1, sizeof *s->names);
    return s->targets && s->names;
}

static void fail(struct search *s, const char *error)
{
    row_fail(s->r, ERROR_JSON, bole_slice_str(error), true);
}

/* The value of a path; an object stays as it is written, an array loses its escapes as a string does. */
static void take(struct search *s, struct target *t, const struct json_value *v)
{
    bole_slice value = v->kind == JSON_NULL ? S("") : v->kind == JSON_OBJECT ? v->text : json_string_text(s->r, v->text);
    row_set(s->r, ORIGIN_PARSED, row_parsed_name(s->r, t->pair->name), value);
    s->set_count++;
}

static void take_at(struct search *s, struct target *t, const uint8_t *at, const uint8_t *end)
{
    struct json_cursor c = {at, end, NULL, false};
    struct json_value v;
    if (json_take_value(&c, &v))
        take(s, t, &v);
    else
        fail(s, c.error);
}

static bool is_step(const struct json_path *step, bole_slice name)
{
    return !step->is_index && bole_slice_eq(step->field, name);
}

/* The first steps lead here. */
static bool leads_here(const struct search *s, const struct target *t, size_t level)
{
    for (size_t i = 0; i < level && i < t->step_count; i++)
        if (!is_step(t->steps[i], s->names[i]))
            return false;
    return true;
}

static bool is_done(const struct search *s)
{
    return s->found_count == s->target_count;
}

/* Behind a key: its value is taken by the targets whose last step it is. False: nothing is left to do. */
static bool meet_key(struct search *s, bole_slice key, ptrdiff_t level, const uint8_t *value, bool *ret_taken)
{
    *ret_taken = false;
    if ((ptrdiff_t)s->longest < level)
        return true;
    if (level < 1) {
        fail(s, malformed_json);
        return false;
    }
    s->names[level - 1] = key;
    for (size_t i = 0; i < s->target_count && !is_done(s); i++) {
        struct target *t = &s->targets[i];
        if (t->step_count != (size_t)level || t->is_found || !leads_here(s, t, (size_t)level))
            continue;
        *ret_taken = t->is_found = true;
        s->found_count++;
        take_at(s, t, value, s->end);
    }
    return !is_done(s);
}

/* From an element of an array down the rest of a path, alone; NULL: it is not there. */
static const uint8_t *descend(struct row *r, const uint8_t *at, const uint8_t *end, const struct json_path *step)
{
    for (; step; step = step->next) {
        struct json_cursor c = {at, end, NULL, false};
        struct json_value v;
        bole_slice key;
        bool is_first = true, more;
        uint8_t first = json_peek(&c);
        if (first != (step->is_index ? '[' : '{'))
            return NULL;
        c.next++;
        size_t left = step->index;
        for (;; is_first = false) {
            if (step->is_index) {
                if (!is_first && json_peek(&c) != ',')
                    return NULL;
                c.next += !is_first;
            } else if (!json_take_key(&c, is_first, &key, &more) || !more || !json_unescape(r, key, &key)) {
                return NULL;
            }
            json_peek(&c);
            if (step->is_index ? left-- == 0 : bole_slice_eq(key, step->field))
                break;
            if (!json_take_value(&c, &v))
                return NULL;
        }
        at = c.next;
    }
    return at;
}

/* An array on the way of some targets: its elements. The cursor ends on the bracket or where it is broken. */
static void meet_array(struct search *s, size_t level, struct json_cursor *c)
{
    struct json_value v;
    c->next++;
    if (json_peek(c) == ']')
        return;
    for (size_t index = 0; c->next < c->end; index++) {
        const uint8_t *from = c->next;
        json_peek(c);
        from = c->next;
        if (!json_take_value(c, &v))
            return;
        for (size_t i = 0; i < s->target_count; i++) {
            struct target *t = &s->targets[i];
            if (t->step_count <= level || !t->steps[level]->is_index || t->steps[level]->index != index || t->is_found ||
                !leads_here(s, t, level))
                continue;
            t->is_found = true;
            s->found_count++;
            const uint8_t *at = descend(s->r, from, c->next, t->steps[level]->next);
            if (at)
                take_at(s, t, at, c->next);
        }
        if (json_peek(c) != ',')
            return;
        c->next++;
    }
}

static bool wants_array(const struct search *s, size_t level)
{
    for (size_t i = 0; i < s->target_count; i++) {
        const struct target *t = &s->targets[i];
        if (t->step_count > level && !t->is_found && t->steps[level]->is_index && leads_here(s, t, level))
            return true;
    }
    return false;
}

/* A string: a key where a colon follows. False: the search is over. */
static bool meet_string(struct search *s, struct json_cursor *c, ptrdiff_t level)
{
    bole_slice key;
    bool is_taken;
    if (!json_take_string(c, &key))
        return false;
    json_peek(c);
    if (c->next == c->end)
        return false;
    if (*c->next != ':')
        return true;
    if (!json_unescape(s->r, key, &key) || !meet_key(s, key, level, c->next + 1, &is_taken))
        return false;
    c->next++;
    if (!is_taken)
        json_peek(c);
    return true;
}

static void search(struct search *s)
{
    struct json_cursor c = {s->begin, s->end, NULL, false};
    struct json_value skipped;
    ptrdiff_t level = 0;
    while (c.next < c.end) {
        switch (*c.next) {
        case '"':
            if (!meet_string(s, &c, level))
                return;
            continue;
        case '{': level++; break;
        case '}': case ']': level--; break;
        case '[':
            if (level < 0) {
                fail(s, malformed_json);
                return;
            }
            if (wants_array(s, (size_t)level)) {
                meet_array(s, (size_t)level, &c);
                level++; /* the bracket that closes it comes next */
                if (is_done(s))
                    return;
            } else if (!json_take_value(&c, &skipped)) {
                return;
            }
            continue;
        default: break;
        }
        c.next++;
    }
}

void parse_json_paths(struct row *r, const struct ast_pair *pairs)
{
    struct search s;
    if (r->line.len == 0 || row_needs_no_parser(r))
        return;
    if (r->line.ptr[0] != '{' && r->line.ptr[0] != '[' && r->line.ptr[0] != '"') {
        row_fail(r, ERROR_JSON, (bole_slice){0}, true);
        return;
    }
    if (!begin_search(&s, r, pairs)) {
        r->out_of_memory = true;
        return;
    }
    search(&s);
    for (const struct ast_pair *p = pairs; p && s.set_count < s.target_count; p = p->next)
        if (!row_find(r, p->name))
            row_set(r, ORIGIN_PARSED, p->name, S(""));
}
