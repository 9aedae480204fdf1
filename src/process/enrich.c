/* set, rename, remove: what fields a record has. */
#include "base/err.h"
#include "process/rule.h"

struct pair {
    bole_slice           name, value;
    struct rule_template template; /* set */
};

struct pairs {
    struct pair *items;
    size_t       count;
};

static bole_status check_name(struct pipeline *p, const struct config_node *at, bole_slice name, struct bole_err *err)
{
    return name.len && name.len <= LABEL_NAME_MAX
               ? BOLE_OK
               : config_fail(p->config, at, err, "a field's name has 1 to %u bytes", LABEL_NAME_MAX);
}

static bole_status read_pairs(struct pipeline *p, const struct config_node *node, struct process_rule *rule,
                              struct pairs **ret_pairs, struct bole_err *err)
{
    struct pairs *pairs = arena_zalloc(&p->arena, sizeof *pairs);
    if (node->kind != CONFIG_MAP || !node->first)
        return config_fail(p->config, node, err, "a map from names to texts is expected here");
    if (!pairs || !(pairs->items = arena_array(&p->arena, rule_member_count(node), sizeof *pairs->items)))
        return rule_no_memory(err);
    bole_status st = BOLE_OK;
    for (const struct config_node *n = node->first; n && st >= 0; n = n->next) {
        struct pair *pair = &pairs->items[pairs->count++];
        pair->name = arena_copy(&p->arena, n->key);
        st = pair->name.ptr ? check_name(p, n, pair->name, err) : rule_no_memory(err);
        if (st >= 0)
            st = rule_text(p, n, "the value", &pair->value, err);
    }
    rule->step = *ret_pairs = pairs;
    return st;
}

/* ---- set: {team: shop, origin: "${host}/${app}"} ---- */

/* One piece of a value "a ${name} b": a text, or the field of that name. */
struct template_piece {
    bole_slice text;
    bool       is_name;
};

bole_status rule_template(struct pipeline *p, const struct config_node *node, bole_slice text, struct rule_template *ret_template,
                          struct bole_err *err)
{
    bole_slice rest = text;
    struct template_piece *pieces = arena_array(&p->arena, rest.len / 2 + 2, sizeof *pieces);
    size_t count = 0;
    if (!pieces)
        return rule_no_memory(err);
    while (rest.len) {
        const uint8_t *open = memmem(rest.ptr, rest.len, "${", 2);
        size_t before = open ? (size_t)(open - rest.ptr) : rest.len;
        if (before)
            pieces[count++] = (struct template_piece){bole_slice_from(rest.ptr, before), false};
        if (!open)
            break;
        rest = bole_slice_sub(rest, before + 2);
        const uint8_t *close = rest.len ? memchr(rest.ptr, '}', rest.len) : NULL;
        if (!close || close == rest.ptr)
            return config_fail(p->config, node, err, "${ without a name and }");
        bole_slice name = bole_slice_from(rest.ptr, (size_t)(close - rest.ptr));
        bool version = bole_slice_eq(name, S("rules.version")); /* names of fields have no dots */
        pieces[count++] = (struct template_piece){version ? pipeline_version(p) : name, !version};
        rest = bole_slice_sub(rest, (size_t)(close - rest.ptr) + 1);
    }
    bool is_text = count == 0 || (count == 1 && !pieces[0].is_name);
    *ret_template = (struct rule_template){pieces, count, is_text, count ? pieces[0].text : text};
    return BOLE_OK;
}

bole_slice rule_template_fill(struct process_run *run, const struct process_record *r, const struct rule_template *t)
{
    if (t->is_text)
        return t->text;
    size_t len = 0;
    for (size_t i = 0; i < t->count; i++)
        len += t->pieces[i].is_name ? record_value(r, t->pieces[i].text).len : t->pieces[i].text.len;
    uint8_t *out = arena_bytes(&run->arena, len + 1), *at = out;
    for (size_t i = 0; out && i < t->count; i++) {
        bole_slice text = t->pieces[i].is_name ? record_value(r, t->pieces[i].text) : t->pieces[i].text;
        if (text.len)
            memcpy(at, text.ptr, text.len);
        at += text.len;
    }
    return bole_slice_from(out, len);
}

static bole_status set_compile(struct pipeline *p, const struct config_node *node, struct process_rule *rule,
                               struct bole_err *err)
{
    struct pairs *pairs = NULL;
    bole_status st = read_pairs(p, node, rule, &pairs, err);
    const struct config_node *n = node->first;
    for (size_t i = 0; st >= 0 && i < pairs->count; i++, n = n->next)
        st = rule_template(p, n, pairs->items[i].value, &pairs->items[i].template, err);
    return st;
}

static enum process_outcome set_run(const struct process_rule *rule, struct process_run *run, struct process_record *r)
{
    const struct pairs *pairs = rule->step;
    for (size_t i = 0; i < pairs->count; i++) {
        bole_slice value = rule_template_fill(run, r, &pairs->items[i].template);
        if (!value.ptr || !record_set(run, r, pairs->items[i].name, value))
            return PROCESS_NO_MEMORY;
    }
    return PROCESS_CHANGED;
}

const struct rule_ops set_ops = {"set", set_compile, set_run, NULL};

/* ---- rename: {usr: user}: what has the new name already goes ---- */

static bole_status rename_compile(struct pipeline *p, const struct config_node *node, struct process_rule *rule,
                                  struct bole_err *err)
{
    struct pairs *pairs = NULL;
    bole_status st = read_pairs(p, node, rule, &pairs, err);
    const struct config_node *n = node->first;
    for (size_t i = 0; st >= 0 && i < pairs->count; i++, n = n->next)
        st = check_name(p, n, pairs->items[i].value, err);
    return st;
}

static enum process_outcome rename_run(const struct process_rule *rule, struct process_run *run, struct process_record *r)
{
    const struct pairs *pairs = rule->step;
    enum process_outcome outcome = PROCESS_KEPT;
    (void)run;
    for (size_t i = 0; i < pairs->count; i++) {
        if (!record_field(r, pairs->items[i].name) || bole_slice_eq(pairs->items[i].name, pairs->items[i].value))
            continue;
        record_remove(r, pairs->items[i].value);
        record_field(r, pairs->items[i].name)->key = pairs->items[i].value;
        outcome = PROCESS_CHANGED;
    }
    return outcome;
}

const struct rule_ops rename_ops = {"rename", rename_compile, rename_run, NULL};

/* ---- remove: [password] ---- */

static bole_status remove_compile(struct pipeline *p, const struct config_node *node, struct process_rule *rule,
                                  struct bole_err *err)
{
    struct pairs *pairs = arena_zalloc(&p->arena, sizeof *pairs);
    bole_slice *names = NULL;
    if (!pairs)
        return rule_no_memory(err);
    bole_status st = rule_texts(p, node, "the name of a field", &names, &pairs->count, err);
    if (st >= 0 && !(pairs->items = arena_array(&p->arena, pairs->count, sizeof *pairs->items)))
        st = rule_no_memory(err);
    for (size_t i = 0; st >= 0 && i < pairs->count; i++)
        pairs->items[i].name = names[i];
    rule->step = pairs;
    return st;
}

static enum process_outcome remove_run(const struct process_rule *rule, struct process_run *run, struct process_record *r)
{
    const struct pairs *pairs = rule->step;
    size_t before = r->field_count;
    (void)run;
    for (size_t i = 0; i < pairs->count; i++)
        record_remove(r, pairs->items[i].name);
    return r->field_count == before ? PROCESS_KEPT : PROCESS_CHANGED;
}

const struct rule_ops remove_ops = {"remove", remove_compile, remove_run, NULL};
