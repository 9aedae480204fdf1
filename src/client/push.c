/*
 * Loki's push request as protobuf (logproto.PushRequest), compressed as one snappy block: it carries every byte, and
 * any Loki would take it too.
 *
 *   PushRequest { repeated Stream streams = 1 }      Stream { string labels = 1; repeated Entry entries = 2 }
 *   Entry { Timestamp timestamp = 1; string line = 2; repeated LabelPair structuredMetadata = 3 }
 *   Timestamp { int64 seconds = 1; int32 nanos = 2 } LabelPair { string name = 1; string value = 2 }
 */
#include <snappy-c.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "client/push.h"

enum { FIELD_1 = 0x0a, FIELD_2 = 0x12, FIELD_3 = 0x1a, VARINT_1 = 0x08, VARINT_2 = 0x10 };

struct stream {
    struct stream *next;
    struct buf     labels;
    struct buf     entries; /* each with its tag and length: Stream.entries */
};

struct bole_push {
    struct bole_client *client;
    struct stream      *streams;
    struct buf          entry, request, compressed; /* reused */
    size_t              size;
};

bole_status bole_push_create(struct bole_client *c, struct bole_push **ret_push, struct bole_err *err)
{
    struct bole_push *p = calloc(1, sizeof *p);
    if (!p)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for a push");
    p->client = c;
    *ret_push = p;
    return BOLE_OK;
}

static void streams_destroy(struct bole_push *p)
{
    while (p->streams) {
        struct stream *next = p->streams->next;
        buf_deinit(&p->streams->labels);
        buf_deinit(&p->streams->entries);
        free(p->streams);
        p->streams = next;
    }
    p->size = 0;
}

void bole_push_destroy(struct bole_push *p)
{
    if (!p)
        return;
    streams_destroy(p);
    buf_deinit(&p->entry);
    buf_deinit(&p->request);
    buf_deinit(&p->compressed);
    free(p);
}

/* The streams of one push are few: the one used last is found first. */
static struct stream *find_stream(struct bole_push *p, bole_slice labels)
{
    for (struct stream **at = &p->streams; *at; at = &(*at)->next)
        if (bole_slice_eq(buf_slice(&(*at)->labels), labels)) {
            struct stream *s = *at;
            *at = s->next;
            s->next = p->streams;
            return p->streams = s;
        }
    struct stream *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    buf_put(&s->labels, labels);
    s->next = p->streams;
    return p->streams = s;
}

static size_t varint_size(uint64_t v)
{
    size_t n = 1;
    for (; v >= 0x80; v >>= 7)
        n++;
    return n;
}

static void put_bytes(struct buf *b, uint8_t tag, bole_slice s)
{
    buf_put_u8(b, tag);
    buf_put_varint(b, s.len);
    buf_put(b, s);
}

bole_status bole_push_add(struct bole_push *p, bole_slice labels, int64_t time_ns, bole_slice line,
                          const struct bole_field *fields, size_t field_count, struct bole_err *err)
{
    struct stream *s = find_stream(p, labels);
    if (!s)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for a push");
    int64_t seconds = time_ns / NS_PER_S, nanos = time_ns % NS_PER_S;
    if (nanos < 0) {
        nanos += NS_PER_S;
        seconds--;
    }
    struct buf *e = &p->entry;
    buf_reset(e);
    buf_put_u8(e, FIELD_1);
    buf_put_varint(e, 2 + varint_size((uint64_t)seconds) + varint_size((uint64_t)nanos));
    buf_put_u8(e, VARINT_1);
    buf_put_varint(e, (uint64_t)seconds);
    buf_put_u8(e, VARINT_2);
    buf_put_varint(e, (uint64_t)nanos);
    put_bytes(e, FIELD_2, line);
    for (size_t i = 0; i < field_count; i++) {
        buf_put_u8(e, FIELD_3);
        buf_put_varint(e, 2 + varint_size(fields[i].name.len) + fields[i].name.len + varint_size(fields[i].value.len) +
                              fields[i].value.len);
        put_bytes(e, FIELD_1, fields[i].name);
        put_bytes(e, FIELD_2, fields[i].value);
    }
    size_t before = s->entries.len;
    put_bytes(&s->entries, FIELD_2, buf_slice(e));
    if (e->failed || s->entries.failed || s->labels.failed) {
        s->entries.len = before;
        s->entries.failed = false;
        return bole_fail(err, BOLE_E_NOMEM, "no memory for a push");
    }
    p->size += s->entries.len - before;
    return BOLE_OK;
}

size_t bole_push_size(const struct bole_push *p)
{
    return p->size;
}

bole_status push_encode(struct bole_push *p, bole_slice *ret_body, struct bole_err *err)
{
    buf_reset(&p->request);
    for (struct stream *s = p->streams; s; s = s->next) {
        buf_put_u8(&p->request, FIELD_1);
        buf_put_varint(&p->request, 1 + varint_size(s->labels.len) + s->labels.len + s->entries.len);
        put_bytes(&p->request, FIELD_1, buf_slice(&s->labels));
        buf_put(&p->request, buf_slice(&s->entries));
    }
    buf_reset(&p->compressed);
    size_t room = snappy_max_compressed_length(p->request.len);
    if (p->request.failed || !buf_reserve(&p->compressed, room) ||
        snappy_compress((char *)p->request.ptr, p->request.len, (char *)p->compressed.ptr, &room) != SNAPPY_OK)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for a push");
    *ret_body = bole_slice_from(p->compressed.ptr, room);
    return BOLE_OK;
}

void bole_push_clear(struct bole_push *p)
{
    streams_destroy(p);
}

bole_status bole_push_flush(struct bole_push *p, struct bole_err *err)
{
    if (p->size == 0)
        return BOLE_OK;
    bole_slice body;
    bole_status st = push_encode(p, &body, err);
    if (st == BOLE_OK)
        st = bole_client_post(p->client, PUSH_PATH, PUSH_TYPE, body, NULL, NULL, err);
    if (st == BOLE_OK)
        streams_destroy(p);
    return st;
}
