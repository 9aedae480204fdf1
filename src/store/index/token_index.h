/* token_index.h - an opened index, for the files that read it: token_read.c, long_search.c, token_prune.c,
 * token_merge.c. */
#ifndef STORE_INDEX_TOKEN_INDEX_H
#define STORE_INDEX_TOKEN_INDEX_H

#include "store/index/token_format.h"

struct token_index {
    struct token_source source;
    uint8_t            *head_copy;   /* when the head was read; else NULL */
    const uint8_t      *head;
    uint32_t            head_size;
    uint64_t            size;
    uint32_t            group_count, text_count;
    uint64_t            key_count;
    uint32_t            block_bits, bucket_bits, rest_bits, slot_bits;
    uint64_t            map_size;
    bool                has_compounds;
    uint64_t            dense[UNIT_ROWS];
    struct token_stamp *stamps;      /* [group_count] */
};

struct text_block {
    uint32_t row, longest, size, raw_size, crc;
    uint64_t offset; /* in the section */
};

/* Working memory of one call of token_index_prune. */
struct token_probe {
    const struct token_index *index;
    struct buf                read;   /* for ranges that are not in memory */
    uint32_t                  lookups;
};

/* Sets the bits of the row groups that the map gives for this hash. */
bole_status token_lookup(struct token_probe *p, uint64_t hash, uint64_t *groups, struct bole_err *err);

/* A checked range of the section; valid until the next read of the probe. */
bole_status token_read(struct token_probe *p, uint64_t offset, uint32_t size, uint32_t crc, const uint8_t **ret_bytes,
                       struct bole_err *err);

/* Entry i of the text table. *offset: where its block begins, moves on to the next. */
struct text_block token_text_block(const struct token_index *x, uint32_t i, uint64_t *offset);

#define TOKEN_TEXT_RAW_MAX (TOKEN_TEXT_RAW + TOKEN_TEXT_LEN_MAX + 1)

/* Reads and decompresses a block of long tokens: raw has room for TOKEN_TEXT_RAW_MAX bytes. z is a ZSTD_DCtx. */
bole_status token_text_load(struct token_probe *p, const struct text_block *b, void *z, uint8_t *raw,
                            struct bole_err *err);

/* Calls fn with every entry of a block of the map: the first key bits of the hash, and its row groups as bits. */
bole_status token_block_each(struct token_probe *p, uint64_t block,
                             void (*fn)(void *ctx, uint64_t key, const uint64_t *groups), void *ctx,
                             struct bole_err *err);

/* A token at the edge of a needle. */
struct token_edge {
    bole_slice       lower;
    bool             starts; /* a longer token must begin with it */
    bool             ends;   /* a longer token must end with it */
    bool             fold_case;
    enum shape_class shape;
};

/* Sets the bits of those of `candidates` that can have a token which is longer than the edge and holds it. */
bole_status long_search(struct token_probe *p, const struct token_edge *e, const uint64_t *candidates, uint64_t *groups,
                        struct bole_err *err);

#endif
