/*
 * long_tokens.h - the text of long tokens of a segment, by shape: gathered while the index is built, and its blocks.
 *
 * A shape (row of units and length bucket) that has too much text becomes dense: its tokens are too many or too random
 * to be worth their text, none of it is written, and a reader knows it from the header. So memory and disk are bounded
 * whatever comes. The more row groups, the more text a shape may have.
 */
#ifndef STORE_INDEX_LONG_TOKENS_H
#define STORE_INDEX_LONG_TOKENS_H

#include "store/index/hash_set.h"
#include "store/index/token_format.h"

struct long_tokens {
    struct buf      bytes; /* per token u8 row, u8 bucket, u16 length, text */
    struct hash_set seen;
    uint64_t        secret;
    uint32_t text_max; /* bytes of text per shape of ids in the first eight groups; as many more for each eight more */
    uint32_t        size[UNIT_ROWS][SHAPE_BUCKETS];
    uint64_t        dense[UNIT_ROWS];
};

#define LONG_TEXT_MAX (16u << 10) /* the usual text_max */

void long_tokens_init(struct long_tokens *l, uint32_t text_max, struct budget *budget);
void long_tokens_deinit(struct long_tokens *l);
void long_tokens_reset(struct long_tokens *l);

enum long_kept { LONG_HAS_TEXT, LONG_IS_DENSE, LONG_BECAME_DENSE };

/* text: as it is written. group: the row group at hand. Cannot fail: without memory the shape becomes dense. */
enum long_kept long_tokens_add(struct long_tokens *l, uint32_t row, bole_slice text, uint32_t group);

/* The tokens of a shape that were kept until it became dense. */
void long_tokens_each(const struct long_tokens *l, uint32_t row, uint32_t bucket,
                      void (*fn)(void *ctx, bole_slice text), void *ctx);

/* Appends the text table to `table` and the blocks to `blocks`; spoils the texts. */
bole_status long_tokens_write(struct long_tokens *l, struct buf *table, struct buf *blocks, struct bole_err *err);

#endif
