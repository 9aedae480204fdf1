/*
 * A line is looked through once for all kinds: each kind has a few beginnings of three bytes, and 32 positions at once
 * are tested for them by halves of bytes (after Langdale's Teddy). What passes is looked up by its three bytes in tables
 * without doubt, and what still stands is read in full by the kind's own check. An ordinary line is settled by the first step.
 */
#include "process/detect.h"

#include <arpa/inet.h>
#include <limits.h>

#ifdef __x86_64__
#include <immintrin.h>
#endif

#define DIGIT "0123456789"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define HEX   DIGIT "abcdefABCDEF"

enum {
    SHORT = 16 /* bytes of a text that no vectors are set up for */,
    CARD_DIGITS_MIN = 13,
    CARD_BUCKET = 7
}; /* a bucket of their own: numbers are many, and most too short */

/* Where a hit may begin, or (e-mail, IPv4, IPv6) what it must hold. An empty set is any byte. */
static const struct beginning {
    enum detect_kind kind;
    uint8_t          bucket; /* the first step mixes those of one bucket, half a byte at a time: their halves should be few */
    const char      *bytes[3];
} beginnings[] = { /* buckets: by a search for those that mixed logs fit least often */
    {DETECT_EMAIL, 0, {"@", "", ""}},
    {DETECT_AWS_KEY, 1, {"A", "KS", "I"}},
    {DETECT_PASSWORD, 1, {"Aa", "Pp", "Ii"}},
    {DETECT_PASSWORD, 1, {"Aa", "Uu", "Tt"}},
    {DETECT_PASSWORD, 1, {"Pp", "Rr", "Ii"}},
    {DETECT_PASSWORD, 1, {"Pp", "Ww", "Dd"}},
    {DETECT_PASSWORD, 2, {"Pp", "Aa", "Ss"}},
    {DETECT_PASSWORD, 2, {":", "/", "/"}},
    {DETECT_PRIVATE_KEY, 2, {"-", "-", "-"}},
    {DETECT_TOKEN, 2, {"s", "k", "_"}},
    {DETECT_TOKEN, 2, {"x", "o", "x"}},
    {DETECT_BEARER, 3, {"Bb", "Ee", "Aa"}},
    {DETECT_PASSWORD, 3, {"Aa", "Cc", "Cc"}},
    {DETECT_TOKEN, 3, {"A", "I", "z"}},
    {DETECT_TOKEN, 3, {"g", "h", "oprsu"}},
    {DETECT_TOKEN, 3, {"g", "i", "t"}},
    {DETECT_JWT, 4, {"e", "y", "J"}},
    {DETECT_PASSWORD, 4, {"Cc", "Rr", "Ee"}},
    {DETECT_PASSWORD, 4, {"Ss", "Ee", "Cc"}},
    {DETECT_PASSWORD, 4, {"Tt", "Oo", "Kk"}},
    {DETECT_IBAN, 5, {UPPER, UPPER, DIGIT}},
    {DETECT_IPV4, 6, {DIGIT, ".", DIGIT}},
    {DETECT_IPV6, 6, {HEX, ":", HEX ":"}},
    {DETECT_IPV6, 6, {":", ":", ""}},
    {DETECT_CARD, CARD_BUCKET, {"3456", DIGIT, DIGIT}},
    {DETECT_CARD, CARD_BUCKET, {"2", "234567", DIGIT}},
};
_Static_assert(sizeof beginnings / sizeof *beginnings <= 32, "a bit for each");
enum { BEGINNINGS = sizeof beginnings / sizeof *beginnings, BLOCK = 32, BLOCK_READS = BLOCK + CARD_DIGITS_MIN - 1 };

const char *const detect_names[] = {"email", "card", "iban", "aws_key", "jwt", "bearer", "private_key", "token",
                                    "password", "ipv4", "ipv6", "secret", "ip", "all", NULL};

const char *detect_kind_name(enum detect_kind kind)
{
    return detect_names[kind];
}

unsigned detect_kinds(bole_slice name)
{
    enum { SECRETS = 1u << DETECT_AWS_KEY | 1u << DETECT_JWT | 1u << DETECT_BEARER | 1u << DETECT_PRIVATE_KEY |
                     1u << DETECT_TOKEN | 1u << DETECT_PASSWORD };
    for (unsigned i = 0; i < DETECT_COUNT; i++)
        if (bole_slice_eq(name, bole_slice_str(detect_names[i])))
            return 1u << i;
    return bole_slice_eq(name, S("secret")) ? SECRETS
           : bole_slice_eq(name, S("ip"))   ? 1u << DETECT_IPV4 | 1u << DETECT_IPV6
           : bole_slice_eq(name, S("all"))  ? (1u << DETECT_COUNT) - 1
                                            : 0;
}

static bool in_set(const char *set, unsigned byte)
{
    return !*set || (byte && strchr(set, (int)byte));
}

static void add_beginning(struct detector *d, size_t index)
{
    const struct beginning *b = &beginnings[index];
    for (unsigned byte = 0; byte < 256; byte++)
        for (unsigned i = 0; i < 3; i++)
            if (in_set(b->bytes[i], byte)) {
                d->low[i][byte & 15] |= (uint8_t)(1u << b->bucket);
                d->high[i][byte >> 4] |= (uint8_t)(1u << b->bucket);
                d->exact[i][byte] |= 1u << index;
            }
}

static void add_kinds(struct detector *d, unsigned kinds)
{
    d->kinds |= kinds;
    for (size_t i = 0; i < BEGINNINGS; i++)
        if (kinds >> beginnings[i].kind & 1)
            add_beginning(d, i);
}

void detector_init(struct detector *d, unsigned kinds)
{
    *d = (struct detector){0};
    add_kinds(d, kinds);
}

/* ---- letters ---- */

static inline bool is_digit(uint8_t c) { return c >= '0' && c <= '9'; }
static inline bool is_upper(uint8_t c) { return c >= 'A' && c <= 'Z'; }
static inline bool is_letter(uint8_t c) { return (uint8_t)((c | 0x20) - 'a') < 26; }
static inline bool is_alnum(uint8_t c) { return is_digit(c) || is_letter(c); }
static inline bool is_hex(uint8_t c) { return is_digit(c) || (uint8_t)((c | 0x20) - 'a') < 6; }
static inline bool is_token(uint8_t c) { return is_alnum(c) || c == '_' || c == '-'; }

/* The byte at `at`; 0 behind the end. */
static inline uint8_t byte_at(bole_slice s, size_t at) { return at < s.len ? s.ptr[at] : 0; }

static size_t span(bole_slice s, size_t at, size_t max, bool (*is)(uint8_t))
{
    size_t n = 0;
    while (n < max && at + n < s.len && is(s.ptr[at + n]))
        n++;
    return n;
}

static bool starts_at(bole_slice s, size_t at, bole_slice word)
{
    return at <= s.len && bole_slice_starts(bole_slice_from(s.ptr + at, s.len - at), word);
}

static bool starts_nocase(bole_slice s, size_t at, bole_slice word)
{
    return at <= s.len && s.len - at >= word.len && bole_slice_eq_nocase(bole_slice_from(s.ptr + at, word.len), word);
}

/* ---- each kind: `at` is a beginning, nothing before `floor` may be taken ---- */

static bool is_local(uint8_t c)
{
    return is_alnum(c) || c >= 0x80 || (c && strchr("._%+-'", c));
}

static bool is_domain(uint8_t c)
{
    return is_alnum(c) || c >= 0x80 || c == '-';
}

static bool read_email(bole_slice s, size_t at, size_t floor, struct detect_hit *hit)
{
    enum { LOCAL_MAX = 64, DOMAIN_MAX = 255 };
    size_t from = at, to = at + 1, last = 0;
    while (from > floor && at - from < LOCAL_MAX && is_local(s.ptr[from - 1]))
        from--;
    for (;;) {
        size_t n = span(s, to, DOMAIN_MAX, is_domain);
        if (!n || to + n - at > DOMAIN_MAX)
            break;
        last = n;
        to += n;
        if (byte_at(s, to) != '.' || !is_domain(byte_at(s, to + 1)))
            break;
        to++;
    }
    while (from < at && s.ptr[from] == '.')
        from++;
    *hit = (struct detect_hit){from, to, DETECT_EMAIL};
    /* A domain of one word is a host of the house (user@db1): no address to hide. */
    return from < at && last >= 2 && last < to - at - 1 && !is_digit(s.ptr[to - 1]);
}

static bool luhn(const uint8_t *digits, size_t count)
{
    unsigned sum = 0;
    for (size_t i = 0; i < count; i++) {
        unsigned v = digits[count - 1 - i];
        sum += i & 1 ? (v > 4 ? 2 * v - 9 : 2 * v) : v;
    }
    return sum % 10 == 0;
}

static bool card_length(const uint8_t *d, size_t n)
{
    switch (d[0]) {
    case 2: return n == 16;
    case 3: return d[1] == 4 || d[1] == 7 ? n == 15 : n >= 14 && n <= 16;
    case 4: return n == 13 || n == 16 || n == 19;
    case 5: return n == 16;
    default: return n >= 16 && n <= 19;
    }
}

static bool read_card(bole_slice s, size_t at, size_t floor, struct detect_hit *hit)
{
    enum { DIGITS_MAX = 19, GROUP_MIN = 3 };
    uint8_t digits[DIGITS_MAX], separator = 0;
    size_t count = 0, to = at, group = 0;
    if (at > floor && is_token(s.ptr[at - 1]) && s.ptr[at - 1] != '-')
        return false;
    for (; to < s.len; to++) {
        uint8_t c = s.ptr[to];
        if (is_digit(c)) {
            if (count == DIGITS_MAX)
                return false;
            digits[count++] = (uint8_t)(c - '0');
            group++;
        } else if ((c == ' ' || c == '-') && (!separator || c == separator) && group >= GROUP_MIN &&
                   is_digit(byte_at(s, to + 1)) &&
                   !(count >= CARD_DIGITS_MIN && card_length(digits, count) && luhn(digits, count))) {
            separator = c;
            group = 0;
        } else {
            break;
        }
    }
    *hit = (struct detect_hit){at, to, DETECT_CARD};
    return count >= CARD_DIGITS_MIN && group >= GROUP_MIN && !is_letter(byte_at(s, to)) && card_length(digits, count) &&
           luhn(digits, count);
}

/* Country and length (SWIFT's IBAN registry). */
static const char iban_lengths[] =
    "AD24AE23AL28AT20AZ28BA20BE16BG22BH22BI27BR29BY28CH21CR22CY28CZ24DE22DJ27DK18DO28EE20EG29ES24FI18FK18FO18FR27GB22"
    "GE22GI23GL18GR27GT28HN28HR21HU28IE22IL23IQ23IS26IT27JO30KW30KZ20LB28LC32LI21LT20LU20LV21LY25MC27MD24ME22MK19MN20"
    "MR27MT31MU30NI28NL18NO15OM23PK24PL28PS29PT25QA29RO24RS22RU33SA24SC31SD18SE24SI19SK24SM27SO23ST25SV28TL23TN24TR26"
    "UA29VA22VG24XK20YE30";

static size_t iban_length(const uint8_t *country)
{
    for (const char *p = iban_lengths; *p; p += 4)
        if (!memcmp(p, country, 2))
            return (size_t)(p[2] - '0') * 10 + (size_t)(p[3] - '0');
    return 0;
}

static unsigned mod97(unsigned rest, uint8_t c)
{
    return is_digit(c) ? (rest * 10 + c - '0') % 97 : (rest * 100 + c - 'A' + 10) % 97;
}

static bool read_iban(bole_slice s, size_t at, size_t floor, struct detect_hit *hit)
{
    enum { IBAN_MAX = 34 };
    uint8_t text[IBAN_MAX];
    size_t length = iban_length(s.ptr + at), n = 0, to = at;
    unsigned rest = 0;
    if (!length || !is_digit(byte_at(s, at + 3)) || (at > floor && is_alnum(s.ptr[at - 1])))
        return false;
    for (; n < length && to < s.len; to++) {
        uint8_t c = s.ptr[to];
        if (is_digit(c) || is_upper(c))
            text[n++] = c;
        else if (c != ' ' || n % 4)
            break;
    }
    if (n < length || is_alnum(byte_at(s, to)))
        return false;
    for (size_t i = 0; i < n; i++)
        rest = mod97(rest, text[(i + 4) % n]);
    *hit = (struct detect_hit){at, to, DETECT_IBAN};
    return rest == 1;
}

static bool is_key_upper(uint8_t c) { return is_upper(c) || is_digit(c); }
static bool is_bearer(uint8_t c) { return is_token(c) || (c && strchr(".~+/=", c)); }
static bool is_inner(bole_slice s, size_t at, size_t floor) { return at > floor && is_token(s.ptr[at - 1]); }

static bool read_aws(bole_slice s, size_t at, size_t floor, struct detect_hit *hit)
{
    enum { KEY_LEN = 20 };
    *hit = (struct detect_hit){at, at + KEY_LEN, DETECT_AWS_KEY};
    return (starts_at(s, at, S("AKIA")) || starts_at(s, at, S("ASIA"))) && !is_inner(s, at, floor) &&
           span(s, at, KEY_LEN + 1, is_key_upper) == KEY_LEN && !is_token(byte_at(s, at + KEY_LEN));
}

/* header.payload.signature, each base64url; the first two begin as `{"` does. RFC 7519. */
static bool read_jwt(bole_slice s, size_t at, size_t floor, struct detect_hit *hit)
{
    enum { PART_MIN = 8 };
    size_t to = at;
    if (is_inner(s, at, floor))
        return false;
    for (int part = 0; part < 3; part++) {
        size_t n = span(s, to, SIZE_MAX, is_token);
        if (n < (part < 2 ? PART_MIN : 0) || (part == 1 && !starts_at(s, to, S("eyJ"))))
            return false;
        to += n;
        if (part < 2 && byte_at(s, to++) != '.')
            return false;
    }
    *hit = (struct detect_hit){at, to, DETECT_JWT};
    return true;
}

static bool read_bearer(bole_slice s, size_t at, size_t floor, struct detect_hit *hit)
{
    enum { TOKEN_MIN = 12 };
    size_t from = at + 6;
    if (!starts_nocase(s, at, S("bearer")) || is_inner(s, at, floor) || byte_at(s, from) != ' ')
        return false;
    while (byte_at(s, from) == ' ')
        from++;
    size_t n = span(s, from, SIZE_MAX, is_bearer);
    *hit = (struct detect_hit){from, from + n, DETECT_BEARER};
    return n >= TOKEN_MIN;
}

/* PEM, also with its lines joined or as \n. Without an end everything behind it goes. */
static bool read_private_key(bole_slice s, size_t at, size_t floor, struct detect_hit *hit)
{
    enum { LABEL_MAX = 48 };
    static const bole_slice label = S("PRIVATE KEY"), end = S("-----END ");
    (void)floor;
    if (!starts_at(s, at, S("-----BEGIN ")))
        return false;
    size_t left = s.len - at, reach = left < LABEL_MAX ? left : LABEL_MAX, to = s.len;
    if (!memmem(s.ptr + at, reach, label.ptr, label.len))
        return false;
    const uint8_t *last = memmem(s.ptr + at, left, end.ptr, end.len);
    if (last) {
        to = (size_t)(last - s.ptr) + end.len;
        while (to < s.len && (is_upper(s.ptr[to]) || s.ptr[to] == ' '))
            to++;
        while (byte_at(s, to) == '-')
            to++;
    }
    *hit = (struct detect_hit){at, to, DETECT_PRIVATE_KEY};
    return true;
}

/* GitHub, GitLab's kin, Slack, Stripe, Google. */
static bool read_token(bole_slice s, size_t at, size_t floor, struct detect_hit *hit)
{
    static const struct { bole_slice prefix; size_t rest_min; } forms[] = {
        {S("ghp_"), 30}, {S("gho_"), 30}, {S("ghu_"), 30}, {S("ghs_"), 30}, {S("ghr_"), 30}, {S("github_pat_"), 30},
        {S("xoxb-"), 10}, {S("xoxp-"), 10}, {S("xoxa-"), 10}, {S("xoxr-"), 10}, {S("xoxs-"), 10},
        {S("sk_live_"), 16}, {S("sk_test_"), 16}, {S("AIza"), 35}};
    if (is_inner(s, at, floor))
        return false;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (!starts_at(s, at, forms[i].prefix))
            continue;
        size_t n = span(s, at + forms[i].prefix.len, SIZE_MAX, is_token);
        *hit = (struct detect_hit){at, at + forms[i].prefix.len + n, DETECT_TOKEN};
        return n >= forms[i].rest_min;
    }
    return false;
}

/* user:password@ behind the :// of a URL. */
static bool read_userinfo(bole_slice s, size_t at, struct detect_hit *hit)
{
    enum { USERINFO_MAX = 256 };
    size_t from = at + 3, colon = 0;
    for (size_t i = from; i < s.len && i - from < USERINFO_MAX; i++) {
        uint8_t c = s.ptr[i];
        if (c == '@' && colon && i > colon + 1) {
            *hit = (struct detect_hit){colon + 1, i, DETECT_PASSWORD};
            return true;
        }
        if (c <= ' ' || c == '/' || c == '?' || c == '"')
            return false;
        if (c == ':' && !colon)
            colon = i;
    }
    return false;
}

static bool is_quote(uint8_t c) { return c == '"' || c == '\''; }

/* Behind an opening quote that has `escapes` backslashes in front (JSON within JSON): where the same closes. */
static size_t quoted_end(bole_slice s, size_t at, uint8_t quote, size_t escapes)
{
    size_t backslashes = 0;
    for (; at < s.len; at++) {
        if (s.ptr[at] == quote && backslashes <= escapes)
            return at - backslashes;
        backslashes = s.ptr[at] == '\\' ? backslashes + 1 : 0;
    }
    return at;
}

static size_t bare_end(bole_slice s, size_t at)
{
    while (at < s.len && s.ptr[at] > ' ' && !strchr(",;&)}]\"'<>", s.ptr[at]))
        at++;
    return at;
}

/* A longer one stands before its beginning. */
static const bole_slice secret_words[] = {
    S("password"),          S("passwd"),          S("passphrase"),    S("passcode"),   S("pass"),      S("pwd"),
    S("secret_access_key"), S("secretaccesskey"), S("secret_key"),    S("secretkey"),  S("secret"),    S("token"),
    S("api_key"),           S("apikey"),          S("api-key"),       S("access_key"), S("accesskey"), S("private_key"),
    S("credentials"),       S("credential"),      S("authorization"), S("auth")};
enum { SECRET_WORDS = sizeof secret_words / sizeof *secret_words };

/* A name that speaks of a secret, then = or :, then its value, either of them quoted or not. */
static bool read_password(bole_slice s, size_t at, size_t floor, struct detect_hit *hit)
{
    size_t i = 0, escapes = 0;
    (void)floor;
    if (s.ptr[at] == ':')
        return read_userinfo(s, at, hit);
    uint8_t first = s.ptr[at] | 0x20, third = byte_at(s, at + 2) | 0x20;
    while (i < SECRET_WORDS &&
           (first != secret_words[i].ptr[0] || third != secret_words[i].ptr[2] || !starts_nocase(s, at, secret_words[i])))
        i++;
    if (i == SECRET_WORDS)
        return false;
    size_t p = at + secret_words[i].len;
    while (byte_at(s, p) == '\\')
        p++;
    p += is_quote(byte_at(s, p));
    while (byte_at(s, p) == ' ')
        p++;
    if (byte_at(s, p) != '=' && byte_at(s, p) != ':')
        return false;
    p++;
    while (byte_at(s, p) == ' ')
        p++;
    while (byte_at(s, p) == '\\') {
        p++;
        escapes++;
    }
    size_t to;
    if (is_quote(byte_at(s, p))) {
        to = quoted_end(s, p + 1, s.ptr[p], escapes);
        p++;
    } else {
        if (starts_nocase(s, at, S("auth")) && (starts_nocase(s, p, S("basic ")) || starts_nocase(s, p, S("bearer ")) ||
                                                starts_nocase(s, p, S("digest "))))
            p = p + (starts_nocase(s, p, S("basic ")) ? 6 : 7);
        to = bare_end(s, p);
    }
    *hit = (struct detect_hit){p, to, DETECT_PASSWORD};
    return to > p;
}

bool detect_secret_name(bole_slice name)
{
    enum { LONG = 5, SHORTEST = 3 }; /* bytes of a word that may end another (userPassword); shorter ones would: compass */
#define BIT(letter) (1u << ((letter) & 31))
    static const uint32_t before_last[32] = {/* how the words end */
                                             ['d' & 31] = BIT('r') | BIT('w'),
                                             ['e' & 31] = BIT('s') | BIT('d'),
                                             ['s' & 31] = BIT('s') | BIT('l'),
                                             ['y' & 31] = BIT('e'),
                                             ['t' & 31] = BIT('e'),
                                             ['n' & 31] = BIT('e') | BIT('o'),
                                             ['l' & 31] = BIT('a'),
                                             ['h' & 31] = BIT('t')};
    if (name.len < SHORTEST || !(before_last[name.ptr[name.len - 1] & 31] & BIT(name.ptr[name.len - 2])))
        return false;
#undef BIT
    for (size_t i = 0; i < SECRET_WORDS; i++) {
        bole_slice word = secret_words[i];
        if (name.len < word.len || (name.ptr[name.len - 1] | 0x20) != word.ptr[word.len - 1] ||
            !starts_nocase(name, name.len - word.len, word))
            continue;
        if (word.len >= LONG || name.len == word.len || !is_alnum(name.ptr[name.len - word.len - 1]))
            return true;
    }
    return false;
}

static bool read_ipv4(bole_slice s, size_t at, size_t floor, struct detect_hit *hit)
{
    size_t from = at, to;
    while (from > floor && at - from < 2 && is_digit(s.ptr[from - 1]))
        from--;
    if (from > floor && (is_alnum(s.ptr[from - 1]) || s.ptr[from - 1] == '.'))
        return false;
    to = from;
    for (int part = 0; part < 4; part++) {
        unsigned value = 0;
        size_t n = span(s, to, 4, is_digit);
        for (size_t i = 0; i < n; i++)
            value = value * 10 + s.ptr[to + i] - '0';
        if (n == 0 || n > 3 || value > 255)
            return false;
        to += n;
        if (part < 3 && byte_at(s, to++) != '.')
            return false;
    }
    *hit = (struct detect_hit){from, to, DETECT_IPV4};
    return !is_alnum(byte_at(s, to)) && !(byte_at(s, to) == '.' && is_digit(byte_at(s, to + 1)));
}

static bool is_ipv6(uint8_t c) { return is_hex(c) || c == ':' || c == '.'; }

/* Short for ::, or with the colons of 8 groups, the last two of which may be an IPv4 address: most are times of day. */
static bool may_be_ipv6(const char *text)
{
    enum { COLONS_MIN = 6 };
    unsigned colons = 0;
    for (const char *p = text; *p; p++) {
        colons += *p == ':';
        if (*p == ':' && p[1] == ':')
            return true;
    }
    return colons >= COLONS_MIN;
}

static bool read_ipv6(bole_slice s, size_t at, size_t floor, struct detect_hit *hit)
{
    enum { TEXT_MAX = 45 };
    char text[TEXT_MAX + 1];
    struct in6_addr address;
    size_t from = at;
    while (from > floor && at - from < TEXT_MAX && is_ipv6(s.ptr[from - 1]))
        from--;
    size_t n = span(s, from, TEXT_MAX + 1, is_ipv6);
    while (n && (s.ptr[from + n - 1] == '.' || (s.ptr[from + n - 1] == ':' && !(n > 1 && s.ptr[from + n - 2] == ':'))))
        n--;
    if (n < 3 || n > TEXT_MAX || (from > floor && is_alnum(s.ptr[from - 1])) || is_alnum(byte_at(s, from + n)))
        return false;
    memcpy(text, s.ptr + from, n);
    text[n] = 0;
    *hit = (struct detect_hit){from, from + n, DETECT_IPV6};
    return may_be_ipv6(text) && inet_pton(AF_INET6, text, &address) == 1;
}

typedef bool read_fn(bole_slice s, size_t at, size_t floor, struct detect_hit *hit);
static read_fn *const readers[DETECT_COUNT] = {
    [DETECT_EMAIL] = read_email, [DETECT_CARD] = read_card,     [DETECT_IBAN] = read_iban,
    [DETECT_AWS_KEY] = read_aws, [DETECT_JWT] = read_jwt,       [DETECT_BEARER] = read_bearer,
    [DETECT_PRIVATE_KEY] = read_private_key, [DETECT_TOKEN] = read_token, [DETECT_PASSWORD] = read_password,
    [DETECT_IPV4] = read_ipv4,   [DETECT_IPV6] = read_ipv6};

/* A hit whose beginning is at `at`. */
static inline bool look_at(const struct detector *d, bole_slice s, size_t at, size_t floor, struct detect_hit *hit)
{
    uint32_t fits = d->exact[0][s.ptr[at]] & d->exact[1][byte_at(s, at + 1)] & d->exact[2][byte_at(s, at + 2)];
    for (; fits; fits &= fits - 1)
        if (readers[beginnings[__builtin_ctz(fits)].kind](s, at, floor, hit))
            return true;
    return false;
}

bool detect_next_portable(const struct detector *d, bole_slice text, size_t from, struct detect_hit *ret_hit)
{
    for (size_t at = from; at < text.len; at++)
        if (look_at(d, text, at, from, ret_hit))
            return true;
    return false;
}

#ifdef __x86_64__
#define AVX2 __attribute__((target("avx2")))

AVX2 static inline __m256i may_be(const struct detector *d, const uint8_t *p, unsigned i)
{
    __m256i bytes = _mm256_loadu_si256((const __m256i *)(const void *)(p + i));
    __m256i low = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)d->low[i]));
    __m256i high = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)d->high[i]));
    __m256i nibble = _mm256_set1_epi8(15);
    return _mm256_and_si256(_mm256_shuffle_epi8(low, _mm256_and_si256(bytes, nibble)),
                            _mm256_shuffle_epi8(high, _mm256_and_si256(_mm256_srli_epi16(bytes, 4), nibble)));
}

/* Bits of the 32 bytes that a card's number may have. */
AVX2 static inline uint64_t card_bytes(const uint8_t *p)
{
    __m256i bytes = _mm256_loadu_si256((const __m256i *)(const void *)p);
    __m256i value = _mm256_sub_epi8(bytes, _mm256_set1_epi8('0'));
    __m256i digit = _mm256_cmpeq_epi8(_mm256_min_epu8(value, _mm256_set1_epi8(9)), value);
    __m256i separator =
        _mm256_or_si256(_mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(' ')), _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('-')));
    return (uint32_t)_mm256_movemask_epi8(_mm256_or_si256(digit, separator));
}

/* Bits of the 32 places that have CARD_DIGITS_MIN of them in a row. */
AVX2 static inline uint32_t card_places(const uint8_t *p)
{
    uint64_t run = card_bytes(p) | card_bytes(p + CARD_DIGITS_MIN - 1) << (CARD_DIGITS_MIN - 1);
    run &= run >> 1; /* 2 in a row, 4, 8, 13 */
    run &= run >> 2;
    run &= run >> 4;
    return (uint32_t)(run & run >> (CARD_DIGITS_MIN - 8));
}

/* Bits of the 32 places where something may begin. Reads BLOCK_READS bytes. */
AVX2 static inline uint32_t places(const struct detector *d, const uint8_t *p)
{
    __m256i all = _mm256_and_si256(_mm256_and_si256(may_be(d, p, 0), may_be(d, p, 1)), may_be(d, p, 2));
    __m256i others = _mm256_and_si256(all, _mm256_set1_epi8(0x7f));
    uint32_t found = ~(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(others, _mm256_setzero_si256()));
    uint32_t numbers = (uint32_t)_mm256_movemask_epi8(all);
    return numbers ? found | (numbers & card_places(p)) : found;
}

/* The block of a text at `at`; the last one with zeros behind it, in `last`. */
static inline const uint8_t *block_at(bole_slice text, size_t at, uint8_t last[BLOCK_READS])
{
    size_t left = text.len - at;
    if (left >= BLOCK_READS)
        return text.ptr + at;
    memset(last, 0, BLOCK_READS);
    memcpy(last, text.ptr + at, left);
    return last;
}

/* Bits of the places that are in the text. */
static inline uint32_t inside(uint32_t places, size_t left)
{
    return left < BLOCK ? places & ((1u << left) - 1) : places;
}

AVX2 static bool next_avx2(const struct detector *d, bole_slice text, size_t from, struct detect_hit *ret_hit)
{
    uint8_t last[BLOCK_READS];
    for (size_t at = from; at < text.len; at += BLOCK)
        for (uint32_t bits = inside(places(d, block_at(text, at, last)), text.len - at); bits; bits &= bits - 1)
            if (look_at(d, text, at + (unsigned)__builtin_ctz(bits), from, ret_hit))
                return true;
    return false;
}
#endif

bool detect_next(const struct detector *d, bole_slice text, size_t from, struct detect_hit *ret_hit)
{
#ifdef __x86_64__
    if (text.len - from >= SHORT && __builtin_cpu_supports("avx2"))
        return next_avx2(d, text, from, ret_hit);
#endif
    return detect_next_portable(d, text, from, ret_hit);
}

/* ---- the gate ---- */

void gate_init(struct gate *g)
{
    *g = (struct gate){0};
}

void gate_add_kinds(struct gate *g, unsigned kinds)
{
    add_kinds(&g->any, kinds);
}

/* How many of all texts of three bytes a bucket lets through. */
static unsigned long width_of(const struct detector *d, unsigned bucket)
{
    unsigned long width = 1;
    for (unsigned i = 0; i < 3; i++) {
        unsigned low = 0, high = 0;
        for (unsigned half = 0; half < 16; half++) {
            low += d->low[i][half] >> bucket & 1;
            high += d->high[i][half] >> bucket & 1;
        }
        width *= low * high;
    }
    return width;
}

/* `bytes` behind the end of a short literal may be anything. */
static void let_through(struct detector *d, const uint8_t *bytes, size_t len, unsigned bucket)
{
    for (unsigned i = 0; i < 3; i++)
        for (unsigned half = 0; half < 16; half++) {
            if (i >= len || (bytes[i] & 15) == half)
                d->low[i][half] |= (uint8_t)(1u << bucket);
            if (i >= len || bytes[i] >> 4 == half)
                d->high[i][half] |= (uint8_t)(1u << bucket);
        }
}

/* Into the bucket that lets the least more through by it. */
static void add_piece(struct detector *d, const uint8_t *bytes, size_t len)
{
    unsigned best = 0;
    unsigned long least = ULONG_MAX;
    for (unsigned bucket = 0; bucket < CARD_BUCKET; bucket++) {
        struct detector with = *d;
        let_through(&with, bytes, len, bucket);
        unsigned long more = width_of(&with, bucket) - width_of(d, bucket);
        if (more < least) {
            least = more;
            best = bucket;
        }
    }
    let_through(d, bytes, len, best);
}

/* How often a byte is in logs, roughly. */
static unsigned commonness(uint8_t c)
{
    return strchr(" eta", c) && c ? 8 : is_digit(c) || (c >= 'a' && c <= 'z') ? 4 : is_upper(c) ? 2 : 1;
}

/* Where the rarest three bytes in a row begin. */
static size_t rarest(const uint8_t *bytes, size_t len)
{
    size_t best = 0;
    unsigned least = UINT_MAX;
    for (size_t i = 0; i + 3 <= len; i++) {
        unsigned sum = commonness(bytes[i]) * commonness(bytes[i + 1]) * commonness(bytes[i + 2]);
        if (sum < least) {
            least = sum;
            best = i;
        }
    }
    return best;
}

uint32_t gate_add_literal(struct gate *g, bole_slice literal)
{
    if (!literal.len || g->literals == UINT32_MAX)
        return 0;
    unsigned index = (unsigned)__builtin_ctz(~g->literals);
    struct gate_literal *l = &g->pieces[index];
    l->len = (uint8_t)(literal.len < GATE_PIECE_MAX ? literal.len : GATE_PIECE_MAX);
    memcpy(l->bytes, literal.ptr, l->len);
    l->at = (uint8_t)rarest(l->bytes, l->len);
    size_t len = (size_t)l->len - l->at;
    for (unsigned i = 0; i < 3; i++)
        for (unsigned byte = 0; byte < 256; byte++)
            if (i >= len || byte == l->bytes[l->at + i])
                g->literal_exact[i][byte] |= 1u << index;
    add_piece(&g->any, l->bytes + l->at, len);
    g->literals |= 1u << index;
    return 1u << index;
}

static bool is_piece(const struct gate_literal *l, bole_slice s, size_t at)
{
    return at >= l->at && s.len - (at - l->at) >= l->len && memcmp(s.ptr + at - l->at, l->bytes, l->len) == 0;
}

static inline void gate_look_at(const struct gate *g, bole_slice s, size_t at, struct gate_found *found)
{
    const struct detector *d = &g->any;
    uint8_t a = s.ptr[at], b = byte_at(s, at + 1), c = byte_at(s, at + 2);
    struct detect_hit hit;
    for (uint32_t fits = d->exact[0][a] & d->exact[1][b] & d->exact[2][c]; fits; fits &= fits - 1) {
        enum detect_kind kind = beginnings[__builtin_ctz(fits)].kind;
        if (!(found->kinds >> kind & 1) && readers[kind](s, at, 0, &hit))
            found->kinds |= 1u << kind;
    }
    for (uint32_t fits = g->literal_exact[0][a] & g->literal_exact[1][b] & g->literal_exact[2][c] & ~found->literals; fits;
         fits &= fits - 1) {
        unsigned index = (unsigned)__builtin_ctz(fits);
        if (is_piece(&g->pieces[index], s, at))
            found->literals |= 1u << index;
    }
}

struct gate_found gate_look_portable(const struct gate *g, bole_slice text)
{
    struct gate_found found = {0};
    for (size_t at = 0; at < text.len; at++)
        gate_look_at(g, text, at, &found);
    return found;
}

#ifdef __x86_64__
AVX2 static struct gate_found gate_look_avx2(const struct gate *g, bole_slice text)
{
    struct gate_found found = {0};
    uint8_t last[BLOCK_READS];
    for (size_t at = 0; at < text.len; at += BLOCK)
        for (uint32_t bits = inside(places(&g->any, block_at(text, at, last)), text.len - at); bits; bits &= bits - 1)
            gate_look_at(g, text, at + (unsigned)__builtin_ctz(bits), &found);
    return found;
}
#endif

struct gate_found gate_look(const struct gate *g, bole_slice text)
{
#ifdef __x86_64__
    if (text.len >= SHORT && __builtin_cpu_supports("avx2"))
        return gate_look_avx2(g, text);
#endif
    return gate_look_portable(g, text);
}
