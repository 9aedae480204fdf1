/*
 * line_taker.h - lines become records of the batch: with the labels and fields of their input, their time and their level.
 *
 * Threads: one at a time.
 */
#ifndef AGENT_LINE_TAKER_H
#define AGENT_LINE_TAKER_H

#include "agent/gather.h"
#include "agent/tail.h"

struct line_taker {
    struct gather *gather;
    bole_slice     labels[CONTAINER_STREAMS];
    int64_t        now_ns;           /* UTC */
    struct batch_field *texts;       /* of every line: the fields of the file */
    const struct batch_field *level; /* of the line before, */
    struct batch_field *fields;      /* and all its fields */
};

/* For one turn of the tail. False: no memory. */
bool line_taker_begin(struct line_taker *taker, struct gather *g, const struct tail *t, int64_t now_ns);
/* The `take` of a turn whose ctx is the taker. */
bool line_taker_take(struct tail *t, const struct tail_line *line, void *ctx);

#endif
