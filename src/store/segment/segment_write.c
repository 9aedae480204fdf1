/*
 * A row group is written column by column from the batches it came in: the columns of a batch are arrays, so each pass
 * reads what it needs and nothing else.
 */
#include "store/segment/segment_write.h"

#include <assert.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/err.h"
#include "store/codec/text.h"
#include "store/segment/pack.h"
#include "store/segment/rollup.h"
#include "store/segment/segment_fields.h"
#include "store/segment/seqs.h"

#define STREAM_UNKNOWN UINT32_MAX

struct segment_writer {
    const struct row_source *sources;
    size_t source_count;
    uint32_t  *source_numbers;  /* memory of the two below */
    uint32_t **stream_ids;      /* per source: its stream index to the segment's, STREAM_UNKNOWN until met */
    uint32_t **key_ids;         /* per source: its key index to the segment's */
    struct interner keys;
    struct field_writer *fields;
    struct text_encoder *text;
    uint32_t text_rows, text_chunks; /* of the group in hand */
    struct rollup_builder rollup;
    struct segment_file *file;
    struct buf directory, scratch; /* of one group: entries of its columns; a column */
    struct segment_stream *uses;   /* [use_capacity] streams of the current group */
    struct digest *digests;        /* [use_capacity] of the streams in uses */
    uint32_t *use_of_stream;       /* [use_capacity] index into uses + 1, later the local index; 0: not in this group */
    uint32_t  use_capacity, use_count;
    uint64_t  wide[GROUP_ROWS_MAX];
    uint32_t  narrow[GROUP_ROWS_MAX];
    bole_slice lines[GROUP_ROWS_MAX]; /* of the group in hand, and the numbers of its rows */
    uint64_t   seqs[GROUP_ROWS_MAX];
};

static bool map_sources(struct segment_writer *w)
{
    size_t numbers = 0;
    for (size_t i = 0; i < w->source_count; i++)
        numbers += w->sources[i].batch->stream_count + w->sources[i].batch->key_count;
    w->source_numbers = malloc((numbers + 1) * sizeof *w->source_numbers);
    w->stream_ids = calloc(w->source_count + 1, sizeof *w->stream_ids);
    w->key_ids = calloc(w->source_count + 1, sizeof *w->key_ids);
    if (!w->source_numbers || !w->stream_ids || !w->key_ids)
        return false;
    uint32_t *next = w->source_numbers;
    for (size_t i = 0; i < w->source_count; i++) {
        const struct batch *b = w->sources[i].batch;
        w->stream_ids[i] = next;
        for (uint32_t s = 0; s < b->stream_count; s++)
            *next++ = STREAM_UNKNOWN;
        w->key_ids[i] = next;
        for (uint32_t k = 0; k < b->key_count; k++)
            if (!interner_put(&w->keys, 0, b->keys[k], next++))
                return false;
    }
    return true;
}

struct segment_writer *segment_writer_create(const struct row_source *sources, size_t source_count,
                                             struct segment_file *file)
{
    struct segment_writer *w = calloc(1, sizeof *w); /* interner and buffers start empty as zeros */
    if (!w)
        return NULL;
    w->sources = sources;
    w->source_count = source_count;
    w->file = file;
    w->fields = field_writer_create();
    w->text = text_encoder_create(file->text_memory);
    if (!w->fields || !w->text || !map_sources(w)) {
        segment_writer_destroy(w);
        return NULL;
    }
    return w;
}

void segment_writer_destroy(struct segment_writer *w)
{
    if (!w)
        return;
    free(w->source_numbers);
    free(w->stream_ids);
    free(w->key_ids);
    interner_deinit(&w->keys);
    field_writer_destroy(w->fields);
    text_encoder_destroy(w->text);
    rollup_deinit(&w->rollup);
    buf_deinit(&w->directory);
    buf_deinit(&w->scratch);
    free(w->uses);
    free(w->digests);
    free(w->use_of_stream);
    free(w);
}

/* ---- columns ---- */

/* Kind, one chunk of all rows, from w->scratch. */
static void put_single(struct segment_writer *w, enum chunk_kind kind, uint32_t rows)
{
    w->directory.failed |= w->scratch.failed;
    buf_put_u8(&w->directory, (uint8_t)kind);
    buf_put_varint(&w->directory, 1);
    buf_put_varint(&w->directory, chunk_put(&w->file->out, &w->file->codec, kind, rows, buf_slice(&w->scratch)));
    buf_put_varint(&w->directory, rows);
    buf_reset(&w->scratch);
}

/* Inlined, so that the divisor is a constant. */
__attribute__((always_inline)) static inline bool divides_times(const struct group_rows *g, int64_t scale)
{
    for (uint32_t row = 0; row < g->row_count; row++)
        if (g->rows[row].time_ns % scale)
            return false;
    return true;
}

__attribute__((always_inline)) static inline void divide_times(const struct group_rows *g, int64_t scale, uint64_t *ret_times)
{
    for (uint32_t row = 0; row < g->row_count; row++)
        ret_times[row] = (uint64_t)(g->rows[row].time_ns / scale);
}

/* Times by the largest of 1 s, 1 ms, 1 us, 1 ns that divides every one of them. */
static int64_t scale_times(const struct group_rows *g, uint64_t *ret_times)
{
    if (divides_times(g, NS_PER_S)) {
        divide_times(g, NS_PER_S, ret_times);
        return NS_PER_S;
    }
    if (divides_times(g, NS_PER_MS)) {
        divide_times(g, NS_PER_MS, ret_times);
        return NS_PER_MS;
    }
    if (divides_times(g, NS_PER_US)) {
        divide_times(g, NS_PER_US, ret_times);
        return NS_PER_US;
    }
    divide_times(g, 1, ret_times);
    return 1;
}

static void put_times(struct segment_writer *w, const struct group_rows *g)
{
    int64_t scale = scale_times(g, w->wide);
    buf_put_u64(&w->scratch, (uint64_t)scale);
    pack(&w->scratch, PACK_DELTA, w->wide, g->row_count);
    put_single(w, CHUNK_TIME, g->row_count);
}

/* With the streams of the rows in w->narrow. A reader of a group by stream does not load those: there they go without saying. */
static bool put_seqs(struct segment_writer *w, const struct group_kind *kind, const struct group_rows *g)
{
    uint64_t *next = malloc(w->use_count * sizeof *next);
    if (!next)
        return false;
    seqs_put(&w->scratch, w->seqs, kind->order == GROUP_BY_TIME ? w->narrow : NULL, g->row_count, next, w->use_count);
    free(next);
    put_single(w, CHUNK_SEQ, g->row_count);
    return true;
}

/* What more than one column needs of the rows. */
static void look_up_rows(struct segment_writer *w, const struct group_rows *g)
{
    for (uint32_t row = 0; row < g->row_count; row++) {
        const struct row_source *s = &w->sources[g->rows[row].source];
        w->lines[row] = batch_line(s->batch, g->rows[row].row);
        w->seqs[row] = row_source_seq(s, g->rows[row].row);
    }
}

static bool stream_of_row(struct segment_writer *w, const struct row_ref *r, uint32_t *ret_id)
{
    const struct batch *b = w->sources[r->source].batch;
    uint32_t index = b->row_stream[r->row], *id = &w->stream_ids[r->source][index];
    if (*id == STREAM_UNKNOWN && !segment_file_stream(w->file, b->streams[index].flags, b->streams[index].labels, id))
        return false;
    *ret_id = *id;
    return true;
}

static bool grow_uses(struct segment_writer *w)
{
    uint32_t capacity = w->file->streams.capacity;
    struct segment_stream *uses = realloc(w->uses, capacity * sizeof *uses);
    if (uses)
        w->uses = uses;
    struct digest *digests = realloc(w->digests, capacity * sizeof *digests);
    if (digests)
        w->digests = digests;
    uint32_t *use_of_stream = realloc(w->use_of_stream, capacity * sizeof *use_of_stream);
    if (use_of_stream)
        w->use_of_stream = use_of_stream;
    if (!uses || !digests || !use_of_stream)
        return false;
    memset(use_of_stream + w->use_capacity, 0, (capacity - w->use_capacity) * sizeof *use_of_stream);
    w->use_capacity = capacity;
    return true;
}

static int by_id(const void *a, const void *b)
{
    const struct segment_stream *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

/* Fills w->uses, by id or in the order of the rows, and w->narrow with each row's index into it. */
static bool collect_streams(struct segment_writer *w, const struct group_kind *kind, const struct group_rows *g)
{
    w->use_count = 0;
    for (uint32_t row = 0; row < g->row_count; row++) {
        uint32_t id;
        if (!stream_of_row(w, &g->rows[row], &id) || (id >= w->use_capacity && !grow_uses(w)))
            return false;
        if (!w->use_of_stream[id]) {
            w->uses[w->use_count] = (struct segment_stream){.id = id};
            w->use_of_stream[id] = ++w->use_count;
        }
        struct segment_stream *use = &w->uses[w->use_of_stream[id] - 1];
        use->rows++;
        use->bytes += w->lines[row].len;
        w->narrow[row] = id;
    }
    if (kind->order == GROUP_BY_TIME)
        qsort(w->uses, w->use_count, sizeof *w->uses, by_id);
    for (uint32_t i = 0; i < w->use_count; i++) {
        w->use_of_stream[w->uses[i].id] = i;
        w->digests[i] = digest_of_stream(kind->tenant, w->file->streams.items[w->uses[i].id].text);
    }
    for (uint32_t row = 0; row < g->row_count; row++)
        w->narrow[row] = w->use_of_stream[w->narrow[row]];
    for (uint32_t i = 0; i < w->use_count; i++)
        w->use_of_stream[w->uses[i].id] = 0;
    return true;
}

/* With the streams of the rows in w->narrow. */
static struct digest digest_of_rows(const struct segment_writer *w, const struct group_rows *g)
{
    struct digest sum = {0};
    struct digest_memo memo = {0};
    for (uint32_t row = 0; row < g->row_count; row++) {
        const struct row_source *s = &w->sources[g->rows[row].source];
        sum = digest_add(sum, digest_of_row(w->digests[w->narrow[row]], s->batch, g->rows[row].row, w->seqs[row], &memo));
    }
    return sum;
}

static bole_status put_text_chunk(void *ctx, bole_slice raw, struct bole_err *err)
{
    struct segment_writer *w = ctx;
    (void)err; /* a failed buffer is found at the end of the group */
    buf_put_varint(&w->scratch, chunk_put(&w->file->out, &w->file->codec, CHUNK_TEXT, w->text_rows, raw));
    buf_put_varint(&w->scratch, w->text_rows);
    w->text_chunks++;
    return BOLE_OK;
}

static bool put_lines(struct segment_writer *w, const struct group_rows *g)
{
    for (uint32_t row = 0; row < g->row_count; row++)
        w->wide[row] = (uint64_t)g->rows[row].time_ns;
    struct text_input in = {.lines = w->lines,
                            .time_ns = (const int64_t *)w->wide,
                            .count = g->row_count,
                            .family = g->family};
    w->text_rows = g->row_count;
    w->text_chunks = 0;
    if (text_encode(w->text, &in, put_text_chunk, w, NULL) < 0)
        return false;
    text_encoder_pieces(w->text, segment_file_piece, w->file);
    if (text_encoder_cuts(w->text))
        segment_file_cuts(w->file);
    buf_put_u8(&w->directory, CHUNK_TEXT);
    buf_put_varint(&w->directory, w->text_chunks);
    buf_put(&w->directory, buf_slice(&w->scratch)); /* the sizes of its chunks */
    bool ok = !w->scratch.failed;
    buf_reset(&w->scratch);
    return ok;
}

/* From w->narrow, which collect_streams has filled. False: it would not help, or there is no memory for it. */
static bool put_rollup(struct segment_writer *w, const struct group_rows *g)
{
    rollup_begin(&w->rollup, w->use_count);
    for (uint32_t row = 0; row < g->row_count; row++)
        rollup_add(&w->rollup, w->narrow[row], g->rows[row].time_ns, w->lines[row].len);
    if (!rollup_finish(&w->rollup, g->row_count, &w->scratch))
        return false;
    put_single(w, CHUNK_ROLLUP, g->row_count);
    return true;
}

/* ---- groups ---- */

/* What the rows themselves say of their group. */
static struct segment_group describe(const struct segment_writer *w, const struct group_kind *kind,
                                     const struct group_rows *g)
{
    struct segment_group d = {.tenant = kind->tenant,
                              .row_count = g->row_count,
                              .min_time_ns = INT64_MAX,
                              .max_time_ns = INT64_MIN,
                              .received_ns = INT64_MIN,
                              .min_lsn = UINT64_MAX,
                              .order = kind->order,
                              .generation = kind->generation,
                              .family = kind->family,
                              .family_name = kind->family_name,
                              .streams = w->uses,
                              .stream_count = w->use_count};
    for (uint32_t row = 0; row < g->row_count; row++) {
        const struct row_source *s = &w->sources[g->rows[row].source];
        int64_t time = g->rows[row].time_ns, received = s->batch->received_ns;
        uint64_t lsn = seq_lsn(w->seqs[row]);
        d.min_time_ns = time < d.min_time_ns ? time : d.min_time_ns;
        d.max_time_ns = time > d.max_time_ns ? time : d.max_time_ns;
        d.received_ns = received > d.received_ns ? received : d.received_ns;
        d.min_lsn = lsn < d.min_lsn ? lsn : d.min_lsn;
        d.max_lsn = lsn > d.max_lsn ? lsn : d.max_lsn;
    }
    for (uint32_t i = 0; i < w->use_count; i++)
        d.line_bytes += w->uses[i].bytes;
    return d;
}

static bole_status put_group(struct segment_writer *w, const struct group_kind *kind, const struct group_rows *g,
                             struct bole_err *err)
{
    struct segment_file *f = w->file;
    uint32_t field_columns = 0;
    look_up_rows(w, g);
    bool ok = collect_streams(w, kind, g);
    if (ok) {
        struct segment_group d = describe(w, kind, g);
        d.digest = digest_of_rows(w, g);
        buf_reset(&w->directory);
        pack_u32(&w->scratch, w->narrow, g->row_count);
        put_single(w, CHUNK_STREAM, g->row_count);
        bool has_rollup = put_rollup(w, g);
        put_times(w, g);
        ok = put_seqs(w, kind, g) && put_lines(w, g) &&
             field_writer_put(w->fields, g, f, &w->directory, &field_columns, &d.field_bytes) &&
             !w->directory.failed && !w->scratch.failed && !f->out.failed;
        d.column_count = 4 + has_rollup + field_columns;
        d.column_entries = buf_slice(&w->directory);
        if (ok)
            return segment_file_add(f, &d, err);
    }
    return bole_fail(err, BOLE_E_NOMEM, "segment: no memory to write it");
}

/* Bytes of a row as far as they count for the size of a group. Names of keys count each time: they are repeated in the
 * column that takes the rest. */
static size_t row_weight(const struct batch *b, uint32_t row)
{
    size_t weight = batch_line(b, row).len;
    uint32_t first = batch_field_first(b, row), end = b->field_end[row];
    if (end > first)
        weight += b->value_end[end - 1] - (first ? b->value_end[first - 1] : 0);
    for (uint32_t i = first; i < end; i++)
        weight += 8 + b->keys[b->field_key[i]].len;
    return weight;
}

/* Groups are of about one size: none is small because it came last, or it would soon be merged with others. */
static size_t group_weight(const struct segment_writer *w, const struct group_kind *kind, const struct row_ref *rows,
                           size_t row_count)
{
    size_t total = 0, weight_max = kind->weight_max ? kind->weight_max : GROUP_RAW_MAX;
    for (size_t i = 0; i < row_count; i++)
        total += row_weight(w->sources[rows[i].source].batch, rows[i].row);
    return total / (total / weight_max + 1) + 1;
}

bole_status segment_writer_add(struct segment_writer *w, const struct group_kind *kind, const struct row_ref *rows,
                               size_t row_count, struct bole_err *err)
{
    bole_status st = BOLE_OK;
    size_t weight_max = group_weight(w, kind, rows, row_count);
    for (size_t first = 0; st >= 0 && first < row_count;) {
        size_t weight = 0, end = first;
        while (end < row_count && end - first < GROUP_ROWS_MAX && weight < weight_max) {
            assert(kind->order != GROUP_BY_TIME || end == first || rows[end - 1].time_ns <= rows[end].time_ns);
            weight += row_weight(w->sources[rows[end].source].batch, rows[end].row);
            end++;
        }
        struct group_rows g = {w->sources, rows + first, (uint32_t)(end - first), (const uint32_t *const *)w->key_ids,
                               &w->keys, kind->family};
        st = put_group(w, kind, &g, err);
        first = end;
    }
    return st;
}
