#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/random.h"
#include "base/test.h"
#include "store/codec/find_bytes.h"

static uint64_t seed_of_test(void)
{
    uint64_t seed = getenv("SEED") ? strtoull(getenv("SEED"), NULL, 0) : (uint64_t)time(NULL);
    printf("seed %" PRIu64 "\n", seed);
    return seed;
}

TEST(bytes_are_found_as_memmem_finds_them)
{
    struct random r;
    random_seed(&r, seed_of_test());
    uint8_t *hay = malloc(3000);
    for (unsigned round = 0; round < 20000; round++) {
        size_t len = random_below(&r, round % 10 ? 300 : 3000), kinds = 1 + random_below(&r, 3);
        for (size_t i = 0; i < len; i++)
            hay[i] = (uint8_t)('a' + random_below(&r, kinds));
        size_t at = random_below(&r, len + 1), n = random_below(&r, random_below(&r, 2) ? 4 : 90);
        uint8_t needle[90];
        for (size_t i = 0; i < n; i++)
            needle[i] = random_below(&r, 2) && at + i < len ? hay[at + i] : (uint8_t)('a' + random_below(&r, kinds));
        uint8_t *exact = malloc(len ? len : 1); /* a read past the end is seen */
        memcpy(exact, hay, len);
        const uint8_t *want = n ? memmem(exact, len, needle, n) : exact;
        CHECK(find_bytes(bole_slice_from(exact, len), bole_slice_from(needle, n)) == want);
        free(exact);
    }
    free(hay);
}

TEST(a_needle_that_nearly_fits_everywhere_takes_linear_time)
{
    size_t len = 8 << 20, needle_len = 1 << 16; /* 2^39 comparisons the simple way */
    uint8_t *hay = malloc(len), *needle = malloc(needle_len);
    memset(hay, 'a', len);
    memset(needle, 'a', needle_len);
    needle[needle_len - 2] = 'b';
    CHECK(find_bytes(bole_slice_from(hay, len), bole_slice_from(needle, needle_len)) == NULL);
    hay[len - 2] = 'b';
    CHECK(find_bytes(bole_slice_from(hay, len), bole_slice_from(needle, needle_len)) == hay + len - needle_len);
    free(hay);
    free(needle);
}
