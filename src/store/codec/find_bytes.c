#include "store/codec/find_bytes.h"

#include "base/bytes.h"

enum {
    STRIDE = 64,
    WASTE_MAX = 4096, WASTE_PER_BYTE = 8, /* bytes that may be compared in vain: at first, and for each byte passed */
};

const uint8_t *find_bytes(bole_slice hay, bole_slice needle)
{
    if (needle.len == 0)
        return hay.ptr;
    if (needle.len > hay.len)
        return NULL;
    if (needle.len == 1)
        return memchr(hay.ptr, needle.ptr[0], hay.len);
    const uint8_t *p = hay.ptr, *end = hay.ptr + hay.len - needle.len + 1; /* of the positions */
    size_t gap = needle.len - 1, wasted = 0;
    uint8_t first = needle.ptr[0], last = needle.ptr[gap];
    for (; end - p >= STRIDE; p += STRIDE) {
        uint8_t hit[STRIDE];
        uint64_t any = 0;
        for (unsigned i = 0; i < STRIDE; i++)
            hit[i] = (uint8_t)((p[i] == first) & (p[i + gap] == last));
        for (unsigned i = 0; i < STRIDE; i += 8)
            any |= load_u64(hit + i);
        if (!any)
            continue;
        for (unsigned i = 0; i < STRIDE; i += 8)
            for (uint64_t hits = load_u64(hit + i); hits; hits &= hits - 1) {
                const uint8_t *at = p + i + (unsigned)__builtin_ctzll(hits) / 8;
                if (memcmp(at, needle.ptr, gap) == 0)
                    return at;
                wasted += needle.len;
            }
        if (wasted > WASTE_MAX + WASTE_PER_BYTE * (size_t)(p - hay.ptr))
            break;
    }
    return memmem(p, (size_t)(hay.ptr + hay.len - p), needle.ptr, needle.len);
}
