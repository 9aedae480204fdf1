/*
 * loki_streams.c - see loki_streams.h.
 *
 * A stream's key is the JSON of its labels: that must be written anyway, equal sets have equal text, and its order of
 * bytes is the order in which Loki sorts streams (it compares the printed form, too).
 */
#include "serve/loki_streams.h"

#include "base/err.h"
#include "serve/loki_json.h"

struct entry_text {
    struct entry_text *next;
    bole_slice         json;
};

struct entry_list { /* a stream's entries */
    struct entry_text *first, *last;
};

void loki_streams_init(struct loki_streams *s, struct budget *budget, bool categorize)
{
    *s = (struct loki_streams){.categorize = categorize};
    loki_set_init(&s->streams, budget);
    buf_init(&s->text, budget);
}

void loki_streams_deinit(struct loki_streams *s)
{
    loki_set_deinit(&s->streams);
    buf_deinit(&s->text);
}

void loki_streams_reset(struct loki_streams *s)
{
    loki_set_reset(&s->streams);
    s->entry_count = s->size_bytes = 0;
}

static struct entry_list *find_stream(struct loki_streams *s, const struct query_entry *e)
{
    buf_reset(&s->text);
    loki_put_row_labels(&s->text, e->labels, e->label_count, s->categorize ? 1u << ORIGIN_STREAM : LOKI_ALL_ORIGINS);
    struct loki_set_item *item = s->text.failed ? NULL : loki_set_get(&s->streams, buf_slice(&s->text));
    if (!item)
        return NULL;
    if (!item->data) {
        item->data = arena_zalloc(&s->streams.arena, sizeof(struct entry_list));
        s->size_bytes += s->text.len;
    }
    return item->data;
}

bole_status loki_streams_add(struct loki_streams *s, const struct query_entry *entry, struct bole_err *err)
{
    struct entry_list *list = find_stream(s, entry);
    struct entry_text *e = list ? arena_zalloc(&s->streams.arena, sizeof *e) : NULL;
    buf_reset(&s->text);
    loki_put_entry(&s->text, entry, s->categorize);
    if (e && !s->text.failed)
        e->json = arena_copy(&s->streams.arena, buf_slice(&s->text));
    if (!e || !e->json.ptr)
        return bole_fail(err, BOLE_E_LIMIT, "no memory for more entries");
    if (list->last)
        list->last->next = e;
    else
        list->first = e;
    list->last = e;
    s->entry_count++;
    s->size_bytes += e->json.len;
    return BOLE_OK;
}

bole_status loki_streams_write(struct loki_streams *s, struct buf *out, struct bole_err *err)
{
    struct loki_set_item **items = loki_set_sorted(&s->streams);
    bool first = true;
    buf_put_u8(out, '[');
    for (size_t i = 0; items && i < s->streams.count; i++) {
        const struct entry_list *list = items[i]->data;
        if (!list || !list->first) /* there was no memory for its only entry */
            continue;
        buf_put_str(out, first ? "{\"stream\":" : ",{\"stream\":");
        buf_put(out, items[i]->key);
        buf_put(out, S(",\"values\":["));
        for (const struct entry_text *e = list->first; e; e = e->next) {
            if (e != list->first)
                buf_put_u8(out, ',');
            buf_put(out, e->json);
        }
        buf_put(out, S("]}"));
        first = false;
    }
    buf_put_u8(out, ']');
    return items && !out->failed ? BOLE_OK : bole_fail(err, BOLE_E_LIMIT, "no memory for the frame");
}
