/*
 * tail_out.c - see tail_out.h.
 */
#include "serve/tail_out.h"

#include <stdlib.h>

#include "base/timefmt.h"
#include "serve/loki_json.h"
#include "serve/native_row.h"

void tail_out_init(struct tail_out *o, struct budget *budget, enum tail_form form, unsigned origins)
{
    *o = (struct tail_out){.budget = budget, .form = form, .origins = origins};
    buf_init(&o->text, budget);
    buf_init(&o->labels, budget);
    buf_init(&o->dropped, budget);
}

static void frame_destroy(struct tail_frame *f)
{
    buf_deinit(&f->text);
    free(f);
}

void tail_out_deinit(struct tail_out *o)
{
    while (o->first) {
        struct tail_frame *next = o->first->next;
        frame_destroy(o->first);
        o->first = next;
    }
    buf_deinit(&o->text);
    buf_deinit(&o->labels);
    buf_deinit(&o->dropped);
}

static void put_legacy_labels(struct tail_out *o, struct buf *b, const struct query_entry *entry)
{
    buf_reset(&o->labels);
    loki_print_labels(&o->labels, entry->labels, entry->label_count, o->origins);
    b->failed |= o->labels.failed;
    buf_put_json(b, buf_slice(&o->labels), true);
}

/* entry NULL: rows that were never matched. */
static void put_dropped_entry(struct tail_out *o, struct buf *b, const struct query_entry *entry, int64_t time_ns)
{
    static const struct query_entry nobody = {0};
    char time[TIME_TEXT_MAX];
    entry = entry ? entry : &nobody;
    if (o->form == TAIL_LEGACY) {
        time_format_rfc3339(time_ns, -1, time);
        buf_printf(b, "{\"Timestamp\":\"%s\",\"Labels\":", time);
        put_legacy_labels(o, b, entry);
    } else {
        buf_printf(b, "{\"timestamp\":\"%lld\",\"labels\":", (long long)time_ns);
        loki_put_row_labels(b, entry->labels, entry->label_count, 1u << ORIGIN_STREAM);
    }
    buf_put_u8(b, '}');
}

static void count_dropped(struct tail_out *o, const struct query_entry *entry, uint64_t count, int64_t time_ns)
{
    o->dropped_count += count;
    o->dropped_total += count;
    if (o->dropped_listed == TAIL_DROPPED_LISTED_MAX)
        return;
    size_t before = o->dropped.len;
    buf_put_str(&o->dropped, o->dropped_listed ? "," : "");
    put_dropped_entry(o, &o->dropped, entry, time_ns);
    if (o->dropped.failed) { /* no memory to name it: it is counted all the same */
        o->dropped.len = before;
        o->dropped.failed = false;
        return;
    }
    o->dropped_listed++;
}

static void put_dropped(struct tail_out *o, struct buf *out)
{
    if (!o->dropped_count) {
        buf_put_str(out, o->form == TAIL_LEGACY ? ",\"dropped_entries\":null" : "");
        return;
    }
    buf_put(out, S(",\"dropped_entries\":["));
    buf_put(out, buf_slice(&o->dropped));
    buf_put(out, S("],\"dropped_count\":"));
    buf_put_uint(out, o->dropped_count);
}

static void forget_open(struct tail_out *o)
{
    buf_reset(&o->text);
    buf_reset(&o->dropped);
    o->entry_count = 0;
    o->dropped_listed = 0;
    o->dropped_count = 0;
}

static int by_time(const void *a, const void *b)
{
    const struct tail_entry *x = a, *y = b;
    if (x->time_ns != y->time_ns)
        return x->time_ns < y->time_ns ? -1 : 1;
    return x->at < y->at ? -1 : 1; /* as they came */
}

static void put_frame(struct tail_out *o, struct buf *out)
{
    buf_put(out, S("{\"streams\":["));
    qsort(o->entries, o->entry_count, sizeof *o->entries, by_time);
    for (size_t i = 0; i < o->entry_count; i++) {
        if (i)
            buf_put_u8(out, ',');
        buf_put(out, (bole_slice){o->text.ptr + o->entries[i].at, o->entries[i].len});
    }
    buf_put_u8(out, ']');
    put_dropped(o, out);
    if (o->shows_cursor && o->latest.seq) {
        buf_put(out, S(",\"cursor\":"));
        native_put_id(out, o->latest);
    }
    if (o->form == TAIL_CATEGORIZED)
        buf_put(out, S(",\"encodingFlags\":[\"categorize-labels\"]"));
    buf_put_str(out, o->form == TAIL_LEGACY ? "}\n" : "}");
}

bole_status tail_out_close(struct tail_out *o)
{
    if (!o->entry_count && !o->dropped_count && !o->cursor_due)
        return BOLE_OK;
    struct tail_frame *f = calloc(1, sizeof *f);
    if (!f)
        return BOLE_AGAIN;
    buf_init(&f->text, o->budget);
    put_frame(o, &f->text);
    f->entry_count = o->entry_count;
    f->newest_ns = o->newest_ns;
    if (f->text.failed) {
        frame_destroy(f);
        return BOLE_AGAIN;
    }
    if (o->last)
        o->last->next = f;
    else
        o->first = f;
    o->last = f;
    o->unsent_bytes += f->text.len;
    o->cursor_due = false;
    forget_open(o);
    return BOLE_OK;
}

static bool is_full(const struct tail_out *o)
{
    return o->entry_count == TAIL_FRAME_ENTRIES_MAX || o->text.len >= TAIL_FRAME_TARGET;
}

static void put_entry(struct tail_out *o, const struct query_entry *entry)
{
    if (o->form == TAIL_LEGACY) {
        buf_put_str(&o->text, "{\"labels\":");
        put_legacy_labels(o, &o->text, entry);
        buf_put_str(&o->text, ",\"entries\":[");
        loki_put_legacy_entry(&o->text, entry->time_ns, entry->line);
    } else {
        buf_put_str(&o->text, "{\"stream\":");
        loki_put_row_labels(&o->text, entry->labels, entry->label_count, o->origins);
        buf_put_str(&o->text, ",\"values\":[");
        loki_put_entry(&o->text, entry, o->form == TAIL_CATEGORIZED);
    }
    buf_put_str(&o->text, "]}");
}

/* False: no memory, nothing was added. */
static bool add_entry(struct tail_out *o, const struct query_entry *entry)
{
    size_t at = o->text.len;
    put_entry(o, entry);
    if (o->text.failed) {
        o->text.len = at;
        o->text.failed = false;
        return false;
    }
    o->entries[o->entry_count++] = (struct tail_entry){entry->time_ns, at, o->text.len - at};
    return true;
}

void tail_out_add(struct tail_out *o, const struct query_entry *entry)
{
    if (entry->seq > o->latest.seq)
        o->latest = (struct query_place){entry->time_ns, entry->seq};
    if (is_full(o) && o->unsent_bytes < TAIL_UNSENT_MAX)
        tail_out_close(o);
    if (is_full(o) || !add_entry(o, entry)) {
        count_dropped(o, entry, 1, entry->time_ns);
    } else {
        o->entries_total++;
        o->newest_ns = entry->time_ns;
    }
}

void tail_out_lost(struct tail_out *o, uint64_t row_count, int64_t time_ns)
{
    if (row_count)
        count_dropped(o, NULL, row_count, time_ns);
}

bool tail_out_is_empty(const struct tail_out *o)
{
    return !o->first && !o->entry_count && !o->dropped_count;
}

bole_status tail_out_flush(struct tail_out *o, bole_status (*send)(bole_slice text, void *ctx), void *ctx)
{
    if (o->unsent_bytes < TAIL_UNSENT_MAX)
        tail_out_close(o);
    while (o->first) {
        struct tail_frame *f = o->first;
        bole_status st = send(buf_slice(&f->text), ctx);
        if (st == BOLE_E_LIMIT) {
            count_dropped(o, NULL, f->entry_count, f->newest_ns);
            o->entries_total -= f->entry_count;
        } else if (st != BOLE_OK) {
            return st;
        }
        o->first = f->next;
        if (!o->first)
            o->last = NULL;
        o->unsent_bytes -= f->text.len;
        frame_destroy(f);
    }
    return tail_out_is_empty(o) ? BOLE_OK : BOLE_AGAIN;
}

void tail_out_prepend(struct tail_out *o, struct tail_out *history)
{
    history->shows_cursor = history->cursor_due = o->shows_cursor; /* not before: in the order of time, a frame is no prefix of what was committed */
    tail_out_close(history);
    if (history->last) {
        history->last->next = o->first;
        o->first = history->first;
        o->last = o->last ? o->last : history->last;
        o->unsent_bytes += history->unsent_bytes;
    }
    o->entries_total += history->entries_total;
    o->dropped_total += history->dropped_total;
    history->first = history->last = NULL;
    history->unsent_bytes = 0;
}
