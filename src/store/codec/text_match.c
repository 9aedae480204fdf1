/*
 * Which lines a shadow of a regular expression refuses. Each template is gone over once, a slot standing for every text that
 * its column may hold. Where the state behind a literal is the one that the literal alone leads to, what stands before has no
 * say in what follows: there the template falls apart into stretches, most of which can be refused at once. Of the others
 *
 *   those of one slot that only a match within its value can accept are decided by column: its text is scanned as it lies;
 *   all others are run row by row over the values themselves, once per distinct value and state of a dictionary.
 *
 * Numbers are taken for whatever they may be.
 */
#include "base/err.h"
#include "store/codec/shadow.h"
#include "store/codec/text_private.h"
#include "store/codec/values_private.h"

enum {
    STRETCHES_MAX = 65536,  /* of all templates */
    STEPS_MAX = 65536,      /* columns gone over as whatever they may hold; after that everything is kept */
    ENTRY_STATES_MAX = 16,  /* of a column: states for which answers are kept */
    UNKNOWN = UINT16_MAX,
};

/* Slots from .. to - 1 of a template and the literals up to the one behind them. */
struct stretch {
    uint32_t       from, to, state; /* state: in front of slot `from` */
    const uint8_t *literal;         /* behind slot `from` */
    bool           inside;          /* one slot, and a match lies within its value */
};

struct template_plan {
    bool            keeps;          /* a literal is accepted, whatever the slots hold */
    struct stretch *stretches;      /* [count]; none: every row is refused */
    uint32_t        count;
    uint32_t       *columns;        /* [column_count] those to be counted along, as stretches of other templates need them */
    uint32_t        column_count;
};

/* What is known of a column, by the state in front of it. */
struct column_answers {
    uint32_t  states[ENTRY_STATES_MAX], any[ENTRY_STATES_MAX]; /* any: behind whatever it may hold */
    bool      accepts[ENTRY_STATES_MAX];                       /* in or behind it */
    uint16_t *by_id[ENTRY_STATES_MAX];                         /* of a dictionary: behind each of its values, or UNKNOWN */
    uint32_t  count;
    bool      is_used;                                         /* by a stretch */
    bool      is_run;                                          /* the same: over its values */
    bool      is_scanned, accepts_any, accepts_all;            /* values alone: none of the last two before is_scanned */
    uint64_t *inside;                                          /* bit per value, of a dictionary per distinct one */
    uint32_t  cursor;
};

struct matcher {
    struct text           *text;
    struct text_table     *table;
    struct shadow         *shadow;
    struct column_answers *answers; /* [column_count] */
    struct template_plan  *plans;
    uint32_t               stretch_count, steps;
    struct bole_err       *err;
};

/* ---- whatever a column may hold ---- */

static struct shadow_bytes bytes_of(uint64_t classes)
{
    struct shadow_bytes b = {.high = classes >> values_class(0x80) & 1};
    for (unsigned c = 0; c < 128; c++)
        b.low[c / 64] |= (classes >> values_class((uint8_t)c) & 1) << c % 64;
    return b;
}

static uint32_t pass_table(struct shadow *s, const struct text_table *table, uint32_t state, bool *accepts);

static uint32_t pass_column(struct shadow *s, const struct text_column *c, uint32_t state, bool *accepts)
{
    const struct values *v = &c->values;
    if (c->kind != TEXT_COLUMN_VALUES)
        return pass_table(s, c->table, state, accepts);
    if (v->type == VALUES_CONST)
        return shadow_pass(s, state, values_distinct(v, 0), accepts);
    struct shadow_bytes bytes = bytes_of(v->stamp.classes);
    return shadow_pass_any(s, state, &bytes, v->stamp.min_len, v->stamp.max_len, accepts);
}

/* Behind any line of an inner table. */
static uint32_t pass_table(struct shadow *s, const struct text_table *table, uint32_t state, bool *accepts)
{
    uint32_t all = SHADOW_START;
    for (uint32_t i = 0; i < table->template_count; i++) {
        const struct text_template *p = &table->templates[i];
        const uint8_t *literal = p->literals;
        uint32_t at = state;
        for (uint32_t k = 0; k <= p->slot_count; k++) {
            at = shadow_pass(s, at, bole_slice_from(literal, p->pieces[k]), accepts);
            literal += p->pieces[k];
            if (k < p->slot_count)
                at = pass_column(s, &table->columns[p->columns[k]], at, accepts);
        }
        all = i ? shadow_union(s, all, at) : at;
    }
    return all;
}

static uint32_t steps_of(const struct text_column *c)
{
    uint32_t steps = 1;
    for (uint32_t i = 0; c->kind != TEXT_COLUMN_VALUES && i < c->table->template_count; i++)
        steps += c->table->templates[i].slot_count;
    return steps;
}

/* The place of a state among the answers of a column; ENTRY_STATES_MAX: no room. */
static uint32_t answer_at(struct matcher *m, uint32_t column, uint32_t state)
{
    struct column_answers *a = &m->answers[column];
    for (uint32_t i = 0; i < a->count; i++)
        if (a->states[i] == state)
            return i;
    if (a->count == ENTRY_STATES_MAX)
        return ENTRY_STATES_MAX;
    uint32_t i = a->count++;
    a->states[i] = state;
    m->steps += steps_of(&m->table->columns[column]);
    a->any[i] = pass_column(m->shadow, &m->table->columns[column], state, &a->accepts[i]);
    return i;
}

static uint32_t pass_slot(struct matcher *m, uint32_t column, uint32_t state, bool *accepts)
{
    const struct column_answers *a = &m->answers[column];
    uint32_t i = answer_at(m, column, state);
    if (i == ENTRY_STATES_MAX) {
        m->steps += steps_of(&m->table->columns[column]);
        return pass_column(m->shadow, &m->table->columns[column], state, accepts);
    }
    *accepts |= a->accepts[i];
    return a->any[i];
}

/* ---- values alone ---- */

static bole_status match_table(struct text *t, struct text_table *table, struct shadow *shadow, uint64_t *bits,
                               struct bole_err *err);

static uint64_t *all_bits(struct matcher *m, uint32_t count)
{
    size_t words = (count + 63) / 64;
    uint64_t *bits = arena_alloc(m->text->source.arena, words * sizeof *bits);
    if (bits)
        memset(bits, 0xff, words * sizeof *bits);
    if (bits && count % 64)
        bits[words - 1] = (1ull << count % 64) - 1;
    return bits;
}

static bool any_bit(const uint64_t *bits, uint32_t count)
{
    for (uint32_t w = 0; w < (count + 63) / 64; w++)
        if (bits[w])
            return true;
    return false;
}

/* Texts end to end: only where a match may begin is a value run. */
static void scan_texts(struct matcher *m, struct column_answers *a, bole_slice text, const uint32_t *starts)
{
    uint32_t index = 0;
    for (size_t at = shadow_find(m->shadow, text, 0); at < text.len; at = shadow_find(m->shadow, text, at)) {
        while (starts[index + 1] <= at)
            index++;
        at = starts[index + 1];
        if (shadow_run(m->shadow, SHADOW_START, bole_slice_from(text.ptr + starts[index], at - starts[index])) == SHADOW_ACCEPT) {
            a->inside[index / 64] |= 1ull << index % 64;
            a->accepts_any = true;
        }
    }
}

static bole_status scan_values(struct matcher *m, uint32_t column)
{
    struct text_column *c = &m->table->columns[column];
    struct column_answers *a = &m->answers[column];
    bole_slice text;
    if (c->values.type != VALUES_RAW && c->values.type != VALUES_DICT) {
        bool accepts = false;
        pass_slot(m, column, SHADOW_START, &accepts);
        a->accepts_any = a->accepts_all = accepts;
        return BOLE_OK;
    }
    /* Most columns have no such text: then their ids need not be loaded. */
    bole_status st = text_load_part(m->text, &c->text, &text, m->err);
    if (st < 0 || (text.len && shadow_find(m->shadow, text, 0) == text.len))
        return st;
    st = text_load_column(m->text, m->table, column, m->err);
    if (st < 0)
        return st;
    const struct values_detail *d = c->values.detail;
    a->inside = arena_array(m->text->source.arena, (d->count + 63) / 64, sizeof *a->inside);
    if (!a->inside)
        return text_no_room(m->err);
    scan_texts(m, a, bole_slice_from(d->text, d->starts[d->count]), d->starts);
    return BOLE_OK;
}

/* Which values of a column are accepted alone, from SHADOW_START. */
static bole_status scan_column(struct matcher *m, uint32_t column)
{
    struct text_column *c = &m->table->columns[column];
    struct column_answers *a = &m->answers[column];
    if (a->is_scanned)
        return BOLE_OK;
    a->is_scanned = true;
    if (c->kind == TEXT_COLUMN_VALUES)
        return scan_values(m, column);
    a->inside = all_bits(m, c->table->row_count);
    if (!a->inside)
        return text_no_room(m->err);
    bole_status st = match_table(m->text, c->table, m->shadow, a->inside, m->err);
    a->accepts_any = any_bit(a->inside, c->table->row_count);
    return st;
}

/* ---- plans ---- */

/* Takes the stretch into the plan unless no value is accepted. */
static bole_status add_stretch(struct matcher *m, struct template_plan *plan, const struct text_template *p, struct stretch s)
{
    uint32_t column = p->columns[s.from];
    if (s.inside) {
        bole_status st = scan_column(m, column);
        if (st < 0 || !m->answers[column].accepts_any)
            return st;
        plan->keeps = m->answers[column].accepts_all;
    }
    if (!plan->stretches) {
        plan->stretches = arena_array(m->text->source.arena, p->slot_count, sizeof *plan->stretches);
        if (!plan->stretches)
            return text_no_room(m->err);
    }
    plan->stretches[plan->count++] = s;
    m->stretch_count++;
    for (uint32_t k = s.from; k < s.to; k++) {
        m->answers[p->columns[k]].is_used = true;
        m->answers[p->columns[k]].is_run |= !s.inside;
    }
    return BOLE_OK;
}

static bole_status plan_template(struct matcher *m, uint32_t number)
{
    const struct text_template *p = &m->table->templates[number];
    struct template_plan *plan = &m->plans[number];
    const uint8_t *literal = p->literals;
    uint32_t state = SHADOW_START;
    struct stretch s = {0};
    bool in_slots = false, behind = false; /* a match may end there */
    bole_status st = BOLE_OK;
    for (uint32_t k = 0; st >= 0 && k <= p->slot_count && !plan->keeps; k++) {
        bole_slice piece = bole_slice_from(literal, p->pieces[k]);
        uint32_t alone = shadow_pass(m->shadow, SHADOW_START, piece, &plan->keeps);
        plan->keeps |= m->stretch_count >= STRETCHES_MAX || m->steps >= STEPS_MAX;
        state = shadow_pass(m->shadow, state, piece, &behind);
        literal += p->pieces[k];
        if (state == alone || k == p->slot_count) {
            s.to = k;
            s.inside = s.to - s.from == 1 && s.state == SHADOW_START && !behind;
            if ((in_slots || behind) && !plan->keeps)
                st = add_stretch(m, plan, p, s);
            s = (struct stretch){k, k, alone, literal, false};
            in_slots = behind = false;
        }
        if (k < p->slot_count)
            state = pass_slot(m, p->columns[k], state, &in_slots);
    }
    return st;
}

/* Which columns of each template are used by any. */
static bole_status plan_columns(struct matcher *m)
{
    const struct text_table *table = m->table;
    size_t slots = 0;
    for (uint32_t i = 0; i < table->template_count; i++)
        slots += table->templates[i].slot_count;
    uint32_t *columns = arena_array(m->text->source.arena, slots, sizeof *columns);
    if (!columns)
        return text_no_room(m->err);
    for (uint32_t i = 0; i < table->template_count; i++) {
        const struct text_template *p = &table->templates[i];
        m->plans[i].columns = columns;
        for (uint32_t k = 0; k < p->slot_count; k++)
            if (m->answers[p->columns[k]].is_used)
                *columns++ = p->columns[k];
        m->plans[i].column_count = (uint32_t)(columns - m->plans[i].columns);
    }
    return BOLE_OK;
}

static bool is_number(const struct text_column *c)
{
    return c->kind == TEXT_COLUMN_VALUES && c->values.type >= VALUES_INT;
}

static bole_status load_columns(struct matcher *m)
{
    bole_status st = BOLE_OK;
    for (uint32_t i = 0; st >= 0 && i < m->table->column_count; i++)
        if (m->answers[i].is_run && !is_number(&m->table->columns[i]))
            st = text_load_column(m->text, m->table, i, m->err);
        else if (m->answers[i].is_used)
            st = text_load_ids(m->text, &m->table->columns[i], m->err);
    return st;
}

/* ---- rows ---- */

static bole_slice line_at(const struct text_column *c, uint32_t line)
{
    return bole_slice_from(c->lines + c->starts[line], c->starts[line + 1] - c->starts[line]);
}

/* Distinct value `id` of a dictionary of either kind. */
static uint32_t run_distinct(struct matcher *m, const struct text_column *c, struct column_answers *a, uint32_t state,
                             uint32_t id)
{
    bool is_table = c->kind == TEXT_COLUMN_DICTIONARY;
    uint32_t i = answer_at(m, (uint32_t)(a - m->answers), state),
             count = is_table ? c->table->row_count : values_distinct_count(&c->values);
    if (i < ENTRY_STATES_MAX && !a->by_id[i]) {
        a->by_id[i] = arena_alloc(m->text->source.arena, count * sizeof *a->by_id[i]);
        if (a->by_id[i])
            memset(a->by_id[i], 0xff, count * sizeof *a->by_id[i]);
    }
    uint16_t *known = i < ENTRY_STATES_MAX && a->by_id[i] ? &a->by_id[i][id] : NULL;
    if (known && *known != UNKNOWN)
        return *known;
    uint32_t behind = shadow_run(m->shadow, state, is_table ? line_at(c, id) : values_distinct(&c->values, id));
    if (known)
        *known = (uint16_t)behind;
    return behind;
}

static uint32_t run_value(struct matcher *m, uint32_t column, uint32_t state)
{
    const struct text_column *c = &m->table->columns[column];
    struct column_answers *a = &m->answers[column];
    uint32_t index = a->cursor;
    if (c->kind == TEXT_COLUMN_DICTIONARY)
        return run_distinct(m, c, a, state, (uint32_t)ints_offset(&c->ids, index));
    if (c->kind == TEXT_COLUMN_TABLE)
        return shadow_run(m->shadow, state, line_at(c, index));
    if (c->values.type == VALUES_DICT || c->values.type == VALUES_CONST)
        return run_distinct(m, c, a, state, values_id(&c->values, index));
    if (c->values.type == VALUES_RAW)
        return shadow_run(m->shadow, state, values_raw(&c->values, index));
    bool accepts = m->steps >= STEPS_MAX;
    if (!accepts)
        state = pass_slot(m, column, state, &accepts);
    return accepts ? SHADOW_ACCEPT : state;
}

static bool value_accepts(const struct matcher *m, uint32_t column)
{
    const struct text_column *c = &m->table->columns[column];
    const struct column_answers *a = &m->answers[column];
    uint64_t index = a->cursor;
    if (c->kind == TEXT_COLUMN_DICTIONARY)
        index = ints_offset(&c->ids, (uint32_t)index);
    else if (c->kind == TEXT_COLUMN_VALUES && c->values.type == VALUES_DICT)
        index = values_id(&c->values, (uint32_t)index);
    return a->inside[index / 64] >> index % 64 & 1;
}

static bool row_accepts(struct matcher *m, const struct template_plan *plan, const struct text_template *p)
{
    for (uint32_t i = 0; i < plan->count; i++) {
        const struct stretch *s = &plan->stretches[i];
        if (s->inside) {
            if (value_accepts(m, p->columns[s->from]))
                return true;
            continue;
        }
        const uint8_t *literal = s->literal;
        uint32_t state = s->state;
        for (uint32_t k = s->from; k < s->to && state != SHADOW_ACCEPT; k++) {
            state = run_value(m, p->columns[k], state);
            if (state != SHADOW_ACCEPT)
                state = shadow_run(m->shadow, state, bole_slice_from(literal, p->pieces[k + 1]));
            literal += p->pieces[k + 1];
        }
        if (state == SHADOW_ACCEPT)
            return true;
    }
    return false;
}

static void match_rows(struct matcher *m, uint64_t *bits)
{
    const struct text_table *table = m->table;
    for (uint32_t row = 0; row < table->row_count; row++) {
        uint32_t number = text_row_template(table, row);
        const struct template_plan *plan = &m->plans[number];
        uint64_t bit = 1ull << row % 64;
        if (!plan->keeps && bits[row / 64] & bit && !(plan->count && row_accepts(m, plan, &table->templates[number])))
            bits[row / 64] &= ~bit;
        for (uint32_t i = 0; i < plan->column_count; i++)
            m->answers[plan->columns[i]].cursor++;
    }
}

static bole_status match_table(struct text *t, struct text_table *table, struct shadow *shadow, uint64_t *bits,
                               struct bole_err *err)
{
    struct matcher m = {.text = t, .table = table, .shadow = shadow, .err = err};
    m.answers = arena_array(t->source.arena, table->column_count, sizeof *m.answers);
    m.plans = arena_array(t->source.arena, table->template_count, sizeof *m.plans);
    if (!m.answers || !m.plans)
        return text_no_room(err);
    bole_status st = BOLE_OK;
    uint32_t kept = 0;
    for (uint32_t i = 0; st >= 0 && i < table->template_count; i++) {
        st = plan_template(&m, i);
        kept += m.plans[i].keeps;
    }
    if (st < 0 || kept == table->template_count)
        return st;
    if (!m.stretch_count && !kept) {
        memset(bits, 0, (table->row_count + 63) / 64 * sizeof *bits);
        return BOLE_OK;
    }
    st = plan_columns(&m);
    if (st >= 0)
        st = load_columns(&m);
    if (st >= 0)
        st = text_load_rows(t, table, err);
    if (st >= 0)
        match_rows(&m, bits);
    return st;
}

bole_status text_match(struct text *t, struct shadow *shadow, uint64_t *bits, struct bole_err *err)
{
    return match_table(t, &t->root, shadow, bits, err);
}
