/*
 * csv.h - records of separated values (RFC 4180) as JSON objects, whose names are those of the first record.
 *
 * The separator is the one of , ; tab | that the first line has most of. A quoted cell may hold separators, doubled quotes
 * and line ends; quotes elsewhere are plain text. Empty cells are left out, cells without a name are column_N.
 *
 * Owner:   what is returned is valid until the next call.
 * Threads: one.
 */
#ifndef CMD_CSV_H
#define CMD_CSV_H

#include "base/buf.h"

#define CSV_RECORD_MAX ((size_t)512 * 1024) /* bytes; a quote that nobody closes ends there: as a line it can be stored */

struct csv;

struct csv *csv_create(void); /* NULL: no memory */
void csv_destroy(struct csv *c); /* NULL is fine */

/* Takes a line, without its newline. BOLE_AGAIN: the record goes on in the next one, or it was the one with the names. */
bole_status csv_take(struct csv *c, bole_slice line, bole_slice *ret_json, struct bole_err *err);
/* After the last line: a record whose quote nobody has closed. BOLE_END: there is none. */
bole_status csv_finish(struct csv *c, bole_slice *ret_json, struct bole_err *err);

#endif
