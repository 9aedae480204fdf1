/*
 * Where the slot of a template ends in a line that may have the template: at the place that the splitter which made the template
 * would have chosen, but without asking what else it could be.
 */
#include "store/codec/split.h"

size_t split_slot_end(const struct splitter *s, bole_slice line, size_t at, const struct split_hint *hint)
{
    size_t end;
    switch (hint->kind) {
    case SLOT_TOKEN:
        end = mask_next_clear(s->masks.token, at + (at < line.len && line.ptr[at] == '-'), line.len);
        return end > at && mask_next(s->masks.digit, at, line.len) < end ? end : SPLIT_NO_END;
    case SLOT_FIELD:
        end = split_field_end(s, line, at);
        while (end > at && line.ptr[end - 1] == '.')
            end--;
        return end > at && (!hint->digits || mask_next(s->masks.digit, at, line.len) < end) ? end : SPLIT_NO_END;
    case SLOT_COMPOUND:
        end = at + hint->len;
        return end <= line.len && mask_window(s->masks.digit, at, hint->len) == hint->digits &&
                       mask_window(s->masks.token, at, hint->len) == hint->tokens &&
                       (end == line.len || !mask_has(s->masks.token, end)) ? end : SPLIT_NO_END;
    case SLOT_ADDRESS: {
        bool stamp;
        end = split_compound_end(s, line, at, &stamp);
        return end && !stamp ? end : SPLIT_NO_END;
    }
    case SLOT_STRING:
        end = split_string_end(s, line, at);
        return end < line.len ? end : SPLIT_NO_END;
    case SLOT_SCALAR:
        return mask_next(s->masks.separator, at, line.len);
    case SLOT_ARRAY: {
        bool has_object;
        end = split_array_end(s, line, at, &has_object);
        return end < line.len && !has_object ? end : SPLIT_NO_END;
    }
    case SLOT_BLANK: {
        const uint8_t *blank = memchr(line.ptr + at, ' ', line.len - at);
        return blank ? (size_t)(blank - line.ptr) : line.len;
    }
    default:
        return SPLIT_NO_END;
    }
}
