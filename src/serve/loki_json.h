/*
 * loki_json.h - the pieces of Loki's JSON: numbers, stamps, label sets, statistics.
 *
 * All of it appends to a buf, whose errors stick: check buf.failed once, at the end. Text is escaped as Go's HTML-safe
 * encoder does (\u003c \u003e \u0026).
 *
 * Source: grafana/loki pkg/util/marshal, pkg/logqlmodel/stats; prometheus/common model (values and times as text).
 */
#ifndef SERVE_LOKI_JSON_H
#define SERVE_LOKI_JSON_H

#include "base/buf.h"
#include "query/query.h"

#define LOKI_JSON_TYPE "application/json; charset=UTF-8"

/* The shortest decimal that reads back as v, without exponent: 0.000002999, 299900000000000000000000, NaN, +Inf, -Inf. */
void loki_put_number(struct buf *b, double v);
/* A point in time as float seconds, cut to milliseconds: 1795210200, 1795210200.5. */
void loki_put_stamp(struct buf *b, int64_t ns);
/* Canonical labels (record/labels.h) as {"name":"value",...}, in their order, which is sorted. */
void loki_put_labels(struct buf *b, bole_slice canonical);
/* The labels of one entry that have one of the origins (bits 1 << ORIGIN_...), sorted as they are. */
void loki_put_row_labels(struct buf *b, const struct row_label *labels, size_t count, unsigned origins);
#define LOKI_ALL_ORIGINS (1u << ORIGIN_STREAM | 1u << ORIGIN_FIELD | 1u << ORIGIN_PARSED)
/* {name="value", ...} as text, quoted as in Go; the labels that have one of the origins. */
void loki_print_labels(struct buf *b, const struct row_label *labels, size_t count, unsigned origins);
/* An entry as it was before /loki: {"ts":"2023-11-14T22:13:20Z","line":"..."}. */
void loki_put_legacy_entry(struct buf *b, int64_t time_ns, bole_slice line);
/* ["ns","line"], and when categorized a third element: {"structuredMetadata":{...},"parsed":{...}} without empty ones. */
void loki_put_entry(struct buf *b, const struct query_entry *entry, bool categorize);
/* The pair of vectors, matrices and scalars: [1795210200,"2"]. */
void loki_put_sample(struct buf *b, int64_t time_ns, double value);

struct loki_stats {
    uint64_t exec_ns, queue_ns;
    uint64_t bytes_scanned, lines_scanned; /* looked at */
    uint64_t lines_passed;                 /* still there behind the filters */
    uint64_t entries_returned;
    uint64_t parts_total, parts_pruned;    /* told as chunks */
};
/* The object behind "stats": everything that Loki's clients may look for is there, zero where it means nothing here. */
void loki_put_stats(struct buf *b, const struct loki_stats *stats);

#endif
