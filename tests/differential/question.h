/*
 * question.h - a random question to a store, with needles drawn from the rows themselves: from inside tokens and
 * numbers, across borders, slightly wrong; and what a plain look at every row answers.
 *
 * Owner: the question; its slices live in its arena.
 */
#ifndef DIFFERENTIAL_QUESTION_H
#define DIFFERENTIAL_QUESTION_H

#include "shim/regex.h"
#include "world.h"

enum { QUESTION_MATCHERS = 3, QUESTION_PREDICATES = 3 };

struct question {
    struct arena arena;
    struct store_query query;
    struct store_matcher matchers[QUESTION_MATCHERS];
    struct store_predicate predicates[QUESTION_PREDICATES];
    struct regex *regexes[QUESTION_MATCHERS + QUESTION_PREDICATES];
    size_t regex_count;
};

void question_init(struct question *q, struct world *w);
void question_deinit(struct question *q);

/* A text that stands in some line, mostly, or nearly does. */
bole_slice question_needle(struct world *w, struct arena *arena);
/* Text that RE2 takes, most of the time: around a needle, around several, or without any literal at all. */
bole_slice question_pattern(struct world *w, struct arena *arena);

bool question_predicate_holds(const struct store_predicate *p, const struct world_row *row);
bool question_holds(const struct store_query *q, const struct world_row *row);

/* What the store left to its caller. */
bool question_rest_holds(const struct question *q, const struct world_row *row);

void question_print(const struct question *q, const struct world *w);

#endif
