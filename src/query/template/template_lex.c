/* template_lex.c - the tokens of a template; where Go has a quirk (a number may be nonsense until it is read), so has this. */
#include "base/utf8.h"
#include "base/hex.h"
#include "query/template/letters.h"
#include "query/template/template_impl.h"

static const uint32_t END_OF_TEXT = UINT32_MAX;

static bole_slice rest_of(const struct template_lexer *l)
{
    return (bole_slice){l->input.ptr + l->pos, l->input.len - l->pos};
}

static uint32_t peek_rune(const struct template_lexer *l, size_t *ret_length)
{
    *ret_length = 0;
    if (l->pos >= l->input.len)
        return END_OF_TEXT;
    return utf8_decode(l->input.ptr + l->pos, l->input.len - l->pos, ret_length);
}

static uint32_t next_rune(struct template_lexer *l)
{
    size_t n;
    uint32_t c = peek_rune(l, &n);
    l->pos += n;
    l->line += c == '\n';
    return c;
}

static bool is_space(uint32_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_word(uint32_t c)
{
    return c == '_' || (c != END_OF_TEXT && (letter_is(c) || digit_is(c)));
}

static struct lex_token emit(struct template_lexer *l, enum token_type type)
{
    struct lex_token t = {type, {l->input.ptr + l->start, l->pos - l->start}, l->start, l->start_line};
    l->start = l->pos;
    l->start_line = l->line;
    return t;
}

/* Steps over text that next_rune has not counted. */
static void ignore(struct template_lexer *l)
{
    for (size_t i = l->start; i < l->pos; i++)
        l->line += l->input.ptr[i] == '\n';
    l->start = l->pos;
    l->start_line = l->line;
}

static struct lex_token fail(struct template_lexer *l, bole_slice message)
{
    struct lex_token t = {LEX_ERROR, message, l->start, l->start_line};
    l->input.len = l->pos = l->start = 0;
    return t;
}

/* Go's %#U: U+0040 '@' */
static struct lex_token fail_character(struct template_lexer *l, const char *what, uint32_t c)
{
    uint8_t bytes[4] = {0};
    if (c == END_OF_TEXT)
        return fail(l, arena_printf(l->arena, "%s U+FFFFFFFFFFFFFFFF", what));
    size_t n = utf8_encode(c, bytes);
    if (!letter_is_print(c))
        return fail(l, arena_printf(l->arena, "%s U+%04X", what, c));
    return fail(l, arena_printf(l->arena, "%s U+%04X '%.*s'", what, c, (int)n, (const char *)bytes));
}

static bool trims_left(bole_slice s) { return s.len >= 2 && s.ptr[0] == '-' && is_space(s.ptr[1]); }
static bool trims_right(bole_slice s) { return s.len >= 2 && is_space(s.ptr[0]) && s.ptr[1] == '-'; }

static bool at_right(const struct template_lexer *l, bool *ret_trims)
{
    bole_slice s = rest_of(l);
    *ret_trims = trims_right(s) && bole_slice_starts(bole_slice_sub(s, 2), S("}}"));
    return *ret_trims || bole_slice_starts(s, S("}}"));
}

static void skip_spaces(struct template_lexer *l)
{
    while (l->pos < l->input.len && is_space(l->input.ptr[l->pos]))
        l->pos++;
}

static struct lex_token lex_right(struct template_lexer *l)
{
    bool trims;
    at_right(l, &trims);
    if (trims) {
        l->pos += 2;
        ignore(l);
    }
    l->pos += 2;
    struct lex_token t = emit(l, LEX_RIGHT);
    if (trims) {
        skip_spaces(l);
        ignore(l);
    }
    l->in_action = false;
    return t;
}

/* False: *ret_token is an error. */
static bool skip_comment(struct template_lexer *l, struct lex_token *ret_token)
{
    l->pos += 2;
    bole_slice s = rest_of(l);
    const uint8_t *end = s.len ? memmem(s.ptr, s.len, "*/", 2) : NULL;
    bool trims;
    if (!end) {
        *ret_token = fail(l, S("unclosed comment"));
        return false;
    }
    l->pos += (size_t)(end - s.ptr) + 2;
    if (!at_right(l, &trims)) {
        *ret_token = fail(l, S("comment ends before closing delimiter"));
        return false;
    }
    l->pos += trims ? 4 : 2;
    if (trims)
        skip_spaces(l);
    ignore(l);
    return true;
}

static struct lex_token lex_text(struct template_lexer *l)
{
    for (;;) {
        bole_slice s = rest_of(l);
        const uint8_t *open = s.len ? memmem(s.ptr, s.len, "{{", 2) : NULL;
        size_t len = open ? (size_t)(open - s.ptr) : s.len, kept = len;
        bool trims = open && trims_left(bole_slice_sub(s, len + 2));
        while (trims && kept && is_space(s.ptr[kept - 1]))
            kept--;
        if (kept) {
            struct lex_token t = {LEX_TEXT, {s.ptr, kept}, l->start, l->start_line};
            l->pos += len;
            ignore(l);
            return t;
        }
        l->pos += len;
        ignore(l);
        if (!open)
            return emit(l, LEX_EOF);
        l->pos += 2;
        if (bole_slice_starts(bole_slice_sub(rest_of(l), trims ? 2 : 0), S("/*"))) {
            struct lex_token error;
            l->pos += trims ? 2 : 0;
            ignore(l);
            if (!skip_comment(l, &error))
                return error;
            continue;
        }
        struct lex_token t = emit(l, LEX_LEFT);
        l->in_action = true;
        l->pos += trims ? 2 : 0;
        ignore(l);
        l->parens = 0;
        return t;
    }
}

static struct lex_token lex_space(struct template_lexer *l)
{
    size_t spaces = 0, last = l->pos;
    for (size_t n; is_space(peek_rune(l, &n)); spaces++) {
        last = l->pos;
        next_rune(l);
    }
    bole_slice s = {l->input.ptr + last, l->input.len - last};
    if (trims_right(s) && bole_slice_starts(bole_slice_sub(s, 2), S("}}"))) {
        l->line -= l->input.ptr[last] == '\n';
        l->pos = last;
        if (spaces == 1)
            return lex_right(l);
    }
    return emit(l, LEX_SPACE);
}

static bool at_terminator(const struct template_lexer *l)
{
    size_t n;
    uint32_t c = peek_rune(l, &n);
    if (is_space(c) || c == END_OF_TEXT || (c < 0x80 && strchr(".,|:)(", (int)c) && c))
        return true;
    return bole_slice_starts(rest_of(l), S("}}"));
}

static const struct { const char *text; enum token_type type; } keywords[] = {
    {"block", LEX_BLOCK}, {"break", LEX_BREAK}, {"continue", LEX_CONTINUE}, {"define", LEX_DEFINE}, {"else", LEX_ELSE},
    {"end", LEX_END}, {"if", LEX_IF}, {"nil", LEX_NIL}, {"range", LEX_RANGE}, {"template", LEX_TEMPLATE},
    {"with", LEX_WITH}, {"true", LEX_BOOL}, {"false", LEX_BOOL},
};

static struct lex_token lex_word(struct template_lexer *l, enum token_type type)
{
    size_t n;
    while (is_word(peek_rune(l, &n)))
        next_rune(l);
    if (!at_terminator(l)) {
        uint32_t c = peek_rune(l, &n);
        return fail_character(l, "bad character", c);
    }
    struct lex_token t = emit(l, type);
    for (size_t i = 0; i < sizeof keywords / sizeof keywords[0] && type == LEX_IDENTIFIER; i++)
        if (bole_slice_eq(t.text, bole_slice_str(keywords[i].text)))
            t.type = keywords[i].type;
    return t;
}

static bool accept(struct template_lexer *l, const char *set)
{
    size_t n;
    uint32_t c = peek_rune(l, &n);
    if (c == 0 || c >= 0x80 || !strchr(set, (int)c))
        return false;
    next_rune(l);
    return true;
}

static bool scan_number(struct template_lexer *l)
{
    const char *digits = "0123456789_";
    accept(l, "+-");
    if (accept(l, "0")) {
        if (accept(l, "xX"))
            digits = "0123456789abcdefABCDEF_";
        else if (accept(l, "oO"))
            digits = "01234567_";
        else if (accept(l, "bB"))
            digits = "01_";
    }
    while (accept(l, digits))
        ;
    if (accept(l, "."))
        while (accept(l, digits))
            ;
    if (strlen(digits) == 11 || strlen(digits) == 23) {
        if (accept(l, strlen(digits) == 11 ? "eE" : "pP")) {
            accept(l, "+-");
            while (accept(l, "0123456789_"))
                ;
        }
    }
    accept(l, "i");
    size_t n;
    if (!is_word(peek_rune(l, &n)))
        return true;
    next_rune(l);
    return false;
}

static struct lex_token fail_number(struct template_lexer *l)
{
    struct text out = text_begin(l->arena, 1 << 20);
    text_put(&out, S("bad number syntax: "));
    value_quote(&out, (bole_slice){l->input.ptr + l->start, l->pos - l->start}, false);
    return fail(l, text_slice(&out));
}

static struct lex_token lex_number(struct template_lexer *l)
{
    size_t n;
    if (!scan_number(l))
        return fail_number(l);
    uint32_t c = peek_rune(l, &n);
    if (c != '+' && c != '-')
        return emit(l, LEX_NUMBER);
    if (!scan_number(l) || l->input.ptr[l->pos - 1] != 'i')
        return fail_number(l);
    return emit(l, LEX_COMPLEX);
}

/* Behind the opening quote. */
static struct lex_token lex_quoted(struct template_lexer *l, uint32_t quote, enum token_type type, bole_slice error)
{
    for (;;) {
        uint32_t c = next_rune(l);
        if (c == '\\' && quote != '`')
            c = next_rune(l) == '\n' || l->pos > l->input.len ? '\n' : 0;
        if (c == quote && c)
            return emit(l, type);
        if (c == END_OF_TEXT || (c == '\n' && quote != '`') || (c == 0 && l->pos >= l->input.len))
            return fail(l, error);
    }
}

static struct lex_token lex_action(struct template_lexer *l)
{
    bool trims;
    if (at_right(l, &trims))
        return l->parens ? fail(l, S("unclosed left paren")) : lex_right(l);
    size_t n;
    uint32_t c = peek_rune(l, &n);
    if (is_space(c))
        return lex_space(l);
    if ((c >= '0' && c <= '9') || c == '+' || c == '-')
        return lex_number(l);
    if (is_word(c))
        return lex_word(l, LEX_IDENTIFIER);
    if (c == '.' && (l->pos + 1 >= l->input.len || (l->input.ptr[l->pos + 1] >= '0' && l->input.ptr[l->pos + 1] <= '9')))
        return lex_number(l);
    next_rune(l);
    switch (c) {
    case END_OF_TEXT: return fail(l, S("unclosed action"));
    case '=': return emit(l, LEX_ASSIGN);
    case ':': return next_rune(l) == '=' ? emit(l, LEX_DECLARE) : fail(l, S("expected :="));
    case '|': return emit(l, LEX_PIPE);
    case '"': return lex_quoted(l, c, LEX_STRING, S("unterminated quoted string"));
    case '`': return lex_quoted(l, c, LEX_RAW_STRING, S("unterminated raw quoted string"));
    case '\'': return lex_quoted(l, c, LEX_CHAR_CONSTANT, S("unterminated character constant"));
    case '$': return at_terminator(l) ? emit(l, LEX_VARIABLE) : lex_word(l, LEX_VARIABLE);
    case '.': return at_terminator(l) ? emit(l, LEX_DOT) : lex_word(l, LEX_FIELD);
    case '(': l->parens++; return emit(l, LEX_LEFT_PAREN);
    case ')':
        if (--l->parens < 0)
            return fail(l, S("unexpected right paren"));
        return emit(l, LEX_RIGHT_PAREN);
    default: break;
    }
    if (c < 0x7f && c >= 0x20)
        return emit(l, LEX_CHAR);
    return fail_character(l, "unrecognized character in action:", c);
}

struct lex_token template_lex(struct template_lexer *l)
{
    return l->in_action ? lex_action(l) : lex_text(l);
}

/* ---- literals ---- */

static bool take_digits(bole_slice *s, unsigned count, unsigned base, uint32_t *ret)
{
    *ret = 0;
    if (s->len < count)
        return false;
    for (unsigned i = 0; i < count; i++) {
        int d = hex_digit(s->ptr[i]);
        if (d < 0 || d >= (int)base)
            return false;
        *ret = *ret * base + (unsigned)d;
    }
    *s = bole_slice_sub(*s, count);
    return true;
}

bool template_unquote_char(bole_slice *s, uint8_t quote, uint32_t *ret_rune, bool *ret_is_byte)
{
    static const char letters[] = "abfnrtv\\", values[] = "\a\b\f\n\r\t\v\\";
    size_t n;
    *ret_is_byte = false;
    if (s->len == 0 || s->ptr[0] == quote || s->ptr[0] == '\n')
        return false;
    if (s->ptr[0] != '\\') {
        *ret_rune = utf8_decode(s->ptr, s->len, &n);
        *s = bole_slice_sub(*s, n);
        return true;
    }
    if (s->len < 2)
        return false;
    uint8_t c = s->ptr[1];
    *s = bole_slice_sub(*s, 2);
    const char *hit = c ? strchr(letters, c) : NULL;
    if (hit) {
        *ret_rune = (uint8_t)values[hit - letters];
        return true;
    }
    if (c == quote) {
        *ret_rune = c;
        return true;
    }
    *ret_is_byte = c == 'x' || (c >= '0' && c <= '7');
    if (c == 'x')
        return take_digits(s, 2, 16, ret_rune);
    if (c == 'u' || c == 'U')
        return take_digits(s, c == 'u' ? 4 : 8, 16, ret_rune) && *ret_rune <= 0x10ffff &&
               !(*ret_rune >= 0xd800 && *ret_rune < 0xe000);
    if (c < '0' || c > '7')
        return false;
    uint32_t low;
    if (!take_digits(s, 2, 8, &low))
        return false;
    *ret_rune = (c - '0') * 64u + low;
    return *ret_rune < 256;
}

bool template_unquote(struct arena *arena, bole_slice quoted, bole_slice *ret)
{
    if (quoted.len < 2)
        return false;
    uint8_t quote = quoted.ptr[0];
    bole_slice s = {quoted.ptr + 1, quoted.len - 2};
    uint8_t *out = arena_bytes(arena, s.len * 3 + 1); /* a byte that is no UTF-8 becomes three */
    size_t n = 0;
    if (!out)
        return false;
    if (quote == '`') { /* as it stands, but for carriage returns */
        for (size_t i = 0; i < s.len; i++)
            if (s.ptr[i] != '\r')
                out[n++] = s.ptr[i];
    }
    while (quote != '`' && s.len) {
        uint32_t c;
        bool is_byte;
        if (!template_unquote_char(&s, quote, &c, &is_byte))
            return false;
        if (is_byte)
            out[n++] = (uint8_t)c;
        else
            n += utf8_encode(c, out + n);
    }
    *ret = (bole_slice){out, n};
    return true;
}
