/*
 * tokens.h - cuts text into the tokens that the index knows: the words of a line, its numbers and its ids.
 *
 * A token is a maximal run of [A-Za-z0-9_], or a maximal run of bytes above 127: words of any script stay whole. Tokens
 * are compared lower-cased (A-Z only) and named by their XXH3 hash of 64 bits; of a token longer than TOKEN_LEN_MAX the
 * first TOKEN_LEN_MAX bytes count.
 *
 * Two kinds of text are one token although signs stand in them, because their parts say nothing about the whole:
 *
 *   UUID  8-4-4-4-12 hex digits. The first part may be the end of a longer token and the last one the beginning of one
 *         ("volume_f81d4fae-7dec-11d0-a765-00a0c91e6bf6"): wherever the 36 bytes stand in a line they are found. The first
 *         four parts are no tokens if they are nothing but part of a UUID; the last one is, as other ids of 12 digits.
 *   QUAD  four octets (0 .. 255, no leading zeros) with dots between: an IPv4 address, or a version. Of "1.2.3.4.5"
 *         both quads are tokens. The first octet may be the end of a longer token and the last one the beginning of
 *         one: as long as they can be ("v1300.1.2.3ms" has 0.1.2.3). The parts are tokens as well: they cost nothing.
 *   ODD   no token, but a warning that compounds may be missing: what touches a token longer than a window.
 *
 * A text that is cut into pieces gives the same words as the whole when no cut lies within a word, and the same
 * compounds when none lies in a range that TOKENS_COMPOUNDS reports. tokens_is_border says whether a cut is right.
 *
 * Threads: a struct tokens one at a time. Nothing here allocates or fails.
 */
#ifndef STORE_INDEX_TOKENS_H
#define STORE_INDEX_TOKENS_H

#include "base/slice.h"

#define TOKEN_LEN_MAX 1024u
#define TOKENS_WINDOW 2048u /* bytes looked at at a time */

enum token_kind { TOKEN_WORD, TOKEN_HIGH, TOKEN_QUAD, TOKEN_UUID, TOKEN_ODD };

struct token {
    uint64_t        hash;  /* of the lower-cased bytes; 0 for ODD */
    uint32_t        start; /* offset in the text */
    uint32_t        len;
    enum token_kind kind;
};

struct token_masks {
    uint64_t word, high, dot, dash; /* bit i: byte i of 64 is one of [A-Za-z0-9_], above 127, a dot, a dash */
};

enum tokens_mode {
    TOKENS_WORDS, /* words and runs of high bytes: the parts of compounds are words like all others */
    TOKENS_ALL,
    TOKENS_COMPOUNDS, /* UUID, QUAD and ODD only, without hashes, each with the whole of the words it touches: what must
                         not be cut. Cheap for lines that hold none. */
};

struct tokens {
    /* All of it is tokens.c's own: about 70 KB. */
    bole_slice         text;
    size_t             next;  /* where the next window begins */
    size_t             start; /* where the window at hand begins */
    enum tokens_mode   mode;
    uint32_t           word_count, found_count, sign_count;
    struct token_masks masks[TOKENS_WINDOW / 64];
    uint8_t            lower[TOKENS_WINDOW + 64];
    uint32_t           borders[TOKENS_WINDOW + 16]; /* of words, in the window: start, end, start, end, ... */
    uint32_t           signs[TOKENS_WINDOW];        /* in the window: the last signs of what may be compounds */
    struct token       found[TOKENS_WINDOW + 16];
};

/* Begins a text of at most UINT32_MAX bytes, which must stay where it is. */
void tokens_begin(struct tokens *t, bole_slice text, enum tokens_mode mode);

/* The next tokens, 0 or more, valid until the next call. A token may come twice. False at the end. */
bool tokens_next(struct tokens *t, const struct token **ret_tokens, size_t *ret_count);

/* The lower-cased bytes of a token of the last tokens_next, at most TOKEN_LEN_MAX of them. */
static inline bole_slice tokens_lower(const struct tokens *t, const struct token *k)
{
    return (bole_slice){t->lower + (k->start - t->start), k->len < TOKEN_LEN_MAX ? k->len : TOKEN_LEN_MAX};
}

/* True when a piece may end, and the next begin, at offset `at`. For tests: it costs as much as all tokens of the line.
 */
bool tokens_is_border(struct tokens *t, bole_slice line, size_t at);

/* Classifies and lower-cases 1 .. TOKENS_WINDOW bytes: fills (len + 63) / 64 masks and as many blocks of 64 bytes in
 * lower. */
typedef void token_classify_fn(const uint8_t *p, size_t len, uint8_t *lower, struct token_masks *ret_masks);

/* The forms that this processor runs, best first, the portable one last; NULL past the end. For tests. */
token_classify_fn *tokens_classify_form(size_t index);

#endif
