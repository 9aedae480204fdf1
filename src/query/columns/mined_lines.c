/*
 * What the reader derives is one text: the line with a digit in each hole, behind it the offsets of the holes and their number.
 */
#include "query/columns/mined_lines.h"

#include "base/bytes.h"
#include "query/columns/line_cells.h"

enum { WORDS_FEW = 16 /* different ones in a slot, which may say what kind of line it is */ };

struct mined_recent {
    uint32_t              epoch, index, level; /* epoch 0: nothing */
    struct miner_pattern *pattern;
};

/* ---- reading ---- */

static const bole_slice separators = {(const uint8_t *)" \t\r\n=,;\"'()[]{}<>|", 18};

static bool may_separate(const struct line_slot *s)
{
    for (size_t i = 0; i < separators.len; i++)
        if (s->low[separators.ptr[i] / 64] >> separators.ptr[i] % 64 & 1)
            return true;
    return false;
}

/* Does it count what the values are? Else a hole stands for them, or some in their layout. */
static bool counts(const struct line_slot *s)
{
    return !s->layout.ptr && (may_separate(s) || !s->len_min || (s->distinct && s->distinct <= WORDS_FEW));
}

/* ---- a line with holes ---- */

struct draft {
    uint8_t  *text;  /* [cap] */
    uint32_t *holes; /* [cap] */
    uint32_t  len, hole_count;
};

static void put_hole(struct draft *d)
{
    d->holes[d->hole_count++] = d->len;
    d->text[d->len++] = '0';
}

static void put_layout(struct draft *d, bole_slice layout)
{
    for (size_t i = 0; i < layout.len; i++)
        if (layout.ptr[i] != '0')
            d->text[d->len++] = layout.ptr[i];
        else if (!i || layout.ptr[i - 1] != '0')
            put_hole(d);
}

static bool draft_init(struct draft *d, const struct line_cells *line, struct arena *scratch)
{
    size_t cap = line->count;
    for (uint32_t i = 0; i < line->count; i++)
        cap += line->cells[i] >= CELL_SLOT ? line_cells_values(line, i).layout.len : 0;
    *d = (struct draft){.text = arena_bytes(scratch, cap + (cap + 1) * sizeof(uint32_t)),
                        .holes = arena_alloc(scratch, cap * sizeof(uint32_t))};
    return d->text && d->holes;
}

static void draft_line(struct draft *d, const struct line_cells *line)
{
    for (uint32_t i = 0; i < line->count; i++) {
        if (line->cells[i] < CELL_SLOT) {
            d->text[d->len++] = (uint8_t)line->cells[i];
            continue;
        }
        bole_slice layout = line_cells_values(line, i).layout;
        if (layout.ptr)
            put_layout(d, layout);
        else
            put_hole(d);
    }
}

static enum line_answer read_shape(void *ctx, const struct line_shape *shape, const bole_slice *known, uint32_t *ret_slot,
                                   struct line_value *ret_values)
{
    struct mined_lines *l = ctx;
    struct line_cells line;
    struct draft d;
    for (uint32_t k = 0; k < shape->slot_count; k++) {
        struct line_slot slot = shape->slot(shape, k);
        if (!known[k].ptr && counts(&slot)) {
            *ret_slot = k;
            return slot.distinct ? LINE_ASKS : LINE_WHOLE;
        }
    }
    arena_reset(&l->scratch);
    if (!line_cells_init(&line, shape, known, &l->scratch) || !draft_init(&d, &line, &l->scratch))
        return LINE_WHOLE;
    draft_line(&d, &line);
    memcpy(d.text + d.len, d.holes, d.hole_count * sizeof *d.holes);
    store_u32(d.text + d.len + d.hole_count * sizeof *d.holes, d.hole_count);
    ret_values[0] = (struct line_value){LINE_SLOT_LITERAL, bole_slice_from(d.text, d.len + (d.hole_count + 1) * sizeof *d.holes)};
    return LINE_READ;
}

bool mined_lines_init(struct mined_lines *l, struct miner *miner, struct budget *budget)
{
    *l = (struct mined_lines){.miner = miner, .reader = {.value_count = 1, .derive = read_shape, .ctx = l}};
    arena_init(&l->scratch, budget);
    l->recent = arena_array(&miner->arena, MINED_RECENT_COUNT, sizeof *l->recent);
    return l->recent;
}

void mined_lines_deinit(struct mined_lines *l)
{
    arena_deinit(&l->scratch);
}

const struct line_reader *mined_lines_reader(struct mined_lines *l)
{
    memset(l->recent, 0, MINED_RECENT_COUNT * sizeof *l->recent); /* another scan, other epochs */
    return &l->reader;
}

/* ---- counting ---- */

/* MINED_LEVELS_MAX: it has no number. */
static uint32_t level_number(struct mined_lines *l, bole_slice level)
{
    for (uint32_t i = 0; i < l->level_count; i++)
        if (bole_slice_eq(l->levels[i], level))
            return i;
    if (l->level_count == MINED_LEVELS_MAX)
        return MINED_LEVELS_MAX;
    bole_slice copy = arena_copy(&l->miner->arena, level);
    if (!copy.ptr)
        return MINED_LEVELS_MAX;
    l->levels[l->level_count] = copy;
    return l->level_count++;
}

static struct miner_pattern *find_shape(struct mined_lines *l, bole_slice value, bole_slice level)
{
    size_t count = load_u32(value.ptr + value.len - sizeof(uint32_t)), len = value.len - (count + 1) * sizeof(uint32_t);
    arena_reset(&l->scratch);
    uint32_t *holes = arena_alloc(&l->scratch, (count + 1) * sizeof *holes);
    for (size_t i = 0; holes && i < count; i++)
        holes[i] = load_u32(value.ptr + len + i * sizeof *holes);
    return holes ? miner_find(l->miner, bole_slice_from(value.ptr, len), holes, count, level) : NULL;
}

struct miner_pattern *mined_lines_add(struct mined_lines *l, struct vector *v, uint32_t row, bole_slice level, uint32_t step)
{
    struct miner_pattern *found;
    if (!v->values || v->whole[row / 64] >> row % 64 & 1) {
        found = miner_find(l->miner, column_get(&v->line, row), NULL, 0, level);
    } else {
        uint32_t index = v->value_index[row], number = level_number(l, level);
        struct mined_recent *recent = &l->recent[(index ^ number * 0x9e3u) % MINED_RECENT_COUNT];
        bool is_known = recent->epoch == v->value_epoch && recent->index == index && recent->level == number;
        found = is_known ? recent->pattern : find_shape(l, v->values[0][index], level);
        if (found && number < MINED_LEVELS_MAX)
            *recent = (struct mined_recent){v->value_epoch, index, number, found};
    }
    if (found)
        miner_count(found, step);
    return found;
}
