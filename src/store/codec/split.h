/*
 * split.h - finds the parts of a line that vary: its slots. What lies between them is literal and makes up the template.
 *
 *   WHOLE    the line is one slot
 *   DIGITS   a run of [A-Za-z0-9_] with a digit in it; IPv4, UUID, stamps and signed numbers as one slot
 *   NUMBERS  as DIGITS, but "part0017" is a literal and a number: for values inside which tokens need not stay whole
 *   PARTS    as FIELDS, but every byte that is of no token separates: for paths and URLs
 *   FIELDS   what stands between separators, but words that many lines have are literal
 *   QUOTED   as FIELDS, but a quoted string is one slot
 *   SHAPE    the values of a JSON object or of a logfmt line
 *
 * Any choice of slots is right, because a line is always its literals and slots end to end. Borders of slots (but those of
 * NUMBERS) are borders of tokens.
 *
 * Threads: a splitter one at a time.
 */
#ifndef STORE_CODEC_SPLIT_H
#define STORE_CODEC_SPLIT_H

#include "store/codec/classify.h"

enum split { SPLIT_WHOLE, SPLIT_DIGITS, SPLIT_NUMBERS, SPLIT_PARTS, SPLIT_FIELDS, SPLIT_QUOTED, SPLIT_SHAPE, SPLIT_KINDS };

#define SPLIT_SLOTS_MAX 1024u /* of one line: the last slot takes the rest of the line */

struct split_slot {
    uint32_t offset, len; /* len may be 0 */
};

/* Where a slot of a template ends in a line that is said to have the template. */
enum slot_kind {
    SLOT_OTHER,    /* cannot be told */
    SLOT_TOKEN,    /* token with a digit, perhaps a minus in front */
    SLOT_FIELD,    /* up to a separator, without the dots before it */
    SLOT_COMPOUND, /* stamp: so many bytes, with digits and letters at the same places */
    SLOT_ADDRESS,  /* IPv4 address or UUID */
    SLOT_STRING,   /* up to the closing quote */
    SLOT_SCALAR,   /* up to a separator; may be empty */
    SLOT_ARRAY,    /* up to the closing bracket; no object in it */
    SLOT_BLANK,    /* up to a blank; may be empty */
};

struct split_hint {
    uint64_t digits; /* COMPOUND: bit per byte that is a digit; FIELD: not 0: there must be one */
    uint64_t tokens; /* COMPOUND: bit per byte of a token */
    uint8_t  kind, len;
};

struct split_word { uint64_t hash; uint32_t count, learned; }; /* learned: not the last time that was learned is free */

struct split_words {
    struct split_word *list; /* [SPLIT_WORDS_SIZE], by hash */
    uint32_t           learned; /* how often: a table that is not cleared for a few lines */
    uint32_t           used;
    uint32_t           threshold; /* a word is literal if it was seen so often; 0: nothing was learned yet */
};

#define SPLIT_WORDS_SIZE 16384u

struct splitter {
    enum split        how;
    bool              within;
    const bole_slice *lines; /* to learn from */
    uint32_t          line_count;
    struct split_words words;
    struct byte_masks masks;     /* of the line at hand */
    uint32_t          masks_cap; /* words of each */
    struct split_slot slots[SPLIT_SLOTS_MAX];
    uint64_t          keys[SPLIT_SLOTS_MAX];
    uint8_t           kinds[SPLIT_SLOTS_MAX]; /* enum slot_kind */
    uint32_t          path[SPLIT_SLOTS_MAX + 1]; /* template_tree.c's: one node per slot */
    bool              no_memory;
};

bool splitter_init(struct splitter *s); /* false: no memory */
void splitter_deinit(struct splitter *s);

/* What is to be split, and how. within: these are values of a column, inside which tokens need not stay whole. Words are learned from the lines when they are first needed: borrowed until then. */
void split_begin(struct splitter *s, enum split how, bool within, const bole_slice *lines,
                 uint32_t count);

/* Fills s->masks, which the calls below read; false: no memory. */
bool split_classify(struct splitter *s, bole_slice line);

/* Fills s->slots in the order of the line, without overlaps, and s->kinds. Returns their number. */
uint32_t split_line(struct splitter *s, bole_slice line);

/* Where a slot of this kind that begins at `at` ends; SPLIT_NO_END: no such slot begins there. */
size_t split_slot_end(const struct splitter *s, bole_slice line, size_t at, const struct split_hint *hint);
#define SPLIT_NO_END SIZE_MAX

/* How many of the lines are JSON objects or logfmt. */
uint32_t split_count_shaped(struct splitter *s, const bole_slice *lines, uint32_t count);

/* For a line that founds a template: fills s->keys for the slots that split_line has just found. Slots with the same key
 * share a column in all templates; 0 is a column of its own. Keys depend on the literals alone. */
void split_keys(struct splitter *s, bole_slice line, uint32_t slot_count);
struct split_hint split_hint(const struct splitter *s, bole_slice line, uint32_t slot);

/* ---- for the files of the splitters ---- */

uint32_t split_digits(struct splitter *s, bole_slice line);
uint32_t split_numbers(struct splitter *s, bole_slice line);
uint32_t split_fields(struct splitter *s, bole_slice line, bool quoted);
uint32_t split_shape(struct splitter *s, bole_slice line);
bool split_shape_keys(struct splitter *s, bole_slice line); /* false: it was split in fields */

/* Adds [start, end); false: it was the last slot that there is room for, and it takes the rest of the line. */
bool split_add_slot(struct splitter *s, uint32_t *count, bole_slice line, size_t start, size_t end, enum slot_kind kind);

/* The end of the stamp, IPv4 address or UUID that begins at `at`, 0 when there is none. */
size_t split_compound_end(const struct splitter *s, bole_slice line, size_t at, bool *ret_stamp);

/* The separator that ends the field with this byte in it. Two backslashes are none. */
size_t split_field_end(const struct splitter *s, bole_slice line, size_t from);

/* The closing quote of a string whose text begins at `from`; line.len when there is none. */
size_t split_string_end(const struct splitter *s, bole_slice line, size_t from);

/* The bracket that closes the array whose content begins at `from`; line.len when there is none. */
size_t split_array_end(const struct splitter *s, bole_slice line, size_t from, bool *ret_has_object);

#endif
