/* route: another tenant, other labels. */
#include "base/err.h"
#include "base/unset.h"
#include "process/rule.h"
#include "record/labels.h"

struct route_label {
    bole_slice           name;
    struct rule_template value; /* an empty text takes the label away; where a field is not there the label stays */
};

struct route {
    bole_slice          tenant; /* empty: stays */
    struct route_label *labels;
    size_t              label_count;
    bole_slice         *keep; /* labels of the stream that stay; none: all */
    size_t              keep_count;
};

static bool is_label_name(bole_slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.ptr[i];
        if (!((uint8_t)((c | 0x20) - 'a') < 26 || c == '_' || (i && c >= '0' && c <= '9')))
            return false;
    }
    return name.len > 0 && name.len <= LABEL_NAME_MAX;
}

static bole_status compile_labels(struct pipeline *p, const struct config_node *node, struct route *t, struct bole_err *err)
{
    if (node->kind != CONFIG_MAP)
        return config_fail(p->config, node, err, "labels is a map from names to values");
    t->labels = arena_array(&p->arena, rule_member_count(node) + 1, sizeof *t->labels);
    if (!t->labels)
        return rule_no_memory(err);
    for (const struct config_node *n = node->first; n; n = n->next) {
        struct route_label *l = &t->labels[t->label_count++];
        bole_slice value = {0};
        l->name = arena_copy(&p->arena, n->key);
        if (!is_label_name(n->key))
            return config_fail_key(p->config, n, err, "a label's name has letters, digits and _");
        if (t->label_count > LABELS_MAX)
            return config_fail(p->config, n, err, "more than %u labels", LABELS_MAX);
        if (n->kind != CONFIG_NULL) {
            bole_status st = rule_text(p, n, "a label's value", &value, err);
            if (st < 0)
                return st;
        }
        bole_status st = rule_template(p, n, value, &l->value, err);
        if (st < 0)
            return st;
        if (!l->name.ptr)
            return rule_no_memory(err);
        if (value.len > LABEL_VALUE_MAX)
            return config_fail(p->config, n, err, "a label's value has at most %u bytes", LABEL_VALUE_MAX);
    }
    return BOLE_OK;
}

static bole_status route_compile(struct pipeline *p, const struct config_node *node, struct process_rule *rule,
                                 struct bole_err *err)
{
    static const char *const keys[] = {"tenant", "labels", "keep"};
    struct route *t = arena_zalloc(&p->arena, sizeof *t);
    if (!t)
        return rule_no_memory(err);
    bole_status st = rule_check_keys(p, node, keys, 3, err);
    const struct config_node *tenant = st < 0 ? NULL : config_get(node, S("tenant"));
    const struct config_node *labels = st < 0 ? NULL : config_get(node, S("labels"));
    const struct config_node *keep = st < 0 ? NULL : config_get(node, S("keep"));
    if (st >= 0 && !tenant && !labels && !keep)
        st = config_fail(p->config, node, err, "route needs a tenant, labels or keep");
    if (st >= 0 && keep)
        st = rule_texts(p, keep, "the name of a label", &t->keep, &t->keep_count, err);
    if (st >= 0 && tenant)
        st = rule_text(p, tenant, "a tenant", &t->tenant, err);
    if (st >= 0 && tenant && !tenant_valid(t->tenant))
        st = config_fail(p->config, tenant, err, "'%.*s' is no tenant's name", BOLE_SLICE_ARG(t->tenant));
    if (st >= 0 && labels)
        st = compile_labels(p, labels, t, err);
    rule->step = t;
    return st;
}

static bool stays(const struct route *t, bole_slice name)
{
    for (size_t i = 0; i < t->keep_count; i++)
        if (bole_slice_eq(t->keep[i], name))
            return true;
    return t->keep_count == 0;
}

/* labels_encode keeps the first of a name: the rule's stand in front of the stream's own. */
static enum process_outcome set_labels(const struct route *t, struct process_run *run, struct process_record *r)
{
    struct label all[2 * LABELS_MAX] UNSET, label;
    bool gone[LABELS_MAX] = {0};
    struct reader own = reader_of(r->labels);
    struct buf out;
    size_t count = 0;
    for (size_t i = 0; i < t->label_count; i++) {
        bole_slice value = rule_template_fill(run, r, &t->labels[i].value);
        if (!value.ptr && !t->labels[i].value.is_text)
            return PROCESS_NO_MEMORY;
        gone[i] = !value.len && t->labels[i].value.is_text;
        if (value.len)
            all[count++] = (struct label){t->labels[i].name, bole_slice_from(value.ptr, value.len < LABEL_VALUE_MAX ? value.len : LABEL_VALUE_MAX)};
    }
    while (labels_next(&own, &label)) {
        bool taken = !stays(t, label.name);
        for (size_t i = 0; i < t->label_count && !taken; i++)
            taken = gone[i] && bole_slice_eq(t->labels[i].name, label.name);
        if (!taken && count < 2 * LABELS_MAX)
            all[count++] = label;
    }
    buf_init(&out, NULL);
    bole_status st = labels_encode(all, count, &out, NULL);
    bole_slice copy = st < 0 ? (bole_slice){0} : arena_copy(&run->arena, buf_slice(&out));
    buf_deinit(&out);
    if (st == BOLE_E_LIMIT) { /* together they are too many */
        run->why = S("the stream would have too many labels");
        return PROCESS_REFUSED_SCHEMA;
    }
    if (!copy.len) {
        run->why = S("the stream would have no labels");
        return st < 0 || !copy.ptr ? PROCESS_NO_MEMORY : PROCESS_REFUSED_SCHEMA;
    }
    record_set_labels(run, r, copy);
    return PROCESS_CHANGED;
}

static enum process_outcome route_run(const struct process_rule *rule, struct process_run *run, struct process_record *r)
{
    const struct route *t = rule->step;
    enum process_outcome outcome = PROCESS_CHANGED;
    if (t->label_count || t->keep_count)
        outcome = set_labels(t, run, r);
    if (outcome == PROCESS_CHANGED && t->tenant.len) {
        r->tenant = t->tenant;
        record_set_labels(run, r, r->labels);
    }
    return outcome;
}

const struct rule_ops route_ops = {"route", route_compile, route_run, NULL};
