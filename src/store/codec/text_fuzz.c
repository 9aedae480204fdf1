/*
 * Any bytes in the place of a chunk of a column of text, or the chunk with some bytes changed. Nothing may crash, and the
 * memory must come back whole. text_test.c runs the same over some thousand random changes.
 */
#include <stdlib.h>

#include "base/bytes.h"
#include "store/codec/text_sample.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct text_lines_sample lines[TEXT_SAMPLE_KINDS];
    static struct text_column_sample columns[TEXT_SAMPLE_KINDS];
    if (!columns[0].text) {
        struct text_encoder *e = text_encoder_create(NULL);
        struct random random;
        random_seed(&random, 1);
        for (int kind = 0; kind < TEXT_SAMPLE_KINDS; kind++) {
            text_sample_init(&lines[kind], (enum text_sample_kind)kind, 200, &random);
            text_column_sample_init(&columns[kind], e, &lines[kind]);
        }
        text_encoder_destroy(e);
    }
    if (size < 3)
        return 0;
    struct text_column_sample *c = &columns[data[0] % TEXT_SAMPLE_KINDS];
    uint32_t chunk = data[1] % c->chunk_count;
    bole_slice bytes = {data + 3, size - 3};
    if (data[2] % 2) { /* offset and byte, again and again */
        bole_slice old = c->chunks[chunk];
        uint8_t *changed = malloc(old.len + 1);
        memcpy(changed, old.ptr, old.len);
        for (; bytes.len >= 3 && old.len; bytes = bole_slice_sub(bytes, 3))
            changed[load_u16(bytes.ptr) % old.len] = bytes.ptr[2];
        text_column_sample_attack(c, &lines[data[0] % TEXT_SAMPLE_KINDS], chunk, bole_slice_from(changed, old.len));
        free(changed);
    } else {
        text_column_sample_attack(c, &lines[data[0] % TEXT_SAMPLE_KINDS], chunk, bytes);
    }
    return 0;
}
