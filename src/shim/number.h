/*
 * number.h - doubles as text, as Go writes and reads them.
 *
 * Format:  strconv.FormatFloat and strconv.ParseFloat of Go: the shortest digits that read back to the same double.
 * Threads: any. Nothing here allocates, throws or looks at the locale.
 */
#ifndef SHIM_NUMBER_H
#define SHIM_NUMBER_H

#include <stdbool.h>

#include "bole/types.h"

#ifdef __cplusplus
extern "C" {
#endif

#define NUMBER_TEXT_MAX 400 /* -2.2e-308 without an exponent has 1 + 2 + 307 + 17 characters */

/* Never an exponent, as in Loki's answers: "0.000002999", "299900000000000000000000", "NaN", "+Inf", "-Inf". Returns
 * the length; no NUL is written. */
size_t number_format(double value, char ret_text[NUMBER_TEXT_MAX]);

/* As Go's fmt prints a float with %v: with an exponent below 1e-4 and from 1e6 on ("1e+06", "0.5", "1.5e-07"). */
size_t number_format_g(double value, char ret_text[NUMBER_TEXT_MAX]);

/* Decimal ("1", "-.5", "1e3", "1_000"), hexadecimal with its obligatory exponent ("0x1p3"), inf, infinity and nan in
 * any letter case. The whole slice must be the number. A value too large for a double is refused, one too small is
 * 0. */
bool number_parse(bole_slice text, double *ret_value);

/* Why number_parse refused it. */
bool number_is_too_large(bole_slice text);

#ifdef __cplusplus
}
#endif

#endif
