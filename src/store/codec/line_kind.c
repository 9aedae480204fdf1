#include "store/codec/line_kind.h"

#include "store/codec/mix.h"

enum { LOOK_MAX = 64, WORDS_MAX = 5, KEY_MAX = 32 };

static bool is_word(uint8_t c)
{
    return (c >= '0' && c <= '9') || ((unsigned)(c | 0x20) - 'a') < 26 || c == '_' || c == '.' || c == '-' || c == '$' || c >= 0x80;
}

uint64_t line_kind(bole_slice line)
{
    size_t at = 0, end = line.len < LOOK_MAX ? line.len : LOOK_MAX;
    if (line.len > 2 && line.ptr[0] == '{') {
        while (at < end && line.ptr[at] != '"')
            at++;
        size_t from = at;
        for (at++; at < end && line.ptr[at] != '"';)
            at++;
        return mix_bytes(1, line.ptr + from, (at < end ? at : end) - from);
    }
    uint64_t kind = 2;
    for (unsigned words = 0; at < end; words++) {
        for (; at < end && !is_word(line.ptr[at]); at++)
            if (at == 0 || line.ptr[at] != line.ptr[at - 1])
                kind = mix(kind, line.ptr[at]);
        if (words == WORDS_MAX)
            break;
        while (at < end && is_word(line.ptr[at]))
            at++;
        kind = mix(kind, 'a');
    }
    return kind;
}
