/*
 * A request on its way in: what its head says, which route takes it, what is refused before any handler, its body.
 *
 * Announced bodies of up to HTTP_BODY_DIRECT_MAX are allocated once, at their length, and received in place. Larger ones
 * and chunked ones grow as they come.
 */
#include "serve/http_private.h"

enum { FRAMING_ALLOWANCE = 16 * 1024 }; /* a chunked body's framing beyond eight times its data and this is an attack */

static const struct http_options *options_of(const struct http_conn *c)
{
    return &c->hl->server->options;
}

static const char no_memory[] = "out of memory for requests: try again";

/* Why no route takes it; 0: the fallback may. */
static unsigned refusal_of(const struct http_exchange *x, bool has_fallback)
{
    bool is_other = x->head.method == HTTP_METHOD_OTHER;
    if (!x->match.allowed)
        return has_fallback && !is_other ? 0 : 404;
    bool is_known = !is_other && !x->head.head && x->head.method != HTTP_PUT;
    return (x->match.flags & HTTP_OR_NOTHING) && is_known ? 404 : 405;
}

/* Finds the route. What no route wants still has its body read, when that is small, so that the connection survives. */
static void find_route(struct http_conn *c, bole_slice raw_path)
{
    struct http_exchange *x = c->x;
    const struct http_options *o = options_of(c);
    http_routes_match(c->hl->server->routes, raw_path, x->head.method, &x->match);
    if (x->head.head && (x->match.flags & HTTP_NO_HEAD))
        x->match.route = NULL;
    x->route = x->match.route;
    if (!x->route)
        x->refusal = refusal_of(x, o->fallback != NULL);
    x->body_max = x->route && x->route->body_max_bytes ? x->route->body_max_bytes : o->body_max_bytes;
    if (x->body_max > c->hl->server->body_fits)
        x->body_max = c->hl->server->body_fits;
    bole_slice coding = http_head_known(&x->head, x->base, HTTP_FIELD_CONTENT_ENCODING);
    x->pieces = x->route && (x->route->flags & HTTP_PIECES) && !x->refusal &&
                (!coding.ptr || content_coding_of(coding) == CONTENT_IDENTITY);
    x->piece_min = x->pieces ? HTTP_PIECE_SIZE : SIZE_MAX;
}

/* NULL without memory. */
static const char *too_large(struct http_exchange *x)
{
    return (const char *)arena_printf(&x->arena, "the body is larger than %zu bytes: %s", x->body_max, exchange_size_advice(x))
        .ptr;
}

/* Clients say the same name in each request: it is not read again. */
static bool host_is_ours(struct http_loop *hl, bole_slice authority)
{
    if (bole_slice_eq(authority, bole_slice_from(hl->host, hl->host_len)))
        return true;
    if (!http_host_is_ours(&hl->server->hosts, authority))
        return false;
    if (authority.len <= sizeof hl->host) {
        memcpy(hl->host, authority.ptr, authority.len);
        hl->host_len = (uint8_t)authority.len;
    }
    return true;
}

/* 0, or the status of a refusal with its text. */
static unsigned check_request(struct http_conn *c, const char **ret_text)
{
    struct http_exchange *x = c->x;
    const struct http_hosts *hosts = &c->hl->server->hosts;
    const struct http_head *h = &x->head;
    bole_slice authority = http_span_slice(x->base, h->authority), raw_path = http_span_slice(x->base, h->path);
    if (authority.len && !host_is_ours(c->hl, authority)) {
        *ret_text = "this server does not go by that name: start it with --host NAME (hosts: in its configuration), or use its "
                    "address (the check keeps foreign web pages out, see DNS rebinding)";
        return 403;
    }
    if (!http_path_is_clean(raw_path)) {
        x->refusal = 301;
        return 0;
    }
    *ret_text = "the path has a malformed percent-escape, a NUL, or a . or .. segment";
    if (!http_escapes_ok(raw_path) || !http_decode(&x->arena, raw_path, false, &x->path) || !http_path_ok(x->path))
        return 400;
    *ret_text = "the query string has a malformed percent-escape";
    if (!http_escapes_ok(http_span_slice(x->base, h->query)))
        return 400;
    find_route(c, raw_path);
    bole_slice origin = http_head_known(h, x->base, HTTP_FIELD_ORIGIN);
    *ret_text =
        "a page of another site may not write here: its Origin is neither this server (scheme, name and port) nor a configured "
        "host name";
    if (origin.ptr && x->route && (x->route->flags & (HTTP_WRITE | HTTP_UPGRADE)) &&
        !http_origin_is_ours(hosts, origin, authority))
        return 403;
    bole_slice coding = http_head_known(h, x->base, HTTP_FIELD_CONTENT_ENCODING);
    *ret_text = "Content-Encoding is not one of gzip, zstd, deflate, snappy, or more than one";
    if (coding.ptr && !(x->route && (x->route->flags & HTTP_RAW_BODY)) && content_coding_of(coding) == CONTENT_UNKNOWN)
        return 415;
    if (x->refusal || x->pieces || h->content_length <= x->body_max)
        return 0;
    *ret_text = too_large(x);
    return 413;
}

static void begin_body(struct http_conn *c)
{
    struct http_exchange *x = c->x;
    if (x->head.chunked) {
        x->chunk = arena_alloc(&x->arena, sizeof *x->chunk);
        if (x->chunk)
            http_chunk_reset(x->chunk);
    } else if (x->head.content_length <= HTTP_BODY_DIRECT_MAX) {
        x->body_direct = arena_bytes(&x->arena, (size_t)x->head.content_length + HTTP_BODY_PAD);
    }
    if (!x->chunk && !x->body_direct && x->head.content_length <= HTTP_BODY_DIRECT_MAX) {
        conn_refuse(c, 503, no_memory);
        return;
    }
    if (x->head.expect_continue && !c->more_input)
        buf_put(&c->out, S("HTTP/1.1 100 Continue\r\n\r\n"));
    conn_set_state(c, CONN_BODY);
}

static void head_complete(struct http_conn *c, bole_slice head)
{
    struct http_exchange *x = c->x;
    x->base = (uint8_t *)arena_copy(&x->arena, head).ptr;
    if (!x->base) {
        conn_refuse(c, 503, no_memory);
        return;
    }
    x->close_after = !x->head.keep_alive;
    const char *text = NULL;
    unsigned status = check_request(c, &text);
    bool unwanted = x->refusal && (x->head.chunked || x->head.content_length > HTTP_REFUSED_BODY_MAX);
    if (status || unwanted)
        conn_refuse(c, status ? status : x->refusal, status ? text : NULL);
    else if (!x->head.chunked && x->head.content_length == 0)
        conn_dispatch(c);
    else
        begin_body(c);
}

/* What there is of the body goes to its handler. Who answers before all of it has come ends the connection with that. */
static void hand_over(struct http_conn *c, bool open)
{
    struct http_exchange *x = c->x;
    if (!x->body_direct && !buf_reserve(&x->body_buf, HTTP_BODY_PAD)) {
        conn_refuse(c, 503, no_memory);
        return;
    }
    uint8_t *bytes = x->body_direct ? x->body_direct : x->body_buf.ptr;
    size_t len = x->body_direct ? x->body_len : x->body_buf.len;
    memset(bytes + len, 0, HTTP_BODY_PAD);
    x->body = (bole_slice){bytes, len};
    x->body_open = open;
    x->close_after = open || !x->head.keep_alive;
    conn_dispatch(c);
}

void request_drop_piece(struct http_exchange *x)
{
    struct buf *b = &x->body_buf;
    b->len -= x->piece_taken;
    memmove(b->ptr, b->ptr + x->piece_taken, b->len);
    x->body_gone += x->piece_taken;
    x->piece_min = x->piece_taken ? HTTP_PIECE_SIZE : 2 * b->len;
    arena_reset(&x->piece_arena);
}

static void hand_over_piece(struct http_conn *c)
{
    if (c->x->body_buf.len > c->x->body_max)
        conn_refuse(c, 413, too_large(c->x));
    else
        hand_over(c, true);
}

/* Room to receive the rest of an announced body in place; *ret_room 0 when there is no memory. */
uint8_t *request_body_room(struct http_exchange *x, size_t *ret_room)
{
    size_t left = (size_t)x->head.content_length - x->body_len;
    if (x->body_direct) {
        *ret_room = left;
        return x->body_direct + x->body_len;
    }
    /* Large ones grow as they come: announcing 32 MB must not cost 32 MB. */
    x->body_buf.len = x->body_len - x->body_gone;
    size_t room = left < HTTP_BODY_DIRECT_MAX ? left : HTTP_BODY_DIRECT_MAX;
    if (!buf_reserve(&x->body_buf, room + HTTP_BODY_PAD))
        room = 0;
    *ret_room = room;
    return room ? x->body_buf.ptr + x->body_buf.len : NULL;
}

/* A byte now and then is silence, too: it would hold the body's memory for as long as it likes. */
static void count_progress(struct http_conn *c, size_t n)
{
    c->moved_bytes += n;
    if (c->moved_bytes < HTTP_BODY_STEP)
        return;
    c->moved_bytes = 0;
    c->since_ns = loop_now_ns(c->hl->loop);
}

void request_count_body(struct http_conn *c, size_t n, bool more_input)
{
    c->more_input = more_input;
    struct http_exchange *x = c->x;
    x->body_len += n;
    x->body_buf.len = x->body_direct ? 0 : x->body_len - x->body_gone;
    count_progress(c, n);
    if (x->body_len == x->head.content_length)
        hand_over(c, false);
    else if (x->body_buf.len >= x->piece_min)
        hand_over_piece(c);
}

static size_t feed_announced(struct http_conn *c, bole_slice bytes)
{
    size_t room;
    uint8_t *to = request_body_room(c->x, &room);
    if (!to) {
        conn_refuse(c, 503, no_memory);
        return bytes.len;
    }
    size_t n = bytes.len < room ? bytes.len : room;
    memcpy(to, bytes.ptr, n);
    request_count_body(c, n, bytes.len > n);
    return n;
}

static size_t feed_chunked(struct http_conn *c, bole_slice bytes)
{
    struct http_exchange *x = c->x;
    bole_slice rest = bytes, data;
    count_progress(c, bytes.len);
    while (rest.len && x->chunk->state != CHUNK_DONE && x->chunk->state != CHUNK_BAD) {
        http_chunk_next(x->chunk, &rest, &data);
        if (!x->pieces && x->body_buf.len + data.len + (x->chunk->state == CHUNK_DATA ? x->chunk->left : 0) > x->body_max) {
            conn_refuse(c, 413, too_large(x));
            return bytes.len;
        }
        buf_put(&x->body_buf, data);
        x->body_len += data.len;
    }
    if (x->chunk->state == CHUNK_BAD)
        conn_refuse(c, 400, x->chunk->reason);
    else if (x->chunk->framing_bytes / 8 > x->body_len + FRAMING_ALLOWANCE)
        conn_refuse(c, 400, "chunked body: far more framing than data");
    else if (x->body_buf.failed)
        conn_refuse(c, 503, no_memory);
    else if (x->chunk->state == CHUNK_DONE) {
        c->more_input = rest.len > 0;
        hand_over(c, false);
    } else if (x->body_buf.len >= x->piece_min)
        hand_over_piece(c);
    return bytes.len - rest.len;
}

size_t request_feed_body(struct http_conn *c, bole_slice bytes)
{
    return c->x->head.chunked ? feed_chunked(c, bytes) : feed_announced(c, bytes);
}

size_t request_feed_head(struct http_conn *c, bole_slice bytes)
{
    struct http_head *h = &c->x->head;
    size_t used = 0;
    switch (http_head_parse(h, bytes.ptr, bytes.len, options_of(c)->header_max_bytes, &used)) {
    case HTTP_PARSE_MORE: return 0;
    case HTTP_PARSE_REFUSED: conn_refuse(c, h->status, h->reason); return bytes.len;
    case HTTP_PARSE_DONE: break;
    }
    c->more_input = bytes.len > used;
    head_complete(c, (bole_slice){bytes.ptr, used});
    return used;
}
