/*
 * wire.h - reads protobuf's wire format from untrusted bytes, in place: no message objects.
 *
 * The first error sticks, with its place: every later call says "no more". Unknown fields are skipped by their type;
 * groups (deprecated, and the only thing that nests without a length) are refused. Nothing here recurses.
 *
 * Format: https://protobuf.dev/programming-guides/encoding/
 */
#ifndef RECEIVE_WIRE_H
#define RECEIVE_WIRE_H

#include "base/bytes.h"
#include "base/slice.h"

enum wire_type { WIRE_VARINT = 0, WIRE_I64 = 1, WIRE_LEN = 2, WIRE_I32 = 5 };

struct wire {
    const uint8_t *next, *end;
    const uint8_t *field_at; /* where the field being read began */
    const char    *error;    /* NULL: none */
    unsigned       type;
};

static inline struct wire wire_of(bole_slice s)
{
    if (!s.ptr)
        s = S(""); /* no offset may be added to a null pointer, not even 0 */
    return (struct wire){.next = s.ptr, .end = s.ptr + s.len, .field_at = s.ptr};
}

static inline bool wire_fail(struct wire *w, const char *what)
{
    if (!w->error)
        w->error = what;
    w->next = w->end;
    return false;
}

static inline uint64_t wire_varint(struct wire *w)
{
    if (w->next < w->end && *w->next < 0x80)
        return *w->next++;
    uint64_t v = 0, stop = 0;
    if (w->end - w->next >= 8) {
        v = load_u64(w->next);
        stop = ~v & 0x8080808080808080u;
    }
    if (stop) { /* up to eight bytes at once: those behind the last one go, then groups of 7 bits move together */
        v &= (stop ^ (stop - 1)) & 0x7f7f7f7f7f7f7f7fu;
        v = (v & 0x007f007f007f007fu) | (v & 0x7f007f007f007f00u) >> 1;
        v = (v & 0x00003fff00003fffu) | (v & 0x3fff00003fff0000u) >> 2;
        w->next += (__builtin_ctzll(stop) + 1) / 8;
        return (v & 0x000000000fffffffu) | (v & 0x0fffffff00000000u) >> 4;
    }
    v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (w->next == w->end)
            return wire_fail(w, "the message ends inside a number");
        uint8_t byte = *w->next++;
        if (shift == 63 && byte > 1)
            break;
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return v;
    }
    return wire_fail(w, "a number has more than 64 bits");
}

/* The next field's number, its type in w->type; 0 at the end or on an error. */
static inline uint32_t wire_field(struct wire *w)
{
    if (w->next == w->end)
        return 0;
    w->field_at = w->next;
    uint64_t tag = wire_varint(w);
    w->type = tag & 7;
    if (w->error)
        return 0;
    if (tag >> 3 == 0 || tag >> 3 > 0x1fffffff)
        return wire_fail(w, "bad field number");
    return (uint32_t)(tag >> 3);
}

static inline bole_slice wire_bytes(struct wire *w)
{
    if (w->type != WIRE_LEN) {
        wire_fail(w, "a field has the wrong type");
        return (bole_slice){0};
    }
    uint64_t len = wire_varint(w);
    if (w->error || len > (uint64_t)(w->end - w->next)) {
        wire_fail(w, "a field is longer than its message");
        return (bole_slice){0};
    }
    bole_slice s = {w->next, len};
    w->next += len;
    return s;
}

static inline uint64_t wire_number(struct wire *w)
{
    return w->type == WIRE_VARINT ? wire_varint(w) : wire_fail(w, "a field has the wrong type");
}

static inline uint64_t wire_i64(struct wire *w)
{
    if (w->type != WIRE_I64 || w->end - w->next < 8)
        return wire_fail(w, w->type != WIRE_I64 ? "a field has the wrong type" : "a field is longer than its message");
    w->next += 8;
    return load_u64(w->next - 8);
}

static inline uint32_t wire_i32(struct wire *w)
{
    if (w->type != WIRE_I32 || w->end - w->next < 4)
        return wire_fail(w, w->type != WIRE_I32 ? "a field has the wrong type" : "a field is longer than its message");
    w->next += 4;
    return load_u32(w->next - 4);
}

static inline void wire_skip(struct wire *w)
{
    size_t size = w->type == WIRE_I64 ? 8 : 4;
    switch (w->type) {
    case WIRE_VARINT: wire_varint(w); break;
    case WIRE_LEN: wire_bytes(w); break;
    case WIRE_I64:
    case WIRE_I32:
        if (size > (size_t)(w->end - w->next))
            wire_fail(w, "a field is longer than its message");
        else
            w->next += size;
        break;
    default: wire_fail(w, w->type <= 4 ? "groups are not supported" : "bad field type");
    }
}

#endif
