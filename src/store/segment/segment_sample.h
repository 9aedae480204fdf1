/*
 * segment_sample.h - one small segment, and what can be done to it. For tests and the fuzz target.
 */
#ifndef STORE_SEGMENT_SAMPLE_H
#define STORE_SEGMENT_SAMPLE_H

#include "store/segments.h"

struct segment_sample {
    struct objects *objects; /* mem: */
    struct segment_directory *directory;
    bole_slice file;         /* as it was written */
    uint32_t   row_count;
    struct catalog_segment info;
};

struct segment_sample *segment_sample_create(void); /* aborts without memory */
void segment_sample_destroy(struct segment_sample *s);

/* Reads everything in `file` in every way there is, as the sample's segment. Returns the rows that came out; bad chunks are
 * added to *ret_bad. Aborts when a row that the sample does not have comes out and `trusted` is set. */
uint64_t segment_sample_use(struct segment_sample *s, bole_slice file, bool trusted, uint64_t *ret_bad);

enum { ATTACK_FILE, ATTACK_DIRECTORY, ATTACK_STREAMS, ATTACK_CHUNK, ATTACK_COUNT };

/* Puts `bytes` in the place of the file, of a section's content, or of the content of chunk number `which`, and uses it. */
void segment_sample_attack(struct segment_sample *s, unsigned attack, unsigned which, bole_slice bytes);

#endif
