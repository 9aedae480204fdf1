/*
 * unpack.h - the rest of a file that was compressed before it was read to its end.
 *
 * The compressed copy is found by the print of its contents, not by its name, and is unpacked into a file without a name that
 * has the old one's bytes at their old places: the first SOURCE_PRINT_MAX, and all from a little before the position on. The
 * hole between costs nothing.
 *
 * Units:   bytes.
 * Threads: any. Blocks for as long as unpacking takes.
 * Errors:  BOLE_E_NOTFOUND: no copy there; BOLE_E_LIMIT: more than UNPACK_MAX is left to read.
 */
#ifndef AGENT_UNPACK_H
#define AGENT_UNPACK_H

#include "agent/source.h"

#define UNPACK_MAX ((uint64_t)4 << 30)

/* Looks in the directory of `path` for gzip and zstd copies of what was there. */
bole_status unpack_find(const char *path, const struct source_print *print, uint64_t offset, int *ret_fd, struct bole_err *err);

#endif
