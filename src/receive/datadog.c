/*
 * Datadog's intake for logs, v2 and v1: an array of objects, or one object. `ddtags` ("env:prod,version:2") is taken apart,
 * so that env is the label and version the field that they are at other doors.
 */

#include "base/unset.h"
#include "process/level.h"
#include "receive/mapping.h"

static const bole_slice time_names[] = {S("timestamp"), S("@timestamp"), S("date")};
static const bole_slice line_names[] = {S("message"), S("msg"), S("log")};

static bool is_tag(bole_slice tag)
{
    bole_slice value;
    bole_slice name = bole_slice_cut(tag, ':', &value);
    return name.len && value.len;
}

/* What is no name:value, and what says otherwise than a tag before it, stays together under the name it came with. */
static bool add_tags(struct mapping *m, bole_slice tags)
{
    bool whole = true;
    for (bole_slice rest = tags; rest.len && whole;) {
        bole_slice tag = bole_slice_trim(bole_slice_cut(rest, ',', &rest));
        whole = tag.len == 0 || is_tag(tag);
    }
    for (bole_slice rest = tags; rest.len;) {
        bole_slice value, tag = bole_slice_trim(bole_slice_cut(rest, ',', &rest));
        bole_slice name = bole_slice_cut(tag, ':', &value);
        if (!name.len || !value.len)
            continue;
        struct mapping_key *k = mapping_key(m, name);
        if (!k)
            return false;
        whole &= mapping_add_key(m, k, value);
    }
    return whole || mapping_add(m, S("ddtags"), tags);
}

static bool take_log(struct mapping *m)
{
    struct json *j = &m->j;
    const uint32_t *from = mapping_token(m);
    bole_slice name, tags = {0}, status = {0};
    mapping_begin(m);
    if (!json_open(j, '{'))
        return false;
    for (bool first = true; json_member(j, &first, &name);) {
        bool text = json_peek(j) == '"';
        bool good = text && bole_slice_eq(name, S("ddtags"))   ? mapping_text(m, &tags)
                    : text && bole_slice_eq(name, S("status")) ? mapping_text(m, &status)
                                                               : mapping_member(m, name);
        if (!good)
            return false;
    }
    if (j->error)
        return false;
    if (status.len && (!mapping_add(m, S("status"), status) ||
                       (m->d->r->options.detect_level && !mapping_add(m, LEVEL_FIELD, level_normalize(status)))))
        return false;
    return add_tags(m, tags) && mapping_store(m, mapping_taken(m, from), 0);
}

static void answer(struct door *d, bool v1)
{
    struct receive_result *result = d->result;
    struct buf out;
    buf_init(&out, NULL);
    if (!d->over)
        result->status = result->rejected ? 400 : v1 ? 200 : 202;
    if (result->status < 300) {
        buf_put_str(&out, "{}");
    } else {
        bole_slice text = d->over ? result->body : door_error_text(d);
        buf_printf(&out, "{\"errors\":[{\"status\":\"%u\",\"title\":\"%s\",\"detail\":", result->status,
                   result->status == 400 ? "Bad Request" : "Refused");
        buf_put_json(&out, text, false);
        buf_put_str(&out, "}]}");
    }
    bole_slice body = arena_copy(d->in->arena, buf_slice(&out));
    buf_deinit(&out);
    result->body = body.ptr ? body : S("{}");
    result->content_type = "application/json";
}

void receive_datadog(struct receiver *r, const struct receive_input *in, bool v1, struct receive_result *ret_result)
{
    struct door d = door_open(r, in, ret_result);
    d.name = "datadog";
    UNSET struct mapping m;
    mapping_init(&m, &d, "log");
    m.time = MAPPING_NAMES(time_names);
    m.line = MAPPING_NAMES(line_names);
    if (door_begin(&d, in->body.len) && mapping_ready(&m))
        mapping_each_value(&m, in->body, true, take_log);
    mapping_deinit(&m);
    answer(&d, v1);
    door_close(&d);
}
