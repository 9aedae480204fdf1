/*
 * copy.h - copies the short byte strings that lines are made of: a call of memcpy takes longer than what it does for them.
 */
#ifndef STORE_CODEC_COPY_H
#define STORE_CODEC_COPY_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* 17 bytes or more: two copies of 16 that overlap reach 32. Touches nothing beyond len. */
static inline void copy_long(uint8_t *out, const uint8_t *p, size_t len)
{
    if (len > 32) {
        memcpy(out, p, len);
        return;
    }
    memcpy(out, p, 16);
    memcpy(out + len - 16, p + len - 16, 16);
}

/* Of any length; touches nothing beyond len. p may be NULL when len is 0. */
static inline void copy_bytes(uint8_t *out, const uint8_t *p, size_t len)
{
    if (len > 16) {
        copy_long(out, p, len);
    } else if (len >= 8) {
        memcpy(out, p, 8);
        memcpy(out + len - 8, p + len - 8, 8);
    } else if (len >= 4) {
        memcpy(out, p, 4);
        memcpy(out + len - 4, p + len - 4, 4);
    } else if (len) {
        out[0] = p[0];
        out[len / 2] = p[len / 2];
        out[len - 1] = p[len - 1];
    }
}

#endif
