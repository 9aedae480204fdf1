/*
 * distinct.h - numbers the distinct byte strings of a column in the order in which they come first.
 *
 * Strings are told apart by a hash of 64 bits: the text is looked at once, when its line is at hand. The hash is seeded, so
 * that nobody can write values that collide; who stores what comes of it unseen compares the text as well ("exact"), or
 * verifies what was stored. Work is bounded: too many collisions in the table end the dictionary, and the column is stored
 * without one.
 *
 * Threads: one at a time.
 */
#ifndef STORE_CODEC_DISTINCT_H
#define STORE_CODEC_DISTINCT_H

#include "base/slice.h"
#include "store/codec/mix.h"

#define DISTINCT_MAX  65536u

struct distinct {
    uint64_t *hashes; /* [DISTINCT_MAX] of value `id` */
    uint32_t *first;  /* [DISTINCT_MAX] index of the value that came first */
    uint32_t *slots;  /* [2 * DISTINCT_MAX] id + 1, and above bits of the hash; 0 is free */
    uint32_t  count;
    uint32_t  mask;   /* of the slots in use now; the table grows with count */
    uint64_t  probes_left;
};

struct distinct_input {
    const bole_slice *values; /* [count]; only looked at when exact */
    const uint64_t   *hashes; /* [count] */
    uint32_t          count;  /* at most DISTINCT_MAX */
    uint32_t          limit;  /* more distinct values than these are too many */
    bool              exact;
    bool              hasty;  /* gives up when nearly all of the first thousands are distinct */
};

bool distinct_init(struct distinct *d); /* false: no memory */
void distinct_deinit(struct distinct *d);

/* ret_ids: [count]. False: too many are distinct, or collide. */
bool distinct_number(struct distinct *d, const struct distinct_input *in, int64_t *ret_ids);

/* 0 .. 8 bytes as a number, the first one lowest. Never reads outside of them. */
static inline uint64_t load_short(const uint8_t *p, size_t len)
{
    if (len >= 8)
        return load_u64(p);
    if (len >= 4)
        return load_u32(p) | (uint64_t)load_u32(p + len - 4) << (8 * (len - 4));
    if (len == 0)
        return 0;
    return p[0] | (uint64_t)p[len / 2] << (8 * (len / 2)) | (uint64_t)p[len - 1] << (8 * (len - 1));
}

/* The same at once where `room` bytes, not fewer than len, may be read. */
static inline uint64_t load_short_within(const uint8_t *p, size_t len, size_t room)
{
    return len < 8 && room >= 8 ? load_u64(p) & ((1ull << 8 * len) - 1) : load_short(p, len);
}

/* Two hashes of one string: what `hash` takes to be the same, `check` tells apart. */
struct distinct_hashes { uint64_t hash, check; };

static inline uint64_t distinct_step(uint64_t h, const uint8_t *p, uint64_t seed, uint64_t *check)
{
    __uint128_t product = mix_product(load_u64(p) ^ h, load_u64(p + 8) ^ seed);
    *check = (*check << 7 | *check >> 57) + (uint64_t)product;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Both factors of every product hold the seed: no text makes one of them 0 on purpose. Long strings go in two lanes that do not
 * wait for each other. room: bytes that may be read. */
static inline struct distinct_hashes distinct_hashes(uint64_t seed, bole_slice v, size_t room)
{
    const uint8_t *p = v.ptr;
    size_t len = v.len;
    uint64_t h = seed + len * 0x9e3779b97f4a7c15u; /* strings of different lengths differ by what nobody knows */
    uint64_t other = ~seed, check = 0;
    for (; len > 32; p += 32, len -= 32, room -= 32) {
        h = distinct_step(h, p, seed, &check);
        other = distinct_step(other, p + 16, seed, &check);
    }
    if (len > 16) {
        h = distinct_step(h, p, seed, &check);
        p += 16, len -= 16, room -= 16;
    }
    __uint128_t product = mix_product(load_short_within(p, len, room) ^ h, (len > 8 ? load_u64(p + len - 8) : 0) ^ other);
    return (struct distinct_hashes){(uint64_t)product ^ (uint64_t)(product >> 64), (uint64_t)product + check};
}

static inline uint64_t distinct_hash(uint64_t seed, bole_slice v)
{
    return distinct_hashes(seed, v, v.len).hash;
}

#endif
