/*
 * json_doc.h - a parsed JSON text to look things up in, for the command line: simdjson's DOM behind C.
 *
 * For answers of a server, read once. Hot decoders use shim/json.h.
 *
 * Owner:   values and strings belong to the document until its next parse.
 * Threads: one at a time.
 */
#ifndef SHIM_JSON_DOC_H
#define SHIM_JSON_DOC_H

#include <stdbool.h>

#include "bole/types.h"

#ifdef __cplusplus
extern "C" {
#endif

struct json_doc;

struct json_value { /* a place in a document; copy freely */
    const void *doc;
    size_t      place;
};

struct json_doc *json_doc_create(void); /* NULL: no memory */
void json_doc_destroy(struct json_doc *d); /* NULL is fine */
bole_status json_doc_parse(struct json_doc *d, bole_slice text, struct json_value *ret_root, struct bole_err *err);

/* False when v is no object or has no such member. */
bool json_doc_member(struct json_value v, const char *name, struct json_value *ret_value);
/* The text of a string, with ptr NULL for any other kind. */
bole_slice json_doc_string(struct json_value v);
/* False when v is no number. */
bool json_doc_number(struct json_value v, double *ret_number);

/* Call fn for each element or member (name is empty for elements) until it answers false. False: v is neither. */
bool json_doc_each(struct json_value v, bool (*fn)(bole_slice name, struct json_value value, void *ctx), void *ctx);

#ifdef __cplusplus
}
#endif

#endif
