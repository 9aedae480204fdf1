/*
 * json.h - where the tokens of a JSON text are: simdjson's first stage, which finds them at several bytes per cycle.
 *
 * The index lists the byte offset of every { } [ ] : , outside strings, of every opening quote and of the first byte of
 * every number and literal. It says nothing about grammar: receive/json.h walks it, checks and takes values out.
 * Several documents may stand in one text: JSON lines are indexed by the chunk, not by the line.
 *
 * simdjson's second stage is not used, because it turns numbers into doubles (1.50 must stay 1.50), refuses the whole
 * text for one bad byte, and stops at integers above 64 bits.
 *
 * Owner:   the positions belong to the index and are valid until its next use.
 * Threads: one at a time.
 */
#ifndef SHIM_JSON_H
#define SHIM_JSON_H

#include <stdbool.h>

#include "bole/types.h"

struct json_index;

#define JSON_INDEX_TEXT_MAX (64u * 1024 * 1024) /* bytes of one text; the index takes up to 4 bytes for each */

struct json_positions {
    const uint32_t *at;    /* ascending; at[count] is the length of the text */
    uint32_t        count;
    bool            bad_utf8; /* somewhere there is invalid UTF-8: the positions are right all the same */
};

#ifdef __cplusplus
extern "C" {
#endif

struct json_index *json_index_create(void); /* NULL: no memory */
void json_index_destroy(struct json_index *x); /* NULL is fine */

/* Reads nothing behind text.len: no padding is needed. BOLE_E_INVALID: a string does not end or holds a control
 * character (raw newline, tab...), or there is no token; BOLE_E_LIMIT, BOLE_E_NOMEM. */
bole_status json_index_build(struct json_index *x, bole_slice text, struct json_positions *ret_positions,
                             struct bole_err *err);

/* Bytes held for the index; json_index_trim gives them back when they are more than keep_bytes. */
size_t json_index_size(const struct json_index *x);
void json_index_trim(struct json_index *x, size_t keep_bytes);

#ifdef __cplusplus
}
#endif

#endif
