/* derive: the named groups of a regular expression become fields. */
#include "base/err.h"
#include "process/rule.h"

struct derive {
    bole_slice    from; /* a field; empty: the line */
    struct regex *regex;
    uint32_t      literal; /* rule_literal, where it is about the line */
};

static bole_status derive_compile(struct pipeline *p, const struct config_node *node, struct process_rule *rule,
                                  struct bole_err *err)
{
    static const char *const keys[] = {"from", "pattern"};
    struct derive *d = arena_zalloc(&p->arena, sizeof *d);
    const struct config_node *pattern = node, *from = NULL;
    bole_slice text = {0};
    bole_status st = BOLE_OK;
    if (!d)
        return rule_no_memory(err);
    if (node->kind != CONFIG_SCALAR) {
        st = rule_check_keys(p, node, keys, 2, err);
        pattern = st < 0 ? NULL : config_get(node, S("pattern"));
        from = st < 0 ? NULL : config_get(node, S("from"));
        if (st >= 0 && !pattern)
            st = config_fail(p->config, node, err, "derive needs a pattern");
    }
    if (st >= 0 && from && !bole_slice_eq(from->text, S("line")))
        st = rule_text(p, from, "from", &d->from, err);
    if (st >= 0)
        st = rule_text(p, pattern, "a pattern", &text, err);
    if (st >= 0)
        st = rule_regex(p, pattern, text, 0, &d->regex, err);
    for (size_t g = 1; st >= 0 && g <= regex_group_count(d->regex); g++)
        if (regex_group_name(d->regex, g).len) {
            rule->step = d;
            d->literal = d->from.len ? 0 : rule_literal(p, d->regex);
            return BOLE_OK;
        }
    return st < 0 ? st
                  : config_fail(p->config, pattern, err, "the pattern has no named group (?P<name>...), and each makes a field");
}

static enum process_outcome derive_run(const struct process_rule *rule, struct process_run *run, struct process_record *r)
{
    const struct derive *d = rule->step;
    bole_slice groups[REGEX_GROUPS_MAX + 1], text = d->from.len ? record_value(r, d->from) : r->line;
    size_t count = regex_group_count(d->regex);
    if (!text.len || !line_may_match(run, r, d->literal) || !regex_find(d->regex, text, 0, groups, count + 1))
        return PROCESS_KEPT;
    for (size_t g = 1; g <= count; g++) {
        bole_slice name = regex_group_name(d->regex, g);
        if (name.len && groups[g].len && !record_set(run, r, name, groups[g]))
            return PROCESS_NO_MEMORY;
    }
    return PROCESS_CHANGED;
}

const struct rule_ops derive_ops = {"derive", derive_compile, derive_run, NULL};
