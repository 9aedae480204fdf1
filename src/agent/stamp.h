/*
 * stamp.h - the time of a file's line, and its level.
 *
 * Time, the first that applies:
 *   1. what the line itself says at its beginning (receive/text.h); a stamp without a year is in the year that goes on
 *      from the line before, and not later than the file's time of modification while it is being caught up with;
 *   2. for a line that says nothing (the rest of a stack trace): the time of the line before it that did, when the file
 *      is being caught up with, or when that time is at most STAMP_CARRY_NS ago;
 *   3. when the file is being caught up with: its time of modification, for what else is known of an old line;
 *   4. now.
 *
 * Threads: one at a time for one tail.
 */
#ifndef AGENT_STAMP_H
#define AGENT_STAMP_H

#include "agent/tail.h"
#include "base/arena.h"
#include "base/clock.h"
#include "record/batch.h"

#define STAMP_CARRY_NS (5 * NS_PER_S)

int64_t stamp_time(struct tail *t, bole_slice line, int64_t now_ns);

/* The field detected_level of a line, in the arena; `before` (or NULL) is used again when the level is the same. NULL
 * when there is no memory for it. */
const struct batch_field *stamp_level(bole_slice line, const struct batch_field *before, struct arena *arena);

#endif
