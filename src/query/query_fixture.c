#include "query/query_fixture.h"

#include "query/parser.h"
#include "shim/number.h"

void open_fixture(struct fixture *f)
{
    struct bole_err err = {0};
    *f = (struct fixture){0};
    budget_init(&f->budget, NULL, 64u << 20);
    struct store_options options = {.uri = S("mem:"), .clock = &clock_system};
    CHECK_OK(store_open(&options, &f->store, &err), err);
}

void close_fixture(struct fixture *f)
{
    store_destroy(f->store);
    CHECK_EQ_U64(f->budget.used_bytes, 0); /* every query gave back what it took */
}

struct batch *make_batch(const struct test_row *rows, size_t count)
{
    struct batch_builder *b = batch_builder_create(NULL);
    struct bole_err err = {0};
    struct batch *batch = NULL;
    struct arena arena;
    struct buf encoded;
    arena_init(&arena, NULL);
    buf_init(&encoded, NULL);
    for (size_t i = 0; i < count; i++) {
        struct label *labels, *fields = NULL;
        size_t label_count, field_count = 0;
        uint32_t stream;
        struct batch_field record[16];
        CHECK_OK(labels_parse(bole_slice_str(rows[i].labels), &arena, &labels, &label_count, &err), err);
        if (rows[i].fields)
            CHECK_OK(labels_parse(bole_slice_str(rows[i].fields), &arena, &fields, &field_count, &err), err);
        for (size_t k = 0; k < field_count; k++)
            record[k] = (struct batch_field){fields[k].name, fields[k].value};
        buf_reset(&encoded);
        CHECK_OK(labels_encode(labels, label_count, &encoded, &err), err);
        CHECK_OK(batch_builder_stream(b, S("t"), buf_slice(&encoded), 0, &stream, &err), err);
        CHECK_OK(batch_builder_add(b, (int64_t)(rows[i].seconds * 1e9), stream, bole_slice_str(rows[i].line), record,
                                   field_count, &err),
                 err);
    }
    CHECK_OK(batch_builder_seal(b, 0, NULL, &batch, &err), err);
    batch_builder_destroy(b);
    buf_deinit(&encoded);
    arena_deinit(&arena);
    return batch;
}

void insert(struct fixture *f, const struct test_row *rows, size_t count)
{
    struct bole_err err = {0};
    struct batch *batch = make_batch(rows, count);
    CHECK_OK(store_insert(f->store, ++f->lsn, &batch, 1, &err), err);
    batch_unref(batch);
}

/* ---- answers as text ---- */

static void print_number(struct buf *b, double v)
{
    char text[NUMBER_TEXT_MAX];
    buf_put(b, (bole_slice){(const uint8_t *)text, number_format(v, text)});
}

void print_row_labels(struct buf *b, const struct row_label *labels, size_t count, bool with_origin)
{
    static const char *const origins[] = {"s:", "m:", "p:"};
    buf_put_u8(b, '{');
    for (size_t i = 0; i < count; i++) {
        buf_printf(b, "%s%s%.*s=", i ? ", " : "", with_origin ? origins[labels[i].origin] : "",
                   BOLE_SLICE_ARG(labels[i].name));
        ast_print_string(labels[i].value, b);
    }
    buf_put_u8(b, '}');
}

static void print_streams(struct buf *b, const struct query_result *r, bool categorize)
{
    for (size_t i = 0; i < r->stream_count; i++) {
        const struct query_stream *s = &r->streams[i];
        print_row_labels(b, s->labels, s->label_count, false);
        for (size_t k = 0; k < s->entry_count; k++) {
            buf_put_u8(b, ' ');
            print_number(b, (double)s->entries[k].time_ns / 1e9);
            buf_put_u8(b, ':');
            ast_print_string(s->entries[k].line, b);
            if (categorize)
                print_row_labels(b, s->entries[k].labels, s->entries[k].label_count, true);
        }
        buf_put_str(b, "\n");
    }
}

/* Additions: a row per line, in order. */
static void print_rows(struct buf *b, const struct query_result *r)
{
    for (size_t i = 0; i < r->row_count; i++) {
        const struct query_entry *e = r->rows[i];
        if (!r->columns) {
            print_number(b, (double)e->time_ns / 1e9);
            buf_put_u8(b, ':');
        }
        ast_print_string(e->line, b);
        if (!r->columns)
            print_row_labels(b, e->labels, e->label_count, true);
        buf_put_str(b, "\n");
    }
}

static void print_result(struct buf *b, const struct query_result *r, bool categorize)
{
    if (r->rows)
        print_rows(b, r);
    else if (r->type == QUERY_STREAMS)
        print_streams(b, r, categorize);
    if (r->type == QUERY_SCALAR) {
        buf_put_str(b, "scalar ");
        print_number(b, r->scalar.value);
        buf_put_str(b, "\n");
    }
    for (size_t i = 0; i < r->series_count; i++) {
        struct row_label labels[64];
        for (size_t k = 0; k < r->series[i].label_count; k++)
            labels[k] = (struct row_label){r->series[i].labels[k].name, r->series[i].labels[k].value, ORIGIN_STREAM};
        print_row_labels(b, labels, r->series[i].label_count, false);
        for (size_t k = 0; k < r->series[i].point_count; k++) {
            buf_put_u8(b, ' ');
            if (r->type == QUERY_MATRIX) {
                print_number(b, (double)r->series[i].points[k].time_ns / 1e9);
                buf_put_u8(b, ':');
            }
            print_number(b, r->series[i].points[k].value);
        }
        buf_put_str(b, "\n");
    }
}

struct buf answer(struct fixture *f, const char *text, struct query_request request)
{
    struct buf b;
    struct bole_err err = {0};
    struct query *q = NULL;
    struct query_result *r = NULL;
    buf_init(&b, NULL);
    request.store = f->store;
    request.tenant = S("t");
    request.budget = &f->budget;
    bole_status st = query_parse_words(bole_slice_str(text), NULL, &q, &err);
    if (st == BOLE_OK)
        st = query_exec(q, &request, &r, &err);
    if (st == BOLE_OK)
        print_result(&b, r, request.categorize);
    else
        buf_printf(&b, "!%s\n", err.msg);
    query_result_destroy(r);
    query_destroy(q);
    return b;
}

void expect(struct fixture *f, const char *query, struct query_request request, const char *wanted)
{
    struct buf b = answer(f, query, request);
    if (!bole_slice_eq(buf_slice(&b), bole_slice_str(wanted)))
        print_error("%s\n--- got\n%.*s--- want\n%s---\n", query, (int)b.len, (const char *)b.ptr, wanted);
    CHECK(bole_slice_eq(buf_slice(&b), bole_slice_str(wanted)));
    buf_deinit(&b);
}
