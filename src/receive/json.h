/*
 * json.h - walks a JSON text along the index of shim/json.h: strict grammar (RFC 8259), values as they are written.
 *
 * The walker never copies and never allocates; only json_text does, for a string with escapes or invalid UTF-8. The
 * first error sticks: every later call does nothing and says "no more", so that a decoder checks once, at its end.
 *
 * Text:    an invalid byte and a lone surrogate become U+FFFD; `replaced` is set then. Everything else that is wrong is
 *          an error, in what is skipped as well; the text of a string that nobody asks for is not looked at.
 * Owner:   slices point into the text, or into the arena given to json_text.
 * Threads: one at a time.
 */
#ifndef RECEIVE_JSON_H
#define RECEIVE_JSON_H

#include "base/arena.h"
#include "shim/json.h"

#define JSON_DEPTH_MAX 64u /* of nesting */

struct json {
    const uint8_t  *text;
    const uint32_t *next;     /* the next token's position */
    uint32_t        limit;    /* where this document ends: tokens from here on are not its */
    bool            bad_utf8; /* strings have to be checked */
    bool            plain;    /* there is no backslash in the document */
    bool            replaced; /* a string that was taken held bad UTF-8 */
    bool            no_memory; /* the error is that: nothing is wrong with the text */
    const char     *error;    /* NULL: none */
    uint32_t        error_at; /* offset in the text */
};

/* A cursor on the whole text. */
struct json json_of(bole_slice text, const struct json_positions *positions);

/* The next token's first byte; 0 at the end or after an error. */
static inline uint8_t json_peek(const struct json *j)
{
    return !j->error && *j->next < j->limit ? j->text[*j->next] : 0;
}

/* Sets the error, unless there is one. Returns false. */
bool json_fail(struct json *j, const char *what);

/* Takes the { or [. */
static inline bool json_open(struct json *j, uint8_t bracket)
{
    if (json_peek(j) != bracket)
        return json_fail(j, bracket == '{' ? "expecting {" : "expecting [");
    j->next++;
    return true;
}

/* What stands between the quotes, escapes as written; takes the string. */
bool json_string(struct json *j, bole_slice *ret_raw);

/* The next member's key, raw, with the cursor on its value; false at the } (which is taken) or on an error. *first is
 * true before the first call. */
bool json_member(struct json *j, bool *first, bole_slice *ret_key);
/* The same for an array: the cursor is on the next element. */
bool json_element(struct json *j, bool *first);

/* A number, true, false or null, as written. */
bool json_scalar(struct json *j, bole_slice *ret_text);

/* Any value, checked; ret_text (may be NULL) is its text as written. */
bool json_skip(struct json *j, bole_slice *ret_text);

/* Nothing may follow. */
bool json_finish(struct json *j);

/* The text that a raw string stands for: raw itself when it has no escapes and is valid, else a copy in the arena. ptr
 * is NULL on an error (a bad escape, or no memory). */
bole_slice json_text(struct json *j, bole_slice raw, struct arena *arena);

/* The same for JSON text as written: escapes stay, invalid UTF-8 is replaced. ptr is NULL when there is no memory. */
bole_slice json_repair(struct json *j, bole_slice text, struct arena *arena);

#endif
