#include "store/segment/inspect.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/timefmt.h"
#include "store/codec/text.h"
#include "store/segment/pack.h"
#include "store/segment/segment_read.h"

enum { TEMPLATES_SHOWN = 20, TEMPLATE_WIDTH = 160 };

struct inspection {
    const struct inspect_options *options;
    struct segment_reader reader;
    struct segment_directory *directory;
    struct buf *out;
    struct arena arena; /* of one group */
    const struct segment_group *group;
};

static const char *const type_names[] = {"const", "raw", "dict", "int", "hex", "ip4", "uuid", "time"};

static const char *kind_name(enum chunk_kind kind)
{
    switch (kind) {
    case CHUNK_TIME: return "time";
    case CHUNK_SEQ: return "seq";
    case CHUNK_STREAM: return "stream";
    case CHUNK_TEXT: return "lines";
    case CHUNK_FIELD: return "field";
    case CHUNK_REST: return "rare fields";
    case CHUNK_ROLLUP: return "rollup";
    case CHUNK_SECTION: break;
    }
    return "?";
}

static uint64_t stored_size(const struct segment_column *c)
{
    uint64_t size = 0;
    for (uint32_t i = 0; i < c->chunk_count; i++)
        size += c->chunks[i].size;
    return size;
}

static double times_smaller(uint64_t raw, uint64_t stored)
{
    return stored ? (double)raw / (double)stored : 0;
}

static void put_time(struct buf *out, int64_t time_ns)
{
    char text[TIME_TEXT_MAX];
    buf_put(out, bole_slice_from(text, time_format_rfc3339(time_ns, 9, text)));
}

/* ---- the whole file ---- */

static void put_summary(struct inspection *in, uint64_t file_size)
{
    const struct segment_totals *t = &in->directory->totals;
    struct buf *out = in->out;
    buf_printf(out, "%.*s: %" PRIu64 " rows in %u row groups, %" PRIu64 " bytes of lines and fields in %" PRIu64
               ", %.1f times smaller\n", BOLE_SLICE_ARG(in->reader.key), t->row_count, in->directory->group_count,
               t->raw_bytes, file_size, times_smaller(t->raw_bytes, file_size));
    buf_put_str(out, "times ");
    put_time(out, t->min_time_ns);
    buf_put_str(out, " to ");
    put_time(out, t->max_time_ns);
    buf_printf(out, ", LSN %" PRIu64 " to %" PRIu64 ", level %u, written ", t->min_lsn, t->max_lsn, t->level);
    put_time(out, t->created_ns);
    buf_put_str(out, "\n");
}

struct cost {
    bole_slice name;
    uint64_t   size;
};

static int by_size(const void *a, const void *b)
{
    const struct cost *x = a, *y = b;
    return (x->size < y->size) - (x->size > y->size);
}

static bool add_cost(struct arena *arena, struct cost **costs, uint32_t *count, bole_slice name, uint64_t size)
{
    for (uint32_t i = 0; i < *count; i++)
        if (bole_slice_eq((*costs)[i].name, name)) {
            (*costs)[i].size += size;
            return true;
        }
    struct cost *grown = arena_grow(arena, *costs, *count * sizeof *grown, (*count + 1) * sizeof *grown);
    if (!grown)
        return false;
    *costs = grown;
    grown[(*count)++] = (struct cost){name, size};
    return true;
}

/* What each part of the file takes, added up over all groups. */
static bool put_costs(struct inspection *in, uint64_t file_size)
{
    struct cost *costs = NULL;
    uint32_t count = 0;
    uint64_t rest = file_size;
    struct arena arena, names; /* the list stays the newest allocation of its arena */
    arena_init(&arena, NULL);
    arena_init(&names, NULL);
    bool ok = true;
    for (uint32_t i = 0; i < in->directory->group_count; i++)
        for (uint32_t k = 0; ok && k < in->directory->groups[i].column_count; k++) {
            const struct segment_column *c = &in->directory->groups[i].columns[k];
            bole_slice name = bole_slice_str(kind_name(c->kind));
            if (c->kind == CHUNK_FIELD)
                name = arena_printf(&names, "field %.*s", BOLE_SLICE_ARG(c->key));
            ok = name.ptr && add_cost(&arena, &costs, &count, name, stored_size(c));
            rest -= stored_size(c);
        }
    ok = ok && add_cost(&arena, &costs, &count, S("directory and index"), rest);
    if (ok) {
        qsort(costs, count, sizeof *costs, by_size);
        buf_put_str(in->out, "\n       bytes  share  part\n");
        for (uint32_t i = 0; i < count; i++)
            buf_printf(in->out, "%12" PRIu64 "  %4.1f%%  %.*s\n", costs[i].size,
                       100.0 * (double)costs[i].size / (double)file_size, BOLE_SLICE_ARG(costs[i].name));
    }
    arena_deinit(&names);
    arena_deinit(&arena);
    return ok;
}

/* ---- one group ---- */

static bole_status load_times(struct inspection *in, const int64_t **ret_times, struct bole_err *err)
{
    bole_slice raw;
    struct packed packed;
    uint32_t rows = in->group->row_count;
    bole_status st =
        segment_chunk_read_arena(&in->reader, &in->group->time->chunks[0], CHUNK_TIME, &in->arena, &raw, err);
    if (st < 0)
        return st;
    uint64_t *times = arena_array(&in->arena, rows, sizeof *times);
    if (!times)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for the times of a row group");
    if (raw.len < 8 || !packed_open(&packed, bole_slice_sub(raw, 8), PACK_DELTA, rows))
        return bole_fail(err, BOLE_E_CORRUPT, "segment %.*s: the times are not well formed",
                         BOLE_SLICE_ARG(in->reader.key));
    packed_read(&packed, 0, rows, times);
    for (uint32_t r = 0; r < rows; r++)
        times[r] *= load_u64(raw.ptr);
    *ret_times = (const int64_t *)times;
    return BOLE_OK;
}

static bole_status load_text_chunk(void *ctx, uint32_t chunk, bole_slice *ret_raw, struct bole_err *err)
{
    struct inspection *in = ctx;
    return segment_chunk_read_arena(&in->reader, &in->group->text->chunks[chunk], CHUNK_TEXT, &in->arena, ret_raw, err);
}

static void put_group(struct inspection *in, uint32_t number, const struct text *text)
{
    const struct segment_group *g = in->group;
    uint64_t raw = g->line_bytes + g->field_bytes;
    buf_printf(in->out, "%5u %9u %11" PRIu64 " %10" PRIu64 " %6.1f %8u %9u %8u  %-6s ", number, g->row_count, raw, g->size,
               times_smaller(raw, g->size), g->stream_count, text_template_count(text), text_column_count(text),
               g->order == GROUP_BY_STREAM ? "stream" : "time");
    put_time(in->out, g->min_time_ns);
    buf_printf(in->out, "  %.*s/%.*s\n", BOLE_SLICE_ARG(g->tenant), BOLE_SLICE_ARG(g->family_name));
}

static void put_columns(struct inspection *in, const struct text *text)
{
    buf_put_str(in->out, "\n      values   distinct  numbers     text  type   column of the lines\n");
    for (uint32_t i = 0; i < text_column_count(text); i++) {
        struct text_column_info c = text_column_info(text, i);
        buf_printf(in->out, "%12u %10u %8zu %8zu  %-5s  %.*s\n", c.count, c.distinct, c.numbers_size, c.text_size,
                   type_names[c.type], BOLE_SLICE_ARG(c.name));
    }
}

struct shown_template {
    uint32_t index, rows;
};

static int by_rows(const void *a, const void *b)
{
    const struct shown_template *x = a, *y = b;
    return (x->rows < y->rows) - (x->rows > y->rows);
}

static bool put_templates(struct inspection *in, const struct text *text)
{
    uint32_t count = text_template_count(text);
    struct shown_template *all = arena_array(&in->arena, count, sizeof *all);
    struct buf line;
    buf_init(&line, NULL);
    for (uint32_t i = 0; all && i < count; i++) {
        buf_reset(&line);
        all[i].index = i;
        text_template(text, i, &line, &all[i].rows);
    }
    if (all)
        qsort(all, count, sizeof *all, by_rows);
    buf_put_str(in->out, "\n        rows  template\n");
    for (uint32_t i = 0; all && i < count && i < TEMPLATES_SHOWN; i++) {
        uint32_t rows;
        buf_reset(&line);
        text_template(text, all[i].index, &line, &rows);
        bole_slice shown = bole_slice_from(line.ptr, line.len < TEMPLATE_WIDTH ? line.len : TEMPLATE_WIDTH);
        buf_printf(in->out, "%12u  ", rows);
        for (size_t k = 0; k < shown.len; k++) /* control bytes would play with the terminal */
            buf_put_u8(in->out, shown.ptr[k] < ' ' || shown.ptr[k] == 0x7f ? '.' : shown.ptr[k]);
        buf_put_str(in->out, line.len > shown.len ? " ...\n" : "\n");
    }
    bool ok = all && !line.failed;
    buf_deinit(&line);
    return ok;
}

static bole_status inspect_group(struct inspection *in, uint32_t number, struct bole_err *err)
{
    struct text *text;
    const int64_t *times;
    in->group = &in->directory->groups[number];
    arena_reset(&in->arena);
    bole_status st = load_times(in, &times, err);
    if (st < 0)
        return st;
    const struct text_source source = {.load = load_text_chunk,
                                       .ctx = in,
                                       .chunk_count = in->group->text->chunk_count,
                                       .row_count = in->group->row_count,
                                       .time_ns = times,
                                       .arena = &in->arena};
    st = text_open(&source, &text, err);
    if (st < 0)
        return st;
    put_group(in, number, text);
    if (in->options->columns)
        put_columns(in, text);
    if (in->options->templates && !put_templates(in, text))
        return bole_fail(err, BOLE_E_NOMEM, "no memory for the templates of a row group");
    if (in->options->columns || in->options->templates)
        buf_put_str(in->out, "\n");
    return BOLE_OK;
}

static bole_status inspect_groups(struct inspection *in, struct bole_err *err)
{
    bole_status st = BOLE_OK;
    int64_t only = in->options->group;
    if (only >= (int64_t)in->directory->group_count)
        return bole_fail(err, BOLE_E_INVALID, "there is no row group %" PRId64 ": the file has %u, counted from 0", only,
                         in->directory->group_count);
    buf_put_str(in->out, "\ngroup      rows   raw bytes     stored  ratio  streams templates  columns  order  from"
                         "                            tenant/family\n");
    for (uint32_t i = 0; st >= 0 && i < in->directory->group_count; i++)
        if (only < 0 || only == i)
            st = inspect_group(in, i, err);
    return st;
}

bole_status store_inspect(struct objects *objects, bole_slice key, const struct inspect_options *options, struct buf *out,
                          struct bole_err *err)
{
    struct inspection in = {.options = options, .out = out};
    uint64_t size;
    bole_status st = objects_size(objects, key, &size, err);
    if (st < 0)
        return st;
    segment_reader_init(&in.reader, objects, NULL);
    arena_init(&in.arena, NULL);
    in.reader.key = key;
    st = segment_directory_read(&in.reader, size, NULL, &in.directory, err);
    if (st >= 0) {
        put_summary(&in, size);
        if (!put_costs(&in, size))
            st = bole_fail(err, BOLE_E_NOMEM, "no memory to add up the parts of a segment");
        if (st >= 0)
            st = inspect_groups(&in, err);
        segment_directory_unref(in.directory);
    }
    arena_deinit(&in.arena);
    segment_reader_deinit(&in.reader);
    return st < 0 ? st : out->failed ? bole_fail(err, BOLE_E_NOMEM, "no memory for the tables") : BOLE_OK;
}
