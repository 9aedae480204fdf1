/*
 * dating.h - the times of a file's lines, one after another: where stamps have no year (RFC 3164), it is worked out
 * from the file's time of modification and the order of its lines.
 *
 * Threads: one.
 */
#ifndef CMD_DATING_H
#define CMD_DATING_H

#include <stdbool.h>

#include "cmd/lines.h"

struct dating {
    int64_t latest_ns;          /* no line is later than a day behind it */
    int64_t first_ns;           /* the same for the first line alone */
    int64_t previous_ns;        /* time of the last line that said one; 0: none yet */
    int64_t jump_from_ns, jump_to_ns; /* the last time that a week or more passed between two lines; 0: never */
};

/* For lines that will be read from `lines`, which was opened on path. A file whose stamps have no year is read once
 * from end to end, to count the years that it spans; not standard input. Ends early when cmd_stopped is set. */
struct dating dating_begin(const char *path, const struct lines *lines);

/* What the line says, or what the last one that said something did. False: none has yet. */
bool dating_time(struct dating *d, bole_slice line, int64_t *ret_ns);

#endif
