/*
 * Elasticsearch's _bulk: an action on one line, its document on the next, an answer for each in the order of the
 * request. An action that cannot be read costs the request, as there, because where documents and actions stand is not
 * known behind it; a document that cannot be read costs only itself.
 */
#include <stdio.h>

#include "base/utf8.h"
#include "receive/mapping.h"

enum { INDEX_NAME_MAX = 255 }; /* bytes, as in Elasticsearch */

enum action { ACTION_NONE, ACTION_CREATE, ACTION_INDEX, ACTION_UPDATE, ACTION_DELETE };

static const struct {
    bole_slice  name;
    enum action action;
} actions[] = {
    {S("create"), ACTION_CREATE}, {S("index"), ACTION_INDEX}, {S("update"), ACTION_UPDATE}, {S("delete"), ACTION_DELETE}};

struct bulk {
    struct mapping m; /* first: what mapping hands back is this */
    size_t      index_label;
    bole_slice  default_index;
    struct buf  items;
    uint64_t    item_count;
    bool        errors;
    /* The action whose document comes next. */
    enum action action;
    bole_slice  action_name, index, id; /* id.ptr NULL: not given */
};

static const bole_slice time_names[] = {S("@timestamp"), S("timestamp"), S("time"), S("_time"), S("ts")};
static const bole_slice line_names[] = {S("message"), S("log"),  S("msg"),           S("_msg"),
                                        S("MESSAGE"), S("body"), S("event.original")};

/* ---- answers ---- */

static const char *error_type(enum receive_reason reason)
{
    switch (reason) {
    case RECEIVE_MALFORMED:
    case RECEIVE_BAD_TIMESTAMP: return "mapper_parsing_exception";
    default: return "illegal_argument_exception";
    }
}

static void open_item(struct bulk *b)
{
    struct buf *out = &b->items;
    buf_put_str(out, b->item_count++ ? ",{\"" : "{\"");
    buf_put(out, b->action_name);
    buf_put(out, S("\":{\"_index\":"));
    buf_put_json(out, b->index, false);
    if (b->id.ptr) {
        buf_put(out, S(",\"_id\":"));
        buf_put_json(out, b->id, false);
    }
}

/* False: the request is over. */
static bool close_item(struct bulk *b)
{
    b->action = ACTION_NONE;
    return !b->items.failed || door_no_memory(b->m.d, "the answer");
}

static bool item_created(struct bulk *b)
{
    open_item(b);
    buf_put(&b->items, S(",\"_version\":1,\"result\":\"created\",\"status\":201}}"));
    return close_item(b);
}

/* The record that was just rejected. */
static bool item_refused(struct bulk *b)
{
    const struct door *d = b->m.d;
    open_item(b);
    bool later = d->reject_reason == RECEIVE_RATE; /* a client sends what is 429 again, and nothing else */
    buf_printf(&b->items, ",\"status\":%u,\"error\":{\"type\":\"%s\",\"reason\":", later ? 429 : 400,
               later ? "es_rejected_execution_exception" : error_type(d->reject_reason));
    buf_put_json(&b->items, d->reject_text.ptr ? d->reject_text : S("refused"), false);
    buf_put(&b->items, S("}}}"));
    b->errors = true;
    return close_item(b);
}

/* ---- the action ---- */

static bool malformed_action(struct bulk *b, const char *why)
{
    return door_refuse(b->m.d, 400, "Malformed action/metadata line [%llu]: %s", (unsigned long long)b->m.number, why);
}

/* A member's value as text when it is a string or a number (an _id may be one). */
static bool read_name(struct json *j, struct arena *scratch, bole_slice *ret_text)
{
    bole_slice raw;
    uint8_t c = json_peek(j);
    if (c == '"') {
        if (!json_string(j, &raw))
            return false;
        *ret_text = json_text(j, raw, scratch);
        return ret_text->ptr != NULL;
    }
    if (c == '{' || c == '[')
        return json_fail(j, "expecting a string");
    if (!json_scalar(j, &raw))
        return false;
    if (raw.ptr[0] != 'n')
        *ret_text = raw;
    return true;
}

static bool read_action_members(struct bulk *b)
{
    struct json *j = &b->m.j;
    bole_slice key;
    if (!json_open(j, '{'))
        return false;
    for (bool first = true; json_member(j, &first, &key);) {
        bool good = bole_slice_eq(key, S("_index")) ? read_name(j, &b->m.d->r->scratch, &b->index)
                  : bole_slice_eq(key, S("_id"))    ? read_name(j, &b->m.d->r->scratch, &b->id)
                                                    : json_skip(j, NULL);
        if (!good)
            return false;
    }
    return !j->error;
}

static bool read_action(struct bulk *b)
{
    struct json *j = &b->m.j;
    bool first = true;
    bole_slice name;
    b->index = b->default_index;
    b->id = (bole_slice){0};
    if (!json_open(j, '{') || !json_member(j, &first, &name))
        return json_fail(j, "expecting an action");
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        if (bole_slice_eq(name, actions[i].name)) {
            b->action = actions[i].action;
            b->action_name = actions[i].name;
        }
    if (b->action == ACTION_NONE)
        return json_fail(j, "expecting create, index, update or delete");
    if (!read_action_members(b))
        return false;
    /* Some libraries keep notes of their own beside the action. */
    while (json_member(j, &first, &name))
        if (!json_skip(j, NULL))
            return false;
    return json_finish(j);
}

/* What only a store of documents can do. */
static bool refuse_action(struct bulk *b)
{
    struct door *d = b->m.d;
    door_reject(d, RECEIVE_BAD_ENTRY, 1, "[%.*s] is not supported: logs are appended, never changed",
                BOLE_SLICE_ARG(b->action_name));
    return item_refused(b);
}

static bool take_action(struct bulk *b)
{
    mapping_begin(&b->m);
    if (!read_action(b)) {
        b->action = ACTION_NONE;
        return b->m.j.no_memory ? door_no_memory(b->m.d, "a string") : malformed_action(b, b->m.j.error);
    }
    return b->action != ACTION_DELETE || refuse_action(b);
}

/* ---- the document ---- */

/* A place in the line reads better than one in a chunk of lines. */
static void reject_source(struct bulk *b, bole_slice text)
{
    const struct json *j = &b->m.j;
    door_reject(b->m.d, RECEIVE_MALFORMED, 1, "failed to parse: line %llu: invalid JSON at byte %zu: %s",
                (unsigned long long)b->m.number, (size_t)(j->text + j->error_at - text.ptr), j->error);
}

static bool take_source(struct bulk *b, bole_slice text)
{
    struct mapping *m = &b->m;
    struct door *d = m->d;
    if (b->action == ACTION_UPDATE)
        return refuse_action(b);
    uint64_t rejected = d->result->rejected;
    if (b->index.len)
        mapping_set_label(m, b->index_label, b->index);
    if (b->id.ptr && !mapping_add(m, S("_id"), b->id))
        return false;
    if (mapping_object(m) && json_finish(&m->j)) {
        if (!mapping_store(m, bole_slice_trim(text), 0))
            return false;
    } else if (d->over) {
        return false;
    } else if (m->j.no_memory) {
        return door_no_memory(d, "a string");
    } else {
        reject_source(b, text);
    }
    return d->result->rejected > rejected ? item_refused(b) : item_created(b);
}

static bool read_line(struct mapping *m, bole_slice text)
{
    struct bulk *b = (struct bulk *)m;
    if (b->action != ACTION_NONE)
        return take_source(b, text);
    return *m->j.next >= m->j.limit || take_action(b); /* blank lines between actions are nothing */
}

static bool broken_line(struct mapping *m, bole_slice text, enum receive_reason reason, const char *why)
{
    struct bulk *b = (struct bulk *)m;
    (void)text;
    if (b->action == ACTION_NONE)
        return malformed_action(b, why);
    if (b->action == ACTION_UPDATE)
        return refuse_action(b);
    door_reject(m->d, reason, 1, "failed to parse: line %llu: %s", (unsigned long long)m->number, why);
    return item_refused(b);
}

/* ---- the request ---- */

/* The configured labels and one more: the name of the index, or data stream. */
static bool make_labels(struct bulk *b)
{
    struct mapping *m = &b->m;
    struct receive_label *labels = arena_array(&m->arena, m->label_count + 1, sizeof *labels);
    if (!labels)
        return door_no_memory(m->d, "stream labels");
    memcpy(labels, m->labels, m->label_count * sizeof *labels);
    b->index_label = m->label_count;
    labels[m->label_count++] = (struct receive_label){S("index"), NULL, 0};
    m->labels = labels;
    m->time = MAPPING_NAMES(time_names);
    m->line = MAPPING_NAMES(line_names);
    return mapping_ready(m);
}

static bool check_index(struct door *d, bole_slice index)
{
    if (index.len > INDEX_NAME_MAX)
        return door_refuse(d, 400, "Invalid index name: it is too long, (%zu > %d)", index.len, INDEX_NAME_MAX);
    return utf8_valid(index) || door_refuse(d, 400, "Invalid index name: it is not UTF-8");
}

static bool read_bulk(struct bulk *b, bole_slice body)
{
    static const struct mapping_lines to = {read_line, broken_line};
    struct mapping *m = &b->m;
    if (!mapping_each_line(m, body, &to))
        return false;
    if (b->action != ACTION_NONE) { /* the last action has no document */
        m->number++;
        return broken_line(m, body, RECEIVE_MALFORMED, "the request ends in front of the document");
    }
    return b->item_count > 0 || door_refuse(m->d, 400, "request body is required");
}

static bool answer_bulk(struct bulk *b)
{
    struct door *d = b->m.d;
    long long took_ms = (clock_now_ns(d->r->options.clock) - d->now_ns) / NS_PER_MS;
    char head[64];
    int head_len = snprintf(head, sizeof head, "{\"errors\":%s,\"took\":%lld,\"items\":[", b->errors ? "true" : "false",
                            took_ms < 0 ? 0 : took_ms);
    size_t len = (size_t)head_len + b->items.len + 2;
    uint8_t *body = arena_bytes(d->in->arena, len);
    if (!body)
        return door_no_memory(d, "the answer");
    memcpy(body, head, (size_t)head_len);
    memcpy(body + head_len, b->items.ptr, b->items.len);
    memcpy(body + len - 2, "]}", 2);
    d->result->status = 200;
    d->result->content_type = "application/json";
    d->result->body = bole_slice_from(body, len);
    return true;
}

bole_slice receive_elastic_error(struct arena *arena, unsigned status, const char *type, bole_slice reason)
{
    struct buf out;
    buf_init(&out, NULL);
    buf_printf(&out, "{\"error\":{\"root_cause\":[{\"type\":\"%s\",\"reason\":", type);
    buf_put_json(&out, reason, false);
    buf_printf(&out, "}],\"type\":\"%s\",\"reason\":", type);
    buf_put_json(&out, reason, false);
    buf_printf(&out, "},\"status\":%u}", status);
    bole_slice body = arena_copy(arena, buf_slice(&out));
    buf_deinit(&out);
    return body.ptr ? body : S("{}");
}

/* The door's plain text becomes what a client of Elasticsearch reads. */
static void shape_error(struct receive_result *result, struct arena *arena)
{
    const char *type = result->status == 429 || result->status == 503 ? "es_rejected_execution_exception"
                     : result->status == 413                          ? "content_too_long_exception"
                                                                      : "illegal_argument_exception";
    result->body = receive_elastic_error(arena, result->status, type, result->body);
    result->content_type = "application/json";
}

/* ---- one document ---- */

static bool answer_doc(struct bulk *b)
{
    struct door *d = b->m.d;
    struct receive_result *result = d->result;
    if (b->errors) {
        result->status = 400;
        result->body = receive_elastic_error(d->in->arena, 400, error_type(d->reject_reason), result->errors[0].text);
    } else {
        struct buf out;
        buf_init(&out, NULL);
        buf_put_str(&out, "{\"_index\":");
        buf_put_json(&out, b->index, false);
        if (b->id.ptr) {
            buf_put_str(&out, ",\"_id\":");
            buf_put_json(&out, b->id, false);
        }
        buf_put_str(&out, ",\"_version\":1,\"result\":\"created\"}");
        result->status = 201;
        result->body = arena_copy(d->in->arena, buf_slice(&out));
        buf_deinit(&out);
        if (!result->body.ptr)
            return door_no_memory(d, "the answer");
    }
    result->content_type = "application/json";
    return true;
}

/* A document may be spread over lines: it is indexed as one. */
static bool read_doc(struct bulk *b, bole_slice body)
{
    struct mapping *m = &b->m;
    struct json_positions positions;
    struct bole_err why;
    b->action = ACTION_INDEX;
    b->action_name = S("index");
    b->index = b->default_index;
    m->number = 1;
    mapping_begin(m);
    if (bole_slice_trim(body).len == 0)
        return door_refuse(m->d, 400, "request body is required");
    if (!door_index(m->d, body, &positions, &why))
        return false;
    if (why.msg[0])
        return broken_line(m, body, RECEIVE_MALFORMED, why.msg);
    m->j = json_of(body, &positions);
    mapping_document(m, body);
    return take_source(b, body);
}

/* ---- both ---- */

static void take(struct receiver *r, const struct receive_input *in, struct bulk *b,
                 bool (*read)(struct bulk *b, bole_slice body), bool (*answer)(struct bulk *b), struct receive_result *ret_result)
{
    struct door d = door_open(r, in, ret_result);
    d.name = "elasticsearch";
    mapping_init(&b->m, &d, "line");
    buf_init(&b->items, r->options.budget);
    if (check_index(&d, b->default_index) && door_begin(&d, in->body.len) && make_labels(b) && read(b, in->body))
        answer(b);
    mapping_deinit(&b->m);
    buf_deinit(&b->items);
    if (d.over)
        shape_error(ret_result, in->arena);
    door_close(&d);
}

void receive_elastic_bulk(struct receiver *r, const struct receive_input *in, bole_slice index,
                          struct receive_result *ret_result)
{
    struct bulk b = {.default_index = index};
    take(r, in, &b, read_bulk, answer_bulk, ret_result);
}

void receive_elastic_doc(struct receiver *r, const struct receive_input *in, bole_slice index, bole_slice id,
                         struct receive_result *ret_result)
{
    struct bulk b = {.default_index = index, .id = id};
    take(r, in, &b, read_doc, answer_doc, ret_result);
}
