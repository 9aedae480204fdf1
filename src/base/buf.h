/*
 * buf.h - a growing byte buffer for building answers, frames and files.
 *
 * Errors stick: after the first failed growth every append does nothing and `failed` stays set, so that a long encoder
 * checks once, at its end. Threads: one at a time.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/budget.h"
#include "base/bytes.h"
#include "base/slice.h"

struct buf {
    uint8_t       *ptr;
    size_t         len;
    size_t         cap;
    struct budget *budget; /* or NULL */
    bool           failed;
};

void buf_init(struct buf *b, struct budget *budget);
void buf_deinit(struct buf *b);

static inline void buf_reset(struct buf *b)
{
    b->len = 0;
    b->failed = false;
}

static inline bole_slice buf_slice(const struct buf *b)
{
    return (bole_slice){b->ptr, b->len};
}

bool buf_grow(struct buf *b, size_t more); /* the long way of buf_reserve */

/* Room for `more` bytes behind len; false sets failed. */
static inline bool buf_reserve(struct buf *b, size_t more)
{
    return (!b->failed && more <= b->cap - b->len) || buf_grow(b, more);
}

/* Gives back what is behind len: for a buffer that is kept as it is. */
void buf_fit(struct buf *b);

static inline void buf_put(struct buf *b, bole_slice s)
{
    if (s.len && buf_reserve(b, s.len)) {
        memcpy(b->ptr + b->len, s.ptr, s.len);
        b->len += s.len;
    }
}

void buf_put_str(struct buf *b, const char *text);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static inline void buf_put_u8(struct buf *b, uint8_t v)
{
    if (b->len < b->cap || buf_reserve(b, 1))
        b->ptr[b->len++] = v;
}

/* Little endian, as everything on disk. */
static inline void buf_put_u16(struct buf *b, uint16_t v)
{
    if (buf_reserve(b, sizeof v)) {
        store_u16(b->ptr + b->len, v);
        b->len += sizeof v;
    }
}

static inline void buf_put_u32(struct buf *b, uint32_t v)
{
    if (buf_reserve(b, sizeof v)) {
        store_u32(b->ptr + b->len, v);
        b->len += sizeof v;
    }
}

static inline void buf_put_u64(struct buf *b, uint64_t v)
{
    if (buf_reserve(b, sizeof v)) {
        store_u64(b->ptr + b->len, v);
        b->len += sizeof v;
    }
}

void buf_put_varint(struct buf *b, uint64_t v); /* LEB128 */
void buf_put_zeros(struct buf *b, size_t count);

void buf_put_int(struct buf *b, int64_t v); /* decimal text */
void buf_put_uint(struct buf *b, uint64_t v);

/* A JSON string with its quotes. Control characters, quotes and backslash are escaped, invalid UTF-8 becomes U+FFFD;
 * with `html` also < > & as \u003c \u003e \u0026, as Loki writes them. */
void buf_put_json(struct buf *b, bole_slice s, bool html);

#endif
