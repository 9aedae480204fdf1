/*
 * Opening a text column: the map at once, every other chunk when it is first needed. Whatever the map says is checked before
 * memory is taken for it, and each entry of an array has taken a byte of the map or more, so that memory stays in proportion.
 */
#include <assert.h>

#include "base/err.h"
#include "store/codec/text_private.h"
#include "store/codec/values_private.h"

/* ---- chunks ---- */

bole_status text_load_chunk(struct text *t, uint32_t chunk, bole_slice *ret_raw, struct bole_err *err)
{
    assert(chunk < t->source.chunk_count);
    if (!t->chunks[chunk].ptr) {
        bole_status st = t->source.load(t->source.ctx, chunk, &t->chunks[chunk], err);
        if (st < 0) {
            t->chunks[chunk] = (bole_slice){0};
            return st;
        }
    }
    *ret_raw = t->chunks[chunk];
    return BOLE_OK;
}

bole_status text_load_part(struct text *t, const struct text_part *part, bole_slice *ret_bytes, struct bole_err *err)
{
    *ret_bytes = (bole_slice){0};
    if (!part->chunk)
        return BOLE_OK;
    bole_slice raw;
    bole_status st = text_load_chunk(t, part->chunk, &raw, err);
    if (st < 0)
        return st;
    if (part->at > raw.len || part->len > raw.len - part->at)
        return bole_fail(err, BOLE_E_CORRUPT, "text: chunk %u has %zu bytes, a column needs %u at %u", part->chunk, raw.len,
                         part->len, part->at);
    *ret_bytes = bole_slice_from(raw.ptr + part->at, part->len);
    return BOLE_OK;
}

/* ---- the map ---- */

bole_status text_no_room(struct bole_err *err)
{
    return bole_fail(err, BOLE_E_LIMIT, "text: no room for a column of text");
}

/* Reads the place of a part of `len` bytes. False: there is no such chunk, or it would be too long. */
static bool read_place(struct text *t, struct reader *r, struct text_part *part, uint64_t len)
{
    uint64_t place = reader_varint(r), chunk = place / 2;
    *part = (struct text_part){0};
    if (place == 0)
        return len == 0;
    if (chunk == 0 || chunk >= t->source.chunk_count || len == 0 || len > UINT32_MAX)
        return false;
    uint64_t at = place % 2 ? reader_varint(r) : t->chunk_at[chunk];
    if (at > UINT32_MAX - len)
        return false;
    *part = (struct text_part){(uint32_t)chunk, (uint32_t)at, (uint32_t)len};
    if (place % 2 == 0)
        t->chunk_at[chunk] += (uint32_t)len;
    return true;
}

static bool read_templates(struct text *t, struct text_table *table, struct reader *r, uint32_t *counts, size_t slot_total)
{
    struct arena *arena = t->source.arena;
    uint32_t *pieces = arena_array(arena, slot_total + table->template_count, sizeof *pieces);
    uint32_t *columns = arena_array(arena, slot_total, sizeof *columns);
    uint32_t *users = arena_array(arena, table->column_count, sizeof *users); /* last template with the column, + 1 */
    if (!pieces || !columns || !users)
        return false;
    for (uint32_t i = 0; i < table->template_count; i++) {
        struct text_template *p = &table->templates[i];
        uint64_t len = 0;
        p->pieces = pieces;
        for (uint32_t k = 0; k <= p->slot_count; k++) {
            uint64_t piece = reader_varint(r);
            len += piece;
            r->failed |= piece > UINT32_MAX || len > UINT32_MAX;
            *pieces++ = (uint32_t)piece;
        }
        p->literals_len = (uint32_t)len;
    }
    for (uint32_t i = 0; i < table->template_count; i++) {
        struct text_template *p = &table->templates[i];
        int64_t column = -1;
        p->columns = columns;
        for (uint32_t k = 0; k < p->slot_count; k++) {
            uint64_t step = (uint64_t)text_unzigzag(reader_varint(r));
            column = (int64_t)((uint64_t)column + 1 + step);
            if (r->failed || column < 0 || column >= table->column_count || users[column] == i + 1) {
                r->failed = true;
                return true;
            }
            users[column] = i + 1;
            counts[column] += p->rows;
            *columns++ = (uint32_t)column;
        }
    }
    return true;
}

static bole_status read_table(struct text *t, struct text_table *table, uint32_t row_count, unsigned depth, struct reader *r,
                              struct bole_err *err);

static bole_status corrupt_column(uint32_t number, struct bole_err *err)
{
    return bole_fail(err, BOLE_E_CORRUPT, "text: column %u is not one", number);
}

static bole_status read_values(struct text *t, struct text_column *c, uint32_t number, uint32_t count, unsigned depth,
                               struct reader *r, struct bole_err *err)
{
    /* Places come before the head that says how long the parts are. */
    struct reader places = *r;
    for (int i = 0; i < 2; i++)
        if (reader_varint(r) % 2)
            reader_varint(r);
    bole_slice heads = {r->next, reader_left(r)};
    bole_status st = values_open(&c->values, count, &heads, t->source.arena, err);
    if (st < 0)
        return st;
    r->next = heads.ptr;
    if (c->values.type == VALUES_TIME && depth > 0) /* the lines of an inner table have no times */
        return corrupt_column(number, err);
    return read_place(t, &places, &c->numbers, values_numbers_size(&c->values)) &&
                   read_place(t, &places, &c->text, values_text_size(&c->values)) && !r->failed ? BOLE_OK
                                                                                             : corrupt_column(number, err);
}

/* What the lines of a table can be, from what the values of its columns can be. */
static struct values_stamp stamp_of(const struct text_table *table)
{
    struct values_stamp stamp = {.min_len = UINT32_MAX, .classes = values_classes(table->literals)};
    for (uint32_t i = 0; i < table->template_count; i++) {
        const struct text_template *p = &table->templates[i];
        uint64_t min = p->literals_len, max = p->literals_len;
        for (uint32_t k = 0; k < p->slot_count; k++) {
            const struct values_stamp *s = &table->columns[p->columns[k]].values.stamp;
            min += s->min_len;
            max += s->max_len;
            stamp.classes |= s->classes;
        }
        if (min < stamp.min_len)
            stamp.min_len = (uint32_t)min;
        if (max > stamp.max_len)
            stamp.max_len = max < UINT32_MAX ? (uint32_t)max : UINT32_MAX;
    }
    stamp.word_max = stamp.max_len;
    return stamp;
}

static bole_status read_column(struct text *t, struct text_column *c, uint32_t number, uint32_t count, unsigned depth,
                               struct reader *r, struct bole_err *err)
{
    uint64_t kind = reader_varint(r);
    c->kind = (enum text_column_kind)kind;
    if (kind == TEXT_COLUMN_VALUES)
        return read_values(t, c, number, count, depth, r, err);
    if ((kind != TEXT_COLUMN_DICTIONARY && kind != TEXT_COLUMN_TABLE) || depth > 0 || count == 0)
        return corrupt_column(number, err);
    uint32_t lines = count;
    if (kind == TEXT_COLUMN_DICTIONARY) {
        uint64_t distinct = reader_varint(r);
        lines = (uint32_t)distinct;
        struct reader place = *r; /* comes before the head that says how long the ids are */
        if (reader_varint(r) % 2)
            reader_varint(r);
        if (distinct == 0 || distinct > count || !ints_open(&c->ids_head, r) || c->ids_head.lowest != 0 ||
            c->ids_head.range >= distinct || !read_place(t, &place, &c->numbers, ints_size(&c->ids_head, count)))
            return corrupt_column(number, err);
    }
    c->table = arena_zalloc(t->source.arena, sizeof *c->table);
    if (!c->table)
        return text_no_room(err);
    bole_status st = read_table(t, c->table, lines, depth + 1, r, err);
    if (st >= 0)
        c->values = (struct values){.type = VALUES_RAW, .count = count, .stamp = stamp_of(c->table)};
    return st;
}

/* Literals are copied in 16-byte steps, so that they need room behind them. */
static bool copy_literals(struct text_table *table, struct arena *arena, bole_slice literals)
{
    uint8_t *p = arena_zalloc(arena, literals.len + 16);
    if (!p)
        return false;
    if (literals.len)
        memcpy(p, literals.ptr, literals.len);
    table->literals = bole_slice_from(p, literals.len);
    for (uint32_t i = 0; i < table->template_count; i++) {
        table->templates[i].literals = p;
        p += table->templates[i].literals_len;
    }
    return true;
}

static bole_status read_table(struct text *t, struct text_table *table, uint32_t row_count, unsigned depth, struct reader *r,
                              struct bole_err *err)
{
    struct arena *arena = t->source.arena;
    uint64_t template_count = reader_varint(r), column_count = reader_varint(r);
    if (r->failed || template_count == 0 || template_count > row_count || template_count > reader_left(r) ||
        column_count > reader_left(r) || column_count > TEXT_COLUMNS_MAX)
        return bole_fail(err, BOLE_E_CORRUPT, "text: the map has no such number of templates or columns");
    *table = (struct text_table){row_count, (uint32_t)template_count, (uint32_t)column_count};
    table->templates = arena_array(arena, template_count, sizeof *table->templates);
    table->columns = arena_array(arena, column_count, sizeof *table->columns);
    uint32_t *counts = arena_array(arena, column_count, sizeof *counts);
    if (!table->templates || !table->columns || !counts)
        return text_no_room(err);
    uint64_t rows = 0, slots = 0, literals_len = 0;
    for (uint32_t i = 0; i < template_count; i++) {
        uint64_t template_rows = reader_varint(r), slot_count = reader_varint(r);
        if (template_rows == 0 || template_rows > row_count - rows || slot_count > reader_left(r))
            return bole_fail(err, BOLE_E_CORRUPT, "text: template %u has no such number of rows or slots", i);
        table->templates[i].rows = (uint32_t)template_rows;
        table->templates[i].slot_count = (uint32_t)slot_count;
        rows += template_rows;
        slots += slot_count;
    }
    if (rows != row_count || slots > reader_left(r) || slots > TEXT_SLOTS_MAX)
        return bole_fail(err, BOLE_E_CORRUPT, "text: templates do not add up to %u rows", row_count);
    if (!read_templates(t, table, r, counts, slots))
        return text_no_room(err);
    if (r->failed)
        return bole_fail(err, BOLE_E_CORRUPT, "text: a template is not one");
    for (uint32_t i = 0; i < column_count; i++) {
        bole_status st = read_column(t, &table->columns[i], i, counts[i], depth, r, err);
        if (st < 0)
            return st;
    }
    if (!read_place(t, r, &table->numbers_part, (uint64_t)text_planes(table->template_count) * row_count))
        return bole_fail(err, BOLE_E_CORRUPT, "text: template numbers do not fit their chunk");
    bole_slice literals = reader_bytes(r, reader_varint(r));
    for (uint32_t i = 0; i < template_count; i++)
        literals_len += table->templates[i].literals_len;
    if (r->failed || literals.len != literals_len)
        return bole_fail(err, BOLE_E_CORRUPT, "text: literals do not add up");
    return copy_literals(table, arena, literals) ? BOLE_OK : text_no_room(err);
}

bole_status text_open(const struct text_source *source, struct text **ret_text, struct bole_err *err)
{
    if (source->row_count == 0 || source->row_count > VALUES_COUNT_MAX || source->chunk_count == 0)
        return bole_fail(err, BOLE_E_CORRUPT, "text: %u chunks for %u rows", source->chunk_count, source->row_count);
    struct text *t = arena_zalloc(source->arena, sizeof *t);
    if (!t)
        return text_no_room(err);
    t->source = *source;
    t->few_left = source->few;
    t->chunks = arena_array(source->arena, source->chunk_count, sizeof *t->chunks);
    t->chunk_at = arena_array(source->arena, source->chunk_count, sizeof *t->chunk_at);
    if (!t->chunks || !t->chunk_at)
        return text_no_room(err);
    bole_slice map;
    bole_status st = text_load_chunk(t, 0, &map, err);
    if (st < 0)
        return st;
    struct reader r = reader_of(map);
    unsigned version = reader_u8(&r);
    if (version != TEXT_VERSION)
        return bole_fail(err, BOLE_E_CORRUPT, "text: version %u of the map is not known", version);
    st = read_table(t, &t->root, source->row_count, 0, &r, err);
    if (st < 0)
        return st;
    if (reader_left(&r))
        return bole_fail(err, BOLE_E_CORRUPT, "text: %zu bytes behind the map", reader_left(&r));
    *ret_text = t;
    return BOLE_OK;
}

/* ---- rows and columns ---- */

/* Loops that compilers turn into vectors. False: a number is that of no template. */
static bool read_numbers(const uint8_t *restrict planes, unsigned plane_count, uint32_t row_count, uint32_t template_count,
                         uint16_t *restrict ret_numbers)
{
    uint16_t last = (uint16_t)(template_count - 1), over = 0;
    for (uint32_t row = 0; plane_count == 1 && row < row_count; row++)
        ret_numbers[row] = planes[row];
    for (uint32_t row = 0; plane_count == 2 && row < row_count; row++)
        ret_numbers[row] = (uint16_t)(planes[row] | planes[row + row_count] << 8);
    for (uint32_t row = 0; plane_count && row < row_count; row++)
        over |= (uint16_t)-(ret_numbers[row] > last);
    return !over;
}

/* Adds how many of the rows each template has: few templates one by one, which is several rows at a time. */
static void count_templates(const struct text_table *table, uint32_t from, uint32_t to, uint32_t *rows)
{
    enum { FEW = 8 };
    for (uint32_t i = 0; table->template_count <= FEW && i + 1 < table->template_count; i++) {
        const uint16_t *numbers = table->numbers;
        uint16_t count = 0, number = (uint16_t)i;
        for (uint32_t row = from; row < to; row++)
            count += numbers[row] == number;
        rows[i] += count;
        rows[table->template_count - 1] -= count; /* which has all others */
    }
    if (table->template_count <= FEW)
        rows[table->template_count - 1] += to - from;
    for (uint32_t row = from; table->template_count > FEW && row < to; row++)
        rows[table->numbers[row]]++;
}

bole_status text_load_rows(struct text *t, struct text_table *table, struct bole_err *err)
{
    if (table->before)
        return BOLE_OK;
    bole_slice bytes;
    bole_status st = text_load_part(t, &table->numbers_part, &bytes, err);
    if (st < 0)
        return st;
    struct arena *arena = t->source.arena;
    table->numbers = arena_array(arena, table->row_count, sizeof *table->numbers);
    if (!table->numbers)
        return text_no_room(err);
    if (!read_numbers(bytes.ptr, text_planes(table->template_count), table->row_count, table->template_count, table->numbers))
        return bole_fail(err, BOLE_E_CORRUPT, "text: a row has a template above %u", table->template_count - 1);
    uint32_t columns = table->column_count;
    uint32_t block = table->template_count + columns <= TEXT_FEW ? TEXT_BLOCK_SMALL : TEXT_BLOCK;
    uint32_t blocks = (table->row_count + block - 1) / block;
    uint32_t *before = arena_array(arena, (size_t)blocks * columns + 1, sizeof *before);
    uint32_t *rows = arena_array(arena, table->template_count, sizeof *rows);
    uint32_t *block_rows = arena_array(arena, table->template_count, sizeof *rows);
    table->cursor = arena_array(arena, columns, sizeof *table->cursor);
    if (!before || !rows || !block_rows || !table->cursor)
        return text_no_room(err);
    for (uint32_t b = 0; b < blocks; b++) {
        uint32_t end = b + 1 < blocks ? (b + 1) * block : table->row_count;
        count_templates(table, b * block, end, block_rows);
        uint32_t *next = b + 1 < blocks ? before + (size_t)(b + 1) * columns : table->cursor; /* the last sum is not needed */
        if (b + 1 < blocks)
            memcpy(next, next - columns, columns * sizeof *next);
        for (uint32_t i = 0; i < table->template_count; i++) {
            const struct text_template *p = &table->templates[i];
            for (uint32_t k = 0; block_rows[i] && b + 1 < blocks && k < p->slot_count; k++)
                next[p->columns[k]] += block_rows[i];
            rows[i] += block_rows[i];
            block_rows[i] = 0;
        }
    }
    for (uint32_t i = 0; i < table->template_count; i++)
        if (rows[i] != table->templates[i].rows)
            return bole_fail(err, BOLE_E_CORRUPT, "text: template %u has %u rows, the map says %u", i, rows[i],
                             table->templates[i].rows);
    table->block = block;
    table->before = before;
    return BOLE_OK;
}

/* Which templates have a column, and which rows a template, for all of them in one go. */
static bole_status index_columns(struct text *t, struct text_table *table, struct bole_err *err)
{
    enum { BYTES_MAX = 4 << 20 };
    struct arena *arena = t->source.arena;
    size_t words = (table->row_count + 63) / 64, slots = 0;
    for (uint32_t i = 0; i < table->template_count; i++)
        slots += table->templates[i].slot_count;
    uint32_t *at = arena_array(arena, table->column_count + 2u, sizeof *at);
    table->users = arena_array(arena, slots + 1, sizeof *table->users);
    if (!at || !table->users)
        return text_no_room(err);
    for (uint32_t i = 0; i < table->template_count; i++)
        for (uint32_t k = 0; k < table->templates[i].slot_count; k++)
            at[table->templates[i].columns[k] + 2]++;
    for (uint32_t c = 2; c < table->column_count + 2u; c++)
        at[c] += at[c - 1];
    for (uint32_t i = 0; i < table->template_count; i++)
        for (uint32_t k = 0; k < table->templates[i].slot_count; k++)
            table->users[at[table->templates[i].columns[k] + 1]++] = i;
    if (words * sizeof(uint64_t) * table->template_count <= BYTES_MAX) {
        table->template_rows = arena_array(arena, words * table->template_count, sizeof *table->template_rows);
        for (uint32_t row = 0; table->template_rows && row < table->row_count; row++)
            table->template_rows[text_row_template(table, row) * words + row / 64] |= 1ull << row % 64;
    }
    table->users_at = at;
    return BOLE_OK;
}

/* Of a column that not all rows have. */
static bole_status rows_of_users(struct text *t, struct text_table *table, uint32_t column, uint64_t *rows, struct bole_err *err)
{
    bole_status st = table->users_at ? BOLE_OK : index_columns(t, table, err);
    if (st < 0)
        return st;
    size_t words = (table->row_count + 63) / 64;
    uint8_t *has = table->template_rows ? NULL : arena_zalloc(t->source.arena, table->template_count);
    if (!has && !table->template_rows)
        return text_no_room(err);
    for (uint32_t i = table->users_at[column]; i < table->users_at[column + 1]; i++) {
        if (has)
            has[table->users[i]] = 1;
        for (size_t w = 0; !has && w < words; w++)
            rows[w] |= table->template_rows[table->users[i] * words + w];
    }
    for (uint32_t row = 0; has && row < table->row_count; row++)
        rows[row / 64] |= (uint64_t)has[text_row_template(table, row)] << row % 64;
    return BOLE_OK;
}

bole_status text_column_rows(struct text *t, struct text_table *table, uint32_t column, const uint64_t **ret_bits,
                             struct bole_err *err)
{
    struct text_column *c = &table->columns[column];
    if (c->rows) {
        *ret_bits = c->rows;
        return BOLE_OK;
    }
    bole_status st = text_load_rows(t, table, err);
    if (st < 0)
        return st;
    size_t words = (table->row_count + 63) / 64;
    uint64_t *rows = arena_array(t->source.arena, words, sizeof *rows);
    if (!rows)
        return text_no_room(err);
    if (c->values.count == table->row_count) { /* a row has a column once */
        memset(rows, 0xff, words * sizeof *rows);
        rows[words - 1] >>= (64 - table->row_count % 64) % 64;
    } else {
        st = rows_of_users(t, table, column, rows, err);
    }
    if (st < 0)
        return st;
    *ret_bits = c->rows = rows;
    return BOLE_OK;
}

uint32_t text_rank(const struct text_table *table, const uint64_t *rows, uint32_t column, uint32_t row)
{
    uint32_t block = row / table->block, rank = table->before[(size_t)block * table->column_count + column];
    for (uint32_t w = block * (table->block / 64); w < row / 64; w++)
        rank += (uint32_t)__builtin_popcountll(rows[w]);
    return rank + (row % 64 ? (uint32_t)__builtin_popcountll(rows[row / 64] & ((1ull << row % 64) - 1)) : 0);
}

/* The times of the rows that have a value in the column. */
static bole_status column_times(struct text *t, struct text_table *table, uint32_t column, const int64_t **ret_times,
                                struct bole_err *err)
{
    const struct text_column *c = &table->columns[column];
    const int64_t *all = t->source.time_ns ? t->source.time_ns : t->source.times(t->source.ctx);
    if (!all)
        return bole_fail(err, BOLE_E_CORRUPT, "text: a column needs times, which are damaged");
    *ret_times = all;
    if (c->values.count == table->row_count)
        return BOLE_OK;
    const uint64_t *rows;
    bole_status st = text_column_rows(t, table, column, &rows, err);
    if (st < 0)
        return st;
    int64_t *times = arena_array(t->source.arena, c->values.count, sizeof *times);
    if (!times)
        return text_no_room(err);
    uint32_t n = 0;
    for (uint32_t row = 0; row < table->row_count; row++)
        if (rows[row / 64] >> row % 64 & 1)
            times[n++] = all[row];
    assert(n == c->values.count);
    *ret_times = times;
    return BOLE_OK;
}

static bole_status load_ids(struct text *t, struct text_column *c, bool few, struct bole_err *err)
{
    bole_slice bytes;
    bole_status st = BOLE_OK;
    if (c->kind != TEXT_COLUMN_DICTIONARY)
        return BOLE_OK;
    if (!c->ids_loaded) {
        st = text_load_part(t, &c->numbers, &bytes, err);
        if (st < 0)
            return st;
        st = (few ? ints_load_few : ints_load)(&c->ids, &c->ids_head, c->values.count, bytes.ptr, t->source.arena);
    } else if (!few) {
        st = ints_load_rest(&c->ids, &c->ids_head, t->source.arena);
    }
    if (st < 0)
        return bole_fail(err, st, "text: bad ids of a column");
    c->ids_loaded = true;
    return BOLE_OK;
}

bole_status text_load_ids(struct text *t, struct text_column *c, struct bole_err *err)
{
    return load_ids(t, c, false, err);
}

static bole_status load_values(struct text *t, struct text_table *table, uint32_t column, bool few, struct bole_err *err)
{
    struct text_column *c = &table->columns[column];
    bole_slice numbers, text;
    bole_status st = text_load_part(t, &c->numbers, &numbers, err);
    if (st >= 0)
        st = text_load_part(t, &c->text, &text, err);
    const int64_t *times = NULL;
    if (st >= 0 && values_needs_times(&c->values))
        st = column_times(t, table, column, &times, err);
    return st < 0 ? st : (few ? values_load_few : values_load)(&c->values, numbers, text, times, t->source.arena, err);
}

static bole_status prepare(struct text *t, struct text_table *table, uint32_t column, bool few, struct bole_err *err)
{
    struct text_column *c = &table->columns[column];
    bole_status st = BOLE_OK;
    if (c->prepared)
        return BOLE_OK;
    if (c->kind == TEXT_COLUMN_VALUES) {
        st = load_values(t, table, column, few, err);
    } else {
        st = load_ids(t, c, few, err);
        if (st >= 0)
            st = text_load_rows(t, c->table, err);
    }
    c->prepared = st >= 0;
    return st;
}

bole_status text_prepare_column(struct text *t, struct text_table *table, uint32_t column, struct bole_err *err)
{
    return prepare(t, table, column, true, err);
}

bole_status text_load_column(struct text *t, struct text_table *table, uint32_t column, struct bole_err *err)
{
    struct text_column *c = &table->columns[column];
    if (c->loaded)
        return BOLE_OK;
    bole_status st = prepare(t, table, column, false, err);
    if (st >= 0)
        st = text_load_ids(t, c, err);
    if (st >= 0)
        st = c->kind == TEXT_COLUMN_VALUES ? values_render(&c->values, t->source.arena, err) : text_load_lines(t, c, err);
    c->loaded = st >= 0;
    return st;
}
