#include "cmd/retention.h"

#include "base/err.h"
#include "query/units.h"
#include "record/record.h"

bole_status retention_parse_time(bole_slice text, int64_t *ret_ns, struct bole_err *err)
{
    if (text.len && units_prometheus_duration(text, ret_ns))
        return BOLE_OK;
    return bole_fail(err, BOLE_E_INVALID, "'%.*s' is no time to keep records; write 30d, 12h, 1y or 0 (for ever)",
                     BOLE_SLICE_ARG(text));
}

/* TENANT:SELECTOR, each of which may be missing. */
static bole_status parse_names(struct retention *r, bole_slice text, struct store_keep_rule *rule, struct bole_err *err)
{
    const uint8_t *colon = memchr(text.ptr, ':', text.len), *brace = memchr(text.ptr, '{', text.len);
    if (colon && (!brace || colon < brace)) {
        rule->tenant = bole_slice_cut(text, ':', &text);
        if (!tenant_valid(rule->tenant))
            return bole_fail(err, BOLE_E_INVALID, "'%.*s' is no tenant", BOLE_SLICE_ARG(rule->tenant));
    }
    if (text.len == 0 && rule->tenant.len == 0)
        return bole_fail(err, BOLE_E_INVALID, "a rule begins with a selector, {app=\"debug\"}, or a tenant, acme:");
    if (text.len == 0)
        return BOLE_OK;
    struct query_selector **selector = &r->selectors[r->store.rule_count];
    bole_status st = query_selector_parse(text, selector, err);
    if (st >= 0)
        rule->matchers = query_selector_matchers(*selector, &rule->matcher_count);
    return st;
}

bole_status retention_add_rule(struct retention *r, const char *rule_text, struct bole_err *err)
{
    const bole_slice text = bole_slice_str(rule_text);
    const uint8_t *equals = memrchr(text.ptr, '=', text.len); /* no time holds one */
    struct store_keep_rule rule = {0};
    if (r->store.rule_count == RETENTION_RULES_MAX)
        return bole_fail(err, BOLE_E_LIMIT, "more than %d rules", RETENTION_RULES_MAX);
    if (!equals)
        return bole_fail(err, BOLE_E_INVALID, "'%.*s' is no rule; write {app=\"debug\"}=7d or acme:=90d", BOLE_SLICE_ARG(text));
    size_t names = (size_t)(equals - text.ptr);
    bole_status st = retention_parse_time(bole_slice_sub(text, names + 1), &rule.keep_ns, err);
    if (st >= 0)
        st = parse_names(r, bole_slice_from(text.ptr, names), &rule, err);
    if (st < 0)
        return st;
    r->rule_texts[r->store.rule_count] = rule_text;
    r->rules[r->store.rule_count++] = rule;
    r->store.rules = r->rules;
    return BOLE_OK;
}

void retention_deinit(struct retention *r)
{
    for (size_t i = 0; i < RETENTION_RULES_MAX; i++)
        query_selector_destroy(r->selectors[i]);
}
