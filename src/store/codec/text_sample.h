/*
 * text_sample.h - lines for the tests of text.h, and a column of text that has been encoded and opened again.
 */
#ifndef STORE_CODEC_TEXT_SAMPLE_H
#define STORE_CODEC_TEXT_SAMPLE_H

#include "base/random.h"
#include "store/codec/text.h"

struct text_lines_sample {
    struct arena arena;
    bole_slice  *lines;   /* [count] */
    int64_t     *time_ns; /* [count] */
    uint32_t     count;
};

enum text_sample_kind {
    TEXT_SAMPLE_APP, TEXT_SAMPLE_ACCESS, TEXT_SAMPLE_JSON, TEXT_SAMPLE_LOGFMT, TEXT_SAMPLE_ODD, TEXT_SAMPLE_NOISE,
    TEXT_SAMPLE_MIXED, TEXT_SAMPLE_KINDS
};

/* Lines as programs write them, drawn at random; ODD and NOISE are lines that no program should write. */
void text_sample_init(struct text_lines_sample *s, enum text_sample_kind kind, uint32_t count, struct random *random);
void text_sample_deinit(struct text_lines_sample *s);

/* An encoded column: chunks as the encoder put them, each in memory of its exact size. */
struct text_column_sample {
    bole_slice  *chunks;
    uint32_t     chunk_count;
    uint32_t     loads;      /* how often a chunk was asked for */
    uint32_t     few;        /* of the source, when it is opened */
    struct arena arena;
    struct text *text;
};

void text_column_sample_init(struct text_column_sample *c, struct text_encoder *e, const struct text_lines_sample *lines);
void text_column_sample_deinit(struct text_column_sample *c);

/* Puts bytes in the place of one of its chunks, opens it with 64 MiB of memory to use at most, and does all that can be done.
 * Anything may fail, nothing may crash, and the memory must come back. */
void text_column_sample_attack(struct text_column_sample *c, const struct text_lines_sample *lines, uint32_t chunk,
                               bole_slice bytes);

/* Opens it anew, with nothing loaded. */
bole_status text_column_sample_open(struct text_column_sample *c, const struct text_lines_sample *lines, struct bole_err *err);

#endif
