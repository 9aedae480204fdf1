#include "store/codec/split.h"

#include <stdlib.h>

void splitter_init(struct splitter *s)
{
    s->masks = (struct byte_masks){0};
    s->masks_cap = 0;
    s->no_memory = false;
}

void splitter_deinit(struct splitter *s)
{
    free(s->masks.token);
    splitter_init(s);
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

static uint32_t split_whole(struct splitter *s, bole_slice line)
{
    s->slots[0] = (struct split_slot){0, (uint32_t)line.len};
    return 1;
}

uint32_t split_line(struct splitter *s, enum split how, bole_slice line)
{
    if (how == SPLIT_WHOLE)
        return split_whole(s, line);
    if (!masks_reserve(s, masks_words(line.len))) {
        s->no_memory = true;
        return split_whole(s, line);
    }
    classify(line, &s->masks);
    switch (how) {
    case SPLIT_DIGITS: return split_digits(s, line);
    case SPLIT_NUMBERS: return split_numbers(s, line);
    default: return split_whole(s, line);
    }
}

void split_keys(struct splitter *s, enum split how, bole_slice line, uint32_t slot_count)
{
    for (uint32_t i = 0; i < slot_count; i++)
        s->keys[i] = 0;
}
