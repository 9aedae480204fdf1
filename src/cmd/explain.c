#include "cmd/explain.h"

#include <stdio.h>

enum { STAGE_WIDTH_MAX = 60 };

static double number_of(struct json_value v, const char *name)
{
    struct json_value member;
    double number = 0;
    if (json_doc_member(v, name, &member))
        json_doc_number(member, &number);
    return number;
}

static bole_slice text_of(struct json_value v, const char *name)
{
    struct json_value member;
    bole_slice text = json_doc_member(v, name, &member) ? json_doc_string(member) : (bole_slice){0};
    return text.ptr ? text : S("");
}

/* "3 by tokens", with a comma where something stands before it; nothing for none. */
static void put_part(struct buf *out, double count, const char *what, bool *any)
{
    if (count <= 0)
        return;
    buf_printf(out, "%s%.0f %s", *any ? ", " : ": ", count, what);
    *any = true;
}

static bool put_filter(bole_slice name, struct json_value v, void *ctx)
{
    struct buf *out = ctx;
    bole_slice filter = text_of(v, "filter"), store = text_of(v, "store");
    bool took = !bole_slice_eq(store, S("no"));
    buf_printf(out, "  %-9s %.*s%s%.*s\n", "store", BOLE_SLICE_ARG(filter), took ? " decided " : ": left to the stages",
               took ? (int)store.len : 0, (const char *)store.ptr);
    return true;
}

struct stages {
    struct buf *out;
    int         width;
};

static bool measure_stage(bole_slice name, struct json_value v, void *ctx)
{
    struct stages *s = ctx;
    int width = (int)text_of(v, "stage").len;
    width = width < STAGE_WIDTH_MAX ? width : STAGE_WIDTH_MAX;
    s->width = width > s->width ? width : s->width;
    return true;
}

static bool put_stage(bole_slice name, struct json_value v, void *ctx)
{
    struct stages *s = ctx;
    bole_slice stage = text_of(v, "stage"), where = text_of(v, "where");
    buf_printf(s->out, "  %-*.*s  %-8.*s", s->width, BOLE_SLICE_ARG(stage), BOLE_SLICE_ARG(where));
    if (bole_slice_eq(where, S("store")))
        buf_printf(s->out, "%10s %10s %10s\n", "-", "-", "-");
    else
        buf_printf(s->out, "%10.0f %10.0f %10.3f\n", number_of(v, "rows_in"), number_of(v, "rows_out"), number_of(v, "ms"));
    return true;
}

static void put_stages(struct json_value v, struct buf *out)
{
    struct stages s = {.out = out, .width = (int)sizeof "stage" - 1};
    struct json_value list;
    if (!json_doc_member(v, "stages", &list))
        return;
    json_doc_each(list, measure_stage, &s);
    if (s.width == (int)sizeof "stage" - 1)
        return; /* there are none */
    buf_printf(out, "  %-*s  %-8s%10s %10s %10s\n", s.width, "stage", "where", "rows in", "rows out", "ms");
    json_doc_each(list, put_stage, &s);
}

static bool put_scan(bole_slice name, struct json_value v, void *ctx)
{
    struct buf *out = ctx;
    struct json_value filters;
    bool any = false;
    double pruned = number_of(v, "parts_out"), known = 0;
    static const struct { const char *name, *what; } reasons[] = {
        {"segments_out_by_time", "segments of another time, unopened"}, {"parts_out_by_tokens", "without the words"},
        {"parts_out_by_streams", "without the streams"}, {"parts_out_by_rows", "without a matching row"},
        {"parts_out_by_limit", "behind the last row wanted"},
    };
    buf_printf(out, "\nscan %.*s from %.*s to %.*s\n", BOLE_SLICE_ARG(text_of(v, "selector")), BOLE_SLICE_ARG(text_of(v, "from")),
               BOLE_SLICE_ARG(text_of(v, "to")));
    buf_printf(out, "  %-9s %.*s\n", "how", BOLE_SLICE_ARG(text_of(v, "how")));
    if (json_doc_member(v, "filters", &filters))
        json_doc_each(filters, put_filter, out);
    buf_printf(out, "  %-9s %.0f of %.0f left out", "parts", pruned, number_of(v, "parts"));
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        put_part(out, number_of(v, reasons[i].name), reasons[i].what, &any);
        known += number_of(v, reasons[i].name);
    }
    put_part(out, pruned - known, "of another time", &any);
    buf_printf(out, "\n  %-9s %.0f looked at (%.3f MB), %.0f selected by the store, %.0f behind the stages\n", "rows",
               number_of(v, "rows_scanned"), number_of(v, "bytes_scanned") / 1e6, number_of(v, "rows_selected"),
               number_of(v, "rows_out"));
    buf_printf(out, "  %-9s %.3f ms, %.3f of them in the store\n", "time", number_of(v, "ms"), number_of(v, "store_ms"));
    put_stages(v, out);
    return true;
}

bool explain_print(struct json_value root, struct buf *out)
{
    struct json_value x, scans;
    if (!json_doc_member(root, "explain", &x) || !json_doc_member(x, "scans", &scans))
        return false;
    buf_printf(out, "%.*s\n%.0f rows in %.3f ms, %.3f ms of CPU\n", BOLE_SLICE_ARG(text_of(x, "query")), number_of(x, "rows"),
               number_of(x, "ms"), number_of(x, "cpu_ms"));
    json_doc_each(scans, put_scan, out);
    struct buf stages;
    buf_init(&stages, NULL);
    put_stages(x, &stages);
    if (stages.len) {
        buf_put_str(out, "\nstages on many rows\n");
        buf_put(out, buf_slice(&stages));
    }
    out->failed |= stages.failed;
    buf_deinit(&stages);
    return true;
}
