/*
 * Two paths: the CPU's crc32 instruction where it exists (SSE4.2, ARMv8 CRC; chosen once, at the first call), else
 * eight tables of 256 entries ("slicing by 8", Kounavis and Berry 2005), built at the first call.
 */
#include "base/crc32c.h"

#include <pthread.h>

#include "base/bytes.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
#elif defined(__aarch64__)
#include <arm_acle.h>
#include <sys/auxv.h>
#endif

static uint32_t table[8][256];
static bool has_instruction;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void prepare(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
        table[0][i] = crc;
    }
    for (uint32_t i = 0; i < 256; i++)
        for (int t = 1; t < 8; t++)
            table[t][i] = table[t - 1][i] >> 8 ^ table[0][table[t - 1][i] & 255];
#if defined(__x86_64__)
    has_instruction = __builtin_cpu_supports("sse4.2");
#elif defined(__aarch64__)
    has_instruction = getauxval(AT_HWCAP) & (1 << 7); /* HWCAP_CRC32 */
#endif
}

uint32_t crc32c_portable(uint32_t crc, const void *bytes, size_t len)
{
    pthread_once(&once, prepare);
    const uint8_t *p = bytes;
    crc = ~crc;
    for (; len >= 8; p += 8, len -= 8) {
        uint64_t v = load_u64(p) ^ crc;
        crc = 0;
        for (int t = 0; t < 8; t++)
            crc ^= table[7 - t][v >> (8 * t) & 255];
    }
    while (len--)
        crc = crc >> 8 ^ table[0][(crc ^ *p++) & 255];
    return ~crc;
}

#if defined(__x86_64__)
#define CRC_TARGET __attribute__((target("sse4.2")))
#define CRC_U64(crc, v) (uint32_t)_mm_crc32_u64(crc, v)
#define CRC_U8(crc, v) _mm_crc32_u8(crc, v)
#elif defined(__aarch64__)
#define CRC_TARGET __attribute__((target("+crc")))
#define CRC_U64(crc, v) __crc32cd(crc, v)
#define CRC_U8(crc, v) __crc32cb(crc, v)
#endif

#ifdef CRC_TARGET
CRC_TARGET static uint32_t crc32c_instruction(uint32_t crc, const uint8_t *p, size_t len)
{
    crc = ~crc;
    for (; len >= 8; p += 8, len -= 8)
        crc = CRC_U64(crc, load_u64(p));
    while (len--)
        crc = CRC_U8(crc, *p++);
    return ~crc;
}
#endif

uint32_t crc32c(uint32_t crc, const void *bytes, size_t len)
{
    pthread_once(&once, prepare);
#ifdef CRC_TARGET
    if (has_instruction)
        return crc32c_instruction(crc, bytes, len);
#endif
    return crc32c_portable(crc, bytes, len);
}
