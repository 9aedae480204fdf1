#include "store/segment/segment_sample.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/err.h"
#include "store/cut.h"

enum { ROWS = 600, BUDGET = 64 << 20 };
static const uint8_t store_id[SEGMENT_ID_SIZE] = "sample";

static void must(bool ok)
{
    if (!ok)
        abort();
}

/* ---- the sample ---- */

static bole_slice line_of(uint32_t row, char text[64])
{
    int n = row % 17 ? snprintf(text, 64, "line %u of the sample, error=%u", row, row % 5) : 0;
    return bole_slice_from(text, (size_t)n);
}

static struct batch *make_batch(void)
{
    struct batch_builder *b = batch_builder_create(NULL);
    static const char *const labels[] = {"", "\3app\1a", "\3app\1b\3pod\1x"};
    for (uint32_t row = 0; row < ROWS; row++) {
        char text[64], id[32], rare[16];
        uint32_t stream;
        must(batch_builder_stream(b, row % 7 ? S("default") : S("other"), bole_slice_str(labels[row % 3]), 0, &stream,
                                  NULL) == BOLE_OK);
        snprintf(id, sizeof id, "id-%u", row * 7919);
        snprintf(rare, sizeof rare, "rare%u", row % 80);
        struct batch_field fields[] = {{S("level"), row % 4 ? S("info") : S("error")}, {S("id"), bole_slice_str(id)},
                                       {bole_slice_str(rare), S("1")}, {S("level"), S("twice")}};
        must(batch_builder_add(b, 1000000000ll * (row / 2), stream, line_of(row, text), fields,
                               row % 3 + (row % 50 == 2 ? 2 : 0), NULL) == BOLE_OK);
    }
    struct batch *batch;
    must(batch_builder_seal(b, 1000000000ll * ROWS, NULL, &batch, NULL) == BOLE_OK);
    batch_builder_destroy(b);
    return batch;
}

static void put(struct segment_sample *s, bole_slice file)
{
    must(objects_put(s->objects, s->info.key, &file, 1, NULL) == BOLE_OK);
}

struct segment_sample *segment_sample_create(void)
{
    struct segment_sample *s = calloc(1, sizeof *s);
    must(s && objects_open(&(struct objects_options){.uri = S("mem:")}, &s->objects, NULL) == BOLE_OK);
    struct head head;
    struct batch *batch = make_batch();
    head_init(&head);
    must(head_reserve(&head, 1, NULL) == BOLE_OK);
    head_insert(&head, &(struct head_entry){.batch = batch, .lsn = 1}, 1, 0);
    batch_unref(batch);
    struct head_snapshot snapshot = head_snapshot(&head);
    struct segment_file *file;
    struct segment_totals t;
    uint64_t size = 0;
    s->info.key = S("0000000000000001.seg");
    must(segment_file_create(s->objects, s->info.key, store_id, 0, 42, NULL, &file, NULL) == BOLE_OK);
    must(cut_write(&snapshot, file, NULL) == BOLE_OK && segment_file_finish(file, &t, &size, NULL) == BOLE_OK);
    head_snapshot_release(&snapshot);
    head_deinit(&head);
    s->info = segment_describe(1, s->info.key, size, &t);
    s->row_count = ROWS;
    uint8_t *bytes = malloc(size);
    must(bytes && objects_read(s->objects, s->info.key, 0, size, bytes, NULL) == BOLE_OK);
    s->file = bole_slice_from(bytes, size);
    segment_file_destroy(file);
    struct segment_reader reader;
    segment_reader_init(&reader, s->objects, NULL);
    reader.key = s->info.key;
    must(segment_directory_read(&reader, s->file.len, NULL, &s->directory, NULL) == BOLE_OK);
    segment_reader_deinit(&reader);
    return s;
}

void segment_sample_destroy(struct segment_sample *s)
{
    segment_directory_unref(s->directory);
    objects_destroy(s->objects);
    free((void *)s->file.ptr);
    free(s);
}

/* ---- using a file ---- */

static void check_row(const struct vector *v, uint32_t r)
{
    char text[64];
    uint32_t row = seq_row(v->seq[r]);
    must(row < ROWS && seq_lsn(v->seq[r]) == 1 && v->time_ns[r] == 1000000000ll * (row / 2));
    must(v->line.kind == COLUMN_ABSENT || bole_slice_eq(v->line.values[r], line_of(row, text)));
}

/* Touches what comes out, so that a sanitizer sees it. */
static uint64_t drain(struct segments_store *store, struct view *view, struct store_query *q, bool trusted,
                      uint64_t *ret_bad)
{
    struct scan *scan;
    struct vector *v;
    uint64_t rows = 0, sum = 0;
    if (segments_scan_open(&store->base, view, q, &scan, NULL) < 0)
        return 0;
    while (segments_scan_next(scan, &v, NULL) == BOLE_OK)
        for (uint32_t r = vector_first(v); r < v->row_count; r = vector_next(v, r), rows++) {
            const struct batch_field *fields;
            bole_slice line = column_get(&v->line, r);
            for (size_t i = 0, n = v->fields(v, r, &fields); i < n; i++)
                sum += fields[i].key.len + fields[i].value.len +
                       (fields[i].value.len ? fields[i].value.ptr[fields[i].value.len - 1] : 0u);
            struct column c = v->field(v, S("rare3"));
            sum += column_get(&c, r).len + (line.len ? line.ptr[line.len - 1] : 0u) +
                   segments_scan_stream(scan, v->stream[r]).len;
            if (trusted)
                check_row(v, r);
        }
    struct store_scan_stats stats;
    segments_scan_stats(scan, &stats);
    *ret_bad += stats.bad_chunks + (sum == UINT64_MAX);
    segments_scan_close(scan);
    return rows;
}

static bole_status ignore_cell(uint32_t stream, bole_slice labels, bole_slice value, uint32_t bucket, uint64_t amount, void *ctx)
{
    return BOLE_OK;
}

static bole_status ignore_volume(bole_slice labels, uint64_t rows, uint64_t bytes, void *ctx)
{
    return BOLE_OK;
}

static uint64_t use_view(struct segments_store *store, struct view *view, bool trusted, uint64_t *ret_bad)
{
    struct budget budget;
    budget_init(&budget, NULL, BUDGET);
    struct store_predicate predicates[] = {{.kind = PREDICATE_FIELD_NE, .name = S("level"), .value = S("nothing")},
                                           {.kind = PREDICATE_FIELD_NE, .name = S("rare7"), .value = S("nothing")},
                                           {.kind = PREDICATE_LINE_NOT_CONTAINS, .value = S("nowhere")}};
    uint64_t rows = 0;
    for (unsigned tenant = 0; tenant < 2; tenant++) {
        struct store_query q = {.tenant = tenant ? S("other") : S("default"), .from_ns = INT64_MIN, .to_ns = INT64_MAX,
                                .direction = tenant ? FORWARD : BACKWARD, .budget = &budget};
        struct store_query projected = q, filtered = q;
        projected.projection = PROJECT_LINE | PROJECT_FIELDS;
        filtered.predicates = predicates;
        filtered.predicate_count = 3;
        rows += drain(store, view, &projected, trusted, ret_bad);
        drain(store, view, &q, trusted, ret_bad);
        drain(store, view, &filtered, trusted, ret_bad);
        struct store_aggregation a = {
            .what = AGGREGATE_BYTES, .bucket_ns = 1000000000, .bucket_count = 100, .field = S("id")};
        segments_aggregate(&store->base, view, &q, &a, ignore_cell, NULL, NULL, NULL);
        segments_volume(&store->base, view, &q, ignore_volume, NULL, NULL);
    }
    must(atomic_load(&budget.used_bytes) == 0);
    return rows;
}

uint64_t segment_sample_use(struct segment_sample *s, bole_slice file, bool trusted, uint64_t *ret_bad)
{
    struct segments_store store = {.objects = s->objects};
    struct catalog_segment info = s->info;
    info.size_bytes = file.len;
    put(s, file);
    segment_cache_init(&store.cache, s->objects, NULL);
    struct view view = {.set = segment_set_create(1)};
    must(view.set && (view.set->segments[0] = segment_create(&store.cache, &info)));
    uint64_t rows = use_view(&store, &view, trusted, ret_bad);
    segment_set_unref(view.set);
    segment_cache_deinit(&store.cache);
    return rows;
}

/* ---- attacks: the file written anew around the bytes, with sums that fit ---- */

struct forgery {
    struct buf out, directory;
    struct chunk_codec codec;
};

static bole_slice chunk_content(struct segment_sample *s, const struct segment_chunk *c, enum chunk_kind kind,
                                struct buf *raw)
{
    struct segment_reader reader;
    segment_reader_init(&reader, s->objects, NULL);
    reader.key = s->info.key;
    must(segment_chunk_read(&reader, c, kind, raw, NULL) == BOLE_OK);
    segment_reader_deinit(&reader);
    return buf_slice(raw);
}

/* Chunks and directory as in the sample, but for chunk number `which`. */
static void forge_groups(struct segment_sample *s, struct forgery *f, unsigned which, const bole_slice *content)
{
    const struct segment_directory *d = s->directory;
    struct buf raw;
    buf_init(&raw, NULL);
    unsigned number = 0;
    buf_put(&f->directory, S("\0\2\7default\5other")); /* level, tenants */
    for (uint32_t i = 0; i < d->group_count; i++) {
        const struct segment_group *g = &d->groups[i];
        buf_put_varint(&f->directory, bole_slice_eq(g->tenant, S("other")));
        buf_put_varint(&f->directory, g->row_count);
        buf_put_u64(&f->directory, (uint64_t)g->min_time_ns);
        buf_put_u64(&f->directory, (uint64_t)g->max_time_ns);
        buf_put_u64(&f->directory, (uint64_t)g->received_ns);
        buf_put_varint(&f->directory, g->line_bytes);
        buf_put_varint(&f->directory, g->field_bytes);
        buf_put_varint(&f->directory, g->min_lsn);
        buf_put_varint(&f->directory, g->max_lsn - g->min_lsn);
        buf_put_u8(&f->directory, (uint8_t)g->order);
        buf_put_u8(&f->directory, g->generation);
        buf_put_u64(&f->directory, g->family);
        buf_put_varint(&f->directory, g->family_name.len);
        buf_put(&f->directory, g->family_name);
        buf_put_u64(&f->directory, g->digest.lo);
        buf_put_u64(&f->directory, g->digest.hi);
        buf_put_varint(&f->directory, g->stream_count);
        for (uint32_t k = 0; k < g->stream_count; k++) {
            int64_t step = (int64_t)g->streams[k].id - (k ? (int64_t)g->streams[k - 1].id + 1 : 0);
            buf_put_varint(&f->directory, (uint64_t)step << 1 ^ (uint64_t)(step >> 63));
            buf_put_varint(&f->directory, g->streams[k].rows);
            buf_put_varint(&f->directory, g->streams[k].bytes);
        }
        buf_put_varint(&f->directory, g->column_count);
        for (uint32_t k = 0; k < g->column_count; k++) {
            const struct segment_column *c = &g->columns[k];
            buf_put_u8(&f->directory, (uint8_t)c->kind);
            if (c->kind == CHUNK_FIELD) {
                buf_put_varint(&f->directory, c->key.len);
                buf_put(&f->directory, c->key);
            }
            buf_put_varint(&f->directory, c->chunk_count);
            for (uint32_t j = 0; j < c->chunk_count; j++) {
                bole_slice bytes =
                    content && number++ == which ? *content : chunk_content(s, &c->chunks[j], c->kind, &raw);
                buf_put_varint(&f->directory, chunk_put(&f->out, &f->codec, c->kind, c->chunks[j].rows, bytes));
                buf_put_varint(&f->directory, c->chunks[j].rows);
            }
        }
    }
    buf_deinit(&raw);
}

static void forge_end(struct segment_sample *s, struct forgery *f, const bole_slice *streams,
                      const bole_slice *directory)
{
    const struct segment_directory *d = s->directory;
    struct buf all, table;
    buf_init(&all, NULL);
    buf_init(&table, NULL);
    for (uint32_t i = 0; i < d->stream_count; i++) {
        buf_put_u8(&all, d->stream_flags[i]);
        buf_put_varint(&all, d->labels[i].len);
        buf_put(&all, d->labels[i]);
    }
    buf_put_u32(&table, 2);
    for (uint16_t type = SECTION_STREAMS; type <= SECTION_DIRECTORY; type++) {
        bole_slice raw = type == SECTION_STREAMS ? (streams ? *streams : buf_slice(&all))
                                                 : (directory ? *directory : buf_slice(&f->directory));
        uint64_t offset = f->out.len;
        size_t size = chunk_put(&f->out, &f->codec, CHUNK_SECTION,
                                type == SECTION_STREAMS ? d->stream_count : d->group_count, raw);
        buf_put_u16(&table, type);
        buf_put_u16(&table, type == SECTION_STREAMS ? STREAMS_VERSION : DIRECTORY_VERSION);
        buf_put_u64(&table, offset);
        buf_put_u64(&table, size);
        buf_put_u32(&table, crc32c(0, f->out.ptr + offset, size));
    }
    const struct segment_totals *t = &d->totals;
    const uint64_t totals[] = {t->row_count, t->raw_bytes, (uint64_t)t->min_time_ns, (uint64_t)t->max_time_ns,
                               t->min_lsn,   t->max_lsn,   (uint64_t)t->created_ns};
    for (size_t i = 0; i < sizeof totals / sizeof *totals; i++)
        buf_put_u64(&table, totals[i]);
    buf_put_u32(&table, (uint32_t)table.len);
    buf_put_u32(&table, crc32c(0, table.ptr, table.len));
    buf_put(&table, S(SEGMENT_MAGIC));
    buf_put(&f->out, buf_slice(&table));
    buf_deinit(&all);
    buf_deinit(&table);
}

void segment_sample_attack(struct segment_sample *s, unsigned attack, unsigned which, bole_slice bytes)
{
    uint64_t bad = 0;
    attack %= ATTACK_COUNT;
    if (attack == ATTACK_FILE) {
        segment_sample_use(s, bytes, false, &bad);
        return;
    }
    struct forgery f = {0};
    put(s, s->file); /* the last attack left another one */
    buf_put(&f.out, bole_slice_from(s->file.ptr, SEGMENT_HEADER_SIZE));
    forge_groups(s, &f, which, attack == ATTACK_CHUNK ? &bytes : NULL);
    forge_end(s, &f, attack == ATTACK_STREAMS ? &bytes : NULL, attack == ATTACK_DIRECTORY ? &bytes : NULL);
    must(!f.out.failed);
    segment_sample_use(s, buf_slice(&f.out), false, &bad);
    chunk_codec_deinit(&f.codec);
    buf_deinit(&f.out);
    buf_deinit(&f.directory);
}
