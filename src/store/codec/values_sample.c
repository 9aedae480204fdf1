#include "store/codec/values_sample.h"

#include <assert.h>
#include <inttypes.h>

static bole_slice random_bytes(struct values_sample *s, struct random *r, size_t len, const char *alphabet)
{
    uint8_t *p = arena_bytes(&s->arena, len);
    size_t n = alphabet ? strlen(alphabet) : 256;
    for (size_t i = 0; i < len; i++)
        p[i] = alphabet ? (uint8_t)alphabet[random_below(r, n)] : (uint8_t)random_next(r);
    return bole_slice_from(p, len);
}

static uint64_t random_width(struct random *r) /* numbers of every length alike */
{
    return random_next(r) >> random_below(r, 64);
}

/* What looks like a number, an address or a stamp, and is not one that prints back. */
static bole_slice nasty(struct values_sample *s, struct random *r)
{
    static const bole_slice table[] = {
        S(""), S("0"), S("-0"), S("+1"), S("00"), S("-"), S("--1"), S("1-"), S(" 1"), S("1 "), S("0x1f"), S("1e5"), S("1.5"),
        S("9223372036854775807"), S("9223372036854775808"), S("-9223372036854775807"), S("-9223372036854775808"),
        S("18446744073709551615"), S("99999999999999999999"), S("000000000000000000000"), S("12345678/"), S("1234567:"),
        S("\0"), S("1\0"), S("\r"), S("12\r"), S("\xff\xfe"), S("1.2.3.4"), S("01.2.3.4"), S("256.1.1.1"), S("1.2.3.4.5"),
        S("1.2.3"), S("deadbeef"), S("DEADBEEF"), S("dEadbeef"), S("deadbee"),
        S("123e4567-e89b-12d3-a456-426614174000"), S("123E4567-E89B-12D3-A456-426614174000"),
        S("123e4567-e89b-12d3-A456-426614174000"), S("123e4567_e89b-12d3-a456-426614174000"),
        S("2025-01-01T00:00:00Z"), S("2025-02-29T00:00:00Z"), S("2024-02-29 23:59:59,999"), S("2025-13-01 00:00:00"),
        S("2025-01-01 24:00:00"), S("2016-12-31T23:59:60Z"), S("Jan  1 00:00:00"), S("Jan 01 00:00:00"), S("Feb 30 00:00:00"),
        S("20/Feb/2016:00:02:13 -0500"), S("00:00:00"), S("23:59:60"), S("1735689600"), S("1735689600.000"), S("0000-00-00 00:00:00"),
    };
    uint64_t pick = random_below(r, sizeof table / sizeof table[0] + 2);
    if (pick < sizeof table / sizeof table[0])
        return table[pick];
    return random_bytes(s, r, random_below(r, pick & 1 ? 40 : 3), NULL);
}

static bole_slice one(struct values_sample *s, struct random *r, unsigned kind, uint32_t i, uint64_t param)
{
    struct arena *a = &s->arena;
    switch (kind) {
    case 0: return random_bytes(s, r, param % 3 ? param % 300 : 0, "x");
    case 1: return random_bytes(s, r, random_below(r, 1 + param % 40), NULL);
    case 2: return arena_printf(a, "%" PRIu64, random_width(r) >> 1);
    case 3: return arena_printf(a, "%" PRId64, (int64_t)random_width(r) / 2 * (random_next(r) & 1 ? 1 : -1));
    case 4: return arena_printf(a, "%0*" PRIu64, (int)(1 + param % 20), random_width(r) >> 1);
    case 5: return arena_printf(a, "%" PRIu64, (param >> 2) + (uint64_t)i * (1 + (param & 7)));
    case 6: return arena_printf(a, "word-%" PRIu64, random_below(r, 1 + param % 400));
    case 7: return nasty(s, r);
    case 8: return random_bytes(s, r, 1 + param % 70, param & 1 ? "0123456789abcdef" : "0123456789ABCDEF");
    case 9: return arena_printf(a, "%u.%u.%u.%u", (unsigned)(param & 255), (unsigned)random_below(r, 2), (unsigned)random_below(r, 256), (unsigned)random_below(r, 256));
    case 10: {
        uint64_t x = random_next(r), y = random_next(r);
        return arena_printf(a, param & 1 ? "%08" PRIx64 "-%04" PRIx64 "-%04" PRIx64 "-%04" PRIx64 "-%012" PRIx64
                                         : "%08" PRIX64 "-%04" PRIX64 "-%04" PRIX64 "-%04" PRIX64 "-%012" PRIX64,
                            x >> 32, x >> 16 & 0xffff, x & 0xffff, y >> 48, y & 0xffffffffffff);
    }
    case 11: return random_bytes(s, r, random_below(r, 3), "ab");
    case 12: return random_next(r) & 7 ? arena_printf(a, "%" PRIu64, random_below(r, 100000)) : S("-");
    case 13: return arena_printf(a, "%s%" PRIu64 "ms", random_next(r) & 1 ? "" : "\r\n", random_below(r, 100000));
    case 14: return arena_printf(a, "%" PRIx64, random_width(r));
    default: return random_bytes(s, r, i % 97 == 5 ? 5000 : 20, "0123456789");
    }
}

void values_sample_init(struct values_sample *s, struct random *r, unsigned kind, uint32_t count)
{
    arena_init(&s->arena, NULL);
    s->count = count;
    s->values = arena_array(&s->arena, count, sizeof *s->values);
    s->time_ns = arena_array(&s->arena, count, sizeof *s->time_ns);
    assert(s->values && s->time_ns);
    uint64_t param = random_next(r);
    int64_t now = 1735689600000000000 + (int64_t)(param % 1000000000000);
    bool odd = param >> 60 == 7; /* one value in the whole column that is not like the others */
    uint32_t odd_at = (uint32_t)random_below(r, count);
    for (uint32_t i = 0; i < count; i++) {
        s->time_ns[i] = now += (int64_t)random_below(r, 3000000000);
        s->values[i] = odd && i == odd_at ? nasty(s, r) : one(s, r, kind, i, param);
        if (i && (param >> 56 & 3) == 3 && random_next(r) & 1)
            s->values[i] = s->values[i - 1];
    }
}

void values_sample_deinit(struct values_sample *s)
{
    arena_deinit(&s->arena);
}
