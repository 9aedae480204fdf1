/*
 * The parser's own functions are run over the literals of the shape with a 0 for each slot, which is as good inside a string as
 * it is as a number. Where a slot lies says what its values must be like for the parser to go the same way over the real lines:
 *
 *   in a string       no quote that ends it, no escape that reaches over its end; as a value that is wanted, no escape at all
 *   a whole scalar    a number, true, false or null that ends where the slot does
 *   in an array       brackets and quotes in pairs, since arrays are skipped over; in an inner object braces, too
 *   behind the object anything
 *
 * A slot anywhere else, an error, or a name that comes twice: lines of that shape come whole.
 */
#include "query/columns/json_shape.h"

#include "query/stage/json_cursor.h"
#include "query/stage/parse_json.h"

enum { CHECK_NOTHING, CHECK_STRING, CHECK_PLAIN_STRING, CHECK_SCALAR, CHECK_SET_SCALAR, CHECK_ARRAY, CHECK_INNER_ARRAY };
enum { SHAPE_BYTES_MAX = 64 * 1024 };

struct walk {
    const struct json_shape_reader *reader;
    const struct line_shape *shape;
    struct shape_text  text;
    struct json_cursor cursor;
    struct row         row;       /* for names */
    unsigned           depth;     /* of the object that is gone over */
    uint8_t           *checks;
    struct line_value *values;
};

/* ---- what values must be like ---- */

static bool is_string(bole_slice s)
{
    const uint8_t *end = s.ptr + s.len, *p = json_skip_text(s.ptr, end);
    for (; p < end && *p == '\\'; p = json_skip_text(p + 2, end))
        if (end - p < 2)
            return false;
    return p == end;
}

static bool is_plain_string(bole_slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] >= 0x80)
            return false;
    return json_skip_text(s.ptr, s.ptr + s.len) == s.ptr + s.len;
}

/* null sets no label: where one is wanted such lines come whole. */
static bool is_scalar(bole_slice s, bool or_null)
{
    struct json_cursor c = {s.ptr, s.ptr + s.len, NULL, false};
    struct json_value v;
    if (s.len == 0 || s.ptr[0] <= ' ' || s.ptr[0] == '"' || s.ptr[0] == '{' || s.ptr[0] == '[')
        return false;
    return json_take_value(&c, &v) && c.next == c.end && !c.is_odd && (v.kind == JSON_OTHER || (or_null && v.kind == JSON_NULL));
}

/* As skip_block goes over what stands between the brackets. */
static bool is_array_inside(bole_slice s, bool with_braces)
{
    struct json_cursor c = {s.ptr, s.ptr + s.len, NULL, false};
    size_t depth = 1, braces = 0;
    while (c.next < c.end) {
        bole_slice ignored;
        if (*c.next == '"') {
            if (!json_take_string(&c, &ignored))
                return false;
            continue;
        }
        braces += *c.next == '{';
        if (*c.next == '}' && braces-- == 0 && with_braces)
            return false;
        depth += *c.next == '[';
        if (*c.next++ == ']' && --depth == 0)
            return false;
    }
    return depth == 1 && (braces == 0 || !with_braces);
}

static bool check_value(unsigned check, bole_slice value)
{
    switch (check) {
    case CHECK_STRING: return is_string(value);
    case CHECK_PLAIN_STRING: return is_plain_string(value);
    case CHECK_SCALAR: return is_scalar(value, true);
    case CHECK_SET_SCALAR: return is_scalar(value, false);
    case CHECK_ARRAY: case CHECK_INNER_ARRAY: return is_array_inside(value, check == CHECK_INNER_ARRAY);
    default: return true;
    }
}

/* The check that is left when the heads of the columns have been asked. */
static uint8_t needed_check(const struct line_shape *s, uint32_t slot, uint8_t check)
{
    static const uint8_t high[] = {0x80};
    switch (check) {
    case CHECK_STRING: return s->may_have(s, slot, S("\"\\")) && !s->are(s, slot, LINE_QUOTED) ? check : CHECK_NOTHING;
    case CHECK_PLAIN_STRING:
        return s->may_have(s, slot, S("\"\\")) || s->may_have(s, slot, bole_slice_from(high, 1)) ? check : CHECK_NOTHING;
    case CHECK_SCALAR: case CHECK_SET_SCALAR: return s->are(s, slot, LINE_SCALARS) ? CHECK_NOTHING : check;
    case CHECK_ARRAY: return s->may_have(s, slot, S("[]\"")) && !s->are(s, slot, LINE_ITEMS) ? check : CHECK_NOTHING;
    case CHECK_INNER_ARRAY:
        if (!s->may_have(s, slot, S("{}")) && (!s->may_have(s, slot, S("[]\"")) || s->are(s, slot, LINE_ITEMS)))
            return CHECK_NOTHING;
        return check;
    default: return check;
    }
}

/* ---- the walk ---- */

static uint32_t offset_of(const struct walk *w, const uint8_t *p) { return (uint32_t)(p - w->text.bytes); }

/* The slots from the last one met up to here are in a string. */
static bool meet_strings(struct walk *w, const uint8_t *from, const uint8_t *to)
{
    for (; w->text.at[w->text.next_slot] < offset_of(w, to); w->text.next_slot++) {
        uint32_t at = w->text.at[w->text.next_slot], escapes = 0;
        if (w->text.next_slot == w->shape->slot_count || at < offset_of(w, from))
            return w->text.next_slot == w->shape->slot_count;
        while (at > escapes && w->text.bytes[at - 1 - escapes] == '\\') /* an escape must not take a byte of the value */
            escapes++;
        if (escapes % 2)
            return false;
        w->checks[w->text.next_slot] = needed_check(w->shape, w->text.next_slot, CHECK_STRING);
    }
    return true;
}

static bool no_slot_before(const struct walk *w, const uint8_t *to)
{
    return w->text.next_slot == w->shape->slot_count || w->text.at[w->text.next_slot] >= offset_of(w, to);
}

/* from .. to is a slot and nothing else. */
static bool is_slot(const struct walk *w, bole_slice s)
{
    return s.len == 1 && w->text.next_slot < w->shape->slot_count && w->text.at[w->text.next_slot] == offset_of(w, s.ptr);
}

static bool meet_array(struct walk *w, bole_slice text)
{
    const uint8_t *end = text.ptr + text.len;
    struct json_cursor c = {text.ptr, end, NULL, false};
    while (c.next < end) {
        bole_slice string;
        if (*c.next == '"') {
            if (!json_take_string(&c, &string) || !meet_strings(w, string.ptr, string.ptr + string.len))
                return false;
            continue;
        }
        if (w->text.next_slot < w->shape->slot_count && w->text.at[w->text.next_slot] == offset_of(w, c.next)) {
            w->checks[w->text.next_slot] = needed_check(w->shape, w->text.next_slot, w->depth ? CHECK_INNER_ARRAY : CHECK_ARRAY);
            w->text.next_slot++;
        }
        c.next++;
    }
    return no_slot_before(w, end);
}

/* Where the value of a name lies. False: it cannot be said. */
static bool set_value(struct walk *w, bole_slice name, const struct json_value *v)
{
    int i = json_shape_find(w->reader, name);
    if (i < 0 || v->kind == JSON_NULL || v->kind == JSON_ARRAY)
        return true;
    if (w->values[i].slot != LINE_SLOT_NONE || v->kind == JSON_OBJECT)
        return false;
    if (is_slot(w, v->text)) {
        w->values[i].slot = (int32_t)w->text.next_slot;
        w->checks[w->text.next_slot] =
            needed_check(w->shape, w->text.next_slot, v->kind == JSON_STRING ? CHECK_PLAIN_STRING : CHECK_SET_SCALAR);
        w->text.next_slot++;
        return true;
    }
    if (!no_slot_before(w, v->text.ptr + v->text.len) || (v->kind == JSON_STRING && !is_plain_string(v->text)))
        return false;
    w->values[i] =
        (struct line_value){LINE_SLOT_LITERAL, in_literals(&w->text, w->shape, offset_of(w, v->text.ptr), v->text.len)};
    return true;
}

static bool meet_value(struct walk *w, const struct json_value *v)
{
    const uint8_t *end = v->text.ptr + v->text.len;
    switch (v->kind) {
    case JSON_STRING: return meet_strings(w, v->text.ptr, end);
    case JSON_ARRAY: return meet_array(w, v->text);
    case JSON_OTHER:
        if (is_slot(w, v->text)) {
            w->checks[w->text.next_slot] = needed_check(w->shape, w->text.next_slot, CHECK_SCALAR);
            w->text.next_slot++;
        }
        break;
    case JSON_NULL: case JSON_OBJECT: break;
    }
    return no_slot_before(w, end);
}

/* As flatten in parse_json.c; the cursor stands on `{`. */
static bool walk_object(struct walk *w, bole_slice prefix, unsigned depth)
{
    struct json_cursor *c = &w->cursor;
    bool is_first = true, more, is_wanted = prefix.len == 0 || row_may_want(&w->row, prefix);
    bole_slice key;
    if (depth > JSON_DEPTH_MAX)
        return false;
    w->depth = depth;
    for (c->next++; json_take_key(c, is_first, &key, &more); is_first = false) {
        if (!no_slot_before(w, c->next) || !more)
            return no_slot_before(w, c->next);
        if (!json_unescape(&w->row, key, &key))
            return false;
        bole_slice name = is_wanted ? json_label_name(&w->row, prefix, key) : prefix;
        struct json_value v;
        bool is_object = json_peek(c) == '{';
        if (!no_slot_before(w, c->next) || (is_object && !name.len) || w->row.out_of_memory)
            return false;
        if (is_object) {
            if (!walk_object(w, name, depth + 1))
                return false;
            w->depth = depth;
            continue;
        }
        if (!json_take_value(c, &v))
            return false;
        uint32_t before = w->text.next_slot;
        if ((name.len && !set_value(w, name, &v)) || (w->text.next_slot == before && !meet_value(w, &v)))
            return false;
    }
    return false;
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
    w.cursor = (struct json_cursor){w.text.bytes, w.text.bytes + w.text.len, NULL, false};
    if (json_peek(&w.cursor) != '{' || !no_slot_before(&w, w.cursor.next))
        return false;
    return walk_object(&w, (bole_slice){0}, 0) && !w.cursor.is_odd && !json_shape_collides(r, ret_values);
}

/* ---- for logfmt_shape.c, too ---- */

bool shape_text_write(struct shape_text *t, const struct line_shape *s, struct arena *arena)
{
    size_t len = s->slot_count;
    const uint8_t *literal = s->literals;
    for (uint32_t k = 0; k <= s->slot_count; k++)
        len += s->pieces[k];
    t->bytes = len <= SHAPE_BYTES_MAX ? arena_bytes(arena, len + 1) : NULL;
    t->at = arena_array(arena, s->slot_count + 1u, sizeof *t->at);
    if (!t->bytes || !t->at)
        return false;
    for (uint32_t k = 0; k <= s->slot_count; k++) {
        if (s->pieces[k])
            memcpy(t->bytes + t->len, literal, s->pieces[k]);
        literal += s->pieces[k];
        t->len += s->pieces[k];
        t->at[k] = t->len;
        if (k < s->slot_count)
            t->bytes[t->len++] = '0';
    }
    return true;
}

int json_shape_find(const struct json_shape_reader *r, bole_slice name)
{
    for (uint32_t i = 0; i < r->reader.value_count; i++)
        if (bole_slice_eq(r->names[i], name))
            return (int)i;
    return -1;
}

bool json_shape_collides(const struct json_shape_reader *r, const struct line_value *values)
{
    for (uint32_t i = 0; i < r->reader.value_count; i++) {
        bole_slice lost = values[i].slot == LINE_SLOT_NONE ? (bole_slice){0} : row_lost_name(r->names[i]);
        int k = lost.len ? json_shape_find(r, lost) : -1;
        if (k >= 0 && values[k].slot != LINE_SLOT_NONE)
            return true;
    }
    return false;
}

/* ---- the reader ---- */

static bool add_name(struct json_shape_reader *r, bole_slice name)
{
    for (uint32_t i = 0; i < r->reader.value_count; i++)
        if (bole_slice_eq(r->names[i], name))
            return true;
    if (r->reader.value_count == LINE_VALUES_MAX)
        return false;
    r->names[r->reader.value_count++] = name;
    return true;
}

bool json_shape_reader_init(struct json_shape_reader *r, const struct row_hints *hints, struct arena *scratch)
{
    *r = (struct json_shape_reader){
        .reader = {.read = read_shape, .check = check_value, .ctx = r}, .scratch = scratch, .hints = hints};
    if (!hints || !hints->some_labels || hints->no_labels) /* lines with errors come whole */
        return false;
    for (size_t i = 0; i < hints->name_count; i++) {
        bole_slice lost = row_lost_name(hints->names[i]);
        if (!add_name(r, hints->names[i]) || (lost.len && !add_name(r, lost)))
            return false;
    }
    return r->reader.value_count > 0;
}

void json_shape_set(const struct json_shape_reader *s, struct row *r, const bole_slice *values)
{
    for (uint32_t i = 0; i < s->reader.value_count; i++) {
        if (!values[i].ptr)
            continue;
        if (!row_parsed(r, row_parsed_name(r, s->names[i]), values[i]))
            return;
    }
}
