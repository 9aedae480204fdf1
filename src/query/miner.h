/*
 * miner.h - patterns out of lines: "user <_> logged in from <_>", each with how often it came, per step of time.
 *
 * A line is cut into words at blanks and at punctuation that structures logs; lines with the same punctuation and mostly the
 * same words are one pattern, and where they differ stands <_>. Words with a digit are expected to differ and decide nothing;
 * they stay in the pattern as long as all lines agree. What a pattern prints is understood by LogQL's `|>`.
 *
 * Bounded: MINER_PATTERNS_MAX patterns; lines that fit none of them after that are counted as "<_>".
 *
 * After: He, Zhu, Zheng, Lyu: "Drain: an online log parsing approach with fixed depth tree" (ICWS 2017), without its tree: the
 * punctuation is key enough.
 *
 * Owner:   lines are borrowed for the call, everything else is in the miner. Threads: one.
 */
#ifndef QUERY_MINER_H
#define QUERY_MINER_H

#include "base/arena.h"
#include "base/buf.h"

#define MINER_PATTERNS_MAX 2000u
#define MINER_EXAMPLE_MAX 4096u
#define MINER_WORDS_MAX    96u   /* of one line; what is behind them is one more */
#define MINER_WORD_MAX     64u   /* bytes; a longer word is a variable */

struct miner_pattern {
    bole_slice level;
    uint64_t   total;
    uint32_t  *counts; /* [step_count]; a full one stays full */
    bole_slice text;   /* set by miner_ranked */
    bole_slice example; /* with keeps_examples: the first line, at most MINER_EXAMPLE_MAX bytes of it; ptr NULL: not known */
    struct miner_cluster *cluster;
};

struct miner {
    struct arena arena;
    uint32_t     step_count;
    bool         keeps_examples; /* the caller's, behind miner_init */
    struct miner_pattern **patterns; /* [pattern_count] */
    size_t       pattern_count;
    struct miner_cluster **buckets;  /* by punctuation and level */
    struct miner_memo     *memo;     /* shapes that were seen, and their patterns */
    struct miner_line     *line;     /* of the line at hand */
};

bool miner_init(struct miner *m, struct budget *budget, uint32_t step_count); /* false: no memory; deinit all the same */
void miner_deinit(struct miner *m);

/* False: no memory. step < step_count. */
bool miner_add(struct miner *m, bole_slice line, bole_slice level, uint32_t step);

/* The two halves of miner_add, for lines of which many are alike. A line with holes stands for those that differ there:
 * in each hole, at an offset of holes [hole_count], ascending, it has a digit. It is nobody's example. NULL: no memory. */
struct miner_pattern *miner_find(struct miner *m, bole_slice line, const uint32_t *holes, size_t hole_count, bole_slice level);
static inline void miner_count(struct miner_pattern *p, uint32_t step)
{
    p->total++;
    p->counts[step] += p->counts[step] < UINT32_MAX;
}

/* Not for a pattern that has one. False: no memory. */
bool miner_set_example(struct miner *m, struct miner_pattern *p, bole_slice line);

/* Those with the most lines first; patterns of one text and level are one. Ends the mining. NULL: no memory. */
struct miner_pattern **miner_ranked(struct miner *m, size_t *ret_count);

#endif
