/*
 * native_saved.c - what people keep: queries, views and dashboards, named JSON documents of a tenant. docs/saved.md
 *
 * They lie in the store's catalogue, one item each, space "saved/KIND/TENANT", key ID:
 *
 *   offset size
 *        0    1  version of this layout: 1
 *        1    8  version of the object: 1, 2, 3...
 *        9    8  when it was written, ns
 *       17    2  length of the name
 *       19    -  name, then the document as it was sent
 *
 * Whoever writes names the version that he saw, so that nobody overwrites what he has not seen. One lock orders the writers: no
 * other process writes this catalogue.
 */
#include <stdlib.h>

#include "base/err.h"
#include "base/timefmt.h"
#include "base/utf8.h"
#include "serve/api_internal.h"
#include "serve/loki_json.h"
#include "shim/json_doc.h"

enum {
    ID_MAX = 64,
    NAME_MAX_BYTES = 200,
    BODY_MAX = 256 * 1024,
    OBJECTS_MAX = 1000,       /* of a kind and a tenant */
    BYTES_MAX = 16 * 1024 * 1024, /* the same */
    LAYOUT = 1,
    AT_VERSION = 1,
    AT_TIME = 9,
    AT_NAME_LEN = 17,
    HEAD_SIZE = 19,
};

static const bole_slice kinds[] = {S("query"), S("view"), S("dashboard")};

struct saved {
    bole_slice id, name, body;
    uint64_t version;
    int64_t updated_ns;
};

struct address { bole_slice kind, id, space; }; /* of a request; in its arena */

/* ---- one item ---- */

static bool decode(bole_slice id, bole_slice value, struct saved *ret_saved)
{
    if (value.len < HEAD_SIZE || value.ptr[0] != LAYOUT)
        return false;
    size_t name_len = load_u16(value.ptr + AT_NAME_LEN);
    if (name_len > value.len - HEAD_SIZE)
        return false;
    *ret_saved = (struct saved){id, bole_slice_from(value.ptr + HEAD_SIZE, name_len), bole_slice_sub(value, HEAD_SIZE + name_len),
                                load_u64(value.ptr + AT_VERSION), load_i64(value.ptr + AT_TIME)};
    return true;
}

static void encode(struct buf *out, const struct saved *s)
{
    buf_put_u8(out, LAYOUT);
    buf_put_u64(out, s->version);
    buf_put_u64(out, (uint64_t)s->updated_ns);
    buf_put_u16(out, (uint16_t)s->name.len);
    buf_put(out, s->name);
    buf_put(out, s->body);
}

/* All about it but the document; the object is left open. */
static void put_head(struct buf *out, const struct saved *s)
{
    char time[TIME_TEXT_MAX];
    size_t time_len = time_format_rfc3339(s->updated_ns, 3, time);
    buf_put_str(out, "{\"id\":");
    buf_put_json(out, s->id, false);
    buf_put_str(out, ",\"name\":");
    buf_put_json(out, s->name, false);
    buf_printf(out, ",\"version\":%llu,\"updated\":\"%.*s\"", (unsigned long long)s->version, (int)time_len, time);
}

/* ---- whose, and which ---- */

static bool is_id(bole_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i], lower = c | 0x20;
        if (!(lower >= 'a' && lower <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '_')
            return false;
    }
    return text.len > 0 && text.len <= ID_MAX;
}

/* False: it was answered. */
static bool address_of(struct http_exchange *x, bool with_id, struct address *ret_address)
{
    bole_slice tenant, kind = http_path_param(x, S("kind")), id = http_path_param(x, S("id"));
    bool known = false;
    if (!api_tenant(x, &tenant))
        return false;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        known = known || bole_slice_eq(kind, kinds[i]);
    if (!known) {
        http_reply_text(x, 400, "nothing of that kind is saved: query, view, dashboard");
        return false;
    }
    if (with_id && !is_id(id)) {
        http_reply_text(x, 400, "an id is 1 to %d letters, digits, - and _", ID_MAX);
        return false;
    }
    *ret_address = (struct address){
        kind, id, arena_printf(http_arena(x), "saved/%.*s/%.*s", BOLE_SLICE_ARG(kind), BOLE_SLICE_ARG(tenant))};
    if (!ret_address->space.ptr)
        http_reply_text(x, 503, "out of memory for requests: try again");
    return ret_address->space.ptr != NULL;
}

/* The parameter `version`. False: it is no number, which was answered. */
static bool version_of(struct http_exchange *x, bool *ret_given, uint64_t *ret_version)
{
    bole_slice text = api_param(x, S("version"));
    bool good = text.len <= 18;
    *ret_given = text.len > 0;
    *ret_version = 0;
    for (size_t i = 0; i < text.len && good; i++) {
        good = text.ptr[i] >= '0' && text.ptr[i] <= '9';
        *ret_version = 10 * *ret_version + (uint64_t)(text.ptr[i] - '0');
    }
    if (!good)
        http_reply_text(x, 400, "version is no number");
    return good;
}

/* ---- what is there ---- */

struct search {
    bole_slice    id;
    struct arena *arena;
    struct saved  found; /* in the arena; version 0: not there */
    size_t        count, bytes; /* of the others */
    bool          no_memory;
};

static bole_status look(bole_slice key, bole_slice value, void *ctx)
{
    struct search *s = ctx;
    if (!bole_slice_eq(key, s->id)) {
        s->count++;
        s->bytes += value.len;
        return BOLE_OK;
    }
    bole_slice copy = arena_copy(s->arena, value);
    s->no_memory = !copy.ptr;
    if (copy.ptr)
        decode(s->id, copy, &s->found);
    return BOLE_OK;
}

/* False: it failed, which was answered. */
static bool find(struct api *a, struct http_exchange *x, const struct address *at, struct search *ret_search)
{
    struct bole_err err;
    *ret_search = (struct search){.id = at->id, .arena = http_arena(x)};
    bole_status st = store_notes(a->options.store, at->space, look, ret_search, &err);
    if (st == BOLE_OK && ret_search->no_memory)
        st = bole_fail(&err, BOLE_E_NOMEM, "out of memory for requests: try again");
    if (st < 0)
        http_reply_err(x, &err);
    return st == BOLE_OK;
}

static bole_status list_one(bole_slice key, bole_slice value, void *ctx)
{
    struct buf *out = ctx;
    struct saved s;
    if (decode(key, value, &s)) {
        if (out->len && out->ptr[out->len - 1] != '[')
            buf_put_u8(out, ',');
        put_head(out, &s);
        buf_printf(out, ",\"size\":%zu}", s.body.len);
    }
    return BOLE_OK;
}

static void list(struct http_exchange *x, void *ctx)
{
    struct api *a = ctx;
    struct address at;
    struct bole_err err;
    struct buf out;
    if (!address_of(x, false, &at))
        return;
    buf_init(&out, a->options.budget);
    buf_put_str(&out, "{\"objects\":[");
    bole_status st = store_notes(a->options.store, at.space, list_one, &out, &err);
    buf_put_str(&out, "]}");
    if (st == BOLE_OK) {
        api_reply_json(x, &out);
        return;
    }
    buf_deinit(&out);
    http_reply_err(x, &err);
}

static void show(struct http_exchange *x, void *ctx)
{
    struct api *a = ctx;
    struct address at;
    struct search s;
    struct buf out;
    if (!address_of(x, true, &at) || !find(a, x, &at, &s))
        return;
    if (!s.found.version) {
        http_reply_text(x, 404, "there is no such %.*s", BOLE_SLICE_ARG(at.kind));
        return;
    }
    buf_init(&out, a->options.budget);
    put_head(&out, &s.found);
    buf_put_str(&out, ",\"body\":");
    buf_put(&out, s.found.body);
    buf_put_u8(&out, '}');
    api_reply_json(x, &out);
}

/* ---- changes ---- */

/* One JSON object, strings and numbers too: it is given back as it came. */
static bole_status check_document(bole_slice body, struct bole_err *err)
{
    struct json_value root;
    struct json_doc *doc = json_doc_create();
    if (!doc)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for the document");
    bole_status st = json_doc_parse(doc, body, &root, err);
    if (st == BOLE_OK && body.ptr[strspn((const char *)body.ptr, " \t\r\n")] != '{') /* zeros stand behind a body */
        st = bole_fail(err, BOLE_E_INVALID, "it is no JSON object");
    json_doc_destroy(doc);
    if (st < 0)
        bole_err_context(err, "the document");
    return st;
}

static bool check_name(bole_slice name)
{
    for (size_t i = 0; i < name.len; i++)
        if (name.ptr[i] < ' ' || name.ptr[i] == 0x7f)
            return false;
    return name.len > 0 && name.len <= NAME_MAX_BYTES && utf8_valid(name);
}

static bool write_item(struct api *a, struct http_exchange *x, const struct address *at, bole_slice value)
{
    struct bole_err err;
    struct catalog_item item = {at->space, at->id, value};
    bool done = store_put_notes(a->options.store, &item, 1, &err) == BOLE_OK;
    if (!done)
        http_reply_err(x, &err);
    return done;
}

/* The version must be the one that is there: 0 where nothing is. False: it was answered. */
static bool check_version(struct http_exchange *x, const struct search *s, uint64_t wanted)
{
    if (s->found.version == wanted)
        return true;
    if (s->found.version)
        http_reply_text(x, 409, "it was changed meanwhile: its version is %llu", (unsigned long long)s->found.version);
    else
        http_reply_text(x, 409, "it was deleted meanwhile");
    return false;
}

static bool put_locked(struct api *a, struct http_exchange *x, const struct address *at, uint64_t version, struct saved *s)
{
    struct search there;
    if (!find(a, x, at, &there) || !check_version(x, &there, version))
        return false;
    if (there.count >= OBJECTS_MAX || there.bytes + s->body.len > BYTES_MAX) {
        http_reply_text(x, 400, "too much is saved: at most %d of a kind, %d MiB in all", OBJECTS_MAX, BYTES_MAX >> 20);
        return false;
    }
    struct buf value;
    s->version = version + 1;
    buf_init(&value, NULL);
    encode(&value, s);
    bool done = !value.failed && write_item(a, x, at, buf_slice(&value));
    if (value.failed)
        http_reply_text(x, 503, "out of memory for requests: try again");
    buf_deinit(&value);
    return done;
}

static void put(struct http_exchange *x, void *ctx)
{
    struct api *a = ctx;
    struct address at;
    struct bole_err err;
    uint64_t version;
    bool given;
    if (!address_of(x, true, &at) || !version_of(x, &given, &version))
        return;
    struct saved s = {at.id, api_param(x, S("name")), http_body(x), 0, clock_now_ns(a->options.clock)};
    if (!check_name(s.name)) {
        http_reply_text(x, 400, "name is missing, has control characters or more than %d bytes", NAME_MAX_BYTES);
        return;
    }
    if (check_document(s.body, &err) < 0) {
        http_reply_err(x, &err);
        return;
    }
    pthread_mutex_lock(&a->saved_lock);
    bool done = put_locked(a, x, &at, version, &s);
    pthread_mutex_unlock(&a->saved_lock);
    if (!done)
        return;
    struct buf out;
    buf_init(&out, a->options.budget);
    put_head(&out, &s);
    buf_put_u8(&out, '}');
    api_reply_json(x, &out);
}

static void remove_one(struct http_exchange *x, void *ctx)
{
    struct api *a = ctx;
    struct address at;
    struct search s;
    uint64_t version;
    bool given;
    if (!address_of(x, true, &at) || !version_of(x, &given, &version))
        return;
    pthread_mutex_lock(&a->saved_lock);
    bool done = find(a, x, &at, &s);
    if (done && !s.found.version) {
        http_reply_text(x, 404, "there is no such %.*s", BOLE_SLICE_ARG(at.kind));
        done = false;
    }
    done = done && (!given || check_version(x, &s, version)) && write_item(a, x, &at, (bole_slice){0});
    pthread_mutex_unlock(&a->saved_lock);
    if (done)
        http_reply(x, &(struct http_reply){.status = 204});
}

static const struct http_route routes[] = {
    {HTTP_GET, "/api/v1/saved/{kind}", list, .flags = HTTP_POOL},
    {HTTP_GET, "/api/v1/saved/{kind}/{id}", show, .flags = HTTP_POOL},
    {HTTP_PUT, "/api/v1/saved/{kind}/{id}", put, .flags = HTTP_POOL | HTTP_WRITE, .body_max_bytes = BODY_MAX, .decoded_max_bytes = BODY_MAX},
    {HTTP_DELETE, "/api/v1/saved/{kind}/{id}", remove_one, .flags = HTTP_POOL | HTTP_WRITE},
};

const struct api_table native_saved_table = {routes, sizeof routes / sizeof *routes};
