/*
 * native_row.c - see native_row.h.
 */
#include "serve/native_row.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/timefmt.h"
#include "serve/loki_json.h"

enum { SEQ_DIGITS = 16, TIME_DIGITS_MAX = 20 }; /* TIME_DIGITS_MAX: with its sign */

void native_put_time(struct buf *b, int64_t ns)
{
    char time[TIME_TEXT_MAX];
    time_format_rfc3339(ns, -1, time);
    buf_printf(b, "\"%s\"", time);
}

void native_put_id(struct buf *b, struct query_place place)
{
    buf_printf(b, "\"%lld-%016llx\"", (long long)place.time_ns, (unsigned long long)place.seq);
}

static void put_parsed(struct buf *b, const struct query_entry *e)
{
    bool any = false;
    for (size_t i = 0; i < e->label_count; i++) {
        if (e->labels[i].origin != ORIGIN_PARSED)
            continue;
        buf_put_str(b, any ? "," : ",\"parsed\":[");
        buf_put_json(b, e->labels[i].name, false);
        any = true;
    }
    if (any)
        buf_put_u8(b, ']');
}

void native_put_row(struct buf *b, const struct query_entry *e, unsigned parts)
{
    buf_put_str(b, parts & NATIVE_ROW_TYPE ? "{\"type\":\"row\",\"id\":" : "{\"id\":");
    native_put_id(b, (struct query_place){e->time_ns, e->seq});
    buf_put(b, S(",\"time\":"));
    native_put_time(b, e->time_ns);
    buf_put(b, S(",\"labels\":"));
    loki_put_row_labels(b, e->labels, e->label_count, 1u << ORIGIN_STREAM);
    buf_put(b, S(",\"line\":"));
    buf_put_json(b, e->line, false);
    buf_put(b, S(",\"fields\":"));
    loki_put_row_labels(b, e->labels, e->label_count, 1u << ORIGIN_FIELD | 1u << ORIGIN_PARSED);
    if (parts & NATIVE_ROW_PARSED)
        put_parsed(b, e);
    buf_put_u8(b, '}');
}

static bool parse_time(bole_slice s, int64_t *ret_ns)
{
    bool negative = s.len && s.ptr[0] == '-';
    s = bole_slice_sub(s, negative);
    int64_t v = 0;
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < '0' || s.ptr[i] > '9' || __builtin_mul_overflow(v, 10, &v) ||
            __builtin_sub_overflow(v, s.ptr[i] - '0', &v)) /* downwards, where there is one more number */
            return false;
    if (!s.len || (!negative && v == INT64_MIN))
        return false;
    *ret_ns = negative ? v : -v;
    return true;
}

static bool parse_seq(bole_slice s, uint64_t *ret_seq)
{
    uint64_t v = 0;
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
        v = v << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    *ret_seq = v;
    return true;
}

bole_status native_parse_id(bole_slice text, struct query_place *ret_place, struct bole_err *err)
{
    struct query_place place;
    if (text.len < SEQ_DIGITS + 2 || text.len > TIME_DIGITS_MAX + 1 + SEQ_DIGITS || text.ptr[text.len - SEQ_DIGITS - 1] != '-' ||
        !parse_time(bole_slice_from(text.ptr, text.len - SEQ_DIGITS - 1), &place.time_ns) ||
        !parse_seq(bole_slice_from(text.ptr + text.len - SEQ_DIGITS, SEQ_DIGITS), &place.seq))
        return bole_fail(err, BOLE_E_INVALID, "'%.*s' is no id of a row: they look like 1795210200000000000-0000000000300001",
                         (int)(text.len > 60 ? 60 : text.len), (const char *)text.ptr);
    *ret_place = place;
    return BOLE_OK;
}

int native_compare_places(struct query_place a, struct query_place b)
{
    if (a.time_ns != b.time_ns)
        return a.time_ns < b.time_ns ? -1 : 1;
    return (a.seq > b.seq) - (a.seq < b.seq);
}

static int compare_forward(const void *a, const void *b)
{
    const struct query_entry *x = *(const struct query_entry *const *)a, *y = *(const struct query_entry *const *)b;
    return native_compare_places((struct query_place){x->time_ns, x->seq}, (struct query_place){y->time_ns, y->seq});
}

static int compare_backward(const void *a, const void *b)
{
    return compare_forward(b, a);
}

const struct query_entry **native_sort(const struct query_result *r, enum store_direction direction, size_t *ret_count)
{
    size_t count = 0;
    for (size_t i = 0; i < r->stream_count; i++)
        count += r->streams[i].entry_count;
    const struct query_entry **order = calloc(count + 1, sizeof *order);
    if (!order)
        return NULL;
    count = 0;
    for (size_t i = 0; i < r->stream_count; i++)
        for (size_t k = 0; k < r->streams[i].entry_count; k++)
            order[count++] = &r->streams[i].entries[k];
    if (count)
        qsort(order, count, sizeof *order, direction == FORWARD ? compare_forward : compare_backward);
    *ret_count = count;
    return order;
}
