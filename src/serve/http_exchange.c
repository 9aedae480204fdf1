/*
 * A request as its handler sees it, and its answer.
 *
 * An exchange goes back to its loop when two things have happened, in any order and on any threads: the handler has
 * returned, and the answer is complete. Both set their bit with one atomic operation; who sets the second one hands it
 * over and must not touch it again. So a handler may look at its exchange until it returns, whatever has become of it.
 */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "serve/http_private.h"

enum {
    FREE_EXCHANGES_MAX = 256,      /* per loop; of some 7 KiB each */
    KEPT_ARENA_MAX = 16 * 1024,
    GZIP_MIN = 1024,               /* smaller answers are not worth it */
};

static const uint8_t no_body[HTTP_BODY_PAD]; /* what stands behind an empty body is promised, too */

/* ---- life ---- */

struct http_exchange *exchange_create(struct http_loop *hl)
{
    struct http_exchange *x = hl->free_exchanges;
    struct arena arena;
    if (x) {
        hl->free_exchanges = x->next;
        hl->free_exchange_count--;
        arena = x->arena;
    } else {
        x = malloc(sizeof *x);
        if (!x)
            return NULL;
        arena_init(&arena, hl->server->options.budget);
    }
    memset(x, 0, offsetof(struct http_exchange, head));
    http_head_reset(&x->head);
    x->arena = arena;
    x->hl = hl;
    x->body = (bole_slice){no_body, 0};
    buf_init(&x->body_buf, hl->server->options.budget);
    arena_init(&x->piece_arena, hl->server->options.budget);
    return x;
}

void exchange_release(struct http_exchange *x)
{
    struct http_loop *hl = x->hl;
    stream_destroy(x->stream);
    buf_deinit(&x->body_buf);
    buf_deinit(&x->answer.owned);
    arena_deinit(&x->piece_arena);
    arena_reset(&x->arena);
    if (hl->free_exchange_count >= FREE_EXCHANGES_MAX) {
        arena_deinit(&x->arena);
        free(x);
        return;
    }
    if (arena_used(&x->arena) > KEPT_ARENA_MAX)
        arena_deinit(&x->arena);
    x->next = hl->free_exchanges;
    hl->free_exchanges = x;
    hl->free_exchange_count++;
}

void exchange_mark(struct http_exchange *x, unsigned bit)
{
    struct loop *loop = x->hl->loop; /* x may be gone as soon as the bit is set */
    unsigned before = atomic_fetch_or(&x->bits, bit);
    assert(!(before & bit) && "an exchange is answered once");
    if ((before | bit) == (X_RETURNED | X_ANSWERED))
        loop_post(loop, &x->done_task);
}

/* ---- running the handler ---- */

/* The most bytes that the body may have after decompression: what route or server take, and the budget can ever hold. */
static size_t decoded_max(const struct http_exchange *x)
{
    const struct http_server *s = x->hl->server;
    size_t max = x->route && x->route->decoded_max_bytes ? x->route->decoded_max_bytes : s->options.decoded_max_bytes;
    return max < s->body_fits ? max : s->body_fits;
}

/* Replaces the body by its decoded form. 0, or the status of a refusal. */
static unsigned undo_coding(struct http_exchange *x, enum content_coding coding, struct bole_err *err)
{
    if (coding == CONTENT_IDENTITY)
        return 0;
    struct buf decoded;
    buf_init(&decoded, x->hl->server->options.budget);
    bole_status st = content_decode(coding, x->body, decoded_max(x), &decoded, err);
    if (st == BOLE_E_LIMIT) {
        size_t said = strlen(err->msg);
        snprintf(err->msg + said, sizeof err->msg - said, ": %s", exchange_size_advice(x));
    }
    if (st == BOLE_OK && !buf_reserve(&decoded, HTTP_BODY_PAD))
        st = bole_fail(err, BOLE_E_NOMEM, "out of memory for requests: try again");
    buf_deinit(&x->body_buf);
    x->body_buf = decoded; /* on failure too: released with the exchange */
    if (st == BOLE_OK) {
        memset(decoded.ptr + decoded.len, 0, HTTP_BODY_PAD);
        x->body = buf_slice(&decoded);
        return 0;
    }
    return st == BOLE_E_LIMIT ? 413 : st == BOLE_E_INVALID ? 400 : 503;
}

bool http_undo_coding(struct http_exchange *x, enum content_coding coding)
{
    struct bole_err err;
    unsigned refused = undo_coding(x, coding, &err);
    if (refused)
        http_reply_text(x, refused, "%s", err.msg);
    return !refused;
}

static unsigned decode_body(struct http_exchange *x, struct bole_err *err)
{
    bole_slice header = http_head_known(&x->head, x->base, HTTP_FIELD_CONTENT_ENCODING);
    if (!header.ptr || x->body.len == 0 || (x->route && (x->route->flags & HTTP_RAW_BODY)))
        return 0;
    return undo_coding(x, content_coding_of(header), err);
}

static bool has_form_body(const struct http_exchange *x)
{
    bole_slice type = http_head_known(&x->head, x->base, HTTP_FIELD_CONTENT_TYPE), rest;
    return x->head.method == HTTP_POST && !(x->route && (x->route->flags & HTTP_NO_FORM)) &&
           bole_slice_eq_nocase(bole_slice_trim(bole_slice_cut(type, ';', &rest)), S("application/x-www-form-urlencoded"));
}

/* As Go's Form: what the body says comes before the query string. */
static bole_status read_params(struct http_exchange *x)
{
    bole_status st = BOLE_OK;
    x->pairs_ready = true;
    if (has_form_body(x))
        st = http_form_parse(&x->arena, x->body, &x->pairs, &x->pair_count);
    if (st == BOLE_OK)
        st = http_form_parse(&x->arena, http_span_slice(x->base, x->head.query), &x->pairs, &x->pair_count);
    return st;
}

void exchange_run(struct http_exchange *x)
{
    struct bole_err err = {0};
    unsigned refused = decode_body(x, &err);
    if (!refused && has_form_body(x) && read_params(x) < 0) {
        refused = 400;
        snprintf(err.msg, sizeof err.msg, "the form in the body has a malformed percent-escape");
    }
    /* Nobody waits any more, and nothing was to be written: a queue of dead queries is over at once. */
    if (!refused && x->head.method == HTTP_GET && http_cancelled(x))
        refused = 499;
    const struct http_options *o = &x->hl->server->options;
    if (refused) {
        exchange_refuse(x, refused, err.msg[0] ? err.msg : NULL);
        atomic_fetch_or(&x->bits, X_ANSWERED);
    } else if (x->route) {
        x->route->handler(x, x->route->ctx);
    } else {
        o->fallback(x, o->fallback_ctx);
    }
}

/* ---- the request ---- */

unsigned http_method(const struct http_exchange *x) { return x->head.method; }
bole_slice http_path(const struct http_exchange *x) { return x->path; }
bole_slice http_body(const struct http_exchange *x) { return x->body; }
size_t http_body_sent(const struct http_exchange *x) { return x->body_len; }
unsigned http_loop_index(const struct http_exchange *x) { return x->hl->index; }
struct arena *http_arena(struct http_exchange *x) { return x->pieces ? &x->piece_arena : &x->arena; }
bool http_body_open(const struct http_exchange *x) { return x->body_open; }
uint64_t http_body_offset(const struct http_exchange *x) { return x->body_gone; }

static void end_piece(struct http_exchange *x, size_t taken, uint64_t wait_ns)
{
    assert(x->pieces && taken <= x->body.len);
    x->piece_done = true;
    x->piece_taken = taken;
    x->piece_wait_ns = wait_ns;
    exchange_mark(x, X_ANSWERED);
}

void http_body_taken(struct http_exchange *x, size_t size) { end_piece(x, size, 0); }
void http_body_later(struct http_exchange *x, uint64_t wait_ns) { end_piece(x, 0, wait_ns); }

const char *exchange_size_advice(const struct http_exchange *x)
{
    const struct http_server *s = x->hl->server;
    bool memory = s->body_fits < s->options.decoded_max_bytes;
    return memory ? "send smaller requests, or raise the server's --memory-limit" : "send smaller requests";
}

bool http_is_upgrade(const struct http_exchange *x) { return x->head.upgrade_websocket; }

bole_slice http_path_param(const struct http_exchange *x, bole_slice name)
{
    bole_slice value = {0};
    for (unsigned i = 0; i < x->match.param_count; i++)
        if (bole_slice_eq(x->match.params[i].name, name) &&
            !http_decode(&((struct http_exchange *)x)->arena, x->match.params[i].value, false, &value))
            value = (bole_slice){0};
    return value;
}

bool http_header_next(const struct http_exchange *x, bole_slice name, size_t *at, bole_slice *ret_value)
{
    while (*at < x->head.field_count) {
        const struct http_field *f = &x->head.fields[(*at)++];
        if (f->name.len == name.len && bole_slice_eq_nocase(http_span_slice(x->base, f->name), name)) {
            *ret_value = http_span_slice(x->base, f->value);
            return true;
        }
    }
    return false;
}

bole_slice http_header(const struct http_exchange *x, bole_slice name)
{
    size_t at = 0;
    bole_slice value = {0};
    (void)http_header_next(x, name, &at, &value);
    return value;
}

bole_slice http_remote(const struct http_exchange *x)
{
    return bole_slice_from(x->remote, x->remote_len);
}

bool http_param_next(struct http_exchange *x, bole_slice name, size_t *at, bole_slice *ret_value)
{
    if (!x->pairs_ready)
        (void)read_params(x); /* escapes were checked when the head arrived; without memory there are no parameters */
    while (*at < x->pair_count) {
        const struct http_form_pair *pair = &x->pairs[(*at)++];
        if (bole_slice_eq(pair->name, name)) {
            *ret_value = pair->value;
            return true;
        }
    }
    return false;
}

bole_slice http_param(struct http_exchange *x, bole_slice name)
{
    size_t at = 0;
    bole_slice value = {0};
    (void)http_param_next(x, name, &at, &value);
    return value;
}

bool http_cancelled(const struct http_exchange *x)
{
    return atomic_load_explicit(&x->cancelled, memory_order_relaxed);
}

/* ---- the answer ---- */

const char *http_status_text(unsigned status)
{
    static const struct { unsigned status; const char *text; } table[] = {
        {101, "Switching Protocols"}, {200, "OK"}, {201, "Created"}, {202, "Accepted"}, {204, "No Content"},
        {206, "Partial Content"}, {301, "Moved Permanently"}, {302, "Found"}, {303, "See Other"}, {304, "Not Modified"},
        {307, "Temporary Redirect"}, {308, "Permanent Redirect"},
        {400, "Bad Request"}, {401, "Unauthorized"}, {403, "Forbidden"}, {404, "Not Found"}, {405, "Method Not Allowed"},
        {406, "Not Acceptable"}, {408, "Request Timeout"}, {409, "Conflict"}, {410, "Gone"}, {411, "Length Required"},
        {412, "Precondition Failed"}, {413, "Content Too Large"}, {414, "URI Too Long"}, {415, "Unsupported Media Type"},
        {416, "Range Not Satisfiable"}, {417, "Expectation Failed"}, {422, "Unprocessable Content"},
        {426, "Upgrade Required"}, {429, "Too Many Requests"}, {431, "Request Header Fields Too Large"},
        {499, "Client Closed Request"}, {500, "Internal Server Error"}, {501, "Not Implemented"}, {502, "Bad Gateway"},
        {503, "Service Unavailable"}, {504, "Gateway Timeout"}, {505, "HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].status == status)
            return table[i].text;
    return "Status";
}

struct line_writer { char *at, *end; };

static void put(struct line_writer *w, const char *text)
{
    size_t n = strlen(text);
    assert(n <= (size_t)(w->end - w->at));
    memcpy(w->at, text, n);
    w->at += n;
}

static void put_number(struct line_writer *w, size_t n)
{
    char digits[24];
    size_t at = sizeof digits - 1;
    digits[at] = 0;
    do {
        digits[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    put(w, digits + at);
}

/* Statuses whose answers have no body and no length (RFC 9110, 8.6). */
static bool never_has_body(unsigned status)
{
    return status < 200 || status == 204 || status == 304;
}

/* A body as small as most acknowledgements is put behind its head: one piece costs the kernel less than two. */
enum { BODY_BESIDE_HEAD = 128 };

/* Written by hand, not by printf: every durable request pays for it on the one committing thread. */
bool exchange_build_head(struct http_exchange *x, unsigned status, const char *content_type, size_t length, const char *headers)
{
    enum { FIXED_LINES = 256 }; /* more than all that is not content_type or headers */
    size_t room = FIXED_LINES + BODY_BESIDE_HEAD + (content_type ? strlen(content_type) : 0) + (headers ? strlen(headers) : 0);
    char *head = (char *)arena_bytes(&x->arena, room);
    if (!head)
        return false;
    struct line_writer w = {head, head + room};
    put(&w, "HTTP/1.1 ");
    put_number(&w, status);
    put(&w, " ");
    put(&w, http_status_text(status));
    put(&w, "\r\nDate: ");
    x->answer.date_at = (size_t)(w.at - head);
    w.at += HTTP_DATE_SIZE; /* filled by the loop when it is sent */
    if (content_type) {
        put(&w, "\r\nContent-Type: ");
        put(&w, content_type);
    }
    if (length != SIZE_MAX && !never_has_body(status)) {
        put(&w, "\r\nContent-Length: ");
        put_number(&w, length);
    }
    if (x->close_after)
        put(&w, "\r\nConnection: close");
    else if (x->head.http10)
        put(&w, "\r\nConnection: keep-alive");
    put(&w, "\r\n");
    if (headers)
        put(&w, headers);
    put(&w, "\r\n");
    x->answer.head = (uint8_t *)head;
    x->answer.head_len = (size_t)(w.at - head);
    x->answer.status = status;
    return true;
}

/* What is left to say when there is no memory for a real answer. */
static void answer_without_memory(struct http_exchange *x)
{
    static uint8_t text[] =
        "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    x->close_after = true;
    x->answer.head = text;
    x->answer.head_len = sizeof text - 1;
    x->answer.date_at = 0;
    x->answer.body = (bole_slice){0};
    x->answer.status = 503;
}

static void fill_answer(struct http_exchange *x, unsigned status, const char *content_type, bole_slice body, const char *headers)
{
    if (!exchange_build_head(x, status, content_type, body.len, headers)) {
        answer_without_memory(x);
        return;
    }
    struct http_answer *a = &x->answer;
    a->body = x->head.head || never_has_body(status) ? (bole_slice){0} : body;
    if (a->body.len && a->body.len <= BODY_BESIDE_HEAD) {
        memcpy(a->head + a->head_len, body.ptr, body.len);
        a->head_len += body.len;
        a->body = (bole_slice){0};
    }
}

void http_reply(struct http_exchange *x, const struct http_reply *reply)
{
    bole_slice body = reply->body;
    if (body.len && !reply->body_static && !x->head.head)
        body = arena_copy(&x->arena, body);
    if (reply->body.len && !body.ptr)
        answer_without_memory(x);
    else
        fill_answer(x, reply->status ? reply->status : 200, reply->content_type, body, reply->headers);
    exchange_mark(x, X_ANSWERED);
}

void http_reply_text(struct http_exchange *x, unsigned status, const char *fmt, ...)
{
    char text[2048];
    va_list ap;
    va_start(ap, fmt);
    size_t len = err_vprint(text, sizeof text, fmt, ap);
    va_end(ap);
    http_reply(x, &(struct http_reply){
        .status = status, .content_type = "text/plain; charset=utf-8", .body = {(uint8_t *)text, len},
        .headers = status == 429 || status == 503 ? "Retry-After: 1\r\n" : NULL});
}

void http_reply_err(struct http_exchange *x, const struct bole_err *err)
{
    unsigned status = 500;
    switch (err->code) {
    case BOLE_E_INVALID: status = 400; break;
    case BOLE_E_LIMIT: case BOLE_E_NOMEM: status = 429; break;
    case BOLE_E_FULL: status = 503; break;
    case BOLE_E_NOTFOUND: status = 404; break;
    case BOLE_E_CANCELLED: status = 499; break;
    case BOLE_E_UNSUPPORTED: status = 501; break;
    default: break;
    }
    http_reply_text(x, status, "%s", err->msg);
}

/* "gzip" in Accept-Encoding without q=0. */
static bool accepts_gzip(const struct http_exchange *x)
{
    bole_slice list = http_head_known(&x->head, x->base, HTTP_FIELD_ACCEPT_ENCODING);
    while (list.len) {
        bole_slice params, item = bole_slice_cut(list, ',', &list);
        bole_slice name = bole_slice_trim(bole_slice_cut(item, ';', &params));
        params = bole_slice_trim(params);
        bool refused = params.len >= 3 && params.ptr[0] == 'q' && params.ptr[1] == '=' && params.ptr[2] == '0';
        for (size_t i = 3; refused && i < params.len; i++)
            refused = params.ptr[i] == '0' || params.ptr[i] == '.';
        if (bole_slice_eq_nocase(name, S("gzip")))
            return !refused;
    }
    return false;
}

void http_reply_buf(struct http_exchange *x, unsigned status, const char *content_type, struct buf *body)
{
    const char *headers = NULL;
    if (body->failed) {
        buf_deinit(body);
        answer_without_memory(x);
        exchange_mark(x, X_ANSWERED);
        return;
    }
    x->answer.owned = *body;
    buf_init(body, body->budget);
    if (x->answer.owned.len >= GZIP_MIN && accepts_gzip(x)) {
        struct buf packed;
        buf_init(&packed, body->budget);
        if (content_gzip(buf_slice(&x->answer.owned), &packed) && packed.len < x->answer.owned.len) {
            headers = "Content-Encoding: gzip\r\nVary: Accept-Encoding\r\n";
            struct buf plain = x->answer.owned;
            x->answer.owned = packed;
            packed = plain;
        }
        buf_deinit(&packed);
    }
    fill_answer(x, status ? status : 200, content_type, buf_slice(&x->answer.owned), headers);
    exchange_mark(x, X_ANSWERED);
}

/* "Allow: GET, HEAD, POST\r\n" (RFC 9110, 15.5.6); NULL without memory. */
static const char *allow_line(struct http_exchange *x)
{
    const struct { unsigned bit; const char *name; } names[] = {
        {HTTP_GET, x->match.flags & HTTP_NO_HEAD ? "GET" : "GET, HEAD"}, {HTTP_POST, "POST"}, {HTTP_PUT, "PUT"}, {HTTP_DELETE, "DELETE"}};
    bole_slice list = S("");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (x->match.allowed & names[i].bit)
            list = arena_printf(&x->arena, "%.*s%s%s", BOLE_SLICE_ARG(list), list.len ? ", " : "", names[i].name);
    return (const char *)arena_printf(&x->arena, "Allow: %.*s\r\n", BOLE_SLICE_ARG(list)).ptr;
}

/* NULL without memory. */
static const char *location_line(struct http_exchange *x)
{
    bole_slice path = http_path_clean(&x->arena, http_span_slice(x->base, x->head.path));
    bole_slice query = http_span_slice(x->base, x->head.query);
    return path.ptr ? (const char *)arena_printf(&x->arena, "Location: %.*s%s%.*s\r\n", BOLE_SLICE_ARG(path), query.len ? "?" : "",
                                                 BOLE_SLICE_ARG(query)).ptr
                    : NULL;
}

void exchange_refuse(struct http_exchange *x, unsigned status, const char *text)
{
    const char *headers = status == 503 ? "Retry-After: 1\r\n" : NULL;
    if (status == 405)
        headers = allow_line(x);
    if (status == 301)
        headers = location_line(x);
    if (status == 415)
        headers = "Accept-Encoding: gzip, zstd, deflate, snappy\r\n";
    if (status == 301 || (status == 405 && (x->match.flags & HTTP_NO_HEAD)))
        text = "";
    if (!text)
        text = status == 404 ? "404 page not found\n" : http_status_text(status);
    bole_slice body = bole_slice_str(text);
    uint8_t *copy = arena_bytes(&x->arena, body.len);
    if (!copy) {
        answer_without_memory(x);
        return;
    }
    memcpy(copy, body.ptr, body.len);
    fill_answer(x, status, body.len ? "text/plain; charset=utf-8" : NULL, (bole_slice){copy, body.len}, headers);
}
