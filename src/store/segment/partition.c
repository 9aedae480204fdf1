/*
 * Two passes over the rows: the first finds each row's partition and counts, the second lays the rows of a partition
 * end to end. Arrival order is seq order, so a stable sort by time alone leaves (time, seq) in a cut; rows for a merge
 * bring their numbers. Rows arrive nearly sorted: the sort merges the ascending runs that are there, and costs one look
 * at each row when there is only one.
 */
#include "store/segment/partition.h"

#include <assert.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/hash.h"
#include "store/codec/line_kind.h"
#include "store/segment/family.h"

#define DAY_AHEAD  INT64_MAX /* not days of any time */
#define DAY_BEHIND INT64_MIN
#define NONE       UINT32_MAX
#define KINDS_MAX  64u /* of a family and day */

struct family {
    uint32_t   tenant;
    bole_slice labels; /* of one of its streams */
};

struct partition {
    uint32_t family;
    int64_t  day;
    uint64_t kind; /* of its lines; 0: any */
    uint32_t target; /* the partition that takes its rows: itself, or one that is shared */
    bool     shared;
    uint64_t bytes;  /* of lines and values */
    uint64_t seen;   /* of those, while kinds are separated */
    uint32_t kinds;  /* that were found in it */
    size_t   count;  /* of rows; with those of others when it is shared */
    size_t   placed; /* where its next row goes; before that, its first */
};

struct partitioning {
    const struct row_source *sources;
    size_t source_count, row_count; /* rows that are not dead */
    const struct partition_options *options;
    struct interner tenants, families, streams;
    struct family *family; /* [families.capacity] */
    uint32_t family_capacity;
    uint32_t **family_of_stream; /* per source */
    uint32_t *family_numbers;    /* memory of it */
    struct partition *partitions;
    uint32_t partition_count, partition_capacity;
    uint32_t *slots; /* hash table: partition + 1; 0: free */
    uint32_t slot_count;
    uint32_t *partition_of_row; /* [row_count]; later a row's stream */
    struct row_ref *rows, *scratch;
    size_t *run_ends;
    struct buf name;
};

static void partitioning_deinit(struct partitioning *p)
{
    interner_deinit(&p->tenants);
    interner_deinit(&p->families);
    interner_deinit(&p->streams);
    free(p->family);
    free(p->family_of_stream);
    free(p->family_numbers);
    free(p->partitions);
    free(p->slots);
    free(p->partition_of_row);
    free(p->rows);
    free(p->scratch);
    free(p->run_ends);
    buf_deinit(&p->name);
}

static bool is_dead(const struct row_source *s, uint32_t row)
{
    return s->dead && s->dead[row / 64] >> (row % 64) & 1;
}

/* ---- families ---- */

static bool find_family(struct partitioning *p, const struct batch_stream *stream, uint32_t *ret_family)
{
    uint32_t tenant;
    if (!interner_put(&p->tenants, 0, stream->tenant, &tenant) ||
        !interner_put(&p->families, tenant, family_text(stream->labels), ret_family))
        return false;
    if (p->families.capacity > p->family_capacity) {
        struct family *grown = realloc(p->family, p->families.capacity * sizeof *grown);
        if (!grown)
            return false;
        p->family = grown;
        p->family_capacity = p->families.capacity;
    }
    p->family[*ret_family] = (struct family){tenant, stream->labels};
    return true;
}

static bool find_families(struct partitioning *p)
{
    size_t numbers = 0;
    for (size_t i = 0; i < p->source_count; i++)
        numbers += p->sources[i].batch->stream_count;
    p->family_of_stream = malloc((p->source_count + 1) * sizeof *p->family_of_stream);
    p->family_numbers = malloc((numbers + 1) * sizeof *p->family_numbers);
    if (!p->family_of_stream || !p->family_numbers)
        return false;
    uint32_t *next = p->family_numbers;
    for (size_t i = 0; i < p->source_count; i++) {
        const struct batch *b = p->sources[i].batch;
        p->family_of_stream[i] = next;
        for (uint32_t s = 0; s < b->stream_count; s++)
            if (!find_family(p, &b->streams[s], next++))
                return false;
    }
    return true;
}

/* ---- partitions ---- */

static int64_t add_saturated(int64_t a, int64_t b)
{
    int64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? (b > 0 ? INT64_MAX : INT64_MIN) : sum;
}

static int64_t day_class(int64_t time_ns, int64_t received_ns)
{
    if (time_ns > add_saturated(received_ns, PARTITION_AHEAD_NS))
        return DAY_AHEAD;
    if (time_ns < add_saturated(received_ns, -PARTITION_BEHIND_NS))
        return DAY_BEHIND;
    return day_of_time(time_ns);
}

/* Times [from, to) that certainly belong to the same day as `time`. */
static void remember_range(int64_t day, int64_t time, int64_t received_ns, int64_t *ret_from, int64_t *ret_to)
{
    *ret_from = *ret_to = time; /* nothing: the outliers are few */
    if (day == DAY_AHEAD || day == DAY_BEHIND)
        return;
    int64_t earliest = add_saturated(received_ns, -PARTITION_BEHIND_NS), latest = add_saturated(received_ns,
                                                                                                PARTITION_AHEAD_NS);
    int64_t of_day = (time % DAY_NS + DAY_NS) % DAY_NS;
    int64_t midnight = add_saturated(time, -of_day), end = add_saturated(time, DAY_NS - of_day);
    *ret_from = midnight > earliest ? midnight : earliest;
    *ret_to = end < latest ? end : latest;
}

static uint32_t slot_of(const struct partitioning *p, uint32_t family, int64_t day, uint64_t kind)
{
    uint64_t key[3] = {family, (uint64_t)day, kind};
    uint32_t mask = p->slot_count - 1, at = (uint32_t)hash64(bole_slice_from(key, sizeof key)) & mask;
    for (; p->slots[at]; at = (at + 1) & mask) {
        const struct partition *known = &p->partitions[p->slots[at] - 1];
        if (known->family == family && known->day == day && known->kind == kind)
            break;
    }
    return at;
}

static bool grow_partitions(struct partitioning *p)
{
    uint32_t capacity = p->partition_capacity ? p->partition_capacity * 2 : 32;
    struct partition *partitions = realloc(p->partitions, capacity * sizeof *partitions);
    if (!partitions)
        return false;
    p->partitions = partitions;
    free(p->slots);
    p->slot_count = capacity * 2;
    p->slots = calloc(p->slot_count, sizeof *p->slots);
    if (!p->slots)
        return false;
    p->partition_capacity = capacity;
    for (uint32_t i = 0; i < p->partition_count; i++)
        p->slots[slot_of(p, partitions[i].family, partitions[i].day, partitions[i].kind)] = i + 1;
    return true;
}

static bool find_partition(struct partitioning *p, uint32_t family, int64_t day, uint64_t kind, uint32_t *ret_partition)
{
    if (p->partition_count == p->partition_capacity && !grow_partitions(p))
        return false;
    uint32_t at = slot_of(p, family, day, kind);
    if (!p->slots[at]) {
        p->partitions[p->partition_count] = (struct partition){.family = family, .day = day, .kind = kind,
                                                               .target = p->partition_count};
        p->slots[at] = ++p->partition_count;
    }
    *ret_partition = p->slots[at] - 1;
    return true;
}

static uint64_t row_bytes(const struct batch *b, uint32_t row)
{
    uint32_t first = batch_field_first(b, row), end = b->field_end[row];
    uint64_t values = end > first ? b->value_end[end - 1] - (first ? b->value_end[first - 1] : 0) : 0;
    return batch_line(b, row).len + values;
}

/* Rows come in long stretches of one family and one day: what the row before needed is remembered. */
static bool partition_source(struct partitioning *p, size_t source, size_t *row)
{
    const struct row_source *s = &p->sources[source];
    const struct batch *b = s->batch;
    uint32_t family = NONE, partition = 0;
    int64_t from_ns = 0, to_ns = 0; /* times that certainly belong to `partition` */
    for (uint32_t r = 0; r < b->row_count; r++) {
        int64_t time = b->time_ns[r];
        uint32_t of_row = p->family_of_stream[source][b->row_stream[r]];
        if (is_dead(s, r))
            continue;
        if (of_row != family || (p->options->by_day && (time < from_ns || time >= to_ns))) {
            family = of_row;
            int64_t day = p->options->by_day ? day_class(time, b->received_ns) : 0;
            if (!find_partition(p, family, day, 0, &partition))
                return false;
            remember_range(day, time, b->received_ns, &from_ns, &to_ns);
        }
        p->partition_of_row[(*row)++] = partition;
        p->partitions[partition].count++;
        p->partitions[partition].bytes += row_bytes(b, r);
    }
    return true;
}

static bool partition_rows(struct partitioning *p)
{
    size_t row = 0;
    for (size_t i = 0; i < p->source_count; i++)
        if (!partition_source(p, i, &row))
            return false;
    assert(row == p->row_count);
    return true;
}

/* ---- kinds of lines ---- */

static bool has_kinds(const struct partition *p)
{
    return p->kind == 0 && p->bytes >= KINDS_FROM_BYTES;
}

enum { MEMO_SIZE = 16 };

struct moved { /* where rows of a kind went: there are few kinds, and looking for a partition is dear */
    uint64_t kind;
    uint32_t from, to; /* the same: none yet */
};

/* Moves the row to the partition of its kind; of very many kinds the later ones stay together. */
static bool move_row(struct partitioning *p, uint64_t kind, uint64_t bytes, struct moved memo[MEMO_SIZE],
                     uint32_t *partition)
{
    struct partition *from = &p->partitions[*partition];
    struct moved *m = &memo[kind % MEMO_SIZE];
    if (m->kind != kind || m->from != *partition || m->to == m->from) {
        uint32_t to, before = p->partition_count;
        if (from->kinds == KINDS_MAX && !p->slots[slot_of(p, from->family, from->day, kind)])
            return true;
        if (!find_partition(p, from->family, from->day, kind, &to))
            return false;
        from = &p->partitions[*partition]; /* it may have moved */
        from->kinds += p->partition_count > before;
        *m = (struct moved){kind, *partition, to};
    }
    from->count--;
    p->partitions[m->to].count++;
    p->partitions[m->to].bytes += bytes;
    *partition = m->to;
    return true;
}

/* What a service prints that has little in common is stored apart, if it is much, but for the newest of it: who asks for the
 * last lines finds them in one place. */
static bool separate_kinds(struct partitioning *p)
{
    struct moved memo[MEMO_SIZE] = {0};
    size_t row = 0;
    for (size_t i = 0; i < p->source_count; i++) {
        const struct batch *b = p->sources[i].batch;
        for (uint32_t r = 0; r < b->row_count; r++) {
            if (is_dead(&p->sources[i], r))
                continue;
            uint32_t *partition = &p->partition_of_row[row++];
            struct partition *from = &p->partitions[*partition];
            if (!has_kinds(from))
                continue;
            uint64_t bytes = row_bytes(b, r);
            from->seen += bytes;
            if (from->seen + KINDS_MIXED_BYTES <= from->bytes &&
                !move_row(p, line_kind(batch_line(b, r)), bytes, memo, partition))
                return false;
        }
    }
    return true;
}

/* Kinds that there is little of stay with the family's other lines, and so does a kind that nearly all are of. */
static bool is_own_kind(const struct partition *kind, const struct partition *family)
{
    return kind->bytes >= KIND_OWN_BYTES && kind->bytes < (family->seen - KINDS_MIXED_BYTES) / 8 * 7;
}

static bool fold_kinds(struct partitioning *p)
{
    for (uint32_t i = 0; i < p->partition_count; i++) {
        struct partition *from = &p->partitions[i];
        if (from->kind == 0)
            continue;
        uint32_t to;
        if (!find_partition(p, from->family, from->day, 0, &to))
            return false;
        struct partition *family = &p->partitions[to];
        if (is_own_kind(from, family)) {
            family->bytes -= from->bytes;
            continue;
        }
        family->count += from->count;
        from->target = to;
        from->count = 0;
    }
    return true;
}

/* ---- small families share ---- */

static uint32_t tenant_of(const struct partitioning *p, uint32_t partition)
{
    return p->family[p->partitions[partition].family].tenant;
}

/* The order of groups in the file: by tenant, day, family. qsort_r's context is the partitioning. */
static int by_place(const void *a, const void *b, void *ctx)
{
    const struct partitioning *p = ctx;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    const struct partition *px = &p->partitions[x], *py = &p->partitions[y];
    uint32_t tx = tenant_of(p, x), ty = tenant_of(p, y);
    if (tx != ty)
        return tx < ty ? -1 : 1;
    if (px->day != py->day)
        return px->day < py->day ? -1 : 1;
    if (px->family != py->family)
        return px->family < py->family ? -1 : 1;
    return (px->kind > py->kind) - (px->kind < py->kind);
}

static bool is_small(const struct partition *p)
{
    return p->kind == 0 && p->bytes < FAMILY_OWN_BYTES;
}

/* order[0 .. count - 1] are the partitions of one tenant and day. A single small one has nobody to share with. */
static void share(struct partitioning *p, const uint32_t *order, uint32_t count)
{
    uint32_t first = NONE, small = 0;
    for (uint32_t i = 0; i < count; i++)
        if (is_small(&p->partitions[order[i]])) {
            small++;
            first = first == NONE ? order[i] : first;
        }
    for (uint32_t i = 0; small > 1 && i < count; i++) {
        struct partition *from = &p->partitions[order[i]], *to = &p->partitions[first];
        if (!is_small(from))
            continue;
        to->shared = true;
        if (from != to) {
            from->target = first;
            to->count += from->count;
            from->count = 0;
        }
    }
}

/* *ret_order: [partition_count], malloc'd. */
static bool share_small_families(struct partitioning *p, uint32_t **ret_order)
{
    uint32_t *order = malloc(p->partition_count * sizeof *order);
    if (!order)
        return false;
    for (uint32_t i = 0; i < p->partition_count; i++)
        order[i] = i;
    qsort_r(order, p->partition_count, sizeof *order, by_place, p);
    for (uint32_t first = 0, end; first < p->partition_count; first = end) {
        for (end = first + 1; end < p->partition_count; end++)
            if (tenant_of(p, order[end]) != tenant_of(p, order[first]) ||
                p->partitions[order[end]].day != p->partitions[order[first]].day)
                break;
        share(p, order + first, end - first);
    }
    *ret_order = order;
    return true;
}

static void place_rows(struct partitioning *p)
{
    size_t at = 0, row = 0;
    for (uint32_t i = 0; i < p->partition_count; i++) {
        p->partitions[i].placed = at;
        at += p->partitions[i].count;
    }
    for (size_t i = 0; i < p->source_count; i++)
        for (uint32_t r = 0; r < p->sources[i].batch->row_count; r++) {
            if (is_dead(&p->sources[i], r))
                continue;
            const struct partition *of_row = &p->partitions[p->partition_of_row[row++]], *folded = &p->partitions[of_row->target];
            struct partition *to = &p->partitions[folded->target];
            p->rows[to->placed++] = (struct row_ref){p->sources[i].batch->time_ns[r], (uint32_t)i, r};
        }
}

/* ---- sorting ---- */

static inline uint64_t seq_of(const struct partitioning *p, const struct row_ref *r)
{
    return row_source_seq(&p->sources[r->source], r->row);
}

/* Equal times are common: stamps may be whole seconds. */
static inline bool is_before(const struct partitioning *p, const struct row_ref *a, const struct row_ref *b)
{
    return a->time_ns != b->time_ns ? a->time_ns < b->time_ns : seq_of(p, a) < seq_of(p, b);
}

/* How many of a do not come after b. */
static size_t count_until(const struct partitioning *p, const struct row_ref *a, size_t a_count, const struct row_ref *b)
{
    size_t low = 0, high = a_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (is_before(p, b, &a[middle]))
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* Requests overtake each other: a run often ends where the other begins, or all of it lies behind the other. */
static void merge(const struct partitioning *p, const struct row_ref *a, size_t a_count, const struct row_ref *b,
                  size_t b_count, struct row_ref *out)
{
    size_t first = b_count ? count_until(p, a, a_count, b) : a_count;
    memcpy(out, a, first * sizeof *a);
    a += first, a_count -= first, out += first;
    if (a_count && is_before(p, &b[b_count - 1], a)) {
        memcpy(out, b, b_count * sizeof *b);
        out += b_count, b_count = 0;
    }
    while (a_count && b_count) {
        if (is_before(p, b, a))
            *out++ = *b++, b_count--;
        else
            *out++ = *a++, a_count--;
    }
    memcpy(out, a, a_count * sizeof *a);
    memcpy(out + a_count, b, b_count * sizeof *b);
}

static size_t find_runs(const struct partitioning *p, const struct row_ref *rows, size_t count, size_t *ret_ends)
{
    size_t runs = 0;
    for (size_t i = 1; i < count; i++)
        if (is_before(p, &rows[i], &rows[i - 1]))
            ret_ends[runs++] = i;
    ret_ends[runs++] = count;
    return runs;
}

/* Natural merge sort by (time, seq). */
static void sort_rows(struct partitioning *p, struct row_ref *rows, size_t count)
{
    struct row_ref *from = rows, *to = p->scratch;
    size_t *run_ends = p->run_ends, runs = find_runs(p, rows, count, run_ends);
    while (runs > 1) {
        size_t merged = 0, start = 0;
        for (size_t run = 0; run < runs; run += 2) {
            size_t middle = run_ends[run], end = run + 1 < runs ? run_ends[run + 1] : middle;
            merge(p, from + start, middle - start, from + middle, end - middle, to + start);
            run_ends[merged++] = start = end;
        }
        runs = merged;
        struct row_ref *swap = from;
        from = to;
        to = swap;
    }
    if (from != rows)
        memcpy(rows, from, count * sizeof *rows);
}

static int by_labels(const void *a, const void *b, void *ctx)
{
    const struct interned *items = ctx;
    const struct interned *x = &items[*(const uint32_t *)a], *y = &items[*(const uint32_t *)b];
    int order = bole_slice_cmp(x->text, y->text);
    return order ? order : (x->tag > y->tag) - (x->tag < y->tag);
}

/* Fills p->streams, and p->partition_of_row with the number of each row's stream. */
static bool number_streams(struct partitioning *p, const struct row_ref *rows, size_t count)
{
    interner_reset(&p->streams);
    for (size_t i = 0; i < count; i++) {
        const struct batch *b = p->sources[rows[i].source].batch;
        const struct batch_stream *s = &b->streams[b->row_stream[rows[i].row]];
        if (!interner_put(&p->streams, s->flags, s->labels, &p->partition_of_row[i]))
            return false;
    }
    return true;
}

/* Rows sorted by time become sorted by (labels, time), if that is worth it. */
static bool order_by_stream(struct partitioning *p, struct row_ref *rows, size_t count, enum group_order *ret_order)
{
    *ret_order = GROUP_BY_TIME;
    if (!number_streams(p, rows, count))
        return false;
    uint32_t n = p->streams.count;
    if (n < STREAM_ORDER_MIN)
        return true;
    uint32_t *sorted = malloc(n * sizeof *sorted);
    size_t *next = calloc(n, sizeof *next); /* per stream: its rows, then where the next of them goes */
    if (sorted && next) {
        for (uint32_t i = 0; i < n; i++)
            sorted[i] = i;
        qsort_r(sorted, n, sizeof *sorted, by_labels, p->streams.items);
        for (size_t i = 0; i < count; i++)
            next[p->partition_of_row[i]]++;
        size_t at = 0;
        for (uint32_t i = 0; i < n; i++) {
            size_t rows_of_stream = next[sorted[i]];
            next[sorted[i]] = at;
            at += rows_of_stream;
        }
        for (size_t i = 0; i < count; i++)
            p->scratch[next[p->partition_of_row[i]]++] = rows[i];
        memcpy(rows, p->scratch, count * sizeof *rows);
        *ret_order = GROUP_BY_STREAM;
    }
    bool ok = sorted && next;
    free(sorted);
    free(next);
    return ok;
}

/* ---- the whole ---- */

static bool prepare(struct partitioning *p)
{
    for (size_t i = 0; i < p->source_count; i++)
        for (uint32_t r = 0; r < p->sources[i].batch->row_count; r++)
            p->row_count += !is_dead(&p->sources[i], r);
    assert(p->row_count > 0);
    p->partition_of_row = malloc(p->row_count * sizeof *p->partition_of_row);
    p->rows = malloc(p->row_count * sizeof *p->rows);
    p->scratch = malloc(p->row_count * sizeof *p->scratch);
    p->run_ends = malloc(p->row_count * sizeof *p->run_ends);
    return p->partition_of_row && p->rows && p->scratch && p->run_ends && find_families(p) && partition_rows(p) &&
           separate_kinds(p) && fold_kinds(p);
}

static bole_status no_memory(struct bole_err *err)
{
    return bole_fail(err, BOLE_E_NOMEM, "store: no memory to sort rows into groups");
}

static struct row_ref *rows_of(const struct partitioning *p, const struct partition *part)
{
    return p->rows + (part->placed - part->count);
}

/* By time. What that takes is then free for the encoders: together they are the most memory that a cut needs. */
static void sort_all(struct partitioning *p)
{
    place_rows(p);
    for (uint32_t i = 0; i < p->partition_count; i++)
        if (p->partitions[i].count)
            sort_rows(p, rows_of(p, &p->partitions[i]), p->partitions[i].count);
    free(p->run_ends);
    p->run_ends = NULL;
    if (p->options->by_stream) /* the rest is for that order */
        return;
    free(p->partition_of_row);
    free(p->scratch);
    p->partition_of_row = NULL;
    p->scratch = NULL;
}

static bole_status write_one(struct partitioning *p, const struct partition *part, struct segment_writer *w,
                             struct bole_err *err)
{
    const struct family *family = &p->family[part->family];
    struct row_ref *rows = rows_of(p, part);
    struct group_kind kind = {.tenant = p->tenants.items[family->tenant].text, .generation = p->options->generation,
                              .weight_max = p->options->weight_max};
    if (!part->shared) {
        kind.family = p->options->family ? p->options->family : family_hash(family_text(family->labels)) ^ part->kind;
        kind.family_name = family_name(family->labels, &p->name);
    }
    if ((p->options->by_stream && !order_by_stream(p, rows, part->count, &kind.order)) || p->name.failed)
        return no_memory(err);
    return segment_writer_add(w, &kind, rows, part->count, err);
}

bole_status partition_write(const struct row_source *sources, size_t source_count,
                            const struct partition_options *options,
                            struct segment_file *file, struct bole_err *err)
{
    struct partitioning p = {.sources = sources, .source_count = source_count, .options = options};
    struct segment_writer *w = NULL;
    uint32_t *order = NULL;
    buf_init(&p.name, NULL);
    bole_status st = BOLE_OK;
    if (prepare(&p) && share_small_families(&p, &order)) {
        sort_all(&p);
        w = segment_writer_create(sources, source_count, file);
    }
    if (!w)
        st = no_memory(err);
    for (uint32_t i = 0; st >= 0 && i < p.partition_count; i++)
        if (p.partitions[order[i]].count)
            st = write_one(&p, &p.partitions[order[i]], w, err);
    free(order);
    segment_writer_destroy(w);
    partitioning_deinit(&p);
    return st;
}
