/* hash.h - XXH3, 64 bits: hash tables, tokens, label sets. Not for secrets. The value is part of formats on disk. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <xxhash.h>

#include "base/slice.h"

static inline uint64_t hash64(bole_slice s)
{
    return XXH3_64bits(s.ptr, s.len);
}

static inline uint64_t hash64_seed(bole_slice s, uint64_t seed)
{
    return XXH3_64bits_withSeed(s.ptr, s.len, seed);
}

#endif
