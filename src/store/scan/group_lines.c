#include "store/scan/group_lines.h"

#include "base/err.h"
#include "store/scan/group_derive.h"

struct plan { /* of a template */
    enum { PLAN_NONE, PLAN_WHOLE, PLAN_READ } kind;
    uint8_t *checks;           /* [slot_count] */
    struct line_value *values; /* [value_count]; slot: the column */
};

struct group_lines {
    const struct line_reader *reader;
    const uint16_t *templates;  /* [row_count] */
    struct plan    *plans;      /* [template_count] */
    uint8_t        *checks;     /* [column_count] bit per check that values must pass */
    uint64_t       *whole;      /* bit per row */
    uint64_t       *read;       /* bit per row: selected, and not whole */
    uint8_t        *readers;    /* [column_count] bit per value of the reader that some template has there */
    uint32_t        column_count;
    struct group_derive *derive; /* for a reader that derives: stands for all of the above but templates and whole */
};

_Static_assert(LINE_VALUES_MAX <= 8 && LINE_CHECKS_MAX <= 8, "a bit each");

static bole_status no_room(struct bole_err *err)
{
    return bole_fail(err, BOLE_E_LIMIT, "the values of a row group do not fit into the query's memory limit");
}

/* ---- what a shape says of its slots ---- */

struct shape_of_text {
    const struct text *text;
    struct text_shape  shape;
};

static bool may_have(const struct line_shape *s, uint32_t slot, bole_slice bytes)
{
    const struct shape_of_text *t = s->self;
    return text_slot_may_have(t->text, t->shape.columns[slot], bytes);
}

static bool are(const struct line_shape *s, uint32_t slot, enum line_form form)
{
    static const enum values_forms forms[] = {
        [LINE_QUOTED] = VALUES_QUOTED, [LINE_SCALARS] = VALUES_SCALARS, [LINE_ITEMS] = VALUES_ITEMS};
    const struct shape_of_text *t = s->self;
    return text_slot_are(t->text, t->shape.columns[slot], forms[form]);
}

/* ---- plans ---- */

static bole_status plan_template(struct group_scan *g, struct group_lines *l, uint32_t template, struct bole_err *err)
{
    const struct line_reader *reader = l->reader;
    struct shape_of_text t = {g->text, text_shape(g->text, template)};
    struct line_shape shape = {t.shape.slot_count, t.shape.pieces, t.shape.literals, may_have, are, NULL, &t};
    struct plan *plan = &l->plans[template];
    struct line_value values[LINE_VALUES_MAX];
    uint8_t *checks = arena_zalloc(&g->arena, shape.slot_count + 1u);
    if (!checks)
        return no_room(err);
    plan->kind = PLAN_WHOLE;
    if (!reader->read(reader->ctx, &shape, checks, values))
        return BOLE_OK;
    plan->kind = PLAN_READ;
    plan->checks = checks;
    plan->values = arena_array(&g->arena, reader->value_count, sizeof *plan->values);
    if (!plan->values)
        return no_room(err);
    for (uint32_t k = 0; k < shape.slot_count; k++)
        if (checks[k])
            l->checks[t.shape.columns[k]] |= (uint8_t)(1u << checks[k]);
    for (uint32_t i = 0; i < reader->value_count; i++) {
        plan->values[i] = values[i];
        if (values[i].slot >= 0) {
            uint32_t column = t.shape.columns[values[i].slot];
            plan->values[i].slot = (int32_t)column;
            l->readers[column] |= (uint8_t)(1u << i);
        }
    }
    return BOLE_OK;
}

static bole_status plan_rows(struct group_scan *g, struct group_lines *l, struct bole_err *err)
{
    const uint64_t *bits = group_scan_bits(g);
    for (uint32_t w = 0; w < group_scan_words(g); w++)
        for (uint64_t left = bits[w]; left; left &= left - 1) {
            uint32_t row = w * 64 + (uint32_t)__builtin_ctzll(left);
            struct plan *plan = &l->plans[l->templates[row]];
            bole_status st = plan->kind == PLAN_NONE ? plan_template(g, l, l->templates[row], err) : BOLE_OK;
            if (st < 0)
                return st;
            l->whole[w] |= plan->kind == PLAN_WHOLE ? left & -left : 0;
        }
    return BOLE_OK;
}

static bool asks(const struct group_scan *g, const struct plan *plan, uint32_t template, uint32_t column, unsigned check)
{
    struct text_shape shape = text_shape(g->text, template);
    for (uint32_t k = 0; plan->kind == PLAN_READ && k < shape.slot_count; k++)
        if (shape.columns[k] == column)
            return plan->checks[k] == check;
    return false;
}

/* Lines whose value in the column is not as their template wants it come whole. What one template has in quotes another may
 * not: the same value can be right in one of them only. */
static bole_status check_column(struct group_scan *g, struct group_lines *l, uint32_t column, unsigned check, uint64_t *refused,
                                struct bole_err *err)
{
    enum { NOT_ASKED, NO, YES };
    uint32_t words = group_scan_words(g);
    bool any = false;
    memset(refused, 0, words * sizeof *refused);
    bole_status st = text_refused(g->text, column, l->reader->check, check, refused, &any, err);
    uint8_t *answers = st >= 0 && any ? arena_zalloc(&g->arena, text_template_count(g->text)) : NULL;
    if (st < 0 || !any)
        return st;
    for (uint32_t w = 0; answers && w < words; w++)
        for (uint64_t left = refused[w] & group_scan_bits(g)[w] & ~l->whole[w]; left; left &= left - 1) {
            uint32_t template = l->templates[w * 64 + (uint32_t)__builtin_ctzll(left)];
            if (answers[template] == NOT_ASKED)
                answers[template] = asks(g, &l->plans[template], template, column, check) ? YES : NO;
            l->whole[w] |= answers[template] == YES ? left & -left : 0;
        }
    return answers ? BOLE_OK : no_room(err);
}

static bole_status open_derive(struct group_scan *g, struct group_lines *l, struct bole_err *err)
{
    l->whole = arena_array(&g->arena, group_scan_words(g), sizeof *l->whole);
    bole_status st = l->whole ? text_row_templates(g->text, &l->templates, err) : no_room(err);
    if (st < 0)
        return st;
    l->derive = group_derive_open(g, l->templates);
    return l->derive ? BOLE_OK : no_room(err);
}

bole_status group_lines_open(struct group_scan *g, struct group_lines **ret_lines, struct bole_err *err)
{
    struct group_lines *l = arena_zalloc(&g->arena, sizeof *l);
    uint32_t words = group_scan_words(g);
    if (!l)
        return no_room(err);
    *ret_lines = l;
    l->reader = g->ctx->query->reader;
    if (l->reader->derive)
        return open_derive(g, l, err);
    l->column_count = text_column_count(g->text);
    l->plans = arena_array(&g->arena, text_template_count(g->text), sizeof *l->plans);
    l->checks = arena_zalloc(&g->arena, l->column_count + 1u);
    l->readers = arena_zalloc(&g->arena, l->column_count + 1u);
    l->whole = arena_array(&g->arena, words, sizeof *l->whole);
    l->read = arena_array(&g->arena, words, sizeof *l->read);
    uint64_t *refused = arena_array(&g->arena, words, sizeof *refused);
    if (!refused || !l->plans || !l->checks || !l->readers || !l->whole || !l->read)
        return no_room(err);
    bole_status st = text_row_templates(g->text, &l->templates, err);
    if (st >= 0)
        st = plan_rows(g, l, err);
    for (uint32_t c = 0; st >= 0 && c < l->column_count; c++)
        for (unsigned check = 1; st >= 0 && check < LINE_CHECKS_MAX; check++)
            if (l->checks[c] >> check & 1)
                st = check_column(g, l, c, check, refused, err);
    for (uint32_t w = 0; w < words; w++) {
        l->whole[w] &= group_scan_bits(g)[w];
        l->read[w] = group_scan_bits(g)[w] & ~l->whole[w];
    }
    return st;
}

const uint64_t *group_lines_whole(const struct group_lines *l)
{
    return l->whole;
}

/* ---- vectors ---- */

/* Rows of a template whose value lies in the literals. A column serves one value only where all templates agree on that. */
static void put_literals(const struct group_scan *g, const struct group_lines *l, uint32_t value, struct vector *v,
                         bole_slice *out)
{
    for (uint32_t r = 0; r < v->row_count; r++) {
        const struct plan *plan = &l->plans[l->templates[g->first_row + r]];
        if (plan->kind == PLAN_READ && plan->values[value].slot == LINE_SLOT_LITERAL)
            out[r] = plan->values[value].text;
    }
}

static bole_status put_column(struct group_scan *g, const struct group_lines *l, uint32_t column, struct vector *v,
                              bole_slice **out, bole_slice *scratch, struct bole_err *err)
{
    struct arena *arena = &g->ctx->vector_arena;
    memset(scratch, 0, v->row_count * sizeof *scratch);
    bole_status st = text_slot_values(g->text, column, g->first_row, v->row_count, l->read, arena, scratch, err);
    for (uint32_t r = 0; st >= 0 && r < v->row_count; r++) {
        const struct plan *plan = &l->plans[l->templates[g->first_row + r]];
        for (uint32_t i = 0; scratch[r].ptr && i < l->reader->value_count; i++)
            if (plan->values[i].slot == (int32_t)column)
                out[i][r] = scratch[r];
    }
    return st;
}

static bole_status fill_values(struct group_scan *g, struct group_lines *l, struct vector *v, struct bole_err *err)
{
    struct arena *arena = &g->ctx->vector_arena;
    uint32_t count = l->reader->value_count;
    bole_slice **out = arena_array(arena, count, sizeof *out), *scratch = arena_array(arena, v->row_count, sizeof *scratch);
    if (!out || !scratch)
        return no_room(err);
    for (uint32_t i = 0; i < count; i++) {
        out[i] = arena_array(arena, v->row_count, sizeof *out[i]);
        if (!out[i])
            return no_room(err);
        put_literals(g, l, i, v, out[i]);
    }
    bole_status st = BOLE_OK;
    for (uint32_t c = 0; st >= 0 && c < l->column_count; c++)
        if (l->readers[c])
            st = put_column(g, l, c, v, out, scratch, err);
    v->values = (const bole_slice *const *)out;
    return st;
}

bole_status group_lines_fill(struct group_scan *g, struct group_lines *l, struct vector *v, struct bole_err *err)
{
    bole_status st = l->derive ? group_derive_fill(l->derive, v, l->whole, err) : fill_values(g, l, v, err);
    uint32_t word = g->first_row / 64, shift = g->first_row % 64, words = group_scan_words(g);
    for (uint32_t i = 0; i < (v->row_count + 63) / 64; i++) {
        uint64_t low = l->whole[word + i] >> shift;
        uint64_t high = shift && word + i + 1 < words ? l->whole[word + i + 1] << (64 - shift) : 0;
        v->whole[i] = (low | high) & v->selected[i];
    }
    return st;
}
