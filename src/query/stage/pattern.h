/*
 * pattern.h - `<ip> - <_> "<method> <path>"`: literals and captures, for `| pattern` and for the line filters |> and
 * !>.
 *
 * Threads: a compiled pattern is read-only.
 */
#ifndef QUERY_PATTERN_H
#define QUERY_PATTERN_H

#include "base/arena.h"

struct pattern_piece {
    bool       is_capture;
    bole_slice text; /* the literal, or the capture's name; "_" captures nothing */
};

struct pattern {
    struct pattern_piece *pieces;
    size_t                count;
    size_t                named_count;
};

/* Two captures side by side are refused: nothing tells where one ends. A filter must have no named capture, a parser
 * at least one. */
bole_status pattern_compile(bole_slice text, bool is_filter, struct arena *arena, struct pattern **ret_pattern,
                            struct bole_err *err);

/* |>: the pattern describes the whole line. */
bool pattern_matches(const struct pattern *p, bole_slice line);

/* Named captures in order: fn is called for those that were reached before the text ran out; false from it ends this. */
void pattern_capture(const struct pattern *p, bole_slice line, bool (*fn)(bole_slice name, bole_slice value, void *ctx),
                     void *ctx);

#endif
