/*
 * Any bytes in the place of a token index, or a sound one with some bytes changed, with checksums made to fit so that
 * the bytes get that far. Nothing may crash. token_map_test.c runs the same over some thousand random inputs.
 */
#include "store/index/index_sample.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct sample *sample;
    if (!sample) {
        sample = sample_create(7);
        sample_index(sample, &(struct token_builder_options){.whole_compounds = true}, true);
    }
    if (size < 1)
        return 0;
    bool whole = data[0] & 1;
    size_t len = whole ? size - 1 : sample->section.len;
    uint8_t *bytes = malloc(len + 1);
    if (!bytes)
        return 0;
    memcpy(bytes, whole ? data + 1 : sample->section.ptr, len);
    for (size_t at = 1; !whole && at + 3 <= size; at += 3) { /* offset, new byte */
        size_t offset = ((size_t)data[at] << 8 | data[at + 1]) % len;
        bytes[offset] = data[at + 2];
    }
    sample_attack(bytes, len);
    free(bytes);
    return 0;
}
