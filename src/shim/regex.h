/*
 * regex.h - regular expressions in linear time and bounded memory: RE2, made to answer as Go's regexp does.
 *
 * What differs from plain RE2: `(?<name>` is taken as `(?P<name>`, `\C` is refused (it would split code points),
 * invalid UTF-8 in the subject counts as U+FFFD, and error texts are Go's. A pattern that is a plain literal never
 * reaches RE2.
 *
 * Owner:   a regex owns everything it needs; the pattern is copied.
 * Threads: compile on one; matching is const and may run on any number. Of a common expression the first search makes the program.
 * Errors:  BOLE_E_INVALID for a bad pattern ("error parsing regexp: missing closing ): `a(b`"), BOLE_E_LIMIT for one
 *          that is too large. Nothing throws.
 */
#ifndef SHIM_REGEX_H
#define SHIM_REGEX_H

#include <stdbool.h>

#include "bole/types.h"

struct budget;
struct regex;

#define REGEX_PATTERN_MAX (16u * 1024)       /* bytes */
#define REGEX_MEMORY_MAX  (2u * 1024 * 1024) /* program and automata of one regex */
#define REGEX_GROUPS_MAX  64u                /* capture groups that are reported */

enum regex_flags {
    REGEX_ANCHORED = 1, /* must match the whole subject, and `.` matches a newline: label matchers */
    REGEX_WHOLE = 2,    /* must match the whole subject, and `.` matches no newline: label filters */
};

#ifdef __cplusplus
extern "C" {
#endif

/* Draws an estimate of its memory from budget (NULL: none) and gives it back when destroyed. */
bole_status regex_compile(bole_slice pattern, unsigned flags, struct budget *budget, struct regex **ret_regex,
                          struct bole_err *err);
void regex_destroy(struct regex *r); /* NULL is fine */

bool regex_match(const struct regex *r, bole_slice subject);

/* The pattern as it was given. */
bole_slice regex_pattern(const struct regex *r);

/* True when the pattern is nothing but this text: a substring search, or an equality when anchored. */
bool regex_is_literal(const struct regex *r, bole_slice *ret_literal);
/* A text that every match contains, for pruning; empty when none is known. A match needs more than containing it. */
bole_slice regex_needle(const struct regex *r);

/* Capture groups, 1 .. count; the name is empty when the group has none. Valid as long as the regex. */
size_t     regex_group_count(const struct regex *r);
bole_slice regex_group_name(const struct regex *r, size_t group);

/* Finds the first match at or after `from` and fills groups 0 .. group_count - 1 (0 is the whole match) with slices of
 * the subject; a group that took no part has a NULL ptr. At most REGEX_GROUPS_MAX + 1 groups are filled. */
bool regex_find(const struct regex *r, bole_slice subject, size_t from, bole_slice *ret_groups, size_t group_count);

/* Shows fn every match from left to right, as Go's FindAll finds them: an empty match right behind the one before it is
 * none, and the search goes on a rune further. groups: as regex_find fills them, group_count >= 1. fn returns false to
 * end. */
typedef bool regex_match_fn(const bole_slice *groups, void *ctx);
void regex_each(const struct regex *r, bole_slice subject, size_t group_count, regex_match_fn *fn, void *ctx);

#ifdef __cplusplus
}
#endif

#endif
