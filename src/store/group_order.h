/*
 * group_order.h - which rows of a group a scan has to look at, by the order they lie in. For group_scan.c only.
 *
 * By time: the rows from the first to the last that is in the query's range. By stream: the same within each run of a
 * stream that is asked for; runs that lie close to each other are one range, so that a scan of everything does not fall
 * into thousands of small vectors. What lies between is then deselected row by row.
 */
#ifndef STORE_GROUP_ORDER_H
#define STORE_GROUP_ORDER_H

#include "store/group_scan.h"

/* With times and stream_map loaded: fills g->ranges. BOLE_END: no rows. BOLE_E_LIMIT: no room. */
bole_status group_order_open(struct group_scan *g, struct bole_err *err);

/* True when the times are sorted as the order promises, and reach exactly as far as the directory says. */
bool group_order_times_valid(const struct group_scan *g, const int64_t *times);

/* Goes to the next range of rows; false: there is none. */
bool group_order_next(struct group_scan *g);

/* GROUP_BY_STREAM: index into the group's streams of each row of the vector. */
void group_order_streams(const struct group_scan *g, uint32_t row_count, uint32_t *ret_streams);

#endif
