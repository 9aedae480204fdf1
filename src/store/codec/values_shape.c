#include <assert.h>

#include "store/codec/values_private.h"

/* ---- hex digits, eight at a time ---- */

#define BYTES(b) (0x0101010101010101ull * (b))

static uint64_t hex_text(uint64_t nibbles, bool upper) /* eight bytes of 0 .. 15 to digits */
{
    return nibbles + BYTES('0') + ((nibbles + BYTES(6)) >> 4 & BYTES(1)) * (upper ? 'A' - '0' - 10 : 'a' - '0' - 10);
}

/* x: eight digits, the first one lowest. */
static bool parse_hex8(uint64_t x, bool upper, uint64_t *ret_v)
{
    uint64_t n = (x & BYTES(0x0f)) + (x >> 6 & BYTES(1)) * 9;
    if ((n & BYTES(0xf0)) || hex_text(n, upper) != x)
        return false;
    n = __builtin_bswap64(n);
    n = (n | n >> 4) & 0x00ff00ff00ff00ffull;
    n = (n | n >> 8) & 0x0000ffff0000ffffull;
    *ret_v = (n | n >> 16) & 0xffffffffull;
    return true;
}

static uint64_t print_hex8(uint64_t v, bool upper)
{
    uint64_t n = (v | v << 16) & 0x0000ffff0000ffffull;
    n = (n | n << 8) & 0x00ff00ff00ff00ffull;
    n = (n | n << 4) & BYTES(0x0f);
    return hex_text(__builtin_bswap64(n), upper);
}

/* 1 .. 16 digits as one number. */
static bool parse_hex(const uint8_t *p, size_t len, bool upper, uint64_t *ret_v)
{
    uint64_t high = 0, low;
    if (len > 8) {
        uint64_t x = load_short(p, len - 8);
        if (!parse_hex8(len < 16 ? x << (8 * (16 - len)) | BYTES('0') >> (8 * (len - 8)) : x, upper, &high))
            return false;
        p += len - 8;
        len = 8;
    }
    uint64_t x = load_short(p, len);
    if (!parse_hex8(len < 8 ? x << (8 * (8 - len)) | BYTES('0') >> (8 * len) : x, upper, &low))
        return false;
    *ret_v = high << 32 | low;
    return true;
}

static uint8_t *print_hex(uint8_t *out, uint64_t v, unsigned len, bool upper)
{
    if (len > 8) {
        store_u64(out, print_hex8(v >> 32, upper) >> (8 * (16 - len)));
        out += len - 8;
        len = 8;
    }
    store_u64(out, print_hex8(v & 0xffffffff, upper) >> (8 * (8 - len)));
    return out + len;
}

/* ---- UUID: 8-4-4-4-12 hex digits in two words ---- */

enum { UUID_LEN = 36 };

static bool parse_uuid(const uint8_t *p, bool upper, int64_t *ret_words)
{
    uint64_t a, b, c, d;
    if (p[8] != '-' || p[13] != '-' || p[18] != '-' || p[23] != '-' || !parse_hex8(load_u64(p), upper, &a) ||
        !parse_hex8(load_u32(p + 9) | (uint64_t)load_u32(p + 14) << 32, upper, &b) ||
        !parse_hex8(load_u32(p + 19) | (uint64_t)load_u32(p + 24) << 32, upper, &c) ||
        !parse_hex8(load_u64(p + 28), upper, &d))
        return false;
    ret_words[0] = (int64_t)(a << 32 | b);
    ret_words[1] = (int64_t)(c << 32 | d);
    return true;
}

static uint8_t *print_uuid(uint8_t *out, const int64_t *words, bool upper)
{
    uint64_t first = (uint64_t)words[0], second = (uint64_t)words[1];
    uint64_t b = print_hex8(first & 0xffffffff, upper), c = print_hex8(second >> 32, upper);
    store_u64(out, print_hex8(first >> 32, upper));
    out[8] = out[13] = out[18] = out[23] = '-';
    store_u32(out + 9, (uint32_t)b);
    store_u32(out + 14, (uint32_t)(b >> 32));
    store_u32(out + 19, (uint32_t)c);
    store_u32(out + 24, (uint32_t)(c >> 32));
    store_u64(out + 28, print_hex8(second & 0xffffffff, upper));
    return out + UUID_LEN;
}

/* ---- IPv4 ---- */

static bool parse_ip4(const uint8_t *p, size_t len, uint64_t *ret_v)
{
    const uint8_t *end = p + len;
    uint64_t v = 0;
    for (unsigned octet = 0; octet < 4; octet++) {
        const uint8_t *from = p;
        unsigned n = 0;
        while (p < end && (uint8_t)(*p - '0') < 10 && p - from < 3)
            n = n * 10 + (unsigned)(*p++ - '0');
        if (p == from || n > 255 || (*from == '0' && p - from > 1) || (octet < 3 && (p == end || *p++ != '.')))
            return false;
        v = v << 8 | n;
    }
    *ret_v = v;
    return p == end;
}

static unsigned octet_len(unsigned n)
{
    return 1 + (n >= 10) + (n >= 100);
}

static unsigned ip4_len(uint64_t v)
{
    return 3 + octet_len(v >> 24 & 255) + octet_len(v >> 16 & 255) + octet_len(v >> 8 & 255) + octet_len(v & 255);
}

static uint8_t *print_ip4(uint8_t *out, uint64_t v)
{
    for (int shift = 24; shift >= 0; shift -= 8) {
        unsigned n = (unsigned)(v >> shift & 255), len = octet_len(n);
        /* All three digits, then those that are not needed are shifted out. */
        uint32_t text = ((n / 100) | (n / 10 % 10) << 8 | (n % 10) << 16 | (uint32_t)('.' - '0') << 24) + 0x30303030;
        store_u32(out, text >> (8 * (3 - len)));
        out += len + 1;
    }
    return out - 1;
}

/* ---- decimal numbers ---- */

/* Digits with an optional minus and a point before the last `decimals` of them. Gives the number of digits. */
static bool parse_decimal(bole_slice s, unsigned decimals, int64_t *ret_v, unsigned *ret_digits, bool *ret_padded)
{
    bool negative = s.len && s.ptr[0] == '-';
    const uint8_t *p = s.ptr + negative;
    size_t len = s.len - negative;
    uint64_t v, fraction;
    if (decimals) {
        if (len < decimals + 2 || len > 19 || p[len - decimals - 1] != '.' ||
            !values_parse_digits(p + len - decimals, decimals, &fraction) ||
            !values_parse_digits(p, len - decimals - 1, &v))
            return false;
        for (unsigned i = 0; i < decimals; i++)
            v *= 10;
        v += fraction;
        len--;
    } else if (!values_parse_digits(p, len, &v)) {
        return false;
    }
    if (negative && v == 0)
        return false;
    *ret_v = negative ? -(int64_t)v : (int64_t)v;
    *ret_digits = (unsigned)len;
    *ret_padded = p[0] == '0' && len > 1;
    return true;
}

static uint8_t *print_decimal(const struct values_shape *s, int64_t v, uint8_t *out)
{
    uint64_t magnitude = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    unsigned len = values_count_digits(magnitude);
    len = len < s->digits ? s->digits : len;
    *out = '-';
    out = values_print_digits(out + (v < 0), magnitude, len);
    if (s->decimals) {
        uint8_t *point = out - s->decimals;
        memmove(point + 1, point, s->decimals);
        *point = '.';
        out++;
    }
    return out;
}

static unsigned decimal_len(const struct values_shape *s, int64_t v)
{
    unsigned len = values_count_digits(v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
    return (len < s->digits ? s->digits : len) + (v < 0) + (s->decimals != 0);
}

/* ---- shapes ---- */

unsigned values_shape_words(const struct values_shape *s)
{
    return s->type == VALUES_UUID ? 2 : s->type == VALUES_HEX ? (s->digits + 15) / 16 : 1;
}

static bool parse_core(const struct values_shape *s, bole_slice core, int64_t near_ns, struct datetime_cache *cache,
                       int64_t *ret_words)
{
    uint64_t v;
    unsigned digits;
    bool padded;
    switch (s->type) {
    case VALUES_INT:
        return parse_decimal(core, s->decimals, ret_words, &digits, &padded) && digits >= s->digits &&
               (!padded || digits == s->digits);
    case VALUES_IP4:
        if (!parse_ip4(core.ptr, core.len, &v))
            return false;
        ret_words[0] = (int64_t)v;
        return true;
    case VALUES_UUID:
        return core.len == UUID_LEN && parse_uuid(core.ptr, s->upper, ret_words);
    case VALUES_TIME:
        return datetime_parse(&s->time, core, near_ns, cache, ret_words);
    default:
        if (core.len != s->digits)
            return false;
        for (size_t at = 0; at < core.len; at += 16) {
            if (!parse_hex(core.ptr + at, core.len - at < 16 ? core.len - at : 16, s->upper, &v))
                return false;
            ret_words[at / 16] = (int64_t)v;
        }
        return true;
    }
}

/* What is between prefix and suffix; empty when they are not there. */
static bole_slice core_of(const struct values_shape *s, bole_slice value)
{
    size_t affixes = s->prefix.len + s->suffix.len;
    if (value.len <= affixes)
        return (bole_slice){0};
    bole_slice core = bole_slice_from(value.ptr + s->prefix.len, value.len - affixes);
    if (affixes && (!bole_slice_eq(bole_slice_from(value.ptr, s->prefix.len), s->prefix) ||
                    !bole_slice_eq(bole_slice_from(core.ptr + core.len, s->suffix.len), s->suffix)))
        return (bole_slice){0};
    return core;
}

bool values_shape_parse(const struct values_shape *s, bole_slice value, int64_t near_ns, struct datetime_cache *cache,
                        int64_t ret_words[VALUES_WORDS_MAX])
{
    bole_slice core = core_of(s, value);
    return core.len && parse_core(s, core, near_ns, cache, ret_words);
}

unsigned values_shape_len(const struct values_shape *s, const int64_t *words)
{
    unsigned affixes = (unsigned)(s->prefix.len + s->suffix.len);
    switch (s->type) {
    case VALUES_INT: return affixes + decimal_len(s, words[0]);
    case VALUES_IP4: return affixes + ip4_len((uint64_t)words[0]);
    case VALUES_UUID: return affixes + UUID_LEN;
    case VALUES_TIME: return affixes + datetime_len(&s->time, words[0]);
    default: return affixes + s->digits;
    }
}

static uint8_t *print_affix(bole_slice s, uint8_t *out)
{
    if (s.len)
        memcpy(out, s.ptr, s.len);
    return out + s.len;
}

uint8_t *values_shape_print(const struct values_shape *s, const int64_t *words, uint8_t *out)
{
    out = print_affix(s->prefix, out);
    switch (s->type) {
    case VALUES_INT: out = print_decimal(s, words[0], out); break;
    case VALUES_IP4: out = print_ip4(out, (uint64_t)words[0]); break;
    case VALUES_UUID: out = print_uuid(out, words, s->upper); break;
    case VALUES_TIME: out = datetime_print(&s->time, words[0], out); break;
    default:
        for (unsigned at = 0; at < s->digits; at += 16)
            out = print_hex(out, (uint64_t)words[at / 16], s->digits - at < 16 ? s->digits - at : 16, s->upper);
    }
    return print_affix(s->suffix, out);
}

/* ---- finding the shape of a column ---- */

static bool is_core_byte(enum values_type type, uint8_t c)
{
    bool digit = c >= '0' && c <= '9';
    return digit || (type == VALUES_HEX && ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))) ||
           (type == VALUES_IP4 && c == '.');
}

/* The bytes that all values begin and end with, without those at the inner ends that belong to the number. */
static bool find_affixes(const struct values_input *in, struct values_shape *s)
{
    bole_slice first = in->values[0];
    size_t prefix = first.len < VALUES_AFFIX_MAX ? first.len : VALUES_AFFIX_MAX, suffix = prefix;
    for (uint32_t i = 1; i < in->count && (prefix || suffix); i++) {
        bole_slice v = in->values[i];
        size_t n = 0;
        while (n < prefix && n < v.len && v.ptr[n] == first.ptr[n])
            n++;
        prefix = n;
        for (n = 0; n < suffix && n < v.len && v.ptr[v.len - 1 - n] == first.ptr[first.len - 1 - n];)
            n++;
        suffix = n;
    }
    if (s->type == VALUES_UUID) {
        /* A UUID has one length: what is behind it follows from where it begins. */
        if (first.len < UUID_LEN || first.len - UUID_LEN > prefix + suffix)
            return false;
        prefix = first.len - UUID_LEN < prefix ? first.len - UUID_LEN : prefix;
        for (size_t at = 0; at <= prefix; at++)
            if (first.ptr[at + 8] == '-' && first.ptr[at + 23] == '-' && first.len - UUID_LEN - at <= suffix) {
                prefix = at;
                suffix = first.len - UUID_LEN - at;
                break;
            }
    } else {
        while (prefix && is_core_byte(s->type, first.ptr[prefix - 1]))
            prefix--;
        while (suffix && is_core_byte(s->type, first.ptr[first.len - suffix]))
            suffix--;
    }
    if (prefix + suffix >= first.len)
        return false;
    s->prefix = bole_slice_from(first.ptr, prefix);
    s->suffix = bole_slice_from(first.ptr + first.len - suffix, suffix);
    return true;
}


/* A column of decimal numbers is padded to its shortest one, and no longer one may begin with a zero. */
static bool fit_decimal(const struct values_input *in, struct values_shape *s, int64_t *ret_words)
{
    bole_slice first = core_of(s, in->values[0]);
    const uint8_t *point = first.len ? memchr(first.ptr, '.', first.len) : NULL;
    s->decimals = point ? (unsigned)(first.ptr + first.len - point - 1) : 0;
    if (s->decimals > 17 || (point && s->decimals == 0))
        return false;
    unsigned shortest = UINT32_MAX, longest_padded = 0;
    for (uint32_t i = 0; i < in->count; i++) {
        unsigned digits;
        bool padded;
        values_prefetch(in, i);
        if (!parse_decimal(core_of(s, in->values[i]), s->decimals, &ret_words[i], &digits, &padded))
            return false;
        shortest = digits < shortest ? digits : shortest;
        longest_padded = padded && digits > longest_padded ? digits : longest_padded;
    }
    s->digits = shortest;
    return longest_padded <= shortest;
}

/* Whether the first letter among the digits is a capital: then all must be. */
static bool has_capitals(const struct values_input *in, const struct values_shape *s)
{
    for (uint32_t i = 0; i < in->count; i++) {
        bole_slice core = core_of(s, in->values[i]);
        for (size_t k = 0; k < core.len; k++)
            if (core.ptr[k] >= 'A')
                return core.ptr[k] < 'a';
    }
    return false;
}

static bool parse_all(const struct values_input *in, const struct values_shape *s,
                      int64_t *const words[VALUES_WORDS_MAX], uint32_t *ret_failed_at)
{
    struct datetime_cache cache = {0};
    unsigned count = values_shape_words(s);
    for (uint32_t i = 0; i < in->count; i++) {
        int64_t v[VALUES_WORDS_MAX];
        values_prefetch(in, i);
        if (!values_shape_parse(s, in->values[i], in->time_ns ? in->time_ns[i] : 0, &cache, v)) {
            *ret_failed_at = i;
            return false;
        }
        for (unsigned w = 0; w < count; w++)
            words[w][i] = v[w];
    }
    return true;
}

/* Fractions of different lengths: the way of leaving digits out that explains all values. */
static bool fit_fractions(const struct values_input *in, struct values_shape *s, uint32_t sample,
                          int64_t *const words[VALUES_WORDS_MAX])
{
    struct datetime_format *f = &s->time, other;
    size_t len,
        bare = s->prefix.len + s->suffix.len + datetime_len_max(&(struct datetime_format){.pattern = f->pattern});
    if (f->digits == 0) {
        if (!datetime_detect(bole_slice_sub(in->values[sample], s->prefix.len), f->pattern, in->time_ns[sample], &other,
                             &len) ||
            other.pattern != f->pattern)
            return false;
        f->separator = other.separator;
    }
    if (!f->separator)
        return false;
    for (uint32_t i = 0; i < in->count; i++) {
        size_t more = in->values[i].len - bare;
        if (in->values[i].len < bare || more == 1 || more > 10)
            return false;
        f->digits = more && more - 1 > f->digits ? (uint8_t)(more - 1) : f->digits;
    }
    uint32_t failed_at;
    for (f->fraction = DATETIME_TRIMMED; f->fraction <= DATETIME_OPTIONAL; f->fraction++)
        if (datetime_format_valid(f) && parse_all(in, s, words, &failed_at))
            return true;
    return false;
}

static bool fit_time(const struct values_input *in, struct values_shape *s, int64_t *const words[VALUES_WORDS_MAX])
{
    bole_slice first = in->values[0];
    size_t at = 0, len;
    while (at < first.len && at < 8 && first.ptr[at] && strchr("[({<\"'- ", first.ptr[at]))
        at++;
    s->prefix = bole_slice_from(first.ptr, at);
    for (unsigned p = 0; datetime_detect(bole_slice_sub(first, at), p, in->time_ns[0], &s->time, &len); p++) {
        uint32_t failed_at;
        p = s->time.pattern;
        s->suffix = bole_slice_sub(first, at + len);
        if (s->suffix.len > VALUES_AFFIX_MAX)
            return false;
        if (parse_all(in, s, words, &failed_at) || fit_fractions(in, s, failed_at, words))
            return true;
    }
    return false;
}

/* Between the affixes that s has. */
static bool fit_core(const struct values_input *in, struct values_shape *s, int64_t *const words[VALUES_WORDS_MAX])
{
    uint32_t failed_at;
    if (s->type == VALUES_INT)
        return fit_decimal(in, s, words[0]);
    s->digits = (unsigned)core_of(s, in->values[0]).len;
    if (s->type == VALUES_HEX && s->digits > 16 * VALUES_WORDS_MAX)
        return false;
    s->upper = s->type != VALUES_IP4 && has_capitals(in, s);
    return parse_all(in, s, words, &failed_at);
}

bool values_shape_fit(const struct values_input *in, const struct values_shape *sample, struct values_shape *ret_shape,
                      int64_t *const words[VALUES_WORDS_MAX])
{
    struct values_shape s = *sample;
    bool fits = false;
    if (s.type == VALUES_TIME)
        fits = in->time_ns && fit_time(in, &s, words);
    else if (s.digits) /* affixes of a sample are those of all, as a rule */
        fits = fit_core(in, &s, words);
    if (!fits && s.type != VALUES_TIME)
        fits = find_affixes(in, &s) && fit_core(in, &s, words);
    if (fits)
        *ret_shape = s;
    return fits;
}

bool values_shape_possible(enum values_type type, bole_slice value)
{
    unsigned digits = 0, dots = 0, dashes = 0, letters = 0;
    for (size_t i = 0; i < value.len && i < 2 * UUID_LEN; i++) {
        uint8_t c = value.ptr[i];
        digits += c >= '0' && c <= '9';
        dots += c == '.';
        dashes += c == '-';
        letters += (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    }
    switch (type) {
    case VALUES_IP4: return dots >= 3 && digits >= 4;
    case VALUES_UUID: return value.len >= UUID_LEN && dashes >= 4;
    case VALUES_TIME: return digits >= 6;
    case VALUES_INT: return digits >= 1;
    default: return digits + letters >= 1;
    }
}

/* ---- heads ---- */

void values_shape_put(const struct values_shape *s, bool relative, struct buf *head)
{
    buf_put_u8(head, (uint8_t)s->type);
    buf_put_u8(head, (uint8_t)s->prefix.len);
    buf_put(head, s->prefix);
    buf_put_u8(head, (uint8_t)s->suffix.len);
    buf_put(head, s->suffix);
    switch (s->type) {
    case VALUES_INT:
        buf_put_u8(head, (uint8_t)s->digits);
        buf_put_u8(head, (uint8_t)s->decimals);
        break;
    case VALUES_HEX: buf_put_u8(head, (uint8_t)(s->digits | (unsigned)s->upper << 7)); break;
    case VALUES_UUID: buf_put_u8(head, s->upper); break;
    case VALUES_TIME:
        buf_put_u8(head, s->time.pattern);
        buf_put_u8(head, (uint8_t)(s->time.digits | s->time.fraction << 4));
        buf_put_u8(head, s->time.separator);
        buf_put_u8(head, relative);
        break;
    default: break;
    }
}

bool values_shape_open(struct values_shape *s, enum values_type type, bool *ret_relative, struct reader *r)
{
    *s = (struct values_shape){.type = type};
    *ret_relative = false;
    s->prefix = reader_bytes(r, reader_u8(r));
    s->suffix = reader_bytes(r, reader_u8(r));
    uint8_t byte;
    switch (type) {
    case VALUES_INT:
        s->digits = reader_u8(r);
        s->decimals = reader_u8(r);
        return !r->failed && s->digits > 0 && s->digits <= 19 && s->decimals < s->digits;
    case VALUES_HEX:
        byte = reader_u8(r);
        s->digits = byte & 127;
        s->upper = byte >> 7;
        return !r->failed && s->digits > 0 && s->digits <= 16 * VALUES_WORDS_MAX;
    case VALUES_IP4:
        return !r->failed;
    case VALUES_UUID:
        byte = reader_u8(r);
        s->upper = byte;
        return !r->failed && byte <= 1;
    case VALUES_TIME:
        s->time.pattern = reader_u8(r);
        byte = reader_u8(r);
        s->time.digits = byte & 15;
        s->time.fraction = byte >> 4;
        s->time.separator = reader_u8(r);
        byte = reader_u8(r);
        *ret_relative = byte;
        return !r->failed && byte <= 1 && datetime_format_valid(&s->time);
    default:
        return false;
    }
}
