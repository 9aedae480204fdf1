/*
 * table.h - rows with columns as aligned text: numbers to the right, texts to the left. Or as CSV.
 *
 * The widths are those of the first TABLE_ROWS_HELD rows, which wait until they are known; a longer value further down
 * only moves what stands behind it.
 *
 * Threads: one.
 */
#ifndef CMD_TABLE_H
#define CMD_TABLE_H

#include "base/arena.h"
#include "base/buf.h"
#include "shim/json_doc.h"

enum print_format { PRINT_TEXT, PRINT_JSON, PRINT_CSV, PRINT_RAW };

enum { TABLE_ROWS_HELD = 1000 };

struct table_column {
    const char *name;
    size_t     width;     /* in code points */
    bool       has_texts; /* not only numbers */
};

struct table {
    struct arena         arena; /* columns, rows that wait */
    struct arena         row;   /* the one behind them */
    struct table_column *columns;
    size_t               column_count;
    bole_slice         **rows; /* [row_count][column_count]; ptr NULL: no value */
    size_t               row_count;
    bool                 is_begun; /* the header is printed */
    bool                 for_terminal; /* control characters are shown as \x1b */
    bool                 csv;      /* not aligned but quoted; nothing waits */
};

/* columns: a JSON array of names. False: no memory. */
bool table_init(struct table *t, struct json_value columns, enum print_format format, bool for_terminal);
void table_deinit(struct table *t); /* zeroed is fine */

/* fields: a JSON object of texts. False: no memory. */
bool table_add(struct table *t, struct json_value fields, struct buf *out);
void table_end(struct table *t, struct buf *out);

#endif
