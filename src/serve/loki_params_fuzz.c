/*
 * loki_params_fuzz.c - any text as any parameter: no crash, and what is accepted keeps the promises of the header.
 */
#include <assert.h>

#include "base/clock.h"
#include "serve/loki_params.h"
#include "serve/native_row.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bole_slice rest = {data, size};
    struct loki_text text;
    bole_slice *fields[] = {&text.start, &text.end,       &text.since, &text.time,
                            &text.limit, &text.direction, &text.step,  &text.interval};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        *fields[i] = bole_slice_cut(rest, '\n', &rest);
    struct loki_range range;
    struct bole_err err;
    uint32_t delay_s;
    if (loki_parse_range(&text, 1795210200 * NS_PER_S, &range, &err) == BOLE_OK) {
        assert(range.start_ns <= range.end_ns && range.step_ns > 0 && range.interval_ns >= 0 && range.limit > 0);
        assert(((uint64_t)range.end_ns - (uint64_t)range.start_ns) / 2 / (uint64_t)range.step_ns <= LOKI_POINTS_MAX);
    }
    if (loki_parse_instant(&text, 0, &range, &err) == BOLE_OK)
        assert(range.start_ns == range.end_ns && range.limit > 0);
    if (loki_parse_delay(rest, &delay_s, &err) == BOLE_OK)
        assert(delay_s <= LOKI_DELAY_MAX);
    struct query_place place, again;
    if (native_parse_id(rest, &place, &err) == BOLE_OK) {
        struct buf b;
        buf_init(&b, NULL);
        native_put_id(&b, place);
        assert(native_parse_id(bole_slice_from(b.ptr + 1, b.len - 2), &again, &err) == BOLE_OK);
        assert(native_compare_places(place, again) == 0);
        buf_deinit(&b);
    }
    return 0;
}
