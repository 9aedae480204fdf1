/*
 * inspect.h - the anatomy of one segment file as tables for people: row groups, what each kind of column costs, and on demand
 * the columns and templates that lines were split into. For `bole inspect`.
 *
 * Threads: one.
 */
#ifndef STORE_INSPECT_H
#define STORE_INSPECT_H

#include "base/buf.h"
#include "objects/objects.h"

struct inspect_options {
    bool     columns;   /* list the columns of the lines, too */
    bool     templates; /* and the most frequent templates */
    int64_t  group;     /* only this one; -1: all */
};

/* Appends to out. Checks what it reads: BOLE_E_CORRUPT names the place. BOLE_E_INVALID: there is no such group. */
bole_status store_inspect(struct objects *objects, bole_slice key, const struct inspect_options *options, struct buf *out,
                          struct bole_err *err);

#endif
