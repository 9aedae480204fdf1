#include "world.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/test.h"

enum { GROUP_BATCHES_MAX = 3 };

/* ---- who writes ---- */

static bole_slice make_labels(struct world *w, unsigned app, unsigned pod)
{
    struct arena *a = &w->arena;
    struct label labels[] = {
        {S("app"), arena_printf(a, "app%u", app)},
        {S("pod"), pod % 5 == 4 ? S("") : arena_printf(a, "app%u-%u-%x", app, pod, pod * 2654435761u)},
        {S("env"), pod % 3 ? S("prod") : S("test")},
        {S("zone"), pod % 7 ? S("") : S("ü-\xff\x01 zone")}};
    struct buf b;
    buf_init(&b, NULL);
    CHECK_EQ_STATUS(labels_encode(labels, 4, &b, NULL), BOLE_OK);
    bole_slice s = arena_copy(a, buf_slice(&b));
    buf_deinit(&b);
    return s;
}

/* A few apps, each one program; one world in ten has many label sets on an app. */
static void make_streams(struct world *w)
{
    size_t pods = world_chance(w, 10) ? 200 : 1 + world_below(w, 6), apps = 1 + world_below(w, WORLD_APPS);
    w->streams = arena_array(&w->arena, WORLD_STREAMS_MAX, sizeof *w->streams);
    for (unsigned app = 0; app < apps; app++) {
        struct line_program *program = line_program_create(&w->random, &w->arena, w->samples);
        for (unsigned pod = 0; pod < pods; pod++)
            w->streams[w->stream_count++] = (struct world_stream){
                .tenant = w->tenants[world_chance(w, 85) ? 0 : 1],
                .labels = make_labels(w, app, pod),
                .program = world_chance(w, 95) ? program : line_program_create(&w->random, &w->arena, w->samples)};
    }
}

/* ---- rows ---- */

int64_t world_random_time(struct world *w)
{
    switch (world_below(w, 12)) {
    case 0: return w->now_ns - (int64_t)world_below(w, 30ull * 86400 * NS_PER_S);
    case 1: return w->now_ns + (int64_t)world_below(w, 30ull * 86400 * NS_PER_S);
    case 2: return (int64_t)random_next(&w->random);
    case 3: return world_below(w, 2) ? INT64_MIN : INT64_MAX;
    case 4: return -(int64_t)world_below(w, 1000);
    case 5: return w->now_ns / (60 * NS_PER_S) * (60 * NS_PER_S); /* the border of a minute */
    default: return w->now_ns - (int64_t)world_below(w, 7200) * NS_PER_S;
    }
}

static int64_t next_time(struct world *w)
{
    if (world_chance(w, w->disorder_percent))
        return world_random_time(w);
    w->now_ns += (int64_t)world_below(w, 20) * w->tick_ns;
    return w->now_ns;
}

static bool has_key(const struct batch_field *fields, size_t count, bole_slice key)
{
    for (size_t i = 0; i < count; i++)
        if (bole_slice_eq(fields[i].key, key))
            return true;
    return false;
}

static const struct batch_field *make_fields(struct world *w, struct line_program *p, uint32_t *ret_count)
{
    static const char *const kinds[] = {"hex32", "level", "int", "uuid",  "word",
                                        "enum",  "float", "seq", "bytes", "long"};
    size_t count = world_chance(w, w->field_percent) ? 1 + world_below(w, WORLD_FIELDS_MAX) : 0;
    struct batch_field *fields = arena_array(&w->arena, count, sizeof *fields);
    struct buf value;
    buf_init(&value, NULL);
    *ret_count = 0;
    for (size_t i = 0; i < count; i++) {
        size_t key = world_below(w, w->key_variety);
        buf_reset(&value);
        line_slot_write(p, kinds[key % 10], &value);
        if (value.len &&
            (w->keys_repeat || !has_key(fields, *ret_count, w->keys[key]))) /* an empty value is no field */
            fields[(*ret_count)++] = (struct batch_field){w->keys[key], arena_copy(&w->arena, buf_slice(&value))};
    }
    buf_deinit(&value);
    return fields;
}

static struct world_row *next_row(struct world *w)
{
    if (w->row_count == w->row_capacity) {
        w->row_capacity = w->row_capacity ? w->row_capacity * 2 : 1024;
        w->rows = realloc(w->rows, w->row_capacity * sizeof *w->rows);
        CHECK(w->rows != NULL);
    }
    return &w->rows[w->row_count];
}

static void make_row(struct world *w, uint32_t row_in_group, struct world_row *row)
{
    const struct world_stream *s = &w->streams[world_below(w, w->stream_count)];
    struct buf line;
    buf_init(&line, NULL);
    line_program_write(s->program, &line);
    *row = (struct world_row){.tenant = s->tenant,
                              .labels = s->labels,
                              .line = arena_copy(&w->arena, buf_slice(&line)),
                              .time_ns = next_time(w),
                              .seq = seq_make(w->lsn, row_in_group)};
    row->fields = make_fields(w, s->program, &row->field_count);
    buf_deinit(&line);
}

/* As many of the wanted rows as fit into one batch. */
static struct batch *make_batch(struct world *w, size_t rows, uint32_t *row_in_group)
{
    struct batch_builder *b = batch_builder_create(NULL);
    struct batch *batch;
    struct bole_err err;
    for (size_t i = 0; i < rows; i++) {
        struct world_row *row = next_row(w);
        uint32_t stream;
        make_row(w, *row_in_group, row);
        bole_status st = batch_builder_stream(b, row->tenant, row->labels, 0, &stream, &err);
        if (st == BOLE_OK)
            st = batch_builder_add(b, row->time_ns, stream, row->line, row->fields, row->field_count, &err);
        if (st == BOLE_AGAIN)
            break;
        CHECK_OK(st, err);
        w->row_count++;
        ++*row_in_group;
    }
    CHECK_OK(batch_builder_seal(b, w->now_ns, NULL, &batch, &err), err);
    batch_builder_destroy(b);
    return batch;
}

static void insert_group(struct world *w)
{
    struct batch *batches[GROUP_BATCHES_MAX];
    struct bole_err err;
    uint32_t row_in_group = 0;
    size_t count = 1 + world_below(w, GROUP_BATCHES_MAX);
    w->lsn += 1 + world_below(w, 3) / 2;
    for (size_t i = 0; i < count; i++)
        batches[i] = make_batch(w, 1 + world_below(w, world_chance(w, 20) ? 2000 : 60), &row_in_group);
    CHECK_OK(store_insert(w->engine, w->lsn, batches, count, &err), err);
    CHECK_OK(store_insert(w->model, w->lsn, batches, count, &err), err);
    for (size_t i = 0; i < count; i++)
        batch_unref(batches[i]);
}

/* ---- life ---- */

static void open_engine(struct world *w)
{
    struct store_options options = {.uri = S("segments:/data"), .fs = w->fs, .clock = &w->clock.base,
                                    .merges = world_chance(w, 10)}; /* by themselves, too: then the seed is not all */
    struct bole_err err;
    CHECK_OK(store_open(&options, &w->engine, &err), err);
}

static void cut(struct world *w)
{
    struct bole_err err;
    uint64_t lsn;
    CHECK_OK(store_cut(w->engine, &lsn, &err), err);
    CHECK_EQ_U64(lsn, w->lsn);
    CHECK_EQ_U64(store_position(w->engine), w->lsn);
}

static void merge(struct world *w)
{
    struct store_merge_stats stats;
    struct bole_err err;
    CHECK_OK(store_merge(w->engine, (enum store_merge_what)random_below(&w->random, 3), &stats, &err), err);
}

void world_stir(struct world *w, bool may_reopen)
{
    cut(w);
    if (world_chance(w, 40))
        merge(w);
    if (may_reopen && world_chance(w, 30)) {
        store_destroy(w->engine);
        open_engine(w);
    }
}

void world_fill(struct world *w, size_t rows)
{
    while (w->row_count < rows) {
        insert_group(w);
        if (world_chance(w, 10))
            world_stir(w, true);
    }
}

void world_init(struct world *w, uint64_t seed, bole_slice samples)
{
    static const int64_t ticks[] = {1, NS_PER_US, NS_PER_MS, NS_PER_S, 7};
    struct bole_err err;
    *w = (struct world){.seed = seed,
                        .fs = fs_mem_create(),
                        .samples = samples,
                        .tenants = {S("default"), S("b")},
                        .now_ns = 1790000000ll * NS_PER_S};
    random_seed(&w->random, seed);
    arena_init(&w->arena, NULL);
    clock_manual_init(&w->clock, w->now_ns);
    w->tick_ns = ticks[world_below(w, 5)];
    w->disorder_percent = (unsigned)(world_chance(w, 50) ? 0 : world_below(w, 30));
    w->field_percent = (unsigned)(world_chance(w, 50) ? 0 : world_below(w, 101));
    w->keys_repeat = world_chance(w, 15);
    w->key_variety = world_chance(w, 30) ? WORLD_KEYS : 3;
    for (unsigned i = 0; i < WORLD_KEYS; i++)
        w->keys[i] = arena_printf(&w->arena, i == 0 ? "pod" : i < 10 ? "key%u" : "clé.%u", i); /* pod: a label, too */
    make_streams(w);
    open_engine(w);
    struct store_options options = {.uri = S("mem:"), .clock = &w->clock.base};
    CHECK_OK(store_open(&options, &w->model, &err), err);
}

void world_deinit(struct world *w)
{
    store_destroy(w->engine);
    store_destroy(w->model);
    fs_mem_destroy(w->fs);
    arena_deinit(&w->arena);
    free(w->rows);
}

struct world_view world_view(struct world *w)
{
    struct world_view v = {store_view(w->engine), store_view(w->model), w->row_count};
    CHECK(v.engine && v.model);
    return v;
}

void world_view_release(struct world *w, struct world_view *v)
{
    store_view_release(w->engine, v->engine);
    store_view_release(w->model, v->model);
    *v = (struct world_view){0};
}

const struct world_row *world_random_row(struct world *w)
{
    return w->row_count ? &w->rows[world_below(w, w->row_count)] : NULL;
}

size_t world_row_of_seq(const struct world *w, uint64_t seq)
{
    size_t from = 0, to = w->row_count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (w->rows[middle].seq < seq)
            from = middle + 1;
        else
            to = middle;
    }
    return from < w->row_count && w->rows[from].seq == seq ? from : SIZE_MAX;
}
