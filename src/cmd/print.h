/*
 * print.h - records on a terminal or into a pipe: text with colours, JSON, CSV, or the bare lines.
 *
 * Threads: one.
 */
#ifndef CMD_PRINT_H
#define CMD_PRINT_H

#include "base/buf.h"
#include "cmd/cmd.h"
#include "cmd/table.h"
#include "shim/json_doc.h"

/* For argp children: QUERY, --output, and the connection; its input is a struct query_argument. */
enum { PRINT_NAMES_MAX = 64 };
struct print_choice {
    enum print_format format;
    bool              no_labels;  /* text: neither labels nor fields */
    bool              local_time; /* text: of the machine's zone, else UTC */
    const char       *included[PRINT_NAMES_MAX], *excluded[PRINT_NAMES_MAX]; /* text, JSON, CSV: names; none included: all are */
    size_t            included_count, excluded_count;
};
struct query_argument {
    struct connection_options connection;
    const char         *text;
    struct print_choice print;
};
extern const struct argp query_argp;

/* One record. Labels and fields are JSON objects of strings; either may be missing (doc NULL). */
struct print_record {
    int64_t           time_ns;
    bole_slice        line;
    struct json_value labels, fields;
};

/* Appends it to out in that format; with colours only for PRINT_TEXT on a terminal. Control characters other than tab
 * are shown as \x1b on a terminal: a log line must not drive it. */
void print_record(const struct print_record *r, const struct print_choice *choice, bool colours, struct buf *out);

/* One point of a metric. In JSON the value is a number where JSON has one; "NaN" and the infinities are strings. */
struct print_point {
    int64_t           time_ns;
    struct json_value labels; /* or doc NULL */
    bole_slice        value;
};
void print_point(const struct print_point *p, enum print_format format, struct buf *out);

/* RFC 4180: quoted, quotes doubled. */
void print_csv_value(struct buf *out, bole_slice s);
/* Control characters as \x1b. */
void print_safe(struct buf *out, bole_slice s);

/* Writes and empties out. BOLE_END: nobody reads any more (a closed pipe), stop quietly. BOLE_E_CANCELLED:
 * cmd_stopped. */
bole_status print_flush(struct buf *out, struct bole_err *err);

/* Records on their way to standard output, and what is known about them. */
struct printer {
    const struct print_choice *choice;
    bool              colours;
    /* What is neither row nor warning, when the answer has types (docs/api.md). NULL: passed over. */
    void (*on_event)(bole_slice type, struct json_value event, void *ctx);
    void             *on_event_ctx;
    struct json_doc  *doc;       /* of the last row; free to use between rows */
    struct buf        pending;   /* a row that has not come whole; reset it before another answer is read */
    struct buf        out;       /* not yet written */
    uint64_t          count;     /* records so far */
    int64_t           newest_ns; /* of them; INT64_MIN: none */
    char              last_id[64]; /* of rows taken: the one committed last; empty: none */
    bool              wants_header; /* CSV: a line with the names first; the caller's */
    struct table      table;     /* that the rows are of; zeroed: they are records */
    bool              broken;    /* standard output takes no more */
};

void printer_init(struct printer *p, const struct print_choice *choice); /* which outlives the printer */
void printer_deinit(struct printer *p);
void printer_put(struct printer *p, const struct print_record *r);
bole_status printer_flush(struct printer *p, struct bole_err *err); /* as print_flush */
bole_status printer_finish(struct printer *p, struct bole_err *err); /* flushes, also a table whose rows wait */
/* A bole_client_bytes_fn for the NDJSON of /api/v1/query; ctx is the printer. Warnings go to standard error. The last
 * rows wait for a flush. */
bole_status printer_take_rows(bole_slice bytes, void *ctx, struct bole_err *err);

#endif
