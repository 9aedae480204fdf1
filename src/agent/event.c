/*
 * The window is walked line by line. Of each stream at most one record is open; a finished one is handed out at once, so the
 * streams do not wait for each other. The tail's offset is where the first of them is not done; of the stream that is ahead of
 * it the lines up to offset + ahead are done with, and are passed over when they are read again. Lines are slices of the window;
 * only a record whose lines do not stand together as they are (a runtime's wrapping between them, or another stream) is copied,
 * once, when it is handed out.
 */
#include "agent/event.h"

#include <assert.h>

#include "agent/container.h"

struct event {
    size_t   start, end;      /* in the window; behind the line end of its last line */
    size_t   maybe_start, maybe_end; /* a line that may belong to it; end 0: none */
    size_t   text_bytes;      /* of its lines, as they stand in the window */
    unsigned lines;           /* 0: none is open */
    enum container_stream stream;
    bool     is_partial;      /* its last line goes on */
    struct multiline_state state;
};

struct window {
    struct tail *t;
    struct tail_turn *turn;
    bole_slice data;
    size_t unit;
    struct event open[CONTAINER_STREAMS];
    size_t had[CONTAINER_STREAMS];   /* lines of the stream that begin before were done with earlier, */
    size_t done[CONTAINER_STREAMS];  /* and are now */
    size_t at;                       /* of the next line */
    bool   stopped;                  /* no more is taken now */
};

uint64_t event_due_ns(const struct tail *t)
{
    return t->event_ns + (t->multiline ? t->multiline->flush_ns : EVENT_PARTIAL_NS);
}

/* ---- lines ---- */

struct event_line {
    size_t start, next;         /* next: behind the line end */
    struct container_line line; /* of text, as it stands in the window */
    bole_slice text;            /* where there are patterns: as they see it */
};

static bole_slice text_of(const struct tail *t, const struct container_line *l, struct arena *arena)
{
    return t->labels->is_container ? container_text(l, arena) : tail_text(t, l->text, arena);
}

static bool read_line(const struct window *w, size_t start, struct event_line *ret_line)
{
    bole_slice rest = bole_slice_sub(w->data, start);
    const uint8_t *end = tail_line_end(w->t, rest);
    if (!end)
        return false;
    bole_slice raw = {rest.ptr, (size_t)(end - rest.ptr)};
    *ret_line = (struct event_line){.start = start, .next = start + raw.len + w->unit, .line = {.text = raw}};
    if (w->t->labels->is_container)
        container_line(raw, &ret_line->line);
    ret_line->text = w->t->multiline ? text_of(w->t, &ret_line->line, w->turn->arena) : ret_line->line.text;
    return true;
}

struct tail_line event_unwrap(const struct tail *t, bole_slice line, struct arena *arena)
{
    struct container_line l = {.text = line};
    if (t->labels->is_container)
        container_line(line, &l);
    return (struct tail_line){.text = text_of(t, &l, arena), .time_ns = l.time_ns, .stream = l.stream};
}

/* ---- records are handed out ---- */

/* The lines of the record, one behind the other; ptr NULL: no memory. */
static bole_slice join(const struct window *w, const struct event *e)
{
    size_t room = e->text_bytes + e->lines;
    uint8_t *out = arena_bytes(w->turn->arena, room);
    struct event_line l;
    size_t used = 0;
    bool goes_on = true;
    for (size_t at = e->start; out && at < e->end && read_line(w, at, &l); at = l.next) {
        if (l.line.stream != e->stream)
            continue;
        bole_slice text = w->t->multiline ? l.text : text_of(w->t, &l.line, w->turn->arena);
        if (!text.ptr)
            return text;
        if (!goes_on)
            out[used++] = '\n';
        assert(used + text.len <= room);
        if (text.len)
            memcpy(out + used, text.ptr, text.len);
        used += text.len;
        goes_on = l.line.partial;
    }
    return (bole_slice){out, used};
}

static bool hand_line(struct window *w, struct tail_line line)
{
    struct tail_counts *count = &w->t->count;
    size_t len = line.text.len;
    line.text.len = len < RECORD_LINE_MAX ? len : RECORD_LINE_MAX;
    if (!line.text.ptr || !w->turn->take(w->t, &line, w->turn->ctx)) {
        w->stopped = true;
        return false;
    }
    count->lines++;
    count->bytes += line.text.len;
    count->cut_lines += line.text.len < len;
    count->skipped_bytes += len - line.text.len;
    return true;
}

/* Closes the record, and what may have belonged to it stands by itself, open. False: it stays as it is. */
static bool hand_out(struct window *w, struct event *e, bool is_split)
{
    const struct tail *t = w->t;
    struct event_line first;
    bool known = read_line(w, e->start, &first);
    assert(known);
    struct tail_line line = {.time_ns = first.line.time_ns, .stream = e->stream};
    if (e->lines == 1)
        line.text = text_of(t, &first.line, w->turn->arena);
    else if (t->labels->is_container || t->encoding != SOURCE_BYTES)
        line.text = join(w, e);
    else
        line.text = (bole_slice){w->data.ptr + e->start, e->end - e->start - w->unit};
    if (!hand_line(w, line))
        return false;
    w->t->count.split_lines += is_split;
    w->done[e->stream] = e->end;
    e->lines = 0;
    return true;
}

/* ---- records are put together ---- */

static void begin(struct window *w, const struct event_line *l)
{
    struct event *e = &w->open[l->line.stream];
    *e = (struct event){.start = l->start, .end = l->next, .text_bytes = l->text.len, .lines = 1, .stream = l->line.stream,
                        .is_partial = l->line.partial};
    if (w->t->multiline)
        multiline_begin(w->t->multiline, &e->state, l->text);
}

/* Hands out the record; a line that may have belonged to it is the next one, open. */
static bool part(struct window *w, struct event *e, bool is_split)
{
    struct event_line maybe;
    bool has_maybe = e->maybe_end && read_line(w, e->maybe_start, &maybe);
    if (!hand_out(w, e, is_split))
        return false;
    if (has_maybe)
        begin(w, &maybe);
    return true;
}

static void append(struct event *e, const struct event_line *l)
{
    e->end = l->next;
    e->text_bytes += l->text.len;
    e->lines++;
    e->is_partial = l->line.partial;
}

static bool is_over_limit(const struct window *w, const struct event *e, const struct event_line *l)
{
    const struct multiline_rule *rule = w->t->multiline;
    size_t most = e->is_partial || !rule ? RECORD_LINE_MAX : rule->max_bytes;
    return e->text_bytes + l->text.len > most || (!e->is_partial && rule && e->lines >= rule->max_lines);
}

static enum trace_verdict judge(struct window *w, struct event *e, const struct event_line *l)
{
    if (e->is_partial)
        return TRACE_JOIN;
    return w->t->multiline ? multiline_next(w->t->multiline, &e->state, l->text) : TRACE_NEW;
}

/* The line belongs to the open record of its stream, or that is handed out. False: neither, the line is not taken now. */
static bool join_line(struct window *w, struct event *e, const struct event_line *l)
{
    enum trace_verdict verdict = judge(w, e, l);
    if (verdict == TRACE_NEW && e->maybe_end) {
        if (!part(w, e, false))
            return false;
        verdict = judge(w, e, l);
    }
    if (verdict == TRACE_NEW || is_over_limit(w, e, l)) {
        while (e->lines)
            if (!part(w, e, verdict != TRACE_NEW))
                return false;
        return true;
    }
    if (verdict == TRACE_MAYBE && !l->line.partial) {
        e->maybe_start = l->start;
        e->maybe_end = l->next;
        return true;
    }
    struct event_line maybe;
    if (e->maybe_end && read_line(w, e->maybe_start, &maybe))
        append(e, &maybe);
    e->maybe_end = 0;
    append(e, l);
    return true;
}

static bool add_line(struct window *w, const struct event_line *l)
{
    struct event *e = &w->open[l->line.stream];
    if (l->start < w->done[l->line.stream])
        return true;
    if (e->lines) {
        if (!join_line(w, e, l))
            return false;
        if (e->lines && (e->end == l->next || e->maybe_end == l->next)) {
            if (!w->t->multiline && !e->is_partial)
                hand_out(w, e, false); /* else it stays open, and is tried again */
            return !w->stopped;
        }
    }
    if (w->t->multiline || l->line.partial) {
        begin(w, l);
        return true;
    }
    struct tail_line line = {
        .text = container_text(&l->line, w->turn->arena), .time_ns = l->line.time_ns, .stream = l->line.stream};
    if (!hand_line(w, line))
        return false;
    w->done[l->line.stream] = l->next;
    return true;
}

/* ---- the window ---- */

/* The rest of a line that was cut; all of it, when it does not end here. */
static void skip_cut_line(struct window *w)
{
    const uint8_t *end = tail_line_end(w->t, w->data);
    size_t len = end ? (size_t)(end - w->data.ptr) : w->data.len;
    w->t->count.skipped_bytes += len;
    w->t->in_cut_line = end == NULL;
    w->at = len + (end ? w->unit : 0);
}

static void take_complete(struct window *w)
{
    struct event_line l;
    if (w->at == 0 && tail_is_inside_line(w->t) && read_line(w, 0, &l) && l.next == w->unit)
        w->at = l.next; /* the end of a line that was taken without it */
    while (read_line(w, w->at, &l) && add_line(w, &l))
        w->at = l.next;
}

/* The open record that begins first; NULL: none. */
static struct event *oldest(struct window *w)
{
    struct event *found = NULL;
    for (struct event *e = w->open; e < w->open + CONTAINER_STREAMS; e++)
        if (e->lines && (!found || e->start < found->start))
            found = e;
    return found;
}

static size_t extent(const struct event *e)
{
    return (e->maybe_end ? e->maybe_end : e->end) - e->start;
}

/* What waits is handed out when a line that is taken without its end stands behind it, when the oldest has waited long enough,
 * or when there is no room to wait for its end. */
static void finish_due(struct window *w, bool is_over, bool full)
{
    struct tail *t = w->t;
    struct event *e;
    while (!w->stopped && (e = oldest(w))) {
        bool is_old = !full && e->start == 0 && extent(e) == t->event_bytes && w->turn->now_ns >= event_due_ns(t);
        bool no_room = full && e->start == 0 && w->turn->room >= TAIL_ROOM_MAX && memcmp(w->done, w->had, sizeof w->had) == 0;
        if (!is_over && !is_old && !no_room)
            break;
        part(w, e, no_room || e->is_partial);
    }
}

/* Where the tail stands: returns how many bytes are done with. */
static size_t settle(struct window *w, bool full)
{
    struct tail *t = w->t;
    const struct event *e = oldest(w);
    size_t least = SIZE_MAX, most = 0, waiting = e ? extent(e) : 0;
    for (unsigned s = 0; s < CONTAINER_STREAMS; s++) {
        size_t done = w->open[s].lines ? w->open[s].start : w->done[s] > w->at ? w->done[s] : w->at;
        if (w->done[s] > w->turn->used && w->done[s] > w->had[s])
            w->turn->used = w->done[s];
        least = done < least ? done : least;
        if (done >= most) {
            most = done;
            t->ahead_stream = (uint8_t)s;
        }
    }
    t->ahead = (uint32_t)(most - least);
    if (full && least == 0 && w->turn->room < TAIL_ROOM_MAX && w->turn->used == 0)
        return 0; /* it is looked at again with more room */
    if (least || waiting != t->event_bytes)
        t->event_ns = w->turn->now_ns;
    t->event_bytes = waiting;
    return least;
}

size_t event_take(struct tail *t, struct tail_turn *turn, bole_slice data, bool full)
{
    struct window w = {.t = t, .turn = turn, .data = data, .unit = tail_unit_size(t)};
    w.had[t->ahead_stream] = w.done[t->ahead_stream] = t->ahead;
    if (t->in_cut_line)
        skip_cut_line(&w);
    take_complete(&w);
    bole_slice rest = bole_slice_sub(data, w.at);
    bool is_over = rest.len > RECORD_LINE_MAX || (turn->flush && !full && rest.len > 0);
    finish_due(&w, is_over, full);
    if (!w.stopped && !oldest(&w))
        w.at += tail_take_rest(t, turn, rest, !full);
    turn->more |= w.stopped;
    return settle(&w, full);
}
