/*
 * A token with a digit in it is taken for a value, a token without for part of the template. Cheap, needs no training, and
 * right for most logs that programs print: words are constant, numbers and ids vary.
 */
#include "store/codec/split.h"

static bool is_digit(uint8_t c) { return c >= '0' && c <= '9'; }

static bool is_token(const struct splitter *s, size_t at) { return mask_has(s->masks.token, at); }

/* A minus in front of a number, unless it joins it to a word. */
static size_t with_sign(const struct splitter *s, bole_slice line, size_t start, size_t from)
{
    if (start == from || line.ptr[start - 1] != '-' || !is_digit(line.ptr[start]))
        return start;
    if (start - 1 > from ? is_token(s, start - 2) && line.ptr[start - 2] != '_' : from > 0)
        return start;
    return start - 1;
}

/* The month in front of the day of syslog's "Jan  2 15:04:05"; start when there is none. */
static size_t month_before(const struct splitter *s, bole_slice line, size_t start, size_t end, size_t from)
{
    size_t back = end - start == 1 ? 5 : 4;
    if (end - start > 2 || start - from < back || line.ptr[start - 1] != ' ' || line.len - end < 9 || line.ptr[end + 3] != ':')
        return start;
    return start - back > 0 && is_token(s, start - back - 1) ? start : start - back;
}

/* The compound that a token with digits begins; 0: it is none. */
static size_t find_compound(const struct splitter *s, bole_slice line, size_t from, size_t *start, size_t end,
                            enum slot_kind *ret_kind)
{
    size_t month = month_before(s, line, *start, end, from);
    bool stamp;
    size_t compound = month < *start ? split_compound_end(s, line, month, &stamp) : 0;
    if (compound)
        *start = month;
    else
        compound = split_compound_end(s, line, *start, &stamp);
    *ret_kind = stamp ? SLOT_COMPOUND : SLOT_ADDRESS;
    return compound;
}

uint32_t split_digits(struct splitter *s, bole_slice line)
{
    uint32_t count = 0;
    size_t from = 0, digit;
    while ((digit = mask_next(s->masks.digit, from, line.len)) < line.len) {
        size_t start = mask_run_start(s->masks.token, digit, from);
        size_t end = mask_next_clear(s->masks.token, digit, line.len);
        enum slot_kind kind;
        size_t compound = find_compound(s, line, from, &start, end, &kind);
        if (compound) {
            end = compound;
        } else {
            start = with_sign(s, line, start, from);
            kind = SLOT_TOKEN;
        }
        if (!split_add_slot(s, &count, line, start, end, kind))
            break;
        from = end;
    }
    return count;
}

/* Part of a token between underscores: letters and digits behind them are a literal and a number, hex ids stay whole. */
static bool add_part(struct splitter *s, uint32_t *count, bole_slice line, size_t start, size_t end)
{
    size_t digit = mask_next(s->masks.digit, start, line.len);
    if (digit >= end)
        return true;
    if (mask_next_clear(s->masks.digit, digit, line.len) >= end)
        start = digit;
    return split_add_slot(s, count, line, start, end, SLOT_OTHER);
}

uint32_t split_numbers(struct splitter *s, bole_slice line)
{
    uint32_t count = 0;
    size_t from = 0, digit;
    while ((digit = mask_next(s->masks.digit, from, line.len)) < line.len) {
        size_t start = mask_run_start(s->masks.token, digit, from);
        size_t end = mask_next_clear(s->masks.token, digit, line.len);
        bool stamp;
        size_t compound = split_compound_end(s, line, start, &stamp);
        from = compound ? compound : end;
        if (compound) {
            if (!split_add_slot(s, &count, line, start, compound, SLOT_OTHER))
                break;
            continue;
        }
        bool room = true;
        for (size_t part = start; room && part < end;) {
            const uint8_t *bar = memchr(line.ptr + part, '_', end - part);
            size_t part_end = bar ? (size_t)(bar - line.ptr) : end;
            room = part_end == part || add_part(s, &count, line, part, part_end);
            part = part_end + 1;
        }
        if (!room)
            break;
    }
    return count;
}
