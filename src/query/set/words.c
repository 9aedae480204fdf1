/*
 * words.c - a query that is plain words: `error timeout user:bob "two words" -debug | stats count() by (app)`.
 *
 * Each word becomes a stage on all streams: a line filter in any letter case, or for key:value a filter on the label or field
 * of that name. A text is words only when the LogQL parser refuses it, and when nothing in it looks like LogQL gone wrong: a
 * brace, a parenthesis, a quote inside of a word. Then the parser's error is worth more than an empty answer.
 */
#include "base/err.h"
#include "query/parser_impl.h"
#include "query/set/set.h"
#include "record/labels.h"
#include "shim/regex.h"

enum { WORDS_MAX = 64 };

struct word {
    bool       negative;
    bole_slice key; /* len 0: none */
    bole_slice text;
};

static bool is_blank(uint8_t c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
static bool is_letter(uint8_t c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

static bool is_key_byte(uint8_t c)
{
    return is_letter(c) || (c >= '0' && c <= '9') || c == '.' || c == '-';
}

static bool is_suspicious(uint8_t c)
{
    return c == '{' || c == '}' || c == '(' || c == ')' || c == '"' || c == '`';
}

/* "two words" with \" and \\ in it; false: it has no end, or goes on behind it. */
static bool read_quoted(bole_slice *rest, struct arena *arena, bole_slice *ret)
{
    uint8_t *out = arena_bytes(arena, rest->len);
    size_t n = 0, i = 1;
    for (; out && i < rest->len && rest->ptr[i] != '"'; i++) {
        if (rest->ptr[i] == '\\' && i + 1 < rest->len && (rest->ptr[i + 1] == '"' || rest->ptr[i + 1] == '\\'))
            i++;
        out[n++] = rest->ptr[i];
    }
    if (!out || i >= rest->len || (i + 1 < rest->len && !is_blank(rest->ptr[i + 1]) && rest->ptr[i + 1] != '|'))
        return false;
    *ret = (bole_slice){out, n};
    *rest = bole_slice_sub(*rest, i + 1);
    return n > 0;
}

static bool read_bare(bole_slice *rest, bole_slice *ret)
{
    size_t n = 0;
    for (; n < rest->len && !is_blank(rest->ptr[n]) && rest->ptr[n] != '|'; n++)
        if (is_suspicious(rest->ptr[n]))
            return false;
    *ret = bole_slice_from(rest->ptr, n);
    *rest = bole_slice_sub(*rest, n);
    return n > 0;
}

static bool read_text(bole_slice *rest, struct arena *arena, bole_slice *ret)
{
    return rest->len && rest->ptr[0] == '"' ? read_quoted(rest, arena, ret) : read_bare(rest, ret);
}

/* The key of key:value; what is behind it is no value where it is empty, or `//` of an address, or another colon. */
static size_t key_length(bole_slice s)
{
    size_t n = 0;
    while (n < s.len && (n ? is_key_byte(s.ptr[n]) : is_letter(s.ptr[n])))
        n++;
    if (!n || n + 1 >= s.len || s.ptr[n] != ':')
        return 0;
    uint8_t c = s.ptr[n + 1];
    return is_blank(c) || c == '|' || c == ':' || c == '/' || c == '\\' ? 0 : n;
}

static bool read_word(bole_slice *rest, struct arena *arena, struct word *ret)
{
    struct word w = {0};
    bole_slice s = *rest;
    if (s.len > 1 && s.ptr[0] == '-' && s.ptr[1] != '-' && !is_blank(s.ptr[1]) && s.ptr[1] != '|') {
        w.negative = true;
        s = bole_slice_sub(s, 1);
    }
    size_t key = key_length(s);
    w.key = bole_slice_from(s.ptr, key);
    s = bole_slice_sub(s, key ? key + 1 : 0);
    if (!read_text(&s, arena, &w.text))
        return false;
    *rest = s;
    *ret = w;
    return true;
}

/* ---- as stages ---- */

/* (?i) and the text, every byte that may mean something behind a backslash. */
static bole_slice quote_pattern(bole_slice text, struct arena *arena)
{
    uint8_t *p = arena_bytes(arena, 4 + 4 * text.len);
    size_t n = 4;
    if (!p)
        return (bole_slice){0};
    memcpy(p, "(?i)", 4);
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (c == 0) {
            memcpy(p + n, "\\x00", 4);
            n += 4;
            continue;
        }
        if (c < 0x80 && !is_letter(c) && !(c >= '0' && c <= '9'))
            p[n++] = '\\';
        p[n++] = c;
    }
    return (bole_slice){p, n};
}

static bool has_letters(bole_slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((is_letter(s.ptr[i]) && s.ptr[i] != '_') || s.ptr[i] >= 0x80)
            return true;
    return false;
}

static struct ast_stage *word_stage(struct ast *ast, const struct word *w, struct bole_err *err)
{
    struct arena *arena = &ast->arena;
    struct ast_stage *stage = arena_zalloc(arena, sizeof *stage);
    struct ast_needle *needle = arena_zalloc(arena, sizeof *needle);
    bole_slice pattern = quote_pattern(w->text, arena);
    struct regex *regex = NULL;
    if (!stage || !needle || !pattern.ptr || !(needle->text = arena_copy(arena, w->text)).ptr) {
        bole_fail(err, BOLE_E_LIMIT, "memory limit of the query reached while parsing");
        return NULL;
    }
    bool any_case = w->key.len || has_letters(w->text);
    if (any_case && ast_regex_compile(ast, pattern, w->key.len ? REGEX_ANCHORED : 0, &regex, err) < 0)
        return NULL;
    if (w->key.len) {
        stage->kind = STAGE_FIELD_WORD;
        stage->text = arena_copy(arena, label_name_clean(w->key, arena));
        stage->strict = w->negative;
        stage->regex = regex;
        return stage;
    }
    stage->kind = STAGE_LINE_FILTER;
    stage->line_op = any_case ? (w->negative ? LINE_NOT_MATCHES : LINE_MATCHES) : w->negative ? LINE_NOT_CONTAINS : LINE_CONTAINS;
    needle->regex = regex;
    needle->text = any_case ? pattern : needle->text;
    stage->needles = needle;
    return stage;
}

/* BOLE_END: these are no words. *ret_rest: the pipeline behind them. */
static bole_status read_words(struct ast *ast, bole_slice text, struct ast_stage **tail, bole_slice *ret_rest,
                              struct bole_err *err)
{
    size_t count = 0;
    for (;; count++) {
        struct word w;
        while (text.len && is_blank(text.ptr[0]))
            text = bole_slice_sub(text, 1);
        if (!text.len || text.ptr[0] == '|')
            break;
        if (count == WORDS_MAX || !read_word(&text, &ast->arena, &w))
            return BOLE_END;
        struct ast_stage *stage = word_stage(ast, &w, err);
        if (!stage)
            return err->code;
        *tail = stage;
        tail = &stage->next;
    }
    *ret_rest = text;
    return count ? BOLE_OK : BOLE_END;
}

bole_status ast_parse_words(bole_slice text, struct budget *budget, struct ast **ret_ast, struct bole_err *err)
{
    struct bole_err unwanted, why = {0};
    bole_slice rest;
    err = err ? err : &unwanted;
    bole_status st = ast_parse(text, budget, ret_ast, err);
    if (st != BOLE_E_INVALID)
        return st;
    struct parser p;
    if (parser_begin(&p, text, budget, &why) < 0)
        return st;
    struct expr *e = parser_new_expr(&p, EXPR_LOG, TOKEN_LBRACE, NULL, NULL);
    bole_status words = e ? read_words(p.ast, text, &e->log.stages, &rest, &why) : BOLE_E_LIMIT;
    if (words != BOLE_OK) {
        ast_destroy(p.ast);
        if (words < 0)
            *err = why;
        return words < 0 ? words : st;
    }
    p.lexer.at = text.len - rest.len;
    p.err = err;
    parser_advance(&p);
    p.ast->root = e;
    parse_pipeline(&p, &e->log);
    return parser_end(&p, ret_ast);
}
