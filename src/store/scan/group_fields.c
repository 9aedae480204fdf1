/*
 * A column is read when somebody asks for it and kept, as it was encoded, until the group is done; per vector only the
 * selected rows are made into values.
 */
#include "store/scan/group_fields.h"

#include "base/bytes.h"
#include "base/err.h"
#include "store/scan/rest.h"

struct field_state {
    bool loaded, is_bad;
    struct values values;       /* of the rows that have the key, in their order */
    const uint8_t *present;     /* bit per row; NULL: every row has it */
    uint32_t     *rank;         /* per 64 rows: how many rows before them have it; with present */
    bole_slice   *distinct;     /* of a dictionary; [0] is the absent value */
    struct column column;       /* of the vector below */
    uint64_t      vector_number;
};

struct field_state *group_fields_create(struct group_scan *g)
{
    return arena_array(&g->arena, g->group->column_count, sizeof(struct field_state));
}

static bole_status no_room(struct bole_err *err)
{
    return bole_fail(err, BOLE_E_LIMIT, "the fields of a row group do not fit into the query's memory limit");
}

static bole_status malformed(const struct group_scan *g, const struct segment_chunk *c, struct bole_err *err)
{
    return bole_fail(err, BOLE_E_CORRUPT, "segment %s: at %llu: a field column is not well formed",
                     g->segment->key_text, (unsigned long long)c->offset);
}

/* ---- loading ---- */

static uint64_t present_word(const struct group_scan *g, const struct field_state *f, uint32_t word)
{
    uint32_t rows = g->group->row_count - word * 64;
    if (!f->present)
        return rows >= 64 ? ~0ull : (1ull << rows) - 1;
    uint64_t bits = 0;
    memcpy(&bits, f->present + word * 8, rows >= 64 ? 8 : (rows + 7) / 8);
    return bits;
}

/* Which rows have the key: all, or as the bits say. False: the bits and the count do not fit. */
static bool read_presence(struct group_scan *g, struct field_state *f, struct reader *in, uint64_t count)
{
    if (count == 0 || count > g->group->row_count)
        return false;
    if (count == g->group->row_count)
        return true;
    uint32_t words = group_scan_words(g), rest = g->group->row_count % 64, before = 0;
    f->present = reader_bytes(in, (g->group->row_count + 7) / 8).ptr;
    f->rank = arena_array(&g->arena, words, sizeof *f->rank);
    for (uint32_t i = 0; f->present && f->rank && i < words; i++) {
        f->rank[i] = before;
        before += (uint32_t)__builtin_popcountll(present_word(g, f, i));
    }
    bool padded = f->present && rest && present_word(g, f, words - 1) >> rest; /* bits behind the last row */
    return f->present && f->rank && before == count && !padded;
}

static bole_status list_distinct(struct group_scan *g, struct field_state *f, struct bole_err *err)
{
    uint32_t count = values_distinct_count(&f->values);
    if (count == 0)
        return BOLE_OK;
    f->distinct = arena_array(&g->arena, count + 1, sizeof *f->distinct);
    if (!f->distinct)
        return no_room(err);
    for (uint32_t i = 0; i < count; i++)
        f->distinct[i + 1] = values_distinct(&f->values, i);
    return BOLE_OK;
}

/* The rows' own times, for stamps that are stored as the distance from them. */
static bole_status times_of_values(struct group_scan *g, const struct field_state *f, const int64_t **ret_times,
                                   struct bole_err *err)
{
    *ret_times = NULL;
    if (!values_needs_times(&f->values))
        return BOLE_OK;
    const int64_t *all = *ret_times = group_scan_times(g);
    if (g->times.is_bad)
        return malformed(g, &g->group->time->chunks[0], err);
    if (!f->present)
        return BOLE_OK;
    int64_t *times = arena_array(&g->arena, f->values.count, sizeof *times);
    if (!times)
        return no_room(err);
    *ret_times = times;
    for (uint32_t word = 0; word < group_scan_words(g); word++)
        for (uint64_t bits = present_word(g, f, word); bits; bits &= bits - 1)
            *times++ = all[word * 64 + (uint32_t)__builtin_ctzll(bits)];
    return BOLE_OK;
}

static bole_status load_column(struct group_scan *g, const struct segment_column *c, struct field_state *f,
                               struct bole_err *err)
{
    bole_slice raw, text = {0};
    bole_status st = segment_chunk_read_arena(&g->reader, &c->chunks[0], c->kind, &g->arena, &raw, err);
    if (st >= 0 && c->chunk_count == 2)
        st = segment_chunk_read_arena(&g->reader, &c->chunks[1], c->kind, &g->arena, &text, err);
    if (st < 0)
        return st;
    struct reader in = reader_of(raw);
    uint64_t count = reader_varint(&in);
    if (in.failed || !read_presence(g, f, &in, count))
        return malformed(g, &c->chunks[0], err);
    bole_slice rest = {in.next, reader_left(&in)};
    st = values_open(&f->values, (uint32_t)count, &rest, &g->arena, err);
    if (st < 0)
        return st;
    const int64_t *times;
    st = times_of_values(g, f, &times, err);
    if (st >= 0)
        st = values_load(&f->values, rest, text, times, &g->arena, err);
    return st < 0 ? st : list_distinct(g, f, err);
}

/* BOLE_END: damaged, from now on its column is absent. */
static bole_status load_once(struct group_scan *g, uint32_t index, struct bole_err *err)
{
    struct field_state *f = &g->fields[index];
    const struct segment_column *c = &g->group->columns[index];
    struct bole_err why;
    if (f->loaded)
        return f->is_bad ? BOLE_END : BOLE_OK;
    bole_status st = load_column(g, c, f, &why);
    f->loaded = true;
    if (st >= 0)
        return BOLE_OK;
    if (err)
        *err = why;
    f->column = (struct column){.kind = COLUMN_ABSENT};
    st = group_scan_set_aside(g, &c->chunks[0], st, &why);
    f->is_bad = st == BOLE_END;
    return st;
}

/* ---- the column of the current vector ---- */

static bool find_value(const struct field_state *f, uint32_t row, uint32_t *ret_index)
{
    *ret_index = row;
    if (!f->present)
        return true;
    if (!(f->present[row / 8] >> (row % 8) & 1))
        return false;
    uint64_t bits = 0;
    memcpy(&bits, f->present + row / 64 * 8, row % 64 / 8 + 1);
    *ret_index = f->rank[row / 64] + (uint32_t)__builtin_popcountll(bits & ((1ull << row % 64) - 1));
    return true;
}

static bole_status make_dict(struct group_scan *g, struct field_state *f, struct bole_err *err)
{
    const struct vector *v = &g->ctx->vector;
    uint32_t *ids = arena_array(&g->ctx->vector_arena, v->row_count, sizeof *ids);
    if (!ids)
        return no_room(err);
    group_fields_ids(f, g->first_row, v->row_count, ids);
    f->column = (struct column){.kind = COLUMN_DICT,
                                .values = f->distinct,
                                .ids = ids,
                                .value_count = values_distinct_count(&f->values) + 1};
    return BOLE_OK;
}

enum { PUT_ROOM = 16 /* values_put may write so much too much */ };

static bole_status make_plain(struct group_scan *g, struct field_state *f, struct bole_err *err)
{
    const struct vector *v = &g->ctx->vector;
    bole_slice *values = arena_array(&g->ctx->vector_arena, v->row_count, sizeof *values);
    size_t size = PUT_ROOM;
    uint32_t index;
    for (uint32_t r = vector_first(v); r < v->row_count; r = vector_next(v, r))
        size += find_value(f, g->first_row + r, &index) ? values_len(&f->values, index) : 0;
    uint8_t *bytes = values ? arena_bytes(&g->ctx->vector_arena, size) : NULL;
    if (!bytes)
        return no_room(err);
    for (uint32_t r = vector_first(v); r < v->row_count; r = vector_next(v, r))
        if (find_value(f, g->first_row + r, &index)) {
            uint8_t *end = values_put(&f->values, index, bytes);
            values[r] = bole_slice_from(bytes, (size_t)(end - bytes));
            bytes = end;
        }
    f->column = (struct column){.kind = COLUMN_PLAIN, .values = values};
    return BOLE_OK;
}

/* Makes f->column for the current vector. BOLE_END: damaged, f->column is absent. */
static bole_status get_column(struct group_scan *g, uint32_t index, struct bole_err *err)
{
    struct field_state *f = &g->fields[index];
    bole_status st = load_once(g, index, err);
    if (st != BOLE_OK || f->vector_number == g->vector_number)
        return st;
    st = f->distinct ? make_dict(g, f, err) : make_plain(g, f, err);
    if (st >= 0)
        f->vector_number = g->vector_number;
    return st;
}

/* ---- one key ---- */

static bole_slice find_rest(bole_slice row, bole_slice key)
{
    struct reader in = reader_of(row);
    struct batch_field field;
    while (rest_next(&in, &field))
        if (bole_slice_eq(field.key, key))
            return field.value;
    return (bole_slice){0};
}

static bole_status column_from_rest(struct group_scan *g, bole_slice key, struct column *ret_column,
                                    struct bole_err *err)
{
    uint32_t index = (uint32_t)(g->group->rest - g->group->columns), n = g->ctx->vector.row_count;
    bole_status st = get_column(g, index, err);
    if (st != BOLE_OK)
        return st;
    bole_slice *values = arena_array(&g->ctx->vector_arena, n, sizeof *values);
    if (!values)
        return no_room(err);
    const struct column *rest = &g->fields[index].column; /* const when all rows have the same */
    for (uint32_t r = vector_first(&g->ctx->vector); r < n; r = vector_next(&g->ctx->vector, r))
        values[r] = find_rest(rest->kind == COLUMN_DICT ? rest->values[rest->ids[r]] : rest->values[r], key);
    *ret_column = (struct column){.kind = COLUMN_PLAIN, .values = values};
    return BOLE_OK;
}

static bool is_absent(const struct column *c, const struct vector *v)
{
    for (uint32_t r = vector_first(v); r < v->row_count; r = vector_next(v, r))
        if (c->kind == COLUMN_DICT ? c->ids[r] != 0 : c->values[r].ptr != NULL)
            return false;
    return true;
}

/* BOLE_END: damaged, *ret_column is absent. */
static bole_status key_column(struct group_scan *g, bole_slice key, struct column *ret_column, struct bole_err *err)
{
    const struct segment_column *own = segment_group_field(g->group, key);
    bole_status st = BOLE_OK;
    *ret_column = (struct column){.kind = COLUMN_ABSENT};
    if (own) {
        uint32_t index = (uint32_t)(own - g->group->columns);
        st = get_column(g, index, err);
        if (st == BOLE_OK)
            *ret_column = g->fields[index].column;
    } else if (g->group->rest) {
        st = column_from_rest(g, key, ret_column, err);
    }
    if (st == BOLE_OK && ret_column->kind != COLUMN_ABSENT && is_absent(ret_column, &g->ctx->vector))
        *ret_column = (struct column){.kind = COLUMN_ABSENT};
    return st;
}

/* ---- a predicate, for all rows of the group at once ---- */

static void keep_rows(uint64_t *bits, uint32_t word, uint64_t equal, bool want)
{
    bits[word] &= want ? equal : ~equal;
}

/* Rows without the key count as "". */
static bole_status select_own(struct group_scan *g, const struct store_predicate *p, const struct field_state *f,
                              struct bole_err *err)
{
    uint64_t *hits = arena_array(&g->arena, (f->values.count + 63) / 64, sizeof *hits), *bits = group_scan_bits(g);
    if (!hits)
        return no_room(err);
    values_find(&f->values, VALUES_EQUALS, p->value, hits);
    uint32_t at = 0;
    for (uint32_t word = 0; word < group_scan_words(g); word++) {
        uint64_t present = present_word(g, f, word), equal = p->value.len ? 0 : ~present;
        for (uint64_t left = present; left; left &= left - 1, at++)
            equal |= (hits[at / 64] >> at % 64 & 1) << __builtin_ctzll(left);
        keep_rows(bits, word, equal, p->kind == PREDICATE_FIELD_EQ);
    }
    return BOLE_OK;
}

/* Of a key without a column: parsed from what is left of each row. */
static bole_status select_rest(struct group_scan *g, const struct store_predicate *p, const struct field_state *f,
                               struct bole_err *err)
{
    uint64_t *bits = group_scan_bits(g);
    struct buf row_bytes;
    buf_init(&row_bytes, g->ctx->query->budget);
    for (uint32_t word = 0; word < group_scan_words(g) && !row_bytes.failed; word++) {
        uint64_t equal = 0;
        for (uint64_t left = bits[word]; left; left &= left - 1) {
            uint32_t row = word * 64 + (uint32_t)__builtin_ctzll(left);
            buf_reset(&row_bytes);
            if (!buf_reserve(&row_bytes, values_len(&f->values, row) + PUT_ROOM))
                break;
            uint8_t *end = values_put(&f->values, row, row_bytes.ptr);
            bole_slice value = find_rest(bole_slice_from(row_bytes.ptr, (size_t)(end - row_bytes.ptr)), p->name);
            equal |= (uint64_t)bole_slice_eq(value, p->value) << row % 64;
        }
        keep_rows(bits, word, equal, p->kind == PREDICATE_FIELD_EQ);
    }
    bool failed = row_bytes.failed;
    buf_deinit(&row_bytes);
    return failed ? no_room(err) : BOLE_OK;
}

bole_status group_fields_select(struct group_scan *g, const struct store_predicate *p, struct bole_err *err)
{
    const struct segment_column *own = segment_group_field(g->group, p->name), *c = own ? own : g->group->rest;
    if (!c) {
        for (uint32_t word = 0; word < group_scan_words(g); word++)
            keep_rows(group_scan_bits(g), word, p->value.len ? 0 : ~0ull, p->kind == PREDICATE_FIELD_EQ);
        return BOLE_OK;
    }
    uint32_t index = (uint32_t)(c - g->group->columns);
    bole_status st = load_once(g, index, err);
    if (st != BOLE_OK)
        return st;
    return own ? select_own(g, p, &g->fields[index], err) : select_rest(g, p, &g->fields[index], err);
}

/* ---- counting ---- */

bole_status group_fields_dict(struct group_scan *g, bole_slice key, const struct field_state **ret_field,
                              const bole_slice **ret_values, uint32_t *ret_count, struct bole_err *err)
{
    const struct segment_column *own = segment_group_field(g->group, key);
    *ret_field = NULL;
    *ret_values = NULL;
    *ret_count = 1;
    if (!own)
        return g->group->rest ? BOLE_E_UNSUPPORTED : BOLE_OK;
    struct field_state *f = &g->fields[own - g->group->columns];
    bole_status st = load_once(g, (uint32_t)(own - g->group->columns), err);
    if (st != BOLE_OK)
        return st;
    if (!f->distinct)
        return BOLE_E_UNSUPPORTED;
    *ret_field = f;
    *ret_values = f->distinct;
    *ret_count = values_distinct_count(&f->values) + 1;
    return BOLE_OK;
}

void group_fields_ids(const struct field_state *f, uint32_t first_row, uint32_t count, uint32_t *ret_ids)
{
    uint32_t index;
    for (uint32_t r = 0; r < count; r++)
        ret_ids[r] = find_value(f, first_row + r, &index) ? values_id(&f->values, index) + 1 : 0;
}

struct column group_fields_column(struct vector *v, bole_slice key)
{
    struct group_scan *g = scan_context_of(v)->part;
    struct column c;
    struct bole_err why;
    bole_status st = key_column(g, key, &c, &why);
    if (st < 0)
        scan_context_defer(g->ctx, st, why.msg);
    return c;
}

/* ---- all fields of a row ---- */

static bool is_field(const struct segment_column *c)
{
    return c->kind == CHUNK_FIELD;
}

static bool is_among(const struct store_fields *only, bole_slice key)
{
    for (size_t i = 0; only && i < only->count; i++)
        if (bole_slice_eq(only->names[i], key))
            return true;
    return !only || bole_slice_starts(key, S("__"));
}

bool group_fields_exist(const struct segment_group *group, const struct store_fields *only)
{
    for (uint32_t i = 0; i < group->column_count; i++)
        if (is_field(&group->columns[i]) && is_among(only, group->columns[i].key))
            return true;
    return group->rest != NULL;
}

bole_status group_fields_pieces(struct group_scan *g, text_piece_fn *fn, void *ctx, struct bole_err *err)
{
    struct buf scratch;
    bole_status st = BOLE_OK;
    buf_init(&scratch, g->ctx->query->budget);
    struct rest_pieces rest = {fn, ctx};
    for (uint32_t i = 0; st == BOLE_OK && i < g->group->column_count; i++) {
        bool is_rest = &g->group->columns[i] == g->group->rest;
        if (!is_rest && !is_field(&g->group->columns[i]))
            continue;
        st = load_once(g, i, err);
        if (st == BOLE_OK)
            st = text_values_pieces(&g->fields[i].values, is_rest ? rest_pieces : fn, is_rest ? &rest : ctx, &scratch, err);
    }
    buf_deinit(&scratch);
    return st;
}

bole_status group_fields_load_all(struct group_scan *g, struct bole_err *err)
{
    for (uint32_t i = 0; i < g->group->column_count; i++)
        if (is_field(&g->group->columns[i]) || &g->group->columns[i] == g->group->rest) {
            bole_status st = get_column(g, i, err);
            if (st < 0)
                return st;
        }
    return BOLE_OK;
}

static void put_field(struct buf *out, struct batch_field field)
{
    buf_put(out, bole_slice_from(&field, sizeof field));
}

size_t group_fields_of_row(struct vector *v, uint32_t row, const struct batch_field **ret_fields)
{
    struct group_scan *g = scan_context_of(v)->part;
    struct buf *out = &g->ctx->row_fields;
    struct bole_err why;
    buf_reset(out);
    bole_status st = group_fields_load_all(g, &why); /* costs nothing when they are there */
    for (uint32_t i = 0; st >= 0 && i < g->group->column_count; i++) {
        struct column *c = &g->fields[i].column;
        bole_slice value =
            is_field(&g->group->columns[i]) && !g->fields[i].is_bad ? column_get(c, row) : (bole_slice){0};
        if (value.ptr)
            put_field(out, (struct batch_field){g->group->columns[i].key, value});
    }
    if (st >= 0 && g->group->rest) {
        struct field_state *rest = &g->fields[g->group->rest - g->group->columns];
        struct reader in = reader_of(rest->is_bad ? (bole_slice){0} : column_get(&rest->column, row));
        struct batch_field field;
        while (rest_next(&in, &field))
            put_field(out, field);
    }
    if (st >= 0 && out->failed)
        st = no_room(&why);
    if (st < 0) {
        scan_context_defer(g->ctx, st, why.msg);
        return 0;
    }
    *ret_fields = (const struct batch_field *)(const void *)out->ptr;
    return out->len / sizeof(struct batch_field);
}
