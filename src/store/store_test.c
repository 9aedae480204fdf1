/*
 * One test for every store: random rows and random queries against the most naive filter there is. A failure prints the
 * seed; BOLE_SEED=n runs that one alone.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/random.h"
#include "base/test.h"
#include "shim/regex.h"
#include "store/store.h"

enum { TENANTS = 3, STREAMS = 96, ROWS_MAX = 6000, KEYS = 90 };

struct model_row {
    bole_slice tenant, labels, line;
    int64_t    time_ns;
    uint64_t   seq;
    struct batch_field fields[8];
    size_t     field_count;
    bool       collapses;
};

struct world {
    struct random random;
    struct arena  arena;
    struct fs    *fs;
    struct clock_manual clock;
    struct store *store;
    const char   *uri;
    bole_slice    tenants[TENANTS], labels[STREAMS], keys[KEYS];
    struct model_row *rows;
    size_t   row_count;
    uint64_t lsn;
    int64_t  now_ns;
    unsigned collapse_percent; /* rows under Loki's duplicate rule */
};

static uint64_t below(struct world *w, uint64_t n) { return random_below(&w->random, n); }
static bool chance(struct world *w, unsigned percent) { return below(w, 100) < percent; }

/* ---- random things ---- */

static bole_slice text(struct world *w, const char *t) { return arena_copy(&w->arena, bole_slice_str(t)); }

static bole_slice make_labels(struct world *w, unsigned i)
{
    char app[16], pod[16];
    snprintf(app, sizeof app, "app%u", i % 4);
    snprintf(pod, sizeof pod, "p%u", i);
    struct label labels[] = {
        {S("app"), bole_slice_str(app)}, {S("pod"), bole_slice_str(i % 3 || i >= 12 ? pod : "")}, {S("env"), S("prod")}};
    struct buf b;
    buf_init(&b, NULL);
    CHECK_EQ_STATUS(labels_encode(labels, i == 0 ? 0 : 3, &b, NULL), BOLE_OK); /* one stream has no labels at all */
    bole_slice s = arena_copy(&w->arena, buf_slice(&b));
    buf_deinit(&b);
    return s;
}

static bole_slice random_line(struct world *w)
{
    static const char *const words[] = {"error", "warn", "GET /index.html", "abc", "abcabc", "\xff\xfe",
                                        "a",     "42",   "timeout after",   " "};
    struct buf b;
    buf_init(&b, NULL);
    size_t count = chance(w, 10) ? 0 : chance(w, 2) ? below(w, 4000) : below(w, 12);
    for (size_t i = 0; i < count; i++) {
        buf_put(&b, bole_slice_str(words[below(w, sizeof words / sizeof *words)]));
        if (chance(w, 5))
            buf_put_u8(&b, 0);
        if (chance(w, 20))
            buf_put_uint(&b, below(w, 1000000));
    }
    bole_slice s = arena_copy(&w->arena, buf_slice(&b));
    buf_deinit(&b);
    return s;
}

static int64_t random_time(struct world *w)
{
    switch (below(w, 20)) {
    case 0: return w->now_ns - (int64_t)below(w, 30ull * 86400 * NS_PER_S);
    case 1: return w->now_ns + (int64_t)below(w, 30ull * 86400 * NS_PER_S);
    case 2: return (int64_t)random_next(&w->random);
    case 3: return below(w, 2) ? INT64_MIN : INT64_MAX;
    case 4: return -(int64_t)below(w, 1000);
    case 5: return w->now_ns; /* ties */
    default: return w->now_ns + (int64_t)below(w, 1000) * (chance(w, 50) ? NS_PER_MS : 1);
    }
}

static void random_fields(struct world *w, struct model_row *row, unsigned variety)
{
    row->field_count = below(w, 4) ? 0 : below(w, 8);
    for (size_t i = 0; i < row->field_count; i++) {
        char value[64];
        uint64_t kind = below(w, 4);
        snprintf(value, sizeof value, "%s%llu", kind == 0 ? "v" : "long value that repeats ",
                 (unsigned long long)below(w, kind == 0 ? 1000000 : 4));
        row->fields[i] = (struct batch_field){w->keys[below(w, variety)], kind == 3 ? S("\0x\xff") : text(w, value)};
    }
}

/* ---- filling ---- */

static struct batch *seal(struct world *w, struct batch_builder *b)
{
    struct batch *batch;
    struct bole_err err;
    CHECK_OK(batch_builder_seal(b, w->now_ns, NULL, &batch, &err), err);
    return batch;
}

static int by_field(const void *a, const void *b)
{
    const struct batch_field *x = a, *y = b;
    int c = bole_slice_cmp(x->key, y->key);
    return c ? c : bole_slice_cmp(x->value, y->value);
}

static bool same_record(const struct model_row *a, const struct model_row *b)
{
    struct batch_field x[8], y[8];
    if (a->time_ns != b->time_ns || a->field_count != b->field_count || !bole_slice_eq(a->line, b->line) ||
        !bole_slice_eq(a->labels, b->labels) || !bole_slice_eq(a->tenant, b->tenant))
        return false;
    memcpy(x, a->fields, sizeof x);
    memcpy(y, b->fields, sizeof y);
    qsort(x, a->field_count, sizeof *x, by_field);
    qsort(y, b->field_count, sizeof *y, by_field);
    for (size_t i = 0; i < a->field_count; i++)
        if (by_field(&x[i], &y[i]) != 0)
            return false;
    return true;
}

/* Loki's rule: the store must show only the first. */
static bool is_known(const struct world *w, const struct model_row *row)
{
    for (size_t i = 0; row->collapses && i < w->row_count; i++)
        if (w->rows[i].collapses && same_record(&w->rows[i], row))
            return true;
    return false;
}

/* Any row there was, with its fields in another order. */
static void repeat_row(struct world *w, struct model_row *row)
{
    uint64_t seq = row->seq;
    *row = w->rows[chance(w, 50) ? w->row_count - 1 : below(w, w->row_count)];
    row->seq = seq;
    row->collapses = row->collapses != chance(w, 5);
    if (row->field_count > 1 && chance(w, 50)) {
        struct batch_field last = row->fields[row->field_count - 1];
        memmove(row->fields + 1, row->fields, (row->field_count - 1) * sizeof last);
        row->fields[0] = last;
    }
}

/* One group of one to three batches. */
static void insert_group(struct world *w)
{
    struct batch_builder *b = batch_builder_create(NULL);
    struct batch *batches[3];
    size_t batch_count = 1 + below(w, 3);
    struct bole_err err;
    uint32_t row_in_group = 0;
    unsigned variety = chance(w, 30) ? KEYS : 3;
    bool sorted = chance(w, 50);
    w->lsn++;
    w->now_ns += (int64_t)below(w, 100 * NS_PER_MS);
    for (size_t i = 0; i < batch_count; i++) {
        size_t rows = 1 + below(w, chance(w, 10) ? 1500 : 40);
        for (size_t r = 0; r < rows && w->row_count < ROWS_MAX; r++) {
            struct model_row *row = &w->rows[w->row_count];
            *row = (struct model_row){.tenant = w->tenants[below(w, TENANTS)],
                                      .labels = w->labels[below(w, STREAMS)],
                                      .line = random_line(w),
                                      .time_ns = sorted ? w->now_ns + (int64_t)r : random_time(w),
                                      .seq = seq_make(w->lsn, row_in_group++)};
            row->collapses = chance(w, w->collapse_percent);
            random_fields(w, row, variety);
            if (w->row_count && w->collapse_percent && chance(w, 10))
                repeat_row(w, row);
            uint32_t stream;
            CHECK_OK(batch_builder_stream(b, row->tenant, row->labels, row->collapses ? BATCH_STREAM_COLLAPSE : 0, &stream, &err),
                     err);
            bole_status st = batch_builder_add(b, row->time_ns, stream, row->line, row->fields, row->field_count, &err);
            if (st == BOLE_AGAIN)
                break;
            CHECK_OK(st, err);
            w->row_count += !is_known(w, row);
        }
        if (batch_builder_rows(b) == 0) { /* the model is full */
            batch_count = i;
            break;
        }
        batches[i] = seal(w, b);
    }
    if (batch_count)
        CHECK_OK(store_insert(w->store, w->lsn, batches, batch_count, &err), err);
    else
        w->lsn--;
    for (size_t i = 0; i < batch_count; i++)
        batch_unref(batches[i]);
    batch_builder_destroy(b);
}

static void fill(struct world *w, size_t rows)
{
    while (w->row_count < rows)
        insert_group(w);
}

static void cut(struct world *w)
{
    struct bole_err err;
    uint64_t lsn = 0;
    CHECK_OK(store_cut(w->store, &lsn, &err), err);
    CHECK_EQ_U64(lsn, w->lsn);
    CHECK_EQ_U64(store_position(w->store), w->lsn);
}

static void open_store(struct world *w)
{
    struct store_options options = {.uri = bole_slice_str(w->uri), .fs = w->fs, .clock = &w->clock.base};
    struct bole_err err;
    CHECK_OK(store_open(&options, &w->store, &err), err);
}

static void world_init(struct world *w, uint64_t seed, const char *uri)
{
    *w = (struct world){.fs = fs_mem_create(), .uri = uri, .now_ns = 1790000000ll * NS_PER_S, .collapse_percent = 50};
    random_seed(&w->random, seed);
    arena_init(&w->arena, NULL);
    clock_manual_init(&w->clock, w->now_ns);
    w->rows = calloc(ROWS_MAX, sizeof *w->rows);
    for (unsigned i = 0; i < TENANTS; i++)
        w->tenants[i] = text(w, (const char *const[]){"default", "team-a", "b"}[i]);
    for (unsigned i = 0; i < STREAMS; i++)
        w->labels[i] = make_labels(w, i);
    for (unsigned i = 0; i < KEYS; i++) {
        char key[16];
        snprintf(key, sizeof key, "key%u", i);
        w->keys[i] = text(w, i ? key : "pod"); /* a label of some streams, too */
    }
    open_store(w);
}

static void world_deinit(struct world *w)
{
    store_destroy(w->store);
    fs_mem_destroy(w->fs);
    arena_deinit(&w->arena);
    free(w->rows);
}

/* ---- random queries and the naive answer ---- */

struct question {
    struct store_query query;
    struct store_matcher matchers[3];
    struct store_predicate predicates[3];
    struct regex *regexes[6];
    size_t regex_count;
};

static const struct regex *compile(struct question *q, const char *pattern, unsigned flags)
{
    struct bole_err err;
    CHECK_OK(regex_compile(bole_slice_str(pattern), flags, NULL, &q->regexes[q->regex_count], &err), err);
    return q->regexes[q->regex_count++];
}

static struct store_matcher random_matcher(struct world *w, struct question *q)
{
    static const char *const names[] = {"app", "pod", "env", "none"}, *const values[] = {"app1", "app2", "p4", "prod",
                                                                                         ""};
    static const char *const patterns[] = {"app.*", "app1|app3", "p[0-4]?", ".*", ""};
    struct store_matcher m = {.op = (enum match_op)below(w, 4), .name = bole_slice_str(names[below(w, 4)]),
                              .value = bole_slice_str(values[below(w, 5)])};
    if (m.op == MATCH_RE || m.op == MATCH_NRE)
        m.regex = compile(q, patterns[below(w, 5)], REGEX_ANCHORED);
    return m;
}

static struct store_predicate random_predicate(struct world *w, struct question *q)
{
    static const char *const needles[] = {"error",   "abc",           "cab",  "a",    "",
                                          "nowhere", "timeout after", "\xff", "html", "1"};
    static const char *const patterns[] = {"err.r", "abc(abc)+", "[0-9]{5}", "(?i)ERROR", "^$", "warn|timeout", "a.a"};
    struct store_predicate p = {.kind = (enum store_predicate_kind)below(w, 6),
                                .name = w->keys[below(w, chance(w, 70) ? 3 : KEYS)],
                                .value = bole_slice_str(needles[below(w, 10)])};
    if (p.kind == PREDICATE_LINE_MATCHES || p.kind == PREDICATE_LINE_NOT_MATCHES)
        p.regex = compile(q, patterns[below(w, 7)], 0);
    if (p.kind >= PREDICATE_FIELD_EQ)
        p.value = below(w, 4) == 0 ? S("") : below(w, 2) ? S("\0x\xff") : S("long value that repeats 1");
    if (p.kind < PREDICATE_LINE_MATCHES && chance(w, 10))
        p.value = S("a\0");
    return p;
}

static void random_question(struct world *w, struct question *q)
{
    *q = (struct question){.query = {.tenant = chance(w, 95) ? w->tenants[below(w, TENANTS)] : S("nobody"),
                                     .from_ns = INT64_MIN,
                                     .to_ns = INT64_MAX,
                                     .projection = (unsigned)below(w, 4),
                                     .direction = (enum store_direction)below(w, 2)}};
    if (chance(w, 60)) {
        int64_t a = random_time(w), b = random_time(w);
        q->query.from_ns = a < b ? a : b;
        q->query.to_ns = a < b ? b : a;
    }
    q->query.matcher_count = chance(w, 40) ? 0 : below(w, 4);
    for (size_t i = 0; i < q->query.matcher_count; i++)
        q->matchers[i] = random_matcher(w, q);
    q->query.predicate_count = chance(w, 40) ? 0 : below(w, 4);
    for (size_t i = 0; i < q->query.predicate_count; i++)
        q->predicates[i] = random_predicate(w, q);
    q->query.matchers = q->matchers;
    q->query.predicates = q->predicates;
}

static void question_deinit(struct question *q)
{
    for (size_t i = 0; i < q->regex_count; i++)
        regex_destroy(q->regexes[i]);
}

static bole_slice field_of(const struct batch_field *fields, size_t count, bole_slice key)
{
    for (size_t i = 0; i < count; i++)
        if (bole_slice_eq(fields[i].key, key))
            return fields[i].value;
    return (bole_slice){0};
}

static bool naive_predicate(const struct store_predicate *p, bole_slice line, const struct batch_field *fields,
                            size_t field_count)
{
    switch (p->kind) {
    case PREDICATE_LINE_CONTAINS: return memmem(line.ptr, line.len, p->value.ptr, p->value.len) != NULL;
    case PREDICATE_LINE_NOT_CONTAINS: return memmem(line.ptr, line.len, p->value.ptr, p->value.len) == NULL;
    case PREDICATE_LINE_MATCHES: return regex_match(p->regex, line);
    case PREDICATE_LINE_NOT_MATCHES: return !regex_match(p->regex, line);
    case PREDICATE_FIELD_EQ: return bole_slice_eq(field_of(fields, field_count, p->name), p->value);
    case PREDICATE_FIELD_NE: return !bole_slice_eq(field_of(fields, field_count, p->name), p->value);
    }
    return false;
}

static bool naive_row(const struct store_query *q, const struct model_row *row)
{
    if (!bole_slice_eq(row->tenant, q->tenant) || row->time_ns < q->from_ns || row->time_ns >= q->to_ns ||
        !store_matches(row->labels, q->matchers, q->matcher_count))
        return false;
    for (size_t i = 0; i < q->predicate_count; i++)
        if (!naive_predicate(&q->predicates[i], row->line, row->fields, row->field_count))
            return false;
    return true;
}

/* ---- what comes back ---- */

static struct model_row *row_of_seq(struct world *w, uint64_t seq)
{
    size_t from = 0, to = w->row_count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (w->rows[middle].seq < seq)
            from = middle + 1;
        else
            to = middle;
    }
    CHECK(from < w->row_count && w->rows[from].seq == seq);
    return &w->rows[from];
}

static void check_fields(const struct model_row *row, const struct batch_field *fields, size_t count)
{
    struct batch_field a[8], b[8];
    CHECK_EQ_U64(count, row->field_count);
    memcpy(a, row->fields, sizeof a);
    for (size_t i = 0; i < count; i++)
        b[i] = fields[i];
    qsort(a, count, sizeof *a, by_field);
    qsort(b, count, sizeof *b, by_field);
    for (size_t i = 0; i < count; i++) {
        CHECK_EQ_SLICE(b[i].key, a[i].key);
        CHECK_EQ_SLICE(b[i].value, a[i].value);
    }
}

static void check_row(struct world *w, const struct question *q, struct vector *v, uint32_t r,
                      const struct model_row *row)
{
    CHECK_EQ_I64(v->time_ns[r], row->time_ns);
    CHECK_EQ_SLICE(store_scan_stream(v->scan, v->stream[r]), row->labels);
    CHECK(v->stream[r] < store_scan_stream_count(v->scan));
    if (q->query.projection & PROJECT_LINE)
        CHECK_EQ_SLICE(column_get(&v->line, r), row->line);
    if (q->query.projection & PROJECT_FIELDS) {
        const struct batch_field *fields;
        size_t count = v->fields(v, r, &fields);
        check_fields(row, fields, count);
        bole_slice key = w->keys[below(w, 3)];
        struct column c = v->field(v, key);
        bole_slice expected = field_of(row->fields, row->field_count, key), got = column_get(&c, r);
        CHECK_EQ_SLICE(got, expected);
        CHECK((got.ptr == NULL) == (expected.ptr == NULL));
    }
}

/* Tests what the store has left over. */
static bool passes_rest(const struct question *q, const struct model_row *row)
{
    for (size_t i = 0; i < q->query.predicate_count; i++)
        if (q->predicates[i].consumed != CONSUMED_WHOLLY &&
            !naive_predicate(&q->predicates[i], row->line, row->fields, row->field_count))
            return false;
    return true;
}

static size_t scan_all(struct world *w, struct question *q, struct view *view, uint8_t *seen)
{
    struct scan *scan;
    struct vector *v;
    struct bole_err err;
    size_t count = 0;
    bole_status st;
    CHECK_OK(store_scan_open(w->store, view, &q->query, &scan, &err), err);
    while ((st = store_scan_next(scan, &v, &err)) == BOLE_OK) {
        CHECK(v->row_count > 0 && v->row_count <= VECTOR_ROWS_MAX);
        for (uint32_t r = vector_first(v); r < v->row_count; r = vector_next(v, r)) {
            const struct model_row *row = row_of_seq(w, v->seq[r]);
            if (!passes_rest(q, row))
                continue;
            check_row(w, q, v, r, row);
            CHECK(naive_row(&q->query, row));
            CHECK(!seen[row - w->rows]);
            seen[row - w->rows] = 1;
            count++;
        }
    }
    CHECK_OK(st == BOLE_END ? BOLE_OK : st, err);
    struct store_scan_stats stats;
    store_scan_stats(scan, &stats);
    CHECK_EQ_U64(stats.bad_chunks, 0);
    store_scan_close(scan);
    return count;
}

static void ask_rows(struct world *w, struct question *q, struct view *view)
{
    uint8_t *seen = calloc(1, ROWS_MAX);
    size_t expected = 0, count = scan_all(w, q, view, seen);
    for (size_t i = 0; i < w->row_count; i++)
        expected += naive_row(&q->query, &w->rows[i]);
    CHECK_EQ_U64(count, expected);
    free(seen);
}

/* The N times nearest to the asked end, in order. */
struct nearest {
    bool    backward;
    size_t  count;
    int64_t times[21];
};
enum { NEAREST = 20 };

static void nearest_add(struct nearest *n, int64_t time_ns)
{
    size_t at = n->count;
    for (; at && (n->backward ? n->times[at - 1] < time_ns : n->times[at - 1] > time_ns); at--)
        n->times[at] = n->times[at - 1];
    n->times[at] = time_ns;
    n->count += n->count < NEAREST;
}

/* Moves the bound as an executor does. */
static void ask_nearest(struct world *w, struct question *q, struct view *view)
{
    struct nearest got = {.backward = q->query.direction == BACKWARD}, expected = got;
    struct scan *scan;
    struct vector *v;
    struct bole_err err;
    CHECK_OK(store_scan_open(w->store, view, &q->query, &scan, &err), err);
    while (store_scan_next(scan, &v, &err) == BOLE_OK) {
        for (uint32_t r = vector_first(v); r < v->row_count; r = vector_next(v, r))
            if (passes_rest(q, row_of_seq(w, v->seq[r])))
                nearest_add(&got, v->time_ns[r]);
        if (got.count == NEAREST)
            store_scan_set_bound(scan, got.times[NEAREST - 1]);
    }
    store_scan_close(scan);
    for (size_t i = 0; i < w->row_count; i++)
        if (naive_row(&q->query, &w->rows[i]))
            nearest_add(&expected, w->rows[i].time_ns);
    CHECK_EQ_U64(got.count, expected.count);
    for (size_t i = 0; i < got.count; i++)
        CHECK_EQ_I64(got.times[i], expected.times[i]);
}

/* ---- aggregate, streams, volume ---- */

struct sums {
    struct world *w;
    uint64_t total, cells[8], weighted; /* per bucket; of value bytes and labels, so that nothing changes places */
};

static bole_status add_cell(uint32_t stream, bole_slice labels, bole_slice value, uint32_t bucket, uint64_t amount, void *ctx)
{
    struct sums *s = ctx;
    s->total += amount;
    s->cells[bucket] += amount;
    s->weighted += amount * (1 + labels.len + 31 * value.len + (value.ptr ? 7 : 0));
    return BOLE_OK;
}

/* A label hides the field of its name. */
static bole_slice shown_field(const struct model_row *row, bole_slice key)
{
    if (!key.ptr || labels_find(row->labels, key).ptr)
        return (bole_slice){0};
    return field_of(row->fields, row->field_count, key);
}

static void ask_aggregate(struct world *w, struct question *q, struct view *view)
{
    struct store_aggregation a = {.what = below(w, 2),
                                  .start_ns = w->now_ns - (int64_t)below(w, NS_PER_S),
                                  .bucket_ns = 1 + (int64_t)below(w, chance(w, 50) ? NS_PER_S : 86400ull * NS_PER_S),
                                  .bucket_count = 1 + (uint32_t)below(w, 8)};
    if (chance(w, 50))
        a.field = w->keys[below(w, 3)];
    struct sums got = {.w = w}, expected = {.w = w};
    struct bole_err err;
    bole_status st = store_aggregate(w->store, view, &q->query, &a, add_cell, &got, NULL, &err);
    if (st == BOLE_E_UNSUPPORTED)
        return;
    CHECK_OK(st, err);
    for (size_t i = 0; i < w->row_count; i++) {
        const struct model_row *row = &w->rows[i];
        __int128 from = (__int128)a.start_ns - a.bucket_ns;
        uint64_t amount = a.what == AGGREGATE_COUNT ? 1 : row->line.len;
        for (uint32_t b = 0; amount && b < a.bucket_count; b++, from += a.bucket_ns)
            if (row->time_ns > from && row->time_ns <= from + a.bucket_ns && naive_row(&q->query, row))
                add_cell(0, row->labels, shown_field(row, a.field), b, amount, &expected);
    }
    for (size_t b = 0; b < 8; b++)
        CHECK_EQ_U64(got.cells[b], expected.cells[b]);
    CHECK_EQ_U64(got.weighted, expected.weighted);
}

struct stream_list {
    struct world *w;
    unsigned times[STREAMS];
    uint64_t rows[STREAMS], bytes[STREAMS];
};

static bole_status add_volume(bole_slice labels, uint64_t rows, uint64_t bytes, void *ctx)
{
    struct stream_list *l = ctx;
    for (size_t i = 0; i < STREAMS; i++)
        if (bole_slice_eq(l->w->labels[i], labels)) {
            l->times[i]++;
            l->rows[i] += rows;
            l->bytes[i] += bytes;
            return BOLE_OK;
        }
    CHECK(!"labels that nobody inserted");
    return BOLE_OK;
}

static bole_status add_stream(bole_slice labels, void *ctx)
{
    return add_volume(labels, 0, 0, ctx);
}

static void ask_streams(struct world *w, struct question *q, struct view *view)
{
    struct stream_list streams = {.w = w}, volume = {.w = w}, naive = {.w = w};
    struct bole_err err;
    q->query.predicate_count = 0;
    bool everything = q->query.from_ns == INT64_MIN && q->query.to_ns == INT64_MAX;
    CHECK_OK(store_streams(w->store, view, &q->query, add_stream, &streams, &err), err);
    CHECK_OK(store_volume(w->store, view, &q->query, add_volume, &volume, &err), err);
    for (size_t i = 0; i < w->row_count; i++)
        if (naive_row(&q->query, &w->rows[i]))
            add_volume(w->rows[i].labels, 1, w->rows[i].line.len, &naive);
    for (size_t i = 0; i < STREAMS; i++) {
        CHECK(streams.times[i] <= 1 && volume.times[i] <= 1);
        CHECK(streams.times[i] >= (naive.rows[i] > 0) && volume.rows[i] >= naive.rows[i] &&
              volume.bytes[i] >= naive.bytes[i]);
        if (everything && volume.rows[i] == naive.rows[i])
            CHECK_EQ_U64(volume.bytes[i], naive.bytes[i]);
    }
}

static void ask(struct world *w, unsigned questions)
{
    struct view *view = store_view(w->store);
    CHECK(view != NULL);
    for (unsigned i = 0; i < questions; i++) {
        struct question q;
        random_question(w, &q);
        ask_rows(w, &q, view);
        ask_nearest(w, &q, view);
        ask_aggregate(w, &q, view);
        ask_streams(w, &q, view);
        question_deinit(&q);
    }
    store_view_release(w->store, view);
}

/* ---- the tests ---- */

static uint64_t seed_of(uint64_t round)
{
    const char *given = getenv("BOLE_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 10) : round;
    char text_of_seed[32];
    snprintf(text_of_seed, sizeof text_of_seed, "%llu", (unsigned long long)seed);
    print_message("seed %s\n", text_of_seed);
    return seed;
}

/* Cuts of random sizes, some of which have been merged, and the head. */
static void run_with_merges(const char *uri, uint64_t seed)
{
    struct world w;
    struct store_merge_stats stats;
    struct bole_err err;
    world_init(&w, seed_of(seed), uri);
    w.collapse_percent = 0; /* the rule reaches back two cuts */
    for (unsigned i = 0; i < 12 && w.row_count < ROWS_MAX / 2; i++) {
        fill(&w, w.row_count + below(&w, 300));
        cut(&w);
        if (chance(&w, 30))
            clock_manual_advance(&w.clock, below(&w, 2 * 86400ull * NS_PER_S));
        if (chance(&w, 40))
            CHECK_OK(store_merge(w.store, (enum store_merge_what)below(&w, 3), &stats, &err), err);
        if (chance(&w, 20))
            ask(&w, 5);
    }
    CHECK_OK(store_merge(w.store, STORE_MERGE_EVERYTHING, &stats, &err), err);
    ask(&w, 40);
    fill(&w, w.row_count < ROWS_MAX - 100 ? w.row_count + 100 : 0);
    ask(&w, 20);
    world_deinit(&w);
}

static void run(const char *uri, uint64_t seed, bool cut_before, bool cut_after)
{
    struct world w;
    world_init(&w, seed_of(seed), uri);
    ask(&w, 2); /* nothing is there */
    fill(&w, 1500);
    if (cut_before)
        cut(&w);
    fill(&w, 3000);
    if (cut_after)
        cut(&w);
    ask(&w, 60);
    world_deinit(&w);
}

TEST(the_model_answers_as_the_naive_filter)
{
    for (uint64_t seed = 1; seed <= 2; seed++)
        run("mem:", seed, seed == 2, false);
}

TEST(segments_answer_from_the_head)
{
    for (uint64_t seed = 10; seed <= 12; seed++)
        run("segments:/data", seed, false, false);
}

TEST(segments_answer_after_cuts)
{
    for (uint64_t seed = 20; seed <= 22; seed++)
        run("segments:/data", seed, true, true);
}

TEST(segments_answer_half_from_the_head_and_half_from_a_segment)
{
    for (uint64_t seed = 30; seed <= 32; seed++)
        run("segments:/data", seed, true, false);
}

TEST(segments_answer_after_merges)
{
    for (uint64_t seed = 40; seed <= 45; seed++)
        run_with_merges("segments:/data", seed);
}
