/*
 * loki_streams.h - entries gathered into streams, as log answers and tail frames show them.
 *
 * Two forms. Categorized: a stream has its stream labels, and each entry carries its metadata and parsed labels as a
 * third element. Merged: all labels of an entry together name the stream, so that entries of one stored stream may come
 * as many.
 *
 * Owner:   an added entry's bytes are borrowed until the write, unless it is added as a copy.
 * Threads: one at a time.
 * Errors:  BOLE_E_LIMIT when the budget is used up; nothing was added then.
 */
#ifndef SERVE_LOKI_STREAMS_H
#define SERVE_LOKI_STREAMS_H

#include "base/arena.h"
#include "base/buf.h"
#include "record/labels.h"

struct loki_entry {
    int64_t             time_ns;
    bole_slice          line;
    bole_slice          stream;    /* canonical: record/labels.h */
    const struct label *metadata, *parsed; /* in any order; no name is in two of the three sets */
    size_t              metadata_count, parsed_count;
};

struct loki_streams {
    struct arena         arena;
    struct buf           key;        /* scratch */
    bool                 categorize;
    struct loki_stream **table;      /* open addressing by hash of the key; power of two */
    size_t               table_size, stream_count;
    struct loki_stream  *last;       /* where the newest entry went: entries of one stream come in runs */
    struct label        *sorted;     /* scratch */
    size_t               sorted_max;
    size_t               entry_count, size_bytes; /* of the lines and labels added */
};

void loki_streams_init(struct loki_streams *s, struct budget *budget, bool categorize);
void loki_streams_deinit(struct loki_streams *s);
void loki_streams_reset(struct loki_streams *s); /* empty again */

bole_status loki_streams_add(struct loki_streams *s, const struct loki_entry *entry, bool copy, struct bole_err *err);

/* [{"stream":{...},"values":[["ns","line"],...]},...]: streams sorted by their labels, entries in the order they came. */
bole_status loki_streams_write(const struct loki_streams *s, struct buf *out, struct bole_err *err);

/* Labels sorted by name as {"name":"value"}; of a repeated name the first one given counts. `scratch` has room for
 * `count`. */
void loki_put_label_array(struct buf *out, const struct label *labels, size_t count, struct label *scratch);

#endif
