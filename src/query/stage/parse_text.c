/* parse_text.c - `| regexp` and `| pattern`: captures become labels. A line that does not match stays as it is. */
#include "query/pipeline.h"
#include "query/stage/chain.h"
#include "query/stage/pattern.h"

static bool set_capture(bole_slice name, bole_slice value, void *ctx)
{
    return row_set_capture(ctx, name, value);
}

bool regexp_find(const struct ast_stage *s, bole_slice line, bole_slice *ret_groups, size_t group_count)
{
    enum chain_answer answer = s->chain ? chain_find(s->chain, line, ret_groups, group_count) : CHAIN_UNKNOWN;
    return answer == CHAIN_YES || (answer == CHAIN_UNKNOWN && regex_find(s->regex, line, 0, ret_groups, group_count));
}

static void capture(struct row *r, const struct ast_stage *s, bole_slice *groups, size_t count)
{
    if (!regexp_find(s, r->line, groups, count))
        return;
    bool goes_on = true;
    for (size_t g = 1; g < count && goes_on; g++) {
        bole_slice name = regex_group_name(s->regex, g);
        if (name.len)
            goes_on = row_set_capture(r, name, groups[g]); /* a group that took no part sets an empty label */
    }
}

void parse_regexp(struct row *r, const struct ast_stage *s)
{
    size_t count = regex_group_count(s->regex) + 1;
    if (r->hints && r->hints->no_labels)
        return;
    if (count <= REGEXP_GROUPS_FEW) {
        bole_slice groups[REGEXP_GROUPS_FEW];
        capture(r, s, groups, count);
    } else {
        bole_slice groups[REGEX_GROUPS_MAX + 1];
        capture(r, s, groups, count);
    }
}

void parse_pattern(struct row *r, const struct ast_stage *s)
{
    if (!row_needs_no_parser(r))
        pattern_capture(s->pattern, r->line, set_capture, r);
}
