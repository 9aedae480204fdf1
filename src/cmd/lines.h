/*
 * lines.h - the lines of a file or of standard input, plain, gzip, xz or zstd by their first bytes.
 *
 * Owner:   a line is valid until the next call.
 * Threads: one at a time.
 */
#ifndef CMD_LINES_H
#define CMD_LINES_H

#include <sys/stat.h>

#include "base/buf.h"

struct lines;

/* "-" is standard input. */
bole_status lines_open(const char *path, struct lines **ret_lines, struct bole_err *err);
void lines_close(struct lines *l); /* NULL is fine */

enum { LINES_WAIT_MS = 200 };

/* BOLE_END after the last line; it counts with or without its newline. A line over RECORD_LINE_MAX is cut there.
 * BOLE_AGAIN: a pipe or terminal brought no whole line for LINES_WAIT_MS, or a signal came. BOLE_E_CORRUPT, after the
 * whole lines before it: the packed data is broken or ends too early. */
bole_status lines_next(struct lines *l, bole_slice *ret_line, struct bole_err *err);

/* Bytes as they are, up to *left of them, which becomes less; out NULL: they are stepped over. Results as of lines_next; BOLE_AGAIN
 * also when there are more to come. */
bole_status lines_bytes(struct lines *l, uint64_t *left, struct buf *out, struct bole_err *err);

const struct stat *lines_stat(const struct lines *l); /* when it was opened */
uint64_t lines_size(const struct lines *l);     /* of the file as it lies there; 0: not known (a pipe, a terminal) */
int64_t lines_modified_ns(const struct lines *l); /* UTC; 0: not known */
uint64_t lines_consumed(const struct lines *l); /* of those bytes */
uint64_t lines_cut(const struct lines *l);      /* lines that were too long */

#endif
