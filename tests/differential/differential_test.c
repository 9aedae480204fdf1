/*
 * The engine against the `mem:` model and against a plain look at every row: random lines, random life, random
 * questions; every answer must be the same to the last byte.
 *
 *   BOLE_SEED=n                   this one world alone
 *   BOLE_DIFFERENTIAL_SECONDS=s   go on for so long (default 40)
 *   BOLE_DIFFERENTIAL_QUERIES=n   and until so many questions were answered (default 10,000)
 *   BOLE_LINES=file[:file...]     lines to draw from beside the invented ones, plain or zstd (default: bench/samples)
 *
 * Each question is one scan of the whole range, one for the newest (or oldest) N that moves the bound as an executor
 * does, or one aggregation, on a view that may be older than the last cut.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <zstd.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/test.h"
#include "logql.h"
#include "question.h"

enum { SAMPLES_MAX = 16 << 20, NEAREST = 20 };

/* One world's questions, so far. */
struct run {
    struct world *w;
    const struct question *question;
    uint64_t asked, answered; /* answered: with a row at least */
    uint8_t *expected, *seen; /* [row_capacity], one per row of the world */
};

static void differ(const struct run *run, const char *who, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void differ(const struct run *run, const char *who, const char *fmt, ...)
{
    char text[2000];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    print_error("%s differs: %s\n", who, text);
    question_print(run->question, run->w);
    fail();
}

/* ---- one row ---- */

static int by_field(const void *a, const void *b)
{
    const struct batch_field *x = a, *y = b;
    int c = bole_slice_cmp(x->key, y->key);
    return c ? c : bole_slice_cmp(x->value, y->value);
}

static bool same_fields(const struct world_row *row, const struct batch_field *fields, size_t count)
{
    struct batch_field a[WORLD_FIELDS_MAX], b[WORLD_FIELDS_MAX];
    if (count != row->field_count)
        return false;
    if (!count)
        return true;
    memcpy(a, row->fields, count * sizeof *a);
    memcpy(b, fields, count * sizeof *b);
    qsort(a, count, sizeof *a, by_field);
    qsort(b, count, sizeof *b, by_field);
    for (size_t i = 0; i < count; i++)
        if (by_field(&a[i], &b[i]) != 0)
            return false;
    return true;
}

static void check_field_column(struct run *run, const char *who, struct vector *v, uint32_t r,
                               const struct world_row *row)
{
    bole_slice key = run->w->keys[world_below(run->w, run->w->key_variety)], expected = {0};
    for (size_t i = row->field_count; i-- > 0;)
        if (bole_slice_eq(row->fields[i].key, key))
            expected = row->fields[i].value;
    struct column column = v->field(v, key);
    bole_slice got = column_get(&column, r);
    if (!bole_slice_eq(got, expected) || !got.ptr != !expected.ptr)
        differ(run, who, "row %llu has field %.*s \"%.*s\", not \"%.*s\"", (unsigned long long)row->seq,
               BOLE_SLICE_ARG(key), BOLE_SLICE_ARG(got), BOLE_SLICE_ARG(expected));
}

static void check_row(struct run *run, const char *who, struct vector *v, uint32_t r, const struct world_row *row)
{
    unsigned projection = run->question->query.projection;
    bole_slice labels = store_scan_stream(v->scan, v->stream[r]);
    if (v->time_ns[r] != row->time_ns)
        differ(run, who, "row %llu has time %lld, not %lld", (unsigned long long)row->seq, (long long)v->time_ns[r],
               (long long)row->time_ns);
    if (v->stream[r] >= store_scan_stream_count(v->scan) || !bole_slice_eq(labels, row->labels))
        differ(run, who, "row %llu has other labels", (unsigned long long)row->seq);
    if (projection & PROJECT_LINE) {
        bole_slice line = column_get(&v->line, r);
        if (!bole_slice_eq(line, row->line))
            differ(run, who, "row %llu has line \"%.*s\", not \"%.*s\"", (unsigned long long)row->seq,
                   BOLE_SLICE_ARG(line), BOLE_SLICE_ARG(row->line));
    }
    if (projection & PROJECT_FIELDS) {
        const struct batch_field *fields;
        size_t count = v->fields(v, r, &fields);
        if (!same_fields(row, fields, count))
            differ(run, who, "row %llu has other fields: %zu, not %u", (unsigned long long)row->seq, count,
                   row->field_count);
        check_field_column(run, who, v, r, row);
    }
}

/* ---- all rows ---- */

/* How many rows are expected. */
static size_t look(struct run *run, size_t row_count)
{
    size_t count = 0;
    for (size_t i = 0; i < row_count; i++)
        count += run->expected[i] = question_holds(&run->question->query, &run->w->rows[i]);
    return count;
}

/* Every selected row must be right, expected, and come once. Returns false at the end of the scan. */
static bool take_vector(struct run *run, const char *who, struct scan *scan, struct vector **ret_vector)
{
    struct bole_err err;
    bole_status st = store_scan_next(scan, ret_vector, &err);
    if (st == BOLE_END)
        return false;
    if (st != BOLE_OK)
        differ(run, who, "the scan failed: %s", err.msg);
    struct vector *v = *ret_vector;
    CHECK(v->row_count > 0 && v->row_count <= VECTOR_ROWS_MAX);
    for (uint32_t r = vector_first(v); r < v->row_count; r = vector_next(v, r)) {
        size_t at = world_row_of_seq(run->w, v->seq[r]);
        if (at == SIZE_MAX)
            differ(run, who, "row %llu was never inserted", (unsigned long long)v->seq[r]);
        const struct world_row *row = &run->w->rows[at];
        if (!question_rest_holds(run->question, row)) {
            vector_deselect(v, r);
            continue;
        }
        check_row(run, who, v, r, row);
        if (!run->expected[at])
            differ(run, who, "row %llu is too much: \"%.*s\"", (unsigned long long)row->seq, BOLE_SLICE_ARG(row->line));
        if (run->seen[at]++)
            differ(run, who, "row %llu came twice", (unsigned long long)row->seq);
    }
    return true;
}

static struct scan *open_scan(struct run *run, struct question *q, const char *who, struct store *store,
                              struct view *view)
{
    struct scan *scan;
    struct bole_err err;
    if (store_scan_open(store, view, &q->query, &scan, &err) != BOLE_OK)
        differ(run, who, "opening the scan failed: %s", err.msg);
    return scan;
}

static void check_stats(struct run *run, const char *who, struct scan *scan)
{
    struct store_scan_stats stats;
    store_scan_stats(scan, &stats);
    if (stats.bad_chunks)
        differ(run, who, "%llu chunks are bad", (unsigned long long)stats.bad_chunks);
}

static bool within(const struct question *q, int64_t time_ns, int64_t bound_ns)
{
    return q->query.direction == BACKWARD ? time_ns >= bound_ns : time_ns <= bound_ns;
}

/* With a bound, what lies beyond it need not come. */
static void check_missing(struct run *run, const char *who, size_t row_count, int64_t bound_ns)
{
    for (size_t i = 0; i < row_count; i++) {
        const struct world_row *row = &run->w->rows[i];
        if (run->expected[i] && !run->seen[i] && within(run->question, row->time_ns, bound_ns))
            differ(run, who, "row %llu at %lld is missing: \"%.*s\"", (unsigned long long)row->seq,
                   (long long)row->time_ns, BOLE_SLICE_ARG(row->line));
    }
}

static int64_t no_bound(const struct question *q)
{
    return q->query.direction == BACKWARD ? INT64_MIN : INT64_MAX;
}

static void ask_all(struct run *run, struct question *q, const char *who, struct store *store, struct view *view,
                    size_t row_count)
{
    struct vector *v;
    struct scan *scan = open_scan(run, q, who, store, view);
    memset(run->seen, 0, row_count);
    while (take_vector(run, who, scan, &v)) {
    }
    check_stats(run, who, scan);
    store_scan_close(scan);
    check_missing(run, who, row_count, no_bound(q));
}

/* ---- the nearest N ---- */

/* Times of the nearest rows so far, best first. */
struct nearest {
    bool backward;
    size_t count;
    int64_t times[NEAREST + 1];
};

static void nearest_add(struct nearest *n, int64_t time_ns)
{
    size_t at = n->count;
    for (; at && (n->backward ? n->times[at - 1] < time_ns : n->times[at - 1] > time_ns); at--)
        n->times[at] = n->times[at - 1];
    n->times[at] = time_ns;
    n->count += n->count < NEAREST;
}

static void ask_nearest(struct run *run, struct question *q, const char *who, struct store *store, struct view *view,
                        size_t row_count)
{
    struct nearest got = {.backward = q->query.direction == BACKWARD};
    struct vector *v;
    struct scan *scan = open_scan(run, q, who, store, view);
    int64_t bound_ns = no_bound(q);
    memset(run->seen, 0, row_count);
    while (take_vector(run, who, scan, &v)) {
        for (uint32_t r = vector_first(v); r < v->row_count; r = vector_next(v, r))
            nearest_add(&got, v->time_ns[r]);
        if (got.count == NEAREST) {
            bound_ns = got.times[NEAREST - 1];
            store_scan_set_bound(scan, bound_ns);
        }
    }
    store_scan_close(scan);
    check_missing(run, who, row_count, bound_ns);
}

/* ---- aggregates ---- */

/* Cells come in any order and in parts: what adds up is a hash of where times how much. */
struct sums {
    uint64_t total, weighted;
};

static bole_status add_cell(uint32_t stream, bole_slice labels, bole_slice value, uint32_t bucket, uint64_t amount, void *ctx)
{
    struct sums *s = ctx;
    s->total += amount;
    s->weighted += amount * (hash64_seed(labels, bucket) ^ hash64_seed(value, ~(uint64_t)bucket));
    return BOLE_OK;
}

static struct store_aggregation random_aggregation(struct world *w)
{
    static const int64_t widths[] = {
        60 * NS_PER_S, 60 * NS_PER_S, 300 * NS_PER_S, NS_PER_S, 3600 * NS_PER_S, 90 * NS_PER_S, 7};
    struct store_aggregation a = {.what = world_below(w, 2),
                                  .bucket_ns = widths[world_below(w, 7)],
                                  .bucket_count = 1 + (uint32_t)world_below(w, 200)};
    int64_t minute = 60 * NS_PER_S, aligned = (w->now_ns / minute - (int64_t)world_below(w, 100)) * minute;
    a.start_ns = world_chance(w, 50) ? aligned : aligned + (int64_t)world_below(w, (uint64_t)minute);
    if (world_chance(w, 10))
        a.bucket_ns = 1 + (int64_t)world_below(w, 30ull * 86400 * NS_PER_S);
    if (world_chance(w, 30))
        a.field = w->keys[world_below(w, w->key_variety)];
    return a;
}

static void add_row(const struct store_aggregation *a, const struct world_row *row, struct sums *sums)
{
    __int128 from = (__int128)a->start_ns - a->bucket_ns, bucket = ((__int128)row->time_ns - from - 1) / a->bucket_ns;
    uint64_t amount = a->what == AGGREGATE_COUNT ? 1 : row->line.len;
    if (row->time_ns <= from || bucket >= a->bucket_count || !amount)
        return;
    bole_slice value = {0};
    bool shown = a->field.ptr && !labels_find(row->labels, a->field).ptr;
    for (size_t i = row->field_count; shown && i-- > 0;)
        if (bole_slice_eq(row->fields[i].key, a->field))
            value = row->fields[i].value;
    add_cell(0, row->labels, value, (uint32_t)bucket, amount, sums);
}

static void ask_aggregate(struct run *run, struct question *q, struct world_view *view)
{
    struct store_aggregation a = random_aggregation(run->w);
    struct sums got = {0}, expected = {0};
    struct bole_err err;
    bole_status st = store_aggregate(run->w->engine, view->engine, &q->query, &a, add_cell, &got, NULL, &err);
    if (st == BOLE_E_UNSUPPORTED)
        return;
    if (st != BOLE_OK)
        differ(run, "the engine's sum", "it failed: %s", err.msg);
    for (size_t i = 0; i < view->row_count; i++)
        if (run->expected[i])
            add_row(&a, &run->w->rows[i], &expected);
    if (got.total != expected.total || got.weighted != expected.weighted)
        differ(run, "the engine's sum",
               "%s per %lld from %lld, %u buckets, by \"%.*s\": %llu in all (hash %llx), not %llu (%llx)",
               a.what == AGGREGATE_COUNT ? "count" : "bytes", (long long)a.bucket_ns, (long long)a.start_ns,
               a.bucket_count, BOLE_SLICE_ARG(a.field), (unsigned long long)got.total, (unsigned long long)got.weighted,
               (unsigned long long)expected.total, (unsigned long long)expected.weighted);
}

/* ---- label sets ---- */

struct stream_seen {
    struct run *run;
    size_t row_count;
    uint64_t rows;
};

/* Parts that lie half in the range may be counted whole, so only more may come than is expected. */
static bole_status cross_off(bole_slice labels, void *ctx)
{
    struct stream_seen *s = ctx;
    struct world *w = s->run->w;
    for (size_t i = 0; i < s->row_count; i++)
        if (s->run->seen[i] == 1 && bole_slice_eq(w->rows[i].labels, labels))
            s->run->seen[i] = 0;
    return BOLE_OK;
}

static bole_status add_volume(bole_slice labels, uint64_t rows, uint64_t bytes, void *ctx)
{
    ((struct stream_seen *)ctx)->rows += rows;
    return BOLE_OK;
}

static void ask_streams(struct run *run, struct question *q, struct world_view *view)
{
    struct stream_seen s = {.run = run, .row_count = view->row_count};
    struct bole_err err;
    uint64_t expected = 0, last = 0; /* the last nanosecond of all is in no range */
    for (size_t i = 0; i < view->row_count; i++) {
        expected += run->seen[i] = run->expected[i];
        last += run->w->rows[i].time_ns == INT64_MAX;
    }
    if (store_streams(run->w->engine, view->engine, &q->query, cross_off, &s, &err) != BOLE_OK ||
        store_volume(run->w->engine, view->engine, &q->query, add_volume, &s, &err) != BOLE_OK)
        differ(run, "the engine's label sets", "%s", err.msg);
    for (size_t i = 0; i < view->row_count; i++)
        if (run->seen[i])
            differ(run, "the engine's label sets", "those of row %llu are missing",
                   (unsigned long long)run->w->rows[i].seq);
    bool everything = q->query.from_ns == INT64_MIN && q->query.to_ns == INT64_MAX;
    if (s.rows < expected || (everything && s.rows > expected + last))
        differ(run, "the engine's volume", "%llu rows, not %llu", (unsigned long long)s.rows,
               (unsigned long long)expected);
}

/* ---- a world ---- */

static void ask(struct run *run, struct world_view *view)
{
    struct question q;
    struct world *w = run->w;
    question_init(&q, w);
    run->question = &q;
    run->answered += look(run, view->row_count) > 0;
    switch (world_below(w, 8)) {
    case 0: ask_aggregate(run, &q, view); break;
    case 1:
        q.query.predicate_count = 0;
        look(run, view->row_count);
        world_chance(w, 50) ? ask_aggregate(run, &q, view) : ask_streams(run, &q, view);
        break;
    case 2:
    case 3: ask_nearest(run, &q, "the engine's nearest", w->engine, view->engine, view->row_count); break;
    default: ask_all(run, &q, "the engine", w->engine, view->engine, view->row_count);
    }
    if (world_chance(w, 10))
        ask_all(run, &q, "the model", w->model, view->model, view->row_count);
    question_deinit(&q);
}

static void ask_many(struct run *run, unsigned questions)
{
    struct world *w = run->w;
    run->expected = realloc(run->expected, w->row_capacity + 1);
    run->seen = realloc(run->seen, w->row_capacity + 1);
    CHECK(run->expected && run->seen);
    struct world_view view = world_view(w);
    for (unsigned i = 0; i < questions; i++) {
        if (i == questions / 2 && world_chance(w, 30))
            world_stir(w, false); /* the view must not notice */
        if (world_chance(w, 80) ||
            w->keys_repeat) /* LogQL and the stores do not agree yet which of the values counts */
            ask(run, &view);
        else
            run->answered += logql_ask(w, &view);
        run->asked++;
    }
    world_view_release(w, &view);
}

static void run_world(uint64_t seed, bole_slice samples, uint64_t *asked, uint64_t *answered)
{
    struct world w;
    struct run run = {.w = &w};
    world_init(&w, seed, samples);
    size_t rows = world_chance(&w, 20) ? world_below(&w, 50) : world_chance(&w, 3) ? 70000 : world_below(&w, 5000);
    for (unsigned i = 0; i < 3; i++) {
        world_fill(&w, rows * (i + 1) / 3);
        if (world_chance(&w, 60))
            world_stir(&w, true);
        ask_many(&run, 40);
    }
    world_deinit(&w);
    free(run.expected);
    free(run.seen);
    *asked += run.asked;
    *answered += run.answered;
}

/* ---- the test ---- */

static void read_lines(const char *path, struct buf *out)
{
    static uint8_t raw[SAMPLES_MAX];
    FILE *f = fopen(path, "rb");
    if (!f) {
        print_error("no lines in %s\n", path);
        fail();
    }
    size_t n = fread(raw, 1, sizeof raw, f);
    fclose(f);
    if (n < 4 || memcmp(raw, "\x28\xb5\x2f\xfd", 4) != 0) {
        buf_put(out, bole_slice_from(raw, n));
        return;
    }
    CHECK(buf_reserve(out, SAMPLES_MAX));
    size_t got = ZSTD_decompress(out->ptr + out->len, SAMPLES_MAX, raw, n);
    CHECK(!ZSTD_isError(got));
    out->len += got;
}

static void read_samples(struct buf *out)
{
    const char *list = getenv("BOLE_LINES");
    CHECK(list != NULL);
    for (bole_slice rest = bole_slice_str(list); rest.len;) {
        char path[4096];
        bole_slice name = bole_slice_cut(rest, ':', &rest);
        snprintf(path, sizeof path, "%.*s", BOLE_SLICE_ARG(name));
        read_lines(path, out);
    }
}

static uint64_t number(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

TEST(the_engine_answers_as_the_model_and_as_a_look_at_every_row)
{
    uint64_t deadline_ns = clock_mono_ns(&clock_system) + number("BOLE_DIFFERENTIAL_SECONDS", 40) * (uint64_t)NS_PER_S;
    uint64_t wanted = number("BOLE_DIFFERENTIAL_QUERIES", 10000), asked = 0, answered = 0, worlds = 0;
    bool is_one = getenv("BOLE_SEED") != NULL;
    uint64_t seed = is_one ? number("BOLE_SEED", 0) : (uint64_t)clock_now_ns(&clock_system) % 1000000000u * 1000;
    struct buf samples;
    buf_init(&samples, NULL);
    read_samples(&samples);
    print_message("seeds from %llu\n", (unsigned long long)seed);
    do {
        run_world(seed + worlds++, buf_slice(&samples), &asked, &answered);
    } while (!is_one && (asked < wanted || clock_mono_ns(&clock_system) < deadline_ns));
    print_message("%llu questions in %llu worlds, %llu of them with rows for an answer: no difference\n",
                  (unsigned long long)asked, (unsigned long long)worlds, (unsigned long long)answered);
    CHECK(is_one || answered > asked / 3); /* else the questions are not worth asking */
    buf_deinit(&samples);
}
