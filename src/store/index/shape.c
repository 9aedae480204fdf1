#include "store/index/shape.h"

enum { HEX = KIND_DIGIT | KIND_LOWER_HEX | KIND_UPPER_HEX, ALNUM = HEX | KIND_LOWER | KIND_UPPER };

const uint8_t shape_allows[SHAPE_CLASSES] = {
    [SHAPE_DIGITS] = KIND_DIGIT,
    [SHAPE_HEX] = HEX,
    [SHAPE_LOWER] = KIND_DIGIT | KIND_LOWER_HEX | KIND_LOWER,
    [SHAPE_UPPER] = KIND_DIGIT | KIND_UPPER_HEX | KIND_UPPER,
    [SHAPE_ALNUM] = ALNUM,
    [SHAPE_WORD] = ALNUM | KIND_BAR,
    [SHAPE_HIGH] = KIND_HIGH,
};

#define TIMES4(v)  v, v, v, v
#define TIMES10(v) TIMES4(v), TIMES4(v), v, v
#define TIMES20(v) TIMES10(v), TIMES10(v)
#define TIMES64(v) TIMES20(v), TIMES20(v), TIMES20(v), TIMES4(v)

const uint8_t shape_kind[256] = {
    ['0'] = TIMES10(KIND_DIGIT),
    ['A'] = TIMES4(KIND_UPPER_HEX), KIND_UPPER_HEX, KIND_UPPER_HEX, TIMES20(KIND_UPPER),
    ['_'] = KIND_BAR,
    ['a'] = TIMES4(KIND_LOWER_HEX), KIND_LOWER_HEX, KIND_LOWER_HEX, TIMES20(KIND_LOWER),
    [128] = TIMES64(KIND_HIGH), TIMES64(KIND_HIGH),
};

uint8_t shape_kinds(bole_slice text)
{
    uint8_t kinds = 0;
    for (size_t i = 0; i < text.len; i++)
        kinds |= shape_kind[text.ptr[i]];
    return kinds;
}

enum shape_class shape_class_of(uint8_t kinds)
{
    for (uint32_t c = 0; c < SHAPE_CLASSES; c++)
        if (!(kinds & ~shape_allows[c]))
            return c;
    return SHAPE_WORD;
}

bole_slice shape_next_run(bole_slice text, enum shape_class c, size_t least, size_t *at)
{
    for (size_t start = *at; start < text.len;) {
        size_t end = start;
        while (end < text.len && shape_kind[text.ptr[end]] & shape_allows[c])
            end++;
        if (end - start >= least) {
            *at = end;
            return (bole_slice){text.ptr + start, end - start};
        }
        start = end + 1;
    }
    *at = text.len;
    return (bole_slice){0};
}

uint32_t shape_bucket(size_t len)
{
    static const uint16_t above[] = {64, 65, 97, 129, 256, 512, 1024}; /* where the buckets behind 48 begin */
    if (len < 48)
        return (uint32_t)len;
    uint32_t bucket = 48;
    for (size_t i = 0; i < sizeof above / sizeof *above && len >= above[i]; i++)
        bucket++;
    return bucket;
}
