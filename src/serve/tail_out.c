/*
 * tail_out.c - see tail_out.h.
 */
#include "serve/tail_out.h"

#include <stdlib.h>

#include "serve/loki_json.h"
#include "serve/native_row.h"

void tail_out_init(struct tail_out *o, struct budget *budget, bool categorize)
{
    *o = (struct tail_out){.budget = budget};
    loki_streams_init(&o->open, budget, categorize);
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
    loki_streams_deinit(&o->open);
    buf_deinit(&o->dropped);
}

static void put_entry_labels(struct buf *out, const struct query_entry *entry)
{
    if (entry)
        loki_put_row_labels(out, entry->labels, entry->label_count, 1u << ORIGIN_STREAM);
    else
        buf_put(out, S("{}"));
}

/* entry NULL: rows that were never matched. */
static void count_dropped(struct tail_out *o, const struct query_entry *entry, uint64_t count, int64_t time_ns)
{
    o->dropped_count += count;
    o->dropped_total += count;
    if (o->dropped_listed == TAIL_DROPPED_LISTED_MAX)
        return;
    size_t before = o->dropped.len;
    buf_put_str(&o->dropped, o->dropped_listed ? ",{\"labels\":" : "{\"labels\":");
    put_entry_labels(&o->dropped, entry);
    buf_put(&o->dropped, S(",\"timestamp\":\""));
    buf_put_int(&o->dropped, time_ns);
    buf_put(&o->dropped, S("\"}"));
    if (o->dropped.failed) { /* no memory to name it: it is counted all the same */
        o->dropped.len = before;
        o->dropped.failed = false;
        return;
    }
    o->dropped_listed++;
}

static void put_dropped(struct tail_out *o, struct buf *out)
{
    if (!o->dropped_count)
        return;
    buf_put(out, S(",\"dropped_entries\":["));
    buf_put(out, buf_slice(&o->dropped));
    buf_put(out, S("],\"dropped_count\":"));
    buf_put_uint(out, o->dropped_count);
}

static void forget_open(struct tail_out *o)
{
    loki_streams_reset(&o->open);
    buf_reset(&o->dropped);
    o->dropped_listed = 0;
    o->dropped_count = 0;
}

bole_status tail_out_close(struct tail_out *o)
{
    if (!o->open.entry_count && !o->dropped_count && !o->cursor_due)
        return BOLE_OK;
    struct tail_frame *f = calloc(1, sizeof *f);
    if (!f)
        return BOLE_AGAIN;
    buf_init(&f->text, o->budget);
    buf_put(&f->text, S("{\"streams\":"));
    bole_status st = loki_streams_write(&o->open, &f->text, NULL);
    put_dropped(o, &f->text);
    if (o->shows_cursor && o->latest.seq) {
        buf_put(&f->text, S(",\"cursor\":"));
        native_put_id(&f->text, o->latest);
    }
    if (o->open.categorize)
        buf_put(&f->text, S(",\"encodingFlags\":[\"categorize-labels\"]"));
    buf_put_u8(&f->text, '}');
    f->entry_count = o->open.entry_count;
    f->newest_ns = o->newest_ns;
    if (st < 0 || f->text.failed) {
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

void tail_out_add(struct tail_out *o, const struct query_entry *entry)
{
    if (entry->seq > o->latest.seq)
        o->latest = (struct query_place){entry->time_ns, entry->seq};
    if (o->open.size_bytes >= TAIL_FRAME_TARGET && o->unsent_bytes < TAIL_UNSENT_MAX)
        tail_out_close(o);
    if (o->open.size_bytes >= TAIL_FRAME_TARGET || loki_streams_add(&o->open, entry, NULL) < 0) {
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
    return !o->first && !o->open.entry_count && !o->dropped_count;
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
