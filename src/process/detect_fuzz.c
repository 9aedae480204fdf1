/* detect_fuzz.c - hits stay inside the text, go forward, and are the same with and without vectors. */
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
    return 0;
}
