/*
 * http_head.h - the head of an HTTP/1.1 request: request line and header fields, strictly after RFC 9112.
 *
 * Incremental: bytes may come in any pieces; whole lines are parsed as soon as they are there, and what is decided does
 * not depend on where the pieces were cut. Nothing is copied: spans are offsets from the head's first byte, so that the
 * caller may move the bytes while the head is incomplete.
 *
 * Stricter than the letter where two implementations are known to read the same bytes differently: no bare LF or CR, no
 * obsolete line folding, one Content-Length that is digits only, no Content-Length beside Transfer-Encoding, "chunked" as
 * the only transfer coding, one Host, no blank where the grammar has none.
 */
#ifndef SERVE_HTTP_HEAD_H
#define SERVE_HTTP_HEAD_H

#include "base/slice.h"

#define HTTP_FIELD_MAX 100 /* header fields of a request */

struct http_span { uint32_t at, len; };

struct http_field { struct http_span name, value; }; /* value without the blanks around it */

/* Methods beyond http.h's: known by name, served by no route. */
enum { HTTP_METHOD_OTHER = 1 << 8 };

/* Fields the server itself looks at: index into http_head.known. */
enum http_known {
    HTTP_FIELD_ACCEPT_ENCODING, HTTP_FIELD_AUTHORIZATION, HTTP_FIELD_CONNECTION, HTTP_FIELD_CONTENT_ENCODING,
    HTTP_FIELD_CONTENT_LENGTH, HTTP_FIELD_CONTENT_TYPE, HTTP_FIELD_EXPECT, HTTP_FIELD_HOST, HTTP_FIELD_ORIGIN,
    HTTP_FIELD_TRANSFER_ENCODING, HTTP_FIELD_UPGRADE, HTTP_KNOWN_COUNT,
};

struct http_head {
    /* Where parsing goes on. */
    size_t   line_at, scanned; /* start of the line being awaited; bytes searched for its end */
    bool     has_request_line;
    /* A refusal: status of the answer (400...) and its text; 0: none. The connection is closed after it. */
    unsigned    status;
    const char *reason;
    /* The result. */
    unsigned method;           /* enum http_method_bits or HTTP_METHOD_OTHER; HEAD is HTTP_GET with `head` */
    bool     head;
    bool     http10;
    bool     keep_alive;
    bool     chunked;          /* the body is chunked; otherwise it has content_length bytes */
    bool     expect_continue;
    bool     upgrade_websocket;
    uint64_t content_length;
    struct http_span path, query;   /* raw, query without its '?' */
    struct http_span authority;     /* of the target or else of Host; empty: none (HTTP/1.0) */
    unsigned field_count;
    uint8_t  known[HTTP_KNOWN_COUNT]; /* index + 1 of the field; 0: absent */
    struct http_field fields[HTTP_FIELD_MAX]; /* the first field_count are set */
};

enum http_parse { HTTP_PARSE_MORE, HTTP_PARSE_DONE, HTTP_PARSE_REFUSED };

void http_head_reset(struct http_head *h);

/* bytes: everything from the first byte of the head on, each time. head_max: size of the head, at most 2^32 - 1 bytes.
 * *ret_used is the length of the head once it is complete. */
enum http_parse http_head_parse(struct http_head *h, const uint8_t *bytes, size_t len, size_t head_max, size_t *ret_used);

/* The same grammar for the trailer of a chunked body: fields are checked and forgotten. */
bool http_field_line_ok(bole_slice line, struct http_field *ret_field);

static inline bole_slice http_span_slice(const uint8_t *base, struct http_span s)
{
    return (bole_slice){base + s.at, s.len};
}

/* The value of a known field; ptr NULL when it is absent. */
static inline bole_slice http_head_known(const struct http_head *h, const uint8_t *base, enum http_known which)
{
    return h->known[which] ? http_span_slice(base, h->fields[h->known[which] - 1].value) : (bole_slice){0};
}

/* True when the comma-separated list has the token; letters of any case. */
bool http_list_has(bole_slice list, bole_slice token);

#endif
