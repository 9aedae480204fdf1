/*
 * JSON lines: the client may say which names are the time, the line and the labels; what becomes of them is mapping.h's.
 */
#include <stdlib.h>

#include "receive/mapping.h"

struct lines {
    struct mapping m; /* first: what mapping hands back is this */
    struct mapping_names stream, extra_names;
    bole_slice extra_values[MAPPING_NAMES_MAX];
};

static bool split_extra(struct lines *l, bole_slice text)
{
    if (!mapping_split(&l->m, "extra_fields", text, &l->extra_names))
        return false;
    for (size_t i = 0; i < l->extra_names.count; i++) {
        bole_slice pair = l->extra_names.at[i];
        bole_slice name = bole_slice_cut(pair, '=', &l->extra_values[i]);
        if (name.len == 0 || l->extra_values[i].len == 0)
            return door_refuse(l->m.d, 400, "extra_fields: \"%.*s\" is not name=value", BOLE_SLICE_ARG(pair));
        l->extra_names.at[i] = name;
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
    struct mapping *m = &l->m;
    if (!mapping_split(m, "_time_field", p->time_field.len ? p->time_field : S("_time"), &m->time) ||
        !mapping_split(m, "_msg_field", p->msg_field.len ? p->msg_field : S("_msg"), &m->line) ||
        !mapping_split(m, "_stream_fields", p->stream_fields, &l->stream) ||
        !mapping_split(m, "ignore_fields", p->ignore_fields, &m->ignore) || !split_extra(l, p->extra_fields))
        return false;
    return (l->stream.count == 0 || ask_labels(l)) && mapping_ready(m);
}

/* They come first: the line's own values of the same names do not count. False: the request is over. */
static bool add_extra_fields(struct lines *l)
{
    for (size_t i = 0; i < l->extra_names.count; i++)
        if (!mapping_add(&l->m, l->extra_names.at[i], l->extra_values[i]))
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
    buf_printf(&text, "{\"accepted\":%llu,\"rejected\":%llu", (unsigned long long)result->accepted,
               (unsigned long long)result->rejected);
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
    struct lines *l = calloc(1, sizeof *l);
    if (!l) {
        door_no_memory(&d, "a request");
        return;
    }
    mapping_init(&l->m, &d, "line");
    if (door_begin(&d, in->body.len) && read_params(l, params) && mapping_each_line(&l->m, in->body, &to))
        answer(&d);
    mapping_deinit(&l->m);
    free(l);
    door_close(&d);
}
