/*
 * A needle is looked for in all lines of a vector at once: one memmem over their bytes is several times faster than one
 * per line, because most of the time there is nothing to find. A hit that reaches over the end of its line is no hit.
 */
#include "store/scan/predicate.h"

#include "shim/regex.h"

bool predicate_is_on_line(const struct store_predicate *p)
{
    return p->kind != PREDICATE_FIELD_EQ && p->kind != PREDICATE_FIELD_NE;
}

bool predicate_is_regex(const struct store_predicate *p)
{
    return p->kind == PREDICATE_LINE_MATCHES || p->kind == PREDICATE_LINE_NOT_MATCHES;
}

static uint32_t selected_count(const struct vector *v)
{
    uint32_t count = 0;
    for (uint32_t word = 0; word < VECTOR_ROWS_MAX / 64; word++)
        count += (uint32_t)__builtin_popcountll(v->selected[word]);
    return count;
}

static uint32_t last_selected(const struct vector *v)
{
    uint32_t word = VECTOR_ROWS_MAX / 64;
    while (!v->selected[--word])
        ;
    return word * 64 + 63 - (uint32_t)__builtin_clzll(v->selected[word]);
}

static void find_in_block(const struct vector *v, const struct line_block *b, bole_slice needle, uint64_t *ret_hits)
{
    uint32_t row = vector_first(v), at = row ? b->ends[row - 1] : b->start, end = b->ends[last_selected(v)];
    while (at < end) {
        const uint8_t *hit = memmem(b->bytes + at, end - at, needle.ptr, needle.len);
        if (!hit)
            return;
        at = (uint32_t)(hit - b->bytes);
        while (b->ends[row] <= at)
            row++;
        if (needle.len <= b->ends[row] - at) {
            ret_hits[row / 64] |= 1ull << (row % 64);
            at = b->ends[row];
        } else {
            at++;
        }
    }
}

static void find_in_rows(const struct vector *v, const struct line_block *b, bole_slice needle, uint64_t *ret_hits)
{
    for (uint32_t r = vector_first(v); r < v->row_count; r = vector_next(v, r)) {
        bole_slice line = line_block_get(b, r);
        if (memmem(line.ptr, line.len, needle.ptr, needle.len))
            ret_hits[r / 64] |= 1ull << (r % 64);
    }
}

/* Keeps the selected rows whose line contains the needle (or, without `want`, does not). */
static void keep_containing(struct vector *v, const struct line_block *b, bole_slice needle, bool want)
{
    enum { SPARSE = 8 };
    uint64_t hits[VECTOR_ROWS_MAX / 64] = {0};
    uint32_t selected = selected_count(v);
    if (needle.len == 0)
        memset(hits, 0xff, sizeof hits);
    else if (selected * SPARSE < v->row_count)
        find_in_rows(v, b, needle, hits);
    else if (selected)
        find_in_block(v, b, needle, hits);
    for (uint32_t word = 0; word < VECTOR_ROWS_MAX / 64; word++)
        v->selected[word] &= want ? hits[word] : ~hits[word];
}

static void keep_matching(struct vector *v, const struct line_block *b, const struct regex *regex)
{
    bole_slice needle = regex_needle(regex);
    if (needle.len)
        keep_containing(v, b, needle, true);
    for (uint32_t r = vector_first(v); r < v->row_count; r = vector_next(v, r))
        if (!regex_match(regex, line_block_get(b, r)))
            vector_deselect(v, r);
}

void predicate_apply_lines(const struct store_predicate *p, struct vector *v, const struct line_block *b)
{
    switch (p->kind) {
    case PREDICATE_LINE_CONTAINS: keep_containing(v, b, p->value, true); break;
    case PREDICATE_LINE_NOT_CONTAINS: keep_containing(v, b, p->value, false); break;
    case PREDICATE_LINE_MATCHES: keep_matching(v, b, p->regex); break;
    case PREDICATE_LINE_NOT_MATCHES: {
        struct vector matching = *v;
        keep_matching(&matching, b, p->regex);
        for (uint32_t word = 0; word < VECTOR_ROWS_MAX / 64; word++)
            v->selected[word] &= ~matching.selected[word];
        break;
    }
    case PREDICATE_FIELD_EQ:
    case PREDICATE_FIELD_NE: break;
    }
}

static bool value_passes(const struct store_predicate *p, bole_slice value)
{
    return bole_slice_eq(value, p->value) == (p->kind == PREDICATE_FIELD_EQ); /* absent reads "" */
}

void predicate_apply_field(const struct store_predicate *p, struct vector *v, struct column *c, uint8_t *memo)
{
    if (c->kind == COLUMN_ABSENT || c->kind == COLUMN_CONST) {
        if (!value_passes(p, column_get(c, 0)))
            memset(v->selected, 0, sizeof v->selected);
        return;
    }
    for (uint32_t r = vector_first(v); r < v->row_count; r = vector_next(v, r)) {
        bool passes;
        if (memo && c->kind == COLUMN_DICT) {
            uint8_t *known = &memo[c->ids[r]];
            if (*known == PREDICATE_UNKNOWN)
                *known = value_passes(p, c->values[c->ids[r]]) ? PREDICATE_PASSES : PREDICATE_FAILS;
            passes = *known == PREDICATE_PASSES;
        } else {
            passes = value_passes(p, column_get(c, r));
        }
        if (!passes)
            vector_deselect(v, r);
    }
}
