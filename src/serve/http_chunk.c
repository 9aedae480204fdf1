#include "serve/http_chunk.h"

#include <stddef.h>

#include "base/hex.h"
#include "serve/http_head.h"

void http_chunk_reset(struct http_chunk *c)
{
    memset(c, 0, offsetof(struct http_chunk, line));
}

static void bad(struct http_chunk *c, const char *reason)
{
    c->state = CHUNK_BAD;
    c->reason = reason;
}

/* chunk-size [ chunk-ext ]; the blanks that the grammar tolerates around ";" for old senders are refused before it. */
static void size_line(struct http_chunk *c, bole_slice line)
{
    uint64_t size = 0;
    size_t digits = 0;
    while (digits < line.len && hex_digit(line.ptr[digits]) >= 0) {
        if (size >> 59)
            return bad(c, "chunked body: a chunk size is too large");
        size = size << 4 | (uint64_t)hex_digit(line.ptr[digits++]);
    }
    if (digits == 0 || digits > 16)
        return bad(c, "chunked body: a chunk does not start with its size in hexadecimal");
    bole_slice extension = bole_slice_sub(line, digits);
    if (extension.len && extension.ptr[0] != ';')
        return bad(c, "chunked body: a chunk size is followed by something else than an extension");
    for (size_t i = 0; i < extension.len; i++)
        if ((extension.ptr[i] < 0x20 && extension.ptr[i] != '\t') || extension.ptr[i] == 0x7f)
            return bad(c, "chunked body: a control character in a chunk extension");
    c->left = size;
    c->state = size ? CHUNK_DATA : CHUNK_TRAILER;
}

static void trailer_line(struct http_chunk *c, bole_slice line)
{
    if (line.len == 0)
        c->state = CHUNK_DONE;
    else if (!http_field_line_ok(line, NULL))
        bad(c, "chunked body: a trailer line is not \"Name: value\"");
}

/* Collects one line; lines are rare and short beside the data, so they are copied. */
static void take_line(struct http_chunk *c, bole_slice *in)
{
    const uint8_t *lf = memchr(in->ptr, '\n', in->len);
    size_t n = lf ? (size_t)(lf - in->ptr) + 1 : in->len;
    if (n > sizeof c->line - c->line_len)
        return bad(c, "chunked body: a line is too long");
    memcpy(c->line + c->line_len, in->ptr, n);
    c->line_len += (uint32_t)n;
    c->framing_bytes += n;
    if (c->state == CHUNK_TRAILER && (c->trailer_bytes += (uint32_t)n) > HTTP_CHUNK_TRAILER_MAX)
        return bad(c, "chunked body: the trailer is too large");
    in->ptr += n;
    in->len -= n;
    if (!lf)
        return;
    bole_slice line = {c->line, c->line_len - 1};
    c->line_len = 0;
    if (line.len == 0 || line.ptr[line.len - 1] != '\r')
        return bad(c, "chunked body: a line ends with LF alone");
    line.len--;
    if (c->state == CHUNK_LINE)
        size_line(c, line);
    else
        trailer_line(c, line);
}

void http_chunk_next(struct http_chunk *c, bole_slice *in, bole_slice *ret_data)
{
    *ret_data = (bole_slice){0};
    while (in->len && c->state != CHUNK_DONE && c->state != CHUNK_BAD) {
        switch (c->state) {
        case CHUNK_DATA: {
            size_t n = c->left < in->len ? (size_t)c->left : in->len;
            *ret_data = (bole_slice){in->ptr, n};
            in->ptr += n;
            in->len -= n;
            c->left -= n;
            if (c->left == 0)
                c->state = CHUNK_DATA_CR;
            return;
        }
        case CHUNK_DATA_CR:
        case CHUNK_DATA_LF:
            if (in->ptr[0] != (c->state == CHUNK_DATA_CR ? '\r' : '\n'))
                return bad(c, "chunked body: a chunk is longer or shorter than its size");
            c->state = c->state == CHUNK_DATA_CR ? CHUNK_DATA_LF : CHUNK_LINE;
            c->framing_bytes++;
            in->ptr++;
            in->len--;
            break;
        default: take_line(c, in); break;
        }
    }
}
