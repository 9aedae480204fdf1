/*
 * split.h - finds the parts of a line that vary: its slots. What lies between them is literal and makes up the template.
 *
 *   WHOLE    the line is one slot
 *   DIGITS   a run of [A-Za-z0-9_] with a digit in it; IPv4, UUID, stamps and signed numbers as one slot
 *   NUMBERS  as DIGITS, but "part0017" is a literal and a number: for values inside which tokens need not stay whole
 *   FIELDS   what stands between separators, but words that many lines have are literal (split_learn)
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

enum split { SPLIT_WHOLE, SPLIT_DIGITS, SPLIT_NUMBERS, SPLIT_FIELDS, SPLIT_QUOTED, SPLIT_SHAPE, SPLIT_KINDS };

#define SPLIT_SLOTS_MAX 1024u /* of one line: the last slot takes the rest of the line */

struct split_slot {
    uint32_t offset, len; /* len may be 0 */
};

struct split_word { uint64_t hash; uint32_t count; }; /* count 0: free */

struct split_words {
    struct split_word *list; /* [SPLIT_WORDS_SIZE], by hash */
    uint32_t           used, threshold; /* a word is literal if it was seen so often */
};

#define SPLIT_WORDS_SIZE 16384u

struct splitter {
    struct split_words words;     /* of FIELDS and QUOTED */
    struct byte_masks masks;      /* of the line at hand */
    uint32_t          masks_cap;  /* words of each */
    struct split_slot slots[SPLIT_SLOTS_MAX];
    uint64_t          keys[SPLIT_SLOTS_MAX];
    bool              no_memory;
};

void splitter_init(struct splitter *s);
void splitter_deinit(struct splitter *s);

/* Fills s->slots in the order of the line, without overlaps, and returns their number. When memory runs out the line is one
 * slot and no_memory is set. */
uint32_t split_line(struct splitter *s, enum split how, bole_slice line);

/* Learns from a sample of the lines which words are part of templates. Before FIELDS, QUOTED and SHAPE. */
void split_learn(struct splitter *s, const bole_slice *lines, uint32_t count, uint32_t step);

/* How many of the lines are JSON objects or logfmt. */
uint32_t split_count_shaped(struct splitter *s, const bole_slice *lines, uint32_t count);

/* For a line that founds a template: fills s->keys for the slots that split_line has just found. Slots with the same key
 * share a column in all templates; 0 is a column of its own. Keys depend on the literals alone. */
void split_keys(struct splitter *s, enum split how, bole_slice line, uint32_t slot_count);

/* ---- for the files of the splitters ---- */

uint32_t split_digits(struct splitter *s, bole_slice line);
uint32_t split_numbers(struct splitter *s, bole_slice line);
uint32_t split_fields(struct splitter *s, bole_slice line, bool quoted);
uint32_t split_shape(struct splitter *s, bole_slice line);
bool split_shape_keys(struct splitter *s, bole_slice line); /* false: it was split in fields */

bool split_classify(struct splitter *s, bole_slice line); /* fills s->masks; false: no memory */

/* Adds [start, end); false: it was the last slot that there is room for, and it takes the rest of the line. */
bool split_add_slot(struct splitter *s, uint32_t *count, bole_slice line, size_t start, size_t end);

/* The end of the stamp, IPv4 address or UUID that begins at `at`, 0 when there is none. */
size_t split_compound_end(bole_slice line, size_t at);

#endif
