#include "store/codec/values_sample.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/bytes.h"

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
        S(""), S("0"), S("-0"), S("+1"), S("00"), S("-"), S("--1"), S("1-"), S(" 1"), S("1 "), S("0x1f"), S("1e5"),
        S("1.5"), S("9223372036854775807"), S("9223372036854775808"), S("-9223372036854775807"),
        S("-9223372036854775808"), S("18446744073709551615"), S("99999999999999999999"), S("000000000000000000000"),
        S("12345678/"), S("1234567:"), S("\0"), S("1\0"), S("\r"), S("12\r"), S("\xff\xfe"), S("1.2.3.4"),
        S("01.2.3.4"), S("256.1.1.1"), S("1.2.3.4.5"), S("1.2.3"), S("deadbeef"), S("DEADBEEF"), S("dEadbeef"),
        S("deadbee"), S("123e4567-e89b-12d3-a456-426614174000"), S("123E4567-E89B-12D3-A456-426614174000"),
        S("123e4567-e89b-12d3-A456-426614174000"), S("123e4567_e89b-12d3-a456-426614174000"), S("2025-01-01T00:00:00Z"),
        S("2025-02-29T00:00:00Z"), S("2024-02-29 23:59:59,999"), S("2025-13-01 00:00:00"), S("2025-01-01 24:00:00"),
        S("2016-12-31T23:59:60Z"), S("Jan  1 00:00:00"), S("Jan 01 00:00:00"), S("Feb 30 00:00:00"),
        S("20/Feb/2016:00:02:13 -0500"), S("00:00:00"), S("23:59:60"), S("1735689600"), S("1735689600.000"),
        S("0000-00-00 00:00:00"),
    };
    uint64_t pick = random_below(r, sizeof table / sizeof table[0] + 2);
    if (pick < sizeof table / sizeof table[0])
        return table[pick];
    return random_bytes(s, r, random_below(r, pick & 1 ? 40 : 3), NULL);
}

#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* the formats are a table */

/* A time as the C library prints it, with a fraction in one of the usual ways. */
static bole_slice datetime(struct values_sample *s, struct random *r, int64_t now_ns, uint64_t param)
{
    static const char *const formats[] = {
        "%Y-%m-%dT%H:%M:%S|Z", "%Y-%m-%d %H:%M:%S|", "%Y/%m/%d %H:%M:%S|", "[%d/%b/%Y:%H:%M:%S| -0500]",
        "%b %e %H:%M:%S|", "%a %b %e %H:%M:%S| %Y", "%a %b %d %H:%M:%S| %Y", "%a, %d %b %Y %H:%M:%S| GMT",
        "%d %b %Y %H:%M:%S|", "%m/%d/%Y %H:%M:%S|", "%d/%m/%Y %H:%M:%S|", "%d.%m.%Y %H:%M:%S|", "%m-%d %H:%M:%S|",
        "%Y-%m-%d-%H.%M.%S|", "%Y%m%d-%H:%M:%S|", "%Y%m%dT%H%M%S|Z", "%Y%m%d%H%M%S", "%y%m%d %H%M%S",
        "%y/%m/%d %H:%M:%S|", "%b %d, %Y %H:%M:%S", "%m%d %H:%M:%S|", "%Y-%m-%dT%H:%M", "%Y-%m-%d", "%H:%M:%S|", "%s|",
        "\"%Y-%m-%d_%H:%M:%S|+00:00\"",
    };
    static const int64_t spreads[] = {1000, 1000000000, 100000000000, 40000000000000, 400000000000000000};
    uint64_t pick = param;
    const char *format = formats[pick % (sizeof formats / sizeof formats[0])];
    pick /= sizeof formats / sizeof formats[0];
    int64_t ns = now_ns + (int64_t)(pick % 7 == 6 ? 7200000000000 : 0);
    ns += pick % 3 ? (int64_t)random_below(r, (uint64_t)spreads[pick / 7 % 5]) - spreads[pick / 7 % 5] / 2 : 0;
    pick /= 64;
    time_t seconds = ns / 1000000000 - (ns % 1000000000 < 0);
    unsigned digits = (unsigned)(pick % 10), kind = (unsigned)(pick / 10 % 5),
             fraction = (unsigned)(ns - seconds * 1000000000ll);
    for (unsigned i = digits; i < 9; i++)
        fraction /= 10;
    if (kind && random_below(r, 4) == 0)
        fraction = fraction / 1000 * 1000 * (unsigned)random_below(r, 2);
    char text[80], digits_text[16], front[80], back[80], dot = ".,:"[pick / 50 % 3];
    snprintf(digits_text, sizeof digits_text, "%c%0*u", dot, (int)digits, fraction);
    size_t len = digits ? digits + 1 : 0;
    if (kind == 1 || (kind == 2 && fraction == 0))
        while (len && (digits_text[len - 1] == '0' || len == 1 || kind == 2))
            len--;
    if (kind == 3 && digits % 3 == 0)
        while (len && (len == 1 || memcmp(digits_text + len - 3, "000", 3) == 0))
            len -= len == 1 ? 1 : 3;
    struct tm tm;
    gmtime_r(&seconds, &tm);
    snprintf(text, sizeof text, "%s", format);
    char *bar = strchr(text, '|');
    if (bar)
        *bar = 0;
    size_t n = strftime(front, sizeof front, text, &tm),
           m = bar && bar[1] ? strftime(back, sizeof back, bar + 1, &tm) : 0;
    if (format[1] == 's') /* local to the zone of the machine */
        n = (size_t)snprintf(front, sizeof front, "%" PRId64, (int64_t)seconds);
    return arena_printf(&s->arena, "%.*s%.*s%.*s", (int)n, front, bar ? (int)len : 0, digits_text, (int)m, back);
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
    case 9:
        return arena_printf(a, "%u.%u.%u.%u", (unsigned)(param & 255), (unsigned)random_below(r, 2),
                            (unsigned)random_below(r, 256), (unsigned)random_below(r, 256));
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
    case 15: return arena_printf(a, param & 1 ? "blk_%" PRId64 : "%" PRId64 "ms", (int64_t)random_width(r) >> 1);
    case 16:
        return arena_printf(a, "%s%" PRIu64 ".%0*" PRIu64 "%s", param & 1 ? "" : "t=", random_below(r, 200),
                            (int)(1 + param % 5), random_below(r, 10), param & 2 ? "" : "s");
    case 17:
        return arena_printf(a, "{%08" PRIx64 "-0000-4000-8000-%012" PRIx64 "}", random_next(r) >> 32,
                            random_below(r, 3));
    case 18: return arena_printf(a, "ip-10.%u.0.%u:443", (unsigned)random_below(r, 2), (unsigned)random_below(r, 255));
    case 19: return arena_printf(a, "0x%0*" PRIX64, (int)(param % 16), random_width(r));
    case 20:
    case 21:
    case 22: return datetime(s, r, s->time_ns[i], param);
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

static void must(bool ok)
{
    if (!ok)
        abort();
}

/* `size` bytes of exactly so much memory, from *rest and then zeros. */
static uint8_t *part(bole_slice *rest, size_t size)
{
    uint8_t *p = calloc(1, size ? size : 1);
    must(p != NULL);
    size_t n = rest->len < size ? rest->len : size;
    if (n)
        memcpy(p, rest->ptr, n);
    *rest = bole_slice_sub(*rest, n);
    return p;
}

static void use(const struct values *v)
{
    uint64_t bits[VALUES_COUNT_MAX / 64];
    uint8_t *out = malloc((size_t)v->stamp.max_len + 16);
    must(out != NULL);
    bole_slice last = {0};
    for (uint32_t i = 0; i < v->count; i++) {
        uint32_t len = values_len(v, i);
        must(len >= v->stamp.min_len && len <= v->stamp.max_len);
        must(values_put(v, i, out) == out + len);
        last = bole_slice_from(out, len);
        if (values_distinct_count(v))
            must(bole_slice_eq(values_distinct(v, values_id(v, i)), last));
    }
    for (unsigned how = VALUES_CONTAINS; how <= VALUES_ENDS; how++) {
        values_find(v, how, last, bits);
        values_find(v, how, bole_slice_from(last.ptr, last.len / 2), bits);
    }
    free(out);
}

bool values_sample_attack(bole_slice bytes)
{
    enum { TEXT_MAX = 1 << 16, BUDGET = 16 << 20 };
    struct budget budget;
    struct arena arena;
    struct values v;
    struct reader r = reader_of(bytes);
    uint32_t count = reader_u16(&r) % 2000;
    bole_slice head = reader_bytes(&r, reader_u8(&r)), rest = {r.next, reader_left(&r)};
    bool used = false;
    budget_init(&budget, NULL, BUDGET);
    arena_init(&arena, &budget);
    if (!r.failed && values_open(&v, count, &head, &arena, NULL) == BOLE_OK && values_text_size(&v) <= TEXT_MAX) {
        size_t numbers_size = values_numbers_size(&v), text_size = values_text_size(&v);
        uint8_t *numbers = part(&rest, numbers_size), *text = part(&rest, text_size);
        int64_t *time_ns = (int64_t *)(void *)part(&rest, count * sizeof *time_ns);
        used = values_load(&v, bole_slice_from(numbers, numbers_size), bole_slice_from(text, text_size), time_ns,
                           &arena, NULL) == BOLE_OK;
        if (used)
            use(&v);
        free(numbers);
        free(text);
        free(time_ns);
    }
    arena_deinit(&arena);
    must(budget.used_bytes == 0);
    return used;
}
