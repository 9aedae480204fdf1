/*
 * JSON lines: the client may say which names are the time, the line and the labels; what becomes of them is mapping.h's.
 */
#include "base/unset.h"
#include "receive/mapping.h"

struct lines {
    struct mapping m; /* first: what mapping hands back is this */
    struct mapping_names stream;
    struct batch_field *extra;
    size_t extra_count;
};

static bool split_extra(struct lines *l, bole_slice text)
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
static bool ask_labels(struct lines *l)
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

static bool read_params(struct lines *l, const struct json_lines_params *p)
{
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

/* They come first: the line's own values of the same names do not count. False: the request is over. */
static bool add_extra_fields(struct lines *l)
{
    for (size_t i = 0; i < l->extra_count; i++)
        if (!mapping_add(&l->m, l->extra[i].key, l->extra[i].value))
            return false;
    return true;
}

static bool read_line(struct mapping *m, bole_slice text)
{
    struct lines *l = (struct lines *)m;
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

static void answer(struct door *d)
{
    struct receive_result *result = d->result;
    struct buf text;
    buf_init(&text, NULL);
    buf_put_str(&text, "{\"accepted\":"); /* printf would cost as much as reading a line */
    buf_put_uint(&text, result->accepted);
    buf_put_str(&text, ",\"rejected\":");
    buf_put_uint(&text, result->rejected);
    for (size_t i = 0; i < result->error_count; i++) {
        buf_put_str(&text, i ? "," : ",\"errors\":[");
        buf_put_json(&text, result->errors[i].text, false);
    }
    buf_put_str(&text, result->error_count ? "]}" : "}");
    result->body = arena_copy(d->in->arena, buf_slice(&text));
    result->content_type = "application/json";
    result->status = result->rejected && !result->accepted ? 400 : 200;
    buf_deinit(&text);
}

void receive_json_lines(struct receiver *r, const struct receive_input *in, const struct json_lines_params *params,
                        struct receive_result *ret_result)
{
    static const struct mapping_lines to = {read_line, broken_line};
    struct door d = door_open(r, in, ret_result);
    d.name = "jsonline";
    UNSET struct lines l;
    l.stream = (struct mapping_names){0};
    l.extra_count = 0;
    mapping_init(&l.m, &d, "line");
    if (door_begin(&d, in->body.len) && read_params(&l, params) && mapping_each_line(&l.m, in->body, &to))
        answer(&d);
    mapping_deinit(&l.m);
    door_close(&d);
}
