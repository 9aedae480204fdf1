/*
 * chain.h - the searches of `| regexp` that need no automaton: patterns that are a chain of runs, each of bytes of one set,
 * such as `^(?P<ip>\S+) .*"(?P<method>[A-Z]+) (?P<path>\S+)`. Trying one run after the other, longest (or, if lazy, shortest)
 * first, is what leftmost-first means; it finds groups many times faster than RE2, which must follow all ways at once.
 *
 * Only ASCII lines are searched, in time linear in their length: what takes longer is left to RE2, too.
 *
 * Owner:   the arena.
 * Threads: compile on one; chain_find is const and may run on any number.
 */
#ifndef QUERY_CHAIN_H
#define QUERY_CHAIN_H

#include "base/arena.h"
#include "base/slice.h"

struct chain;

enum chain_answer { CHAIN_NO, CHAIN_YES, CHAIN_UNKNOWN };

/* pattern: one that regex_compile has taken without flags. NULL: it is no chain, or there is no room. */
struct chain *chain_compile(bole_slice pattern, struct arena *arena);

/* The first match, as regex_find(.., 0, ..) finds it. group_count: at most one more than the pattern has groups. The groups
 * are written on CHAIN_YES only. CHAIN_UNKNOWN: ask regex_find. */
enum chain_answer chain_find(const struct chain *c, bole_slice line, bole_slice *ret_groups, size_t group_count);

#endif
