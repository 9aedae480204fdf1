#include "store/codec/line_kind.h"

#include "store/codec/classify.h"
#include "store/codec/mix.h"

enum { LOOK_MAX = 64, WORDS_MAX = 5 };

static uint64_t kind_of_json(bole_slice line)
{
    const uint8_t *key = memchr(line.ptr, '"', line.len), *end = line.ptr + line.len;
    const uint8_t *key_end = key ? memchr(key + 1, '"', (size_t)(end - key - 1)) : NULL;
    return key_end ? mix_bytes(1, key, (size_t)(key_end - key)) : 1;
}

/* Part of words here, as in names of hosts and packages. */
static bool joins(uint8_t c) { return c == '.' || c == '-' || c == '$' || c >= 0x80; }

/* What stands between the first words and behind them, what is repeated once. */
static uint64_t kind_of_text(bole_slice line)
{
    uint64_t token, digit, separator, quote, kind = 2;
    classify(line, &(struct byte_masks){&token, &digit, &separator, &quote});
    size_t last = SIZE_MAX; /* byte that is of no word */
    unsigned words = 0;
    for (uint64_t others = line.len < 64 ? ~token & ((1ull << line.len) - 1) : ~token; others; others &= others - 1) {
        size_t at = (size_t)__builtin_ctzll(others);
        uint8_t c = line.ptr[at];
        if (joins(c))
            continue;
        bool behind_word = at != last + 1;
        words += behind_word;
        if (words > WORDS_MAX)
            break;
        if (behind_word || at == 0 || c != line.ptr[at - 1])
            kind = mix(kind, c | (uint64_t)behind_word << 8);
        last = at;
    }
    return kind;
}

uint64_t line_kind(bole_slice line)
{
    line.len = line.len < LOOK_MAX ? line.len : LOOK_MAX;
    return line.len == 0 ? 3 : line.ptr[0] == '{' ? kind_of_json(line) : kind_of_text(line);
}
