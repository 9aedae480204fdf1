/*
 * A column is read when somebody asks for it and kept, as it was packed, until the group is done; per vector only the
 * vector's rows are unpacked. Pages of values are decompressed once per group: a group has at most GROUP_RAW_MAX of them.
 */
#include "store/group_fields.h"

#include "base/bytes.h"
#include "base/err.h"

struct field_page {
    uint32_t        first_row, rows;
    const uint8_t  *bytes; /* NULL: not loaded */
    const uint32_t *ends;
};

struct field_state {
    bool loaded, is_bad;
    struct packed packed;       /* ids or lengths */
    bole_slice   *values;       /* of a dictionary; [0] is the absent value */
    uint32_t      value_count;
    struct field_page *pages;   /* of a column of bytes */
    uint8_t     **memo;         /* per predicate of the query: see predicate_apply_field */
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

static bole_status load_dict(struct group_scan *g, const struct segment_column *c, struct field_state *f,
                             struct bole_err *err)
{
    bole_slice raw;
    bole_status st = segment_chunk_read_arena(&g->reader, &c->chunks[1], c->kind, &g->arena, &raw, err);
    if (st < 0)
        return st;
    struct reader in = reader_of(raw);
    uint32_t count = c->chunks[1].rows;
    if (count > raw.len)
        return malformed(g, &c->chunks[1], err); /* a value has at least its length */
    f->value_count = count + 1;
    f->values = arena_array(&g->arena, f->value_count, sizeof *f->values);
    f->memo = arena_array(&g->arena, g->ctx->query->predicate_count, sizeof *f->memo);
    if (!f->values || !f->memo)
        return no_room(err);
    for (uint32_t i = 1; i <= count; i++)
        f->values[i] = reader_bytes(&in, reader_varint(&in));
    if (in.failed || reader_left(&in) || !packed_below(&f->packed, f->value_count))
        return malformed(g, &c->chunks[1], err);
    return BOLE_OK;
}

static bole_status place_pages(struct group_scan *g, const struct segment_column *c, struct field_state *f,
                               struct bole_err *err)
{
    uint32_t first = 0;
    f->pages = arena_array(&g->arena, c->chunk_count, sizeof *f->pages);
    if (!f->pages)
        return no_room(err);
    for (uint32_t i = 1; i < c->chunk_count; i++) {
        f->pages[i] = (struct field_page){.first_row = first, .rows = c->chunks[i].rows};
        first += c->chunks[i].rows;
    }
    return BOLE_OK;
}

static bole_status load_column(struct group_scan *g, const struct segment_column *c, struct field_state *f,
                               struct bole_err *err)
{
    bole_slice raw;
    bole_status st = segment_chunk_read_arena(&g->reader, &c->chunks[0], c->kind, &g->arena, &raw, err);
    if (st < 0)
        return st;
    if (!packed_open(&f->packed, raw, PACK_PLAIN, g->group->row_count))
        return malformed(g, &c->chunks[0], err);
    return c->kind == CHUNK_FIELD_DICT ? load_dict(g, c, f, err) : place_pages(g, c, f, err);
}

/* 1 where a stored length is length + 1 and 0 means absent. */
static uint32_t bias_of(const struct segment_column *c)
{
    return c->kind == CHUNK_FIELD_BYTES ? 1 : 0;
}

static bole_status load_page(struct group_scan *g, const struct segment_column *c, struct field_state *f, uint32_t page,
                             struct bole_err *err)
{
    struct field_page *p = &f->pages[page];
    bole_slice raw;
    bole_status st = segment_chunk_read_arena(&g->reader, &c->chunks[page], c->kind, &g->arena, &raw, err);
    if (st < 0)
        return st;
    uint32_t *ends = arena_array(&g->arena, p->rows, sizeof *ends), bias = bias_of(c);
    if (!ends)
        return no_room(err);
    packed_read_u32(&f->packed, p->first_row, p->rows, ends);
    uint64_t end = 0;
    for (uint32_t r = 0; r < p->rows; r++) {
        end += ends[r] ? ends[r] - bias : 0;
        if (end > raw.len)
            break;
        ends[r] = (uint32_t)end;
    }
    if (end != raw.len)
        return malformed(g, &c->chunks[page], err);
    p->ends = ends;
    p->bytes = raw.ptr;
    return BOLE_OK;
}

/* ---- the column of the current vector ---- */

static bole_status unpack_dict(struct group_scan *g, struct field_state *f, struct bole_err *err)
{
    uint32_t n = g->ctx->vector.row_count, *ids = arena_array(&g->ctx->vector_arena, n, sizeof *ids);
    if (!ids)
        return no_room(err);
    packed_read_u32(&f->packed, g->first_row, n, ids);
    f->column = (struct column){.kind = COLUMN_DICT, .values = f->values, .ids = ids, .value_count = f->value_count};
    return BOLE_OK;
}

static bole_status unpack_bytes(struct group_scan *g, const struct segment_column *c, struct field_state *f,
                                struct bole_err *err)
{
    uint32_t n = g->ctx->vector.row_count, bias = bias_of(c), page = 1;
    uint32_t *lengths = arena_array(&g->ctx->vector_arena, n, sizeof *lengths);
    bole_slice *values = arena_array(&g->ctx->vector_arena, n, sizeof *values);
    if (!lengths || !values)
        return no_room(err);
    packed_read_u32(&f->packed, g->first_row, n, lengths);
    for (uint32_t r = 0; r < n; r++) {
        uint32_t row = g->first_row + r;
        while (row >= f->pages[page].first_row + f->pages[page].rows)
            page++;
        struct field_page *p = &f->pages[page];
        if (!p->bytes) {
            bole_status st = load_page(g, c, f, page, err);
            if (st < 0)
                return st;
        }
        uint32_t at = row - p->first_row, from = at ? p->ends[at - 1] : 0;
        if (lengths[r] || !bias)
            values[r] = bole_slice_from(p->bytes + from, p->ends[at] - from);
    }
    f->column = (struct column){.kind = COLUMN_PLAIN, .values = values};
    return BOLE_OK;
}

/* Makes f->column for the current vector. BOLE_END: damaged, f->column is absent. */
static bole_status get_column(struct group_scan *g, uint32_t index, struct bole_err *err)
{
    struct field_state *f = &g->fields[index];
    const struct segment_column *c = &g->group->columns[index];
    if (f->is_bad)
        return BOLE_END;
    if (f->vector_number == g->vector_number)
        return BOLE_OK;
    struct bole_err why;
    bole_status st = f->loaded ? BOLE_OK : load_column(g, c, f, &why);
    if (st >= 0) {
        f->loaded = true;
        st = c->kind == CHUNK_FIELD_DICT ? unpack_dict(g, f, &why) : unpack_bytes(g, c, f, &why);
    }
    if (st >= 0) {
        f->vector_number = g->vector_number;
        return BOLE_OK;
    }
    if (err)
        *err = why;
    f->column = (struct column){.kind = COLUMN_ABSENT};
    st = group_scan_set_aside(g, &c->chunks[0], st, &why);
    f->is_bad = st == BOLE_END;
    return st;
}

/* ---- one key ---- */

/* The remaining fields of a row, one after the other. */
static bool next_rest(struct reader *in, struct batch_field *ret_field)
{
    if (reader_left(in) == 0)
        return false;
    ret_field->key = reader_bytes(in, reader_varint(in));
    ret_field->value = reader_bytes(in, reader_varint(in));
    return !in->failed;
}

static bole_slice find_rest(bole_slice row, bole_slice key)
{
    struct reader in = reader_of(row);
    struct batch_field field;
    while (next_rest(&in, &field))
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
    for (uint32_t r = 0; r < n; r++)
        values[r] = find_rest(g->fields[index].column.values[r], key);
    *ret_column = (struct column){.kind = COLUMN_PLAIN, .values = values};
    return BOLE_OK;
}

static bool is_absent(const struct column *c, uint32_t row_count)
{
    for (uint32_t r = 0; r < row_count; r++)
        if (c->kind == COLUMN_DICT ? c->ids[r] != 0 : c->values[r].ptr != NULL)
            return false;
    return true;
}

/* *ret_index: of the key's own column, or UINT32_MAX. BOLE_END: damaged, *ret_column is absent. */
static bole_status key_column(struct group_scan *g, bole_slice key, struct column *ret_column, uint32_t *ret_index,
                              struct bole_err *err)
{
    const struct segment_column *own = segment_group_field(g->group, key);
    bole_status st = BOLE_OK;
    *ret_column = (struct column){.kind = COLUMN_ABSENT};
    *ret_index = UINT32_MAX;
    if (own) {
        *ret_index = (uint32_t)(own - g->group->columns);
        st = get_column(g, *ret_index, err);
        if (st == BOLE_OK)
            *ret_column = g->fields[*ret_index].column;
    } else if (g->group->rest) {
        st = column_from_rest(g, key, ret_column, err);
    }
    if (st == BOLE_OK && ret_column->kind != COLUMN_ABSENT && is_absent(ret_column, g->ctx->vector.row_count))
        *ret_column = (struct column){.kind = COLUMN_ABSENT};
    return st;
}

bole_status group_fields_predicate(struct group_scan *g, const struct store_predicate *p, size_t index,
                                   struct bole_err *err)
{
    struct column c;
    uint32_t column;
    bole_status st = key_column(g, p->name, &c, &column, err);
    if (st != BOLE_OK)
        return st;
    uint8_t *memo = NULL;
    if (c.kind == COLUMN_DICT) {
        struct field_state *f = &g->fields[column];
        if (!f->memo[index] && !(f->memo[index] = arena_zalloc(&g->arena, f->value_count)))
            return no_room(err);
        memo = f->memo[index];
    }
    predicate_apply_field(p, &g->ctx->vector, &c, memo);
    return BOLE_OK;
}

struct column group_fields_column(struct vector *v, bole_slice key)
{
    struct group_scan *g = scan_context_of(v)->part;
    struct column c;
    uint32_t index;
    struct bole_err why;
    bole_status st = key_column(g, key, &c, &index, &why);
    if (st < 0)
        scan_context_defer(g->ctx, st, why.msg);
    return c;
}

/* ---- all fields of a row ---- */

static bool is_field(const struct segment_column *c)
{
    return c->kind == CHUNK_FIELD_DICT || c->kind == CHUNK_FIELD_BYTES;
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
        while (next_rest(&in, &field))
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
