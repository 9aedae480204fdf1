/*
 * ExportLogsServiceRequest as JSON: names in lowerCamelCase, ids in hexadecimal, 64-bit numbers as strings or numbers, unknown
 * members passed over (opentelemetry-proto, docs/specification.md, "JSON Protobuf Encoding").
 *
 * Members may stand in any order. What is needed first is first with every client; where it is not, the cursor is kept
 * and comes back.
 */
#include "receive/otlp.h"

enum { ID_MAX = 64 }; /* hexadecimal digits of a trace or span id that are taken */

static bool no_memory(struct otlp *o)
{
    return door_no_memory(o->m.d, "an attribute");
}

/* A value of the wrong type is one record's fault in no form of OTLP: the sender does not speak it. */
static bool wrong(struct otlp *o, const char *what)
{
    return json_fail(&o->m.j, what);
}

/* ---- values ---- */

/* A string or number as text; null is empty. False: an error in j. */
static bool read_text(struct otlp *o, bole_slice *ret_text)
{
    struct json *j = &o->m.j;
    bole_slice raw;
    uint8_t c = json_peek(j);
    if (c == '{' || c == '[')
        return wrong(o, "expecting a string or a number");
    if (c != '"') {
        if (!json_scalar(j, &raw))
            return false;
        *ret_text = raw.ptr[0] == 'n' ? S("") : raw;
        return true;
    }
    if (!json_string(j, &raw))
        return false;
    *ret_text = json_text(j, raw, o->arena);
    return ret_text->ptr != NULL;
}

static bool read_number(struct otlp *o, uint64_t *ret_number)
{
    bole_slice text;
    if (!read_text(o, &text))
        return false;
    *ret_number = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (c < '0' || c > '9' || __builtin_mul_overflow(*ret_number, 10, ret_number) ||
            __builtin_add_overflow(*ret_number, (uint64_t)(c - '0'), ret_number))
            return wrong(o, "expecting a 64-bit number");
    }
    return true;
}

enum kind { KIND_NONE, KIND_STRING, KIND_BARE, KIND_TEXT, KIND_ARRAY, KIND_LIST };

static enum kind kind_of(bole_slice name)
{
    static const struct {
        bole_slice name;
        enum kind  kind;
    } kinds[] = {{S("stringValue"), KIND_STRING}, {S("intValue"), KIND_BARE},    {S("boolValue"), KIND_BARE},
                 {S("doubleValue"), KIND_TEXT},   {S("arrayValue"), KIND_ARRAY}, {S("kvlistValue"), KIND_LIST},
                 {S("bytesValue"), KIND_STRING}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (bole_slice_eq(name, kinds[i].name))
            return kinds[i].kind;
    return KIND_NONE;
}

/* What is done with a value: either written as JSON into o->text, or added with its path, or returned as one text. */
struct sink {
    bool        json;
    bool        add;     /* below o->m.path */
    bole_slice *ret_text;
};

static bool read_any(struct otlp *o, const struct sink *to, unsigned depth);

/* The value at the cursor, under its key. */
static bool take_pair(struct otlp *o, bole_slice key, const struct sink *to, unsigned depth)
{
    size_t parent = o->m.path.len;
    if (to->json) {
        buf_put_json(&o->text, key, false);
        buf_put_u8(&o->text, ':');
    } else if (!otlp_enter(o, key)) {
        return false;
    }
    if (!read_any(o, to, depth))
        return false;
    otlp_leave(o, parent);
    return true;
}

/* {"key": ..., "value": ...} */
static bool read_pair(struct otlp *o, const struct sink *to, unsigned depth)
{
    struct json *j = &o->m.j, value = {0}, after;
    bole_slice name, key = {0};
    bool taken = false;
    if (!json_open(j, '{'))
        return false;
    for (bool first = true; json_member(j, &first, &name);) {
        bool good, is_value = bole_slice_eq(name, S("value")) && !taken;
        if (bole_slice_eq(name, S("key"))) {
            good = read_text(o, &key);
        } else if (is_value && key.ptr) {
            good = take_pair(o, key, to, depth);
            taken = true;
        } else {
            if (is_value)
                value = *j;
            good = json_skip(j, NULL);
        }
        if (!good)
            return false;
    }
    if (j->error || taken || !value.text)
        return !j->error;
    after = *j;
    *j = value;
    if (!take_pair(o, key, to, depth))
        return false;
    after.replaced |= j->replaced;
    *j = after;
    return true;
}

/* {"values": [...]} of an array or of a list. */
static bool read_values(struct otlp *o, bool list, const struct sink *to, unsigned depth)
{
    struct json *j = &o->m.j;
    bole_slice name;
    bool any = false;
    if (!json_open(j, '{'))
        return false;
    for (bool first = true; json_member(j, &first, &name);) {
        if (!bole_slice_eq(name, S("values")) || json_peek(j) == 'n') {
            if (!json_skip(j, NULL))
                return false;
            continue;
        }
        json_open(j, '[');
        for (bool start = true; json_element(j, &start); any = true) {
            if (to->json && any)
                buf_put_u8(&o->text, ',');
            if (!(list ? read_pair(o, to, depth + 1) : read_any(o, to, depth + 1)))
                return false;
        }
    }
    return !j->error;
}

static bool write_leaf(struct otlp *o, enum kind kind, bole_slice text)
{
    bool number = kind == KIND_BARE || (kind == KIND_TEXT && text.len && text.ptr[text.len - 1] <= '9');
    if (number)
        buf_put(&o->text, text);
    else
        buf_put_json(&o->text, text, false);
    return !o->text.failed || no_memory(o);
}

static bool take_leaf(struct otlp *o, enum kind kind, const struct sink *to)
{
    bole_slice text;
    if (!read_text(o, &text))
        return false;
    if (to->json)
        return write_leaf(o, kind, text);
    if (to->add)
        return otlp_add(o, buf_slice(&o->m.path), text);
    *to->ret_text = text;
    return true;
}

/* An array, or a list where no paths are made, becomes JSON text. */
static bool take_nested(struct otlp *o, enum kind kind, const struct sink *to, unsigned depth)
{
    static const struct sink as_json = {.json = true};
    size_t from = o->text.len;
    bool list = kind == KIND_LIST;
    if (list && to->add)
        return read_values(o, true, to, depth);
    buf_put_u8(&o->text, list ? '{' : '[');
    if (!read_values(o, list, &as_json, depth))
        return false;
    buf_put_u8(&o->text, list ? '}' : ']');
    if (to->json)
        return !o->text.failed || no_memory(o);
    bole_slice text = otlp_text(o, from);
    if (!text.ptr)
        return no_memory(o);
    if (to->add)
        return otlp_add(o, buf_slice(&o->m.path), text);
    *to->ret_text = text;
    return true;
}

/* An AnyValue. False: an error in j, or the request is over. */
static bool read_any(struct otlp *o, const struct sink *to, unsigned depth)
{
    struct json *j = &o->m.j;
    bole_slice name;
    bool found = false;
    if (json_peek(j) == 'n' || depth > OTLP_DEPTH_MAX) {
        o->too_deep |= depth > OTLP_DEPTH_MAX;
        if (to->json)
            buf_put(&o->text, S("null"));
        return json_skip(j, NULL);
    }
    if (!json_open(j, '{'))
        return false;
    for (bool first = true; json_member(j, &first, &name);) {
        enum kind kind = found ? KIND_NONE : kind_of(name);
        bool good = kind == KIND_NONE ? json_skip(j, NULL)
                  : kind >= KIND_ARRAY ? take_nested(o, kind, to, depth) : take_leaf(o, kind, to);
        if (!good)
            return false;
        found |= kind != KIND_NONE;
    }
    if (!found && to->json)
        buf_put(&o->text, S("null"));
    return !j->error;
}

/* ---- attributes ---- */

static bool read_attributes(struct otlp *o)
{
    static const struct sink to = {.add = true};
    struct json *j = &o->m.j;
    if (json_peek(j) == 'n')
        return json_skip(j, NULL);
    if (!json_open(j, '['))
        return false;
    for (bool first = true; json_element(j, &first);)
        if (!read_pair(o, &to, 1))
            return false;
    return !j->error;
}

/* ---- records ---- */

static bool read_id(struct otlp *o, bole_slice *ret_text)
{
    if (!read_text(o, ret_text))
        return false;
    bool zero = true;
    for (size_t i = 0; i < ret_text->len && zero; i++)
        zero = ret_text->ptr[i] == '0';
    if (zero || ret_text->len > ID_MAX)
        *ret_text = S("");
    return true;
}

/* A number that is kept when it is not zero. */
static bool read_fixed_number(struct otlp *o, enum otlp_fixed fixed)
{
    if (!read_text(o, &o->fixed[fixed]))
        return false;
    if (bole_slice_eq(o->fixed[fixed], S("0")))
        o->fixed[fixed] = S("");
    return true;
}

enum member { M_OTHER, M_TIME, M_OBSERVED, M_NUMBER, M_TEXT, M_BODY, M_ATTRIBUTES, M_DROPPED, M_FLAGS, M_TRACE, M_SPAN, M_EVENT };

static enum member member_of(bole_slice name)
{
    static const bole_slice names[] = {
        [M_OTHER] = S(""),           [M_TIME] = S("timeUnixNano"),     [M_OBSERVED] = S("observedTimeUnixNano"),
        [M_NUMBER] = S("severityNumber"), [M_TEXT] = S("severityText"), [M_BODY] = S("body"),
        [M_ATTRIBUTES] = S("attributes"), [M_DROPPED] = S("droppedAttributesCount"), [M_FLAGS] = S("flags"),
        [M_TRACE] = S("traceId"),    [M_SPAN] = S("spanId"),           [M_EVENT] = S("eventName"),
    };
    for (size_t i = 1; i < sizeof names / sizeof *names; i++)
        if (bole_slice_eq(name, names[i]))
            return (enum member)i;
    return M_OTHER;
}

static bool read_record_member(struct otlp *o, enum member member)
{
    switch (member) {
    case M_TIME: return read_number(o, &o->time_ns);
    case M_OBSERVED: return read_number(o, &o->observed_ns);
    case M_NUMBER: return read_fixed_number(o, OTLP_SEVERITY_NUMBER);
    case M_TEXT: return read_text(o, &o->fixed[OTLP_SEVERITY_TEXT]);
    case M_BODY: return read_any(o, &(struct sink){.ret_text = &o->body}, 1);
    case M_ATTRIBUTES: return read_attributes(o);
    case M_DROPPED: return read_fixed_number(o, OTLP_DROPPED);
    case M_FLAGS: return read_fixed_number(o, OTLP_FLAGS);
    case M_TRACE: return read_id(o, &o->fixed[OTLP_TRACE_ID]);
    case M_SPAN: return read_id(o, &o->fixed[OTLP_SPAN_ID]);
    case M_EVENT: return read_text(o, &o->fixed[OTLP_EVENT_NAME]);
    default: return json_skip(&o->m.j, NULL);
    }
}

static bool read_record(struct otlp *o)
{
    struct json *j = &o->m.j;
    bole_slice name;
    otlp_begin(o, OTLP_RECORD);
    j->replaced = false;
    if (!json_open(j, '{'))
        return false;
    for (bool first = true; json_member(j, &first, &name);)
        if (!read_record_member(o, member_of(name)))
            return false;
    return !j->error && otlp_store(o);
}

static bool read_records(struct otlp *o)
{
    struct json *j = &o->m.j;
    if (!json_open(j, '['))
        return false;
    for (bool first = true; json_element(j, &first);)
        if (!read_record(o))
            return false;
    return !j->error;
}

/* The resource, or the scope. */
static bool read_owner(struct otlp *o, enum otlp_owner owner)
{
    struct json *j = &o->m.j;
    bole_slice name, text;
    otlp_begin(o, owner);
    if (json_peek(j) == 'n')
        return json_skip(j, NULL);
    if (!json_open(j, '{'))
        return false;
    for (bool first = true; json_member(j, &first, &name);) {
        bool is_name = owner == OTLP_SCOPE && bole_slice_eq(name, S("name"));
        bool is_version = owner == OTLP_SCOPE && bole_slice_eq(name, S("version"));
        bool good;
        if (is_name || is_version)
            good = read_text(o, &text) && otlp_add(o, is_name ? S("scope_name") : S("scope_version"), text);
        else if (bole_slice_eq(name, S("attributes")))
            good = read_attributes(o);
        else
            good = json_skip(j, NULL);
        if (!good)
            return false;
    }
    return !j->error;
}

/* An object with an owner and an array of what belongs to it, whichever stands first. */
static bool read_group(struct otlp *o, enum otlp_owner owner, bole_slice owner_name, bole_slice list_name,
                       bool (*read_list)(struct otlp *o))
{
    struct json *j = &o->m.j, list = {0}, after;
    bole_slice name;
    bool owned = false;
    otlp_begin(o, owner); /* nothing of the one before */
    if (!json_open(j, '{'))
        return false;
    for (bool first = true; json_member(j, &first, &name);) {
        bool is_list = bole_slice_eq(name, list_name) && json_peek(j) != 'n';
        bool good;
        if (bole_slice_eq(name, owner_name)) {
            good = read_owner(o, owner);
            owned = true;
        } else if (is_list && owned) {
            good = read_list(o);
        } else {
            if (is_list)
                list = *j;
            good = json_skip(j, NULL);
        }
        if (!good)
            return false;
    }
    if (j->error || !list.text)
        return !j->error;
    after = *j;
    *j = list;
    if (!read_list(o))
        return false;
    *j = after; /* each record begins with `replaced` anew */
    return true;
}

static bool read_scope_logs(struct otlp *o)
{
    struct json *j = &o->m.j;
    if (!json_open(j, '['))
        return false;
    for (bool first = true; json_element(j, &first);)
        if (!read_group(o, OTLP_SCOPE, S("scope"), S("logRecords"), read_records))
            return false;
    return !j->error;
}

static bool read_resource_logs(struct otlp *o)
{
    struct json *j = &o->m.j;
    if (!json_open(j, '['))
        return false;
    for (bool first = true; json_element(j, &first);) {
        o->lists[OTLP_SCOPE].count = 0;
        if (!read_group(o, OTLP_RESOURCE, S("resource"), S("scopeLogs"), read_scope_logs))
            return false;
    }
    return !j->error;
}

static bool read_request(struct otlp *o)
{
    struct json *j = &o->m.j;
    bole_slice name;
    if (!json_open(j, '{'))
        return false;
    for (bool first = true; json_member(j, &first, &name);) {
        bool logs = bole_slice_eq(name, S("resourceLogs")) && json_peek(j) != 'n';
        if (!(logs ? read_resource_logs(o) : json_skip(j, NULL)))
            return false;
    }
    return json_finish(j);
}

bool otlp_json(struct otlp *o, bole_slice body)
{
    struct json_positions positions;
    struct bole_err why;
    struct mapping *m = &o->m;
    struct door *d = m->d;
    if (!door_index(d, body, &positions, &why))
        return false;
    if (why.msg[0])
        return door_refuse(d, 400, "invalid JSON: %s", why.msg);
    m->j = json_of(body, &positions);
    mapping_document(m, body);
    if (read_request(o))
        return true;
    if (d->over)
        return false;
    if (m->j.no_memory)
        return door_no_memory(d, "a string");
    return door_refuse(d, 400, "invalid JSON at byte %u: %s", m->j.error_at, m->j.error);
}
