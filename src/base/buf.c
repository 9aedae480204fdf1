#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/utf8.h"

void buf_init(struct buf *b, struct budget *budget)
{
    *b = (struct buf){.budget = budget};
}

void buf_deinit(struct buf *b)
{
    free(b->ptr);
    budget_give(b->budget, b->cap);
    *b = (struct buf){.budget = b->budget};
}

bool buf_grow(struct buf *b, size_t more)
{
    if (b->failed)
        return false;
    if (more <= b->cap - b->len)
        return true;
    size_t cap = b->cap ? b->cap : 256;
    while (cap - b->len < more) {
        if (cap > SIZE_MAX / 2) {
            b->failed = true;
            return false;
        }
        cap *= 2;
    }
    uint8_t *p = NULL;
    if (budget_take(b->budget, cap - b->cap)) {
        p = realloc(b->ptr, cap);
        if (!p)
            budget_give(b->budget, cap - b->cap);
    }
    if (!p) {
        b->failed = true;
        return false;
    }
    b->ptr = p;
    b->cap = cap;
    return true;
}

void buf_fit(struct buf *b)
{
    uint8_t *p = b->len && b->len < b->cap ? realloc(b->ptr, b->len) : NULL;
    if (!p)
        return;
    budget_give(b->budget, b->cap - b->len);
    b->ptr = p;
    b->cap = b->len;
}

void buf_put_str(struct buf *b, const char *text)
{
    buf_put(b, bole_slice_str(text));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0)
        b->failed = true;
    else if (buf_reserve(b, (size_t)n + 1)) {
        vsnprintf((char *)b->ptr + b->len, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    }
    va_end(again);
}

void buf_put_varint(struct buf *b, uint64_t v)
{
    if (!buf_reserve(b, 10))
        return;
    while (v >= 0x80) {
        b->ptr[b->len++] = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    b->ptr[b->len++] = (uint8_t)v;
}

void buf_put_zeros(struct buf *b, size_t count)
{
    if (count && buf_reserve(b, count)) {
        memset(b->ptr + b->len, 0, count);
        b->len += count;
    }
}

void buf_put_uint(struct buf *b, uint64_t v)
{
    uint8_t text[20];
    size_t at = sizeof text;
    do {
        text[--at] = (uint8_t)('0' + v % 10);
        v /= 10;
    } while (v);
    buf_put(b, (bole_slice){text + at, sizeof text - at});
}

void buf_put_int(struct buf *b, int64_t v)
{
    if (v < 0)
        buf_put_u8(b, '-');
    buf_put_uint(b, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

/* What a byte needs inside a JSON string: 0 itself, 1 an escape, 2 an escape only for HTML safety, 3 a UTF-8 check. */
static uint8_t json_class(uint8_t c)
{
    if (c < 0x20 || c == '"' || c == '\\')
        return 1;
    if (c == '<' || c == '>' || c == '&')
        return 2;
    return c >= 0x80 ? 3 : 0;
}

static void put_json_escape(struct buf *b, uint8_t c)
{
    static const char short_forms[] = "\b\f\n\r\t\"\\", letters[] = "bfnrt\"\\";
    const char *hit = c ? strchr(short_forms, c) : NULL;
    if (hit) {
        buf_put_u8(b, '\\');
        buf_put_u8(b, (uint8_t)letters[hit - short_forms]);
    } else {
        static const char hex[] = "0123456789abcdef";
        buf_put(b, S("\\u00"));
        buf_put_u8(b, (uint8_t)hex[c >> 4]);
        buf_put_u8(b, (uint8_t)hex[c & 15]);
    }
}

void buf_put_json(struct buf *b, bole_slice s, bool html)
{
    buf_put_u8(b, '"');
    size_t from = 0, i = 0;
    while (i < s.len) {
        uint8_t class = json_class(s.ptr[i]);
        if (class == 0 || (class == 2 && !html)) {
            i++;
            continue;
        }
        size_t n = 1;
        if (class == 3) {
            n = utf8_length(s.ptr + i, s.len - i);
            /* U+2028 and U+2029 end a line in JavaScript source; Go escapes them in its HTML-safe form. */
            bool separator =
                html && n == 3 && s.ptr[i] == 0xe2 && s.ptr[i + 1] == 0x80 && (s.ptr[i + 2] & 0xfe) == 0xa8;
            if (n && !separator) {
                i += n;
                continue;
            }
            buf_put(b, bole_slice_from(s.ptr + from, i - from));
            if (separator)
                buf_put_str(b, s.ptr[i + 2] == 0xa8 ? "\\u2028" : "\\u2029");
            else
                buf_put(b, S("\xef\xbf\xbd"));
            n = n ? n : 1;
        } else {
            buf_put(b, bole_slice_from(s.ptr + from, i - from));
            put_json_escape(b, s.ptr[i]);
        }
        i += n;
        from = i;
    }
    buf_put(b, bole_slice_from(s.ptr + from, s.len - from));
    buf_put_u8(b, '"');
}
