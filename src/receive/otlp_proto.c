/*
 * ExportLogsServiceRequest, read straight from the body:
 *
 *   ExportLogsServiceRequest  1: repeated ResourceLogs
 *   ResourceLogs  1: Resource, 2: repeated ScopeLogs, 3: schema_url (ignored)
 *   Resource      1: repeated KeyValue attributes
 *   ScopeLogs     1: InstrumentationScope, 2: repeated LogRecord, 3: schema_url (ignored)
 *   InstrumentationScope  1: name, 2: version, 3: repeated KeyValue attributes
 *   LogRecord     1: fixed64 time, 2: severity number, 3: severity text, 5: AnyValue body, 6: repeated KeyValue attributes,
 *                 7: dropped attributes, 8: fixed32 flags, 9: trace id, 10: span id, 11: fixed64 observed time, 12: event name
 *   KeyValue      1: key, 2: AnyValue
 *   AnyValue      1: string, 2: bool, 3: int64, 4: double, 5: ArrayValue, 6: KeyValueList, 7: bytes
 *   ArrayValue    1: repeated AnyValue;   KeyValueList  1: repeated KeyValue
 *
 * A message is gone through twice where what is needed first may stand last; the first pass touches only the lengths.
 */
#include "receive/otlp.h"
#include "receive/wire.h"

enum { ID_MAX = 32 }; /* bytes of a trace or span id that are taken */

static bool malformed(struct otlp *o, const struct wire *w)
{
    return door_refuse(o->m.d, 400, "protobuf: %s, at byte %zu of the decompressed request", w->error,
                       (size_t)(w->field_at - o->start));
}

static bool no_memory(struct otlp *o)
{
    return door_no_memory(o->m.d, "an attribute");
}

/* ---- values ---- */

struct value {
    unsigned   kind; /* the field's number; 0: none */
    bole_slice bytes;
    uint64_t   number;
};

/* The last member of the one-of counts. */
static bool read_value(struct otlp *o, bole_slice message, struct value *ret_value)
{
    struct wire w = wire_of(message);
    *ret_value = (struct value){0};
    for (uint32_t field; (field = wire_field(&w));) {
        if (field >= 1 && field <= 7)
            ret_value->kind = field;
        switch (field) {
        case 1:
        case 5:
        case 6:
        case 7: ret_value->bytes = wire_bytes(&w); break;
        case 2:
        case 3: ret_value->number = wire_number(&w); break;
        case 4: ret_value->number = wire_i64(&w); break;
        default: wire_skip(&w);
        }
    }
    return !w.error || malformed(o, &w);
}

static bool read_key_value(struct otlp *o, bole_slice message, bole_slice *ret_key, struct value *ret_value)
{
    struct wire w = wire_of(message);
    bole_slice value = {0};
    *ret_key = S("");
    for (uint32_t field; (field = wire_field(&w));) {
        switch (field) {
        case 1: *ret_key = wire_bytes(&w); break;
        case 2: value = wire_bytes(&w); break;
        default: wire_skip(&w);
        }
    }
    return w.error ? malformed(o, &w) : read_value(o, value, ret_value);
}

static double as_double(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* A value that does not nest, as text; ptr NULL: no memory. */
static bole_slice scalar_text(struct otlp *o, const struct value *v)
{
    int64_t number = (int64_t)v->number;
    switch (v->kind) {
    case 1: return v->bytes;
    case 2: return v->number ? S("true") : S("false");
    case 3: return otlp_integer(o, number < 0 ? 0 - v->number : v->number, number < 0);
    case 4: return otlp_double(o, as_double(v->number));
    case 7: return otlp_base64(o, v->bytes);
    default: return S("");
    }
}

static bool write_json(struct otlp *o, const struct value *v, unsigned depth);

/* The values of an array, or the keys and values of a list, as JSON. */
static bool write_members(struct otlp *o, const struct value *v, unsigned depth)
{
    struct wire w = wire_of(v->bytes);
    bool list = v->kind == 6;
    bool first = true;
    buf_put_u8(&o->text, list ? '{' : '[');
    for (uint32_t field; (field = wire_field(&w));) {
        struct value member;
        bole_slice key;
        if (field != 1) {
            wire_skip(&w);
            continue;
        }
        bole_slice message = wire_bytes(&w);
        if (w.error)
            break;
        if (!(list ? read_key_value(o, message, &key, &member) : read_value(o, message, &member)))
            return false;
        if (!first)
            buf_put_u8(&o->text, ',');
        first = false;
        if (list) {
            buf_put_json(&o->text, key, false);
            buf_put_u8(&o->text, ':');
        }
        if (!write_json(o, &member, depth + 1))
            return false;
    }
    buf_put_u8(&o->text, list ? '}' : ']');
    return !w.error || malformed(o, &w);
}

static bool write_json(struct otlp *o, const struct value *v, unsigned depth)
{
    if (depth > OTLP_DEPTH_MAX) {
        o->too_deep = true;
        return true;
    }
    if (v->kind == 5 || v->kind == 6)
        return write_members(o, v, depth);
    bole_slice text = scalar_text(o, v);
    if (!text.ptr)
        return no_memory(o);
    bool bare = v->kind == 2 || v->kind == 3 || (v->kind == 4 && text.ptr[text.len - 1] <= '9');
    if (v->kind == 0)
        buf_put(&o->text, S("null"));
    else if (bare)
        buf_put(&o->text, text);
    else
        buf_put_json(&o->text, text, false);
    return true;
}

/* Any value as one text. False: the request is over. */
static bool value_text(struct otlp *o, const struct value *v, bole_slice *ret_text)
{
    if (v->kind == 5 || v->kind == 6) {
        size_t from = o->text.len;
        if (!write_json(o, v, 1))
            return false;
        *ret_text = otlp_text(o, from);
    } else {
        *ret_text = scalar_text(o, v);
    }
    return ret_text->ptr || no_memory(o);
}

/* ---- attributes ---- */

static bool add_attribute(struct otlp *o, bole_slice message, unsigned depth);

/* The members of a list, each with its path. */
static bool add_list(struct otlp *o, bole_slice key, bole_slice list, unsigned depth)
{
    size_t parent = o->m.path.len;
    if (depth > OTLP_DEPTH_MAX) {
        o->too_deep = true;
        return true;
    }
    if (!otlp_enter(o, key))
        return false;
    struct wire w = wire_of(list);
    for (uint32_t field; (field = wire_field(&w));) {
        if (field != 1) {
            wire_skip(&w);
            continue;
        }
        bole_slice message = wire_bytes(&w);
        if (!w.error && !add_attribute(o, message, depth + 1))
            return false;
    }
    otlp_leave(o, parent);
    return !w.error || malformed(o, &w);
}

static bool add_attribute(struct otlp *o, bole_slice message, unsigned depth)
{
    bole_slice key, text;
    struct value value;
    if (!read_key_value(o, message, &key, &value))
        return false;
    if (value.kind == 6)
        return add_list(o, key, value.bytes, depth);
    if (!value_text(o, &value, &text))
        return false;
    size_t parent = o->m.path.len;
    if (parent == 0)
        return otlp_add(o, key, text);
    bool good = otlp_enter(o, key) && otlp_add(o, buf_slice(&o->m.path), text);
    otlp_leave(o, parent);
    return good;
}

static bool add_own_attribute(struct otlp *o, bole_slice message)
{
    return add_attribute(o, message, 1);
}

/* Hands each message of that number in another to `read`. */
static bool each_message(struct otlp *o, bole_slice message, unsigned number, bool (*read)(struct otlp *o, bole_slice found))
{
    struct wire w = wire_of(message);
    for (uint32_t field; (field = wire_field(&w));) {
        if (field != number) {
            wire_skip(&w);
            continue;
        }
        bole_slice found = wire_bytes(&w);
        if (!w.error && !read(o, found))
            return false;
    }
    return !w.error || malformed(o, &w);
}

/* ---- records ---- */

static bole_slice read_id(struct otlp *o, bole_slice id)
{
    uint8_t any = 0;
    for (size_t i = 0; i < id.len && i < ID_MAX; i++)
        any |= id.ptr[i];
    return !any || id.len > ID_MAX ? S("") : otlp_hex(o, id); /* all zero says that there is none */
}

static bool read_record(struct otlp *o, bole_slice message)
{
    struct wire w = wire_of(message);
    struct value body;
    uint64_t number;
    otlp_begin(o, OTLP_RECORD);
    for (uint32_t field; (field = wire_field(&w));) {
        switch (field) {
        case 1: o->time_ns = wire_i64(&w); break;
        case 2:
            number = wire_number(&w);
            if (number)
                o->fixed[OTLP_SEVERITY_NUMBER] = otlp_integer(o, number, false);
            break;
        case 3: o->fixed[OTLP_SEVERITY_TEXT] = wire_bytes(&w); break;
        case 5: {
            bole_slice value = wire_bytes(&w);
            if (!w.error && (!read_value(o, value, &body) || !value_text(o, &body, &o->body)))
                return false;
            break;
        }
        case 6: {
            bole_slice attribute = wire_bytes(&w);
            if (!w.error && !add_attribute(o, attribute, 1))
                return false;
            break;
        }
        case 7:
            number = wire_number(&w);
            if (number)
                o->fixed[OTLP_DROPPED] = otlp_integer(o, number, false);
            break;
        case 8:
            number = wire_i32(&w);
            if (number)
                o->fixed[OTLP_FLAGS] = otlp_integer(o, number, false);
            break;
        case 9: o->fixed[OTLP_TRACE_ID] = read_id(o, wire_bytes(&w)); break;
        case 10: o->fixed[OTLP_SPAN_ID] = read_id(o, wire_bytes(&w)); break;
        case 11: o->observed_ns = wire_i64(&w); break;
        case 12: o->fixed[OTLP_EVENT_NAME] = wire_bytes(&w); break;
        default: wire_skip(&w);
        }
    }
    return w.error ? malformed(o, &w) : otlp_store(o);
}

/* The message of that number in another; empty when it is not there. */
static bool find_message(struct otlp *o, bole_slice message, unsigned number, bole_slice *ret_found)
{
    struct wire w = wire_of(message);
    *ret_found = (bole_slice){0};
    for (uint32_t field; (field = wire_field(&w));) {
        if (field == number)
            *ret_found = wire_bytes(&w);
        else
            wire_skip(&w);
    }
    return !w.error || malformed(o, &w);
}

static bool read_scope(struct otlp *o, bole_slice scope)
{
    bole_slice name, version;
    otlp_begin(o, OTLP_SCOPE);
    if (!find_message(o, scope, 1, &name) || !find_message(o, scope, 2, &version))
        return false;
    return (!name.len || otlp_add(o, S("scope_name"), name)) && (!version.len || otlp_add(o, S("scope_version"), version)) &&
           each_message(o, scope, 3, add_own_attribute);
}

static bool read_scope_logs(struct otlp *o, bole_slice message)
{
    bole_slice scope;
    if (!find_message(o, message, 1, &scope) || !read_scope(o, scope))
        return false;
    return each_message(o, message, 2, read_record);
}

static bool read_resource_logs(struct otlp *o, bole_slice message)
{
    bole_slice resource;
    if (!find_message(o, message, 1, &resource))
        return false;
    otlp_begin(o, OTLP_RESOURCE);
    return each_message(o, resource, 1, add_own_attribute) && each_message(o, message, 2, read_scope_logs);
}

bool otlp_proto(struct otlp *o, bole_slice body)
{
    return each_message(o, body, 1, read_resource_logs);
}
