/* group_fields.h - the field columns of a row group that is being scanned. For group_scan.c only. */
#ifndef STORE_GROUP_FIELDS_H
#define STORE_GROUP_FIELDS_H

#include "store/scan/group_scan.h"

/* In the group's arena; NULL: no room. */
struct field_state *group_fields_create(struct group_scan *g);

/* False: no row has any of these; only NULL: any at all. */
bool group_fields_exist(const struct segment_group *group, const struct store_fields *only);

/* Clears the bits of the rows that fail the predicate. BOLE_END: the column is damaged. */
bole_status group_fields_select(struct group_scan *g, const struct store_predicate *p, struct bole_err *err);

/* For counting: a field as numbers: 0 absent, else an index into *ret_values ([ret_count]). Without any value *ret_field is
 * NULL and *ret_count 1. BOLE_E_UNSUPPORTED: it is no dictionary. BOLE_END: damaged. */
bole_status group_fields_dict(struct group_scan *g, bole_slice key, const struct field_state **ret_field,
                              const bole_slice **ret_values, uint32_t *ret_count, struct bole_err *err);
void group_fields_ids(const struct field_state *f, uint32_t first_row, uint32_t count, uint32_t *ret_ids);

/* Every distinct value of every field, at least once. BOLE_END: a column is damaged. */
bole_status group_fields_pieces(struct group_scan *g, text_piece_fn *fn, void *ctx, struct bole_err *err);

/* Makes the columns of the current vector, so that the callbacks below cannot fail. A damaged one reads as absent. */
bole_status group_fields_load_all(struct group_scan *g, struct bole_err *err);

/* vector.fields and vector.field */
size_t group_fields_of_row(struct vector *v, uint32_t row, const struct batch_field **ret_fields);
struct column group_fields_column(struct vector *v, bole_slice key);

#endif
