/*
 * Two passes over the rows: the first finds each row's partition and counts, the second lays the rows of a partition end
 * to end. Arrival order is seq order, so a stable sort by time alone leaves (time, seq). Rows arrive nearly sorted: the
 * sort merges the ascending runs that are there, and costs one look at each row when there is only one.
 */
#include "store/cut.h"

#include <assert.h>
#include <stdlib.h>

#include "base/err.h"
#include "store/interner.h"

#define DAY_AHEAD   INT64_MAX /* not days of any time */
#define DAY_BEHIND  INT64_MIN
#define NONE        UINT32_MAX

struct partition {
    uint32_t tenant;
    int64_t  day;
    uint32_t next;   /* of the same tenant, or NONE */
    size_t   count;
    size_t   placed; /* where its next row goes; before that, its first */
};

struct cut {
    struct row_source *sources;
    const struct head_entry **entries; /* [source_count] */
    size_t source_count, row_count;    /* rows that are not dead */
    struct interner tenants;
    uint32_t *first_of_tenant; /* [tenants.capacity] partition, or NONE */
    uint32_t  first_capacity;
    struct partition *partitions;
    uint32_t partition_count, partition_capacity;
    uint32_t *partition_of_row; /* [row_count] */
    struct row_ref *rows, *scratch;
    size_t *run_ends;
};

static void cut_deinit(struct cut *c)
{
    free(c->sources);
    free(c->entries);
    interner_deinit(&c->tenants);
    free(c->first_of_tenant);
    free(c->partitions);
    free(c->partition_of_row);
    free(c->rows);
    free(c->scratch);
    free(c->run_ends);
}

/* ---- partitions ---- */

static int64_t add_saturated(int64_t a, int64_t b)
{
    int64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? (b > 0 ? INT64_MAX : INT64_MIN) : sum;
}

static int64_t day_class(int64_t time_ns, int64_t received_ns)
{
    if (time_ns > add_saturated(received_ns, CUT_AHEAD_NS))
        return DAY_AHEAD;
    if (time_ns < add_saturated(received_ns, -CUT_BEHIND_NS))
        return DAY_BEHIND;
    return day_of_time(time_ns);
}

static bool find_tenant(struct cut *c, bole_slice name, uint32_t *ret_tenant)
{
    if (!interner_put(&c->tenants, 0, name, ret_tenant))
        return false;
    if (c->tenants.capacity > c->first_capacity) {
        uint32_t *grown = realloc(c->first_of_tenant, c->tenants.capacity * sizeof *grown);
        if (!grown)
            return false;
        for (uint32_t i = c->first_capacity; i < c->tenants.capacity; i++)
            grown[i] = NONE;
        c->first_of_tenant = grown;
        c->first_capacity = c->tenants.capacity;
    }
    return true;
}

static bool find_partition(struct cut *c, uint32_t tenant, int64_t day, uint32_t *ret_partition)
{
    uint32_t *first = &c->first_of_tenant[tenant];
    for (uint32_t at = *first; at != NONE; at = c->partitions[at].next)
        if (c->partitions[at].day == day) {
            *ret_partition = at;
            return true;
        }
    if (c->partition_count == c->partition_capacity) {
        uint32_t capacity = c->partition_capacity ? c->partition_capacity * 2 : 16;
        struct partition *grown = realloc(c->partitions, capacity * sizeof *grown);
        if (!grown)
            return false;
        c->partitions = grown;
        c->partition_capacity = capacity;
    }
    c->partitions[c->partition_count] = (struct partition){.tenant = tenant, .day = day, .next = *first};
    *ret_partition = *first = c->partition_count++;
    return true;
}

/* Times [from, to) that certainly belong to the same day as `time`. */
static void remember_range(int64_t day, int64_t time, int64_t received_ns, int64_t *ret_from, int64_t *ret_to)
{
    *ret_from = *ret_to = time; /* nothing: the outliers are few */
    if (day == DAY_AHEAD || day == DAY_BEHIND)
        return;
    int64_t earliest = add_saturated(received_ns, -CUT_BEHIND_NS), latest = add_saturated(received_ns, CUT_AHEAD_NS);
    int64_t of_day = (time % DAY_NS + DAY_NS) % DAY_NS;
    int64_t midnight = add_saturated(time, -of_day), end = add_saturated(time, DAY_NS - of_day);
    *ret_from = midnight > earliest ? midnight : earliest;
    *ret_to = end < latest ? end : latest;
}

/* Rows come in long stretches of one stream and one day: what the row before needed is remembered. */
static bool partition_entry(struct cut *c, const struct head_entry *e, size_t *row)
{
    const struct batch *b = e->batch;
    uint32_t stream = NONE, tenant = 0, partition = 0;
    int64_t from_ns = 0, to_ns = 0; /* times that certainly belong to `partition` */
    for (uint32_t r = 0; r < b->row_count; r++) {
        int64_t time = b->time_ns[r];
        if (head_entry_is_dead(e, r))
            continue;
        if (b->row_stream[r] != stream || time < from_ns || time >= to_ns) {
            stream = b->row_stream[r];
            int64_t day = day_class(time, b->received_ns);
            if (!find_tenant(c, b->streams[stream].tenant, &tenant) || !find_partition(c, tenant, day, &partition))
                return false;
            remember_range(day, time, b->received_ns, &from_ns, &to_ns);
        }
        c->partition_of_row[(*row)++] = partition;
        c->partitions[partition].count++;
    }
    return true;
}

static bool partition_rows(struct cut *c)
{
    size_t row = 0;
    for (size_t i = 0; i < c->source_count; i++)
        if (!partition_entry(c, c->entries[i], &row))
            return false;
    assert(row == c->row_count);
    return true;
}

static void place_rows(struct cut *c)
{
    size_t at = 0;
    for (uint32_t p = 0; p < c->partition_count; p++) {
        c->partitions[p].placed = at;
        at += c->partitions[p].count;
    }
    size_t row = 0;
    for (size_t i = 0; i < c->source_count; i++)
        for (uint32_t r = 0; r < c->sources[i].batch->row_count; r++) {
            if (head_entry_is_dead(c->entries[i], r))
                continue;
            struct partition *p = &c->partitions[c->partition_of_row[row++]];
            c->rows[p->placed++] = (struct row_ref){c->sources[i].batch->time_ns[r], (uint32_t)i, r};
        }
}

/* ---- sorting ---- */

static void merge(const struct row_ref *a, size_t a_count, const struct row_ref *b, size_t b_count, struct row_ref *out)
{
    while (a_count && b_count) {
        if (b->time_ns < a->time_ns)
            *out++ = *b++, b_count--;
        else
            *out++ = *a++, a_count--;
    }
    memcpy(out, a, a_count * sizeof *a);
    memcpy(out + a_count, b, b_count * sizeof *b);
}

static size_t find_runs(const struct row_ref *rows, size_t count, size_t *ret_ends)
{
    size_t runs = 0;
    for (size_t i = 1; i < count; i++)
        if (rows[i].time_ns < rows[i - 1].time_ns)
            ret_ends[runs++] = i;
    ret_ends[runs++] = count;
    return runs;
}

/* Natural merge sort, stable. scratch has room for count rows, run_ends for count numbers. */
static void sort_rows(struct row_ref *rows, size_t count, struct row_ref *scratch, size_t *run_ends)
{
    struct row_ref *from = rows, *to = scratch;
    size_t runs = find_runs(rows, count, run_ends);
    while (runs > 1) {
        size_t merged = 0, start = 0;
        for (size_t run = 0; run < runs; run += 2) {
            size_t middle = run_ends[run], end = run + 1 < runs ? run_ends[run + 1] : middle;
            merge(from + start, middle - start, from + middle, end - middle, to + start);
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

/* ---- the whole ---- */

static bool collect_sources(struct cut *c, const struct head_snapshot *head)
{
    struct head_cursor cursor = {.snapshot = head};
    const struct head_entry *e;
    c->sources = malloc(head->entry_count * sizeof *c->sources);
    c->entries = malloc(head->entry_count * sizeof *c->entries);
    if (!c->sources || !c->entries)
        return false;
    while ((e = head_next(&cursor))) {
        c->entries[c->source_count] = e;
        c->sources[c->source_count++] = (struct row_source){e->batch, e->lsn, e->first_row, NULL};
    }
    c->row_count = head->row_count;
    c->partition_of_row = malloc(c->row_count * sizeof *c->partition_of_row);
    c->rows = malloc(c->row_count * sizeof *c->rows);
    c->scratch = malloc(c->row_count * sizeof *c->scratch);
    c->run_ends = malloc(c->row_count * sizeof *c->run_ends);
    return c->partition_of_row && c->rows && c->scratch && c->run_ends;
}

static bole_status write_partitions(struct cut *c, struct segment_writer *w, struct bole_err *err)
{
    bole_status st = BOLE_OK;
    for (uint32_t i = 0; st >= 0 && i < c->partition_count; i++) {
        const struct partition *p = &c->partitions[i];
        struct row_ref *rows = c->rows + (p->placed - p->count);
        sort_rows(rows, p->count, c->scratch, c->run_ends);
        struct group_kind kind = {.tenant = c->tenants.items[p->tenant].text, .order = GROUP_BY_TIME};
        st = segment_writer_add(w, &kind, rows, p->count, err);
    }
    return st;
}

bole_status cut_write(const struct head_snapshot *head, struct segment_file *file, struct bole_err *err)
{
    assert(head->row_count > 0);
    struct cut c = {0};
    struct segment_writer *w = NULL;
    bole_status st = BOLE_OK;
    if (!collect_sources(&c, head) || !partition_rows(&c) || !(w = segment_writer_create(c.sources, c.source_count, file)))
        st = bole_fail(err, BOLE_E_NOMEM, "store: no memory to cut the head");
    if (st >= 0) {
        place_rows(&c);
        st = write_partitions(&c, w, err);
    }
    segment_writer_destroy(w);
    cut_deinit(&c);
    return st;
}
