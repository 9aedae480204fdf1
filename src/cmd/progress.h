/*
 * progress.h - a bar on standard error while long work runs: share, rate, time left. Nothing when that is no terminal.
 *
 * Threads: one.
 */
#ifndef CMD_PROGRESS_H
#define CMD_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    const char *what;
    uint64_t    total_bytes; /* 0: not known */
    uint64_t    begin_ns, shown_ns;
    bool        shows;
};

void progress_begin(struct progress *p, const char *what, uint64_t total_bytes);
void progress_update(struct progress *p, uint64_t done_bytes); /* draws at most ten times a second */
void progress_end(struct progress *p);                         /* takes the bar away */

#endif
