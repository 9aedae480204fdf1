/*
 * The shape is gone over as parse_logfmt.c goes over a line. Where a slot lies says what its values must be like for that to be
 * the way of the real lines, too:
 *
 *   in quotes           no quote, no escape that reaches over its end; as a value that is wanted, no escape at all, and UTF-8
 *   as a wanted value   no blank, quote or equals sign, and UTF-8
 *   elsewhere           no quote and no equals sign: words without a value, which set nothing
 *
 * A slot in a key, an error beside a slot, or a name that comes twice: lines of that shape come whole.
 */
#include "query/columns/logfmt_shape.h"

#include "base/utf8.h"
#include "query/stage/label_name.h"

enum { CHECK_NOTHING, CHECK_QUOTED, CHECK_PLAIN_QUOTED, CHECK_WORD, CHECK_WORDS };

struct walk {
    const struct json_shape_reader *reader;
    const struct line_shape *shape;
    struct shape_text  text;
    uint32_t           next; /* byte of the text */
    struct row         row;  /* for names */
    uint8_t           *checks;
    struct line_value *values;
};

/* ---- what values must be like ---- */

static bool is_quoted(bole_slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] == '"' || (s.ptr[i] == '\\' && ++i == s.len))
            return false;
    return true;
}

static bool has_any(bole_slice s, const char *bytes)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] && strchr(bytes, s.ptr[i]))
            return true;
    return false;
}

static bool has_blank(bole_slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] <= ' ')
            return true;
    return false;
}

/* What pair_value in parse_logfmt.c would make empty. */
static bool is_good_utf8(bole_slice s)
{
    return utf8_valid(s) && !(s.len >= 3 && memmem(s.ptr, s.len, "\xEF\xBF\xBD", 3));
}

static bool check_value(unsigned check, bole_slice value)
{
    switch (check) {
    case CHECK_QUOTED: return is_quoted(value);
    case CHECK_PLAIN_QUOTED: return !has_any(value, "\"\\") && is_good_utf8(value);
    case CHECK_WORD: return !has_any(value, "\"=") && !has_blank(value) && is_good_utf8(value);
    case CHECK_WORDS: return !has_any(value, "\"=");
    default: return true;
    }
}

/* The check that is left when the heads of the columns have been asked. */
static uint8_t needed_check(const struct line_shape *s, uint32_t slot, uint8_t check)
{
    static const uint8_t high[] = {0x80}, blank[] = {' ', '\n'};
    bool may_high = s->may_have(s, slot, bole_slice_from(high, 1));
    switch (check) {
    case CHECK_QUOTED: return s->may_have(s, slot, S("\"\\")) && !s->are(s, slot, LINE_QUOTED) ? check : CHECK_NOTHING;
    case CHECK_PLAIN_QUOTED: return may_high || s->may_have(s, slot, S("\"\\")) ? check : CHECK_NOTHING;
    case CHECK_WORD:
        if (!may_high && !s->may_have(s, slot, S("\"=")) && !s->may_have(s, slot, bole_slice_from(blank, 2)))
            return CHECK_NOTHING;
        return check;
    default: return s->may_have(s, slot, S("\"=")) ? check : CHECK_NOTHING;
    }
}

/* ---- the walk ---- */

static bool at_slot(const struct walk *w)
{
    return w->text.next_slot < w->shape->slot_count && w->text.at[w->text.next_slot] == w->next;
}

static bool at_end(const struct walk *w) { return w->next == w->text.len; }
static uint8_t byte_at(const struct walk *w) { return w->text.bytes[w->next]; }
static bool at_blank(const struct walk *w) { return at_end(w) || (!at_slot(w) && byte_at(w) <= ' '); }

static void meet_slot(struct walk *w, uint8_t check)
{
    w->checks[w->text.next_slot] = needed_check(w->shape, w->text.next_slot, check);
    w->text.next_slot++;
    w->next++;
}

/* Up to one of the bytes or a blank. */
static void skip_word(struct walk *w, const char *stops, bool *ret_slots)
{
    while (!at_blank(w)) {
        if (at_slot(w)) {
            *ret_slots = true;
            meet_slot(w, CHECK_WORDS);
            continue;
        }
        if (strchr(stops, byte_at(w)))
            return;
        w->next++;
    }
}

/* Where the value of a name lies: from .. next. False: it cannot be said. */
static bool set_value(struct walk *w, int value, uint32_t from, uint32_t first_slot, bool is_quoted_value)
{
    uint32_t len = w->next - from;
    if (value < 0 || len == 0) /* an empty value sets nothing */
        return true;
    if (w->values[value].slot != LINE_SLOT_NONE)
        return false;
    if (w->text.next_slot == first_slot) {
        bole_slice text = in_literals(&w->text, w->shape, from, len);
        w->values[value] = (struct line_value){LINE_SLOT_LITERAL, text};
        return !has_any(text, "\\") && is_good_utf8(text);
    }
    if (len != 1)
        return false;
    w->values[value].slot = (int32_t)first_slot;
    w->checks[first_slot] = needed_check(w->shape, first_slot, is_quoted_value ? CHECK_PLAIN_QUOTED : CHECK_WORD);
    return true;
}

/* Behind the opening quote. */
static bool take_quoted(struct walk *w, int value)
{
    uint32_t from = w->next, first_slot = w->text.next_slot;
    bool is_escaped = false;
    while (!at_end(w) && (at_slot(w) || is_escaped || byte_at(w) != '"')) {
        if (at_slot(w)) {
            if (is_escaped)
                return false;
            meet_slot(w, CHECK_QUOTED);
            continue;
        }
        is_escaped = !is_escaped && byte_at(w) == '\\';
        w->next++;
    }
    if (at_end(w) || !set_value(w, value, from, first_slot, true))
        return false;
    w->next++;
    return true;
}

static bool take_bare(struct walk *w, int value)
{
    uint32_t from = w->next, first_slot = w->text.next_slot;
    bool has_slots = false;
    skip_word(w, "=\"", &has_slots);
    if (at_blank(w))
        return set_value(w, value, from, first_slot, false);
    if (has_slots)
        return false;
    skip_word(w, "", &has_slots); /* an error, up to the next blank */
    return !has_slots;
}

static bool take_pair(struct walk *w)
{
    uint32_t from = w->next;
    bool has_slots = false;
    skip_word(w, "=\"", &has_slots);
    if (at_blank(w))
        return true;
    if (has_slots)
        return false;
    if (byte_at(w) == '"' || w->next == from) {
        skip_word(w, "", &has_slots);
        return !has_slots;
    }
    bole_slice key = bole_slice_from(w->text.bytes + from, w->next - from), name = label_name_from_key(&w->row, key);
    int value = json_shape_find(w->reader, name);
    if (!is_good_utf8(key)) /* such a pair is an error */
        return false;
    w->next++;
    if (at_blank(w))
        return true;
    if (!at_slot(w) && byte_at(w) == '"') {
        w->next++;
        return take_quoted(w, value);
    }
    return take_bare(w, value);
}

static bool read_shape(void *ctx, const struct line_shape *shape, uint8_t *ret_checks, struct line_value *ret_values)
{
    struct json_shape_reader *r = ctx;
    arena_reset(r->scratch);
    struct walk w = {.reader = r,
                     .shape = shape,
                     .row = {.scratch = r->scratch, .hints = r->hints},
                     .checks = ret_checks,
                     .values = ret_values};
    for (uint32_t i = 0; i < r->reader.value_count; i++)
        ret_values[i] = (struct line_value){.slot = LINE_SLOT_NONE};
    memset(ret_checks, CHECK_NOTHING, shape->slot_count);
    if (!shape_text_write(&w.text, shape, r->scratch))
        return false;
    while (!at_end(&w)) {
        if (at_blank(&w))
            w.next++;
        else if (!take_pair(&w) || w.row.out_of_memory)
            return false;
    }
    return !json_shape_collides(r, ret_values);
}

/* ---- the reader ---- */

bool logfmt_shape_reader_init(struct json_shape_reader *r, const struct ast_stage *stage, const struct row_hints *hints,
                              struct arena *scratch)
{
    if (stage->strict || stage->keep_empty || stage->pairs || !json_shape_reader_init(r, hints, scratch))
        return false;
    r->reader.read = read_shape;
    r->reader.check = check_value;
    return true;
}

void logfmt_shape_set(const struct json_shape_reader *s, struct row *r, const bole_slice *values)
{
    bole_slice set[LINE_VALUES_MAX];
    for (uint32_t i = 0; i < s->reader.value_count; i++)
        set[i] = values[i].len ? values[i] : (bole_slice){0};
    json_shape_set(s, r, set);
}
