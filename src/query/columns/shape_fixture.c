#include "query/columns/shape_fixture.h"

enum { ROWS_MAX = 600, LINE_SIZE = 512, SHOWN_MAX = 1500 };

void shape_open(struct shape_fixture *f, uint64_t round)
{
    struct bole_err err;
    *f = (struct shape_fixture){.fs = fs_mem_create(), .round = round};
    open_fixture(&f->lines);
    budget_init(&f->segments.budget, NULL, 64u << 20);
    struct store_options options = {.uri = S("segments:/data"), .fs = f->fs, .clock = &clock_system};
    CHECK_OK(store_open(&options, &f->segments.store, &err), err);
}

void shape_close(struct shape_fixture *f)
{
    close_fixture(&f->segments);
    close_fixture(&f->lines);
    fs_mem_destroy(f->fs);
}

void shape_fill(struct shape_fixture *f, unsigned rows, bool has_fields, void (*put_line)(struct buf *b, void *ctx), void *ctx)
{
    static struct test_row all[ROWS_MAX];
    static char texts[ROWS_MAX][LINE_SIZE];
    struct buf line;
    uint64_t position;
    struct bole_err err;
    buf_init(&line, NULL);
    CHECK(rows <= ROWS_MAX);
    for (unsigned i = 0; i < rows; i++) {
        buf_reset(&line);
        put_line(&line, ctx);
        CHECK(line.len < LINE_SIZE);
        memcpy(texts[i], line.ptr, line.len);
        texts[i][line.len] = 0;
        all[i] = (struct test_row){1 + i * 100.0 / rows, i % 3 ? "{app=\"web\"}" : "{app=\"web\", b=\"label\"}",
                                   has_fields && i % 2 ? "{a=\"field\"}" : NULL, texts[i]};
    }
    insert(&f->lines, all, rows);
    insert(&f->segments, all, rows);
    CHECK_OK(store_cut(f->segments.store, &position, &err), err);
    buf_deinit(&line);
}

static int shown(const struct buf *b)
{
    return (int)(b->len < SHOWN_MAX ? b->len : SHOWN_MAX);
}

void shape_compare(struct shape_fixture *f, const char *query, struct query_request request)
{
    struct buf wanted = answer(&f->lines, query, request), got = answer(&f->segments, query, request);
    if (!bole_slice_eq(buf_slice(&wanted), buf_slice(&got)))
        fail_msg("round %llu: %s\nlines:  %.*s\nvalues: %.*s", (unsigned long long)f->round, query, shown(&wanted), wanted.ptr, shown(&got),
                 got.ptr);
    buf_deinit(&wanted);
    buf_deinit(&got);
}
