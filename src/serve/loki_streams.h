/*
 * loki_streams.h - entries gathered into streams one by one, for tail frames.
 *
 * Two forms. Categorized: a stream has its stream labels, and each entry carries its metadata and parsed labels as a
 * third element. Merged: all labels of an entry together name the stream, so that entries of one stored stream may come
 * as many. (A query's result comes grouped from the engine; a tail's entries come alone.)
 *
 * Owner:   entries are copied, as the JSON that they will be.
 * Threads: one at a time.
 * Errors:  BOLE_E_LIMIT when the budget is used up; nothing was added then.
 */
#ifndef SERVE_LOKI_STREAMS_H
#define SERVE_LOKI_STREAMS_H

#include "query/query.h"
#include "serve/loki_set.h"

struct loki_streams {
    struct loki_set streams;    /* key: the labels as JSON; data: its entries */
    struct buf      text;       /* scratch */
    bool            categorize;
    size_t          entry_count, size_bytes; /* of what will be written, about */
};

void loki_streams_init(struct loki_streams *s, struct budget *budget, bool categorize);
void loki_streams_deinit(struct loki_streams *s);
void loki_streams_reset(struct loki_streams *s); /* empty again */

bole_status loki_streams_add(struct loki_streams *s, const struct query_entry *entry, struct bole_err *err);

/* [{"stream":{...},"values":[["ns","line"],...]},...]: streams sorted by their labels, entries in the order they came. */
bole_status loki_streams_write(struct loki_streams *s, struct buf *out, struct bole_err *err);

#endif
