/*
 * simple_regex.h - what Loki makes of regular expressions that are texts, `.*`, `.+` and `|` and no more.
 *
 * It takes them apart into searches for texts, and this shows: `level=~"in.*"` holds wherever the label has "in", though label
 * filters are anchored else, and an alternative that lets all pass counts for nothing where there are others, so that
 * `|~ "x|"` looks for x.
 *
 * Which expressions these are depends on how Go's regexp/syntax reads them: alternatives that begin with the same text are
 * joined there, and those of one character each become a class.
 */
#ifndef QUERY_SIMPLE_REGEX_H
#define QUERY_SIMPLE_REGEX_H

#include "base/arena.h"

struct simple_regex {
    bool       passes_all; /* any text */
    bole_slice pattern;    /* to be searched for anywhere, in its stead; ptr NULL: the expression means what it says */
};

/* Of an expression that compiles; is_label: of a label filter, else of a line filter. The pattern is in the arena. False: there
 * was no room. */
bool simple_regex_find(bole_slice text, bool is_label, struct arena *arena, struct simple_regex *ret);

#endif
