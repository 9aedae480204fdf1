/*
 * rows.c - rows of a query or a tail as structs: NDJSON of /api/v1/query, frames of Loki's tail.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/timefmt.h"
#include "bole/client.h"
#include "shim/json_doc.h"

struct fields {
    struct bole_field *at;
    size_t             count, cap;
    bool               failed;
};

struct row_reader {
    bole_row_fn       *fn;
    void              *ctx;
    struct bole_err   *err;
    bole_status        status;  /* of fn */
    struct json_doc   *doc;
    struct buf         pending; /* a line that has not come whole */
    struct fields      labels, fields;
    const struct bole_query_options *query; /* one of the two */
    const struct bole_tail_options  *tail;
    struct bole_row    row;     /* being read */
    int                index;   /* of a tail's entry: its element */
};

static void reader_init(struct row_reader *r, bole_row_fn *fn, void *ctx, struct bole_err *err)
{
    *r = (struct row_reader){.fn = fn, .ctx = ctx, .err = err, .doc = json_doc_create()};
    buf_init(&r->pending, NULL);
}

static void reader_deinit(struct row_reader *r)
{
    json_doc_destroy(r->doc);
    buf_deinit(&r->pending);
    free(r->labels.at);
    free(r->fields.at);
}

/* ---- requests ---- */

static void put_param(struct buf *url, const char *name, bole_slice value)
{
    buf_put_u8(url, memchr(url->ptr, '?', url->len) ? '&' : '?');
    buf_printf(url, "%s=", name);
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = value.ptr[i], lower = c | 32;
        if ((lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '~')
            buf_put_u8(url, c);
        else
            buf_printf(url, "%%%02X", c);
    }
}

static void put_number(struct buf *url, const char *name, long long value)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", value);
    put_param(url, name, bole_slice_str(text));
}

/* ---- values ---- */

static bool add_field(bole_slice name, struct json_value value, void *ctx)
{
    struct fields *f = ctx;
    if (f->count == f->cap) {
        size_t cap = f->cap ? f->cap * 2 : 16;
        struct bole_field *more = reallocarray(f->at, cap, sizeof *more);
        if (!more) {
            f->failed = true;
            return false;
        }
        f->at = more;
        f->cap = cap;
    }
    f->at[f->count++] = (struct bole_field){name, json_doc_string(value)};
    return true;
}

static void read_fields(struct json_value object, const char *name, struct fields *f)
{
    struct json_value v;
    if (json_doc_member(object, name, &v))
        json_doc_each(v, add_field, f);
}

static bole_status give_row(struct row_reader *r)
{
    if (r->labels.failed || r->fields.failed)
        return bole_fail(r->err, BOLE_E_NOMEM, "no memory for a row");
    r->row.labels = r->labels.at;
    r->row.label_count = r->labels.count;
    r->row.fields = r->fields.at;
    r->row.field_count = r->fields.count;
    return r->fn(&r->row, r->ctx, r->err);
}

/* ---- query ---- */

static bole_status take_line(struct row_reader *r, bole_slice text)
{
    struct json_value line, v;
    bole_status st = json_doc_parse(r->doc, text, &line, r->err);
    if (st < 0)
        return st;
    if (json_doc_member(line, "error", &v))
        return bole_fail(r->err, BOLE_E_IO, "%.*s", BOLE_SLICE_ARG(json_doc_string(v)));
    if (json_doc_member(line, "warning", &v) && r->query->on_warning)
        r->query->on_warning(json_doc_string(v), r->ctx);
    r->row = (struct bole_row){0};
    if (!json_doc_member(line, "time", &v) || !time_parse_rfc3339(json_doc_string(v), &r->row.time_ns))
        return BOLE_OK;
    if (json_doc_member(line, "line", &v))
        r->row.line = json_doc_string(v);
    if (json_doc_member(line, "id", &v))
        r->row.id = json_doc_string(v);
    r->labels.count = r->fields.count = 0;
    read_fields(line, "labels", &r->labels);
    read_fields(line, "fields", &r->fields);
    return give_row(r);
}

static bole_status take_bytes(bole_slice bytes, void *ctx, struct bole_err *err)
{
    struct row_reader *r = ctx;
    buf_put(&r->pending, bytes);
    if (r->pending.failed)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for a row");
    bole_slice rest = buf_slice(&r->pending);
    bole_status st = BOLE_OK;
    while (st == BOLE_OK && rest.len && memchr(rest.ptr, '\n', rest.len)) {
        bole_slice line = bole_slice_cut(rest, '\n', &rest);
        if (line.len)
            st = take_line(r, line);
    }
    if (rest.len)
        memmove(r->pending.ptr, rest.ptr, rest.len);
    r->pending.len = rest.len;
    return st;
}

bole_status bole_client_query(struct bole_client *c, const struct bole_query_options *o, bole_row_fn *fn, void *ctx,
                              struct bole_err *err)
{
    struct buf url;
    struct row_reader r;
    reader_init(&r, fn, ctx, err);
    r.query = o;
    buf_init(&url, NULL);
    buf_put_str(&url, "/api/v1/query");
    put_param(&url, "query", bole_slice_str(o->query));
    put_param(&url, "direction", o->forward ? S("forward") : S("backward"));
    if (o->start_ns || o->end_ns) {
        put_number(&url, "start", o->start_ns);
        put_number(&url, "end", o->end_ns);
    }
    if (o->limit)
        put_number(&url, "limit", (long long)o->limit);
    if (o->cursor)
        put_param(&url, "cursor", bole_slice_str(o->cursor));
    buf_put_u8(&url, 0);
    bole_status st = url.failed || !r.doc ? bole_fail(err, BOLE_E_NOMEM, "no memory for a query")
                                          : bole_client_get(c, (const char *)url.ptr, take_bytes, &r, err);
    buf_deinit(&url);
    reader_deinit(&r);
    return st;
}

/* ---- tail ---- */

static bool read_element(bole_slice name, struct json_value v, void *ctx)
{
    struct row_reader *r = ctx;
    char digits[24];
    (void)name;
    switch (r->index++) {
    case 0:
        snprintf(digits, sizeof digits, "%.*s", BOLE_SLICE_ARG(json_doc_string(v)));
        r->row.time_ns = strtoll(digits, NULL, 10);
        break;
    case 1: r->row.line = json_doc_string(v); break;
    case 2:
        read_fields(v, "structuredMetadata", &r->fields);
        read_fields(v, "parsed", &r->fields);
        break;
    default: break;
    }
    return true;
}

static bool read_entry(bole_slice name, struct json_value entry, void *ctx)
{
    struct row_reader *r = ctx;
    (void)name;
    r->row = (struct bole_row){0};
    r->index = 0;
    r->fields.count = 0;
    json_doc_each(entry, read_element, r);
    r->status = give_row(r);
    return r->status == BOLE_OK;
}

static bool read_stream(bole_slice name, struct json_value stream, void *ctx)
{
    struct row_reader *r = ctx;
    struct json_value values;
    (void)name;
    r->labels.count = 0;
    read_fields(stream, "stream", &r->labels);
    if (json_doc_member(stream, "values", &values))
        json_doc_each(values, read_entry, r);
    return r->status == BOLE_OK;
}

static bole_status take_frame(bole_slice text, void *ctx, struct bole_err *err)
{
    struct row_reader *r = ctx;
    struct json_value frame, v;
    double dropped;
    if (!text.len) /* it stands */
        return BOLE_OK;
    bole_status st = json_doc_parse(r->doc, text, &frame, err);
    if (st < 0)
        return st;
    if (json_doc_member(frame, "streams", &v))
        json_doc_each(v, read_stream, r);
    if (r->status == BOLE_OK && r->tail->on_dropped && json_doc_member(frame, "dropped_count", &v) &&
        json_doc_number(v, &dropped) && dropped > 0 && dropped < 1e18)
        r->tail->on_dropped((uint64_t)dropped, r->ctx);
    if (r->status == BOLE_OK && r->tail->on_cursor && json_doc_member(frame, "cursor", &v))
        r->tail->on_cursor(json_doc_string(v), r->ctx);
    return r->status;
}

bole_status bole_client_tail(struct bole_client *c, const struct bole_tail_options *o, bole_row_fn *fn, void *ctx,
                             struct bole_err *err)
{
    struct buf url;
    struct row_reader r;
    reader_init(&r, fn, ctx, err);
    r.tail = o;
    buf_init(&url, NULL);
    buf_put_str(&url, "/loki/api/v1/tail");
    put_param(&url, "query", bole_slice_str(o->query));
    put_param(&url, "X-Loki-Response-Encoding-Flags", S("categorize-labels"));
    if (o->start_ns)
        put_number(&url, "start", o->start_ns);
    if (o->limit)
        put_number(&url, "limit", o->limit);
    if (o->cursor || o->on_cursor)
        put_param(&url, "cursor", o->cursor ? bole_slice_str(o->cursor) : S(""));
    buf_put_u8(&url, 0);
    bole_status st = url.failed || !r.doc ? bole_fail(err, BOLE_E_NOMEM, "no memory for a tail")
                                          : bole_client_follow(c, (const char *)url.ptr, take_frame, &r, err);
    buf_deinit(&url);
    reader_deinit(&r);
    return st;
}
