/*
 * Which row groups can have a token that is longer than an edge and holds it? A row of units (token_format.h) whose
 * class includes that of the edge, in a bucket of greater lengths:
 *
 *   with its text in the section    the text is searched, and the tokens that hold the edge are looked up in the map
 *   dense, words                    every group that has the shape
 *   dense, ids                      the same if the class is that of the edge; if it is wider, every group that has an
 *                                   inner run of the edge's class which is long enough
 *
 * Edges of digits and hex digits need no wider classes than HEX: runs of them in wider tokens are units of their own.
 */
#include <stdlib.h>
#include <zstd.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/hash.h"
#include "store/index/token_index.h"

#define FOUND_MAX 256u /* distinct tokens looked up; with more, every group that has such a shape counts */

struct search {
    struct token_probe      *probe;
    const struct token_edge *edge;
    const uint64_t          *candidates;
    uint64_t                *groups;
    uint32_t                 classes;   /* bit per class that the edge can be of: several when case is folded */
    uint32_t                 wider;     /* bit per class that includes one of them */
    uint64_t                 longer;    /* buckets */
    uint64_t                 same_or_longer;
    uint32_t                 found;
};

static bool is_set(const uint64_t *groups, uint32_t group) { return groups[group / 64] >> group % 64 & 1; }

static uint32_t classes_of(const struct token_edge *e)
{
    uint32_t letters = 1u << SHAPE_LOWER | 1u << SHAPE_UPPER | 1u << SHAPE_ALNUM;
    return e->fold_case && letters >> e->shape & 1 ? letters : 1u << e->shape;
}

static uint32_t wider_than(uint32_t classes)
{
    uint32_t wider = 0;
    for (uint32_t c = 0; c < SHAPE_CLASSES; c++)
        for (uint32_t of = 0; of < SHAPE_CLASSES; of++)
            if (classes >> of & 1 && shape_includes(c, of))
                wider |= 1u << c;
    bool digits = classes & (1u << SHAPE_DIGITS | 1u << SHAPE_HEX);
    return digits ? wider & (1u << SHAPE_DIGITS | 1u << SHAPE_HEX) : wider;
}

/* The shape of row `row` counts for a group without looking for text; false: it does not, or text decides. */
static bool dense_counts(const struct search *s, const struct token_stamp *stamp, uint32_t row)
{
    enum shape_class c = unit_class(row);
    if (!(stamp->units[row] & s->probe->index->dense[row] & s->longer))
        return false;
    return !unit_is_id(row) || s->classes >> c & 1;
}

static bool inner_counts(const struct search *s, const struct token_stamp *stamp)
{
    static const enum shape_class runs[INNER_ROWS] = {SHAPE_DIGITS, SHAPE_LOWER, SHAPE_UPPER, SHAPE_ALNUM};
    for (uint32_t i = 0; i < INNER_ROWS; i++)
        if (s->classes >> runs[i] & 1 && stamp->inner[i] & s->same_or_longer)
            return true;
    return false;
}

/* Sets the groups that stamps alone decide; returns the rows whose text has to be searched because of the others. */
static uint32_t search_stamps(struct search *s)
{
    const struct token_index *x = s->probe->index;
    uint32_t rows = 0;
    for (uint32_t g = 0; g < x->group_count; g++) {
        const struct token_stamp *stamp = &x->stamps[g];
        bool dense_ids = false, counts = false;
        uint32_t with_text = 0;
        if (!is_set(s->candidates, g))
            continue;
        for (uint32_t row = 0; row < UNIT_ROWS; row++) {
            if (!(s->wider >> unit_class(row) & 1))
                continue;
            counts |= dense_counts(s, stamp, row);
            dense_ids |= unit_is_id(row) && stamp->units[row] & x->dense[row] & s->longer;
            if (stamp->units[row] & ~x->dense[row] & s->longer)
                with_text |= 1u << row;
        }
        if (counts || (dense_ids && inner_counts(s, stamp)))
            s->groups[g / 64] |= 1ull << g % 64;
        else if (!is_set(s->groups, g))
            rows |= with_text;
    }
    return rows;
}

/* Every candidate that has one of these shapes with its text in the section. */
static void set_all(struct search *s, uint32_t rows)
{
    const struct token_index *x = s->probe->index;
    for (uint32_t g = 0; g < x->group_count; g++)
        for (uint32_t row = 0; row < UNIT_ROWS; row++)
            if (is_set(s->candidates, g) && rows >> row & 1 && x->stamps[g].units[row] & ~x->dense[row] & s->longer)
                s->groups[g / 64] |= 1ull << g % 64;
}

/* Looks up the tokens among `text` (a line feed behind each) that hold the edge. */
static bole_status search_lines(struct search *s, bole_slice text, struct bole_err *err)
{
    const struct token_edge *e = s->edge;
    const uint8_t *end = text.ptr + text.len, *hit;
    bole_status st = BOLE_OK;
    for (const uint8_t *p = text.ptr; p < end && st >= 0 && s->found <= FOUND_MAX;) {
        hit = memmem(p, (size_t)(end - p), e->lower.ptr, e->lower.len);
        if (!hit)
            break;
        const uint8_t *before = memrchr(text.ptr, '\n', (size_t)(hit - text.ptr)),
                      *start = before ? before + 1 : text.ptr;
        const uint8_t *stop = memchr(hit, '\n', (size_t)(end - hit));
        if (!stop)
            return bole_fail(err, BOLE_E_CORRUPT, "index: a block of long tokens without its last line feed");
        size_t len = (size_t)(stop - start);
        bool longer = len > e->lower.len;
        bool fits =
            (!e->starts || hit == start) && (!e->ends || memcmp(stop - e->lower.len, e->lower.ptr, e->lower.len) == 0);
        p = stop + 1;
        if (longer && fits && ++s->found <= FOUND_MAX)
            st = token_lookup(s->probe, hash64((bole_slice){start, len}), s->groups, err);
    }
    return st;
}

static bole_status search_texts(struct search *s, uint32_t rows, struct bole_err *err)
{
    const struct token_index *x = s->probe->index;
    uint64_t offset = x->head_size + x->map_size;
    ZSTD_DCtx *z = ZSTD_createDCtx();
    uint8_t *raw = malloc(TOKEN_TEXT_RAW_MAX);
    bole_status st = z && raw ? BOLE_OK : bole_fail(err, BOLE_E_NOMEM, "index: no memory to search long tokens");
    for (uint32_t i = 0; i < x->text_count && st >= 0 && s->found <= FOUND_MAX; i++) {
        struct text_block b = token_text_block(x, i, &offset);
        if (!(rows >> b.row & 1) || b.longest <= s->edge->lower.len)
            continue;
        st = token_text_load(s->probe, &b, z, raw, err);
        if (st >= 0)
            st = search_lines(s, (bole_slice){raw, b.raw_size}, err);
    }
    free(raw);
    ZSTD_freeDCtx(z);
    return st;
}

bole_status long_search(struct token_probe *p, const struct token_edge *e, const uint64_t *candidates, uint64_t *groups,
                        struct bole_err *err)
{
    struct search s = {.probe = p, .edge = e, .candidates = candidates, .groups = groups, .classes = classes_of(e)};
    s.wider = wider_than(s.classes);
    s.longer = shape_from(e->lower.len + 1);
    s.same_or_longer = shape_from(e->lower.len);
    uint32_t rows = search_stamps(&s);
    bole_status st = rows ? search_texts(&s, rows, err) : BOLE_OK;
    if (st >= 0 && s.found > FOUND_MAX)
        set_all(&s, rows);
    return st;
}
