/*
 * Every input is read once, in the order given, and each row goes to the bucket of its stream. A bucket is about one
 * group of the result; buckets follow each other by family and label set, so that in the end a stream lies in one
 * bucket, or in two. A bucket that is full before its time (one stream larger than a group) is written at once and
 * begun again.
 *
 * With one bucket this is a plain merge of small groups. With more, what waits in the buckets is compressed: 64 MB of
 * lines are some 10 MB then, and LZ4 costs a tenth of what encoding does.
 */
#include "store/regroup.h"

#include <stdlib.h>

#include "base/err.h"
#include "store/family.h"
#include "store/group_read.h"
#include "store/partition.h"

enum {
    BUCKETS_MAX = 16,
    BUCKET_RAW = GROUP_RAW_MAX / 8 * 7,          /* streams differ in size: some room to spare */
    ROW_RAW_MIN = GROUP_RAW_MAX / GROUP_ROWS_MAX /* rows shorter than this fill a group by their number */
};

struct part { /* a sealed batch: as it is, or encoded */
    struct batch *batch;
    struct buf    encoded;
    uint32_t      rows;
};

struct bucket {
    struct batch_builder *builder;
    uint64_t generation; /* of what is in the builder: a stream's number in it is valid for one */
    struct part *parts;
    size_t   part_count, part_capacity;
    struct buf seqs;     /* u64 each, of all its rows */
    uint64_t raw;
    uint32_t rows;
};

struct stream_use { /* of the input in hand, by its directory's number */
    uint32_t bucket;
    uint32_t index;      /* in the bucket's builder ... */
    uint64_t generation; /* ... while it holds this */
};

struct stream_size { /* of all inputs together */
    bole_slice labels;
    uint64_t   family, raw;
    uint32_t   number;
};

struct regrouping {
    const struct regroup_options *options;
    struct segment_file *file;
    bole_slice tenant;
    int64_t    received_ns;
    struct interner streams;  /* label sets of all inputs */
    uint32_t  *bucket_of;     /* [streams.count] */
    struct bucket buckets[BUCKETS_MAX];
    uint32_t   bucket_count;
    struct stream_use *uses;  /* [stream_count of the input in hand] */
    struct group_reader *reader;
    bool       unreadable;    /* it was the reader that failed */
};

static bole_status no_room(struct bole_err *err)
{
    return bole_fail(err, BOLE_E_LIMIT, "store: no room to merge row groups");
}

/* ---- which stream goes where ---- */

static uint64_t weight_of(const struct segment_group *g, const struct segment_stream *s)
{
    uint64_t raw = s->bytes + g->field_bytes * s->rows / g->row_count, by_rows = (uint64_t)s->rows * ROW_RAW_MIN;
    return raw > by_rows ? raw : by_rows;
}

static int by_family(const void *a, const void *b)
{
    const struct stream_size *x = a, *y = b;
    if (x->family != y->family)
        return x->family < y->family ? -1 : 1;
    return bole_slice_cmp(x->labels, y->labels);
}

/* *ret_sizes: malloc'd, by number. */
static bool collect_sizes(struct regrouping *r, const struct regroup_input *inputs, size_t count,
                          struct stream_size **ret_sizes,
                          uint64_t *ret_total)
{
    struct stream_size *sizes = NULL;
    uint32_t capacity = 0;
    *ret_total = 0;
    for (size_t i = 0; i < count; i++) {
        const struct segment_group *g = regroup_group(&inputs[i]);
        for (uint32_t k = 0; k < g->stream_count; k++) {
            bole_slice labels = inputs[i].directory->labels[g->streams[k].id];
            uint32_t number, before = r->streams.count;
            bool ok = interner_put(&r->streams, 0, labels, &number);
            if (ok && r->streams.capacity > capacity) {
                struct stream_size *grown = realloc(sizes, r->streams.capacity * sizeof *sizes);
                ok = grown != NULL;
                sizes = grown ? grown : sizes;
                capacity = r->streams.capacity;
            }
            if (!ok) {
                free(sizes);
                return false;
            }
            if (number == before)
                sizes[number] = (struct stream_size){labels, family_hash(family_text(labels)), 0, number};
            sizes[number].raw += weight_of(g, &g->streams[k]);
            *ret_total += weight_of(g, &g->streams[k]);
        }
    }
    *ret_sizes = sizes;
    return true;
}

static bool assign_buckets(struct regrouping *r, const struct regroup_input *inputs, size_t count)
{
    struct stream_size *sizes;
    uint64_t total, before = 0;
    if (!collect_sizes(r, inputs, count, &sizes, &total))
        return false;
    r->bucket_of = malloc(r->streams.count * sizeof *r->bucket_of);
    if (r->bucket_of) {
        uint64_t buckets = total <= GROUP_RAW_MAX ? 1 : (total + BUCKET_RAW - 1) / BUCKET_RAW;
        r->bucket_count = buckets < BUCKETS_MAX ? (uint32_t)buckets : BUCKETS_MAX;
        qsort(sizes, r->streams.count, sizeof *sizes, by_family);
        for (uint32_t i = 0; i < r->streams.count; i++) {
            r->bucket_of[sizes[i].number] = (uint32_t)(before * r->bucket_count / total);
            before += sizes[i].raw;
        }
    }
    free(sizes);
    return r->bucket_of != NULL;
}

/* ---- buckets ---- */

static void empty_bucket(struct bucket *b)
{
    for (size_t i = 0; i < b->part_count; i++) {
        batch_unref(b->parts[i].batch);
        buf_deinit(&b->parts[i].encoded);
    }
    b->part_count = 0;
    b->raw = b->rows = 0;
    buf_reset(&b->seqs);
}

static bole_status seal(struct regrouping *r, struct bucket *b, struct bole_err *err)
{
    if (batch_builder_rows(b->builder) == 0)
        return BOLE_OK;
    if (b->part_count == b->part_capacity) {
        size_t capacity = b->part_capacity ? b->part_capacity * 2 : 16;
        struct part *grown = realloc(b->parts, capacity * sizeof *grown);
        if (!grown)
            return no_room(err);
        b->parts = grown;
        b->part_capacity = capacity;
    }
    struct part part = {.rows = batch_builder_rows(b->builder)};
    buf_init(&part.encoded, r->options->budget);
    bole_status st = batch_builder_seal(b->builder, r->received_ns, r->options->budget, &part.batch, err);
    b->generation++;
    if (st >= 0 && r->bucket_count > 1) {
        st = batch_encode(part.batch, BATCH_LZ4, &part.encoded, err);
        batch_unref(part.batch);
        part.batch = NULL;
    }
    if (st < 0) {
        buf_deinit(&part.encoded);
        return st;
    }
    b->parts[b->part_count++] = part;
    return BOLE_OK;
}

static bole_status unpack(struct regrouping *r, struct bucket *b, struct bole_err *err)
{
    bole_status st = BOLE_OK;
    for (size_t i = 0; st >= 0 && i < b->part_count; i++) {
        size_t taken;
        if (!b->parts[i].batch)
            st = batch_decode(buf_slice(&b->parts[i].encoded), r->options->budget, &b->parts[i].batch, &taken, err);
        buf_deinit(&b->parts[i].encoded);
    }
    return st;
}

/* The rows of the bucket become row groups. */
static bole_status write_bucket(struct regrouping *r, struct bucket *b, struct bole_err *err)
{
    bole_status st = seal(r, b, err);
    if (st >= 0)
        st = unpack(r, b, err);
    if (st < 0 || b->rows == 0)
        return st;
    struct row_source *sources = malloc(b->part_count * sizeof *sources);
    if (!sources)
        return no_room(err);
    const uint64_t *seqs = (const uint64_t *)(const void *)b->seqs.ptr;
    for (size_t i = 0; i < b->part_count; i++) {
        sources[i] = (struct row_source){.batch = b->parts[i].batch, .seqs = seqs};
        seqs += b->parts[i].rows;
    }
    struct partition_options options = {.by_stream = true, .generation = r->options->generation};
    st = partition_write(sources, b->part_count, &options, r->file, err);
    free(sources);
    empty_bucket(b);
    return st;
}

/* ---- rows ---- */

static bole_status add_to(struct regrouping *r, struct bucket *b, struct stream_use *use,
                          const struct regroup_input *in,
                          struct vector *v, uint32_t row, struct bole_err *err)
{
    const struct batch_field *fields;
    const struct segment_directory *d = in->directory;
    size_t field_count = v->fields(v, row, &fields);
    bole_slice line = column_get(&v->line, row);
    b->raw += line.len;
    for (size_t i = 0; i < field_count; i++)
        b->raw += fields[i].key.len + fields[i].value.len;
    for (;;) {
        bole_status st = BOLE_OK;
        if (use->generation != b->generation)
            st = batch_builder_stream(b->builder, r->tenant, d->labels[v->stream[row]],
                                      d->stream_flags[v->stream[row]], &use->index, err);
        use->generation = b->generation;
        if (st >= 0)
            st = batch_builder_add(b->builder, v->time_ns[row], use->index, line, fields, field_count, err);
        if (st != BOLE_AGAIN)
            return st;
        st = seal(r, b, err);
        if (st < 0)
            return st;
    }
}

static bole_status add_row(struct regrouping *r, const struct regroup_input *in, struct vector *v, uint32_t row,
                           struct bole_err *err)
{
    struct stream_use *use = &r->uses[v->stream[row]];
    struct bucket *b = &r->buckets[use->bucket];
    bole_status st = add_to(r, b, use, in, v, row, err);
    if (st < 0)
        return st;
    buf_put(&b->seqs, bole_slice_from(&v->seq[row], sizeof v->seq[row]));
    b->rows++;
    if (b->seqs.failed)
        return no_room(err);
    if (batch_builder_size(b->builder) >= BATCH_BODY_TARGET)
        st = seal(r, b, err);
    bool is_full = r->bucket_count > 1 && (b->raw >= GROUP_RAW_MAX || b->rows >= GROUP_ROWS_MAX);
    return st >= 0 && is_full ? write_bucket(r, b, err) : st;
}

static bole_status add_group(struct regrouping *r, const struct regroup_input *in, struct bole_err *err)
{
    const struct segment_group *g = regroup_group(in);
    free(r->uses);
    r->uses = calloc(in->directory->stream_count, sizeof *r->uses);
    if (!r->uses)
        return no_room(err);
    for (uint32_t i = 0; i < g->stream_count; i++) {
        uint32_t number;
        if (!interner_put(&r->streams, 0, in->directory->labels[g->streams[i].id], &number)) /* it is there */
            return no_room(err);
        r->uses[g->streams[i].id].bucket = r->bucket_of[number];
    }
    struct vector *v;
    bole_status st = group_reader_open(r->reader, in->segment, in->directory, in->group, err), added = BOLE_OK;
    while (st >= 0 && added >= 0 && (st = group_reader_next(r->reader, &v, err)) == BOLE_OK)
        for (uint32_t row = 0; added >= 0 && row < v->row_count; row++)
            added = add_row(r, in, v, row, err);
    r->unreadable = segment_is_damage(st);
    return st < 0 ? st : added;
}

/* ---- the whole ---- */

static bole_status prepare(struct regrouping *r, const struct regroup_input *inputs, size_t count, struct bole_err *err)
{
    r->reader = group_reader_create(r->options->objects, r->options->budget);
    if (!r->reader || !assign_buckets(r, inputs, count))
        return no_room(err);
    for (uint32_t i = 0; i < r->bucket_count; i++) {
        r->buckets[i].generation = 1;
        buf_init(&r->buckets[i].seqs, r->options->budget);
        if (!(r->buckets[i].builder = batch_builder_create(r->options->budget)))
            return no_room(err);
    }
    return BOLE_OK;
}

static void release(struct regrouping *r)
{
    for (uint32_t i = 0; i < r->bucket_count; i++) {
        empty_bucket(&r->buckets[i]);
        batch_builder_destroy(r->buckets[i].builder);
        buf_deinit(&r->buckets[i].seqs);
        free(r->buckets[i].parts);
    }
    group_reader_destroy(r->reader);
    interner_deinit(&r->streams);
    free(r->bucket_of);
    free(r->uses);
}

bole_status regroup(const struct regroup_input *inputs, size_t input_count, const struct regroup_options *options,
                    struct segment_file *file, size_t *ret_failed, struct bole_err *err)
{
    struct regrouping r = {.options = options, .file = file, .tenant = regroup_group(&inputs[0])->tenant,
                           .received_ns = INT64_MIN};
    struct digest read = {0}, before = file->totals.digest;
    bole_status st = prepare(&r, inputs, input_count, err);
    for (size_t i = 0; i < input_count; i++)
        if (regroup_group(&inputs[i])->received_ns > r.received_ns)
            r.received_ns = regroup_group(&inputs[i])->received_ns;
    for (size_t i = 0; st >= 0 && i < input_count; i++) {
        read = digest_add(read, regroup_group(&inputs[i])->digest);
        st = options->yield ? options->yield(options->yield_ctx, err) : BOLE_OK;
        if (st >= 0)
            st = add_group(&r, &inputs[i], err);
        if (r.unreadable)
            *ret_failed = i;
    }
    for (uint32_t i = 0; st >= 0 && i < r.bucket_count; i++)
        st = write_bucket(&r, &r.buckets[i], err);
    if (st >= 0 && !digest_eq(digest_sub(file->totals.digest, before), read))
        st = bole_fail(err, BOLE_E_CORRUPT, "segment %s: the rows of its groups are not those that their digests say",
                       inputs[0].segment->key_text);
    release(&r);
    return st;
}
