/*
 * JSON lines, or an array of what would be the lines: the client may say which names are the time, the line and the labels; what
 * becomes of them is mapping.h's.
 *
 * A client's requests say the same and have the same names, and may hold one line each: then what is made of the parameters and
 * of the names costs more than the line. So it stays in the receiver until a request says something else.
 */
#include <stdlib.h>

#include "receive/mapping.h"

enum { KEPT_MAX = 128 * 1024 }; /* bytes between two requests */

struct json_lines {
    struct mapping m; /* first: what mapping hands back is this */
    struct json_lines_params params; /* copies, in the arena of m */
    bool   is_ready;                 /* for requests with these */
    struct buf text;                 /* of an answer */
    struct mapping_names stream;
    struct batch_field *extra;
    size_t extra_count;
};

static bool split_extra(struct json_lines *l, bole_slice text)
{
    struct mapping_names pairs;
    if (!mapping_split(&l->m, "extra_fields", text, &pairs))
        return false;
    l->extra_count = pairs.count;
    l->extra = arena_array(&l->m.arena, pairs.count, sizeof *l->extra);
    if (pairs.count && !l->extra)
        return door_no_memory(l->m.d, "extra_fields");
    for (size_t i = 0; i < pairs.count; i++) {
        l->extra[i].key = bole_slice_cut(pairs.at[i], '=', &l->extra[i].value);
        if (l->extra[i].key.len == 0 || l->extra[i].value.len == 0)
            return door_refuse(l->m.d, 400, "extra_fields: \"%.*s\" is not name=value", BOLE_SLICE_ARG(pairs.at[i]));
    }
    return true;
}

/* The fields that the client names are the labels, each by its own name. */
static bool ask_labels(struct json_lines *l)
{
    struct mapping *m = &l->m;
    struct receive_label *labels = arena_array(&m->arena, l->stream.count, sizeof *labels);
    if (!labels)
        return door_no_memory(m->d, "the names of fields");
    for (size_t i = 0; i < l->stream.count; i++) {
        bole_slice name = label_name_clean(l->stream.at[i], &m->arena);
        if (!name.ptr)
            return door_no_memory(m->d, "the names of fields");
        labels[i] = (struct receive_label){name, &l->stream.at[i], 1};
    }
    m->labels = labels;
    m->label_count = l->stream.count;
    m->labels_asked = true;
    return true;
}

static bool read_params(struct json_lines *l)
{
    const struct json_lines_params *p = &l->params;
    static const bole_slice time_names[] = {S("_time")}, line_names[] = {S("_msg")};
    struct mapping *m = &l->m;
    m->time = MAPPING_NAMES(time_names);
    m->line = MAPPING_NAMES(line_names);
    if ((p->time_field.len && !mapping_split(m, "_time_field", p->time_field, &m->time)) ||
        (p->msg_field.len && !mapping_split(m, "_msg_field", p->msg_field, &m->line)) ||
        !mapping_split(m, "_stream_fields", p->stream_fields, &l->stream) ||
        !mapping_split(m, "ignore_fields", p->ignore_fields, &m->ignore) || !split_extra(l, p->extra_fields))
        return false;
    return (l->stream.count == 0 || ask_labels(l)) && mapping_ready(m);
}

static bool same_params(const struct json_lines_params *a, const struct json_lines_params *b)
{
    return bole_slice_eq(a->stream_fields, b->stream_fields) && bole_slice_eq(a->time_field, b->time_field) &&
           bole_slice_eq(a->msg_field, b->msg_field) && bole_slice_eq(a->ignore_fields, b->ignore_fields) &&
           bole_slice_eq(a->extra_fields, b->extra_fields);
}

static bool copy_params(struct json_lines *l, const struct json_lines_params *p)
{
    struct arena *arena = &l->m.arena;
    l->params = (struct json_lines_params){arena_copy(arena, p->stream_fields), arena_copy(arena, p->time_field),
                                           arena_copy(arena, p->msg_field), arena_copy(arena, p->ignore_fields),
                                           arena_copy(arena, p->extra_fields)};
    return same_params(&l->params, p) || door_no_memory(l->m.d, "parameters");
}

static void forget(struct json_lines *l)
{
    l->is_ready = false;
    mapping_deinit(&l->m);
}

/* The receiver's, for a request with these parameters. NULL: the request is over. */
static struct json_lines *lines_for(struct door *d, const struct json_lines_params *params)
{
    struct json_lines *l = d->r->lines;
    if (!l && !(l = d->r->lines = calloc(1, sizeof *l))) {
        door_no_memory(d, "the names of fields");
        return NULL;
    }
    if (l->is_ready && same_params(&l->params, params)) {
        mapping_resume(&l->m, d);
        return l;
    }
    forget(l);
    mapping_init(&l->m, d, "line");
    l->stream = (struct mapping_names){0};
    l->extra_count = 0;
    l->is_ready = copy_params(l, params) && read_params(l);
    return l->is_ready ? l : NULL;
}

void json_lines_destroy(struct json_lines *l)
{
    if (!l)
        return;
    forget(l);
    buf_deinit(&l->text);
    free(l);
}

/* They come first: the line's own values of the same names do not count. False: the request is over. */
static bool add_extra_fields(struct json_lines *l)
{
    for (size_t i = 0; i < l->extra_count; i++)
        if (!mapping_add(&l->m, l->extra[i].key, l->extra[i].value))
            return false;
    return true;
}

static bool read_line(struct mapping *m, bole_slice text)
{
    struct json_lines *l = (struct json_lines *)m;
    if (*m->j.next >= m->j.limit)
        return true; /* a blank line */
    mapping_begin(m);
    if (add_extra_fields(l) && mapping_object(m) && json_finish(&m->j))
        return mapping_store(m, bole_slice_trim(text), 0);
    if (m->d->over)
        return false;
    if (m->j.no_memory)
        return door_no_memory(m->d, "a string");
    door_reject(m->d, RECEIVE_MALFORMED, 1, "line %llu: invalid JSON at byte %zu: %s", (unsigned long long)m->number,
                (size_t)(m->j.text + m->j.error_at - text.ptr), m->j.error ? m->j.error : "expecting an object");
    return true;
}

static bool broken_line(struct mapping *m, bole_slice text, enum receive_reason reason, const char *why)
{
    (void)text;
    door_reject(m->d, reason, 1, reason == RECEIVE_MALFORMED ? "line %llu: invalid JSON: %s" : "line %llu: %s",
                (unsigned long long)m->number, why);
    return true;
}

/* Many senders call an array of objects JSON over HTTP: Logstash's json_batch, Fluent Bit's json, Vector's default. */
static bool is_array(bole_slice body)
{
    body = bole_slice_trim(body);
    return body.len && body.ptr[0] == '[' && body.ptr[body.len - 1] == ']';
}

static bool take_element(struct mapping *m)
{
    const uint32_t *from = mapping_token(m);
    mapping_begin(m);
    return add_extra_fields((struct json_lines *)m) && mapping_object(m) && mapping_store(m, mapping_taken(m, from), 0);
}

static bool read_body(struct json_lines *l, bole_slice body)
{
    static const struct mapping_lines to = {read_line, broken_line};
    bool array = is_array(body);
    l->m.unit = array ? "element" : "line";
    return array ? mapping_each_value(&l->m, body, true, take_element) : mapping_each_line(&l->m, body, &to);
}

static void answer(struct json_lines *l)
{
    struct door *d = l->m.d;
    struct receive_result *result = d->result;
    struct buf *text = &l->text;
    buf_reset(text);
    buf_put_str(text, "{\"accepted\":"); /* printf would cost as much as reading a line */
    buf_put_uint(text, result->accepted);
    buf_put_str(text, ",\"rejected\":");
    buf_put_uint(text, result->rejected);
    for (size_t i = 0; i < result->error_count; i++) {
        buf_put_str(text, i ? "," : ",\"errors\":[");
        buf_put_json(text, result->errors[i].text, false);
    }
    buf_put_str(text, result->error_count ? "]}" : "}");
    result->body = arena_copy(d->in->arena, buf_slice(text));
    result->content_type = "application/json";
    result->status = result->rejected && !result->accepted ? 400 : 200;
}

void receive_json_lines(struct receiver *r, const struct receive_input *in, const struct json_lines_params *params,
                        struct receive_result *ret_result)
{
    struct door d = door_open(r, in, ret_result);
    d.name = "jsonline";
    struct json_lines *l = door_begin(&d, in->body.len) ? lines_for(&d, params) : NULL;
    if (l && read_body(l, in->body))
        answer(l);
    if (r->lines && (d.over || mapping_size(&r->lines->m) > KEPT_MAX))
        forget(r->lines);
    door_close(&d);
}
