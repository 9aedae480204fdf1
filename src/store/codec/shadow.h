/*
 * shadow.h - an automaton that accepts at least what a regular expression matches: what it refuses needs no closer look.
 *
 * The pattern is one that RE2 has accepted, in its syntax. What cannot be said byte by byte is said too widely: assertions
 * (^ $ \b) always hold, all bytes above 127 are one, any number of them make a rune, counts above a dozen have no end. So a
 * state is a set of places in the pattern, and text that is only known by the bytes it may have and how long it may be leads
 * from one state to another as text that is known does.
 *
 * A search begins in SHADOW_START. "Accepts" means that a match may end here or before, and anything may follow.
 *
 * Owner:   lives in the arena. Threads: one at a time: states are made when they are first reached.
 * Errors:  without memory or after too many states a state stands for all others: it accepts.
 */
#ifndef STORE_CODEC_SHADOW_H
#define STORE_CODEC_SHADOW_H

#include "base/arena.h"

struct shadow;

enum { SHADOW_START = 0, SHADOW_ACCEPT = 1 }; /* ACCEPT: what shadow_run ends with */

/* NULL: everything is accepted, the pattern has what is not understood here, or there is no memory. */
struct shadow *shadow_create(bole_slice pattern, struct arena *arena);

/* The state behind these bytes, or SHADOW_ACCEPT as soon as a match may have ended. */
uint32_t shadow_run(struct shadow *s, uint32_t state, bole_slice bytes);

/* As shadow_run, but goes on to the end: *accepts becomes true where a match may have ended, and is left alone else. */
uint32_t shadow_pass(struct shadow *s, uint32_t state, bole_slice bytes, bool *accepts);

/* Bit b of a set of bytes: byte b; bit 128: all bytes above. */
struct shadow_bytes { uint64_t low[2]; bool high; };

/* Behind any text of min_len .. max_len of these bytes. */
uint32_t shadow_pass_any(struct shadow *s, uint32_t state, const struct shadow_bytes *bytes, uint32_t min_len, uint32_t max_len,
                         bool *accepts);

/* The first place of the text, at or after `from`, where a match may begin; the length of the text when there is none. Looks at a
 * few bytes by their distance from there, so that most places are passed over many at once. */
size_t shadow_find(const struct shadow *s, bole_slice text, size_t from);

/* There were too many states: from now on more is accepted than the pattern says. */
bool shadow_is_full(const struct shadow *s);

/* Either of two. */
uint32_t shadow_union(struct shadow *s, uint32_t a, uint32_t b);

#endif
