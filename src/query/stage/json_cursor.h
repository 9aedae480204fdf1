/*
 * json_cursor.h - reading JSON as leniently as Loki does: what parse_json.c and json_shape.c share.
 *
 * Errors:  false, and the cursor says which.
 */
#ifndef QUERY_JSON_CURSOR_H
#define QUERY_JSON_CURSOR_H

#include "query/row.h"

enum json_kind { JSON_STRING, JSON_OBJECT, JSON_ARRAY, JSON_OTHER, JSON_NULL };

struct json_value {
    enum json_kind kind;
    bole_slice     text; /* STRING: between the quotes, escaped; else as written */
};

struct json_cursor {
    const uint8_t *next, *end;
    const char    *error; /* NULL: none */
    bool           is_odd; /* a brace where none should be was passed over: counting them gives another end */
};

/* The next byte that is no blank; 0 at the end. */
uint8_t json_peek(struct json_cursor *c);
/* The next quote or backslash, or the end. */
const uint8_t *json_skip_text(const uint8_t *p, const uint8_t *end);
/* c->next stands on the opening quote. */
bool json_take_string(struct json_cursor *c, bole_slice *ret);
/* Any value; objects and arrays are skipped over and returned as text. */
bool json_take_value(struct json_cursor *c, struct json_value *ret);
/* `"key":` or the end of the object; *ret_more says which. c->next stands behind `{` or behind a value. */
bool json_take_key(struct json_cursor *c, bool is_first, bole_slice *ret_key, bool *ret_more);

/* A string without its escapes; false: one is invalid, or there is no room. */
bool json_unescape(struct row *r, bole_slice s, bole_slice *ret);
/* The text of a string. An invalid escape makes it empty; invalid UTF-8 and U+FFFD become a blank. */
bole_slice json_string_text(struct row *r, bole_slice s);
/* The name of a label for a key below `prefix` (empty: on the top level); empty: none. */
bole_slice json_label_name(struct row *r, bole_slice prefix, bole_slice key);

#endif
