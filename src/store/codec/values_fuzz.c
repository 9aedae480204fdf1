/*
 * Two ways in: any bytes as an encoded column, which must be refused or keep the contract of values.h; and any bytes as
 * the values of a column, which must come back. values_test.c runs the same over some ten thousand random inputs.
 */
#include <stdlib.h>

#include "store/codec/values_sample.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
    if (!ok)
        abort();
}

/* Values end at a byte that the input names. */
static void round_trip(bole_slice bytes, uint8_t separator)
{
    static struct values_encoder *encoder;
    static bole_slice values[1024];
    static int64_t time_ns[1024];
    if (!encoder)
        must((encoder = values_encoder_create()) != NULL);
    uint32_t count = 0;
    while (count < 1024 && (bytes.len || count == 0)) {
        time_ns[count] = 1735689600000000000 + count * 100000000ll;
        values[count++] = bole_slice_cut(bytes, separator, &bytes);
    }
    struct values_input in = {values, count, time_ns};
    struct buf head = {0}, numbers = {0}, text = {0};
    struct arena arena;
    struct values v;
    arena_init(&arena, NULL);
    must(values_encode(encoder, &in, &head, &numbers, &text, NULL) == BOLE_OK);
    bole_slice heads = buf_slice(&head);
    must(values_open(&v, count, &heads, &arena, NULL) == BOLE_OK && heads.len == 0);
    must(values_load(&v, buf_slice(&numbers), buf_slice(&text), time_ns, &arena, NULL) == BOLE_OK);
    uint8_t *out = malloc((size_t)v.stamp.max_len + 16);
    for (uint32_t i = 0; i < count; i++)
        must(values_len(&v, i) == values[i].len && values_put(&v, i, out) == out + values[i].len &&
             bole_slice_eq(bole_slice_from(out, values[i].len), values[i]) && values_may_contain(&v, values[i]));
    free(out);
    buf_deinit(&head);
    buf_deinit(&numbers);
    buf_deinit(&text);
    arena_deinit(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    bole_slice rest = bole_slice_from(data + 2, size - 2);
    if (data[0] & 1)
        values_sample_attack(rest);
    else
        round_trip(rest, data[1]);
    return 0;
}
