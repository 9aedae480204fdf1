#include "store/codec/split.h"

#include <stdlib.h>

#include "store/codec/mix.h"

bool splitter_init(struct splitter *s)
{
    s->masks = (struct byte_masks){0};
    s->masks_cap = 0;
    s->no_memory = false;
    s->lines = NULL;
    s->line_count = 0;
    s->words = (struct split_words){.list = calloc(SPLIT_WORDS_SIZE, sizeof *s->words.list)};
    return s->words.list;
}

void splitter_deinit(struct splitter *s)
{
    free(s->masks.token);
    free(s->words.list);
    s->masks.token = NULL;
    s->words.list = NULL;
}

void split_begin(struct splitter *s, enum split how, bool within, const bole_slice *lines, uint32_t count)
{
    s->how = how;
    s->within = within;
    s->lines = lines;
    s->line_count = count;
    s->words.threshold = 0;
}

static bool masks_reserve(struct splitter *s, size_t words)
{
    if (words <= s->masks_cap)
        return true;
    size_t cap = words < 64 ? 64 : words * 2;
    uint64_t *p = cap <= UINT32_MAX ? realloc(s->masks.token, 4 * cap * sizeof *p) : NULL;
    if (!p)
        return false;
    s->masks = (struct byte_masks){p, p + cap, p + 2 * cap, p + 3 * cap};
    s->masks_cap = (uint32_t)cap;
    return true;
}

bool split_classify(struct splitter *s, bole_slice line)
{
    if (!masks_reserve(s, masks_words(line.len))) {
        s->no_memory = true;
        return false;
    }
    classify(line, &s->masks);
    for (size_t word = 0; s->how == SPLIT_PARTS && word < masks_words(line.len); word++)
        s->masks.separator[word] = ~s->masks.token[word];
    return true;
}

static uint32_t split_whole(struct splitter *s, bole_slice line)
{
    s->slots[0] = (struct split_slot){0, (uint32_t)line.len};
    s->kinds[0] = SLOT_OTHER;
    return 1;
}

bool split_add_slot(struct splitter *s, uint32_t *count, bole_slice line, size_t start, size_t end, enum slot_kind kind)
{
    bool last = *count == SPLIT_SLOTS_MAX - 1;
    s->slots[*count] = (struct split_slot){(uint32_t)start, (uint32_t)((last ? line.len : end) - start)};
    s->kinds[(*count)++] = (uint8_t)(last ? SLOT_OTHER : kind);
    return !last;
}

size_t split_string_end(const struct splitter *s, bole_slice line, size_t from)
{
    for (;;) {
        size_t at = mask_next(s->masks.quote, from, line.len);
        if (at == line.len || line.ptr[at] == '"')
            return at;
        from = at + 2; /* behind a backslash and what it escapes */
    }
}

uint32_t split_line(struct splitter *s, bole_slice line)
{
    switch (s->how) {
    case SPLIT_DIGITS: return split_digits(s, line);
    case SPLIT_NUMBERS: return split_numbers(s, line);
    case SPLIT_PARTS:
    case SPLIT_FIELDS: return split_fields(s, line, false);
    case SPLIT_QUOTED: return split_fields(s, line, true);
    case SPLIT_SHAPE: return split_shape(s, line);
    default: return split_whole(s, line);
    }
}

struct split_hint split_hint(const struct splitter *s, bole_slice line, uint32_t slot)
{
    size_t at = s->slots[slot].offset, len = s->slots[slot].len;
    struct split_hint hint = {.kind = s->kinds[slot]};
    if (at > 0 && mask_has(s->masks.token, at - 1) && !s->within) /* the minus of blk_-1: the next line may be without */
        hint.kind = SLOT_OTHER;
    if (hint.kind == SLOT_COMPOUND && len <= 64) {
        hint.digits = mask_window(s->masks.digit, at, len);
        hint.tokens = mask_window(s->masks.token, at, len);
        hint.len = (uint8_t)len;
    } else if (hint.kind == SLOT_COMPOUND) {
        hint.kind = SLOT_OTHER;
    } else if (hint.kind == SLOT_FIELD) {
        hint.digits = mask_next(s->masks.digit, at, at + len) < at + len;
    }
    return hint;
}

/* ---- keys ---- */

/* Stamps, addresses and UUIDs are of one kind wherever they stand; what precedes another value says what it is: the last word
 * in front of it and what stands between, or the value before. */
enum { KEY_STAMP = 1, KEY_IP4, KEY_UUID, KEY_START };

static uint64_t kind_of(const struct splitter *s, bole_slice line, const struct split_slot *slot)
{
    bool stamp;
    if (split_compound_end(s, line, slot->offset, &stamp) != slot->offset + slot->len || slot->len == 0)
        return 0;
    return stamp ? KEY_STAMP : slot->len == 36 ? KEY_UUID : KEY_IP4;
}

static uint64_t hash_key(uint64_t before, bole_slice literal)
{
    return mix_bytes(before, literal.ptr, literal.len) | 1ull << 63;
}

static uint64_t key_of(const struct splitter *s, bole_slice line, uint32_t slot)
{
    const struct split_slot *p = &s->slots[slot];
    uint64_t kind = kind_of(s, line, p);
    if (kind)
        return kind;
    size_t from = slot ? p[-1].offset + p[-1].len : 0, at = p->offset;
    while (at > from && !mask_has(s->masks.token, at - 1))
        at--;
    if (at == from)
        return hash_key(slot ? s->keys[slot - 1] : KEY_START, bole_slice_from(line.ptr + from, p->offset - from));
    size_t word = mask_run_start(s->masks.token, at - 1, from);
    return hash_key(0, bole_slice_from(line.ptr + word, p->offset - word));
}

void split_keys(struct splitter *s, bole_slice line, uint32_t slot_count)
{
    if (s->how == SPLIT_SHAPE && split_shape_keys(s, line))
        return;
    for (uint32_t i = 0; i < slot_count; i++)
        s->keys[i] = s->how == SPLIT_WHOLE ? 0 : key_of(s, line, i);
}
