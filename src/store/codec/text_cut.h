/*
 * text_cut.h - whether an IPv4 address or a UUID of a line can lie across pieces (text.h): then the token index cannot know it as
 * one token (index/tokens.h).
 */
#ifndef STORE_CODEC_TEXT_CUT_H
#define STORE_CODEC_TEXT_CUT_H

#include "base/slice.h"

/* What is known of all values of a slot. */
struct cut_slot {
    bool     dots, dashes; /* one may have it */
    uint32_t len_min, len_max;
};

struct cut_template {
    const uint8_t  *literals;   /* end to end */
    const uint32_t *pieces;     /* [slot_count + 1] their lengths */
    const uint32_t *columns;    /* [slot_count] */
    uint32_t        slot_count;
};

/* False: no line of the template has an address or a UUID across a border of its pieces. slot() is asked only for slots that touch
 * something which could be a part of one. */
bool cut_possible(const struct cut_template *t, struct cut_slot (*slot)(void *ctx, uint32_t column), void *ctx);

#endif
