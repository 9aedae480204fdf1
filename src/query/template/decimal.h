/*
 * decimal.h - decimal arithmetic for the float functions of templates, where 0.1 + 0.2 is 0.3.
 *
 * Exact but for division, which keeps 16 digits behind the point and rounds half away from zero. Digits are one per byte:
 * numbers here are short.
 *
 * Threads: any. Errors: false where a result has more digits than there is room for.
 */
#ifndef QUERY_DECIMAL_H
#define QUERY_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DECIMAL_DIGITS_MAX = 2400 };

struct decimal {
    bool    negative;
    int     exponent; /* value = digits x 10^exponent */
    size_t  count;    /* 0: zero */
    uint8_t digits[DECIMAL_DIGITS_MAX]; /* the least one first; the last is not 0 */
};

void decimal_from(double v, struct decimal *ret); /* the shortest digits; v is finite */
double decimal_to(const struct decimal *d);       /* the nearest double, infinity included */

/* The result goes to `a`. */
bool decimal_add(struct decimal *a, const struct decimal *b, bool subtract);
bool decimal_multiply(struct decimal *a, const struct decimal *b);
bool decimal_divide(struct decimal *a, const struct decimal *b); /* b is not 0 */

#endif
