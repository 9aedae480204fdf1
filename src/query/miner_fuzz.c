/*
 * miner_fuzz.c - any lines: no crash, each is counted once, memory stays bounded.
 */
#include <assert.h>

#include "query/miner.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bole_slice rest = {data, size};
    struct miner m;
    uint64_t lines = 0, sum = 0;
    size_t count;
    bool ok = miner_init(&m, NULL, 2);
    assert(ok);
    while (rest.len) {
        bole_slice line = bole_slice_cut(rest, '\n', &rest);
        ok = miner_add(&m, line, lines % 5 ? S("info") : S(""), lines % 2);
        assert(ok);
        lines++;
    }
    struct miner_pattern **patterns = miner_ranked(&m, &count);
    assert(patterns);
    for (size_t i = 0; i < count; i++)
        sum += patterns[i]->total;
    assert(sum == lines);
    miner_deinit(&m);
    return 0;
}
