/*
 * Which lines contain a needle, without building them. A hit lies
 *
 *   within a literal       then every row of the template has it
 *   within a value         each column is asked once, for all templates that have it
 *   across their borders   for each template, every way to lay the needle over literals and slots is tried: the first slot it
 *                          touches must end with its beginning, slots in its middle must equal their part of it, the last one
 *                          must start with its end. Literals fix the places, so there are few ways, and each one is a
 *                          conjunction of exact conditions on columns.
 *
 * A needle made to fit in very many ways spends its allowance of steps; the lines of the templates that are left are then
 * built and searched.
 */
#include <assert.h>

#include "base/err.h"
#include "store/codec/find_bytes.h"
#include "store/codec/text_private.h"

enum {
    STEPS_MAX = 1000000,  /* places tried over all templates: some milliseconds */
    ANSWERS_MAX = 512,    /* of columns kept, 8 KB each */
    CONDITIONS_MAX = 128, /* slots that one way covers */
};

struct condition {
    uint32_t          column, from, len; /* the value against needle[from .. from + len) */
    enum values_match how;
};

struct answer {
    struct condition to;
    const uint64_t  *rows; /* bit per row of the table; NULL: no row */
};

struct finder {
    struct text         *text;
    struct text_table   *table;
    bole_slice           needle;
    bool                 in_needle[256];
    size_t               words;      /* of a bit per row */
    uint64_t            *hits;
    uint64_t            *candidates; /* rows to be built and searched */
    uint64_t            *scratch;
    bool                *whole;      /* [template_count]: every row is a hit */
    uint32_t             template;   /* at hand */
    uint64_t            *rows;       /* of the template at hand; written when first needed */
    bool                 rows_known, has_candidates;
    struct condition     path[CONDITIONS_MAX]; /* of the way at hand */
    struct answer       *answers;    /* [ANSWERS_MAX]; NULL while there are none */
    uint32_t             answer_count, steps_left;
    struct bole_err     *err;
};

/* ---- conditions on columns ---- */

void text_spread_bits_portable(const uint64_t *values, const uint64_t *rows, size_t words, uint64_t *ret_rows)
{
    size_t at = 0;
    for (size_t w = 0; w < words; w++) {
        uint64_t out = 0;
        for (uint64_t left = rows[w]; left; left &= left - 1, at++)
            out |= (left & -left) & (0 - (values[at / 64] >> at % 64 & 1));
        ret_rows[w] = out;
    }
}

#if defined(__x86_64__)
#include <immintrin.h>

__attribute__((target("bmi2,popcnt")))
static void spread_bmi2(const uint64_t *values, const uint64_t *rows, size_t words, uint64_t *ret_rows)
{
    size_t at = 0;
    for (size_t w = 0; w < words; w++) {
        if (!rows[w]) {
            ret_rows[w] = 0;
            continue;
        }
        unsigned shift = at % 64, n = (unsigned)__builtin_popcountll(rows[w]);
        uint64_t bits = values[at / 64] >> shift;
        if (shift + n > 64)
            bits |= values[at / 64 + 1] << (64 - shift);
        ret_rows[w] = _pdep_u64(bits, rows[w]);
        at += n;
    }
}
#endif

void text_spread_bits(const uint64_t *values, const uint64_t *rows, size_t words, uint64_t *ret_rows)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("bmi2")) {
        spread_bmi2(values, rows, words, ret_rows);
        return;
    }
#endif
    text_spread_bits_portable(values, rows, words, ret_rows);
}

static bool any_bit(const uint64_t *bits, size_t words)
{
    for (size_t w = 0; w < words; w++)
        if (bits[w])
            return true;
    return false;
}

/* What the head of the column rules out. */
static bool may_match(const struct values *v, enum values_match how, bole_slice part)
{
    if (how == VALUES_EQUALS && (part.len < v->stamp.min_len || part.len > v->stamp.max_len))
        return false;
    return values_may_contain(v, part);
}

static bole_status table_contains(struct text *t, struct text_table *table, bole_slice needle, uint64_t *bits,
                                  struct bole_err *err);

/* f->scratch: bit per value of a column that is stored as values. */
static bole_status find_in_values(struct finder *f, uint32_t number, enum values_match how, bole_slice part, bool *ret_any)
{
    struct text_column *column = &f->table->columns[number];
    bole_slice text;
    bole_status st = text_load_part(f->text, &column->text, &text, f->err);
    if (st < 0)
        return st;
    /* Most columns of texts do not have it: then their ids need not be loaded. */
    if (text.len && part.len && (column->values.type == VALUES_RAW || column->values.type == VALUES_DICT) &&
        !find_bytes(text, part))
        return BOLE_OK;
    st = text_load_column(f->text, f->table, number, f->err);
    if (st < 0)
        return st;
    values_find(&column->values, how, part, f->scratch);
    *ret_any = any_bit(f->scratch, (column->values.count + 63) / 64);
    return BOLE_OK;
}

static bool matches(bole_slice line, enum values_match how, bole_slice part)
{
    if (line.len < part.len || (how == VALUES_EQUALS && line.len != part.len))
        return false;
    return part.len == 0 || memcmp(line.ptr + (how == VALUES_ENDS ? line.len - part.len : 0), part.ptr, part.len) == 0;
}

/* Clears the bits of the lines that only contain the part, but not in the right place. */
static bole_status check_lines(struct finder *f, struct text_table *table, enum values_match how, bole_slice part, uint64_t *bits)
{
    struct buf line;
    buf_init(&line, f->text->source.arena->budget);
    bole_status st = BOLE_OK;
    for (uint32_t row = 0; st >= 0 && row < table->row_count; row++) {
        if (!(bits[row / 64] >> row % 64 & 1))
            continue;
        buf_reset(&line);
        st = text_append_row(f->text, table, row, &line, f->err);
        if (st >= 0 && !matches(buf_slice(&line), how, part))
            bits[row / 64] &= ~(1ull << row % 64);
    }
    buf_deinit(&line);
    return st;
}

/* f->scratch: the same for a column that is a table. */
static bole_status find_in_table(struct finder *f, uint32_t number, enum values_match how, bole_slice part, bool *ret_any)
{
    struct text_column *column = &f->table->columns[number];
    struct text_table *table = column->table;
    size_t words = (table->row_count + 63) / 64;
    uint64_t *bits = arena_alloc(f->text->source.arena, words * sizeof *bits);
    if (!bits)
        return text_no_room(f->err);
    memset(bits, 0xff, words * sizeof *bits);
    if (table->row_count % 64)
        bits[words - 1] = (1ull << table->row_count % 64) - 1;
    bole_status st = table_contains(f->text, table, part, bits, f->err);
    if (st >= 0 && how != VALUES_CONTAINS && any_bit(bits, words))
        st = check_lines(f, table, how, part, bits);
    *ret_any = st >= 0 && any_bit(bits, words);
    if (!*ret_any)
        return st;
    if (column->kind == TEXT_COLUMN_TABLE) {
        memcpy(f->scratch, bits, words * sizeof *bits);
        return BOLE_OK;
    }
    st = text_load_ids(f->text, column, f->err);
    memset(f->scratch, 0, (column->values.count + 63) / 64 * sizeof *f->scratch);
    for (uint32_t i = 0; st >= 0 && i < column->values.count; i++) {
        uint64_t id = ints_offset(&column->ids, i);
        f->scratch[i / 64] |= (bits[id / 64] >> id % 64 & 1) << i % 64;
    }
    *ret_any = st >= 0 && any_bit(f->scratch, (column->values.count + 63) / 64);
    return st;
}

/* The rows whose value in the column matches a part of the needle; NULL for none. */
static bole_status find_rows(struct finder *f, const struct condition *c, const uint64_t **ret_rows)
{
    struct text_column *column = &f->table->columns[c->column];
    bole_slice part = {f->needle.ptr + c->from, c->len};
    bool any = false;
    *ret_rows = NULL;
    if (!may_match(&column->values, c->how, part))
        return BOLE_OK;
    bole_status st = column->kind == TEXT_COLUMN_VALUES ? find_in_values(f, c->column, c->how, part, &any)
                                                        : find_in_table(f, c->column, c->how, part, &any);
    if (st < 0 || !any)
        return st;
    const uint64_t *rows;
    st = text_column_rows(f->text, f->table, c->column, &rows, f->err);
    if (st < 0)
        return st;
    uint64_t *out = arena_alloc(f->text->source.arena, f->words * sizeof *out);
    if (!out)
        return text_no_room(f->err);
    text_spread_bits(f->scratch, rows, f->words, out);
    *ret_rows = out;
    return BOLE_OK;
}

/* As find_rows, but each question is asked once. False in *ret_known: there is no more room for answers. */
static bole_status ask(struct finder *f, const struct condition *c, const uint64_t **ret_rows, bool *ret_known)
{
    *ret_known = true;
    for (uint32_t i = 0; i < f->answer_count; i++) {
        const struct condition *to = &f->answers[i].to;
        if (to->column == c->column && to->from == c->from && to->len == c->len && to->how == c->how) {
            *ret_rows = f->answers[i].rows;
            return BOLE_OK;
        }
    }
    *ret_known = f->answer_count < ANSWERS_MAX;
    if (!*ret_known)
        return BOLE_OK;
    if (!f->answers && !(f->answers = arena_array(f->text->source.arena, ANSWERS_MAX, sizeof *f->answers)))
        return text_no_room(f->err);
    bole_status st = find_rows(f, c, ret_rows);
    if (st >= 0)
        f->answers[f->answer_count++] = (struct answer){*c, *ret_rows};
    return st;
}

/* ---- ways to lay the needle over a template ---- */

static bole_status template_rows(struct finder *f)
{
    if (f->rows_known)
        return BOLE_OK;
    bole_status st = text_load_rows(f->text, f->table, f->err);
    if (st < 0)
        return st;
    memset(f->rows, 0, f->words * sizeof *f->rows);
    for (uint32_t row = 0; row < f->table->row_count; row++)
        f->rows[row / 64] |= (uint64_t)(text_row_template(f->table, row) == f->template) << row % 64;
    f->rows_known = true;
    return BOLE_OK;
}

/* Every row of the template is built and searched. */
static bole_status give_up(struct finder *f)
{
    bole_status st = template_rows(f);
    for (size_t w = 0; st >= 0 && w < f->words; w++)
        f->candidates[w] |= f->rows[w];
    f->has_candidates = true;
    f->steps_left = 0;
    return st;
}

/* The way at hand covers the needle: its hits are the rows where all conditions hold. */
static bole_status take_way(struct finder *f, uint32_t condition_count)
{
    const uint64_t *rows[CONDITIONS_MAX];
    for (uint32_t i = 0; i < condition_count; i++) {
        bool known;
        bole_status st = ask(f, &f->path[i], &rows[i], &known);
        if (st < 0)
            return st;
        if (!known)
            return give_up(f);
        if (!rows[i])
            return BOLE_OK;
    }
    bole_status st = template_rows(f);
    for (size_t w = 0; st >= 0 && w < f->words; w++) {
        uint64_t bits = f->rows[w];
        for (uint32_t i = 0; i < condition_count; i++)
            bits &= rows[i][w];
        f->hits[w] |= bits;
    }
    return st;
}

static bool possible(const struct finder *f, const struct condition *c)
{
    return may_match(&f->table->columns[c->column].values, c->how, bole_slice_from(f->needle.ptr + c->from, c->len));
}

/* The first place in the needle, at or after *at, where this literal may begin; an empty one may anywhere. */
static bool next_start(const struct finder *f, uint32_t piece_len, const uint8_t *literal, uint32_t *at)
{
    if (*at >= f->needle.len || !piece_len)
        return *at < f->needle.len;
    const uint8_t *hit = memchr(f->needle.ptr + *at, literal[0], f->needle.len - *at);
    *at = hit ? (uint32_t)(hit - f->needle.ptr) : 0;
    return hit;
}

static bole_status lay_literal(struct finder *f, uint32_t piece, const uint8_t *literal, uint32_t from, uint32_t condition_count);

/* needle[from ..], not empty, must begin where the value of this slot does. `literal`: the piece behind the slot. */
static bole_status lay_slot(struct finder *f, uint32_t slot, const uint8_t *literal, uint32_t from, uint32_t condition_count)
{
    const struct text_template *p = &f->table->templates[f->template];
    if (condition_count == CONDITIONS_MAX)
        return give_up(f);
    struct condition *c = &f->path[condition_count];
    *c = (struct condition){p->columns[slot], from, (uint32_t)f->needle.len - from, VALUES_STARTS};
    bole_status st = possible(f, c) ? take_way(f, condition_count + 1) : BOLE_OK;
    for (uint32_t end = from; st >= 0 && next_start(f, p->pieces[slot + 1], literal, &end); end++) {
        if (f->steps_left == 0)
            return give_up(f);
        f->steps_left--;
        *c = (struct condition){p->columns[slot], from, end - from, VALUES_EQUALS};
        if (possible(f, c))
            st = lay_literal(f, slot + 1, literal, end, condition_count + 1);
    }
    return st;
}

/* needle[from ..], not empty, must begin where this literal does. */
static bole_status lay_literal(struct finder *f, uint32_t piece, const uint8_t *literal, uint32_t from, uint32_t condition_count)
{
    const struct text_template *p = &f->table->templates[f->template];
    uint32_t left = (uint32_t)f->needle.len - from, len = p->pieces[piece];
    if (memcmp(literal, f->needle.ptr + from, len < left ? len : left) != 0)
        return BOLE_OK;
    if (left <= len)
        return take_way(f, condition_count);
    return piece == p->slot_count ? BOLE_OK : lay_slot(f, piece, literal + len, from + len, condition_count);
}

/* Every way that begins in this literal and ends behind it. */
static bole_status begin_in_literal(struct finder *f, uint32_t piece, const uint8_t *literal)
{
    const struct text_template *p = &f->table->templates[f->template];
    uint32_t len = p->pieces[piece];
    bole_status st = BOLE_OK;
    if (piece == p->slot_count || len == 0 || !f->in_needle[literal[len - 1]])
        return BOLE_OK;
    uint32_t longest = len < f->needle.len ? len : (uint32_t)f->needle.len - 1;
    for (uint32_t part = 1; st >= 0 && part <= longest; part++)
        if (memcmp(literal + len - part, f->needle.ptr, part) == 0)
            st = lay_slot(f, piece, literal + len, part, 0);
    return st;
}

/* Every way that begins in the value of this slot and ends behind it. */
static bole_status begin_in_slot(struct finder *f, uint32_t slot, const uint8_t *literal)
{
    const struct text_template *p = &f->table->templates[f->template];
    bole_status st = BOLE_OK;
    if (p->pieces[slot + 1] && !f->in_needle[literal[0]])
        return BOLE_OK;
    for (uint32_t end = 1; st >= 0 && next_start(f, p->pieces[slot + 1], literal, &end); end++) {
        if (f->steps_left == 0)
            return give_up(f);
        f->steps_left--;
        f->path[0] = (struct condition){p->columns[slot], 0, end, VALUES_ENDS};
        if (possible(f, &f->path[0]))
            st = lay_literal(f, slot + 1, literal, end, 1);
    }
    return st;
}

static bole_status find_across(struct finder *f, uint32_t template)
{
    const struct text_template *p = &f->table->templates[template];
    const uint8_t *literal = p->literals;
    bole_status st = BOLE_OK;
    f->template = template;
    f->rows_known = false;
    for (uint32_t k = 0; st >= 0 && k < p->slot_count; k++) {
        if (f->steps_left == 0)
            return give_up(f);
        st = begin_in_literal(f, k, literal);
        literal += p->pieces[k];
        if (st >= 0)
            st = begin_in_slot(f, k, literal);
    }
    return st;
}

/* ---- literals, values ---- */

/* Marks the templates that have the needle within a literal. */
static void find_in_literals(struct finder *f)
{
    const struct text_table *table = f->table;
    bole_slice left = table->literals;
    const uint8_t *hit;
    uint32_t template = 0, piece = 0;
    const uint8_t *start = left.ptr; /* of the piece */
    while (left.len && (hit = find_bytes(left, f->needle))) {
        const struct text_template *p = &table->templates[template];
        while (hit >= start + p->pieces[piece]) {
            start += p->pieces[piece];
            if (piece++ == p->slot_count) {
                p = &table->templates[++template];
                piece = 0;
            }
        }
        if ((size_t)(start + p->pieces[piece] - hit) >= f->needle.len)
            f->whole[template] = true;
        left = bole_slice_from(hit + 1, left.len - (size_t)(hit + 1 - left.ptr));
    }
}

static bole_status find_in_columns(struct finder *f)
{
    for (uint32_t i = 0; i < f->table->column_count; i++) {
        struct condition c = {i, 0, (uint32_t)f->needle.len, VALUES_CONTAINS};
        const uint64_t *rows;
        bole_status st = find_rows(f, &c, &rows);
        if (st < 0)
            return st;
        for (size_t w = 0; rows && w < f->words; w++)
            f->hits[w] |= rows[w];
    }
    return BOLE_OK;
}

static bole_status add_whole_templates(struct finder *f)
{
    if (!memchr(f->whole, true, f->table->template_count * sizeof *f->whole))
        return BOLE_OK;
    bole_status st = text_load_rows(f->text, f->table, f->err);
    for (uint32_t row = 0; st >= 0 && row < f->table->row_count; row++)
        f->hits[row / 64] |= (uint64_t)f->whole[text_row_template(f->table, row)] << row % 64;
    return st;
}

/* Builds the rows that are still wanted, and looks. */
static bole_status search_candidates(struct finder *f, const uint64_t *bits)
{
    struct buf line;
    buf_init(&line, f->text->source.arena->budget);
    bole_status st = BOLE_OK;
    for (uint32_t row = 0; st >= 0 && row < f->table->row_count; row++) {
        if (!((f->candidates[row / 64] & ~f->hits[row / 64] & bits[row / 64]) >> row % 64 & 1))
            continue;
        buf_reset(&line);
        st = text_append_row(f->text, f->table, row, &line, f->err);
        if (st >= 0 && line.len && find_bytes(buf_slice(&line), f->needle))
            f->hits[row / 64] |= 1ull << row % 64;
    }
    buf_deinit(&line);
    return st;
}

static bool init(struct finder *f, struct text *t, struct text_table *table, bole_slice needle, struct bole_err *err)
{
    struct arena *arena = t->source.arena;
    *f = (struct finder){.text = t, .table = table, .needle = needle, .steps_left = STEPS_MAX, .err = err};
    f->words = (table->row_count + 63) / 64;
    f->hits = arena_array(arena, f->words, sizeof *f->hits);
    f->candidates = arena_array(arena, f->words, sizeof *f->candidates);
    f->scratch = arena_array(arena, f->words, sizeof *f->scratch);
    f->rows = arena_array(arena, f->words, sizeof *f->rows);
    f->whole = arena_array(arena, table->template_count, sizeof *f->whole);
    for (size_t i = 0; i < needle.len; i++)
        f->in_needle[needle.ptr[i]] = true;
    return f->hits && f->candidates && f->scratch && f->rows && f->whole;
}

static bole_status find(struct finder *f, const uint64_t *bits)
{
    find_in_literals(f);
    bole_status st = find_in_columns(f);
    for (uint32_t i = 0; st >= 0 && i < f->table->template_count; i++)
        if (!f->whole[i])
            st = find_across(f, i);
    if (st >= 0)
        st = add_whole_templates(f);
    return st >= 0 && f->has_candidates ? search_candidates(f, bits) : st;
}

/* text_contains for any table; needle.len below 4 GiB. */
static bole_status table_contains(struct text *t, struct text_table *table, bole_slice needle, uint64_t *bits,
                                  struct bole_err *err)
{
    if (needle.len == 0)
        return BOLE_OK;
    struct finder *f = arena_alloc(t->source.arena, sizeof *f);
    if (!f || !init(f, t, table, needle, err))
        return text_no_room(err);
    bole_status st = find(f, bits);
    for (size_t w = 0; st >= 0 && w < f->words; w++)
        bits[w] &= f->hits[w];
    return st;
}

bole_status text_contains(struct text *t, bole_slice needle, uint64_t *bits, struct bole_err *err)
{
    size_t words = (t->root.row_count + 63) / 64;
    if (!any_bit(bits, words))
        return BOLE_OK;
    if (needle.len > UINT32_MAX) {
        memset(bits, 0, words * sizeof *bits);
        return BOLE_OK;
    }
    return table_contains(t, &t->root, needle, bits, err);
}
