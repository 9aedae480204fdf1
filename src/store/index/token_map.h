/*
 * token_map.h - the needle index of a segment: which row groups can have a line with this text in it.
 *
 * The index maps tokens (tokens.h) to row groups. It is asked with a needle, which a line holds as a substring: a token
 * of the needle that has signs on both sides must be a token of the line; a token at the needle's edge may be part of a
 * longer one there. For the latter the index keeps, per row group, which shapes of long tokens occur (shape.h) and,
 * where they are few, their text. So an id of 12 bytes or more is proved absent when neither it nor a longer token that
 * can hold it is there. Bits of groups are cleared only on such a proof; what cannot be proved has to be scanned.
 *
 *   writing   token_builder_create, then per row group in ascending order token_builder_add for every distinct piece
 *             of its text; token_builder_finish appends the section
 *   reading   token_index_open over bytes or over a reader of ranges; token_index_prune per filter
 *   merging   token_index_merge: row groups are copied, and so is what is known about them
 *
 * What pieces are: any cut of the lines and field values into texts such that no word (tokens.h) is cut; each distinct
 * piece once per group or more often. Literals of templates and distinct values of columns are such pieces. Addresses
 * and UUIDs are indexed as single tokens only if the builder is promised that they are never cut either
 * (TOKENS_COMPOUNDS says what that means): see whole_compounds. A broken promise loses rows.
 *
 * Cost:    a lookup reads one block of 1.5 to 4 KB; the head (open) takes 8 bytes per block and some per row group.
 * Owner:   the builder owns what it gathers. An index that was opened over bytes points into them.
 * Threads: a builder one at a time; an opened index any number of readers.
 * Errors:  reading: BOLE_E_CORRUPT, or what the reader returns. An index that cannot be read proves nothing: scan all.
 * Format:  docs/format/index.md.
 */
#ifndef STORE_INDEX_TOKEN_MAP_H
#define STORE_INDEX_TOKEN_MAP_H

#include "base/buf.h"

#define TOKEN_GROUPS_MAX  4096u /* row groups of a segment */
#define TOKEN_GROUP_WORDS (TOKEN_GROUPS_MAX / 64)
#define TOKEN_EDGE_LEN    12u   /* shorter tokens at an open edge of a needle prove nothing */

/* ---- writing ---- */

struct token_builder_options {
    bool           whole_compounds; /* no piece border lies within a range of TOKENS_COMPOUNDS, but in groups that
                                       token_builder_cut_group names */
    uint64_t       merge_keys;      /* distinct tokens of the index that token_index_merge may make of this one and
                                       others: tokens get as many bits as they need there; 0: none */
    uint32_t       text_max;        /* bytes of text kept of ids of one shape per eight row groups, twice as much of
                                       words; 0: 16 KB */
    size_t         pairs_max;       /* of (token, group), 8 bytes each; 0: 8 Mi */
    struct budget *budget;          /* or NULL */
};

struct token_builder;

struct token_builder *token_builder_create(const struct token_builder_options *options); /* NULL: no memory */
void token_builder_destroy(struct token_builder *b);

/* Pieces of text of row group `group`: not less than in the call before, below TOKEN_GROUPS_MAX. Many at a time are
 * cheaper: their memory is fetched ahead. Of a piece that is an RFC 3339 stamp in UTC a fraction of six digits or more is
 * unlisted (see below). When pairs_max, budget or memory is used up the group becomes one that is
 * never cleared (token_index_info.open_groups counts them). */
void token_builder_add(struct token_builder *b, uint32_t group, const bole_slice *pieces, size_t count);

/* The same for text whose tokens are not worth a place in the map, such as time stamps: the group is kept for every
 * needle with a token that may be one of these by its class and length. One value stands for all that differ from it
 * only in digits, or in words of letters alone of the same length (names of months). Parts that hardly vary (date,
 * zone) are better given to token_builder_add. */
void token_builder_add_unlisted(struct token_builder *b, uint32_t group, bole_slice piece);

/* Addresses and UUIDs of the group may lie across borders of pieces: it is kept for every needle with one. */
void token_builder_cut_group(struct token_builder *b, uint32_t group);

/* Makes the group one that is never cleared. */
void token_builder_open_group(struct token_builder *b, uint32_t group);

struct token_index_info {
    uint32_t group_count, open_groups;
    uint64_t key_count;                     /* distinct tokens */
    uint64_t pair_count;                    /* of (token, group); known when written */
    uint32_t key_bits; /* an absent token is taken for present in key_count / 2^key_bits of all cases */
    size_t   head_size, map_size, text_size, total_size;
};

/* Appends the section and empties the builder for the next segment. group_count: above the last group. BOLE_E_NOMEM or
 * BOLE_E_LIMIT (more than 4 GB). */
bole_status token_builder_finish(struct token_builder *b, uint32_t group_count, struct buf *out,
                                 struct token_index_info *ret_info, struct bole_err *err);

/* ---- reading ---- */

/* Where the section lies: bytes, or a function that reads exactly len bytes at an offset of the section from any
 * thread. */
struct token_source {
    bole_slice bytes; /* ptr is NULL: read is used */
    bole_status (*read)(void *ctx, uint64_t offset, size_t len, uint8_t *ret_bytes, struct bole_err *err);
    void      *ctx;
    uint64_t   size;  /* for read */
};

struct token_index;

/* Reads and checks the head only. */
bole_status token_index_open(const struct token_source *source, struct token_index **ret_index, struct bole_err *err);
void token_index_close(struct token_index *x);

struct token_index_info token_index_info(const struct token_index *x);

/* ---- merging ---- */

#define TOKEN_GROUP_DROPPED UINT16_MAX

struct token_merge_source {
    const struct token_index *index;
    const uint16_t *groups; /* [its group_count] the number of each row group in the merge, or TOKEN_GROUP_DROPPED */
};

/* Appends the index of row groups that are copied from several segments, without their text. Row groups that are
 * written anew come from a builder, whose section is a source like the others. group_count: of the merge; merge_keys as
 * for the builder. Keys are as long as the shortest of the sources (ret_info says what that means for false positives).
 * Memory: 8 bytes per pair of a part of the keys, drawn from budget (or NULL). BOLE_E_INVALID when the sources differ
 * in whole_compounds: build the index from text then. Else as token_builder_finish, or what reading the sources
 * returns. */
bole_status token_index_merge(const struct token_merge_source *sources, size_t count, uint32_t group_count,
                              uint64_t merge_keys, struct budget *budget, struct buf *out,
                              struct token_index_info *ret_info, struct bole_err *err);

/* ---- asking ---- */

struct token_needle {
    bole_slice text;
    bool       fold_case;    /* as RE2's (?i): Unicode simple folding */
    bool       closed_left;  /* nothing that is part of a word stands in front of it: "^x", "\bx", a whole value */
    bool       closed_right;
};

/* Clears the bits of groups that certainly have no line, or value, with one of the needles in it. Several conditions
 * that must all hold are several calls. groups: [(group_count + 63) / 64] words; bits that are clear stay clear and
 * save work. */
bole_status token_index_prune(const struct token_index *x, const struct token_needle *needles, size_t count,
                              uint64_t *groups, struct bole_err *err);

#endif
