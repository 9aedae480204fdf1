/*
 * print.h - records on a terminal or into a pipe: text with colours, JSON, CSV, or the bare lines.
 *
 * Threads: one.
 */
#ifndef CMD_PRINT_H
#define CMD_PRINT_H

#include "base/buf.h"
#include "cmd/cmd.h"
#include "shim/json_doc.h"

enum print_format { PRINT_TEXT, PRINT_JSON, PRINT_CSV, PRINT_RAW };

/* For argp parsers: an unknown name is a usage error. */
enum print_format print_format_parse(struct argp_state *state, const char *text);

/* One record. Labels and fields are JSON objects of strings; either may be missing (doc NULL). */
struct print_record {
    int64_t           time_ns;
    bole_slice        line;
    struct json_value labels, fields;
};

/* Appends it to out in that format; with colours only for PRINT_TEXT on a terminal. Control characters other than tab are
 * shown as \x1b on a terminal: a log line must not drive it. */
void print_record(const struct print_record *r, enum print_format format, bool colours, struct buf *out);

/* Writes and empties out. BOLE_END: nobody reads any more (a closed pipe), stop quietly. */
bole_status print_flush(struct buf *out, struct bole_err *err);

#endif
