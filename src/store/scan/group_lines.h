/* group_lines.h - values of lines for a caller's line_reader (line_shape.h). For group_scan.c only. */
#ifndef STORE_GROUP_LINES_H
#define STORE_GROUP_LINES_H

#include "store/scan/group_scan.h"

struct group_lines;

/* Asks the reader about the templates of the rows that are selected. In the group's arena. */
bole_status group_lines_open(struct group_scan *g, struct group_lines **ret_lines, struct bole_err *err);

/* Bit per row of the group: selected, and comes as a line. */
const uint64_t *group_lines_whole(const struct group_lines *l);

/* The values of the vector at hand, for the selected rows that do not come whole. */
bole_status group_lines_fill(struct group_scan *g, struct group_lines *l, struct vector *v, struct bole_err *err);

#endif
