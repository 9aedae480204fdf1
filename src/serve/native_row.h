/*
 * native_row.h - a row as Bole's own API shows it, and its id: what a permalink, a cursor and a context are made of.
 *
 * An id is the row's place in the order of everything, (time, seq), as text: "<time in ns>-<seq, 16 hex digits>". It stays
 * the same for ever: through cuts, merges and backups.
 *
 * Source: none; docs/api.md describes it.
 */
#ifndef SERVE_NATIVE_ROW_H
#define SERVE_NATIVE_ROW_H

#include "base/buf.h"
#include "query/query.h"

enum native_row_parts {
    NATIVE_ROW_TYPE = 1,   /* "type":"row" in front */
    NATIVE_ROW_PARSED = 2, /* "parsed":["..."] behind: which of the fields parsers found; absent where none was */
};
/* {"id":"...","time":"...","labels":{...},"line":"...","fields":{...}}, without a newline. */
void native_put_row(struct buf *b, const struct query_entry *entry, unsigned parts);

/* "..." with its quotes. */
void native_put_id(struct buf *b, struct query_place place);
void native_put_time(struct buf *b, int64_t ns);

/* BOLE_E_INVALID: it is no id. */
bole_status native_parse_id(bole_slice text, struct query_place *ret_place, struct bole_err *err);

int native_compare_places(struct query_place a, struct query_place b);

/* The entries of a result in the asked direction, across its streams; free() it. NULL: no memory. */
const struct query_entry **native_sort(const struct query_result *r, enum store_direction direction, size_t *ret_count);

#endif
