/* hex.h - hexadecimal digits, of either case. */
#ifndef BASE_HEX_H
#define BASE_HEX_H

#include <stdint.h>

/* The value of a digit; -1 for what is none. */
static inline int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The value of four digits, as behind a `\u`; -1 when fewer stand at p. */
static inline int hex_four(const uint8_t *p, const uint8_t *end)
{
    int v = 0;
    if (end - p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(p[i]);
        if (digit < 0)
            return -1;
        v = v << 4 | digit;
    }
    return v;
}

#endif
