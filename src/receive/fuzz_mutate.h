/*
 * fuzz_mutate.h - changes that keep the form of an input and swap the types in it: random bytes nearly always break the form first,
 * and what lies behind it is never reached.
 *
 * A target says FUZZ_MUTATE(skip, which): so many bytes in front choose the form, `which` is the function for the rest, and may look
 * at `data[0]`. Without a fuzzer there is nothing of all this.
 */
#ifndef RECEIVE_FUZZ_MUTATE_H
#define RECEIVE_FUZZ_MUTATE_H

#ifdef BOLE_FUZZ

#include "base/buf.h"
#include "base/random.h"
#include "receive/msgpack.h"
#include "receive/wire.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

enum { FUZZ_VALUES_MAX = 512, FUZZ_DEPTH_MAX = 8 };

struct fuzz_values { /* where the values of an input stand */
    bole_slice at[FUZZ_VALUES_MAX];
    size_t     count;
};

static inline bole_slice fuzz_pick(const bole_slice *choices, size_t count, struct random *random)
{
    return choices[random_below(random, count)];
}

/* The input with one of its values replaced: by one of the literals, by another of its values, or by nothing. */
static inline void fuzz_swap(bole_slice in, const struct fuzz_values *v, const bole_slice *literals, size_t literal_count,
                             struct random *random, struct buf *out)
{
    bole_slice old = fuzz_pick(v->at, v->count, random), fresh = {0};
    uint64_t way = random_below(random, 8);
    if (way < 5)
        fresh = fuzz_pick(literals, literal_count, random);
    else if (way < 7)
        fresh = fuzz_pick(v->at, v->count, random);
    buf_put(out, bole_slice_from(in.ptr, (size_t)(old.ptr - in.ptr)));
    buf_put(out, fresh);
    buf_put(out, bole_slice_from(old.ptr + old.len, (size_t)(in.ptr + in.len - old.ptr) - old.len));
}

/* ---- JSON ---- */

static inline size_t fuzz_json_end(bole_slice in, size_t at)
{
    size_t depth = 0;
    bool quoted = false;
    for (; at < in.len; at++) {
        uint8_t c = in.ptr[at];
        if (quoted && c == '\\')
            at++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && (c == '[' || c == '{'))
            depth++;
        else if (!quoted && (c == ']' || c == '}') && depth-- <= 1)
            return depth == 0 ? at + 1 : at;
        else if (!quoted && depth == 0 && (c == ',' || c == ':' || c == '\n'))
            return at;
    }
    return in.len;
}

static inline void fuzz_json(bole_slice in, struct random *random, struct buf *out)
{
    static const bole_slice literals[] = {S("null"),
                                          S("true"),
                                          S("0"),
                                          S("-1"),
                                          S("1e400"),
                                          S("0.1"),
                                          S("18446744073709551616"),
                                          S("1795255200000000000"),
                                          S("\"\""),
                                          S("\"x\""),
                                          S("\"1795255200000000000\""),
                                          S("\"2026-11-21T10:00:00Z\""),
                                          S("\"\\ud800\""),
                                          S("\"\\u0000\""),
                                          S("[]"),
                                          S("{}"),
                                          S("[[\"1795255200000000000\",\"x\"]]"),
                                          S("{\"a\":{\"b\":[1]}}"),
                                          S("[null]"),
                                          S("{\"\":0}")};
    struct fuzz_values v = {.count = 0};
    for (size_t i = 0; i < in.len && v.count < FUZZ_VALUES_MAX; i++) {
        bool begins = i == 0 || memchr("[{:,\n", in.ptr[i - 1], 5);
        if (begins)
            v.at[v.count++] = bole_slice_from(in.ptr + i, fuzz_json_end(in, i) - i);
    }
    if (v.count)
        fuzz_swap(in, &v, literals, sizeof literals / sizeof *literals, random, out);
}

/* ---- MessagePack ---- */

static inline void fuzz_msgpack(bole_slice in, struct random *random, struct buf *out)
{
    static const bole_slice literals[] = {S("\xc0"),
                                          S("\xc3"),
                                          S("\x00"),
                                          S("\xff"),
                                          S("\xcf\xff\xff\xff\xff\xff\xff\xff\xff"),
                                          S("\xd3\x80\0\0\0\0\0\0\0"),
                                          S("\xcb\x7f\xf0\0\0\0\0\0\0"),
                                          S("\xca\0\0\0\0"),
                                          S("\xa0"),
                                          S("\xa1x"),
                                          S("\xd9\x01y"),
                                          S("\xc4\x01z"),
                                          S("\xc6\0\0\0\x01w"),
                                          S("\x90"),
                                          S("\x92\xce\x6b\x01\x6b\xa0\x81\xa3log\xa1x"),
                                          S("\x80"),
                                          S("\x81\xa3log\x80"),
                                          S("\xd7\0\x6b\x01\x6b\xa0\0\0\0\7"),
                                          S("\xdd\0\0\0\x01\xc0"),
                                          S("\xdf\0\0\0\0"),
                                          S("\xc7\0\5")};
    struct fuzz_values v = {.count = 0};
    struct msgpack m = msgpack_of(in);
    struct msgpack_value value;
    while (m.next < m.end && v.count < FUZZ_VALUES_MAX) { /* every value, in containers too */
        struct msgpack whole = {m.next, m.end, NULL};
        if (msgpack_skip(&whole))
            v.at[v.count++] = bole_slice_from(m.next, (size_t)(whole.next - m.next));
        if (!msgpack_next(&m, &value))
            break;
    }
    if (v.count)
        fuzz_swap(in, &v, literals, sizeof literals / sizeof *literals, random, out);
}

/* ---- protobuf ---- */

static inline void fuzz_put_varint(struct buf *out, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        buf_put_u8(out, (uint8_t)(value | 0x80));
    buf_put_u8(out, (uint8_t)value);
}

static inline void fuzz_put_field(struct buf *out, uint32_t field, struct random *random)
{
    static const bole_slice texts[] = {
        S(""), S("x"), S("\x0a\x01x"), S("\x0a\0\x12\0"), S("\xff\xff"), S("{a=\"b\"}"), S("\x09\1\2\3\4\5\6\7\x08")};
    bole_slice text = fuzz_pick(texts, sizeof texts / sizeof *texts, random);
    unsigned type = (unsigned)random_below(random, 6);
    fuzz_put_varint(out, (uint64_t)field << 3 | type);
    if (type == 0)
        fuzz_put_varint(out, random_next(random) >> random_below(random, 64));
    else if (type == 2) {
        fuzz_put_varint(out, text.len);
        buf_put(out, text);
    } else {
        for (unsigned i = 0; i < (type == 1 ? 8 : type == 5 ? 4 : 0); i++)
            buf_put_u8(out, (uint8_t)random_next(random));
    }
}

static inline bool fuzz_is_message(bole_slice s)
{
    struct wire w = wire_of(s);
    while (wire_field(&w))
        wire_skip(&w);
    return s.len > 0 && !w.error;
}

/* Copies a message, changes about one field in `*odds`, and puts the lengths around it right. */
static inline void fuzz_message(bole_slice in, unsigned depth, size_t odds, struct random *random, struct buf *out)
{
    struct wire w = wire_of(in);
    for (uint32_t field; (field = wire_field(&w));) {
        const uint8_t *at = w.field_at, *value_at = w.next;
        bole_slice inner = {0};
        unsigned type = w.type;
        if (type == WIRE_LEN)
            inner = wire_bytes(&w);
        else
            wire_skip(&w);
        bool change = random_below(random, odds) == 0, nested = depth < FUZZ_DEPTH_MAX && fuzz_is_message(inner);
        if (change && random_below(random, 2)) {
            fuzz_put_field(out, random_below(random, 4) ? field : (uint32_t)(1 + random_below(random, 12)), random);
        } else if (nested) {
            struct buf copy;
            buf_init(&copy, NULL);
            fuzz_message(inner, depth + 1, odds, random, &copy);
            buf_put(out, bole_slice_from(at, (size_t)(value_at - at)));
            fuzz_put_varint(out, copy.len);
            buf_put(out, buf_slice(&copy));
            buf_deinit(&copy);
        } else {
            for (unsigned times = change ? (unsigned)random_below(random, 3) : 1; times > 0; times--)
                buf_put(out, bole_slice_from(at, (size_t)(w.next - at)));
        }
    }
}

static inline void fuzz_protobuf(bole_slice in, struct random *random, struct buf *out)
{
    fuzz_message(in, 0, 8, random, out);
}

/* ---- the mutator ---- */

static inline size_t fuzz_mutate(uint8_t *data, size_t size, size_t max_size, unsigned seed, size_t skip,
                                 void (*which)(bole_slice in, struct random *random, struct buf *out))
{
    struct random random;
    struct buf out;
    random_seed(&random, seed);
    if (size <= skip || random_below(&random, 2))
        return LLVMFuzzerMutate(data, size, max_size);
    buf_init(&out, NULL);
    which(bole_slice_from(data + skip, size - skip), &random, &out);
    bool fits = out.len > 0 && !out.failed && out.len <= max_size - skip;
    if (fits)
        memcpy(data + skip, out.ptr, out.len);
    size_t len = fits ? skip + out.len : LLVMFuzzerMutate(data, size, max_size);
    buf_deinit(&out);
    return len;
}

#define FUZZ_MUTATE(skip, which)                                                                       \
    size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)          \
    {                                                                                                    \
        return fuzz_mutate(data, size, max_size, seed, skip, which);                                      \
    }

#else
#define FUZZ_MUTATE(skip, which) _Static_assert(1, "no fuzzer")
#endif

#endif
