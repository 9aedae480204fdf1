/* Which rows share a row group, and in what order they lie there. */
#include <stdio.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/test.h"
#include "store/segment/family.h"
#include "store/segment/partition.h"
#include "store/segment/segment_read.h"

static const uint8_t store_id[SEGMENT_ID_SIZE] = "partition";
#define NOW (1790000000ll * NS_PER_S)

struct fixture {
    struct objects *objects;
    struct batch_builder *builder;
    struct segment_directory *directory;
};

static void init(struct fixture *f)
{
    *f = (struct fixture){.builder = batch_builder_create(NULL)};
    CHECK_EQ_STATUS(objects_open(&(struct objects_options){.uri = S("mem:")}, &f->objects, NULL), BOLE_OK);
}

static void deinit(struct fixture *f)
{
    batch_builder_destroy(f->builder);
    segment_directory_unref(f->directory);
    objects_destroy(f->objects);
}

static void add_line(struct fixture *f, const char *tenant, struct label *labels, size_t label_count, int64_t time_ns,
                     bole_slice line)
{
    struct buf encoded;
    struct bole_err err;
    uint32_t stream;
    buf_init(&encoded, NULL);
    CHECK_OK(labels_encode(labels, label_count, &encoded, &err), err);
    CHECK_OK(batch_builder_stream(f->builder, bole_slice_str(tenant), buf_slice(&encoded), 0, &stream, &err), err);
    CHECK_OK(batch_builder_add(f->builder, time_ns, stream, line, NULL, 0, &err), err);
    buf_deinit(&encoded);
}

static void add(struct fixture *f, const char *tenant, struct label *labels, size_t label_count, int64_t time_ns,
                size_t size)
{
    static uint8_t line[1000];
    add_line(f, tenant, labels, label_count, time_ns, bole_slice_from(line, size));
}

static void add_app(struct fixture *f, const char *tenant, const char *app, int64_t time_ns, size_t size)
{
    struct label labels[] = {{S("app"), bole_slice_str(app)}};
    add(f, tenant, labels, 1, time_ns, size);
}

/* `copies` times what is in the builder, as the only segment. */
static void write(struct fixture *f, unsigned copies, const struct partition_options *options)
{
    struct row_source sources[100];
    struct batch *batch;
    struct segment_file *file;
    struct segment_totals totals;
    struct segment_reader reader;
    struct bole_err err;
    uint64_t size;
    CHECK_OK(batch_builder_seal(f->builder, NOW, NULL, &batch, &err), err);
    for (unsigned i = 0; i < copies; i++)
        sources[i] = (struct row_source){.batch = batch, .lsn = i + 1};
    CHECK_OK(segment_file_create(f->objects, S("x.seg"), store_id, 0, NOW, NULL, &file, &err), err);
    CHECK_OK(partition_write(sources, copies, options, file, &err), err);
    CHECK_OK(segment_file_finish(file, &totals, &size, &err), err);
    segment_file_destroy(file);
    batch_unref(batch);
    segment_reader_init(&reader, f->objects, NULL);
    reader.key = S("x.seg");
    CHECK_OK(segment_directory_read(&reader, size, NULL, &f->directory, &err), err);
    segment_reader_deinit(&reader);
}

TEST(families_and_tenants_have_groups_of_their_own)
{
    struct fixture f;
    init(&f);
    for (unsigned i = 0; i < 200; i++) {
        add_app(&f, "a", "web", NOW + i, 500); /* 100 KB of each */
        add_app(&f, "a", "db", NOW + i, 500);
        add_app(&f, "b", "web", NOW + i, 500);
        add_app(&f, "a", i % 2 ? "cron" : "mail", NOW + i, 10);
    }
    write(&f, 20, &(struct partition_options){.by_day = true}); /* 2 MB */
    const struct segment_group *g = f.directory->groups;
    CHECK_EQ_U64(f.directory->group_count, 4);
    for (unsigned i = 0; i < 4; i++) {
        bool is_shared = g[i].family == 0;
        CHECK_EQ_SLICE(g[i].tenant, i < 3 ? S("a") : S("b"));
        CHECK(is_shared == (g[i].family_name.len == 0));
        CHECK_EQ_U64(g[i].stream_count, is_shared ? 2 : 1);
        CHECK_EQ_U64(g[i].row_count, 4000);
    }
    CHECK_EQ_SLICE(g[0].family_name, S("web"));
    CHECK_EQ_SLICE(g[1].family_name, S("db"));
    CHECK_EQ_U64(g[2].family, 0);
    CHECK_EQ_U64(g[3].family, g[0].family);
    deinit(&f);
}

static void add_kind(struct fixture *f, const char *stream, const char *text, int64_t time_ns)
{
    uint8_t line[1000];
    struct label labels[] = {{S("app"), S("web")}, {S("pod"), bole_slice_str(stream)}};
    memset(line, 'x', sizeof line);
    memcpy(line, text, strlen(text));
    add_line(f, "a", labels, 2, time_ns, bole_slice_from(line, sizeof line));
}

TEST(kinds_of_lines_of_a_large_family_have_groups_of_their_own_but_for_the_newest)
{
    for (unsigned large = 0; large < 2; large++) {
        struct fixture f;
        unsigned of_one = 0, of_all = 0;
        uint64_t family = family_hash(S("web"));
        init(&f);
        for (unsigned i = 0; i < 400; i++) {
            add_kind(&f, "json", "{\"ts\": 1}", NOW + i);
            add_kind(&f, "text", "warn: [5] it ", NOW + i);
            if (i % 40 == 0)
                add_kind(&f, "rare", "- - - -", NOW + i);
        }
        write(&f, large ? 60 : 15, &(struct partition_options){.by_day = true}); /* 48 or 12 MB */
        for (uint32_t i = 0; i < f.directory->group_count; i++) {
            const struct segment_group *g = &f.directory->groups[i];
            CHECK_EQ_SLICE(g->family_name, S("web"));
            CHECK_EQ_U64(g->family == family, g->stream_count == 3);
            CHECK(g->stream_count == 1 || g->stream_count == 3);
            *(g->stream_count == 1 ? &of_one : &of_all) += g->row_count;
        }
        CHECK_EQ_U64(of_one + of_all, (large ? 60 : 15) * 810);
        CHECK(large ? of_one > 35000 && of_all > KINDS_MIXED_BYTES / 1000 : of_one == 0);
        deinit(&f);
    }
}

TEST(a_family_is_named_by_the_first_label_that_says_what_writes_the_text)
{
    struct fixture f;
    init(&f);
    struct label labels[] = {{S("app"), S("web")}, {S("job"), S("x")}, {S("service_name"), S("checkout")}};
    struct label plain[] = {{S("host"), S("h1")},
                            {S("file"), S("/a/long/name/that/goes/on/and/on/so/that/it/has/to/be/cut/off.log")}};
    add(&f, "a", labels, 3, NOW, 10);
    add(&f, "b", plain, 2, NOW, 10);
    write(&f, 1, &(struct partition_options){.by_day = true});
    CHECK_EQ_U64(f.directory->group_count, 2);
    CHECK_EQ_SLICE(f.directory->groups[0].family_name, S("checkout")); /* small, but alone */
    CHECK_EQ_SLICE(f.directory->groups[1].family_name,
                   S("{file=\"/a/long/name/that/goes/on/and/on/so/that/it/has/to/be/cut"));
    CHECK(f.directory->groups[1].family != 0);
    deinit(&f);
}

TEST(days_and_wrong_clocks_are_kept_apart_in_a_cut_only)
{
    static const int64_t times[] = {NOW, NOW - DAY_NS, NOW + 3 * DAY_NS, NOW + 300 * DAY_NS, NOW - 30 * DAY_NS,
                                    INT64_MIN, INT64_MAX};
    for (unsigned by_day = 0; by_day < 2; by_day++) {
        struct fixture f;
        init(&f);
        for (unsigned i = 0; i < 70; i++)
            add_app(&f, "a", "web", times[i % 7], 10);
        write(&f, 1, &(struct partition_options){.by_day = by_day});
        CHECK_EQ_U64(f.directory->group_count, by_day ? 4 : 1);
        CHECK_EQ_I64(f.directory->totals.keep_ns, NOW); /* stamps ahead of their receipt do not count */
        deinit(&f);
    }
}

TEST(many_streams_lie_one_after_the_other_when_asked_for)
{
    for (unsigned streams = STREAM_ORDER_MIN - 1; streams <= STREAM_ORDER_MIN; streams++) {
        struct fixture f;
        init(&f);
        for (unsigned i = 0; i < 50 * streams; i++) {
            char pod[16];
            snprintf(pod, sizeof pod, "p%03u", i * 7 % streams);
            struct label labels[] = {{S("app"), S("web")}, {S("pod"), bole_slice_str(pod)}};
            add(&f, "a", labels, 2, NOW + i, 20);
        }
        write(&f, 3, &(struct partition_options){.by_stream = true, .generation = 7});
        const struct segment_group *g = f.directory->groups;
        CHECK_EQ_U64(f.directory->group_count, 1);
        CHECK_EQ_U64(g->generation, 7);
        CHECK_EQ_U64(g->order, streams < STREAM_ORDER_MIN ? GROUP_BY_TIME : GROUP_BY_STREAM);
        CHECK_EQ_U64(g->stream_count, streams);
        CHECK(g->min_time_ns == NOW && g->max_time_ns == NOW + 50 * (int64_t)streams - 1);
        for (unsigned i = 1; g->order == GROUP_BY_STREAM && i < streams; i++)
            CHECK(bole_slice_cmp(f.directory->labels[g->streams[i - 1].id], f.directory->labels[g->streams[i].id]) < 0);
        deinit(&f);
    }
}
