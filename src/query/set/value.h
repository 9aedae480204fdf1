/*
 * value.h - values as Bole's additions read and order them.
 *
 * A value counts as a number when it is one ("12", "-0.5", "1e3"; no infinities), a duration as Go writes it ("1.5s": in
 * seconds) or a size with its unit ("10KB": in bytes). The order of values: numbers by size, then texts by bytes; absent ones
 * are last, in both directions.
 *
 * Threads: any.
 */
#ifndef QUERY_SET_VALUE_H
#define QUERY_SET_VALUE_H

#include "base/timefmt.h"
#include "query/row.h"

enum value_class { VALUE_NUMERIC, VALUE_WORDS, VALUE_ABSENT };

struct set_value {
    enum value_class kind;
    double           number; /* NUMERIC */
    bole_slice       text;   /* as it was written */
};

/* The text of a label, of __line__, or of __timestamp__ (RFC 3339 with nine digits, written into room); empty: absent. */
bole_slice set_text(const struct row *r, bole_slice name, char room[TIME_TEXT_MAX]);

/* The name of a table's column with these values: line for __line__, timestamp for __timestamp__, else itself. */
bole_slice set_column_name(bole_slice name);

struct set_value set_value_of(bole_slice text);
bool set_number(bole_slice text, double *ret_number);

/* Equal numbers are told apart by their texts, so that 0 means the same text. */
int set_value_cmp(const struct set_value *a, const struct set_value *b, bool descending);

#endif
