/*
 * group_order.h - which rows of a group a scan has to look at, by the order they lie in. For group_scan.c only.
 *
 * By time: the rows from the first to the last that is in the query's range. By stream: the same within each run of a
 * stream that is asked for.
 */
#ifndef STORE_GROUP_ORDER_H
#define STORE_GROUP_ORDER_H

#include "store/scan/group_scan.h"

/* With times opened and stream_map loaded: sets the bits of these rows and no others, and g->from and g->to around them.
 * BOLE_END: no rows. BOLE_E_LIMIT: no room. */
bole_status group_order_select(struct group_scan *g, struct bole_err *err);

/* GROUP_BY_STREAM: index into the group's streams of the rows first .. first + count - 1. */
void group_order_streams(const struct group_scan *g, uint32_t first, uint32_t count, uint32_t *ret_streams);

#endif
