#include "query/template/letters.h"

#include <stddef.h>

struct letter_run {
    uint32_t first, last, step;
    int32_t  distance;
};

#include "query/template/letters_table.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static bool within(const uint32_t (*ranges)[2], size_t count, uint32_t c)
{
    size_t low = 0;
    while (count > 1) {
        size_t half = count / 2;
        low += ranges[low + half][0] <= c ? half : 0;
        count -= half;
    }
    return c >= ranges[low][0] && c <= ranges[low][1];
}

static uint32_t mapped(const struct letter_run *runs, size_t count, uint32_t c)
{
    size_t low = 0;
    while (count > 1) {
        size_t half = count / 2;
        low += runs[low + half].first <= c ? half : 0;
        count -= half;
    }
    const struct letter_run *r = &runs[low];
    bool hit = c >= r->first && c <= r->last && (c - r->first) % r->step == 0;
    return hit ? (uint32_t)((int32_t)c + r->distance) : c;
}

bool letter_is(uint32_t c) { return within(letters, COUNT(letters), c); }
bool digit_is(uint32_t c) { return within(digits, COUNT(digits), c); }
bool letter_is_print(uint32_t c) { return within(printables, COUNT(printables), c); }

bool letter_is_space(uint32_t c)
{
    return (c >= 9 && c <= 13) || c == ' ' || c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) ||
           c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

uint32_t letter_upper(uint32_t c)
{
    return c < 0x80 ? (c >= 'a' && c <= 'z' ? c ^ 0x20 : c) : mapped(uppers, COUNT(uppers), c);
}

uint32_t letter_lower(uint32_t c)
{
    return c < 0x80 ? (c >= 'A' && c <= 'Z' ? c ^ 0x20 : c) : mapped(lowers, COUNT(lowers), c);
}

uint32_t letter_title(uint32_t c)
{
    return c < 0x80 ? letter_upper(c) : mapped(titles, COUNT(titles), c);
}
