/* parse_text.c - `| regexp` and `| pattern`: captures become labels. A line that does not match stays as it is. */
#include "query/chain.h"
#include "query/pattern.h"
#include "query/pipeline.h"

static void set_capture(bole_slice name, bole_slice value, void *ctx)
{
    struct row *r = ctx;
    name = row_parsed_name(r, name);
    if (row_wants(r, name))
        row_set(r, ORIGIN_PARSED, name, value);
}

static void capture(struct row *r, const struct ast_stage *s, bole_slice *groups, size_t count)
{
    enum chain_answer answer = s->chain ? chain_find(s->chain, r->line, groups, count) : CHAIN_UNKNOWN;
    if (answer == CHAIN_NO || (answer == CHAIN_UNKNOWN && !regex_find(s->regex, r->line, 0, groups, count)))
        return;
    for (size_t g = 1; g < count; g++) {
        bole_slice name = regex_group_name(s->regex, g);
        if (name.len)
            set_capture(name, groups[g], r); /* a group that took no part sets an empty label */
    }
}

void parse_regexp(struct row *r, const struct ast_stage *s)
{
    enum { FEW = 8 }; /* room for all that there may be costs as much as a search */
    size_t count = regex_group_count(s->regex) + 1;
    if (r->hints && r->hints->no_labels)
        return;
    if (count <= FEW) {
        bole_slice groups[FEW];
        capture(r, s, groups, count);
    } else {
        bole_slice groups[REGEX_GROUPS_MAX + 1];
        capture(r, s, groups, count);
    }
}

void parse_pattern(struct row *r, const struct ast_stage *s)
{
    if (!(r->hints && r->hints->no_labels))
        pattern_capture(s->pattern, r->line, set_capture, r);
}
