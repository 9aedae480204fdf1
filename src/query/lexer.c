#include <math.h>

#include "query/lexer.h"

#include "base/hex.h"
#include "base/utf8.h"
#include "query/units.h"
#include "shim/number.h"

static const struct { const char *word, *name; } kinds[TOKEN_KIND_COUNT] = {
#define X(kind, word, name) {word, name},
    TOKEN_KINDS(X)
#undef X
};

/* Longest first: the two-character operators stand in front of their first character. */
static const struct { char text[3]; enum token_kind kind; } operators[] = {
    {"|=", TOKEN_PIPE_EQ}, {"|~", TOKEN_PIPE_RE}, {"|>", TOKEN_PIPE_PATTERN}, {"!=", TOKEN_NEQ}, {"!~", TOKEN_NRE},
    {"!>", TOKEN_NOT_PATTERN}, {"=~", TOKEN_RE}, {"==", TOKEN_CMP_EQ}, {">=", TOKEN_GTE}, {"<=", TOKEN_LTE},
    {"=", TOKEN_EQ}, {"{", TOKEN_LBRACE}, {"}", TOKEN_RBRACE}, {",", TOKEN_COMMA}, {"(", TOKEN_LPAREN},
    {")", TOKEN_RPAREN}, {"|", TOKEN_PIPE}, {">", TOKEN_GT}, {"<", TOKEN_LT}, {"+", TOKEN_ADD}, {"-", TOKEN_SUB},
    {"*", TOKEN_MUL}, {"/", TOKEN_DIV}, {"%", TOKEN_MOD}, {"^", TOKEN_POW}, {"]", TOKEN_RBRACKET},
};

const char *token_name(enum token_kind kind)
{
    return kinds[kind].name;
}

void lexer_place(bole_slice query, size_t offset, size_t *ret_line, size_t *ret_column)
{
    *ret_line = 1;
    *ret_column = 1;
    for (size_t i = 0; i < offset && i < query.len;) {
        size_t n = utf8_length(query.ptr + i, query.len - i);
        if (query.ptr[i] == '\n') {
            (*ret_line)++;
            *ret_column = 0;
        }
        (*ret_column)++;
        i += n ? n : 1;
    }
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_word_start(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80;
}

static uint8_t peek(const struct lexer *lx, size_t ahead)
{
    return lx->at + ahead < lx->query.len ? lx->query.ptr[lx->at + ahead] : 0;
}

/* Go's comments, too. One that is not closed goes on to the end. */
static void skip_blank(struct lexer *lx)
{
    while (lx->at < lx->query.len) {
        uint8_t c = lx->query.ptr[lx->at];
        if (c == '/' && peek(lx, 1) == '*') {
            const uint8_t *from = lx->query.ptr + lx->at + 2;
            const uint8_t *end = memmem(from, lx->query.len - lx->at - 2, "*/", 2);
            lx->at = end ? (size_t)(end - lx->query.ptr) + 2 : lx->query.len;
        } else if (c == '#' || (c == '/' && peek(lx, 1) == '/')) {
            while (lx->at < lx->query.len && lx->query.ptr[lx->at] != '\n')
                lx->at++;
        } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
            lx->at++;
        } else {
            return;
        }
    }
}

static struct token finish(struct lexer *lx, size_t from, enum token_kind kind)
{
    return (struct token){.kind = kind, .offset = from, .text = {lx->query.ptr + from, lx->at - from}};
}

static struct token fail(struct lexer *lx, size_t from, const char *message)
{
    struct token t = finish(lx, from, TOKEN_ERROR);
    t.message = message;
    return t;
}

static struct token without_line(struct token t)
{
    t.has_no_line = true;
    return t;
}

/* One escape behind its backslash, Go's rules. Writes 1..4 bytes; 0 for an escape that is none. */
static size_t unescape(const uint8_t *p, size_t len, size_t *ret_used, uint8_t out[4])
{
    static const char plain[] = "abfnrtv\\\"", value[] = "\a\b\f\n\r\t\v\\\"";
    const char *hit = len && *p ? strchr(plain, *p) : NULL;
    if (hit) {
        out[0] = (uint8_t)value[hit - plain];
        *ret_used = 1;
        return 1;
    }
    if (len == 0)
        return 0;
    bool octal = *p >= '0' && *p <= '7';
    size_t from = !octal;
    size_t digits = octal ? 3 : *p == 'x' ? 2 : *p == 'u' ? 4 : *p == 'U' ? 8 : 0;
    uint32_t v = 0;
    if (digits == 0 || from + digits > len)
        return 0;
    for (size_t i = 0; i < digits; i++) {
        int d = hex_digit(p[from + i]);
        if (d < 0 || (octal && d > 7))
            return 0;
        v = v * (octal ? 8 : 16) + (uint32_t)d;
    }
    *ret_used = octal && v > 255 ? 4 : from + digits;
    if (octal || *p == 'x') {
        out[0] = (uint8_t)v;
        return v < 256;
    }
    bool is_surrogate = v >= 0xd800 && v < 0xe000; /* becomes what stands for no character */
    return v > 0x10ffff ? 0 : utf8_encode(is_surrogate ? 0xfffd : v, out);
}

static struct token lex_raw_string(struct lexer *lx)
{
    size_t from = lx->at++;
    const uint8_t *begin = lx->query.ptr + lx->at;
    const uint8_t *end = memchr(begin, '`', lx->query.len - lx->at);
    if (!end)
        return fail(lx, from, "literal not terminated");
    lx->at += (size_t)(end - begin) + 1;
    struct token t = finish(lx, from, TOKEN_STRING);
    t.text = (bole_slice){begin, (size_t)(end - begin)};
    return t;
}

static struct token lex_string(struct lexer *lx)
{
    size_t from = lx->at++, begin = lx->at;
    bool escaped = false;
    for (; lx->at < lx->query.len && peek(lx, 0) != '"' && peek(lx, 0) != '\n'; lx->at++)
        if (peek(lx, 0) == '\\') {
            escaped = true;
            lx->at++;
        }
    if (peek(lx, 0) != '"')
        return fail(lx, from, "literal not terminated");
    bole_slice body = {lx->query.ptr + begin, lx->at - begin};
    lx->at++;
    struct token t = finish(lx, from, TOKEN_STRING);
    t.text = body;
    if (!escaped)
        return t;
    uint8_t *out = arena_bytes(lx->arena, body.len);
    size_t n = 0;
    if (!out)
        return fail(lx, from, "memory limit of the query reached");
    for (size_t i = 0; i < body.len;) {
        if (body.ptr[i] != '\\') {
            out[n++] = body.ptr[i++];
            continue;
        }
        size_t used = 0;
        uint8_t bytes[4];
        size_t count = unescape(body.ptr + i + 1, body.len - i - 1, &used, bytes);
        if (count == 0)
            return fail(lx, from, used == 4 ? "invalid syntax" : "invalid char escape"); /* an octal number above 255 */
        memcpy(out + n, bytes, count);
        n += count;
        i += 1 + used;
    }
    t.text = (bole_slice){out, n};
    return t;
}

static struct token lex_range(struct lexer *lx)
{
    size_t from = lx->at++;
    const uint8_t *begin = lx->query.ptr + lx->at;
    const uint8_t *end = memchr(begin, ']', lx->query.len - lx->at);
    if (!end)
        return without_line(fail(lx, from, "missing closing ']' in duration"));
    bole_slice text = {begin, (size_t)(end - begin)};
    lx->at += text.len + 1;
    struct token t = finish(lx, from, TOKEN_RANGE);
    struct bole_err why;
    if (units_promql_duration(text, &t.duration_ns, &why) == BOLE_OK)
        return without_line(t);
    bole_slice message = arena_printf(lx->arena, "%s%c", why.msg, 0);
    return without_line(fail(lx, from, message.ptr ? (const char *)message.ptr : "not a valid duration string"));
}

/* A number as Go's scanner cuts it. Not NULL: why it is none. */
static const char *take_number(struct lexer *lx)
{
    bool hex = peek(lx, 0) == '0' && (peek(lx, 1) | 0x20) == 'x';
    uint8_t base = peek(lx, 0) == '0' ? peek(lx, 1) | 0x20 : 0, first = peek(lx, 2);
    uint8_t before = lx->at ? lx->query.ptr[lx->at - 1] : '0';
    if (base == 'b' && (before == ' ' || before == '\t' || before == '\n' || before == '\r'))
        return "decimal literal has no digits"; /* behind a blank Loki's scanner takes no number for a binary one */
    if (base == 'b' && first != '0' && first != '1' && first != '_')
        return "binary literal has no digits";
    if (base == 'o' && !(first >= '0' && first <= '7') && first != '_')
        return "octal literal has no digits";
    if (base == 'x' && hex_digit(first) < 0 && first != '_' && first != '.')
        return "hexadecimal literal has no digits";
    if (base == 'x' || base == 'o' || base == 'b')
        if (hex_digit(peek(lx, 2)) >= 0)
            lx->at += 2;
    for (bool point = false; is_digit(peek(lx, 0)) || peek(lx, 0) == '_' || (peek(lx, 0) == '.' && !point) ||
                             (hex && hex_digit(peek(lx, 0)) >= 0); lx->at++)
        point |= peek(lx, 0) == '.';
    uint8_t e = peek(lx, 0) | 0x20;
    size_t sign = peek(lx, 1) == '+' || peek(lx, 1) == '-';
    if (e == 'p' && !hex)
        return peek(lx, 0) == 'P' ? "'P' exponent requires hexadecimal mantissa" : "'p' exponent requires hexadecimal mantissa";
    if (e != (hex ? 'p' : 'e'))
        return NULL;
    if (!is_digit(peek(lx, 1 + sign)))
        return "exponent has no digits";
    for (lx->at += 1 + sign; is_digit(peek(lx, 0));)
        lx->at++;
    return NULL;
}

/* How far letters of `units` (and digits) go on behind the number. */
static size_t unit_end(const struct lexer *lx, const char *units)
{
    size_t at = lx->at;
    for (; at < lx->query.len; at++) {
        uint8_t c = lx->query.ptr[at];
        if (!is_digit(c) && c != '.' && (c == 0 || !strchr(units, c)))
            break;
    }
    return at;
}

static struct token lex_number(struct lexer *lx)
{
    size_t from = lx->at;
    const char *message = take_number(lx);
    if (message)
        return fail(lx, from, message);
    size_t number_end = lx->at;
    struct token t = {.offset = from};
    lx->at = unit_end(lx, "nsumhdwy\xc2\xb5\xce\xbc");
    bole_slice text = {lx->query.ptr + from, lx->at - from};
    if (lx->at > number_end &&
        (units_prometheus_duration(text, &t.duration_ns) || units_go_duration(text, &t.duration_ns, NULL) == BOLE_OK)) {
        t.kind = TOKEN_DURATION;
        t.text = text;
        return without_line(t);
    }
    lx->at = number_end;
    lx->at = unit_end(lx, "BikKMGTP");
    text = (bole_slice){lx->query.ptr + from, lx->at - from};
    if (lx->at > number_end && units_bytes(text, &t.size_bytes, NULL) == BOLE_OK) {
        t.kind = TOKEN_BYTES;
        t.text = text;
        return without_line(t);
    }
    lx->at = number_end;
    t = finish(lx, from, TOKEN_NUMBER);
    if (!number_parse(t.text, &t.number))
        t.number = NAN; /* `0x1`: the parser knows what it should have been */
    return t;
}

/* A function's name is one only where it is called. */
static bool is_called(const struct lexer *lx)
{
    struct lexer ahead = *lx;
    skip_blank(&ahead);
    if (peek(&ahead, 0) == '(')
        return true;
    size_t from = ahead.at;
    while (is_word_start(peek(&ahead, 0)))
        ahead.at++;
    bole_slice word = {lx->query.ptr + from, ahead.at - from};
    skip_blank(&ahead);
    if (peek(&ahead, 0) != '(')
        return false;
    return bole_slice_eq_nocase(word, S("by")) || bole_slice_eq_nocase(word, S("without"));
}

static struct token lex_word(struct lexer *lx)
{
    size_t from = lx->at;
    while (is_word_start(peek(lx, 0)) || is_digit(peek(lx, 0)))
        lx->at++;
    struct token t = finish(lx, from, TOKEN_IDENTIFIER);
    for (int kind = TOKEN_FIRST_WORD; kind < TOKEN_KIND_COUNT; kind++) {
        if (!bole_slice_eq_nocase(t.text, bole_slice_str(kinds[kind].word)))
            continue;
        if (kind < TOKEN_FIRST_FUNCTION || is_called(lx))
            t.kind = (enum token_kind)kind;
        break;
    }
    return t;
}

static struct token lex_flag(struct lexer *lx)
{
    size_t from = lx->at;
    lx->at += 2;
    while (is_word_start(peek(lx, 0)) || peek(lx, 0) == '-')
        lx->at++;
    struct token t = finish(lx, from, TOKEN_PARSER_FLAG);
    if (bole_slice_eq(t.text, S("--strict")) || bole_slice_eq(t.text, S("--keep-empty")))
        return without_line(t);
    lx->at = from + 1; /* `--1`: two signs */
    return finish(lx, from, TOKEN_SUB);
}

/* 'x', which is a token of Go's. */
static struct token lex_character(struct lexer *lx)
{
    size_t from = lx->at++, count = 0;
    for (; lx->at < lx->query.len && peek(lx, 0) != '\'' && peek(lx, 0) != '\n'; count++) {
        size_t n = utf8_length(lx->query.ptr + lx->at, lx->query.len - lx->at);
        lx->at += peek(lx, 0) == '\\' && lx->at + 1 < lx->query.len ? 2 : n ? n : 1;
    }
    if (peek(lx, 0) != '\'')
        return fail(lx, from, "literal not terminated");
    lx->at++;
    return count == 1 ? finish(lx, from, TOKEN_IDENTIFIER) : fail(lx, from, "invalid char literal");
}

struct token lexer_next(struct lexer *lx)
{
    skip_blank(lx);
    if (lx->at >= lx->query.len)
        return finish(lx, lx->at, TOKEN_END);
    uint8_t c = peek(lx, 0);
    if (c == '"')
        return lex_string(lx);
    if (c == '`')
        return lex_raw_string(lx);
    if (c == '[')
        return lex_range(lx);
    if (is_digit(c) || (c == '.' && is_digit(peek(lx, 1))))
        return lex_number(lx);
    if (is_word_start(c))
        return lex_word(lx);
    if (c == '-' && peek(lx, 1) == '-')
        return lex_flag(lx);
    size_t from = lx->at;
    if (c == '-' && (is_digit(peek(lx, 1)) || peek(lx, 1) == '.')) { /* -5m: a sign is part of a duration */
        struct token t = {.kind = TOKEN_DURATION, .offset = from};
        lx->at++;
        lx->at = unit_end(lx, "nsumhdwy\xc2\xb5\xce\xbc");
        t.text = (bole_slice){lx->query.ptr + from, lx->at - from};
        if (units_go_duration(t.text, &t.duration_ns, NULL) == BOLE_OK) /* also -0 */
            return without_line(t);
        lx->at = from;
    }
    for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++) {
        size_t len = operators[i].text[1] ? 2 : 1;
        if (c == (uint8_t)operators[i].text[0] && (len == 1 || peek(lx, 1) == (uint8_t)operators[i].text[1])) {
            lx->at += len;
            struct token t = finish(lx, from, operators[i].kind);
            return len == 2 ? without_line(t) : t;
        }
    }
    if (c == '\'')
        return lex_character(lx);
    lx->at++;
    return finish(lx, from, c == '.' ? TOKEN_DOT : TOKEN_IDENTIFIER);
}
