/* require, types, allowed: what a record must be like, or it is refused. What is told names the field, never its value. */
#include <arpa/inet.h>

#include "base/err.h"
#include "base/timefmt.h"
#include "process/rule.h"

enum value_type { TYPE_INT, TYPE_NUMBER, TYPE_BOOL, TYPE_TIME, TYPE_IP };
static const char *const type_names[] = {"int", "number", "bool", "time", "ip"};
enum { TYPES = sizeof type_names / sizeof *type_names };

struct demand { /* on one field */
    bole_slice      name;
    enum value_type type;    /* types */
    bole_slice     *values;  /* allowed */
    size_t          value_count;
};

struct demands {
    struct demand *items;
    size_t         count;
};

static bool is_int(bole_slice s)
{
    size_t at = s.len && (s.ptr[0] == '-' || s.ptr[0] == '+');
    if (at == s.len)
        return false;
    for (; at < s.len; at++)
        if (s.ptr[at] < '0' || s.ptr[at] > '9')
            return false;
    return true;
}

/* JSON's numbers, and a leading +. */
static bool is_number(bole_slice s)
{
    size_t at = s.len && (s.ptr[0] == '-' || s.ptr[0] == '+'), digits = 0;
    bool point = false;
    for (; at < s.len; at++) {
        uint8_t c = s.ptr[at];
        if (c >= '0' && c <= '9')
            digits++;
        else if (c == '.' && !point)
            point = true;
        else if ((c | 0x20) == 'e' && digits)
            return is_int(bole_slice_sub(s, at + 1));
        else
            return false;
    }
    return digits > 0;
}

static bool is_ip(bole_slice s)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr a;
    if (s.len == 0 || s.len >= sizeof text || memchr(s.ptr, 0, s.len))
        return false;
    memcpy(text, s.ptr, s.len);
    text[s.len] = 0;
    return inet_pton(AF_INET, text, &a) == 1 || inet_pton(AF_INET6, text, &a) == 1;
}

static bool has_type(bole_slice value, enum value_type type)
{
    int64_t ns;
    switch (type) {
    case TYPE_INT: return is_int(value);
    case TYPE_NUMBER: return is_number(value);
    case TYPE_BOOL: return bole_slice_eq(value, S("true")) || bole_slice_eq(value, S("false"));
    case TYPE_TIME: return time_parse_rfc3339(value, &ns);
    case TYPE_IP: return is_ip(value);
    }
    return false;
}

static enum process_outcome refuse(struct process_run *run, bole_slice name, const char *what)
{
    run->why = arena_printf(&run->arena, "field \"%.*s\" %s", BOLE_SLICE_ARG(name), what);
    return PROCESS_REFUSED_SCHEMA;
}

static bole_status make_demands(struct pipeline *p, size_t count, struct process_rule *rule, struct demands **ret_demands,
                                struct bole_err *err)
{
    struct demands *d = arena_zalloc(&p->arena, sizeof *d);
    if (!d || !(d->items = arena_array(&p->arena, count + 1, sizeof *d->items)))
        return rule_no_memory(err);
    d->count = count;
    rule->step = *ret_demands = d;
    return BOLE_OK;
}

/* ---- require: [user, order_id] ---- */

static bole_status require_compile(struct pipeline *p, const struct config_node *node, struct process_rule *rule,
                                   struct bole_err *err)
{
    bole_slice *names = NULL;
    struct demands *d = NULL;
    size_t count = 0;
    bole_status st = rule_texts(p, node, "the name of a field", &names, &count, err);
    if (st >= 0)
        st = make_demands(p, count, rule, &d, err);
    for (size_t i = 0; st >= 0 && i < count; i++)
        d->items[i].name = names[i];
    return st;
}

static enum process_outcome require_run(const struct process_rule *rule, struct process_run *run, struct process_record *r)
{
    const struct demands *d = rule->step;
    for (size_t i = 0; i < d->count; i++)
        if (!record_value(r, d->items[i].name).len)
            return refuse(run, d->items[i].name, "is missing");
    return PROCESS_KEPT;
}

const struct rule_ops require_ops = {"require", require_compile, require_run, NULL};

/* ---- types: {status: int} ---- */

static bole_status types_compile(struct pipeline *p, const struct config_node *node, struct process_rule *rule,
                                 struct bole_err *err)
{
    struct demands *d;
    if (node->kind != CONFIG_MAP)
        return config_fail(p->config, node, err, "types is a map from fields to types");
    bole_status st = make_demands(p, rule_member_count(node), rule, &d, err);
    struct demand *item = st < 0 ? NULL : d->items;
    for (const struct config_node *n = node->first; n && st >= 0; n = n->next, item++) {
        size_t type = 0;
        while (type < TYPES && !(n->kind == CONFIG_SCALAR && bole_slice_eq(n->text, bole_slice_str(type_names[type]))))
            type++;
        if (type == TYPES) {
            const char *near = n->kind == CONFIG_SCALAR ? config_nearest(n->text, type_names, TYPES) : NULL;
            return config_fail(p->config, n, err, "a type is one of int, number, bool, time, ip%s%s%s",
                               near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
        }
        item->type = (enum value_type)type;
        item->name = arena_copy(&p->arena, n->key);
        if (!item->name.ptr)
            st = rule_no_memory(err);
    }
    return st;
}

static enum process_outcome types_run(const struct process_rule *rule, struct process_run *run, struct process_record *r)
{
    const struct demands *d = rule->step;
    for (size_t i = 0; i < d->count; i++) {
        bole_slice value = record_value(r, d->items[i].name);
        char what[32];
        if (!value.len || has_type(value, d->items[i].type))
            continue;
        err_print(what, sizeof what, "is no %s", type_names[d->items[i].type]);
        return refuse(run, d->items[i].name, what);
    }
    return PROCESS_KEPT;
}

const struct rule_ops types_ops = {"types", types_compile, types_run, NULL};

/* ---- allowed: {env: [prod, test]} ---- */

static bole_status allowed_compile(struct pipeline *p, const struct config_node *node, struct process_rule *rule,
                                   struct bole_err *err)
{
    struct demands *d;
    if (node->kind != CONFIG_MAP)
        return config_fail(p->config, node, err, "allowed is a map from fields to lists of values");
    bole_status st = make_demands(p, rule_member_count(node), rule, &d, err);
    struct demand *item = st < 0 ? NULL : d->items;
    for (const struct config_node *n = node->first; n && st >= 0; n = n->next, item++) {
        item->name = arena_copy(&p->arena, n->key);
        st = item->name.ptr ? rule_texts(p, n, "a value", &item->values, &item->value_count, err) : rule_no_memory(err);
    }
    return st;
}

static enum process_outcome allowed_run(const struct process_rule *rule, struct process_run *run, struct process_record *r)
{
    const struct demands *d = rule->step;
    for (size_t i = 0; i < d->count; i++) {
        bole_slice value = record_value(r, d->items[i].name);
        bool found = !value.len;
        for (size_t k = 0; k < d->items[i].value_count && !found; k++)
            found = bole_slice_eq(value, d->items[i].values[k]);
        if (!found)
            return refuse(run, d->items[i].name, "has a value that is not allowed");
    }
    return PROCESS_KEPT;
}

const struct rule_ops allowed_ops = {"allowed", allowed_compile, allowed_run, NULL};
