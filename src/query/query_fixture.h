/*
 * query_fixture.h - for tests: rows put into the mem store, a query, the answer as text.
 *
 * Answers are printed one series or stream per line: `{a="b"} 60:1 120:2` for a matrix, `{a="b"} 1` for a vector,
 * `{a="b"} 10:"line" 11:"line"` for streams, with times in seconds. With an addition of Bole's it is one row per line, in
 * order: `10:"line"{s:a="b"}`, and of a table only the line.
 */
#ifndef QUERY_QUERY_FIXTURE_H
#define QUERY_QUERY_FIXTURE_H

#include "base/err.h"
#include "base/test.h"
#include "query/query.h"

struct test_row {
    double      seconds;
    const char *labels; /* {a="b"} */
    const char *fields; /* {k="v"}; NULL: none */
    const char *line;
};

struct fixture {
    struct store *store;
    struct budget budget;
    uint64_t      lsn;
};
void open_fixture(struct fixture *f);
void close_fixture(struct fixture *f); /* every query must have given back what it took */
void insert(struct fixture *f, const struct test_row *rows, size_t count);
struct batch *make_batch(const struct test_row *rows, size_t count);

/* {a="b"}; with_origin: {s:a="b"}, s: of the stream, m: a field, p: parsed. */
void print_row_labels(struct buf *b, const struct row_label *labels, size_t count, bool with_origin);
/* Runs a query and prints its answer, or "!" and the error. The caller frees. */
struct buf answer(struct fixture *f, const char *text, struct query_request request);
void expect(struct fixture *f, const char *query, struct query_request request, const char *wanted);

/* A case overrides what its macro has set. */
#pragma GCC diagnostic ignored "-Woverride-init"

#define SEC 1000000000ll
#define LOGS(...)                                                                               \
    (struct query_request){.start_ns = 0, .end_ns = 1000 * SEC, .limit = 100, .direction = FORWARD, __VA_ARGS__}
#define AT(s) (struct query_request){.start_ns = (s) * SEC, .end_ns = (s) * SEC}
#define RANGE(from, to, step)                                                                   \
    (struct query_request){.start_ns = (from) * SEC, .end_ns = (to) * SEC, .step_ns = (step) * SEC}

#endif
