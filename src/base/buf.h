/*
 * buf.h - a growing byte buffer for building answers, frames and files.
 *
 * Errors stick: after the first failed growth every append does nothing and `failed` stays set, so that a long encoder
 * checks once, at its end. Threads: one at a time.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/budget.h"
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

/* Room for `more` bytes behind len; false sets failed. */
bool buf_reserve(struct buf *b, size_t more);

void buf_put(struct buf *b, bole_slice s);
void buf_put_str(struct buf *b, const char *text);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static inline void buf_put_u8(struct buf *b, uint8_t v)
{
    if (b->len < b->cap || buf_reserve(b, 1))
        b->ptr[b->len++] = v;
}

void buf_put_u16(struct buf *b, uint16_t v); /* little endian, as everything on disk */
void buf_put_u32(struct buf *b, uint32_t v);
void buf_put_u64(struct buf *b, uint64_t v);
void buf_put_varint(struct buf *b, uint64_t v); /* LEB128 */
void buf_put_zeros(struct buf *b, size_t count);

void buf_put_int(struct buf *b, int64_t v); /* decimal text */
void buf_put_uint(struct buf *b, uint64_t v);

/* A JSON string with its quotes. Control characters, quotes and backslash are escaped, invalid UTF-8 becomes U+FFFD;
 * with `html` also < > & as \u003c \u003e \u0026, as Loki writes them. */
void buf_put_json(struct buf *b, bole_slice s, bool html);

#endif
