/*
 * The portable form works on 64 bytes at a time in loops without branches, which compilers turn into the vectors of the
 * machine (NEON as well), and gathers one bit per byte with a multiplication. AVX2 is where it ends: classification is
 * a twentieth of the cost of tokens, wider vectors would not be noticed.
 */
#include "store/index/tokens.h"

#include "base/bytes.h"

/* 64 bytes of 0 or 1 to a mask: the multiplication adds up eight shifted copies, whose sum has the bits in its top
 * byte. */
static inline uint64_t gather(const uint8_t *flags)
{
    uint64_t mask = 0;
    for (unsigned i = 0; i < 8; i++)
        mask |= (load_u64(flags + 8 * i) * 0x0102040810204080u >> 56) << (8 * i);
    return mask;
}

static void block_portable(const uint8_t *p, uint8_t *lower, struct token_masks *m)
{
    uint8_t word[64], high[64], dot[64], dash[64];
    for (unsigned i = 0; i < 64; i++) {
        uint8_t c = p[i], folded = c | 0x20;
        lower[i] = (uint8_t)(c | (uint8_t)((uint8_t)(c - 'A') < 26) << 5);
        word[i] = ((uint8_t)(folded - 'a') < 26) | ((uint8_t)(c - '0') < 10) | (c == '_');
        high[i] = c >> 7;
        dot[i] = c == '.';
        dash[i] = c == '-';
    }
    *m = (struct token_masks){gather(word), gather(high), gather(dot), gather(dash)};
}

static void classify_portable(const uint8_t *p, size_t len, uint8_t *lower, struct token_masks *m)
{
    for (; len >= 64; p += 64, lower += 64, len -= 64)
        block_portable(p, lower, m++);
    if (!len)
        return;
    uint8_t last[64] = {0};
    memcpy(last, p, len);
    block_portable(last, lower, m);
}

#if defined(__x86_64__)
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))

AVX2 static inline uint64_t mask_avx2(__m256i a, __m256i b)
{
    return (uint32_t)_mm256_movemask_epi8(a) | (uint64_t)(uint32_t)_mm256_movemask_epi8(b) << 32;
}

AVX2 static inline __m256i within_avx2(__m256i v, char first, char count) /* first <= v < first + count, unsigned */
{
    v = _mm256_sub_epi8(v, _mm256_set1_epi8(first));
    return _mm256_cmpeq_epi8(_mm256_min_epu8(v, _mm256_set1_epi8((char)(count - 1))), v);
}

AVX2 static inline __m256i word_avx2(__m256i v)
{
    __m256i letter = within_avx2(_mm256_or_si256(v, _mm256_set1_epi8(0x20)), 'a', 26);
    return _mm256_or_si256(_mm256_or_si256(letter, within_avx2(v, '0', 10)),
                           _mm256_cmpeq_epi8(v, _mm256_set1_epi8('_')));
}

AVX2 static inline __m256i lower_avx2(__m256i v)
{
    return _mm256_or_si256(v, _mm256_and_si256(within_avx2(v, 'A', 26), _mm256_set1_epi8(0x20)));
}

AVX2 static inline void block_avx2(const uint8_t *p, uint8_t *lower, struct token_masks *m)
{
    __m256i a = _mm256_loadu_si256((const __m256i *)p), b = _mm256_loadu_si256((const __m256i *)(p + 32));
    __m256i dot = _mm256_set1_epi8('.'), dash = _mm256_set1_epi8('-');
    m->word = mask_avx2(word_avx2(a), word_avx2(b));
    m->high = mask_avx2(a, b);
    m->dot = mask_avx2(_mm256_cmpeq_epi8(a, dot), _mm256_cmpeq_epi8(b, dot));
    m->dash = mask_avx2(_mm256_cmpeq_epi8(a, dash), _mm256_cmpeq_epi8(b, dash));
    _mm256_storeu_si256((__m256i *)lower, lower_avx2(a));
    _mm256_storeu_si256((__m256i *)(lower + 32), lower_avx2(b));
}

AVX2 static void classify_avx2(const uint8_t *p, size_t len, uint8_t *lower, struct token_masks *m)
{
    for (; len >= 64; p += 64, lower += 64, len -= 64)
        block_avx2(p, lower, m++);
    if (!len)
        return;
    uint8_t last[64] = {0};
    memcpy(last, p, len);
    block_avx2(last, lower, m);
}

#endif

token_classify_fn *tokens_classify_form(size_t index)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && index-- == 0) /* a load and a test of a constant */
        return classify_avx2;
#endif
    return index == 0 ? classify_portable : NULL;
}
