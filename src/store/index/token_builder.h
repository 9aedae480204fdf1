/* token_builder.h - what token_builder.c gathers and token_write.c writes. */
#ifndef STORE_INDEX_TOKEN_BUILDER_H
#define STORE_INDEX_TOKEN_BUILDER_H

#include "store/index/long_tokens.h"
#include "store/index/tokens.h"

/* A pair: the first 52 bits of a token's hash, 12 bits of row group. */
#define PAIR_GROUP_BITS 12u
_Static_assert(TOKEN_GROUPS_MAX == 1u << PAIR_GROUP_BITS, "a pair holds a row group");

struct token_builder {
    struct token_builder_options options;
    struct buf          pairs;       /* u64 each */
    struct token_stamp *stamps;      /* [TOKEN_GROUPS_MAX], zero behind the groups at hand */
    struct hash_set     seen;        /* keys in the group at hand; of long tokens also a seeded hash of their exact case */
    uint64_t            secret;
    struct long_tokens  texts;
    uint32_t            group;       /* at hand */
    size_t              group_pairs; /* bytes of pairs in front of those of the group */
    struct tokens       tokens;
};

/* What of a section is known before its head is put together. */
struct token_layout {
    uint32_t group_count, block_bits, bucket_bits, rest_bits, slot_bits;
    uint64_t key_count;
};

/* Sorts the pairs and appends block table and blocks of the map. */
bole_status token_map_write(uint64_t *pairs, size_t count, uint32_t group_count, uint32_t spare_bits,
                            struct token_layout *ret_layout, struct buf *table, struct buf *blocks, struct bole_err *err);

#endif
