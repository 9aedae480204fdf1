/*
 * loki_detect.c - detected_fields: which fields the newest lines of a query have, of which type, found by which parser;
 * detected_field/<name>/values: the values of one of them.
 *
 * Metadata is there as it is. For what is inside the lines the query is run twice more, with `| json` and with
 * `| logfmt` behind it; a line counts for logfmt only when it is no JSON object.
 */
#include <stdlib.h>

#include "base/err.h"
#include "query/stage/json_paths.h"
#include "query/units.h"
#include "serve/api_work.h"
#include "serve/loki_json.h"
#include "serve/loki_params.h"
#include "serve/loki_set.h"
#include "shim/number.h"

enum { FIELDS_DEFAULT = 1000, LINES_DEFAULT = 100 };

enum value_type { TYPE_STRING, TYPE_INT, TYPE_FLOAT, TYPE_BOOLEAN, TYPE_DURATION, TYPE_BYTES };

struct field { /* behind a set's item */
    enum value_type type;
    struct loki_set values;
    bool            json, logfmt;
    const bole_slice *path; /* [path_len] the keys that lead to it in JSON; NULL: not known */
    size_t          path_len;
};

struct detect {
    struct api_work *work;
    struct loki_set  fields;
    struct query_request request;
    bool query_parses;     /* its own stages set labels */
};

/* Go's ParseInt: digits with a sign, of 64 bits. */
static bool is_int(bole_slice value)
{
    size_t sign = value.ptr[0] == '-' || value.ptr[0] == '+';
    int64_t n = 0;
    for (size_t i = sign; i < value.len; i++)
        if (value.ptr[i] < '0' || value.ptr[i] > '9' || __builtin_mul_overflow(n, 10, &n) ||
            __builtin_sub_overflow(n, value.ptr[i] - '0', &n))
            return false;
    return value.len > sign && (value.ptr[0] == '-' || n != INT64_MIN);
}

static enum value_type type_of(bole_slice value)
{
    double number;
    int64_t ns;
    uint64_t bytes;
    if (bole_slice_eq(value, S("true")) || bole_slice_eq(value, S("false")))
        return TYPE_BOOLEAN;
    if (number_parse(value, &number))
        return is_int(value) ? TYPE_INT : TYPE_FLOAT;
    if (units_go_duration(value, &ns, NULL) == BOLE_OK)
        return TYPE_DURATION;
    return units_bytes(value, &bytes, NULL) == BOLE_OK ? TYPE_BYTES : TYPE_STRING;
}

static bool add_value(struct detect *d, const struct row_label *label, bool json, bool logfmt)
{
    if (bole_slice_starts(label->name, S("__error")))
        return true;
    struct loki_set_item *item = loki_set_get(&d->fields, label->name);
    if (!item)
        return false;
    struct field *f = item->data;
    if (!f) {
        f = item->data = arena_zalloc(&d->fields.arena, sizeof *f);
        if (!f)
            return false;
        loki_set_init(&f->values, &d->work->budget);
    }
    f->type = type_of(label->value); /* the last one's, as in Loki */
    f->json |= json;
    f->logfmt |= logfmt;
    return loki_set_get(&f->values, label->value) != NULL;
}

/* A name that another label has already got this behind it. */
static bole_slice extracted(bole_slice name, struct arena *arena)
{
    return arena_printf(arena, "%.*s_extracted", BOLE_SLICE_ARG(name));
}

static void keep_path(bole_slice name, const bole_slice *keys, size_t key_count, void *ctx)
{
    struct detect *d = ctx;
    struct loki_set_item *item = loki_set_find(&d->fields, name);
    struct field *f = item ? item->data : NULL;
    if (!f || !f->json) {
        item = loki_set_find(&d->fields, extracted(name, http_arena(d->work->x)));
        f = item ? item->data : NULL;
    }
    if (!f || !f->json || f->path)
        return;
    bole_slice *path = arena_array(&d->fields.arena, key_count, sizeof *path);
    bool ok = path;
    for (size_t i = 0; ok && i < key_count; i++)
        ok = (path[i] = arena_copy(&d->fields.arena, keys[i])).ptr;
    f->path = ok ? path : NULL;
    f->path_len = key_count;
}

/* Only until the path of every field of this entry is known. */
static void find_paths(struct detect *d, const struct query_entry *e)
{
    bool known = true;
    for (size_t i = 0; i < e->label_count && known; i++) {
        struct loki_set_item *item = e->labels[i].origin == ORIGIN_PARSED ? loki_set_find(&d->fields, e->labels[i].name) : NULL;
        known = !item || !item->data || ((struct field *)item->data)->path;
    }
    struct arena scratch;
    arena_init(&scratch, &d->work->budget);
    if (!known)
        json_paths_each(e->line, &scratch, keep_path, d);
    arena_deinit(&scratch);
}

static bool has_parser_error(const struct query_entry *e)
{
    for (size_t i = 0; i < e->label_count; i++)
        if (bole_slice_eq(e->labels[i].name, LABEL_ERROR))
            return true;
    return false;
}

enum pass { PASS_PLAIN, PASS_JSON, PASS_LOGFMT };

static bool looks_like_json(bole_slice line)
{
    line = bole_slice_trim(line);
    return line.len && line.ptr[0] == '{';
}

/* Loki parses lines as if they had no fields: only labels of the stream take a name from what is parsed, but what the query's own
 * stages have found is as they have called it. */
static struct row_label as_parsed(const struct detect *d, const struct query_entry *e, struct row_label label)
{
    bole_slice lost = d->query_parses ? (bole_slice){0} : row_lost_name(label.name);
    for (size_t i = 0; lost.len && i < e->label_count; i++)
        if (e->labels[i].origin == ORIGIN_FIELD && bole_slice_eq(e->labels[i].name, lost))
            label.name = lost;
    return label;
}

static bool add_entry(struct detect *d, const struct query_entry *e, enum pass pass)
{
    bool skip = pass == PASS_JSON ? has_parser_error(e) : pass == PASS_LOGFMT && looks_like_json(e->line);
    for (size_t i = 0; i < e->label_count && !skip; i++) {
        enum label_origin origin = e->labels[i].origin;
        d->query_parses |= pass == PASS_PLAIN && origin == ORIGIN_PARSED;
        bool wanted = pass == PASS_PLAIN ? origin != ORIGIN_STREAM : origin == ORIGIN_PARSED;
        struct row_label label = pass == PASS_PLAIN ? e->labels[i] : as_parsed(d, e, e->labels[i]);
        if (wanted && !add_value(d, &label, pass == PASS_JSON, pass == PASS_LOGFMT))
            return false;
    }
    if (pass == PASS_JSON && !skip)
        find_paths(d, e);
    return true;
}

static bole_status run_pass(struct detect *d, bole_slice query, enum pass pass, struct bole_err *err)
{
    static const char *const stages[] = {"", " | json", " | logfmt"};
    bole_slice text = arena_printf(http_arena(d->work->x), "%.*s%s", (int)query.len, (const char *)query.ptr, stages[pass]);
    struct query *q = NULL;
    struct query_result *result = NULL;
    bole_status st =
        text.ptr ? query_parse(text, &d->work->budget, &q, err) : bole_fail(err, BOLE_E_NOMEM, "no memory for the query");
    if (st == BOLE_OK && query_type(q) != QUERY_LOG)
        st = bole_fail(err, BOLE_E_INVALID, "only log selector is supported");
    if (st == BOLE_OK)
        st = query_exec(q, &d->request, &result, err);
    for (size_t i = 0; st == BOLE_OK && i < result->stream_count; i++)
        for (size_t k = 0; st == BOLE_OK && k < result->streams[i].entry_count; k++)
            if (!add_entry(d, &result->streams[i].entries[k], pass))
                st = bole_fail(err, BOLE_E_LIMIT, "the answer needs more memory than one query may use");
    query_result_destroy(result);
    query_destroy(q);
    return st;
}

static void put_field(struct buf *b, const struct loki_set_item *item)
{
    static const char *const types[] = {"string", "int", "float", "boolean", "duration", "bytes"};
    const struct field *f = item->data;
    buf_put(b, S("{\"label\":"));
    buf_put_json(b, item->key, true);
    buf_printf(b, ",\"type\":\"%s\",\"cardinality\":%zu,\"parsers\":%s", types[f->type], f->values.count,
               f->json && f->logfmt ? "[\"json\",\"logfmt\"]" : f->json ? "[\"json\"]" : f->logfmt ? "[\"logfmt\"]" : "null");
    for (size_t i = 0; f->path && i < f->path_len; i++) {
        buf_put_str(b, i ? "," : ",\"jsonPath\":[");
        buf_put_json(b, f->path[i], true);
    }
    buf_put_str(b, f->path ? "]}" : "}");
}

/* {} when there is nothing, as Loki. */
static void reply_values(struct detect *d, uint64_t limit)
{
    struct buf body;
    struct loki_set_item *item = loki_set_get(&d->fields, http_path_param(d->work->x, S("name")));
    struct loki_set *values = item && item->data ? &((struct field *)item->data)->values : NULL;
    struct loki_set_item **items = values ? loki_set_sorted(values) : NULL;
    size_t count = !values ? 0 : values->count < limit ? values->count : (size_t)limit;
    buf_init(&body, NULL);
    buf_put_u8(&body, '{');
    for (size_t i = 0; items && i < count; i++) {
        buf_put_str(&body, i ? "," : "\"values\":[");
        buf_put_json(&body, items[i]->key, true);
    }
    if (count)
        buf_printf(&body, "],\"limit\":%llu", (unsigned long long)limit);
    buf_put_u8(&body, '}');
    body.failed |= values && !items;
    api_reply_json(d->work->x, &body);
}

static void reply_fields(struct detect *d, uint64_t limit)
{
    struct buf body;
    struct loki_set_item **items = loki_set_sorted(&d->fields);
    size_t count = d->fields.count < limit ? d->fields.count : (size_t)limit;
    buf_init(&body, NULL);
    buf_put_u8(&body, '{');
    for (size_t i = 0; items && i < count; i++) {
        buf_put_str(&body, i ? "," : "\"fields\":[");
        put_field(&body, items[i]);
    }
    if (count)
        buf_printf(&body, "],\"limit\":%llu", (unsigned long long)limit);
    buf_put_u8(&body, '}');
    body.failed |= !items;
    api_reply_json(d->work->x, &body);
}

static bole_status parse_request(struct detect *d, uint64_t *ret_limit, struct bole_err *err)
{
    struct http_exchange *x = d->work->x;
    struct loki_text text = {
        .start = http_param(x, S("start")), .end = http_param(x, S("end")), .since = http_param(x, S("since")),
        .step = http_param(x, S("step"))};
    struct loki_range range = {0};
    bole_slice limit = http_param(x, S("limit")), line_limit = http_param(x, S("line_limit"));
    if (limit.len == 0)
        limit = http_param(x, S("field_limit")); /* its older name, which Loki still takes */
    uint64_t lines = LINES_DEFAULT;
    *ret_limit = FIELDS_DEFAULT;
    d->request = api_work_request(d->work);
    bole_status st = loki_parse_range(&text, clock_now_ns(d->work->api->options.clock), &range, err);
    d->request.start_ns = range.start_ns;
    d->request.end_ns = range.end_ns;
    if (st == BOLE_OK && limit.len)
        st = loki_parse_limit(limit, ret_limit, err);
    if (st == BOLE_OK && line_limit.len)
        st = loki_parse_limit(line_limit, &lines, err);
    if (st == BOLE_OK)
        st = loki_check_limit(lines, d->work->api->options.entries_max, err);
    d->request.limit = lines < QUERY_ENTRIES_MAX ? (uint32_t)lines : QUERY_ENTRIES_MAX;
    d->request.step_ns = NS_PER_S;
    d->request.categorize = true;
    return st;
}

static void free_fields(struct detect *d)
{
    for (size_t i = 0; i < d->fields.table_size; i++)
        if (d->fields.table[i] && d->fields.table[i]->data)
            loki_set_deinit(&((struct field *)d->fields.table[i]->data)->values);
    loki_set_deinit(&d->fields);
}

static void detect(struct http_exchange *x, struct api *a, void (*reply)(struct detect *d, uint64_t limit))
{
    struct api_work work;
    struct bole_err err = {0};
    uint64_t limit;
    if (!api_work_begin(&work, a, x))
        return;
    struct detect d = {.work = &work};
    loki_set_init(&d.fields, &work.budget);
    bole_status st = parse_request(&d, &limit, &err);
    for (enum pass pass = PASS_PLAIN; st == BOLE_OK && pass <= PASS_LOGFMT; pass++)
        st = run_pass(&d, api_param(x, S("query")), pass, &err);
    api_work_count(&work, st, NULL);
    if (st < 0)
        api_reply_query_error(x, &work.budget, &err);
    else
        reply(&d, limit);
    free_fields(&d);
}

static void detected_fields(struct http_exchange *x, void *ctx)
{
    detect(x, ctx, reply_fields);
}

static void detected_values(struct http_exchange *x, void *ctx)
{
    detect(x, ctx, reply_values);
}

static const struct http_route routes[] = {
    {HTTP_GET | HTTP_POST, "/loki/api/v1/detected_fields", detected_fields, .flags = LOKI_METHODS | HTTP_POOL},
    {HTTP_GET | HTTP_POST, "/loki/api/v1/detected_field/{name}/values", detected_values, .flags = LOKI_METHODS | HTTP_POOL},
};

const struct api_table loki_detect_table = {routes, sizeof routes / sizeof *routes};
