#include "query/columns/text_shape.h"

#include "query/columns/line_cells.h"
#include "query/pipeline.h"
#include "query/stage/pattern.h"

/* ---- pattern ---- */

static bool is_byte(const struct line_cells *l, uint32_t cell, uint8_t byte)
{
    return l->cells[cell] == byte;
}

static bool may_hold(const struct line_slot *slot, uint8_t byte)
{
    return byte < 128 ? slot->low[byte / 64] >> byte % 64 & 1 : slot->high;
}

static bool stands_at(const struct line_cells *l, uint32_t at, bole_slice text)
{
    if (text.len > l->count - at)
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (!is_byte(l, at + (uint32_t)i, text.ptr[i]))
            return false;
    return true;
}

/* Might the text begin in front of the unknown cell, not before `from`, and reach into it or over it? */
static bool may_reach(const struct line_cells *l, uint32_t from, uint32_t cell, bole_slice text)
{
    struct line_slot slot = line_cells_values(l, cell);
    for (uint32_t n = 1; n < text.len && n <= cell - from && l->cells[cell - n] < CELL_SLOT; n++)
        if ((slot.len_min == 0 || may_hold(&slot, text.ptr[n])) && stands_at(l, cell - n, bole_slice_from(text.ptr, n)))
            return true;
    return false;
}

/* The first place from here on where the text stands; count: nowhere. False: it cannot be said. */
static bool find_text(struct line_cells *l, uint32_t from, bole_slice text, uint32_t *ret_at)
{
    for (*ret_at = from; *ret_at < l->count; ++*ret_at) {
        if (l->cells[*ret_at] < CELL_SLOT) {
            if (stands_at(l, *ret_at, text))
                return true;
            continue;
        }
        struct line_slot slot = line_cells_values(l, *ret_at);
        if (may_hold(&slot, text.ptr[0]) || may_reach(l, from, *ret_at, text))
            return line_cells_ask(l, *ret_at);
    }
    return true;
}

/* As pattern_capture, which does nothing with an empty line. */
static bool is_empty(struct line_cells *l, bool *ret_known)
{
    *ret_known = true;
    for (uint32_t i = 0; i < l->count; i++)
        if (l->cells[i] < CELL_SLOT || line_cells_values(l, i).len_min)
            return false;
    *ret_known = l->count == 0 || line_cells_ask(l, 0);
    return true;
}

/* Does the line begin with the text? False, too, where it cannot be said: then it asks. */
static bool begins_with(struct line_cells *l, bole_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (i == l->count)
            return false;
        if (l->cells[i] >= CELL_SLOT)
            return line_cells_ask(l, (uint32_t)i);
        if (!is_byte(l, (uint32_t)i, text.ptr[i]))
            return false;
    }
    return true;
}

static bool put_value(struct text_shape_reader *r, struct line_cells *l, size_t place, struct cell_range range,
                      struct line_value *ret_values)
{
    for (uint32_t i = 0; i < r->reader.value_count; i++)
        if (r->places[i] == place && !line_cells_value(l, range, r->scratch, &ret_values[i]))
            return false;
    return true;
}

/* False: asks. */
static bool capture_pattern(struct text_shape_reader *r, struct line_cells *l, struct line_value *ret_values)
{
    const struct pattern *p = r->stage->pattern;
    bool known;
    if (is_empty(l, &known))
        return known;
    uint32_t at = 0;
    size_t i = 0;
    if (!p->pieces[0].is_capture) {
        if (!begins_with(l, p->pieces[0].text))
            return l->asks < 0;
        at = (uint32_t)p->pieces[0].text.len;
        i = 1;
    }
    for (; i < p->count; i += 2) {
        uint32_t end = l->count;
        if (i + 1 < p->count && !find_text(l, at, p->pieces[i + 1].text, &end))
            return false;
        if (!put_value(r, l, i, (struct cell_range){at, end}, ret_values))
            return false;
        if (end == l->count)
            return true; /* the text ran out: the capture has all of the rest */
        at = end + (uint32_t)p->pieces[i + 1].text.len;
    }
    return true;
}

/* ---- regexp ---- */

/* False: asks, or it cannot be said. */
static bool capture_regexp(struct text_shape_reader *r, struct line_cells *l, struct line_value *ret_values)
{
    struct cell_range groups[LINE_VALUES_MAX];
    enum chain_answer answer = chain_find_cells(r->stage->chain, l, groups, r->group_count);
    for (uint32_t i = 0; answer == CHAIN_YES && i < r->reader.value_count; i++)
        if (!line_cells_value(l, groups[r->places[i]], r->scratch, &ret_values[i]))
            return false;
    return answer != CHAIN_UNKNOWN;
}

/* ---- the reader ---- */

static enum line_answer derive(void *ctx, const struct line_shape *shape, const bole_slice *known, uint32_t *ret_slot,
                               struct line_value *ret_values)
{
    struct text_shape_reader *r = ctx;
    struct line_cells line;
    arena_reset(r->scratch);
    for (uint32_t i = 0; i < r->reader.value_count; i++)
        ret_values[i] = (struct line_value){.slot = LINE_SLOT_NONE};
    if (!line_cells_init(&line, shape, known, r->scratch))
        return LINE_WHOLE;
    if ((r->stage->kind == STAGE_PATTERN ? capture_pattern : capture_regexp)(r, &line, ret_values))
        return LINE_READ;
    *ret_slot = line.asks >= 0 ? (uint32_t)line.asks : 0;
    return line.asks >= 0 ? LINE_ASKS : LINE_WHOLE;
}

/* False: too many. */
static bool add_value(struct text_shape_reader *r, const struct row *row, bole_slice name, size_t place)
{
    if (name.len == 0 || !row_may_want(row, name))
        return true;
    if (r->reader.value_count == LINE_VALUES_MAX)
        return false;
    r->names[r->reader.value_count] = name;
    r->places[r->reader.value_count++] = place;
    return true;
}

bool text_shape_reader_init(struct text_shape_reader *r, const struct ast_stage *stage, const struct row *row,
                            struct arena *scratch)
{
    const struct pattern *p = stage->pattern;
    bool ok = true;
    *r = (struct text_shape_reader){.reader = {.derive = derive, .ctx = r}, .stage = stage, .scratch = scratch};
    if (stage->kind == STAGE_REGEXP) {
        r->group_count = regex_group_count(stage->regex) + 1;
        r->reader.derive = stage->chain ? derive : NULL;
        ok = r->group_count <= LINE_VALUES_MAX;
        for (size_t g = 1; ok && g < r->group_count; g++)
            ok = add_value(r, row, regex_group_name(stage->regex, g), g);
    } else {
        for (size_t i = 0; ok && i < p->count; i++)
            ok = !p->pieces[i].is_capture || bole_slice_eq(p->pieces[i].text, S("_")) || add_value(r, row, p->pieces[i].text, i);
    }
    return ok && r->reader.value_count > 0;
}

void text_shape_set(const struct text_shape_reader *s, struct row *r, const bole_slice *values)
{
    for (uint32_t i = 0; i < s->reader.value_count; i++)
        if (values[i].ptr && !row_set_capture(r, s->names[i], values[i]))
            return;
}
