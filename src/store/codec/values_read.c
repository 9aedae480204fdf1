#include <assert.h>

#include "base/err.h"
#include "store/codec/values_private.h"

/* ---- heads ---- */

/* Lengths of values as ints: they give the stamp its lengths, and must be lengths. */
static bool open_lengths(struct ints_head *h, struct reader *r, struct values_stamp *stamp)
{
    if (!ints_open(h, r) || h->lowest < 0 || h->lowest > UINT32_MAX || h->range > UINT32_MAX - (uint64_t)h->lowest)
        return false;
    stamp->min_len = (uint32_t)h->lowest;
    stamp->max_len = (uint32_t)((uint64_t)h->lowest + h->range);
    return true;
}

static bool open_const(struct values *v, struct values_detail *d, struct reader *r)
{
    bole_slice text = reader_bytes(r, reader_varint(r));
    if (r->failed || text.len > UINT32_MAX)
        return false;
    d->distinct = 1;
    d->text = text.ptr;
    d->text_end = text.ptr + text.len;
    v->stamp = (struct values_stamp){(uint32_t)text.len, (uint32_t)text.len, values_classes(text)};
    return true;
}

static bool open_text(struct values *v, struct values_detail *d, struct reader *r)
{
    v->stamp.classes = reader_u64(r);
    uint64_t size = reader_varint(r);
    d->text_size = (uint32_t)size;
    if (size > UINT32_MAX)
        return false;
    if (v->type == VALUES_RAW)
        return open_lengths(&d->numbers_head, r, &v->stamp);
    uint64_t distinct = reader_varint(r);
    d->distinct = (uint32_t)distinct;
    return distinct > 0 && distinct <= VALUES_COUNT_MAX && open_lengths(&d->lengths_head, r, &v->stamp) &&
           ints_open(&d->numbers_head, r) && d->numbers_head.lowest == 0 && d->numbers_head.range < distinct;
}

static bool open_int(struct values *v, struct values_detail *d, struct reader *r)
{
    d->digits = reader_u8(r);
    if (d->digits == 0 || d->digits > 19 || !ints_open(&d->numbers_head, r))
        return false;
    int64_t lowest = d->numbers_head.lowest, highest;
    if (d->numbers_head.range > (uint64_t)INT64_MAX - (uint64_t)lowest || lowest == INT64_MIN)
        return false;
    highest = (int64_t)((uint64_t)lowest + d->numbers_head.range);
    unsigned low_len = values_int_len(lowest, d->digits), high_len = values_int_len(highest, d->digits);
    v->stamp = (struct values_stamp){low_len < high_len ? low_len : high_len, low_len > high_len ? low_len : high_len,
                                     values_classes(S("0123456789")) | (lowest < 0 ? values_classes(S("-")) : 0)};
    if (lowest < 0 && highest >= 0)
        v->stamp.min_len = d->digits;
    return true;
}

bole_status values_open(struct values *v, uint32_t count, bole_slice *heads, struct arena *arena, struct bole_err *err)
{
    struct values_detail *d = arena_zalloc(arena, sizeof *d);
    if (!d)
        return bole_fail(err, BOLE_E_LIMIT, "values: no room for a head");
    struct reader r = reader_of(*heads);
    bool ok = false;
    *v = (struct values){.type = reader_u8(&r), .count = count, .detail = d};
    switch (v->type) {
    case VALUES_CONST: ok = open_const(v, d, &r); break;
    case VALUES_RAW:
    case VALUES_DICT: ok = open_text(v, d, &r); break;
    case VALUES_INT: ok = open_int(v, d, &r); break;
    default: break;
    }
    if (!ok || r.failed || count == 0 || count > VALUES_COUNT_MAX)
        return bole_fail(err, BOLE_E_CORRUPT, "values: bad head of a column");
    *heads = bole_slice_from(r.next, reader_left(&r));
    return BOLE_OK;
}

size_t values_numbers_size(const struct values *v)
{
    const struct values_detail *d = v->detail;
    return v->type == VALUES_CONST ? 0 : ints_size(&d->numbers_head, v->count) + ints_size(&d->lengths_head, d->distinct);
}

size_t values_text_size(const struct values *v)
{
    const struct values_detail *d = v->detail;
    return d->text_size;
}

/* ---- parts ---- */

/* Lengths, which follow at *numbers, to where each value starts; the last must end with the text. */
static bole_status load_starts(struct values_detail *d, const struct ints_head *h, uint32_t count, const uint8_t *numbers,
                               struct arena *arena)
{
    struct ints lengths;
    bole_status st = ints_load(&lengths, h, count, numbers, arena);
    if (st < 0)
        return st;
    uint32_t *starts = arena_alloc(arena, ((size_t)count + 1) * sizeof *starts);
    if (!starts)
        return BOLE_E_LIMIT;
    uint64_t at = 0;
    for (uint32_t i = 0; i < count; i++) {
        starts[i] = (uint32_t)at;
        at += (uint64_t)ints_at(&lengths, i); /* at most 2^16 * 2^32 */
    }
    starts[count] = (uint32_t)at;
    d->starts = starts;
    return at == d->text_size ? BOLE_OK : BOLE_E_CORRUPT;
}

static bole_status load(struct values_detail *d, const struct values *v, bole_slice numbers, struct arena *arena)
{
    bole_status st;
    switch (v->type) {
    case VALUES_CONST:
        return BOLE_OK;
    case VALUES_RAW:
        return load_starts(d, &d->numbers_head, v->count, numbers.ptr, arena);
    case VALUES_DICT:
        st = load_starts(d, &d->lengths_head, d->distinct, numbers.ptr, arena);
        return st < 0 ? st : ints_load(&d->numbers, &d->numbers_head, v->count,
                                       numbers.ptr + ints_size(&d->lengths_head, d->distinct), arena);
    default:
        return ints_load(&d->numbers, &d->numbers_head, v->count, numbers.ptr, arena);
    }
}

bole_status values_load(struct values *v, bole_slice numbers, bole_slice text, const int64_t *time_ns, struct arena *arena,
                        struct bole_err *err)
{
    struct values_detail *d = arena_alloc(arena, sizeof *d);
    if (!d)
        return bole_fail(err, BOLE_E_LIMIT, "values: no room for a column");
    *d = *(const struct values_detail *)v->detail;
    if (v->type != VALUES_CONST) {
        d->text = text.ptr;
        d->text_end = text.ptr + text.len;
    }
    bole_status st = numbers.len == values_numbers_size(v) && text.len == d->text_size ? load(d, v, numbers, arena)
                                                                                       : BOLE_E_CORRUPT;
    if (st < 0)
        return bole_fail(err, st, st == BOLE_E_LIMIT ? "values: no room for a column" : "values: parts do not fit the head");
    v->detail = d;
    return BOLE_OK;
}

/* ---- values ---- */

static bole_slice text_at(const struct values_detail *d, uint32_t index)
{
    return bole_slice_from(d->text + d->starts[index], d->starts[index + 1] - d->starts[index]);
}

uint32_t values_distinct_count(const struct values *v)
{
    const struct values_detail *d = v->detail;
    return d->distinct;
}

bole_slice values_distinct(const struct values *v, uint32_t id)
{
    const struct values_detail *d = v->detail;
    assert(id < d->distinct);
    return v->type == VALUES_CONST ? bole_slice_from(d->text, v->stamp.max_len) : text_at(d, id);
}

uint32_t values_id(const struct values *v, uint32_t index)
{
    const struct values_detail *d = v->detail;
    assert(index < v->count);
    return v->type == VALUES_CONST ? 0 : (uint32_t)ints_offset(&d->numbers, index);
}

static uint8_t *put_text(const struct values_detail *d, bole_slice s, uint8_t *out)
{
    if (s.len <= 16 && d->text_end - s.ptr >= 16)
        memcpy(out, s.ptr, 16); /* a copy of fixed size is one instruction */
    else if (s.len)
        memcpy(out, s.ptr, s.len);
    return out + s.len;
}

uint32_t values_len(const struct values *v, uint32_t index)
{
    const struct values_detail *d = v->detail;
    assert(index < v->count);
    switch (v->type) {
    case VALUES_CONST: return v->stamp.max_len;
    case VALUES_RAW: return d->starts[index + 1] - d->starts[index];
    case VALUES_DICT: index = (uint32_t)ints_offset(&d->numbers, index); return d->starts[index + 1] - d->starts[index];
    default: return values_int_len(ints_at(&d->numbers, index), d->digits);
    }
}

uint8_t *values_put(const struct values *v, uint32_t index, uint8_t *out)
{
    const struct values_detail *d = v->detail;
    assert(index < v->count);
    switch (v->type) {
    case VALUES_CONST: return put_text(d, bole_slice_from(d->text, v->stamp.max_len), out);
    case VALUES_RAW: return put_text(d, text_at(d, index), out);
    case VALUES_DICT: return put_text(d, text_at(d, (uint32_t)ints_offset(&d->numbers, index)), out);
    default: {
        int64_t n = ints_at(&d->numbers, index);
        uint64_t magnitude = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
        unsigned len = values_count_digits(magnitude);
        *out = '-';
        return values_print_digits(out + (n < 0), magnitude, len < d->digits ? d->digits : len);
    }
    }
}
