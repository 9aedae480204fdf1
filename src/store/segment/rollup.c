#include "store/segment/rollup.h"

#include <stdlib.h>

#include "base/bytes.h"

enum { ROWS_PER_ENTRY = 8 /* on average, at least: fewer are read as quickly from the columns */ };

void rollup_deinit(struct rollup_builder *b)
{
    free(b->entries);
    free(b->last_of_stream);
    *b = (struct rollup_builder){0};
}

void rollup_begin(struct rollup_builder *b, uint32_t stream_count)
{
    b->count = 0;
    b->after_ns = b->until_ns = 0; /* nothing */
    b->failed = false;
    if (stream_count > b->stream_capacity) {
        free(b->last_of_stream);
        b->last_of_stream = malloc(stream_count * sizeof *b->last_of_stream);
        b->stream_capacity = b->last_of_stream ? stream_count : 0;
        b->failed = !b->last_of_stream;
    }
    if (!b->failed)
        memset(b->last_of_stream, 0, stream_count * sizeof *b->last_of_stream);
}

static bool grow(struct rollup_builder *b)
{
    uint32_t capacity = b->capacity ? b->capacity * 2 : 256;
    struct rollup_entry *entries = realloc(b->entries, capacity * sizeof *entries);
    if (!entries)
        return false;
    b->entries = entries;
    b->capacity = capacity;
    return true;
}

/* A division per minute instead of per row. */
static void find_minute(struct rollup_builder *b, int64_t time_ns)
{
    b->minute = rollup_minute(time_ns);
    if (__builtin_mul_overflow(b->minute, ROLLUP_MINUTE_NS, &b->until_ns))
        b->until_ns = INT64_MAX;
    if (__builtin_mul_overflow(b->minute - 1, ROLLUP_MINUTE_NS, &b->after_ns))
        b->after_ns = INT64_MIN;
}

void rollup_add(struct rollup_builder *b, uint32_t stream, int64_t time_ns, uint64_t bytes)
{
    if (b->failed)
        return;
    if (time_ns <= b->after_ns || time_ns > b->until_ns)
        find_minute(b, time_ns);
    int64_t minute = b->minute;
    uint32_t last = b->last_of_stream[stream];
    if (!last || b->entries[last - 1].minute != minute) {
        if (b->count == b->capacity && !grow(b)) {
            b->failed = true;
            return;
        }
        b->entries[b->count++] = (struct rollup_entry){.minute = minute, .stream = stream};
        last = b->last_of_stream[stream] = b->count;
    }
    b->entries[last - 1].rows++;
    b->entries[last - 1].bytes += bytes;
}

static int by_minute_and_stream(const void *a, const void *b)
{
    const struct rollup_entry *x = a, *y = b;
    if (x->minute != y->minute)
        return x->minute < y->minute ? -1 : 1;
    return (x->stream > y->stream) - (x->stream < y->stream);
}

bool rollup_finish(struct rollup_builder *b, uint32_t row_count, struct buf *out)
{
    if (b->failed || b->count == 0 || b->count > row_count / ROWS_PER_ENTRY)
        return false;
    struct rollup_entry *e = b->entries, *end = e + b->count;
    qsort(e, b->count, sizeof *e, by_minute_and_stream);
    buf_put_u64(out, (uint64_t)e->minute);
    for (int64_t before = e->minute; e < end;) {
        struct rollup_entry *next = e;
        while (next < end && next->minute == e->minute)
            next++;
        buf_put_varint(out, (uint64_t)e->minute - (uint64_t)before);
        buf_put_varint(out, (uint64_t)(next - e) - 1);
        before = e->minute;
        for (uint32_t stream = 0; e < next; stream = e->stream + 1, e++) {
            buf_put_varint(out, e->stream - stream);
            buf_put_varint(out, e->rows);
            buf_put_varint(out, e->bytes);
        }
    }
    return !out->failed;
}

/* The streams of one minute. */
static bool read_minute(struct reader *in, struct rollup_entry *e, uint32_t stream_count, uint64_t *rows_left,
                        bool (*fn)(const struct rollup_entry *e, void *ctx), void *ctx)
{
    uint64_t stream = 0;
    for (uint64_t left = reader_varint(in);; left--) {
        uint64_t skipped = reader_varint(in), rows = reader_varint(in);
        e->bytes = reader_varint(in);
        if (in->failed || skipped >= stream_count - stream || rows == 0 || rows > *rows_left)
            return false;
        stream += skipped;
        e->stream = (uint32_t)stream++;
        e->rows = (uint32_t)rows;
        *rows_left -= rows;
        if (!fn(e, ctx))
            return false;
        if (left == 0)
            return true;
        if (stream == stream_count)
            return false;
    }
}

bool rollup_read(bole_slice raw, uint32_t stream_count, uint64_t row_count,
                 bool (*fn)(const struct rollup_entry *e, void *ctx), void *ctx)
{
    struct reader in = reader_of(raw);
    struct rollup_entry e = {.minute = (int64_t)reader_u64(&in)};
    bool first = true;
    if (stream_count == 0)
        return false;
    while (reader_left(&in)) {
        uint64_t step = reader_varint(&in);
        int64_t minute;
        if (in.failed || (step == 0) != first || step > INT64_MAX ||
            __builtin_add_overflow(e.minute, (int64_t)step, &minute))
            return false;
        e.minute = minute;
        first = false;
        if (!read_minute(&in, &e, stream_count, &row_count, fn, ctx))
            return false;
    }
    return row_count == 0;
}
