/* utf8.h - checking UTF-8 (RFC 3629: no surrogates, nothing above U+10FFFF, no overlong forms). */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/slice.h"

/* Length in bytes of the valid code point at p (1..4), 0 when there is none within len bytes. len > 0. */
size_t utf8_length(const uint8_t *p, size_t len);

bool utf8_valid(bole_slice s);

/* Decodes the code point at p; invalid bytes give 0xFFFD and length 1. */
uint32_t utf8_decode(const uint8_t *p, size_t len, size_t *ret_length);

/* Writes 1..4 bytes; returns how many. A surrogate or a value above 0x10FFFF is written as U+FFFD. */
size_t utf8_encode(uint32_t code_point, uint8_t ret_bytes[4]);

#endif
