#include "cmd/table.h"

#include "base/utf8.h"
#include "cmd/print.h"
#include "shim/number.h"

struct names {
    struct table *table;
    size_t        cap;
    bool          failed;
};

static size_t width_of(bole_slice text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; count++) {
        size_t n = utf8_length(text.ptr + i, text.len - i);
        i += n ? n : 1;
    }
    return count;
}

static bool add_column(bole_slice name, struct json_value v, void *ctx)
{
    struct names *n = ctx;
    struct table *t = n->table;
    size_t size = sizeof *t->columns, cap = n->cap ? 2 * n->cap : 8;
    if (t->column_count == n->cap) {
        t->columns = arena_grow(&t->arena, t->columns, n->cap * size, cap * size);
        n->cap = cap;
    }
    bole_slice text = json_doc_string(v), copy = arena_printf(&t->arena, "%.*s%c", BOLE_SLICE_ARG(text), 0);
    n->failed = !t->columns || !copy.ptr;
    if (!n->failed)
        t->columns[t->column_count++] = (struct table_column){.name = (const char *)copy.ptr, .width = width_of(text)};
    return !n->failed;
}

bool table_init(struct table *t, struct json_value columns, enum print_format format, bool for_terminal)
{
    struct names names = {.table = t};
    *t = (struct table){.for_terminal = for_terminal, .csv = format == PRINT_CSV};
    arena_init(&t->arena, NULL);
    arena_init(&t->row, NULL);
    json_doc_each(columns, add_column, &names);
    t->rows = arena_array(&t->arena, TABLE_ROWS_HELD, sizeof *t->rows);
    return t->rows && !names.failed;
}

void table_deinit(struct table *t)
{
    arena_deinit(&t->arena);
    arena_deinit(&t->row);
    *t = (struct table){0};
}

static void put_blanks(struct buf *out, size_t count)
{
    for (; count; count--)
        buf_put_u8(out, ' ');
}

static void put_row(const struct table *t, const bole_slice *cells, struct buf *out)
{
    for (size_t i = 0; i < t->column_count; i++) {
        const struct table_column *c = &t->columns[i];
        if (t->csv) {
            buf_put_str(out, i ? "," : "");
            print_csv_value(out, cells ? cells[i] : bole_slice_str(c->name));
            continue;
        }
        bole_slice text = cells ? cells[i] : bole_slice_str(c->name);
        size_t width = width_of(text), blanks = c->width > width ? c->width - width : 0;
        put_blanks(out, (i ? 2 : 0) + (c->has_texts ? 0 : blanks));
        if (t->for_terminal)
            print_safe(out, text);
        else
            buf_put(out, text);
        put_blanks(out, c->has_texts && i + 1 < t->column_count ? blanks : 0);
    }
    buf_put_u8(out, '\n');
}

/* What has waited. */
static void begin(struct table *t, struct buf *out)
{
    t->is_begun = true;
    put_row(t, NULL, out);
    for (size_t i = 0; i < t->row_count; i++)
        put_row(t, t->rows[i], out);
}

static bole_slice *read_cells(const struct table *t, struct json_value fields, struct arena *arena)
{
    bole_slice *cells = arena_array(arena, t->column_count + 1, sizeof *cells);
    for (size_t i = 0; cells && fields.doc && i < t->column_count; i++) {
        struct json_value v;
        if (!json_doc_member(fields, t->columns[i].name, &v))
            continue;
        cells[i] = arena_copy(arena, json_doc_string(v));
        if (!cells[i].ptr)
            return NULL;
    }
    return cells;
}

static void measure(struct table *t, const bole_slice *cells)
{
    for (size_t i = 0; i < t->column_count; i++) {
        struct table_column *c = &t->columns[i];
        double number;
        size_t width = width_of(cells[i]);
        c->width = width > c->width ? width : c->width;
        c->has_texts |= cells[i].len && !number_parse(cells[i], &number);
    }
}

bool table_add(struct table *t, struct json_value fields, struct buf *out)
{
    if ((t->csv || t->row_count == TABLE_ROWS_HELD) && !t->is_begun)
        begin(t, out);
    arena_reset(&t->row);
    bole_slice *cells = read_cells(t, fields, t->is_begun ? &t->row : &t->arena);
    if (!cells)
        return false;
    if (t->is_begun) {
        put_row(t, cells, out);
    } else {
        measure(t, cells);
        t->rows[t->row_count++] = cells;
    }
    return true;
}

void table_end(struct table *t, struct buf *out)
{
    if ((t->row_count || t->csv) && t->rows && !t->is_begun)
        begin(t, out);
}
