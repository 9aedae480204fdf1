/*
 * A row group is written column by column from the batches it came in: the columns of a batch are arrays, so each pass
 * reads what it needs and nothing else. Only line bytes are copied, once, into the page that is compressed next.
 */
#include "store/segment_write.h"

#include <assert.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/crc32c.h"
#include "base/err.h"
#include "store/pack.h"
#include "store/segment_fields.h"

#define STREAM_UNKNOWN UINT32_MAX

struct stream_use {
    uint32_t id; /* of the segment */
    uint32_t rows;
    uint64_t bytes;
};

struct segment_writer {
    const struct row_source *sources;
    size_t source_count;
    uint32_t  *source_numbers;  /* memory of the two below */
    uint32_t **stream_ids;      /* per source: its stream index to the segment's, STREAM_UNKNOWN until met */
    uint32_t **key_ids;         /* per source: its key index to the segment's */
    struct interner streams, keys, tenants;
    struct field_writer *fields;
    struct chunk_codec codec;
    struct buf out, directory, scratch;
    uint32_t group_count;
    struct segment_totals totals;
    struct stream_use *uses;    /* [streams.count] at most: streams of the current group */
    uint32_t *use_of_stream;    /* [use_capacity] index into uses + 1, later the local index; 0: not in this group */
    uint32_t  use_capacity, use_count;
    uint64_t  wide[GROUP_ROWS_MAX];
    uint32_t  narrow[GROUP_ROWS_MAX];
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
                                             const uint8_t store_id[SEGMENT_ID_SIZE], int64_t created_ns)
{
    struct segment_writer *w = calloc(1, sizeof *w); /* interners and buffers start empty as zeros */
    if (!w)
        return NULL;
    w->sources = sources;
    w->source_count = source_count;
    w->totals = (struct segment_totals){
        .min_time_ns = INT64_MAX, .max_time_ns = INT64_MIN, .min_lsn = UINT64_MAX, .created_ns = created_ns};
    w->fields = field_writer_create();
    if (!w->fields || !map_sources(w)) {
        segment_writer_destroy(w);
        return NULL;
    }
    buf_put(&w->out, S(SEGMENT_MAGIC));
    buf_put_u16(&w->out, SEGMENT_VERSION);
    buf_put_u16(&w->out, 0);
    buf_put(&w->out, bole_slice_from(store_id, SEGMENT_ID_SIZE));
    buf_put_u32(&w->out, w->out.failed ? 0 : crc32c(0, w->out.ptr, HEADER_CRC));
    return w;
}

void segment_writer_destroy(struct segment_writer *w)
{
    if (!w)
        return;
    free(w->source_numbers);
    free(w->stream_ids);
    free(w->key_ids);
    interner_deinit(&w->streams);
    interner_deinit(&w->keys);
    interner_deinit(&w->tenants);
    field_writer_destroy(w->fields);
    chunk_codec_deinit(&w->codec);
    buf_deinit(&w->out);
    buf_deinit(&w->directory);
    buf_deinit(&w->scratch);
    free(w->uses);
    free(w->use_of_stream);
    free(w);
}

/* ---- columns ---- */

/* Kind, one chunk of all rows, from w->scratch. */
static void put_single(struct segment_writer *w, enum chunk_kind kind, uint32_t rows)
{
    w->out.failed |= w->scratch.failed;
    buf_put_u8(&w->directory, (uint8_t)kind);
    buf_put_varint(&w->directory, 1);
    buf_put_varint(&w->directory, chunk_put(&w->out, &w->codec, kind, rows, buf_slice(&w->scratch)));
    buf_put_varint(&w->directory, rows);
    buf_reset(&w->scratch);
}

/* The largest of 1 s, 1 ms, 1 us, 1 ns that divides every time. */
static int64_t time_scale(const struct group_rows *g)
{
    int64_t scale = NS_PER_S;
    for (uint32_t row = 0; scale > 1 && row < g->row_count; row++)
        while (g->rows[row].time_ns % scale)
            scale /= 1000;
    return scale;
}

static void put_times(struct segment_writer *w, const struct group_rows *g)
{
    int64_t scale = time_scale(g);
    for (uint32_t row = 0; row < g->row_count; row++)
        w->wide[row] = (uint64_t)(g->rows[row].time_ns / scale);
    buf_put_u64(&w->scratch, (uint64_t)scale);
    pack(&w->scratch, PACK_DELTA, w->wide, g->row_count);
    put_single(w, CHUNK_TIME, g->row_count);
}

static void put_signed(struct buf *out, int64_t v)
{
    buf_put_varint(out, (uint64_t)v << 1 ^ (uint64_t)(v >> 63));
}

static void put_seqs(struct segment_writer *w, const struct group_rows *g)
{
    uint64_t end = 0; /* of the run before */
    for (uint32_t row = 0; row < g->row_count;) {
        const struct row_source *s = &w->sources[g->rows[row].source];
        uint64_t first = seq_make(s->lsn, s->first_row + g->rows[row].row);
        uint32_t length = 1;
        while (row + length < g->row_count && g->rows[row + length].source == g->rows[row].source &&
               g->rows[row + length].row == g->rows[row].row + length)
            length++;
        put_signed(&w->scratch, (int64_t)(first - end));
        buf_put_varint(&w->scratch, length - 1);
        end = first + length;
        row += length;
    }
    put_single(w, CHUNK_SEQ, g->row_count);
}

static bool stream_of_row(struct segment_writer *w, const struct row_ref *r, uint32_t *ret_id)
{
    const struct batch *b = w->sources[r->source].batch;
    uint32_t index = b->row_stream[r->row], *id = &w->stream_ids[r->source][index];
    if (*id == STREAM_UNKNOWN && !interner_put(&w->streams, b->streams[index].flags, b->streams[index].labels, id))
        return false;
    *ret_id = *id;
    return true;
}

static bool grow_uses(struct segment_writer *w)
{
    uint32_t capacity = w->streams.capacity;
    struct stream_use *uses = realloc(w->uses, capacity * sizeof *uses);
    if (uses)
        w->uses = uses;
    uint32_t *use_of_stream = realloc(w->use_of_stream, capacity * sizeof *use_of_stream);
    if (use_of_stream)
        w->use_of_stream = use_of_stream;
    if (!uses || !use_of_stream)
        return false;
    memset(use_of_stream + w->use_capacity, 0, (capacity - w->use_capacity) * sizeof *use_of_stream);
    w->use_capacity = capacity;
    return true;
}

static int by_id(const void *a, const void *b)
{
    const struct stream_use *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

/* Fills w->uses, sorted by id, and w->narrow with each row's index into it. */
static bool collect_streams(struct segment_writer *w, const struct group_rows *g)
{
    w->use_count = 0;
    for (uint32_t row = 0; row < g->row_count; row++) {
        uint32_t id;
        if (!stream_of_row(w, &g->rows[row], &id) || (id >= w->use_capacity && !grow_uses(w)))
            return false;
        if (!w->use_of_stream[id]) {
            w->uses[w->use_count] = (struct stream_use){.id = id};
            w->use_of_stream[id] = ++w->use_count;
        }
        struct stream_use *use = &w->uses[w->use_of_stream[id] - 1];
        use->rows++;
        use->bytes += batch_line(w->sources[g->rows[row].source].batch, g->rows[row].row).len;
        w->narrow[row] = id;
    }
    qsort(w->uses, w->use_count, sizeof *w->uses, by_id);
    for (uint32_t i = 0; i < w->use_count; i++)
        w->use_of_stream[w->uses[i].id] = i;
    for (uint32_t row = 0; row < g->row_count; row++)
        w->narrow[row] = w->use_of_stream[w->narrow[row]];
    for (uint32_t i = 0; i < w->use_count; i++)
        w->use_of_stream[w->uses[i].id] = 0;
    return true;
}

static bole_slice line_of_row(const void *ctx, uint32_t row)
{
    const struct group_rows *g = ctx;
    return batch_line(g->sources[g->rows[row].source].batch, g->rows[row].row);
}

static void put_lines(struct segment_writer *w, const struct group_rows *g)
{
    for (uint32_t row = 0; row < g->row_count; row++)
        w->narrow[row] = (uint32_t)line_of_row(g, row).len;
    struct bytes_column c = {w->narrow, g->row_count, 0, line_of_row, g};
    buf_put_u8(&w->directory, CHUNK_LINE);
    bytes_column_put(&c, CHUNK_LINE, &w->codec, &w->scratch, &w->out, &w->directory);
    buf_reset(&w->scratch);
}

/* ---- groups ---- */

static void put_group_head(struct segment_writer *w, uint32_t tenant, const struct group_rows *g, uint64_t line_bytes,
                           uint64_t field_bytes)
{
    uint64_t min_lsn = UINT64_MAX, max_lsn = 0;
    for (uint32_t row = 0; row < g->row_count; row++) {
        uint64_t lsn = w->sources[g->rows[row].source].lsn;
        min_lsn = lsn < min_lsn ? lsn : min_lsn;
        max_lsn = lsn > max_lsn ? lsn : max_lsn;
    }
    int64_t min_time = g->rows[0].time_ns, max_time = g->rows[g->row_count - 1].time_ns;
    struct buf *d = &w->directory;
    buf_put_varint(d, tenant);
    buf_put_varint(d, g->row_count);
    buf_put_u64(d, (uint64_t)min_time);
    buf_put_u64(d, (uint64_t)max_time);
    buf_put_varint(d, line_bytes);
    buf_put_varint(d, field_bytes);
    buf_put_varint(d, min_lsn);
    buf_put_varint(d, max_lsn - min_lsn);
    buf_put_varint(d, w->use_count);
    for (uint32_t i = 0; i < w->use_count; i++) {
        buf_put_varint(d, i ? w->uses[i].id - w->uses[i - 1].id - 1 : w->uses[i].id);
        buf_put_varint(d, w->uses[i].rows);
        buf_put_varint(d, w->uses[i].bytes);
    }
    struct segment_totals *t = &w->totals;
    t->row_count += g->row_count;
    t->raw_bytes += line_bytes + field_bytes;
    t->min_time_ns = min_time < t->min_time_ns ? min_time : t->min_time_ns;
    t->max_time_ns = max_time > t->max_time_ns ? max_time : t->max_time_ns;
    t->min_lsn = min_lsn < t->min_lsn ? min_lsn : t->min_lsn;
    t->max_lsn = max_lsn > t->max_lsn ? max_lsn : t->max_lsn;
}

static bool put_group(struct segment_writer *w, uint32_t tenant, const struct group_rows *g)
{
    uint32_t field_columns;
    uint64_t line_bytes = 0, field_bytes = 0;
    if (!collect_streams(w, g))
        return false;
    for (uint32_t i = 0; i < w->use_count; i++)
        line_bytes += w->uses[i].bytes;
    /* The head of the entry needs what the field columns find out, so their entries wait in a buffer of their own. */
    struct buf columns = w->directory;
    buf_init(&w->directory, NULL);
    pack_u32(&w->scratch, w->narrow, g->row_count);
    put_single(w, CHUNK_STREAM, g->row_count);
    put_times(w, g);
    put_seqs(w, g);
    put_lines(w, g);
    bool ok = field_writer_put(w->fields, g, &w->codec, &w->out, &w->directory, &field_columns, &field_bytes);
    struct buf entries = w->directory;
    w->directory = columns;
    if (ok) {
        put_group_head(w, tenant, g, line_bytes, field_bytes);
        buf_put_varint(&w->directory, 4 + field_columns);
        buf_put(&w->directory, buf_slice(&entries));
        w->group_count++;
    }
    ok = ok && !entries.failed;
    buf_deinit(&entries);
    return ok && !w->directory.failed && !w->out.failed && !w->scratch.failed;
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

bole_status segment_writer_add(struct segment_writer *w, bole_slice tenant, const struct row_ref *rows,
                               size_t row_count, struct bole_err *err)
{
    uint32_t tenant_index;
    bool ok = interner_put(&w->tenants, 0, tenant, &tenant_index);
    for (size_t first = 0; ok && first < row_count;) {
        size_t weight = 0, end = first;
        while (end < row_count && end - first < GROUP_ROWS_MAX && weight < GROUP_RAW_MAX) {
            assert(end == first || rows[end - 1].time_ns <= rows[end].time_ns);
            weight += row_weight(w->sources[rows[end].source].batch, rows[end].row);
            end++;
        }
        struct group_rows g = {w->sources, rows + first, (uint32_t)(end - first), (const uint32_t *const *)w->key_ids,
                               &w->keys};
        ok = put_group(w, tenant_index, &g);
        first = end;
    }
    return ok ? BOLE_OK : bole_fail(err, BOLE_E_NOMEM, "segment: no memory to write it");
}

/* ---- the end of the file ---- */

struct section {
    uint16_t type;
    uint64_t offset, size;
    uint32_t crc;
};

static struct section put_section(struct segment_writer *w, uint16_t type, uint32_t entries, bole_slice raw)
{
    struct section s = {.type = type, .offset = w->out.len};
    s.size = chunk_put(&w->out, &w->codec, CHUNK_SECTION, entries, raw);
    if (!w->out.failed)
        s.crc = crc32c(0, w->out.ptr + s.offset, s.size);
    return s;
}

static struct section put_streams(struct segment_writer *w)
{
    buf_reset(&w->scratch);
    for (uint32_t i = 0; i < w->streams.count; i++) {
        buf_put_u8(&w->scratch, (uint8_t)w->streams.items[i].tag);
        buf_put_varint(&w->scratch, w->streams.items[i].text.len);
        buf_put(&w->scratch, w->streams.items[i].text);
    }
    w->out.failed |= w->scratch.failed;
    return put_section(w, SECTION_STREAMS, w->streams.count, buf_slice(&w->scratch));
}

static struct section put_directory(struct segment_writer *w)
{
    buf_reset(&w->scratch);
    buf_put_varint(&w->scratch, w->tenants.count);
    for (uint32_t i = 0; i < w->tenants.count; i++) {
        buf_put_varint(&w->scratch, w->tenants.items[i].text.len);
        buf_put(&w->scratch, w->tenants.items[i].text);
    }
    buf_put(&w->scratch, buf_slice(&w->directory));
    w->out.failed |= w->scratch.failed;
    return put_section(w, SECTION_DIRECTORY, w->group_count, buf_slice(&w->scratch));
}

static void put_footer(struct segment_writer *w, const struct section *sections, uint32_t section_count)
{
    struct buf *out = &w->out;
    size_t from = out->len;
    buf_put_u32(out, section_count);
    for (uint32_t i = 0; i < section_count; i++) {
        buf_put_u16(out, sections[i].type);
        buf_put_u16(out, SECTION_VERSION);
        buf_put_u64(out, sections[i].offset);
        buf_put_u64(out, sections[i].size);
        buf_put_u32(out, sections[i].crc);
    }
    const struct segment_totals *t = &w->totals;
    buf_put_u64(out, t->row_count);
    buf_put_u64(out, t->raw_bytes);
    buf_put_u64(out, (uint64_t)t->min_time_ns);
    buf_put_u64(out, (uint64_t)t->max_time_ns);
    buf_put_u64(out, t->min_lsn);
    buf_put_u64(out, t->max_lsn);
    buf_put_u64(out, (uint64_t)t->created_ns);
    uint32_t size = (uint32_t)(out->len - from);
    buf_put_u32(out, size);
    buf_put_u32(out, out->failed ? 0 : crc32c(0, out->ptr + from, out->len - from));
    buf_put(out, S(SEGMENT_MAGIC));
}

bole_status segment_writer_finish(struct segment_writer *w, bole_slice *ret_file, struct segment_totals *ret_totals,
                                  struct bole_err *err)
{
    assert(w->totals.row_count > 0);
    const struct section sections[] = {put_streams(w), put_directory(w)};
    put_footer(w, sections, sizeof sections / sizeof *sections);
    if (w->out.failed)
        return bole_fail(err, BOLE_E_NOMEM, "segment: no memory to write it");
    *ret_file = buf_slice(&w->out);
    *ret_totals = w->totals;
    return BOLE_OK;
}
