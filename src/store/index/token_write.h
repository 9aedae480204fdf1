/*
 * token_write.h - from pairs of token and row group, stamps and texts to a section: for token_builder.c and
 * token_merge.c.
 *
 * A pair is a u64: the first 52 bits of a token's hash, 12 bits of row group.
 */
#ifndef STORE_INDEX_TOKEN_WRITE_H
#define STORE_INDEX_TOKEN_WRITE_H

#include "store/index/long_tokens.h"

#define PAIR_GROUP_MASK (uint64_t)(TOKEN_GROUPS_MAX - 1)
_Static_assert(TOKEN_KEY_BITS_MAX + 12 == 64 && TOKEN_GROUPS_MAX == 1u << 12, "layout of a pair");

struct map_layout {
    uint32_t group_count, block_bits, bucket_bits, rest_bits, slot_bits;
};

static inline uint32_t map_key_bits(const struct map_layout *l)
{
    return l->block_bits + l->bucket_bits + l->rest_bits;
}

void map_sort(uint64_t *pairs, size_t count);
uint64_t map_count_keys(const uint64_t *pairs, size_t count); /* of sorted pairs */

/* The layout for so many keys: as many bits each as false positives among merge_keys ask for, but not above
 * key_bits_max. */
struct map_layout map_lay_out(uint64_t key_count, uint32_t group_count, uint64_t merge_keys, uint32_t key_bits_max);

/* A section as it grows. */
struct token_section {
    struct map_layout   layout;
    bool                compounds;
    struct token_stamp *stamps; /* [group_count] borrowed */
    struct long_tokens *texts;  /* borrowed; spoiled when the section is written */
    uint64_t            key_count, pair_count;
    struct buf          table, blocks;
};

/* Appends the next blocks of the map, in order: sorted pairs of all keys whose blocks are [first, end). */
bole_status token_section_put_blocks(struct token_section *s, const uint64_t *pairs, size_t count, uint64_t first,
                                     uint64_t end, struct bole_err *err);

/* Appends the section to out. All blocks are there. */
bole_status token_section_write(struct token_section *s, struct buf *out, struct token_index_info *ret_info,
                                struct bole_err *err);

void token_section_init(struct token_section *s, struct budget *budget);
void token_section_deinit(struct token_section *s);

#endif
