/*
 * loki_label.c - which labels, values and series there are.
 *
 * All of it is one question to the store (the distinct label sets of a range) and a set that gathers the answer.
 */
#include "base/err.h"
#include "serve/loki_json.h"
#include "serve/loki_select.h"
#include "shim/number.h"

/* ---- names and values ---- */

struct gather {
    struct loki_set set;
    bole_slice      name; /* values of this label; ptr NULL: names */
    struct loki_select *select; /* series: of several tenants each shows its own; NULL: not wanted */
    struct buf      scratch;
};

static bole_status gather_labels(bole_slice labels, void *ctx)
{
    struct gather *g = ctx;
    struct reader r = reader_of(labels);
    struct label label;
    if (g->name.ptr) {
        bole_slice value = labels_find(labels, g->name);
        return !value.ptr || loki_set_get(&g->set, value) ? BOLE_OK : BOLE_E_LIMIT;
    }
    while (labels_next(&r, &label))
        if (!loki_set_get(&g->set, label.name))
            return BOLE_E_LIMIT;
    return BOLE_OK;
}

/* {"status":"success","data":[...]}, or as it was before /loki: {"values":[...]}. Without the list when there is nothing, as Loki. */
static void put_names(struct buf *out, struct loki_set *set, bool legacy)
{
    struct loki_set_item **items = loki_set_sorted(set);
    buf_put_str(out, legacy ? "{" : "{\"status\":\"success\"");
    const char *list = legacy ? "\"values\":[" : ",\"data\":[";
    for (size_t i = 0; items && i < set->count; i++) {
        buf_put_str(out, i ? "," : list);
        buf_put_json(out, items[i]->key, true);
    }
    buf_put_str(out, set->count ? "]}" : "}");
    out->failed |= !items;
}

static bole_status run_streams(struct loki_select *s, bole_slice selector, enum loki_selector kind,
                               bole_status (*fn)(bole_slice labels, void *ctx), void *ctx, struct bole_err *err)
{
    bole_status st = loki_select_matchers(s, selector, kind, err);
    for (size_t i = 0; i < s->work.tenant_count && st == BOLE_OK; i++)
        if (loki_select_tenant(s, i))
            st = store_streams(s->work.api->options.store, s->view, &s->query, fn, ctx, err);
    if (st == BOLE_E_LIMIT && !err->msg[0])
        bole_fail(err, st, "the answer needs more memory than one query may use");
    return st;
}

static bole_status gather_tenants(const struct loki_select *s, struct gather *g)
{
    for (size_t i = 0; i < s->work.tenant_count; i++)
        if (!loki_set_get(&g->set, s->work.tenants[i]))
            return BOLE_E_LIMIT;
    return BOLE_OK;
}

static void names(struct http_exchange *x, struct api *a, bole_slice name)
{
    struct loki_select s;
    if (!loki_select_begin(&s, a, x))
        return;
    struct bole_err err = {0};
    struct gather g = {.name = name};
    loki_set_init(&g.set, &s.work.budget);
    bool of_tenants = s.work.tenant_count > 1;
    bole_status st = BOLE_OK;
    if (of_tenants && bole_slice_eq(name, LABEL_TENANT))
        st = gather_tenants(&s, &g);
    else
        st = run_streams(&s, http_param(x, S("query")), LOKI_NARROW_OR_ALL, gather_labels, &g, &err);
    if (st >= 0 && of_tenants && !name.ptr && !loki_set_get(&g.set, LABEL_TENANT))
        st = bole_fail(&err, BOLE_E_LIMIT, "the answer needs more memory than one query may use");
    if (st < 0) {
        api_reply_query_error(x, &s.work.budget, &err);
    } else {
        struct buf body;
        buf_init(&body, NULL);
        put_names(&body, &g.set, bole_slice_starts(http_path(x), S("/api/prom/")));
        api_reply_json(x, &body);
    }
    loki_set_deinit(&g.set);
    loki_select_end(&s);
}

static void label_names(struct http_exchange *x, void *ctx)
{
    names(x, ctx, (bole_slice){0});
}

static void label_values(struct http_exchange *x, void *ctx)
{
    names(x, ctx, http_path_param(x, S("name")));
}

/* ---- series ---- */

/* ptr NULL: no memory, or too many labels. */
static bole_slice with_tenant(struct gather *g, bole_slice labels)
{
    struct label list[LABELS_MAX + 1] = {{LABEL_TENANT, g->select->query.tenant}};
    struct reader r = reader_of(labels);
    size_t count = 1;
    while (count <= LABELS_MAX && labels_next(&r, &list[count]))
        count++;
    buf_reset(&g->scratch);
    return labels_encode(list, count, &g->scratch, NULL) < 0 || g->scratch.failed ? (bole_slice){0} : buf_slice(&g->scratch);
}

static bole_status gather_series(bole_slice labels, void *ctx)
{
    struct gather *g = ctx;
    if (g->select->work.tenant_count > 1)
        labels = with_tenant(g, labels);
    return labels.ptr && loki_set_get(&g->set, labels) ? BOLE_OK : BOLE_E_LIMIT;
}

/* `match[]` and `match`, any number of each; none, or `{}`: everything. */
static bole_status run_series(struct loki_select *s, struct gather *g, struct bole_err *err)
{
    static const bole_slice forms[] = {S("match[]"), S("match")};
    bool any = false;
    bole_status st = BOLE_OK;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        size_t at = 0;
        bole_slice selector;
        while (st == BOLE_OK && http_param_next(s->work.x, forms[i], &at, &selector)) {
            any = true;
            st = run_streams(s, selector, LOKI_ANY_BRACES, gather_series, g, err);
        }
    }
    return any || st < 0 ? st : run_streams(s, S(""), LOKI_ANY_BRACES, gather_series, g, err);
}

static void put_series(struct buf *out, struct loki_set *set)
{
    struct loki_set_item **items = loki_set_sorted(set);
    buf_put_str(out, "{\"status\":\"success\",\"data\":[");
    for (size_t i = 0; items && i < set->count; i++) {
        if (i)
            buf_put_u8(out, ',');
        loki_put_labels(out, items[i]->key);
    }
    buf_put_str(out, "]}");
    out->failed |= !items;
}

static void series(struct http_exchange *x, void *ctx)
{
    struct loki_select s;
    if (!loki_select_begin(&s, ctx, x))
        return;
    struct bole_err err = {0};
    struct gather g = {.select = &s};
    loki_set_init(&g.set, &s.work.budget);
    buf_init(&g.scratch, &s.work.budget);
    if (run_series(&s, &g, &err) < 0) {
        api_reply_query_error(x, &s.work.budget, &err);
    } else {
        struct buf body;
        buf_init(&body, NULL);
        put_series(&body, &g.set);
        api_reply_json(x, &body);
    }
    buf_deinit(&g.scratch);
    loki_set_deinit(&g.set);
    loki_select_end(&s);
}

/* ---- detected labels ---- */

static bool is_uuid(bole_slice s)
{
    bool bare = s.len == 32;
    for (size_t i = 0; i < s.len; i++) {
        uint8_t low = s.ptr[i] | 0x20;
        bool dash = !bare && (i == 8 || i == 13 || i == 18 || i == 23);
        if (dash ? s.ptr[i] != '-' : !((unsigned)s.ptr[i] - '0' < 10 || (low >= 'a' && low <= 'f')))
            return false;
    }
    return bare || s.len == 36;
}

/* A number or a UUID: values that name single things, not kinds. */
static bool is_id(bole_slice value)
{
    double number;
    return number_parse(value, &number) || is_uuid(value);
}

static bool is_bool(bole_slice value)
{
    return bole_slice_eq(value, S("0")) || bole_slice_eq(value, S("1"));
}

struct detect {
    struct loki_set names;  /* rows: values; bytes: values that are ids; data: NULL where all are 0 or 1 */
    struct loki_set values; /* name, NUL, value */
    struct buf      key;
};

static bole_status detect_labels(bole_slice labels, void *ctx)
{
    struct detect *d = ctx;
    struct reader r = reader_of(labels);
    struct label label;
    while (labels_next(&r, &label)) {
        buf_reset(&d->key);
        buf_put(&d->key, label.name);
        buf_put_u8(&d->key, 0);
        buf_put(&d->key, label.value);
        struct loki_set_item *name = loki_set_get(&d->names, label.name);
        struct loki_set_item *value = d->key.failed || !name ? NULL : loki_set_get(&d->values, buf_slice(&d->key));
        if (!value)
            return BOLE_E_LIMIT;
        if (value->rows++ == 0) {
            name->rows++;
            name->bytes += is_id(label.value);
            name->data = is_bool(label.value) ? name->data : name;
        }
    }
    return BOLE_OK;
}

static bool is_worth_showing(const struct loki_set_item *name)
{
    static const bole_slice always[] = {S("cluster"), S("namespace"), S("instance"), S("pod")};
    for (size_t i = 0; i < sizeof always / sizeof *always; i++)
        if (bole_slice_eq(name->key, always[i]))
            return true;
    return name->bytes < name->rows || !name->data; /* not ids alone */
}

static void put_detected(struct buf *out, struct loki_set *names_found)
{
    struct loki_set_item **items = loki_set_sorted(names_found);
    bool any = false;
    buf_put_u8(out, '{');
    for (size_t i = 0; items && i < names_found->count; i++) {
        if (!is_worth_showing(items[i]))
            continue;
        buf_put_str(out, any ? ",{\"label\":" : "\"detectedLabels\":[{\"label\":");
        buf_put_json(out, items[i]->key, true);
        buf_printf(out, ",\"cardinality\":%llu}", (unsigned long long)items[i]->rows);
        any = true;
    }
    buf_put_str(out, any ? "]}" : "}");
    out->failed |= !items;
}

static void detected_labels(struct http_exchange *x, void *ctx)
{
    struct loki_select s;
    if (!loki_select_begin(&s, ctx, x))
        return;
    struct bole_err err = {0};
    struct detect d;
    loki_set_init(&d.names, &s.work.budget);
    loki_set_init(&d.values, &s.work.budget);
    buf_init(&d.key, &s.work.budget);
    if (run_streams(&s, http_param(x, S("query")), LOKI_NARROW_OR_ALL, detect_labels, &d, &err) < 0) {
        api_reply_query_error(x, &s.work.budget, &err);
    } else {
        struct buf body;
        buf_init(&body, NULL);
        put_detected(&body, &d.names);
        api_reply_json(x, &body);
    }
    buf_deinit(&d.key);
    loki_set_deinit(&d.values);
    loki_set_deinit(&d.names);
    loki_select_end(&s);
}

static const struct http_route routes[] = {
    {HTTP_GET | HTTP_POST, "/loki/api/v1/labels", label_names, .flags = LOKI_METHODS | HTTP_POOL},
    {HTTP_GET | HTTP_POST, "/loki/api/v1/label", label_names, .flags = LOKI_METHODS | HTTP_POOL},
    {HTTP_GET | HTTP_POST, "/loki/api/v1/label/{name}/values", label_values, .flags = LOKI_METHODS | HTTP_POOL},
    {HTTP_GET | HTTP_POST, "/loki/api/v1/series", series, .flags = LOKI_METHODS | HTTP_POOL},
    {HTTP_GET | HTTP_POST, "/loki/api/v1/detected_labels", detected_labels, .flags = LOKI_METHODS | HTTP_POOL},
    {HTTP_GET | HTTP_POST, "/api/prom/label", label_names, .flags = LOKI_METHODS | HTTP_POOL},
    {HTTP_GET | HTTP_POST, "/api/prom/label/{name}/values", label_values, .flags = LOKI_METHODS | HTTP_POOL},
    {HTTP_GET | HTTP_POST, "/api/prom/series", series, .flags = LOKI_METHODS | HTTP_POOL},
};

const struct api_table loki_label_table = {routes, sizeof routes / sizeof *routes};
