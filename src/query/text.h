/*
 * text.h - text that grows in an arena: what templates and label_replace write into.
 *
 * Errors stick, as in base/buf.h. Unlike a buf it is never freed by itself. Threads: one.
 */
#ifndef QUERY_TEXT_H
#define QUERY_TEXT_H

#include "base/arena.h"
#include "shim/regex.h"

struct text {
    struct arena *arena;
    uint8_t      *ptr;
    size_t        len, cap;
    size_t        limit; /* bytes */
    bool          failed;
};

static inline struct text text_begin(struct arena *arena, size_t limit)
{
    return (struct text){.arena = arena, .limit = limit};
}

/* len more bytes at the end, to be written by the caller. NULL: no room, and the text has failed. */
uint8_t *text_extend(struct text *t, size_t len);
void text_put(struct text *t, bole_slice s);
/* What finds no room fails before anything is written. */
void text_put_times(struct text *t, bole_slice s, size_t times);

static inline bole_slice text_slice(const struct text *t)
{
    return (bole_slice){t->ptr ? t->ptr : (const uint8_t *)"", t->len};
}

/* How many runes there are, and where rune `index` begins; a byte that is no UTF-8 counts as one. */
size_t text_runes(bole_slice s);
size_t text_rune_offset(bole_slice s, size_t index);

/* Go's Regexp.Expand: $1, $name, ${name}; `$1x` is the group named 1x; an unknown group is empty; `$$` is `$`. */
void text_put_expanded(struct text *t, bole_slice replacement, const struct regex *regex, const bole_slice *groups,
                       size_t group_count);

/* Every match replaced, left to right, as Regexp.ReplaceAll; with `literal` the replacement is not expanded. */
void text_put_replaced(struct text *t, const struct regex *regex, bole_slice subject, bole_slice replacement,
                       bool literal);

#endif
