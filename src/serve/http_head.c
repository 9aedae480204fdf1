/*
 * Line by line: memchr finds LF, the byte before it must be CR, and the characters of the line are checked eight at a
 * time, which also finds any other CR. Section numbers are those of RFC 9112 unless RFC 9110 is named.
 */
#include "serve/http_head.h"

#include <stddef.h>

#include "base/bytes.h"
#include "serve/http.h"

#define REPEAT(byte) (0x0101010101010101ull * (byte))

/* ---- characters ---- */

/* token = 1*tchar (RFC 9110, 5.6.2) */
static const uint8_t tchar[256] = {
    ['!'] = 1, ['#'] = 1, ['$'] = 1, ['%'] = 1, ['&'] = 1, ['\''] = 1, ['*'] = 1, ['+'] = 1, ['-'] = 1, ['.'] = 1,
    ['^'] = 1, ['_'] = 1, ['`'] = 1, ['|'] = 1, ['~'] = 1, ['0' ... '9'] = 1, ['a' ... 'z'] = 1, ['A' ... 'Z'] = 1,
};

static bool is_token(bole_slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!tchar[s.ptr[i]])
            return false;
    return s.len > 0;
}

/* Nonzero when one of eight bytes is below 0x20 or is 0x7f. */
static uint64_t has_control(uint64_t w)
{
    uint64_t low = (w - REPEAT(0x20)) & ~w;
    uint64_t del = w ^ REPEAT(0x7f);
    return (low | ((del - REPEAT(0x01)) & ~del)) & REPEAT(0x80);
}

static uint64_t has_byte(uint64_t w, uint8_t byte)
{
    uint64_t x = w ^ REPEAT(byte);
    return (x - REPEAT(0x01)) & ~x & REPEAT(0x80);
}

/* Field values: visible characters, blanks, tabs and bytes above 127 (RFC 9110, 5.5). */
static bool is_field_text(bole_slice s)
{
    size_t i = 0;
    while (i < s.len) {
        if (s.len - i >= 8 && !has_control(load_u64(s.ptr + i))) {
            i += 8;
            continue;
        }
        size_t end = s.len - i >= 8 ? i + 8 : s.len;
        for (; i < end; i++)
            if ((s.ptr[i] < 0x20 && s.ptr[i] != '\t') || s.ptr[i] == 0x7f)
                return false;
    }
    return true;
}

static bole_slice trim_blanks(bole_slice s)
{
    while (s.len && (s.ptr[0] == ' ' || s.ptr[0] == '\t'))
        s.ptr++, s.len--;
    while (s.len && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
        s.len--;
    return s;
}

bool http_list_has(bole_slice list, bole_slice token)
{
    while (list.len) {
        bole_slice item = trim_blanks(bole_slice_cut(list, ',', &list));
        if (bole_slice_eq_nocase(item, token))
            return true;
    }
    return false;
}

static enum http_parse refuse(struct http_head *h, unsigned status, const char *reason)
{
    h->status = status;
    h->reason = reason;
    return HTTP_PARSE_REFUSED;
}

static struct http_span span_of(const uint8_t *base, bole_slice s)
{
    return (struct http_span){(uint32_t)(s.ptr - base), (uint32_t)s.len};
}

/* ---- request line (3) ---- */

static const struct { bole_slice name; unsigned method; } methods[] = {
    {{(const uint8_t *)"GET", 3}, HTTP_GET},           {{(const uint8_t *)"POST", 4}, HTTP_POST},
    {{(const uint8_t *)"PUT", 3}, HTTP_PUT},           {{(const uint8_t *)"DELETE", 6}, HTTP_DELETE},
    {{(const uint8_t *)"HEAD", 4}, HTTP_GET},          {{(const uint8_t *)"OPTIONS", 7}, HTTP_METHOD_OTHER},
    {{(const uint8_t *)"PATCH", 5}, HTTP_METHOD_OTHER}, {{(const uint8_t *)"TRACE", 5}, HTTP_METHOD_OTHER},
};

static unsigned method_of(bole_slice name)
{
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (bole_slice_eq(methods[i].name, name))
            return methods[i].method;
    return 0;
}

/* Any visible ASCII but '#': raw braces, quotes and bars are not URI characters, but people type LogQL into curl. In the
 * path a backslash is refused too, because some programs take it for a slash. */
static bool is_target_text(bole_slice s, uint8_t refused)
{
    size_t i = 0;
    for (; i + 8 <= s.len; i += 8) {
        uint64_t w = load_u64(s.ptr + i);
        if ((w & REPEAT(0x80)) || has_control(w) || has_byte(w, ' ') || has_byte(w, '#') || has_byte(w, refused))
            return false;
    }
    for (; i < s.len; i++)
        if (s.ptr[i] <= ' ' || s.ptr[i] >= 0x7f || s.ptr[i] == '#' || s.ptr[i] == refused)
            return false;
    return true;
}

static enum http_parse parse_target(struct http_head *h, const uint8_t *base, bole_slice target)
{
    if (target.len >= 7 && bole_slice_eq_nocase((bole_slice){target.ptr, 7}, S("http://")))
        target = bole_slice_sub(target, 7);
    else if (target.len >= 8 && bole_slice_eq_nocase((bole_slice){target.ptr, 8}, S("https://")))
        target = bole_slice_sub(target, 8);
    else if (bole_slice_eq(target, S("*")) && h->method == HTTP_METHOD_OTHER) {
        h->path = span_of(base, target);
        return HTTP_PARSE_MORE;
    } else if (target.len == 0 || target.ptr[0] != '/')
        return refuse(h, 400, "the request target is neither a path nor an http URL");

    if (target.len && target.ptr[0] != '/') { /* absolute-form: the authority ends at the path (3.2.2) */
        bole_slice authority = {target.ptr, 0};
        while (authority.len < target.len && target.ptr[authority.len] != '/' && target.ptr[authority.len] != '?')
            authority.len++;
        h->authority = span_of(base, authority);
        target = (bole_slice){target.ptr + authority.len, target.len - authority.len};
    }
    if (target.len == 0 || target.ptr[0] != '/')
        return refuse(h, 400, "the request target has no path");
    bole_slice query, path = bole_slice_cut(target, '?', &query);
    if (!is_target_text(path, '\\'))
        return refuse(h, 400, "a character in the request target is not allowed there: percent-encode it");
    if (!is_target_text(query, '#'))
        return refuse(h, 400, "a character in the query string is not allowed there: percent-encode it");
    h->path = span_of(base, path);
    h->query = query.len ? span_of(base, query) : (struct http_span){0};
    return HTTP_PARSE_MORE;
}

static enum http_parse parse_request_line(struct http_head *h, const uint8_t *base, bole_slice line)
{
    bole_slice rest, version, name = bole_slice_cut(line, ' ', &rest);
    bole_slice target = bole_slice_cut(rest, ' ', &version);
    if (!is_token(name))
        return refuse(h, 400, "the request does not start with a method");
    if (version.len != 8 || memcmp(version.ptr, "HTTP/", 5) != 0 || version.ptr[6] != '.' || version.ptr[5] < '0' ||
        version.ptr[5] > '9' || version.ptr[7] < '0' || version.ptr[7] > '9')
        return refuse(h, 400, "the request line is not \"METHOD target HTTP/1.1\"");
    if (version.ptr[5] != '1' || version.ptr[7] > '1')
        return refuse(h, 505, "this server speaks HTTP/1.1 and HTTP/1.0");
    h->http10 = version.ptr[7] == '0';
    h->method = method_of(name);
    h->head = bole_slice_eq(name, S("HEAD"));
    if (!h->method)
        return refuse(h, 501, "the method is not one of GET, HEAD, POST, PUT, DELETE");
    h->has_request_line = true;
    return parse_target(h, base, target);
}

/* ---- fields (5) ---- */

bool http_field_line_ok(bole_slice line, struct http_field *ret_field)
{
    const uint8_t *colon = line.len ? memchr(line.ptr, ':', line.len) : NULL;
    if (!colon)
        return false;
    bole_slice name = {line.ptr, (size_t)(colon - line.ptr)};
    bole_slice value = trim_blanks(bole_slice_sub(line, name.len + 1));
    /* A blank before the colon is no tchar (5.1), and neither is the one that starts an obs-fold (5.2). */
    if (!is_token(name) || !is_field_text(value))
        return false;
    if (ret_field) {
        ret_field->name = span_of(line.ptr, name);
        ret_field->value = value.len ? span_of(line.ptr, value) : (struct http_span){(uint32_t)line.len, 0};
    }
    return true;
}

#define KNOWN(index, text, once) [index] = {{(const uint8_t *)text, sizeof(text) - 1}, once}
static const struct {
    bole_slice  name;
    const char *twice; /* refusal when it comes twice; NULL: that is allowed, the first counts */
} known_fields[HTTP_KNOWN_COUNT] = {
    KNOWN(HTTP_FIELD_ACCEPT_ENCODING, "accept-encoding", NULL),
    KNOWN(HTTP_FIELD_AUTHORIZATION, "authorization", "more than one Authorization"),
    KNOWN(HTTP_FIELD_CONNECTION, "connection", NULL),
    KNOWN(HTTP_FIELD_CONTENT_ENCODING, "content-encoding", "more than one Content-Encoding"),
    KNOWN(HTTP_FIELD_CONTENT_LENGTH, "content-length", "more than one Content-Length"),
    KNOWN(HTTP_FIELD_CONTENT_TYPE, "content-type", "more than one Content-Type"),
    KNOWN(HTTP_FIELD_EXPECT, "expect", "more than one Expect"),
    KNOWN(HTTP_FIELD_HOST, "host", "more than one Host"),
    KNOWN(HTTP_FIELD_ORIGIN, "origin", "more than one Origin"),
    KNOWN(HTTP_FIELD_TRANSFER_ENCODING, "transfer-encoding", "more than one Transfer-Encoding"),
    KNOWN(HTTP_FIELD_UPGRADE, "upgrade", NULL),
};

static int known_index(bole_slice name)
{
    for (int i = 0; i < HTTP_KNOWN_COUNT; i++)
        if (known_fields[i].name.len == name.len && bole_slice_eq_nocase(known_fields[i].name, name))
            return i;
    return -1;
}

/* 6.2: digits only. A list, even of equal numbers, is refused: that is what smuggling is made of. */
static enum http_parse parse_content_length(struct http_head *h, bole_slice value)
{
    uint64_t n = 0;
    if (value.len == 0)
        return refuse(h, 400, "Content-Length is empty");
    for (size_t i = 0; i < value.len; i++) {
        uint8_t digit = (uint8_t)(value.ptr[i] - '0');
        if (digit > 9)
            return refuse(h, 400, "Content-Length is not a number");
        if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, digit, &n) || n > INT64_MAX)
            return refuse(h, 400, "Content-Length is too large");
    }
    h->content_length = n;
    return HTTP_PARSE_MORE;
}

/* 6.1: only "chunked", alone. */
static enum http_parse parse_transfer_encoding(struct http_head *h, bole_slice value)
{
    if (bole_slice_eq_nocase(value, S("chunked"))) {
        h->chunked = true;
        return HTTP_PARSE_MORE;
    }
    const uint8_t *comma = value.len ? memrchr(value.ptr, ',', value.len) : NULL;
    bole_slice last = comma ? trim_blanks((bole_slice){comma + 1, (size_t)(value.ptr + value.len - comma - 1)}) : value;
    if (comma && bole_slice_eq_nocase(last, S("chunked"))) {
        bole_slice first = {value.ptr, (size_t)(comma - value.ptr)};
        if (http_list_has(first, S("chunked")))
            return refuse(h, 400, "Transfer-Encoding says chunked twice");
        return refuse(h, 501, "the only transfer coding here is chunked");
    }
    return refuse(h, comma || value.len == 0 ? 400 : 501, "the only transfer coding here is chunked, as the last one");
}

/* uri-host [":" port]: what no authority may contain is refused here; whether it is ours is asked later. */
static bool authority_ok(bole_slice a)
{
    for (size_t i = 0; i < a.len; i++) {
        uint8_t c = a.ptr[i];
        if (!tchar[c] && c != '[' && c != ']' && c != ':')
            return false;
        if (c == '#' || c == '^' || c == '`' || c == '|')
            return false;
    }
    return true;
}

static enum http_parse parse_field(struct http_head *h, const uint8_t *base, bole_slice line)
{
    if (h->field_count == HTTP_FIELD_MAX)
        return refuse(h, 431, "too many header fields");
    struct http_field *f = &h->fields[h->field_count];
    if (line.ptr[0] == ' ' || line.ptr[0] == '\t')
        return refuse(h, 400, "a header line starts with a blank (obsolete line folding)");
    if (!http_field_line_ok(line, f))
        return refuse(h, 400, "a header line is not \"Name: value\"");
    f->name.at += (uint32_t)(line.ptr - base);
    f->value.at += (uint32_t)(line.ptr - base);
    h->field_count++;

    int index = known_index(http_span_slice(base, f->name));
    if (index < 0)
        return HTTP_PARSE_MORE;
    if (h->known[index])
        return known_fields[index].twice ? refuse(h, 400, known_fields[index].twice) : HTTP_PARSE_MORE;
    h->known[index] = (uint8_t)h->field_count;
    bole_slice value = http_span_slice(base, f->value);
    if (index == HTTP_FIELD_CONTENT_LENGTH)
        return parse_content_length(h, value);
    if (index == HTTP_FIELD_TRANSFER_ENCODING)
        return parse_transfer_encoding(h, value);
    if (index == HTTP_FIELD_HOST && !authority_ok(value))
        return refuse(h, 400, "Host is not a host name with an optional port");
    return HTTP_PARSE_MORE;
}

/* ---- the whole ---- */

/* Connection may come in several lines (RFC 9110, 5.3). */
static bool connection_has(const struct http_head *h, const uint8_t *base, bole_slice token)
{
    if (!h->known[HTTP_FIELD_CONNECTION])
        return false;
    for (unsigned i = h->known[HTTP_FIELD_CONNECTION] - 1u; i < h->field_count; i++)
        if (bole_slice_eq_nocase(http_span_slice(base, h->fields[i].name), S("connection")) &&
            http_list_has(http_span_slice(base, h->fields[i].value), token))
            return true;
    return false;
}

static enum http_parse settle_authority(struct http_head *h, const uint8_t *base)
{
    bole_slice host = http_head_known(h, base, HTTP_FIELD_HOST);
    if (!host.ptr && !h->http10)
        return refuse(h, 400, "HTTP/1.1 needs a Host");
    if (h->authority.len) {
        /* 3.2.2 says that Host is to be ignored then; a request with two different answers is not one to trust. */
        bole_slice authority = http_span_slice(base, h->authority);
        if (!authority_ok(authority) || (host.ptr && !bole_slice_eq_nocase(authority, host)))
            return refuse(h, 400, "the URL in the request line and Host name different servers");
    } else if (host.ptr) {
        if (host.len == 0)
            return refuse(h, 400, "Host is empty");
        h->authority = span_of(base, host);
    }
    return HTTP_PARSE_DONE;
}

static enum http_parse finish(struct http_head *h, const uint8_t *base)
{
    if (h->known[HTTP_FIELD_TRANSFER_ENCODING] && h->known[HTTP_FIELD_CONTENT_LENGTH])
        return refuse(h, 400, "Content-Length beside Transfer-Encoding");
    if (h->chunked && h->http10)
        return refuse(h, 400, "Transfer-Encoding in HTTP/1.0");
    bole_slice expect = http_head_known(h, base, HTTP_FIELD_EXPECT);
    if (expect.ptr && !bole_slice_eq_nocase(expect, S("100-continue")))
        return refuse(h, 417, "the only expectation here is 100-continue");
    h->expect_continue = expect.ptr && !h->http10;
    h->keep_alive = h->http10 ? connection_has(h, base, S("keep-alive")) : true;
    if (connection_has(h, base, S("close")))
        h->keep_alive = false;
    h->upgrade_websocket = !h->http10 && h->method == HTTP_GET && !h->head && connection_has(h, base, S("upgrade")) &&
                           http_list_has(http_head_known(h, base, HTTP_FIELD_UPGRADE), S("websocket"));
    return settle_authority(h, base);
}

void http_head_reset(struct http_head *h)
{
    memset(h, 0, offsetof(struct http_head, fields)); /* the fields are only read up to field_count */
}

/* Bytes that no request starts with are refused at once: a TLS handshake, for one, would never end its line. */
static enum http_parse check_first_byte(struct http_head *h, uint8_t first)
{
    if (first == 0x16)
        return refuse(h, 400, "this port speaks plain HTTP, not TLS");
    if (!tchar[first] && first != '\r')
        return refuse(h, 400, "the request does not start with a method");
    return HTTP_PARSE_MORE;
}

/* The line without its CRLF, at line_at; line_at moves behind it. */
static enum http_parse parse_line(struct http_head *h, const uint8_t *base, bole_slice line)
{
    if (h->has_request_line)
        return line.len ? parse_field(h, base, line) : finish(h, base);
    if (line.len)
        return parse_request_line(h, base, line);
    /* 2.2: one empty line before the request line is ignored. */
    return line.ptr == base ? HTTP_PARSE_MORE : refuse(h, 400, "empty lines before the request line");
}

enum http_parse http_head_parse(struct http_head *h, const uint8_t *bytes, size_t len, size_t head_max, size_t *ret_used)
{
    enum http_parse result = HTTP_PARSE_MORE;
    size_t limit = len < head_max ? len : head_max;
    if (h->status)
        return HTTP_PARSE_REFUSED;
    if (limit && h->scanned == 0)
        result = check_first_byte(h, bytes[0]);
    while (result == HTTP_PARSE_MORE) {
        const uint8_t *lf = limit > h->scanned ? memchr(bytes + h->scanned, '\n', limit - h->scanned) : NULL;
        if (!lf) {
            h->scanned = limit;
            if (len < head_max)
                return HTTP_PARSE_MORE;
            return h->has_request_line ? refuse(h, 431, "the header is too large")
                                       : refuse(h, 414, "the request line is too long");
        }
        const uint8_t *from = bytes + h->line_at;
        if (lf == from || lf[-1] != '\r')
            return refuse(h, 400, "a line ends with LF alone");
        h->line_at = h->scanned = (size_t)(lf - bytes) + 1;
        result = parse_line(h, bytes, (bole_slice){from, (size_t)(lf - from) - 1});
    }
    if (result == HTTP_PARSE_DONE)
        *ret_used = h->line_at;
    return result;
}
