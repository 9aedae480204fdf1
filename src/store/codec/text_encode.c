/*
 * Which split a family gets, whether what was written reads back, and what is remembered from one row group to the next.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/err.h"
#include "store/codec/text_table.h"

enum {
    SAMPLE_ROWS = 1024,     /* that a split is chosen by, in stretches of */
    SAMPLE_STRETCH = 64,
    SAMPLE_BYTES = 1 << 19,
};

struct text_encoder {
    struct text_writer writer;
    struct buf         map;
    bole_slice         sample_lines[SAMPLE_ROWS];
    int64_t            sample_times[SAMPLE_ROWS];
    struct arena       arena;      /* to read back; one block, kept */
    struct buf         lines;
    struct text_family family;     /* of the row group */
    struct text_memory *own;       /* NULL: the one that the writer has is shared */
    enum split         split;      /* of the last row group */
    enum split         fixed;      /* SPLIT_KINDS: by trial */
    uint64_t           mismatches; /* row groups that did not read back: stored whole */
};

struct text_encoder *text_encoder_create(struct text_memory *memory)
{
    struct text_encoder *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->fixed = SPLIT_KINDS;
    buf_init(&e->map, NULL);
    buf_init(&e->lines, NULL);
    arena_init(&e->arena, NULL);
    if (!memory)
        memory = e->own = text_memory_create();
    if (!text_writer_init(&e->writer, memory) || !memory) {
        text_encoder_destroy(e);
        return NULL;
    }
    return e;
}

void text_encoder_destroy(struct text_encoder *e)
{
    if (!e)
        return;
    text_writer_deinit(&e->writer);
    text_memory_destroy(e->own);
    buf_deinit(&e->map);
    buf_deinit(&e->lines);
    arena_deinit(&e->arena);
    free(e);
}

static bole_status encode_as(struct text_encoder *e, enum split how, const struct text_input *in, struct bole_err *err)
{
    chunks_reset(&e->writer.chunks);
    buf_reset(&e->map);
    buf_put_u8(&e->map, TEXT_VERSION);
    bole_status st = text_put_table(&e->writer, how, in, &e->map, err);
    chunks_finish(&e->writer.chunks, buf_slice(&e->map));
    return st >= 0 && e->writer.chunks.no_memory ? bole_fail(err, BOLE_E_NOMEM, "text: no memory for chunks") : st;
}

/* ---- reading back ---- */

static bool reads_back(struct text_encoder *e, const struct text_input *in)
{
    bool same = text_verify(&e->writer, in, &e->arena, &e->lines);
    size_t used = arena_used(&e->arena);
    arena_reset(&e->arena);
    if (arena_used(&e->arena) < used) { /* several blocks: the next row group will need about as much */
        arena_deinit(&e->arena);
        arena_alloc(&e->arena, used);
        arena_reset(&e->arena);
    }
    return same;
}

/* ---- choosing a split ---- */

/* Some stretches of the lines, far apart, of about so many bytes at most. */
static uint32_t take_sample(struct text_encoder *e, const struct text_input *in)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < in->count; i++)
        bytes += in->lines[i].len;
    uint64_t rows = bytes ? (uint64_t)in->count * SAMPLE_BYTES / bytes : in->count;
    uint32_t stretches = SAMPLE_ROWS / SAMPLE_STRETCH, n = 0;
    uint32_t stretch = rows < SAMPLE_ROWS ? (uint32_t)rows / stretches + 1 : SAMPLE_STRETCH;
    for (uint32_t i = 0; i < stretches; i++) {
        uint32_t first = in->count <= stretch * stretches ? i * stretch
                                                          : (uint32_t)((uint64_t)(in->count - stretch) * i / (stretches - 1));
        for (uint32_t k = 0; k < stretch && first + k < in->count; k++, n++) {
            e->sample_lines[n] = in->lines[first + k];
            e->sample_times[n] = in->time_ns[first + k];
        }
    }
    return n;
}

static uint64_t encoded_per_mille(const struct text_encoder *e, const struct text_input *in)
{
    uint64_t raw = 1, encoded = 0;
    for (uint32_t i = 0; i < in->count; i++)
        raw += in->lines[i].len;
    for (uint32_t i = 0; i < e->writer.chunks.count; i++)
        encoded += chunks_at(&e->writer.chunks, i).len;
    return encoded * 1000 / raw;
}

static bool has_quotes(const struct text_input *in)
{
    for (uint32_t i = 0; i < in->count; i++)
        if (in->lines[i].len && memchr(in->lines[i].ptr, '"', in->lines[i].len))
            return true;
    return false;
}

static bole_status try_splits(struct text_encoder *e, const struct text_input *in, enum split *ret_how, struct bole_err *err)
{
    static const enum split splits[] = {SPLIT_FIELDS, SPLIT_QUOTED, SPLIT_DIGITS};
    struct text_input sample = {e->sample_lines, e->sample_times, take_sample(e, in), in->family};
    split_begin(&e->writer.splitter, SPLIT_SHAPE, false, sample.lines, sample.count);
    uint32_t shaped = split_count_shaped(&e->writer.splitter, sample.lines, sample.count);
    size_t best = SIZE_MAX;
    bole_status st = BOLE_OK;
    if (shaped > sample.count - sample.count / 4) { /* no other can be asked for a path */
        *ret_how = SPLIT_SHAPE;
        return BOLE_OK;
    }
    e->writer.sample = true;
    for (size_t i = 0; st >= 0 && i < sizeof splits / sizeof splits[0]; i++) {
        if (splits[i] == SPLIT_QUOTED && !has_quotes(&sample)) /* it would do what FIELDS did */
            continue;
        st = encode_as(e, splits[i], &sample, err);
        size_t size = st >= 0 ? text_packed_size(&e->writer, &e->writer.chunks) : SIZE_MAX;
        if (best == SIZE_MAX || size < best - best / 64) { /* the ones in front are better to search */
            best = size;
            *ret_how = splits[i];
        }
    }
    e->writer.sample = false;
    return st;
}

/* e->writer.learn: the lines are not what they were. */
static bole_status choose_split(struct text_encoder *e, const struct text_input *in, enum split *ret_how, struct bole_err *err)
{
    struct text_family *f = &e->family;
    bool known = text_memory_family(e->writer.memory, in->family, f);
    e->writer.learn = !known || f->try_again;
    if (!e->writer.learn || e->fixed != SPLIT_KINDS) {
        *ret_how = e->fixed != SPLIT_KINDS ? e->fixed : f->how;
        return BOLE_OK;
    }
    bole_status st = try_splits(e, in, ret_how, err);
    if (st >= 0)
        *f = (struct text_family){.family = in->family, .how = *ret_how};
    return st;
}

/* A split that no longer does what it did is chosen anew the next time. */
static void judge_split(struct text_encoder *e, const struct text_input *in)
{
    struct text_family *f = &e->family;
    if (e->fixed != SPLIT_KINDS)
        return;
    uint64_t per_mille = encoded_per_mille(e, in);
    if (!f->per_mille)
        f->per_mille = per_mille;
    f->try_again = per_mille > f->per_mille + f->per_mille / 2 + 5;
    text_memory_set_family(e->writer.memory, f);
}

bole_status text_encode(struct text_encoder *e, const struct text_input *in,
                        bole_status (*put)(void *ctx, bole_slice raw, struct bole_err *err), void *ctx, struct bole_err *err)
{
    assert(in->count > 0 && in->count <= VALUES_COUNT_MAX);
    bole_status st = choose_split(e, in, &e->split, err);
    if (st >= 0)
        st = encode_as(e, e->split, in, err);
    if (st == BOLE_E_CORRUPT || (st >= 0 && !reads_back(e, in))) {
        e->mismatches++;
        st = encode_as(e, e->split = SPLIT_WHOLE, in, err);
    }
    if (st >= 0 && e->family.family == in->family) /* else no split could be chosen for it */
        judge_split(e, in);
    for (uint32_t i = 0; st >= 0 && i < e->writer.chunks.count; i++)
        st = put(ctx, chunks_at(&e->writer.chunks, i), err);
    return st;
}

void text_encoder_pieces(const struct text_encoder *e, void (*fn)(void *ctx, bole_slice piece), void *ctx)
{
    text_table_pieces(&e->writer, fn, ctx);
}

bool text_encoder_cuts(struct text_encoder *e)
{
    return text_table_cuts(&e->writer);
}

uint64_t text_encoder_mismatches(const struct text_encoder *e)
{
    return e->mismatches;
}

enum split text_encoder_split(const struct text_encoder *e)
{
    return e->split;
}

void text_encoder_fix_split(struct text_encoder *e, enum split how)
{
    e->fixed = how;
}
