/*
 * Choosing a type. CONST is one comparison per value. Then equal values are found, by their hashes; what follows looks at
 * distinct values only, unless nearly all are. The number types are tried on a few values and, if those fit, on all; what
 * fits is stored as numbers or as a dictionary of numbers, whichever is estimated to compress better: a dictionary often
 * wins, because an address or a size that returns costs an id. Texts become a dictionary when some are repetitions, else
 * RAW.
 *
 * The ids of a dictionary count up in the order in which values come first (measured against frequency and sorted
 * order, both worse on logs): columns that go together then have the same ids, which zstd sees.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/unset.h"
#include "base/random.h"
#include "store/codec/copy.h"
#include "store/codec/values_private.h"

enum {
    SAMPLE = 16,
    REPEATED_MIN = 8, /* a dictionary pays when one in so many values is a repetition */
    FEW = 32, /* with fewer new values than one in so many, marking them as new gains nothing */
};

struct values_encoder {
    struct distinct distinct;
    uint64_t  seed;
    int64_t  *words[VALUES_WORDS_MAX]; /* [VALUES_COUNT_MAX] each, of `all` */
    int64_t  *scratch;                 /* [VALUES_COUNT_MAX] */
    int64_t  *of_rows;                 /* [VALUES_COUNT_MAX] a word of every value */
    int64_t  *ids;                     /* [VALUES_COUNT_MAX] */
    uint64_t *hashes;                  /* [VALUES_COUNT_MAX] when the caller has none */
    bole_slice *values;                /* [VALUES_COUNT_MAX] the distinct ones */
    int64_t  *times;                   /* [VALUES_COUNT_MAX] of those */
    struct values_input in;            /* of the last call */
    struct values_input all;           /* its distinct values, or the same */
    bool      has_distinct;
    enum values_type type;
};

struct values_encoder *values_encoder_create(void)
{
    struct values_encoder *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    bool ok = distinct_init(&e->distinct);
    e->seed = random_next(&random_system);
    for (unsigned w = 0; w < VALUES_WORDS_MAX; w++)
        ok &= (e->words[w] = malloc(VALUES_COUNT_MAX * sizeof *e->words[w])) != NULL;
    e->scratch = malloc(VALUES_COUNT_MAX * sizeof *e->scratch);
    e->of_rows = malloc(VALUES_COUNT_MAX * sizeof *e->of_rows);
    e->ids = malloc(VALUES_COUNT_MAX * sizeof *e->ids);
    e->hashes = malloc(VALUES_COUNT_MAX * sizeof *e->hashes);
    e->values = malloc(VALUES_COUNT_MAX * sizeof *e->values);
    e->times = malloc(VALUES_COUNT_MAX * sizeof *e->times);
    if (!ok || !e->scratch || !e->of_rows || !e->ids || !e->hashes || !e->values || !e->times) {
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
    for (unsigned w = 0; w < VALUES_WORDS_MAX; w++)
        free(e->words[w]);
    free(e->scratch);
    free(e->of_rows);
    free(e->ids);
    free(e->hashes);
    free(e->values);
    free(e->times);
    free(e);
}

struct parts { struct buf *head, *numbers, *text; };

static bool is_const(const struct values_input *in, bool exact)
{
    for (uint32_t i = 1; i < in->count; i++)
        if (in->hashes[i] != in->hashes[0] || (exact && !bole_slice_eq(in->values[i], in->values[0])))
            return false;
    return true;
}

static void put_const(const struct values_input *in, struct parts *out)
{
    buf_put_u8(out->head, VALUES_CONST);
    buf_put_varint(out->head, in->values[0].len);
    buf_put(out->head, in->values[0]);
}

/* ---- distinct values ---- */

static void hash_values(struct values_encoder *e, struct values_input *in)
{
    for (uint32_t i = 0; i < in->count; i++) {
        values_prefetch(in, i);
        e->hashes[i] = distinct_hash(e->seed, in->values[i]);
    }
    in->hashes = e->hashes;
}

/* Unless too few are repetitions. */
static void find_distinct(struct values_encoder *e, bool exact)
{
    const struct values_input *in = &e->in;
    struct distinct_input what = {in->values, in->hashes, in->count, in->count - in->count / REPEATED_MIN, exact, true};
    e->all = *in;
    e->has_distinct = distinct_number(&e->distinct, &what, e->ids);
    if (!e->has_distinct)
        return;
    for (uint32_t id = 0; id < e->distinct.count; id++) {
        e->values[id] = in->values[e->distinct.first[id]];
        if (in->time_ns)
            e->times[id] = in->time_ns[e->distinct.first[id]];
    }
    e->all = (struct values_input){e->values, e->distinct.count, in->time_ns ? e->times : NULL};
}

/* ---- numbers ---- */

static bool find_shape(struct values_encoder *e, const struct values_input *in, struct values_shape *ret_shape)
{
    static const enum values_type order[] = {VALUES_IP4, VALUES_UUID, VALUES_TIME, VALUES_INT, VALUES_HEX};
    bole_slice values[SAMPLE];
    int64_t time_ns[SAMPLE] = {0};
    struct values_input sample = {values, in->count < SAMPLE ? in->count : SAMPLE, in->time_ns ? time_ns : NULL};
    for (uint32_t i = 0; i < sample.count; i++) {
        uint32_t row = (uint32_t)((uint64_t)i * in->count / sample.count);
        values[i] = in->values[row];
        time_ns[i] = in->time_ns ? in->time_ns[row] : 0;
        if (values[i].len == 0)
            return false;
    }
    for (unsigned i = 0; i < sizeof order / sizeof order[0]; i++) {
        struct values_shape shape = {.type = order[i]};
        if (!values_shape_possible(order[i], in->values[0]) || !values_shape_fit(&sample, &shape, &shape, e->words))
            continue;
        bool is_whole = order[i] != VALUES_TIME || datetime_is_whole(&shape.time);
        if (!values_shape_fit(is_whole ? &e->all : in, &shape, ret_shape, e->words))
            continue;
        if (!is_whole) { /* a time of day is another stamp on another day: there is a word for each row */
            e->has_distinct = false;
            e->all = *in;
        }
        return true;
    }
    return false;
}

struct plan {
    struct values_shape shape;
    struct ints_head    words[VALUES_WORDS_MAX];
    struct ints_head    ids;
    bool                relative; /* TIME */
    uint64_t            cost;
};

static const int64_t *words_of_rows(struct values_encoder *e, unsigned word)
{
    if (!e->has_distinct)
        return e->words[word];
    for (uint32_t i = 0; i < e->in.count; i++)
        e->of_rows[i] = e->words[word][e->ids[i]];
    return e->of_rows;
}

/* TIME: distances from the rows' own times, in scratch. */
static const int64_t *distances(struct values_encoder *e, const struct values_input *in,
                                const struct values_shape *shape)
{
    const int64_t *words = words_of_rows(e, 0);
    datetime_of_ns(&shape->time, in->time_ns, in->count, e->scratch);
    for (uint32_t i = 0; i < in->count; i++)
        e->scratch[i] = (int64_t)((uint64_t)words[i] - (uint64_t)e->scratch[i]);
    return e->scratch;
}

static uint64_t plan_word(const struct plan *p, const int64_t *values, uint32_t count, struct ints_head *ret_head)
{
    uint64_t cost = ints_plan(values, count, false, ret_head);
    if (p->shape.type == VALUES_IP4)
        ints_align(ret_head);
    return cost;
}

static void plan_numbers(struct values_encoder *e, const struct values_input *in, struct plan *p)
{
    p->cost = 0;
    for (unsigned w = 0; w < values_shape_words(&p->shape); w++)
        p->cost += plan_word(p, words_of_rows(e, w), in->count, &p->words[w]);
    if (p->shape.type != VALUES_TIME)
        return;
    struct ints_head head;
    uint64_t cost = ints_plan(distances(e, in, &p->shape), in->count, false, &head);
    p->relative = cost <= p->cost;
    if (p->relative) {
        p->words[0] = head;
        p->cost = cost;
    }
}

static void plan_dictionary(struct values_encoder *e, const struct values_input *in, struct plan *p)
{
    p->cost = ints_plan(e->ids, in->count, true, &p->ids);
    for (unsigned w = 0; w < values_shape_words(&p->shape); w++)
        p->cost += plan_word(p, e->words[w], e->distinct.count, &p->words[w]);
}

/* ---- dictionaries ---- */

static uint64_t distinct_classes(const struct values_encoder *e)
{
    uint64_t classes = 0;
    for (uint32_t id = 0; id < e->distinct.count; id++)
        classes |= values_classes(e->values[id]);
    return classes;
}

static void put_ids(struct values_encoder *e, const struct ints_head *ids, uint64_t classes, unsigned forms,
                    const struct values_input *in, struct parts *out)
{
    buf_put_u8(out->head, VALUES_DICT);
    buf_put_varint(out->head, classes);
    buf_put_u8(out->head, (uint8_t)forms);
    buf_put_varint(out->head, e->distinct.count);
    ints_put(ids, e->ids, in->count, out->head, out->numbers);
}

/* ---- putting it together ---- */

static enum values_type put_numbers(struct values_encoder *e, const struct values_input *in, struct parts *out,
                                    struct plan *numbers)
{
    struct plan dictionary = {.shape = numbers->shape};
    plan_numbers(e, in, numbers);
    bool as_dictionary = false;
    if (e->has_distinct && numbers->cost > in->count / 16) {
        plan_dictionary(e, in, &dictionary);
        as_dictionary = dictionary.cost < numbers->cost;
    }
    const struct plan *p = as_dictionary ? &dictionary : numbers;
    if (as_dictionary)
        put_ids(e, &p->ids, distinct_classes(e), 0, in, out);
    values_shape_put(&p->shape, p->relative, out->head);
    for (unsigned w = 0; w < values_shape_words(&p->shape); w++) {
        const int64_t *v = as_dictionary ? e->words[w]
                           : p->relative ? distances(e, in, &p->shape)
                                         : words_of_rows(e, w);
        ints_put(&p->words[w], v, as_dictionary ? e->distinct.count : in->count, out->head, out->numbers);
    }
    return as_dictionary ? VALUES_DICT : p->shape.type;
}

/* Bytes and classes of texts; their lengths go to scratch. */
static size_t put_bytes(struct values_encoder *e, struct buf *text, uint64_t *ret_classes)
{
    const struct values_input *in = &e->all;
    size_t size = 0;
    for (uint32_t i = 0; i < in->count; i++)
        size += in->values[i].len;
    if (!buf_reserve(text, size + 16))
        return size;
    uint8_t *out = text->ptr + text->len, *end = out + size;
    for (uint32_t i = 0; i < in->count; i++) {
        bole_slice v = in->values[i];
        values_prefetch(in, i);
        e->scratch[i] = (int64_t)v.len;
        copy_bytes(out, v.ptr, v.len);
        out += v.len;
    }
    *ret_classes = values_classes(bole_slice_from(text->ptr + text->len, size));
    text->len += size;
    assert(out == end);
    return size;
}

static enum values_type put_texts(struct values_encoder *e, const struct values_input *in, struct parts *out)
{
    struct ints_head ids, lengths;
    bool as_dictionary = e->has_distinct;
    uint32_t count = e->all.count;
    uint64_t classes = 0;
    size_t size = put_bytes(e, out->text, &classes);
    unsigned forms = values_forms(e->all.values, count, classes);
    if (as_dictionary) {
        if (count > in->count / FEW)
            ints_plan(e->ids, in->count, true, &ids);
        else
            ints_plan_plain(e->ids, in->count, &ids);
        put_ids(e, &ids, classes, forms, in, out);
    }
    buf_put_u8(out->head, VALUES_RAW);
    if (!as_dictionary) {
        buf_put_varint(out->head, classes);
        buf_put_u8(out->head, (uint8_t)forms);
    }
    buf_put_varint(out->head, size);
    ints_plan_plain(e->scratch, count, &lengths);
    ints_put(&lengths, e->scratch, count, out->head, out->numbers);
    return as_dictionary ? VALUES_DICT : VALUES_RAW;
}

bole_status values_encode(struct values_encoder *e, const struct values_input *in, struct buf *head,
                          struct buf *numbers, struct buf *text, struct bole_err *err)
{
    assert(in->count > 0 && in->count <= VALUES_COUNT_MAX);
    struct parts out = {head, numbers, text};
    struct plan plan = {0};
    e->in = *in;
    if (!in->hashes)
        hash_values(e, &e->in);
    if (is_const(&e->in, !in->hashes)) {
        put_const(in, &out);
        e->type = VALUES_CONST;
    } else {
        find_distinct(e, !in->hashes);
        e->type = find_shape(e, in, &plan.shape) ? put_numbers(e, in, &out, &plan) : put_texts(e, in, &out);
    }
    if (head->failed || numbers->failed || text->failed)
        return bole_fail(err, BOLE_E_NOMEM, "values: no memory for %u values", in->count);
    return BOLE_OK;
}

/* Those that came a short while ago are left out, by a table of the last value with a hash. */
static void distinct_recent(const struct values_encoder *e, void (*fn)(void *ctx, bole_slice value), void *ctx)
{
    enum { RECENT = 1024 };
    uint64_t recent[RECENT] UNSET;
    memset(recent, 0, sizeof recent);
    for (uint32_t i = 0; i < e->in.count; i++) {
        uint64_t hash = e->in.hashes[i], *slot = &recent[hash % RECENT];
        if (*slot == hash && hash)
            continue;
        *slot = hash;
        fn(ctx, e->in.values[i]);
    }
}

void values_encoder_distinct(const struct values_encoder *e, void (*fn)(void *ctx, bole_slice value), void *ctx)
{
    if (e->type == VALUES_CONST)
        fn(ctx, e->in.values[0]);
    else if (e->has_distinct)
        for (uint32_t id = 0; id < e->distinct.count; id++)
            fn(ctx, e->values[id]);
    else
        distinct_recent(e, fn, ctx);
}
