/* filter_line.c - |= != |~ !~ |> !>. An or-chain inherits its operator: `!= "a" or "b"` drops a line that has
 * either. */
#include "query/pipeline.h"
#include "query/stage/ip.h"
#include "query/stage/pattern.h"

static bool needle_found(const struct ast_stage *s, const struct ast_needle *n, bole_slice line)
{
    if (n->is_idle)
        return false;
    if (n->is_ip && !n->is_text)
        return ip_find(n->ip, line);
    if (n->regex)
        return regex_match(n->regex, line);
    if (n->pattern)
        return pattern_matches(n->pattern, line);
    return n->text.len == 0 || (line.len >= n->text.len && memmem(line.ptr, line.len, n->text.ptr, n->text.len));
}

bool filter_line(const struct ast_stage *s, bole_slice line)
{
    bool wanted = s->line_op == LINE_CONTAINS || s->line_op == LINE_MATCHES || s->line_op == LINE_PATTERN;
    for (const struct ast_needle *n = s->needles; n; n = n->next)
        if (needle_found(s, n, line))
            return wanted;
    return !wanted;
}
