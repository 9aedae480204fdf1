/* json, logfmt: values of a line that is JSON or logfmt become fields. */
#include "base/err.h"
#include "process/json_path.h"
#include "process/rule.h"

struct parse_field {
    bole_slice       name, key; /* of the record; in the line */
    struct json_path path;
};

struct parse {
    bole_slice          from; /* a field; empty: the line */
    struct parse_field *fields;
    size_t              count;
    bool                drop_malformed;
};

static bole_status compile_field(struct pipeline *p, const struct config_node *n, bool is_json, struct parse_field *f,
                                 struct bole_err *err)
{
    bole_status st = BOLE_OK;
    f->name = f->key = arena_copy(&p->arena, n->key);
    if (!f->name.ptr)
        return rule_no_memory(err);
    if (!n->key.len || n->key.len > LABEL_NAME_MAX)
        return config_fail_key(p->config, n, err, "a field's name has 1 to %u bytes", LABEL_NAME_MAX);
    if (n->kind != CONFIG_NULL && n->text.len)
        st = rule_text(p, n, "where the value stands", &f->key, err);
    if (st >= 0 && is_json && !json_path_parse(f->key, &f->path))
        st = config_fail(p->config, n, err, "'%.*s' is no path; write user.name, \"a.b\".c, tags[0]", BOLE_SLICE_ARG(f->key));
    return st;
}

static bole_status parse_compile(struct pipeline *p, const struct config_node *node, bool is_json, struct process_rule *rule,
                                 struct bole_err *err)
{
    static const char *const keys[] = {"fields", "from", "drop_malformed"};
    struct parse *x = arena_zalloc(&p->arena, sizeof *x);
    if (!x)
        return rule_no_memory(err);
    bole_status st = rule_check_keys(p, node, keys, is_json ? 3 : 2, err);
    const struct config_node *fields = st < 0 ? NULL : config_get(node, S("fields")), *from = st < 0 ? NULL : config_get(node, S("from"));
    const struct config_node *drop = st < 0 ? NULL : config_get(node, S("drop_malformed"));
    if (st >= 0 && (!fields || fields->kind != CONFIG_MAP || !fields->first))
        st = config_fail(p->config, node, err, "fields is a map: {name of the field: where it stands}");
    if (st >= 0 && !(x->fields = arena_array(&p->arena, rule_member_count(fields), sizeof *x->fields)))
        st = rule_no_memory(err);
    for (const struct config_node *n = st < 0 ? NULL : fields->first; n && st >= 0; n = n->next)
        st = compile_field(p, n, is_json, &x->fields[x->count++], err);
    if (st >= 0 && from && !bole_slice_eq(from->text, S("line")))
        st = rule_text(p, from, "from", &x->from, err);
    if (st >= 0 && drop && (drop->kind != CONFIG_SCALAR || !config_truth(drop->text, &x->drop_malformed)))
        st = config_fail(p->config, drop, err, "drop_malformed is true or false");
    rule->step = x;
    return st;
}

/* ---- json: {fields: {user: user.name, level: }} ---- */

static bole_status json_compile(struct pipeline *p, const struct config_node *node, struct process_rule *rule, struct bole_err *err)
{
    return parse_compile(p, node, true, rule, err);
}

static enum process_outcome json_run(const struct process_rule *rule, struct process_run *run, struct process_record *r)
{
    const struct parse *x = rule->step;
    bole_slice text = x->from.len ? record_value(r, x->from) : r->line;
    enum process_outcome outcome = PROCESS_KEPT;
    if (!json_is_valid(text))
        return x->drop_malformed ? PROCESS_DROPPED : PROCESS_KEPT;
    for (size_t i = 0; i < x->count; i++) {
        bole_slice value = json_path_find(text, &x->fields[i].path, &run->arena);
        if (!value.len)
            continue;
        if (!record_set(run, r, x->fields[i].name, value))
            return PROCESS_NO_MEMORY;
        outcome = PROCESS_CHANGED;
    }
    return outcome;
}

const struct rule_ops json_ops = {"json", json_compile, json_run, NULL};

/* ---- logfmt: {fields: {user: usr}} ---- */

static bole_status logfmt_compile(struct pipeline *p, const struct config_node *node, struct process_rule *rule, struct bole_err *err)
{
    return parse_compile(p, node, false, rule, err);
}

/* A value in quotes, of which *rest begins with the first. ptr NULL: it does not end, or there is no memory. */
static bole_slice quoted_value(bole_slice *rest, struct arena *arena)
{
    size_t end = 1, used = 0;
    bool escaped = false;
    while (end < rest->len && rest->ptr[end] != '"') {
        escaped |= rest->ptr[end] == '\\';
        end += rest->ptr[end] == '\\' ? 2 : 1;
    }
    if (end >= rest->len)
        return (bole_slice){0};
    bole_slice text = bole_slice_from(rest->ptr + 1, end - 1);
    *rest = bole_slice_sub(*rest, end + 1);
    uint8_t *out = escaped ? arena_bytes(arena, text.len) : NULL;
    for (size_t i = 0; out && i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (c == '\\') {
            c = text.ptr[++i];
            c = c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
        }
        out[used++] = c;
    }
    return escaped ? bole_slice_from(out, used) : text;
}

static size_t until(bole_slice s, bool equals_too)
{
    size_t n = 0;
    while (n < s.len && s.ptr[n] > ' ' && !(equals_too && s.ptr[n] == '='))
        n++;
    return n;
}

/* The next key=value; a key alone has no value. False: there is no other, or it is malformed. */
static bool next_pair(bole_slice *rest, struct arena *arena, bole_slice *ret_key, bole_slice *ret_value)
{
    while (rest->len && rest->ptr[0] <= ' ')
        *rest = bole_slice_sub(*rest, 1);
    size_t n = until(*rest, true);
    if (n == 0)
        return false;
    *ret_key = bole_slice_from(rest->ptr, n);
    *ret_value = (bole_slice){0};
    *rest = bole_slice_sub(*rest, n);
    if (!rest->len || rest->ptr[0] != '=')
        return true;
    *rest = bole_slice_sub(*rest, 1);
    if (rest->len && rest->ptr[0] == '"') {
        *ret_value = quoted_value(rest, arena);
        return ret_value->ptr != NULL;
    }
    n = until(*rest, false);
    *ret_value = bole_slice_from(rest->ptr, n);
    *rest = bole_slice_sub(*rest, n);
    return true;
}

static enum process_outcome logfmt_run(const struct process_rule *rule, struct process_run *run, struct process_record *r)
{
    const struct parse *x = rule->step;
    bole_slice rest = x->from.len ? record_value(r, x->from) : r->line, key, value;
    enum process_outcome outcome = PROCESS_KEPT;
    while (next_pair(&rest, &run->arena, &key, &value))
        for (size_t i = 0; i < x->count; i++) {
            if (!value.len || !bole_slice_eq(key, x->fields[i].key))
                continue;
            if (!record_set(run, r, x->fields[i].name, value))
                return PROCESS_NO_MEMORY;
            outcome = PROCESS_CHANGED;
        }
    return outcome;
}

const struct rule_ops logfmt_ops = {"logfmt", logfmt_compile, logfmt_run, NULL};
