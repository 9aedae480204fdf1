/*
 * A field is what stands between separators. One with a digit in it is a value; one without is part of the template if it is
 * a word that many lines have, else a value as well: the names, paths and agents of which each line has its own.
 */
#include "store/codec/mix.h"
#include "store/codec/split.h"

enum {
    WORDS_USED_MAX = SPLIT_WORDS_SIZE / 2,
    LEARN_ROWS = 1024,   /* at most, and about so many bytes */
    LEARN_BYTES = 256 * 1024,
    ROWS_PER_WORD = 200, /* a word of fewer than one line in so many is a value */
    WORD_COUNT_MIN = 3,
};

struct field { size_t start, end; };

size_t split_field_end(const struct splitter *s, bole_slice line, size_t from)
{
    size_t end = mask_next(s->masks.separator, from, line.len);
    while (line.len - end >= 2 && line.ptr[end] == '\\' && line.ptr[end + 1] == '\\' && s->how != SPLIT_PARTS)
        end = mask_next(s->masks.separator, end + 2, line.len); /* of a path in JSON */
    return end;
}

/* The next field at or after `from`; false at the end of the line. */
static bool next_field(const struct splitter *s, bole_slice line, size_t from, struct field *ret_field)
{
    size_t start = mask_next_clear(s->masks.separator, from, line.len);
    if (s->within && start > from && start < line.len && line.ptr[start - 1] == '\\' &&
        (start - from == 1 || line.ptr[start - 2] != '\\'))
        start = mask_next_clear(s->masks.separator, start + 1, line.len); /* the letter of an escape */
    if (start == line.len)
        return false;
    *ret_field = (struct field){start, split_field_end(s, line, start)};
    return true;
}

/* Without the dots behind the last word of a sentence. */
static size_t without_dots(bole_slice line, struct field f)
{
    while (f.end > f.start && line.ptr[f.end - 1] == '.')
        f.end--;
    return f.end;
}

/* The word, or the place for it. */
static struct split_word *find_word(const struct split_words *w, uint64_t hash)
{
    uint32_t at = (uint32_t)hash & (SPLIT_WORDS_SIZE - 1);
    while (w->list[at].learned == w->learned && w->list[at].hash != hash)
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
    const struct split_word *word = find_word(&s->words, mix_bytes(0, line.ptr + f.start, f.end - f.start));
    return word->learned == s->words.learned && word->count >= s->words.threshold;
}

/* The text of the first quoted string of line[from .. to) that ends anywhere; false when there is none. */
static bool find_quoted(const struct splitter *s, bole_slice line, size_t from, size_t to, struct field *ret_text)
{
    for (size_t at = from; (at = mask_next(s->masks.quote, at, to)) < to; at++)
        if (line.ptr[at] == '"') {
            size_t end = split_string_end(s, line, at + 1);
            *ret_text = (struct field){at + 1, end};
            return end < line.len;
        }
    return false;
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
        if (word->learned == s->words.learned) {
            word->count++;
        } else if (s->words.used < WORDS_USED_MAX) {
            s->words.used++;
            *word = (struct split_word){hash, 1, s->words.learned};
        }
    }
}

/* Words of lines all over the row group, as many as make a good guess. */
static void learn(struct splitter *s)
{
    struct split_words *w = &s->words;
    if (++w->learned == 0) { /* once in 2^32 times */
        memset(w->list, 0, SPLIT_WORDS_SIZE * sizeof *w->list);
        w->learned = 1;
    }
    w->used = 0;
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < s->line_count; i++)
        bytes += s->lines[i].len;
    uint32_t step = s->line_count / LEARN_ROWS + 1, seen = 0;
    if (step < bytes / LEARN_BYTES + 1)
        step = (uint32_t)(bytes / LEARN_BYTES + 1);
    for (uint32_t i = 0; i < s->line_count; i += step, seen++)
        if (split_classify(s, s->lines[i]))
            learn_line(s, s->lines[i]);
    w->threshold = seen / ROWS_PER_WORD > WORD_COUNT_MIN ? seen / ROWS_PER_WORD : WORD_COUNT_MIN;
}

uint32_t split_fields(struct splitter *s, bole_slice line, bool quoted)
{
    uint32_t count = 0;
    size_t from = 0;
    struct field f;
    if (!s->words.threshold) {
        learn(s);
        split_classify(s, line); /* what the masks were of */
    }
    while (next_field(s, line, from, &f)) {
        enum slot_kind kind = SLOT_STRING;
        bool is_slot = true, stamp;
        size_t compound;
        if (quoted && f.start > from && find_quoted(s, line, from, f.start, &f)) {
            from = f.end + 1;
        } else if ((compound = split_compound_end(s, line, f.start, &stamp))) {
            kind = stamp ? SLOT_COMPOUND : SLOT_ADDRESS;
            from = f.end = compound;
        } else {
            kind = SLOT_FIELD;
            f.end = without_dots(line, f);
            from = f.end > f.start ? f.end : f.start + 1;
            is_slot = f.end > f.start && !is_literal(s, line, f);
        }
        if (is_slot && !split_add_slot(s, &count, line, f.start, f.end, kind))
            break;
    }
    return count;
}

