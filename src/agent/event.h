/*
 * event.h - from the lines of a file to its records, where a record is more than a line: lines of a container's runtime are
 * taken out of their wrapping and put together, and the lines of a stack trace become one record.
 *
 * A record that may go on stays in the file: the offset of the tail is in front of it until it is known to be whole, nothing was
 * added to it for the rule's time, or it is over a limit. So what a crash leaves unfinished is read again. Where stdout and
 * stderr are mixed in one file one of them may be ahead of the offset; how far is part of the mark.
 *
 * Threads: as of the tail.
 */
#ifndef AGENT_EVENT_H
#define AGENT_EVENT_H

#include "agent/tail.h"

#define EVENT_PARTIAL_NS (5000 * (uint64_t)NS_PER_MS) /* the rest of a container's line does not come: taken without it */

/* Does the tail need it? Else lines are records: tail.c. */
static inline bool event_is_wanted(const struct tail *t)
{
    return t->multiline || t->labels->is_container;
}

/* When the oldest record that waits is due (mono_ns); one does when t->event_bytes is not 0. */
uint64_t event_due_ns(const struct tail *t);

/* What a line is without its wrapping; ptr of the text NULL: no memory. */
struct tail_line event_unwrap(const struct tail *t, bole_slice line, struct arena *arena);

/* Hands out the records of `data`, what stands in the file from the tail's offset on, as far as they are whole; `full`: there is
 * more in the file than fits. Returns how many bytes are done with; turn->used: of `data` that lines point into; turn->more: not
 * all was taken. */
size_t event_take(struct tail *t, struct tail_turn *turn, bole_slice data, bool full);

#endif
