/* detect_fuzz.c - hits stay inside the text, go forward, and are the same with and without vectors; so is what a gate says. */
#include <stdlib.h>

#include "process/detect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct detector d;
    if (size < 2)
        return 0;
    detector_init(&d, (unsigned)(data[0] | data[1] << 8) & ((1u << DETECT_COUNT) - 1));
    bole_slice text = bole_slice_from(data + 2, size - 2);
    for (size_t at = 0; at <= text.len;) {
        struct detect_hit a = {0}, b = {0};
        bool found = detect_next(&d, text, at, &a);
        if (found != detect_next_portable(&d, text, at, &b) || (found && (a.from != b.from || a.to != b.to || a.kind != b.kind)))
            abort();
        if (!found)
            break;
        if (a.from < at || a.to <= a.from || a.to > text.len || !(d.kinds >> a.kind & 1))
            abort();
        at = a.to;
    }
    struct gate g;
    size_t literal = text.len < GATE_PIECE_MAX ? text.len / 2 : data[0] % GATE_PIECE_MAX;
    gate_init(&g);
    gate_add_kinds(&g, d.kinds);
    gate_add_literal(&g, bole_slice_from(text.ptr + text.len - literal, literal));
    struct gate_found a = gate_look(&g, text), b = gate_look_portable(&g, text);
    if (a.kinds != b.kinds || a.literals != b.literals || a.literals != g.literals)
        abort();
    return 0;
}
