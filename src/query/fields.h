/*
 * fields.h - what the rows of a log query have: each label, field and parsed value with how often, how many different, the most
 * frequent ones, and for numbers their distribution. Over all rows, not a sample.
 *
 * Bounded: FIELDS_MAX fields (rows of more are counted, their names are not), FIELD_VALUES_MAX values of each are held. Where a
 * field has more, the rarest are given up from time to time: a count may then be too low by at most `values_error`, and how
 * many different there are is HyperLogLog's estimate (set/hll.h).
 *
 * Owner:   the caller's arena, whose budget is the request's. Threads: one.
 */
#ifndef QUERY_FIELDS_H
#define QUERY_FIELDS_H

#include "query/query.h"
#include "query/set/hll.h"
#include "query/set/tdigest.h"

#define FIELDS_MAX       1000u
#define FIELD_VALUES_MAX 2048u
#define FIELD_VALUE_MAX  256u /* bytes of a value that are kept */

struct field_value {
    bole_slice text;
    uint64_t   hash, rows;
    double     number;
    bool       is_number;
};

struct field_info {
    bole_slice         name;
    enum label_origin  origin;
    uint64_t           rows;         /* that have it */
    struct distinct_count distinct;
    struct field_value *values;      /* [value_count], the most frequent first once query_fields has returned */
    uint32_t           value_count;
    uint64_t           values_error; /* 0: the counts are exact */
    uint64_t           number_count; /* rows whose value is a number, a duration (in s) or a size (in bytes) */
    double             number_sum;
    struct tdigest     numbers;
    struct field_table *table;       /* the executor's */
};

struct query_fields {
    struct arena      *arena;
    bool               parse;    /* lines, as JSON or logfmt, whichever they look like: for queries without a parser */
    const bole_slice  *only;     /* [only_count] names; NULL: all fields */
    size_t             only_count;
    uint64_t           rows;     /* that match */
    struct field_info **fields;  /* [field_count], those of the most rows first */
    size_t             field_count;
    bool               too_many; /* there are more than FIELDS_MAX */
};

/* The first four are the caller's. */
bole_status query_fields(const struct query *q, const struct query_request *request, struct query_fields *f,
                         struct query_stats *stats, struct bole_err *err);

#endif
