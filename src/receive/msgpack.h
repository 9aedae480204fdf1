/*
 * msgpack.h - reads MessagePack from untrusted bytes, in place: no objects, no recursion.
 *
 * The first error sticks: every later call says "no more". Who walks nested values bounds the depth.
 *
 * Format: https://github.com/msgpack/msgpack/blob/master/spec.md
 */
#ifndef RECEIVE_MSGPACK_H
#define RECEIVE_MSGPACK_H

#include "base/slice.h"

enum msgpack_type { MSGPACK_NONE, MSGPACK_NIL, MSGPACK_BOOL, MSGPACK_UINT, MSGPACK_INT, MSGPACK_FLOAT, MSGPACK_STR,
                    MSGPACK_BIN, MSGPACK_EXT, MSGPACK_ARRAY, MSGPACK_MAP };

struct msgpack_value {
    enum msgpack_type type;
    bool       truth;    /* BOOL */
    uint64_t   number;   /* UINT; INT: as int64_t, below zero */
    double     real;     /* FLOAT */
    bole_slice bytes;    /* STR, BIN, EXT */
    int8_t     ext_type;
    uint32_t   count;    /* ARRAY: elements, MAP: pairs; they follow */
};

struct msgpack {
    const uint8_t *next, *end;
    const char    *error; /* NULL: none */
};

static inline struct msgpack msgpack_of(bole_slice s)
{
    return (struct msgpack){s.ptr, s.len ? s.ptr + s.len : s.ptr, NULL};
}

static inline bool msgpack_fail(struct msgpack *m, const char *what)
{
    if (!m->error)
        m->error = what;
    m->next = m->end;
    return false;
}

/* Big endian, `size` bytes of at most 8. */
static inline uint64_t msgpack_be(const uint8_t *p, unsigned size)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < size; i++)
        v = v << 8 | p[i];
    return v;
}

/* How the bytes of a type go on behind its first one. */
struct msgpack_form {
    uint8_t type;   /* enum msgpack_type; NONE: never used */
    uint8_t size;   /* bytes of the number behind the first byte: a value, a length or a count */
    uint8_t fixed;  /* EXT: length, when no number says it */
};

static inline struct msgpack_form msgpack_form_of(uint8_t first)
{
    static const struct msgpack_form forms[32] = { /* from 0xc0 */
        {MSGPACK_NIL, 0, 0}, {MSGPACK_NONE, 0, 0}, {MSGPACK_BOOL, 0, 0}, {MSGPACK_BOOL, 0, 0},
        {MSGPACK_BIN, 1, 0}, {MSGPACK_BIN, 2, 0}, {MSGPACK_BIN, 4, 0},
        {MSGPACK_EXT, 1, 0}, {MSGPACK_EXT, 2, 0}, {MSGPACK_EXT, 4, 0},
        {MSGPACK_FLOAT, 4, 0}, {MSGPACK_FLOAT, 8, 0},
        {MSGPACK_UINT, 1, 0}, {MSGPACK_UINT, 2, 0}, {MSGPACK_UINT, 4, 0}, {MSGPACK_UINT, 8, 0},
        {MSGPACK_INT, 1, 0}, {MSGPACK_INT, 2, 0}, {MSGPACK_INT, 4, 0}, {MSGPACK_INT, 8, 0},
        {MSGPACK_EXT, 0, 1}, {MSGPACK_EXT, 0, 2}, {MSGPACK_EXT, 0, 4}, {MSGPACK_EXT, 0, 8}, {MSGPACK_EXT, 0, 16},
        {MSGPACK_STR, 1, 0}, {MSGPACK_STR, 2, 0}, {MSGPACK_STR, 4, 0},
        {MSGPACK_ARRAY, 2, 0}, {MSGPACK_ARRAY, 4, 0}, {MSGPACK_MAP, 2, 0}, {MSGPACK_MAP, 4, 0},
    };
    if (first < 0x80)
        return (struct msgpack_form){MSGPACK_UINT, 0, 0};
    if (first >= 0xe0)
        return (struct msgpack_form){MSGPACK_INT, 0, 0};
    if (first >= 0xc0)
        return forms[first - 0xc0];
    return (struct msgpack_form){first < 0x90 ? MSGPACK_MAP : first < 0xa0 ? MSGPACK_ARRAY : MSGPACK_STR, 0, 0};
}

/* The next value, or the head of an array or map. False: there is none, or it is not whole. */
static inline bool msgpack_next(struct msgpack *m, struct msgpack_value *v)
{
    *v = (struct msgpack_value){0};
    if (m->next == m->end)
        return msgpack_fail(m, "the message ends too early");
    uint8_t first = *m->next++;
    struct msgpack_form form = msgpack_form_of(first);
    if ((size_t)(m->end - m->next) < form.size)
        return msgpack_fail(m, "the message ends too early");
    uint64_t number = msgpack_be(m->next, form.size);
    m->next += form.size;
    v->type = (enum msgpack_type)form.type;
    switch (v->type) {
    case MSGPACK_NIL: return true;
    case MSGPACK_BOOL: v->truth = first == 0xc3; return true;
    case MSGPACK_UINT: v->number = form.size ? number : first; return true;
    case MSGPACK_INT: {
        unsigned unused = form.size ? 64 - 8 * form.size : 56;
        int64_t value = (int64_t)((form.size ? number : first) << unused) >> unused;
        v->number = (uint64_t)value;
        v->type = value < 0 ? MSGPACK_INT : MSGPACK_UINT;
        return true;
    }
    case MSGPACK_FLOAT:
        if (form.size == 4) {
            float narrow;
            uint32_t bits = (uint32_t)number;
            memcpy(&narrow, &bits, sizeof narrow);
            v->real = (double)narrow;
        } else {
            memcpy(&v->real, &number, sizeof v->real);
        }
        return true;
    case MSGPACK_ARRAY:
    case MSGPACK_MAP:
        v->count = form.size ? (uint32_t)number : first & 0x0f;
        return true;
    case MSGPACK_EXT:
        number = form.fixed ? form.fixed : number;
        if (m->next == m->end)
            return msgpack_fail(m, "the message ends too early");
        v->ext_type = (int8_t)*m->next++;
        break;
    case MSGPACK_STR: number = form.size ? number : first & 0x1f; break;
    case MSGPACK_BIN: break;
    default: return msgpack_fail(m, "a type that does not exist");
    }
    if (number > (uint64_t)(m->end - m->next))
        return msgpack_fail(m, "the message ends too early");
    v->bytes = bole_slice_from(m->next, (size_t)number);
    m->next += number;
    return true;
}

/* Behind a value of which the head was read: over all that it holds. */
static inline bool msgpack_skip_rest(struct msgpack *m, const struct msgpack_value *head)
{
    struct msgpack_value v = *head;
    uint64_t pending = 0;
    for (;;) {
        pending += v.type == MSGPACK_ARRAY ? v.count : v.type == MSGPACK_MAP ? 2 * (uint64_t)v.count : 0;
        if (pending > (uint64_t)(m->end - m->next)) /* each value is a byte at least */
            return msgpack_fail(m, "the message ends too early");
        if (pending-- == 0)
            return true;
        if (!msgpack_next(m, &v))
            return false;
    }
}

static inline bool msgpack_skip(struct msgpack *m)
{
    struct msgpack_value v;
    return msgpack_next(m, &v) && msgpack_skip_rest(m, &v);
}

/* ---- where a value ends whose bytes are still coming ---- */

struct msgpack_scan { /* all zero at the beginning of a value */
    size_t   at;      /* bytes seen */
    uint64_t pending; /* values that have to follow, but for the first */
    bool     inside;
};

enum msgpack_end { MSGPACK_WHOLE, MSGPACK_MORE, MSGPACK_BAD };

/* Goes on where the last call had to stop. WHOLE: *scan->at is the length of the value. MORE: at least *ret_wanted bytes
 * are needed. BAD: it is no MessagePack, or longer than max_bytes. */
static inline enum msgpack_end msgpack_scan(struct msgpack_scan *scan, bole_slice s, size_t max_bytes, size_t *ret_wanted)
{
    for (;;) {
        if (scan->inside && scan->pending == 0)
            return MSGPACK_WHOLE;
        *ret_wanted = scan->at + 1;
        if (scan->at >= s.len)
            return MSGPACK_MORE;
        struct msgpack_form form = msgpack_form_of(s.ptr[scan->at]);
        size_t head = 1 + (size_t)form.size + (form.type == MSGPACK_EXT);
        *ret_wanted = scan->at + head;
        if (form.type == MSGPACK_NONE)
            return MSGPACK_BAD;
        if (s.len - scan->at < head)
            return MSGPACK_MORE;
        uint8_t first = s.ptr[scan->at];
        uint64_t number = msgpack_be(s.ptr + scan->at + 1, form.size), bytes = 0, values = 0;
        switch (form.type) {
        case MSGPACK_ARRAY: values = form.size ? number : first & 0x0f; break;
        case MSGPACK_MAP: values = 2 * (form.size ? number : first & 0x0f); break;
        case MSGPACK_STR: bytes = form.size ? number : first & 0x1f; break;
        case MSGPACK_BIN: bytes = number; break;
        case MSGPACK_EXT: bytes = form.fixed ? form.fixed : number; break;
        default: break;
        }
        uint64_t pending = scan->pending - scan->inside + values, end = scan->at + head + bytes;
        if (end + pending > max_bytes)
            return MSGPACK_BAD;
        *ret_wanted = (size_t)(end + pending);
        if (s.len < end)
            return MSGPACK_MORE;
        scan->at = (size_t)end;
        scan->pending = pending;
        scan->inside = true;
    }
}

#endif
