/*
 * A field is what stands between separators. One with a digit in it is a value; one without is part of the template if it is
 * a word that many lines of the sample have, else a value as well: the names, paths and agents of which each line has its own.
 */
#include <stdlib.h>

#include "store/codec/mix.h"
#include "store/codec/split.h"

enum {
    WORDS_USED_MAX = SPLIT_WORDS_SIZE / 2,
    ROWS_PER_WORD = 200, /* a word of fewer than one line in so many is a value */
    WORD_COUNT_MIN = 3,
};

struct field { size_t start, end; };

/* The next field at or after `from`; false at the end of the line. */
static bool next_field(const struct splitter *s, bole_slice line, size_t from, struct field *ret_field)
{
    size_t start = mask_next_clear(s->masks.separator, from, line.len);
    if (start == line.len)
        return false;
    size_t end = mask_next(s->masks.separator, start, line.len);
    *ret_field = (struct field){start, end};
    return true;
}

/* Without the dots behind the last word of a sentence. */
static size_t without_dots(bole_slice line, struct field f)
{
    while (f.end > f.start && line.ptr[f.end - 1] == '.')
        f.end--;
    return f.end;
}

static struct split_word *find_word(const struct split_words *w, uint64_t hash)
{
    uint32_t at = (uint32_t)hash & (SPLIT_WORDS_SIZE - 1);
    while (w->list[at].count && w->list[at].hash != hash)
        at = (at + 1) & (SPLIT_WORDS_SIZE - 1);
    return &w->list[at];
}

/* Whether the field belongs to the template. */
static bool is_literal(const struct splitter *s, bole_slice line, struct field f)
{
    if (mask_next(s->masks.token, f.start, f.end) == f.end)
        return true;
    if (mask_next(s->masks.digit, f.start, f.end) < f.end)
        return false;
    return find_word(&s->words, mix_bytes(0, line.ptr + f.start, f.end - f.start))->count >= s->words.threshold;
}

uint32_t split_fields(struct splitter *s, bole_slice line, bool quoted)
{
    uint32_t count = 0;
    size_t from = 0;
    struct field f;
    while (next_field(s, line, from, &f)) {
        const uint8_t *quote = quoted && f.start > from ? memchr(line.ptr + from, '"', f.start - from) : NULL;
        if (quote) {
            size_t start = (size_t)(quote + 1 - line.ptr);
            const uint8_t *end = memchr(line.ptr + start, '"', line.len - start);
            if (end) {
                from = (size_t)(end + 1 - line.ptr);
                if (start < from - 1 && !split_add_slot(s, &count, line, start, from - 1))
                    break;
                continue;
            }
        }
        size_t compound = split_compound_end(line, f.start);
        if (compound)
            f.end = compound;
        else
            f.end = without_dots(line, f);
        from = f.end > f.start ? f.end : f.start + 1;
        if ((compound || (f.end > f.start && !is_literal(s, line, f))) && !split_add_slot(s, &count, line, f.start, f.end))
            break;
    }
    return count;
}

static void learn_line(struct splitter *s, bole_slice line)
{
    struct field f;
    for (size_t from = 0; next_field(s, line, from, &f); from = f.end) {
        size_t end = without_dots(line, f);
        if (end == f.start || mask_next(s->masks.digit, f.start, end) < end)
            continue;
        uint64_t hash = mix_bytes(0, line.ptr + f.start, end - f.start);
        struct split_word *word = find_word(&s->words, hash);
        if (!word->count && s->words.used == WORDS_USED_MAX)
            continue;
        s->words.used += !word->count;
        word->hash = hash;
        word->count++;
    }
}

void split_learn(struct splitter *s, const bole_slice *lines, uint32_t count, uint32_t step)
{
    struct split_words *w = &s->words;
    if (!w->list)
        w->list = malloc(SPLIT_WORDS_SIZE * sizeof *w->list);
    s->no_memory |= !w->list;
    if (!w->list)
        return;
    memset(w->list, 0, SPLIT_WORDS_SIZE * sizeof *w->list);
    w->used = 0;
    uint32_t seen = 0;
    for (uint32_t i = 0; i < count; i += step, seen++)
        if (split_classify(s, lines[i]))
            learn_line(s, lines[i]);
    w->threshold = seen / ROWS_PER_WORD > WORD_COUNT_MIN ? seen / ROWS_PER_WORD : WORD_COUNT_MIN;
}
