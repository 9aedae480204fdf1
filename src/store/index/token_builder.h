/* token_builder.h - what token_builder.c gathers. */
#ifndef STORE_INDEX_TOKEN_BUILDER_H
#define STORE_INDEX_TOKEN_BUILDER_H

#include "store/index/token_write.h"

struct token_builder {
    struct token_builder_options options;
    struct buf          pairs;       /* u64 each */
    struct token_stamp *stamps;      /* [TOKEN_GROUPS_MAX], zero behind the groups at hand */
    struct hash_set seen; /* keys in the group at hand; of long tokens also a seeded hash of their exact case */
    uint64_t            secret;
    struct long_tokens  texts;
    uint32_t            group;       /* at hand */
    size_t              group_pairs; /* bytes of pairs in front of those of the group */
    struct tokens       tokens;
    uint8_t             joined[TOKENS_WINDOW]; /* short pieces of the group that wait to be cut into tokens together */
    size_t              joined_len, last_at;   /* last_at: where the last of them begins */
};

#endif
