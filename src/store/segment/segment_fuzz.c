/*
 * Any bytes in the place of a segment, of its directory, of its streams or of the content of one chunk, with checksums made
 * to fit so that the bytes get that far. Nothing may crash, and the query's budget must come back whole.
 * segment_test.c runs the same over some thousand random inputs.
 */
#include "base/log.h"
#include "store/segment/segment_sample.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct segment_sample *sample;
    if (!sample) {
        log_set_level(LOG_LEVEL_ERROR + 1); /* damage is what this is about */
        sample = segment_sample_create();
    }
    if (size >= 2)
        segment_sample_attack(sample, data[0], data[1], bole_slice_from(data + 2, size - 2));
    return 0;
}
