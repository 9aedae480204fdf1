/*
 * Splunk's HTTP event collector: events are JSON objects one behind the other, separators are optional; raw lines.
 *
 * What names an event (host, source, sourcetype, index) may stand behind it in its object, and comes first in the record:
 * so the members are noted, and read when all are known.
 */
#include <stdio.h>
#include <stdlib.h>

#include "receive/mapping.h"

/* Splunk's codes ("Format events for HTTP Event Collector", possible error codes). */
enum code {
    CODE_SUCCESS = 0,
    CODE_NO_DATA = 5,
    CODE_INVALID = 6,
    CODE_INTERNAL = 8,
    CODE_BUSY = 9,
    CODE_NO_EVENT = 12,
    CODE_BLANK_EVENT = 13
};

struct collector {
    struct mapping m; /* first: what mapping hands back is this */
    bool       any_bad;
    uint64_t   first_bad; /* from 0 */
    enum code  code;      /* of it */
};

static const bole_slice time_names[] = {S("time"), S("timestamp"), S("@timestamp")};
static const bole_slice line_names[] = {S("message"), S("msg"), S("log"), S("line"), S("MESSAGE")};
static const bole_slice meta_names[] = {S("time"), S("host"), S("source"), S("sourcetype"), S("index")};
enum { META_COUNT = sizeof meta_names / sizeof *meta_names };

static void note_bad(struct collector *c, enum code code)
{
    if (c->any_bad)
        return;
    c->any_bad = true;
    c->first_bad = c->m.number - 1;
    c->code = code;
}

static bool refuse_event(struct collector *c, enum code code, const char *why)
{
    door_reject(c->m.d, RECEIVE_BAD_ENTRY, 1, "event %llu: %s", (unsigned long long)c->m.number, why);
    note_bad(c, code);
    return true;
}

static bool store(struct collector *c, bole_slice line)
{
    uint64_t rejected = c->m.d->result->rejected;
    if (!mapping_store(&c->m, line, 0))
        return false;
    if (c->m.d->result->rejected > rejected)
        note_bad(c, CODE_INVALID);
    return true;
}

/* ---- one event ---- */

struct event {
    bole_slice  meta[META_COUNT];
    struct json event, fields; /* cursors on the values; text NULL: not there */
};

static bool note_member(struct mapping *m, struct event *e, bole_slice name)
{
    struct json *j = &m->j;
    for (size_t i = 0; i < META_COUNT; i++)
        if (bole_slice_eq(name, meta_names[i]))
            return mapping_text(m, &e->meta[i]);
    if (bole_slice_eq(name, S("event")) && json_peek(j) != 'n')
        e->event = *j;
    else if (bole_slice_eq(name, S("fields")) && json_peek(j) == '{')
        e->fields = *j;
    else
        return mapping_member(m, name);
    return json_skip(j, NULL);
}

/* Reads an object whose cursor was kept; its text is *ret_text. */
static bool read_kept(struct mapping *m, const struct json *kept, bole_slice *ret_text)
{
    struct json after = m->j;
    m->j = *kept;
    const uint32_t *from = mapping_token(m);
    bool good = json_peek(&m->j) == '{' ? mapping_object(m) : mapping_text(m, ret_text);
    if (!good)
        return false;
    if (m->j.text[*from] == '{')
        *ret_text = mapping_taken(m, from);
    after.replaced |= m->j.replaced;
    m->j = after;
    return true;
}

static bool take_event(struct mapping *m)
{
    struct collector *c = (struct collector *)m;
    struct event e = {0};
    bole_slice name, line = {0}, ignored;
    mapping_begin(m);
    if (!json_open(&m->j, '{'))
        return false;
    for (bool first = true; json_member(&m->j, &first, &name);)
        if (!note_member(m, &e, name))
            return false;
    if (m->j.error)
        return false;
    if (!e.event.text)
        return refuse_event(c, CODE_NO_EVENT, "there is no event");
    for (size_t i = 0; i < META_COUNT; i++)
        if (e.meta[i].len && !mapping_add(m, meta_names[i], e.meta[i]))
            return false;
    if (!read_kept(m, &e.event, &line) || (e.fields.text && !read_kept(m, &e.fields, &ignored)))
        return false;
    if (line.len == 0)
        return refuse_event(c, CODE_BLANK_EVENT, "the event is blank");
    return store(c, line);
}

/* ---- raw lines ---- */

static bool take_lines(struct collector *c, bole_slice body, const struct splunk_params *p)
{
    const bole_slice values[] = {{0}, p->host, p->source, p->sourcetype, p->index};
    struct mapping *m = &c->m;
    while (body.len) {
        bole_slice line = bole_slice_cut(body, '\n', &body);
        if (line.len && line.ptr[line.len - 1] == '\r')
            line.len--;
        if (line.len == 0)
            continue;
        m->number++;
        mapping_begin(m);
        for (size_t i = 1; i < META_COUNT; i++)
            if (values[i].len && !mapping_add(m, meta_names[i], values[i]))
                return false;
        if (!store(c, line))
            return false;
    }
    return true;
}

/* ---- the request ---- */

static const char *text_of(enum code code)
{
    switch (code) {
    case CODE_SUCCESS: return "Success";
    case CODE_NO_DATA: return "No data";
    case CODE_INTERNAL: return "Internal server error";
    case CODE_BUSY: return "Server is busy";
    case CODE_NO_EVENT: return "Event field is required";
    case CODE_BLANK_EVENT: return "Event field cannot be blank";
    case CODE_INVALID: break;
    }
    return "Invalid data format";
}

static void reply(struct door *d, unsigned status, enum code code, const char *more)
{
    bole_slice body = arena_printf(d->in->arena, "{\"text\":\"%s\",\"code\":%d%s}", text_of(code), (int)code, more);
    d->result->status = status;
    d->result->content_type = "application/json";
    d->result->body = body.ptr ? body : S("{}");
}

static void answer(struct collector *c, struct door *d, const struct splunk_params *p)
{
    char more[64] = "";
    unsigned status = d->result->status;
    if (d->over) { /* Splunk says busy where others say 429: its clients send again */
        bool later = status == 429 || status == 503;
        bool located = status == 400 && c && c->m.number;
        if (located)
            snprintf(more, sizeof more, ",\"invalid-event-number\":%llu", (unsigned long long)(c->m.number - 1));
        reply(d, later ? 503 : status, later ? CODE_BUSY : status >= 500 ? CODE_INTERNAL : CODE_INVALID, more);
    } else if (c->m.number == 0) {
        reply(d, 400, CODE_NO_DATA, "");
    } else if (c->any_bad) {
        snprintf(more, sizeof more, ",\"invalid-event-number\":%llu", (unsigned long long)c->first_bad);
        reply(d, 400, c->code, more);
    } else {
        if (p->acknowledge)
            snprintf(more, sizeof more, ",\"ackId\":%llu", (unsigned long long)p->ack_id);
        reply(d, 200, CODE_SUCCESS, more);
    }
}

/* The configured labels, and the two that Splunk's users ask by. */
static bool make_labels(struct mapping *m)
{
    static const bole_slice index = S("index"), sourcetype = S("sourcetype");
    struct receive_label *labels = arena_array(&m->arena, m->label_count + 2, sizeof *labels);
    if (!labels)
        return door_no_memory(m->d, "stream labels");
    memcpy(labels, m->labels, m->label_count * sizeof *labels);
    labels[m->label_count++] = (struct receive_label){index, &index, 1};
    labels[m->label_count++] = (struct receive_label){sourcetype, &sourcetype, 1};
    m->labels = labels;
    m->time = MAPPING_NAMES(time_names);
    m->line = MAPPING_NAMES(line_names);
    return mapping_ready(m);
}

void receive_splunk(struct receiver *r, const struct receive_input *in, const struct splunk_params *params,
                    struct receive_result *ret_result)
{
    struct door d = door_open(r, in, ret_result);
    d.name = "splunk";
    struct collector *c = calloc(1, sizeof *c);
    if (!c) {
        door_no_memory(&d, "a request");
        answer(NULL, &d, params);
    } else {
        mapping_init(&c->m, &d, "event");
        if (door_begin(&d, in->body.len) && make_labels(&c->m))
            (void)(params->raw ? take_lines(c, in->body, params) : mapping_each_value(&c->m, in->body, true, take_event));
        answer(c, &d, params);
        mapping_deinit(&c->m);
        free(c);
    }
    door_close(&d);
}
