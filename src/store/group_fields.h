/* group_fields.h - the field columns of a row group that is being scanned. For group_scan.c only. */
#ifndef STORE_GROUP_FIELDS_H
#define STORE_GROUP_FIELDS_H

#include "store/group_scan.h"

/* In the group's arena; NULL: no room. */
struct field_state *group_fields_create(struct group_scan *g);

/* Applies the predicate with this index in the query. BOLE_END: the column is damaged. */
bole_status group_fields_predicate(struct group_scan *g, const struct store_predicate *p, size_t index, struct bole_err *err);

/* Makes the columns of the current vector, so that the callbacks below cannot fail. A damaged one reads as absent. */
bole_status group_fields_load_all(struct group_scan *g, struct bole_err *err);

/* vector.fields and vector.field */
size_t group_fields_of_row(struct vector *v, uint32_t row, const struct batch_field **ret_fields);
struct column group_fields_column(struct vector *v, bole_slice key);

#endif
