/* label_name.h - cleaning the keys that parsers find into label names, as Loki does. Threads: any. */
#ifndef QUERY_LABEL_NAME_H
#define QUERY_LABEL_NAME_H

#include "query/row.h"

/* Every rune outside [a-zA-Z0-9_] becomes one `_`, a leading digit gets `_` in front, blanks at the ends go. The key
 * itself when it is clean; empty when nothing is left. */
bole_slice label_name_from_key(struct row *r, bole_slice key);

/* Without the blanks at its ends, those of Unicode among them. */
bole_slice label_name_trim(bole_slice key);

/* The same for the rest of a nested key, written at out (room for key.len bytes): returns the length. */
size_t label_name_write(bole_slice key, uint8_t *out);

#endif
