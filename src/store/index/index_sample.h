/*
 * index_sample.h - small segments of random lines with all that an index can get wrong, for tests, and hostile sections
 * for test and fuzzer.
 */
#ifndef STORE_INDEX_INDEX_SAMPLE_H
#define STORE_INDEX_INDEX_SAMPLE_H

#include "base/random.h"
#include "store/index/token_map.h"
#include "store/index/tokens.h"

#define SAMPLE_GROUPS_MAX 24u
#define SAMPLE_IDS        400u

struct sample {
    struct random random;
    struct tokens tokens;
    uint32_t      group_count;
    struct buf    lines[SAMPLE_GROUPS_MAX];  /* a line feed behind each */
    struct buf    ids;                       /* a line feed behind each: what lines are made of */
    uint32_t      id_start[SAMPLE_IDS + 1];
    struct buf    section;
    struct token_index_info info;
};

struct sample *sample_create(uint64_t seed); /* lines, no section yet */
void sample_destroy(struct sample *s);

/* Builds the section from pieces of the lines; some values that look like stamps are unlisted when `unlisted` is set.
 */
void sample_index(struct sample *s, const struct token_builder_options *options, bool unlisted);

bole_slice sample_id(const struct sample *s, uint32_t index);

/* A needle: text in out of at most `max` bytes, from inside of lines and ids or absent. */
struct token_needle sample_needle(struct sample *s, uint8_t *out, size_t max);

/* By looking at the lines of the group: one of them holds the needle. */
bool sample_holds(const struct sample *s, uint32_t group, const struct token_needle *needle);

/* A reader of ranges of s->section, which counts. */
struct sample_reader { bole_slice bytes; size_t calls, largest; size_t fail_at; /* the n-th call fails; 0: none */ };
struct token_source sample_source(struct sample_reader *r, bole_slice bytes);

/* Opens `bytes`, asks some needles and closes: nothing may crash. Checksums in the section are made to fit first. */
void sample_attack(uint8_t *bytes, size_t len);

#endif
