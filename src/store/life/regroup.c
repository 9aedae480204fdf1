/*
 * Every input is read once, in the order given, and each row goes to the bucket of its stream. A bucket is about one
 * group of the result; buckets follow each other by family and label set, so that in the end a stream lies in one
 * bucket, or in two. A bucket that is full before its time (one stream larger than a group) is written at once and
 * begun again.
 *
 * With one bucket this is a plain merge of small groups. With more, what waits in the buckets lies compressed in a
 * file: LZ4 costs a tenth of what encoding does, and memory is that of the bucket in hand.
 *
 * Within a bucket rows lie by time, or by stream where that is smaller: lines that name their host gain by it, those of
 * an application behind a load balancer lose a fifth (docs/decisions/0007-life-of-segments.md).
 */
#include "store/life/regroup.h"

#include <stdlib.h>

#include "base/err.h"
#include "store/segment/family.h"
#include "store/scan/group_read.h"
#include "store/segment/partition.h"

enum {
    BUCKETS_MAX = 48,
    BUCKET_RAW = GROUP_RAW_MAX / 8 * 7,           /* streams differ in size: some room to spare */
    BUCKET_BATCH_SIZE = 128 * 1024,               /* of many buckets each has a batch that is being filled */
    ROW_RAW_MIN = GROUP_RAW_MAX / GROUP_ROWS_MAX, /* rows shorter than this fill a group by their number */
    SPILL_WRITE_SIZE = 1 << 20,
    JOINED_WEIGHT_MAX = GROUP_JOINED_RAW_MAX / 2 * 3, /* a weight counts keys and 8 bytes a field: it must not divide what fits */
};

struct part { /* a sealed batch, in memory or in the spill file */
    struct batch *batch;
    uint64_t      offset; /* its encoded form lies there, then the numbers of its rows, u64 each */
    size_t        encoded_size;
    uint32_t      rows;
};

struct bucket {
    struct batch_builder *builder;
    uint64_t generation; /* of what is in the builder: a stream's number in it is valid for one */
    struct part *parts;
    size_t   part_count, part_capacity;
    struct buf seqs;     /* u64 each: of all rows in memory */
    uint64_t raw;
    uint32_t rows;
};

struct spill {
    struct file *file;    /* NULL: not needed */
    uint64_t     written; /* bytes before `out` */
    struct buf   out, in;
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
    uint64_t   family;        /* of all inputs */
    int64_t    received_ns;
    struct interner streams;  /* label sets of all inputs */
    uint32_t  *bucket_of;     /* [streams.count] */
    struct bucket buckets[BUCKETS_MAX];
    uint32_t   bucket_count;
    struct stream_use *uses;  /* [stream_count of the input in hand] */
    struct group_reader *reader;
    struct spill spill;
    bool       has_tried, by_stream; /* order of rows in the groups */
    bool       unreadable;    /* it was the reader that failed */
    struct digest removed;    /* of all rows that were left out */
    uint64_t **removed_bits;  /* [removal_count] rows of the group in hand; NULL: none */
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
        uint64_t whole = r->options->joins ? GROUP_JOINED_RAW_MAX : GROUP_RAW_MAX;
        uint64_t buckets = total <= whole / 8 * 9 ? 1 : (total + BUCKET_RAW - 1) / BUCKET_RAW;
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

static bole_status open_spill(struct regrouping *r, struct bole_err *err)
{
    const struct regroup_options *o = r->options;
    buf_init(&r->spill.out, o->budget);
    buf_init(&r->spill.in, o->budget);
    if (r->bucket_count == 1)
        return BOLE_OK;
    bole_status st = fs_open(o->fs, o->spill_path, FS_WRITE | FS_CREATE | FS_TRUNCATE, &r->spill.file, err);
    return st < 0 ? st : fs_unlink(o->fs, o->spill_path, err);
}

static bole_status write_spill(struct spill *s, struct bole_err *err)
{
    if (s->out.failed)
        return no_room(err);
    bole_status st = BOLE_OK;
    if (s->out.len)
        st = file_write(s->file, s->written, &(struct iovec){s->out.ptr, s->out.len}, 1, err);
    s->written += s->out.len;
    buf_reset(&s->out);
    return st;
}

static void empty_bucket(struct bucket *b)
{
    for (size_t i = 0; i < b->part_count; i++)
        batch_unref(b->parts[i].batch);
    b->part_count = 0;
    b->raw = b->rows = 0;
    buf_reset(&b->seqs);
}

/* The batch and the numbers of its rows go out of memory. */
static bole_status spill_part(struct regrouping *r, struct bucket *b, struct part *p, struct bole_err *err)
{
    struct spill *s = &r->spill;
    p->offset = s->written + s->out.len;
    bole_status st = batch_encode(p->batch, BATCH_LZ4, &s->out, err);
    if (st < 0)
        return st;
    p->encoded_size = (size_t)(s->written + s->out.len - p->offset);
    buf_put(&s->out, buf_slice(&b->seqs));
    buf_reset(&b->seqs);
    batch_unref(p->batch);
    p->batch = NULL;
    return s->out.failed || s->out.len >= SPILL_WRITE_SIZE ? write_spill(s, err) : BOLE_OK;
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
    struct part *p = &b->parts[b->part_count];
    *p = (struct part){.rows = batch_builder_rows(b->builder)};
    bole_status st = batch_builder_seal(b->builder, r->received_ns, r->options->budget, &p->batch, err);
    b->generation++;
    b->part_count += st >= 0;
    return st >= 0 && r->spill.file ? spill_part(r, b, p, err) : st;
}

/* Everything of the bucket is in memory again. */
static bole_status unspill(struct regrouping *r, struct bucket *b, struct bole_err *err)
{
    struct spill *s = &r->spill;
    bole_status st = s->file ? write_spill(s, err) : BOLE_OK;
    for (size_t i = 0; s->file && st >= 0 && i < b->part_count; i++) {
        struct part *p = &b->parts[i];
        size_t size = p->encoded_size + p->rows * sizeof(uint64_t), taken;
        buf_reset(&s->in);
        st = buf_reserve(&s->in, size) ? file_read(s->file, p->offset, s->in.ptr, size, NULL, err) : no_room(err);
        if (st == BOLE_END)
            st = bole_fail(err, BOLE_E_IO, "store: the file of a merge is shorter than what was written");
        if (st >= 0)
            st = batch_decode(bole_slice_from(s->in.ptr, p->encoded_size), r->options->budget, &p->batch, &taken, err);
        if (st >= 0)
            buf_put(&b->seqs, bole_slice_from(s->in.ptr + p->encoded_size, p->rows * sizeof(uint64_t)));
    }
    return st >= 0 && b->seqs.failed ? no_room(err) : st;
}

static bole_status write_rows(struct regrouping *r, const struct bucket *b, bool by_stream, struct segment_file *file,
                              struct bole_err *err)
{
    struct row_source *sources = malloc(b->part_count * sizeof *sources);
    if (!sources)
        return no_room(err);
    const uint64_t *seqs = (const uint64_t *)(const void *)b->seqs.ptr;
    for (size_t i = 0; i < b->part_count; i++) {
        sources[i] = (struct row_source){.batch = b->parts[i].batch, .seqs = seqs};
        seqs += b->parts[i].rows;
    }
    struct partition_options options = {.by_stream = by_stream, .generation = r->options->generation, .family = r->family,
                                        .weight_max = r->options->joins ? JOINED_WEIGHT_MAX : 0};
    bole_status st = partition_write(sources, b->part_count, &options, file, err);
    free(sources);
    return st;
}

/* What the rows take when they are ordered by stream, written to nowhere. */
static bole_status size_by_stream(struct regrouping *r, const struct bucket *b, uint64_t *ret_size,
                                  struct bole_err *err)
{
    static const uint8_t nobody[SEGMENT_ID_SIZE];
    struct objects *nowhere;
    struct segment_file *file = NULL;
    bole_status st = objects_open(&(struct objects_options){.uri = S("mem:")}, &nowhere, err);
    if (st < 0)
        return st;
    st = segment_file_create(nowhere, S("trial"), nobody, 0, 0, r->options->budget, &file, err);
    if (st >= 0) {
        file->text_memory = r->file->text_memory;
        st = write_rows(r, b, true, file, err);
    }
    if (st >= 0)
        *ret_size = file->written + file->out.len;
    segment_file_destroy(file);
    objects_destroy(nowhere);
    return st;
}

/* The rows of the bucket become row groups. The first bucket of several tries both orders, for all that follow. */
static bole_status write_bucket(struct regrouping *r, struct bucket *b, struct bole_err *err)
{
    struct segment_file *f = r->file;
    uint64_t before = f->written + f->out.len, size = 0;
    bool is_trial = r->bucket_count > 1 && !r->has_tried;
    bole_status st = seal(r, b, err);
    if (st >= 0)
        st = unspill(r, b, err);
    if (st < 0 || b->rows == 0)
        return st;
    if (is_trial)
        st = size_by_stream(r, b, &size, err);
    if (st >= 0)
        st = write_rows(r, b, r->by_stream, f, err);
    if (is_trial)
        r->by_stream = size < (f->written + f->out.len - before) / 64 * 63;
    r->has_tried = true;
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
    if (batch_builder_size(b->builder) >= (r->spill.file ? BUCKET_BATCH_SIZE : BATCH_BODY_TARGET))
        st = seal(r, b, err);
    bool is_full = r->bucket_count > 1 && (b->raw >= GROUP_RAW_MAX || b->rows >= GROUP_ROWS_MAX);
    return st >= 0 && is_full ? write_bucket(r, b, err) : st;
}

/* Which rows of the open group have to go. */
static bole_status find_removals(struct regrouping *r, const struct regroup_input *in, struct bole_err *err)
{
    const struct regroup_options *o = r->options;
    bole_status st = BOLE_OK;
    for (size_t i = 0; st >= 0 && i < o->removal_count; i++) {
        r->removed_bits[i] = NULL;
        if (removal_of_group(&o->removals[i], in->directory, regroup_group(in)) != REMOVES_NONE)
            st = group_reader_find(r->reader, &o->removals[i], &r->removed_bits[i], err);
    }
    return st;
}

/* True when the row is left out; it is counted. */
static bool is_removed(struct regrouping *r, const struct regroup_input *in, struct vector *v, uint32_t row)
{
    uint32_t at = group_reader_first_row(r->reader) + row;
    size_t i = 0;
    while (i < r->options->removal_count && !(r->removed_bits[i] && r->removed_bits[i][at / 64] >> at % 64 & 1))
        i++;
    if (i == r->options->removal_count)
        return false;
    const struct batch_field *fields;
    struct digest of_fields = {0};
    for (size_t k = 0, n = v->fields(v, row, &fields); k < n; k++)
        of_fields = digest_add(of_fields, digest_of_field(fields[k].key, fields[k].value));
    struct digest d = digest_of_record(digest_of_stream(r->tenant, in->directory->labels[v->stream[row]]), v->time_ns[row],
                                       v->seq[row], column_get(&v->line, row), of_fields);
    r->removed = digest_add(r->removed, d);
    r->options->sums[i].digest = digest_add(r->options->sums[i].digest, d);
    r->options->sums[i].rows++;
    return true;
}

static bole_status map_uses(struct regrouping *r, const struct regroup_input *in, struct bole_err *err)
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
    return BOLE_OK;
}

static bole_status add_group(struct regrouping *r, const struct regroup_input *in, struct bole_err *err)
{
    struct vector *v;
    bole_status added = map_uses(r, in, err);
    if (added < 0)
        return added;
    bole_status st = group_reader_open(r->reader, in->segment, in->directory, in->group, err);
    if (st >= 0)
        st = find_removals(r, in, err);
    while (st >= 0 && added >= 0 && (st = group_reader_next(r->reader, &v, err)) == BOLE_OK)
        for (uint32_t row = 0; added >= 0 && row < v->row_count; row++)
            if (r->options->removal_count == 0 || !is_removed(r, in, v, row))
                added = add_row(r, in, v, row, err);
    r->unreadable = segment_is_damage(st);
    return st < 0 ? st : added;
}

/* ---- the whole ---- */

static bole_status prepare(struct regrouping *r, const struct regroup_input *inputs, size_t count, struct bole_err *err)
{
    r->reader = group_reader_create(r->options->objects, r->options->budget);
    r->removed_bits = calloc(r->options->removal_count + 1, sizeof *r->removed_bits);
    if (!r->reader || !r->removed_bits || !assign_buckets(r, inputs, count))
        return no_room(err);
    for (uint32_t i = 0; i < r->bucket_count; i++) {
        r->buckets[i].generation = 1;
        buf_init(&r->buckets[i].seqs, r->options->budget);
        if (!(r->buckets[i].builder = batch_builder_create(r->options->budget)))
            return no_room(err);
    }
    return open_spill(r, err);
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
    file_close(r->spill.file);
    buf_deinit(&r->spill.out);
    buf_deinit(&r->spill.in);
    interner_deinit(&r->streams);
    free(r->bucket_of);
    free(r->removed_bits);
    free(r->uses);
}

bole_status regroup(const struct regroup_input *inputs, size_t input_count, const struct regroup_options *options,
                    struct segment_file *file, size_t *ret_failed, struct bole_err *err)
{
    struct regrouping r = {.options = options, .file = file, .tenant = regroup_group(&inputs[0])->tenant,
                           .family = regroup_group(&inputs[0])->family, .received_ns = INT64_MIN};
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
    if (st >= 0 && !digest_eq(digest_add(digest_sub(file->totals.digest, before), r.removed), read))
        st = bole_fail(err, BOLE_E_CORRUPT, "segment %s: the rows of its groups are not those that their digests say",
                       inputs[0].segment->key_text);
    release(&r);
    return st;
}
