/*
 * mix.h - a quick hash of short byte strings for tables in memory. Not part of any format, not for secrets: who uses it
 * compares the bytes or can live with a collision.
 */
#ifndef STORE_CODEC_MIX_H
#define STORE_CODEC_MIX_H

#include "base/bytes.h"

static inline __uint128_t mix_product(uint64_t a, uint64_t b)
{
    return (__uint128_t)(a ^ 0x9e3779b97f4a7c15u) * (b ^ 0xe7037ed1a0b428dbu);
}

static inline uint64_t mix(uint64_t a, uint64_t b) /* the folded product of wyhash */
{
    __uint128_t m = mix_product(a, b);
    return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static inline uint64_t mix_bytes(uint64_t h, const uint8_t *p, size_t len)
{
    h = mix(h, len);
    for (; len > 8; p += 8, len -= 8)
        h = mix(h, load_u64(p));
    if (len >= 4)
        return mix(h, load_u32(p) | (uint64_t)load_u32(p + len - 4) << 32);
    return len ? mix(h, p[0] | (uint64_t)p[len / 2] << 8 | (uint64_t)p[len - 1] << 16) : h;
}

#endif
