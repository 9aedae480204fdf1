/*
 * The vector forms look up both halves of a byte in tables of 16 (pshufb, vtbl): a byte is in a class when the entries of its
 * high and its low half share that class's bit.
 *
 *   bit   high half   low half     bytes
 *     0   3           0-9          0-9
 *     1   4 6         1-F          A-O a-o
 *     2   5 7         0-A          P-Z p-z
 *     3   5           F            _
 *     4   2 0         0 2 7 8 9 C  blank " ' ( ) , and tab (with five other control bytes)
 *     5   3           A-E          : ; < = >
 *     6   5 7         B D          [ ] { }
 *     7   5 7         C            \ |
 */
#include "store/codec/classify.h"

enum { DIGIT = 1, TOKEN = 0x0f, SEPARATOR = 0xf0 };

static const uint8_t high_half[16] = {0x10, 0, 0x10, 0x21, 0x02, 0xcc, 0x02, 0xc4, 0, 0, 0, 0, 0, 0, 0, 0};
static const uint8_t low_half[16] = {0x15, 0x07, 0x17, 0x07, 0x07, 0x07, 0x07, 0x17,
                                     0x17, 0x17, 0x26, 0x62, 0xb2, 0x62, 0x22, 0x0a};

void classify_portable(bole_slice line, const struct byte_masks *m)
{
    for (size_t word = 0; word < masks_words(line.len); word++) {
        uint64_t token = 0, digit = 0, separator = 0, quote = 0;
        size_t n = line.len - word * 64 < 64 ? line.len - word * 64 : 64;
        for (size_t i = 0; i < n; i++) {
            uint8_t c = line.ptr[word * 64 + i], class = high_half[c >> 4] & low_half[c & 15];
            token |= (uint64_t)((class & TOKEN) != 0) << i;
            digit |= (uint64_t)(class & DIGIT) << i;
            separator |= (uint64_t)((class & SEPARATOR) != 0) << i;
            quote |= (uint64_t)(c == '"' || c == '\\') << i;
        }
        m->token[word] = token;
        m->digit[word] = digit;
        m->separator[word] = separator;
        m->quote[word] = quote;
    }
}

#if defined(__x86_64__)
#include <immintrin.h>

__attribute__((target("avx2")))
static inline uint64_t bits_of(__m256i low, __m256i high) /* the top bits of 64 bytes */
{
    return (uint32_t)_mm256_movemask_epi8(low) | (uint64_t)(uint32_t)_mm256_movemask_epi8(high) << 32;
}

__attribute__((target("avx2")))
static inline __m256i class_avx2(__m256i bytes)
{
    const __m256i high_table = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)high_half));
    const __m256i low_table = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)low_half));
    const __m256i nibble = _mm256_set1_epi8(15);
    __m256i high = _mm256_shuffle_epi8(high_table, _mm256_and_si256(_mm256_srli_epi16(bytes, 4), nibble));
    return _mm256_and_si256(high, _mm256_shuffle_epi8(low_table, _mm256_and_si256(bytes, nibble)));
}

__attribute__((target("avx2")))
static inline __m256i quotes_avx2(__m256i bytes)
{
    return _mm256_or_si256(_mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('"')), _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('\\')));
}

/* Inlined, so that the tables stay in registers from one block to the next. */
__attribute__((target("avx2"), always_inline))
static inline void block_avx2(const uint8_t *p, size_t word, const struct byte_masks *m)
{
    __m256i a = _mm256_loadu_si256((const __m256i *)p), b = _mm256_loadu_si256((const __m256i *)(p + 32));
    __m256i class_a = class_avx2(a), class_b = class_avx2(b);
    const __m256i zero = _mm256_setzero_si256(), tokens = _mm256_set1_epi8(TOKEN), separators = _mm256_set1_epi8((char)SEPARATOR);
    m->digit[word] = bits_of(_mm256_slli_epi16(class_a, 7), _mm256_slli_epi16(class_b, 7));
    m->token[word] = ~bits_of(_mm256_cmpeq_epi8(_mm256_and_si256(class_a, tokens), zero),
                              _mm256_cmpeq_epi8(_mm256_and_si256(class_b, tokens), zero));
    m->separator[word] = ~bits_of(_mm256_cmpeq_epi8(_mm256_and_si256(class_a, separators), zero),
                                  _mm256_cmpeq_epi8(_mm256_and_si256(class_b, separators), zero));
    m->quote[word] = bits_of(quotes_avx2(a), quotes_avx2(b));
}

__attribute__((target("avx2")))
static void classify_avx2(bole_slice line, const struct byte_masks *m)
{
    size_t word = 0;
    for (; (word + 1) * 64 <= line.len; word++)
        block_avx2(line.ptr + word * 64, word, m);
    size_t left = line.len - word * 64;
    if (left && word) { /* the last 64 bytes, of which the block before has the first ones */
        block_avx2(line.ptr + line.len - 64, word, m);
        m->token[word] >>= 64 - left;
        m->digit[word] >>= 64 - left;
        m->separator[word] >>= 64 - left;
        m->quote[word] >>= 64 - left;
    } else if (left) {
        uint8_t last[64];
        memset(last, 0x80, sizeof last); /* which is in no class */
        memcpy(last, line.ptr, left);
        block_avx2(last, 0, m);
    }
}
/* 64 bytes at a time, and as many of them as there are: nothing is read behind the end, whatever the length. */
__attribute__((target("avx512bw")))
static void classify_avx512(bole_slice line, const struct byte_masks *m)
{
    const __m512i high_table = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)high_half));
    const __m512i low_table = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)low_half));
    const __m512i nibble = _mm512_set1_epi8(15);
    for (size_t word = 0; word * 64 < line.len; word++) {
        size_t left = line.len - word * 64;
        __mmask64 there = left < 64 ? (1ull << left) - 1 : UINT64_MAX;
        __m512i bytes = _mm512_maskz_loadu_epi8(there, line.ptr + word * 64);
        __m512i high = _mm512_shuffle_epi8(high_table, _mm512_and_si512(_mm512_srli_epi16(bytes, 4), nibble));
        __m512i class = _mm512_and_si512(high, _mm512_shuffle_epi8(low_table, _mm512_and_si512(bytes, nibble)));
        m->token[word] = _mm512_mask_test_epi8_mask(there, class, _mm512_set1_epi8(TOKEN));
        m->digit[word] = _mm512_mask_test_epi8_mask(there, class, _mm512_set1_epi8(DIGIT));
        m->separator[word] = _mm512_mask_test_epi8_mask(there, class, _mm512_set1_epi8((char)SEPARATOR));
        m->quote[word] = _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('"')) |
                         _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('\\')); /* no zero behind the end is one of them */
    }
}
#endif

classify_fn *classify_form(size_t index)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512bw") && index-- == 0) /* a load and a test of a constant */
        return classify_avx512;
    if (__builtin_cpu_supports("avx2") && index-- == 0)
        return classify_avx2;
#endif
    return index == 0 ? classify_portable : NULL;
}

void classify(bole_slice line, const struct byte_masks *ret_masks)
{
    classify_form(0)(line, ret_masks);
}

size_t mask_next_far(const uint64_t *mask, size_t from, size_t len, uint64_t flip)
{
    for (size_t word = from / 64 + 1; word < masks_words(len); word++)
        if (mask[word] != flip) {
            size_t at = word * 64 + (size_t)__builtin_ctzll(mask[word] ^ flip);
            return at < len ? at : len;
        }
    return len;
}
