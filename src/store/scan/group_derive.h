/*
 * group_derive.h - values that a caller's line_reader derives from what stands in some slots (line_shape.h), worked out once per
 * shape and combination of distinct values. For group_lines.c only.
 */
#ifndef STORE_GROUP_DERIVE_H
#define STORE_GROUP_DERIVE_H

#include "store/scan/group_scan.h"

struct group_derive;

/* In the group's arena. templates [row_count]: of each row. NULL: no room. */
struct group_derive *group_derive_open(struct group_scan *g, const uint16_t *templates);

/* The values of the vector at hand, for its selected rows, and where each row has them; sets the bit in `whole`, of the group's
 * rows, of those that come as a line. */
bole_status group_derive_fill(struct group_derive *d, struct vector *v, uint64_t *whole, struct bole_err *err);

#endif
