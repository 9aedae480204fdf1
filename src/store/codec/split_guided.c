/*
 * Most lines have the template that followed the line before the last time. Whether a line has a given template is much quicker
 * to tell than which one it has: compare a literal, jump to where the slot behind it must end, compare the next one. The slots
 * are not always those that the splitter would have found (a word that is literal elsewhere can be taken for a value), which
 * is as right. Their borders are borders of tokens: no kind of slot ends within a token, and in front of one that has a hint
 * the literal does not end in one.
 */
#include "base/bytes.h"
#include "store/codec/split.h"

static inline bool equal(const uint8_t *a, const uint8_t *b, size_t len) /* literals are short */
{
    if (len >= 8) {
        for (size_t i = 0; i + 8 < len; i += 8)
            if (load_u64(a + i) != load_u64(b + i))
                return false;
        return load_u64(a + len - 8) == load_u64(b + len - 8);
    }
    if (len >= 4)
        return load_u32(a) == load_u32(b) && load_u32(a + len - 4) == load_u32(b + len - 4);
    for (size_t i = 0; i < len; i++)
        if (a[i] != b[i])
            return false;
    return true;
}

#define NO_END SIZE_MAX

/* Where a slot of this kind that begins at `at` ends; NO_END: there is none. */
static size_t slot_end(const struct splitter *s, bole_slice line, size_t at, const struct split_hint *hint)
{
    size_t end;
    switch (hint->kind) {
    case SLOT_TOKEN:
        end = mask_next_clear(s->masks.token, at + (at < line.len && line.ptr[at] == '-'), line.len);
        return end > at && mask_next(s->masks.digit, at, line.len) < end ? end : NO_END;
    case SLOT_FIELD:
        end = split_field_end(s, line, at);
        while (end > at && line.ptr[end - 1] == '.')
            end--;
        return end > at && (!hint->digits || mask_next(s->masks.digit, at, line.len) < end) ? end : NO_END;
    case SLOT_COMPOUND:
        end = at + hint->len;
        return end <= line.len && mask_window(s->masks.digit, at, hint->len) == hint->digits &&
                       mask_window(s->masks.token, at, hint->len) == hint->tokens &&
                       (end == line.len || !mask_has(s->masks.token, end)) ? end : NO_END;
    case SLOT_ADDRESS: {
        bool stamp;
        end = split_compound_end(s, line, at, &stamp);
        return end && !stamp ? end : NO_END;
    }
    case SLOT_STRING:
        end = split_string_end(s, line, at);
        return end < line.len ? end : NO_END;
    case SLOT_SCALAR:
        return mask_next(s->masks.separator, at, line.len);
    case SLOT_ARRAY: {
        bool has_object;
        end = split_array_end(s, line, at, &has_object);
        return end < line.len && !has_object ? end : NO_END;
    }
    case SLOT_BLANK: {
        const uint8_t *blank = memchr(line.ptr + at, ' ', line.len - at);
        return blank ? (size_t)(blank - line.ptr) : line.len;
    }
    default:
        return NO_END;
    }
}

bool split_guided(struct splitter *s, bole_slice line, const struct split_guide *g)
{
    const uint8_t *literal = g->literals;
    size_t at = 0;
    for (uint32_t k = 0; k < g->slot_count; k++) {
        size_t len = g->pieces[k];
        if (len > line.len - at || !equal(line.ptr + at, literal, len))
            return false;
        at += len;
        literal += len;
        size_t end = slot_end(s, line, at, &g->hints[k]);
        if (end == NO_END)
            return false;
        s->slots[k] = (struct split_slot){(uint32_t)at, (uint32_t)(end - at)};
        at = end;
    }
    size_t len = g->pieces[g->slot_count];
    return len == line.len - at && equal(line.ptr + at, literal, len);
}
