/*
 * Choosing a type: the first that fits all values, cheapest first. CONST is one comparison per value; then the types whose
 * pattern the first value has are tried, each until a value does not fit; then a dictionary; RAW takes the rest.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/err.h"
#include "store/codec/distinct.h"
#include "store/codec/values_private.h"

struct values_encoder {
    struct distinct     distinct;
    int64_t            *numbers; /* [VALUES_COUNT_MAX] */
    int64_t            *ids;     /* [VALUES_COUNT_MAX] */
    struct values_input in;      /* of the last call */
    enum values_type    type;
};

struct values_encoder *values_encoder_create(void)
{
    struct values_encoder *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->numbers = malloc(VALUES_COUNT_MAX * sizeof *e->numbers);
    e->ids = malloc(VALUES_COUNT_MAX * sizeof *e->ids);
    if (!distinct_init(&e->distinct) || !e->numbers || !e->ids) {
        values_encoder_destroy(e);
        return NULL;
    }
    return e;
}

void values_encoder_destroy(struct values_encoder *e)
{
    if (!e)
        return;
    distinct_deinit(&e->distinct);
    free(e->numbers);
    free(e->ids);
    free(e);
}

struct parts { struct buf *head, *numbers, *text; };

static bool try_const(const struct values_input *in, struct parts *out)
{
    for (uint32_t i = 1; i < in->count; i++)
        if (!bole_slice_eq(in->values[i], in->values[0]))
            return false;
    buf_put_u8(out->head, VALUES_CONST);
    buf_put_varint(out->head, in->values[0].len);
    buf_put(out->head, in->values[0]);
    return true;
}

static bool try_int(struct values_encoder *e, const struct values_input *in, struct parts *out)
{
    size_t shortest = SIZE_MAX;
    bool negative = false;
    for (uint32_t i = 0; i < in->count; i++) {
        shortest = in->values[i].len < shortest ? in->values[i].len : shortest;
        negative |= in->values[i].len && in->values[i].ptr[0] == '-';
    }
    if (shortest == 0 || shortest > 19)
        return false;
    unsigned digits = negative ? 1 : (unsigned)shortest;
    for (uint32_t i = 0; i < in->count; i++)
        if (!values_parse_int(in->values[i], digits, &e->numbers[i]))
            return false;
    buf_put_u8(out->head, VALUES_INT);
    buf_put_u8(out->head, (uint8_t)digits);
    ints_put(e->numbers, in->count, out->head, out->numbers);
    return true;
}

static bool try_dict(struct values_encoder *e, const struct values_input *in, struct parts *out)
{
    struct distinct *d = &e->distinct;
    distinct_reset(d, in->count);
    for (uint32_t i = 0; i < in->count; i++) {
        uint32_t id = i && bole_slice_eq(in->values[i], in->values[i - 1]) ? (uint32_t)e->ids[i - 1]
                                                                           : distinct_add(d, in->values[i]);
        if (id == DISTINCT_NONE || d->count > in->count / 2 + 1)
            return false;
        e->ids[i] = id;
    }
    uint64_t classes = 0;
    size_t size = 0;
    for (uint32_t id = 0; id < d->count; id++) {
        e->numbers[id] = (int64_t)d->entries[id].value.len;
        classes |= values_classes(d->entries[id].value);
        size += d->entries[id].value.len;
        buf_put(out->text, d->entries[id].value);
    }
    buf_put_u8(out->head, VALUES_DICT);
    buf_put_u64(out->head, classes);
    buf_put_varint(out->head, size);
    buf_put_varint(out->head, d->count);
    ints_put(e->numbers, d->count, out->head, out->numbers);
    ints_put(e->ids, in->count, out->head, out->numbers);
    return true;
}

static void put_raw(struct values_encoder *e, const struct values_input *in, struct parts *out)
{
    uint64_t classes = 0;
    size_t size = 0;
    for (uint32_t i = 0; i < in->count; i++) {
        e->numbers[i] = (int64_t)in->values[i].len;
        classes |= values_classes(in->values[i]);
        size += in->values[i].len;
        buf_put(out->text, in->values[i]);
    }
    buf_put_u8(out->head, VALUES_RAW);
    buf_put_u64(out->head, classes);
    buf_put_varint(out->head, size);
    ints_put(e->numbers, in->count, out->head, out->numbers);
}

bole_status values_encode(struct values_encoder *e, const struct values_input *in, struct buf *head, struct buf *numbers,
                          struct buf *text, struct bole_err *err)
{
    assert(in->count > 0 && in->count <= VALUES_COUNT_MAX);
    struct parts out = {head, numbers, text};
    e->in = *in;
    if (try_const(in, &out))
        e->type = VALUES_CONST;
    else if (try_int(e, in, &out))
        e->type = VALUES_INT;
    else if (try_dict(e, in, &out))
        e->type = VALUES_DICT;
    else {
        e->type = VALUES_RAW;
        put_raw(e, in, &out);
    }
    if (head->failed || numbers->failed || text->failed)
        return bole_fail(err, BOLE_E_NOMEM, "values: no memory for %u values", in->count);
    return BOLE_OK;
}

void values_encoder_distinct(const struct values_encoder *e, void (*fn)(void *ctx, bole_slice value), void *ctx)
{
    if (e->type == VALUES_DICT) {
        for (uint32_t id = 0; id < e->distinct.count; id++)
            fn(ctx, e->distinct.entries[id].value);
        return;
    }
    for (uint32_t i = 0; i < (e->type == VALUES_CONST ? 1 : e->in.count); i++)
        fn(ctx, e->in.values[i]);
}
