/*
 * head_scan.h - vectors of one batch of the head: times and lines are the batch's own memory.
 *
 * Threads: the scan's.
 */
#ifndef STORE_HEAD_SCAN_H
#define STORE_HEAD_SCAN_H

#include "store/scan/head_removal.h"
#include "store/scan/scan_context.h"

struct head_scan {
    struct scan_context *ctx;
    struct scan *scan;
    const struct head_entry *entry; /* NULL: nothing open */
    uint32_t *stream_map;           /* of the batch's streams; in part_arena */
    struct head_removal removal;
    struct arena part_arena;
    uint32_t first_row;             /* of the current vector */
    uint32_t left;                  /* rows not visited yet */
};

/* BOLE_END when no stream of the batch is asked for. */
bole_status head_scan_open(struct head_scan *h, const struct head_entry *entry, struct bole_err *err);
/* BOLE_OK: the context's vector has selected rows. BOLE_END: the batch is done. */
bole_status head_scan_next(struct head_scan *h, struct bole_err *err);

#endif
