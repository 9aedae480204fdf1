/*
 * token_format.h - layout of the index section, version 1, little endian; docs/format/index.md says the same in prose.
 *
 *   head    header, block table, text table, stamps; crc32c in the header
 *   blocks  of the map, without gaps
 *   texts   blocks of long tokens, without gaps
 *
 * Header:
 *   offset size
 *        0    4  crc32c of the head from offset 4 on
 *        4    4  "BTok"
 *        8    2  version, 1
 *       10    2  flags: 1 compounds are tokens
 *       12    4  size of the head
 *       16    8  size of the section
 *       24    4  row groups, 1 .. TOKEN_GROUPS_MAX
 *       28    4  entries of the text table
 *       32    8  keys in the map
 *       40    1  block bits B     a key is the first B + U + R bits of a hash: B of them say which block,
 *       41    1  bucket bits U    U which bucket in the block,
 *       42    1  rest bits R      R are stored with the entry
 *       43    1  slot bits W      enough for row groups + 1
 *       44    4  size of the stamps, compressed
 *       48   88  dense shapes: per row of units a bit per length bucket: such tokens are not all among the texts
 *      136    -  block table: per block u32 end behind the start of the blocks, u32 crc32c; 2^B blocks
 *        -    -  text table: per block u8 row, u8 zero, u16 longest token, u32 size, u32 size decompressed, u32 crc32c
 *        -    -  stamps: a zstd frame of STAMP_SIZE bytes per row group
 *
 * Block of the map, each part filled up to a whole byte, bits from the low end:
 *   u32 entries n
 *   n + 2^U bits   per bucket a 1 per entry, then a 0
 *   n * R bits     rests, ascending within a bucket
 *   n * W bits     slots: a row group; row groups: "common", in any of them; row groups + 1: a list
 *   lists          in the order of their entries, bit by bit: gamma(groups - 1), then gaps in Rice code
 *
 * Stamp of a row group: u64 each, a bit per length bucket (shape.h): units [11], inner [4], unlisted [7], flags.
 *
 * Text block: a zstd frame of lower-cased tokens, ascending, a line feed behind each. Blocks are in order of their
 * rows.
 */
#ifndef STORE_INDEX_TOKEN_FORMAT_H
#define STORE_INDEX_TOKEN_FORMAT_H

#include "store/index/shape.h"
#include "store/index/token_map.h"
#include "store/index/tokens.h"

#define TOKEN_MAGIC   "BTok"
#define TOKEN_VERSION 1u

enum {
    HEAD_CRC = 0,
    HEAD_MAGIC = 4,
    HEAD_VERSION = 8,
    HEAD_FLAGS = 10,
    HEAD_SIZE = 12,
    HEAD_TOTAL = 16,
    HEAD_GROUPS = 24,
    HEAD_TEXTS = 28,
    HEAD_KEYS = 32,
    HEAD_BLOCK_BITS = 40,
    HEAD_BUCKET_BITS = 41,
    HEAD_REST_BITS = 42,
    HEAD_SLOT_BITS = 43,
    HEAD_STAMPS = 44,
    HEAD_DENSE = 48,
    HEAD_FIXED_SIZE = 136,
};
#define TOKEN_FLAG_COMPOUNDS  1u
#define TOKEN_BLOCK_ENTRY     8u
#define TOKEN_TEXT_ENTRY      16u
#define TOKEN_BLOCK_BITS_MAX  20u
#define TOKEN_BUCKET_BITS_MAX 11u
#define TOKEN_KEY_BITS_MAX    52u
#define TOKEN_HEAD_MAX        (16u << 20)
#define TOKEN_TEXT_RAW        (32u << 10) /* bytes of a text block; the token that passes it is the last */
#define TOKEN_TEXT_LEN_MAX    TOKEN_LEN_MAX /* longer tokens have no text */
#define TOKEN_TEXT_LEN_MIN    13u /* one more than TOKEN_EDGE_LEN: shorter ones cannot hold more than themselves */

/* ---- stamps ---- */

/* A unit is a long token, or a run of 12 hex digits and more within one. Rows tell units with digits, which are ids
 * more often than not, from those without, which are words, because words are worth their text and ids are too many. */
enum unit_row {
    UNIT_DIGITS, UNIT_HEX,
    UNIT_LOWER_ID, UNIT_UPPER_ID, UNIT_ALNUM_ID, UNIT_WORD_ID, /* with a digit */
    UNIT_LOWER, UNIT_UPPER, UNIT_ALNUM, UNIT_WORD, UNIT_HIGH,  /* without */
};
#define UNIT_ROWS 11u
_Static_assert(HEAD_DENSE + UNIT_ROWS * 8 == HEAD_FIXED_SIZE, "index header layout");

/* Runs of 12 and more within longer units that have a digit but no text in the section: digits in HEX; LOWER and UPPER
 * in ALNUM and WORD, ALNUM in WORD. */
enum inner_row { INNER_DIGITS, INNER_LOWER, INNER_UPPER, INNER_ALNUM };
#define INNER_ROWS 4u

enum {
    STAMP_OPEN = 1,          /* may hold anything */
    STAMP_GIANT = 2,         /* a token longer than TOKEN_LEN_MAX occurs: it may hold any edge */
    STAMP_ODD = 4,           /* TOKEN_ODD occurs, or a compound may be unlisted */
    STAMP_UUID = 8,          /* TOKEN_UUID occurs: its first four parts are not in the map */
    STAMP_FOLD = 16,         /* U+017F or U+212A occurs, which fold_case takes for s and k */
};

#define STAMP_WORDS (UNIT_ROWS + INNER_ROWS + SHAPE_CLASSES + 1)
#define STAMP_SIZE  (STAMP_WORDS * 8)

struct token_stamp {
    union {
        struct {
            uint64_t units[UNIT_ROWS];
            uint64_t inner[INNER_ROWS];
            uint64_t unlisted[SHAPE_CLASSES];
            uint64_t flags;
        };
        uint64_t words[STAMP_WORDS]; /* all of it, as it is stored */
    };
};
_Static_assert(sizeof(struct token_stamp) == STAMP_SIZE, "stamps have no padding");

static inline enum shape_class unit_class(uint32_t row)
{
    return row <= UNIT_WORD_ID ? (enum shape_class)row : (enum shape_class)(row - UNIT_LOWER + SHAPE_LOWER);
}

static inline bool unit_is_id(uint32_t row) { return row <= UNIT_WORD_ID; }

static inline uint32_t unit_row(enum shape_class c, bool has_digit)
{
    return c <= SHAPE_HEX || has_digit ? (uint32_t)c : (uint32_t)c - SHAPE_LOWER + UNIT_LOWER;
}

/* Rice parameter for the gaps of a list of `count` out of `groups`: about the mean gap. */
static inline uint32_t list_rice_bits(uint32_t groups, uint32_t count)
{
    uint32_t mean = (groups - count) / count;
    return mean ? 31u - (uint32_t)__builtin_clz(mean) : 0;
}

/* Tokens in more groups than this are common. A list costs a bit per row group of the segment at most, which is nothing
 * where there are few, and tells the families of a segment apart. */
static inline uint32_t list_groups_max(uint32_t groups)
{
    return groups <= 256 ? groups - 1 : groups < 1024 ? 255 : groups / 4;
}

#endif
