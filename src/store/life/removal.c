#include "store/life/removal.h"

#include "shim/regex.h"

/* ---- retention ---- */

static int64_t keep_or_for_ever(int64_t keep_ns)
{
    return keep_ns > 0 ? keep_ns : INT64_MAX;
}

int64_t retention_keep_ns(const struct store_retention *r, bole_slice tenant, bole_slice labels)
{
    for (size_t i = 0; i < r->rule_count; i++) {
        const struct store_keep_rule *rule = &r->rules[i];
        if ((rule->tenant.len == 0 || bole_slice_eq(rule->tenant, tenant)) &&
            store_matches(labels, rule->matchers, rule->matcher_count))
            return keep_or_for_ever(rule->keep_ns);
    }
    return keep_or_for_ever(r->keep_ns);
}

static bool is_expired(const struct removal *r, const struct segment_group *g, bole_slice labels)
{
    int64_t newest = g->max_time_ns < g->received_ns ? g->max_time_ns : g->received_ns;
    int64_t keep = retention_keep_ns(r->retention, g->tenant, labels), end;
    return !__builtin_add_overflow(newest, keep, &end) && end < r->now_ns;
}

/* ---- deletes ---- */

bool removal_names_stream(const struct removal *r, bole_slice tenant, bole_slice labels)
{
    return bole_slice_eq(tenant, r->tenant) && store_matches(labels, r->matchers, r->matcher_count);
}

bool removal_names_row(const struct removal *r, int64_t time_ns, uint64_t lsn)
{
    return time_ns >= r->from_ns && time_ns <= r->to_ns && lsn <= r->max_lsn;
}

bool removal_names_line(const struct removal *r, bole_slice line)
{
    bool named = true;
    for (size_t i = 0; named && i < r->predicate_count; i++) {
        const struct store_predicate *p = &r->predicates[i];
        switch (p->kind) {
        case PREDICATE_LINE_CONTAINS: named = memmem(line.ptr, line.len, p->value.ptr, p->value.len) != NULL; break;
        case PREDICATE_LINE_NOT_CONTAINS: named = memmem(line.ptr, line.len, p->value.ptr, p->value.len) == NULL; break;
        case PREDICATE_LINE_MATCHES: named = regex_match(p->regex, line); break;
        case PREDICATE_LINE_NOT_MATCHES: named = !regex_match(p->regex, line); break;
        case PREDICATE_FIELD_EQ:
        case PREDICATE_FIELD_NE: named = false; break; /* refused when the delete was asked for */
        }
    }
    return named;
}

bool removal_may_touch(const struct removal *r, int64_t min_time_ns, int64_t max_time_ns, uint64_t min_lsn)
{
    return r->is_retention || (max_time_ns >= r->from_ns && min_time_ns <= r->to_ns && min_lsn <= r->max_lsn);
}

/* ---- groups ---- */

enum removal_part removal_of_stream(const struct removal *r, const struct segment_group *g, bole_slice labels)
{
    if (r->is_retention)
        return is_expired(r, g, labels) ? REMOVES_ALL : REMOVES_NONE;
    if (!removal_may_touch(r, g->min_time_ns, g->max_time_ns, g->min_lsn) || !removal_names_stream(r, g->tenant, labels))
        return REMOVES_NONE;
    bool whole = g->min_time_ns >= r->from_ns && g->max_time_ns <= r->to_ns && g->max_lsn <= r->max_lsn;
    return whole && r->predicate_count == 0 ? REMOVES_ALL : REMOVES_SOME;
}

enum removal_part removal_of_group(const struct removal *r, const struct segment_directory *d, const struct segment_group *g)
{
    bool any = false, all = true;
    if (!removal_may_touch(r, g->min_time_ns, g->max_time_ns, g->min_lsn) ||
        (!r->is_retention && !bole_slice_eq(g->tenant, r->tenant)))
        return REMOVES_NONE;
    for (uint32_t i = 0; i < g->stream_count && (all || !any); i++) {
        enum removal_part part = removal_of_stream(r, g, d->labels[g->streams[i].id]);
        any = any || part != REMOVES_NONE;
        all = all && part == REMOVES_ALL;
    }
    return !any ? REMOVES_NONE : all ? REMOVES_ALL : REMOVES_SOME;
}
