/*
 * Decimal digits eight at a time in a 64-bit register ("SWAR": Lemire 2018, "Quickly parsing eight digits"; printing is
 * the same backwards, after P. Khuong 2017, "How to print integers really fast").
 */
#include "store/codec/values_private.h"

#define BYTES(b) (0x0101010101010101ull * (b))

/* x holds `len` bytes, the first one lowest, zeros above. */
static bool parse_eight(uint64_t x, size_t len, uint64_t *ret_v)
{
    if (len < 8)
        x = x << (8 * (8 - len)) | BYTES('0') >> (8 * len);
    if ((x & BYTES(0xf0)) != BYTES(0x30) || ((x + BYTES(0x06)) & BYTES(0xf0)) != BYTES(0x30))
        return false;
    x -= BYTES('0');
    x = x * 10 + (x >> 8); /* pairs, in every second byte */
    *ret_v = ((x & 0x000000ff000000ffull) * (100 + (1000000ull << 32)) +
              (x >> 16 & 0x000000ff000000ffull) * (1 + (10000ull << 32))) >> 32;
    return true;
}

bool values_parse_digits(const uint8_t *p, size_t len, uint64_t *ret_v)
{
    uint64_t high, low, lowest;
    if (len - 1 < 8)
        return parse_eight(load_short(p, len), len, ret_v);
    if (len - 9 < 8) {
        if (!parse_eight(load_short(p, len - 8), len - 8, &high) || !parse_eight(load_u64(p + len - 8), 8, &low))
            return false;
        *ret_v = high * 100000000 + low;
        return true;
    }
    if (len - 17 >= 3 || !parse_eight(load_short(p, len - 16), len - 16, &high) ||
        !parse_eight(load_u64(p + len - 16), 8, &low) || !parse_eight(load_u64(p + len - 8), 8, &lowest))
        return false;
    *ret_v = high * 10000000000000000 + low * 100000000 + lowest;
    return *ret_v <= INT64_MAX;
}

/* Eight digits of v < 10^8, the first one lowest. */
static uint64_t print_eight(uint32_t v)
{
    uint64_t x = v / 10000 | (uint64_t)(v % 10000) << 32;
    uint64_t hundreds = (x * 10486 >> 20) & 0x0000007f0000007full; /* / 100 in each half */
    x = hundreds | (x - hundreds * 100) << 16;
    uint64_t tens = (x * 103 >> 10) & 0x000f000f000f000full;       /* / 10 in each quarter */
    return (tens | (x - tens * 10) << 8) + BYTES('0');
}

uint8_t *values_print_digits(uint8_t *out, uint64_t v, unsigned len)
{
    if (len <= 8) {
        store_u64(out, print_eight((uint32_t)v) >> (8 * (8 - len)));
        return out + len;
    }
    unsigned rest = len - 8;
    uint64_t high = v / 100000000;
    if (rest > 8) {
        store_u64(out, print_eight((uint32_t)(high / 100000000)) >> (8 * (16 - rest)));
        out += rest - 8;
        store_u64(out, print_eight((uint32_t)(high % 100000000)));
        out += 8;
    } else {
        store_u64(out, print_eight((uint32_t)high) >> (8 * (8 - rest)));
        out += rest;
    }
    store_u64(out, print_eight((uint32_t)(v % 100000000)));
    return out + 8;
}

unsigned values_count_digits(uint64_t v)
{
    static const uint64_t powers[] = {0,
                                      10,
                                      100,
                                      1000,
                                      10000,
                                      100000,
                                      1000000,
                                      10000000,
                                      100000000,
                                      1000000000,
                                      10000000000,
                                      100000000000,
                                      1000000000000,
                                      10000000000000,
                                      100000000000000,
                                      1000000000000000,
                                      10000000000000000,
                                      100000000000000000,
                                      1000000000000000000,
                                      10000000000000000000u};
    unsigned guess = (64u - (unsigned)__builtin_clzll(v | 1)) * 1233 >> 12; /* bits * log10(2) */
    return guess + (v >= powers[guess]);
}
