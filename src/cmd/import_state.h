/*
 * import_state.h - how far the files of an import have come, in a file of its own, so that the same command goes on where it
 * was stopped.
 *
 * A line for each file: records that are durable, device, inode, size when that was written, path. A file whose device or
 * inode differs, or that has become shorter, is another one and begins anew.
 *
 * Owner:   the state copies what it is given.
 * Threads: one.
 */
#ifndef CMD_IMPORT_STATE_H
#define CMD_IMPORT_STATE_H

#include <sys/stat.h>

#include "bole/types.h"

struct import_state;

/* A file that is not there is an empty one. BOLE_E_INVALID: it holds something else, and is left alone. */
bole_status import_state_open(const char *path, struct import_state **ret_state, struct bole_err *err);
void import_state_close(struct import_state *s); /* NULL is fine */

/* file: an absolute path without line ends. */
uint64_t import_state_get(const struct import_state *s, const char *file, const struct stat *info);
/* On disk when it returns. */
bole_status import_state_set(struct import_state *s, const char *file, const struct stat *info, uint64_t records,
                             struct bole_err *err);

#endif
