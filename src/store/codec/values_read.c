#include <assert.h>

#include "base/err.h"
#include "base/unset.h"
#include "store/codec/copy.h"
#include "store/codec/values_private.h"

/* ---- heads ---- */

static bool open_const(struct values *v, struct values_detail *d, struct reader *r)
{
    bole_slice text = reader_bytes(r, reader_varint(r));
    if (r->failed || text.len > UINT32_MAX)
        return false;
    d->count = 1;
    d->text = text.ptr;
    d->text_end = text.ptr + text.len;
    uint32_t len = (uint32_t)text.len;
    v->stamp = (struct values_stamp){.min_len = len, .max_len = len, .word_max = len, .classes = values_classes(text)};
    return true;
}

/* Lengths: they give the stamp, and must be lengths. */
static bool open_raw(struct values *v, struct values_detail *d, struct reader *r)
{
    uint64_t size = reader_varint(r);
    struct ints_head *h = &d->word_heads[0];
    d->words = 1;
    d->text_size = (uint32_t)size;
    if (size > UINT32_MAX || !ints_open(h, r) || h->lowest < 0 || h->lowest > UINT32_MAX ||
        h->range > UINT32_MAX - (uint64_t)h->lowest)
        return false;
    v->stamp.min_len = (uint32_t)h->lowest;
    v->stamp.max_len = v->stamp.word_max = (uint32_t)((uint64_t)h->lowest + h->range);
    return true;
}

/* The shortest and the longest value that numbers in their ranges can print as. */
static bool stamp_lengths(struct values_stamp *stamp, const struct values_detail *d)
{
    const struct values_shape *s = &d->shape;
    uint32_t affixes = (uint32_t)(s->prefix.len + s->suffix.len);
    int64_t lowest = d->word_heads[0].lowest, highest = (int64_t)((uint64_t)lowest + d->word_heads[0].range);
    switch (s->type) {
    case VALUES_INT: {
        if (lowest == INT64_MIN || highest < lowest)
            return false;
        uint32_t low = values_shape_len(s, &lowest), high = values_shape_len(s, &highest);
        *stamp = (struct values_stamp){.min_len = low < high ? low : high, .max_len = low < high ? high : low};
        if (lowest < 0 && highest >= 0)
            stamp->min_len = affixes + s->digits + (s->decimals != 0);
        return true;
    }
    case VALUES_IP4:
        *stamp = (struct values_stamp){.min_len = affixes + 7, .max_len = affixes + 15};
        return lowest >= 0 && highest >= lowest && highest <= UINT32_MAX;
    case VALUES_TIME:
        *stamp = (struct values_stamp){.min_len = affixes + datetime_len_min(&s->time),
                                       .max_len = affixes + datetime_len_max(&s->time)};
        return true;
    default:
        stamp->min_len = stamp->max_len = values_shape_len(s, (const int64_t[VALUES_WORDS_MAX]){0});
        return true;
    }
}

/* The longest run of letters and digits that a number can print as, affixes and all. */
static uint32_t longest_word(const struct values_stamp *stamp, const struct values_shape *s)
{
    uint32_t affixes = (uint32_t)(s->prefix.len + s->suffix.len);
    switch (s->type) {
    case VALUES_IP4: return affixes + 3;
    case VALUES_UUID: return affixes + 12;
    case VALUES_TIME: return affixes + datetime_word_max(&s->time);
    default: return stamp->max_len;
    }
}

static uint64_t shape_classes(const struct values_detail *d)
{
    const struct values_shape *s = &d->shape;
    uint8_t alphabet[128];
    uint64_t classes = values_classes(S("0123456789")) | values_classes(s->prefix) | values_classes(s->suffix);
    switch (s->type) {
    case VALUES_INT:
        return classes | (s->decimals ? values_classes(S(".")) : 0) |
               (d->word_heads[0].lowest < 0 ? values_classes(S("-")) : 0);
    case VALUES_IP4: return classes | values_classes(S("."));
    case VALUES_TIME: return classes | values_classes(datetime_alphabet(&s->time, alphabet));
    case VALUES_UUID: classes |= values_classes(S("-")); break;
    default: break;
    }
    return classes | (s->upper ? values_classes(S("ABCDEF")) : values_classes(S("abcdef")));
}

static bool open_numbers(struct values *v, struct values_detail *d, struct reader *r)
{
    if (!values_shape_open(&d->shape, d->stored, &d->relative, r))
        return false;
    d->words = values_shape_words(&d->shape);
    d->bare_int = d->stored == VALUES_INT && !d->shape.decimals && !d->shape.prefix.len && !d->shape.suffix.len;
    for (unsigned w = 0; w < d->words; w++)
        if (!ints_open(&d->word_heads[w], r))
            return false;
    bool ok = stamp_lengths(&v->stamp, d);
    v->stamp.word_max = longest_word(&v->stamp, &d->shape);
    return ok;
}

static bool open_column(struct values *v, struct values_detail *d, struct reader *r)
{
    uint64_t classes = 0;
    uint32_t forms = 0;
    v->type = d->stored = reader_u8(r);
    d->count = v->count;
    if (v->type == VALUES_CONST)
        return open_const(v, d, r);
    if (v->type == VALUES_DICT) {
        classes = reader_varint(r);
        forms = reader_u8(r);
        uint64_t distinct = reader_varint(r);
        d->count = (uint32_t)distinct;
        if (distinct == 0 || distinct > VALUES_COUNT_MAX || !ints_open(&d->ids_head, r) || d->ids_head.lowest != 0 ||
            d->ids_head.range >= distinct)
            return false;
        d->stored = reader_u8(r);
    } else if (v->type == VALUES_RAW) {
        classes = reader_varint(r);
        forms = reader_u8(r);
    }
    if (forms > VALUES_FORMS_MAX || (d->stored == VALUES_RAW ? !open_raw(v, d, r) : !open_numbers(v, d, r)))
        return false;
    v->stamp.classes = v->type == VALUES_RAW || v->type == VALUES_DICT ? classes : shape_classes(d);
    v->stamp.forms = forms | values_forms_of_classes(v->stamp.classes);
    return v->type != VALUES_DICT || !d->relative;
}

bole_status values_open(struct values *v, uint32_t count, bole_slice *heads, struct arena *arena, struct bole_err *err)
{
    struct values_detail *d = arena_alloc(arena, sizeof *d);
    if (!d)
        return bole_fail(err, BOLE_E_LIMIT, "values: no room for a head");
    memset(d, 0, offsetof(struct values_detail, word)); /* a group has hundreds */
    struct reader r = reader_of(*heads);
    *v = (struct values){.count = count, .detail = d};
    if (count == 0 || count > VALUES_COUNT_MAX || !open_column(v, d, &r))
        return bole_fail(err, BOLE_E_CORRUPT, "values: bad head of a column");
    *heads = bole_slice_from(r.next, reader_left(&r));
    return BOLE_OK;
}

size_t values_numbers_size(const struct values *v)
{
    const struct values_detail *d = v->detail;
    size_t size = ints_size(&d->ids_head, v->count);
    for (unsigned w = 0; w < d->words; w++)
        size += ints_size(&d->word_heads[w], d->count);
    return size;
}

size_t values_text_size(const struct values *v)
{
    const struct values_detail *d = v->detail;
    return d->text_size;
}

bool values_needs_times(const struct values *v)
{
    const struct values_detail *d = v->detail;
    return d->relative;
}

/* ---- parts ---- */

/* Lengths to where each value starts; the last must end with the text. */
static bole_status load_starts(struct values_detail *d, struct arena *arena)
{
    uint32_t *starts = arena_alloc(arena, ((size_t)d->count + 1) * sizeof *starts);
    if (!starts)
        return BOLE_E_LIMIT;
    uint64_t at = 0;
    for (uint32_t i = 0; i < d->count; i++) {
        starts[i] = (uint32_t)at;
        at += (uint64_t)ints_at(&d->word[0], i); /* at most 2^16 * 2^32 */
    }
    starts[d->count] = (uint32_t)at;
    d->starts = starts;
    return at == d->text_size ? BOLE_OK : BOLE_E_CORRUPT;
}

/* Stamps instead of what is stored, checked to be printable. */
static bole_status load_stamps(struct values_detail *d, const int64_t *time_ns, struct arena *arena)
{
    int64_t *stamps = arena_alloc(arena, (size_t)d->count * sizeof *stamps), low, high, lowest = INT64_MAX,
            highest = INT64_MIN;
    struct datetime_days *days = arena_alloc(arena, sizeof *days);
    if (!stamps || !days)
        return BOLE_E_LIMIT;
    if (d->relative)
        datetime_of_ns(&d->shape.time, time_ns, d->count, stamps);
    else
        memset(stamps, 0, d->count * sizeof *stamps);
    for (uint32_t i = 0; i < d->count; i++) {
        stamps[i] = (int64_t)((uint64_t)stamps[i] + (uint64_t)ints_at(&d->word[0], i));
        lowest = stamps[i] < lowest ? stamps[i] : lowest;
        highest = stamps[i] > highest ? stamps[i] : highest;
    }
    datetime_range(&d->shape.time, &low, &high);
    if (lowest < low || highest > high)
        return BOLE_E_CORRUPT;
    d->word[0] = (struct ints){.at = stamps, .width = sizeof *stamps};
    datetime_days_init(days, &d->shape.time, lowest, d->shape.prefix, d->shape.suffix);
    d->days = days;
    return BOLE_OK;
}

/* The distinct values of a dictionary of numbers as text. */
static bole_status render(struct values_detail *d, struct arena *arena)
{
    int64_t words[VALUES_WORDS_MAX] UNSET;
    uint32_t *starts = arena_alloc(arena, ((size_t)d->count + 1) * sizeof *starts);
    if (!starts)
        return BOLE_E_LIMIT;
    uint32_t size = 0; /* at most 2^16 * 600 */
    for (uint32_t id = 0; id < d->count; id++) {
        values_words(d, id, words);
        starts[id] = size;
        size += values_shape_len(&d->shape, words);
    }
    starts[d->count] = size;
    uint8_t *text = arena_bytes(arena, (size_t)size + 16);
    if (!text)
        return BOLE_E_LIMIT;
    for (uint32_t id = 0; id < d->count; id++) {
        values_words(d, id, words);
        values_shape_print(&d->shape, words, text + starts[id]);
    }
    d->starts = starts;
    d->text = text;
    d->text_end = text + size;
    return BOLE_OK;
}

static bole_status load(struct values *v, struct values_detail *d, const uint8_t *numbers, const int64_t *time_ns, bool few,
                        struct arena *arena)
{
    bole_status st = BOLE_OK;
    if (v->type == VALUES_DICT) {
        st = (few ? ints_load_few : ints_load)(&d->ids, &d->ids_head, v->count, numbers, arena);
        numbers += ints_size(&d->ids_head, v->count);
    }
    for (unsigned w = 0; st == BOLE_OK && w < d->words; w++) {
        st = ints_load(&d->word[w], &d->word_heads[w], d->count, numbers, arena);
        numbers += ints_size(&d->word_heads[w], d->count);
    }
    if (st < 0)
        return st;
    if (d->stored == VALUES_RAW)
        return load_starts(d, arena);
    return d->stored == VALUES_TIME ? load_stamps(d, time_ns, arena) : BOLE_OK;
}

static bole_status load_parts(struct values *v, bole_slice numbers, bole_slice text, const int64_t *time_ns, bool few,
                              struct arena *arena, struct bole_err *err)
{
    if (v->type == VALUES_CONST && numbers.len == 0 && text.len == 0)
        return BOLE_OK;
    struct values_detail *d = arena_alloc(arena, sizeof *d);
    if (!d)
        return bole_fail(err, BOLE_E_LIMIT, "values: no room for a column");
    *d = *(const struct values_detail *)v->detail;
    assert(time_ns || !d->relative);
    bole_status st = BOLE_E_CORRUPT;
    if (numbers.len == values_numbers_size(v) && text.len == d->text_size) {
        d->text = text.ptr;
        d->text_end = text.ptr + text.len;
        st = load(v, d, numbers.ptr, time_ns, few, arena);
    }
    if (st < 0)
        return bole_fail(err, st,
                         st == BOLE_E_LIMIT ? "values: no room for a column" : "values: parts do not fit the head");
    v->detail = d;
    return BOLE_OK;
}

bole_status values_load_few(struct values *v, bole_slice numbers, bole_slice text, const int64_t *time_ns,
                            struct arena *arena, struct bole_err *err)
{
    return load_parts(v, numbers, text, time_ns, true, arena, err);
}

bole_status values_render(struct values *v, struct arena *arena, struct bole_err *err)
{
    const struct values_detail *d = v->detail;
    if (v->type != VALUES_DICT || (d->starts && d->ids.width != INTS_SOUGHT))
        return BOLE_OK;
    struct values_detail *rendered = arena_alloc(arena, sizeof *rendered);
    bole_status st = BOLE_E_LIMIT;
    if (rendered) {
        *rendered = *d;
        st = ints_load_rest(&rendered->ids, &rendered->ids_head, arena);
    }
    if (st >= 0 && !rendered->starts)
        st = render(rendered, arena);
    if (st < 0)
        return bole_fail(err, st, st == BOLE_E_LIMIT ? "values: no room for a column" : "values: parts do not fit the head");
    v->detail = rendered;
    return BOLE_OK;
}

bole_status values_load(struct values *v, bole_slice numbers, bole_slice text, const int64_t *time_ns,
                        struct arena *arena, struct bole_err *err)
{
    bole_status st = load_parts(v, numbers, text, time_ns, false, arena, err);
    return st < 0 ? st : values_render(v, arena, err);
}

/* ---- values ---- */

static bole_slice text_at(const struct values_detail *d, uint32_t index)
{
    return bole_slice_from(d->text + d->starts[index], d->starts[index + 1] - d->starts[index]);
}

uint32_t values_distinct_count(const struct values *v)
{
    const struct values_detail *d = v->detail;
    return v->type == VALUES_CONST || v->type == VALUES_DICT ? d->count : 0;
}

bole_slice values_distinct(const struct values *v, uint32_t id)
{
    const struct values_detail *d = v->detail;
    assert(id < values_distinct_count(v));
    return v->type == VALUES_CONST ? bole_slice_from(d->text, v->stamp.max_len) : text_at(d, id);
}

uint32_t values_id(const struct values *v, uint32_t index)
{
    const struct values_detail *d = v->detail;
    assert(index < v->count);
    return v->type == VALUES_CONST ? 0 : (uint32_t)ints_offset(&d->ids, index);
}

bole_slice values_raw(const struct values *v, uint32_t index)
{
    assert(v->type == VALUES_RAW && index < v->count);
    return text_at(v->detail, index);
}

static uint8_t *put_text(const struct values_detail *d, bole_slice s, uint8_t *out)
{
    if (s.len <= 16 && d->text_end - s.ptr >= 16)
        memcpy(out, s.ptr, 16); /* a copy of fixed size is one instruction */
    else
        copy_bytes(out, s.ptr, s.len);
    return out + s.len;
}

uint32_t values_len(const struct values *v, uint32_t index)
{
    const struct values_detail *d = v->detail;
    int64_t words[VALUES_WORDS_MAX] UNSET;
    assert(index < v->count);
    if (v->stamp.min_len == v->stamp.max_len)
        return v->stamp.max_len;
    if (v->type == VALUES_DICT)
        index = (uint32_t)ints_offset(&d->ids, index);
    if (d->starts)
        return d->starts[index + 1] - d->starts[index];
    values_words(d, index, words);
    return values_shape_len(&d->shape, words);
}

static uint8_t *put_int(const struct values_detail *d, int64_t v, uint8_t *out)
{
    uint64_t magnitude = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    unsigned len = values_count_digits(magnitude);
    *out = '-';
    return values_print_digits(out + (v < 0), magnitude, len < d->shape.digits ? d->shape.digits : len);
}

uint8_t *values_put(const struct values *v, uint32_t index, uint8_t *out)
{
    const struct values_detail *d = v->detail;
    int64_t words[VALUES_WORDS_MAX] UNSET;
    assert(index < v->count);
    switch (v->type) {
    case VALUES_CONST: return put_text(d, bole_slice_from(d->text, v->stamp.max_len), out);
    case VALUES_RAW: return put_text(d, text_at(d, index), out);
    case VALUES_DICT:
        index = (uint32_t)ints_offset(&d->ids, index);
        if (d->starts)
            return put_text(d, text_at(d, index), out);
        break;
    case VALUES_INT:
        if (d->bare_int)
            return put_int(d, ints_at(&d->word[0], index), out);
        break;
    case VALUES_TIME: {
        int64_t stamp = ints_at(&d->word[0], index);
        if (datetime_days_has(d->days, stamp))
            return datetime_days_print(d->days, stamp, out);
        break;
    }
    default: break;
    }
    values_words(d, index, words);
    return values_shape_print(&d->shape, words, out);
}
