/*
 * produce.h - lines as applications write them, made up: the same seed, format and time give the same lines.
 *
 * Threads: one at a time.
 */
#ifndef CMD_PRODUCE_H
#define CMD_PRODUCE_H

#include "base/buf.h"
#include "base/random.h"

struct produce_format {
    const char *name; /* "access" */
    const char *app;  /* label of what is pushed */
    /* Appends one record; of several lines where the format has such, each with its end. */
    void (*put)(struct random *random, int64_t time_ns, struct buf *out);
};

extern const struct produce_format produce_formats[];
extern const size_t produce_format_count;

#endif
