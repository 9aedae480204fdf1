/*
 * mined_lines.h - patterns (miner.h) of the lines of a scan, without building them where the store keeps lines as literals with
 * values between them (store/scan/line_shape.h).
 *
 * Lines of one shape are alike for the miner wherever a value is a word, or part of one, that stands for many others: its place
 * becomes a hole. What else stands in slots (blanks, punctuation, one of a few words) is asked for, once per combination.
 *
 * Every line is counted once. Beside miner_add only this differs: a part that varies in a store's column is a variable, also where
 * the lines that were asked for agree.
 *
 * Threads: one.
 */
#ifndef QUERY_MINED_LINES_H
#define QUERY_MINED_LINES_H

#include "query/miner.h"
#include "store/store.h"

enum { MINED_RECENT_COUNT = 4096, MINED_LEVELS_MAX = 32 };

struct mined_lines {
    struct miner       *miner;
    struct line_reader  reader;
    struct arena        scratch;  /* reset by each question of the reader */
    bole_slice          levels[MINED_LEVELS_MAX]; /* [level_count] in the miner's arena */
    uint32_t            level_count;
    struct mined_recent *recent;  /* [MINED_RECENT_COUNT] patterns by where the store has their lines */
};

/* miner: lives longer. False: no memory; deinit all the same. */
bool mined_lines_init(struct mined_lines *l, struct miner *miner, struct budget *budget);
void mined_lines_deinit(struct mined_lines *l);

/* For the query of the next scan; with it lines must be projected. */
const struct line_reader *mined_lines_reader(struct mined_lines *l);

/* Counts the line of a row. NULL: no memory. */
struct miner_pattern *mined_lines_add(struct mined_lines *l, struct vector *v, uint32_t row, bole_slice level, uint32_t step);

/* The line of a row; ptr NULL: it was not built. */
static inline bole_slice mined_line(struct vector *v, uint32_t row)
{
    bool is_built = !v->values || v->whole[row / 64] >> row % 64 & 1;
    return is_built ? column_get(&v->line, row) : (bole_slice){0};
}

#endif
