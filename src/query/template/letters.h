/*
 * letters.h - what Go's package unicode says about a code point. Simple mappings only: one code point for one.
 *
 * Threads: any.
 */
#ifndef QUERY_LETTERS_H
#define QUERY_LETTERS_H

#include <stdbool.h>
#include <stdint.h>

bool letter_is(uint32_t c);
bool digit_is(uint32_t c);
bool letter_is_print(uint32_t c); /* strconv.IsPrint */
bool letter_is_space(uint32_t c);

uint32_t letter_upper(uint32_t c);
uint32_t letter_lower(uint32_t c);
uint32_t letter_title(uint32_t c);

#endif
