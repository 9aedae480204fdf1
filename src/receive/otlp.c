/*
 * OTLP's logs (opentelemetry-proto 1.x, collector/logs/v1): a record has its own attributes, those of its scope and those
 * of its resource. All become fields, the record's own first: what another one of them says under the same name is kept
 * with "attribute", "scope" or "resource" in front of it, unless it says the same.
 *
 * Names of the rest follow Loki's OTLP door, so that what works there works here.
 */
#include "receive/otlp.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const bole_slice fixed_names[OTLP_FIXED_COUNT] = {
    [OTLP_SEVERITY_TEXT] = S("severity_text"), [OTLP_SEVERITY_NUMBER] = S("severity_number"),
    [OTLP_TRACE_ID] = S("trace_id"),           [OTLP_SPAN_ID] = S("span_id"),
    [OTLP_FLAGS] = S("flags"),                 [OTLP_EVENT_NAME] = S("event_name"),
    [OTLP_OBSERVED] = S("observed_timestamp"), [OTLP_DROPPED] = S("dropped_attributes_count"),
};

/* ---- texts ---- */

bole_slice otlp_integer(struct otlp *o, uint64_t value, bool negative)
{
    char digits[24];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    if (negative)
        digits[--at] = '-';
    bole_slice text = arena_copy(o->arena, bole_slice_from(digits + at, sizeof digits - at));
    o->no_memory |= !text.ptr;
    return text;
}

/* The shortest text that reads back as the same number. */
bole_slice otlp_double(struct otlp *o, double value)
{
    char text[40];
    int len = 0;
    if (isnan(value))
        return S("NaN");
    if (isinf(value))
        return value < 0 ? S("-Infinity") : S("Infinity");
    for (int digits = 15; digits <= 17; digits++) {
        len = snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    return arena_copy(o->arena, bole_slice_from(text, (size_t)len));
}

bole_slice otlp_hex(struct otlp *o, bole_slice bytes)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t *text = arena_bytes(o->arena, 2 * bytes.len);
    o->no_memory |= !text;
    for (size_t i = 0; text && i < bytes.len; i++) {
        text[2 * i] = (uint8_t)digits[bytes.ptr[i] >> 4];
        text[2 * i + 1] = (uint8_t)digits[bytes.ptr[i] & 15];
    }
    return bole_slice_from(text, text ? 2 * bytes.len : 0);
}

bole_slice otlp_base64(struct otlp *o, bole_slice bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t len = (bytes.len + 2) / 3 * 4;
    uint8_t *text = arena_bytes(o->arena, len), *out = text;
    for (size_t i = 0; text && i < bytes.len; i += 3) {
        size_t left = bytes.len - i;
        uint32_t v =
            (uint32_t)bytes.ptr[i] << 16 | (left > 1 ? (uint32_t)bytes.ptr[i + 1] << 8 : 0) | (left > 2 ? bytes.ptr[i + 2] : 0);
        *out++ = (uint8_t)digits[v >> 18];
        *out++ = (uint8_t)digits[v >> 12 & 63];
        *out++ = (uint8_t)(left > 1 ? digits[v >> 6 & 63] : '=');
        *out++ = (uint8_t)(left > 2 ? digits[v & 63] : '=');
    }
    return bole_slice_from(text, text ? len : 0);
}

bole_slice otlp_text(struct otlp *o, size_t from)
{
    bole_slice text = o->text.failed ? (bole_slice){0} : arena_copy(o->arena, bole_slice_sub(buf_slice(&o->text), from));
    o->text.len = from;
    return text;
}

/* ---- attributes ---- */

void otlp_begin(struct otlp *o, enum otlp_owner owner)
{
    o->owner = owner;
    o->lists[owner].count = 0;
    o->arena = owner == OTLP_RECORD ? &o->m.d->r->scratch : &o->m.arena;
    if (owner != OTLP_RECORD) {
        o->m.path.len = 0;
        return;
    }
    o->m.number++;
    mapping_begin(&o->m);
    o->too_deep = false;
    o->time_ns = o->observed_ns = 0;
    o->body = (bole_slice){0};
    memset(o->fixed, 0, sizeof o->fixed);
}

bool otlp_enter(struct otlp *o, bole_slice name)
{
    struct buf *path = &o->m.path;
    if (path->len)
        buf_put_u8(path, '.');
    buf_put(path, name);
    return !path->failed || door_no_memory(o->m.d, "the names of fields");
}

/* Another one has this name already. */
static bool add_again(struct otlp *o, const struct mapping_key *k, enum otlp_owner owner, bole_slice value)
{
    static const char *const prefixes[] = {"attribute", "scope", "resource"};
    struct door *d = o->m.d;
    for (size_t i = 0; i < o->m.field_count; i++)
        if (bole_slice_eq(d->r->fields[i].key, k->name) && bole_slice_eq(d->r->fields[i].value, value))
            return true;
    bole_slice path = arena_printf(&d->r->scratch, "%s.%.*s", prefixes[owner], BOLE_SLICE_ARG(k->path));
    return path.ptr ? mapping_add(&o->m, path, value) : door_no_memory(d, "the names of fields");
}

static bool add_to_record(struct otlp *o, struct mapping_key *k, enum otlp_owner owner, bole_slice value)
{
    return mapping_add_key(&o->m, k, value) || add_again(o, k, owner, value);
}

static bool keep(struct otlp *o, bole_slice path, bole_slice value)
{
    struct otlp_attributes *list = &o->lists[o->owner];
    struct mapping_key *k = mapping_key(&o->m, path);
    if (!k)
        return false;
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? 2 * list->capacity : 32;
        struct otlp_attribute *at = arena_array(&o->m.arena, capacity, sizeof *at);
        if (!at)
            return door_no_memory(o->m.d, "attributes");
        if (list->count)
            memcpy(at, list->at, list->count * sizeof *at);
        list->at = at;
        list->capacity = capacity;
    }
    list->at[list->count++] = (struct otlp_attribute){k, value};
    return true;
}

bool otlp_add(struct otlp *o, bole_slice path, bole_slice value)
{
    if (value.len == 0)
        return value.ptr || door_no_memory(o->m.d, "an attribute");
    if (o->owner != OTLP_RECORD)
        return keep(o, path, value);
    struct mapping_key *k = mapping_next_key(&o->m, path);
    return k && add_to_record(o, k, OTLP_RECORD, value);
}

/* ---- the record ---- */

static bool add_rest(struct otlp *o)
{
    for (size_t i = 0; i < OTLP_FIXED_COUNT; i++)
        if (o->fixed[i].len && !add_to_record(o, o->fixed_keys[i], OTLP_RECORD, o->fixed[i]))
            return false;
    for (enum otlp_owner owner = OTLP_SCOPE; owner <= OTLP_RESOURCE; owner++)
        for (size_t i = 0; i < o->lists[owner].count; i++)
            if (!add_to_record(o, o->lists[owner].at[i].key, owner, o->lists[owner].at[i].value))
                return false;
    return true;
}

bool otlp_store(struct otlp *o)
{
    struct door *d = o->m.d;
    uint64_t time_ns = o->time_ns ? o->time_ns : o->observed_ns;
    if (o->observed_ns && o->observed_ns != time_ns)
        o->fixed[OTLP_OBSERVED] = otlp_integer(o, o->observed_ns, false);
    if (o->no_memory)
        return door_no_memory(d, "an attribute");
    if (o->too_deep || time_ns > INT64_MAX) {
        door_reject(d, o->too_deep ? RECEIVE_BAD_ENTRY : RECEIVE_BAD_TIMESTAMP, 1,
                    o->too_deep ? "record %llu: values are nested too deeply" : "record %llu: the time is out of range",
                    (unsigned long long)o->m.number);
        return true;
    }
    return add_rest(o) && mapping_store(&o->m, o->body, (int64_t)time_ns);
}

/* ---- the request ---- */

enum form { FORM_PROTO, FORM_JSON, FORM_UNKNOWN };

static enum form form_of(bole_slice content_type)
{
    bole_slice rest, type = bole_slice_trim(bole_slice_cut(content_type, ';', &rest));
    if (bole_slice_eq_nocase(type, S("application/json")))
        return FORM_JSON;
    return type.len == 0 || bole_slice_eq_nocase(type, S("application/x-protobuf")) ||
                   bole_slice_eq_nocase(type, S("application/protobuf"))
               ? FORM_PROTO
               : FORM_UNKNOWN;
}

static void put_bytes(struct buf *b, unsigned field, bole_slice bytes)
{
    buf_put_varint(b, (uint64_t)field << 3 | 2);
    buf_put_varint(b, bytes.len);
    buf_put(b, bytes);
}

static void put_number(struct buf *b, unsigned field, uint64_t value)
{
    buf_put_varint(b, (uint64_t)field << 3);
    buf_put_varint(b, value);
}

/* ExportLogsServiceResponse; what is wrong with some records is its partial_success. */
static void write_response(struct door *d, enum form form, struct buf *out)
{
    uint64_t rejected = d->result->rejected;
    bole_slice text = rejected ? door_error_text(d) : S("");
    if (form == FORM_JSON) {
        buf_put_str(out, "{");
        if (rejected) {
            buf_printf(out,
                       "\"partialSuccess\":{\"rejectedLogRecords\":\"%llu\",\"errorMessage\":", (unsigned long long)rejected);
            buf_put_json(out, text, false);
            buf_put_str(out, "}");
        }
        buf_put_str(out, "}");
    } else if (rejected) {
        struct buf partial;
        buf_init(&partial, NULL);
        put_number(&partial, 1, rejected);
        put_bytes(&partial, 2, text);
        put_bytes(out, 1, buf_slice(&partial));
        buf_deinit(&partial);
    }
}

/* google.rpc.Status, the body of every error. */
static void write_status(const struct receive_result *result, enum form form, struct buf *out)
{
    enum { INVALID_ARGUMENT = 3, RESOURCE_EXHAUSTED = 8, INTERNAL = 13, UNAVAILABLE = 14 };
    unsigned code = result->status == 429 ? RESOURCE_EXHAUSTED : result->status == 503 ? UNAVAILABLE
                  : result->status >= 500 ? INTERNAL : INVALID_ARGUMENT;
    if (form == FORM_JSON) {
        buf_printf(out, "{\"code\":%u,\"message\":", code);
        buf_put_json(out, result->body, false);
        buf_put_str(out, "}");
    } else {
        put_number(out, 1, code);
        put_bytes(out, 2, result->body);
    }
}

static void answer(struct door *d, enum form form)
{
    struct receive_result *result = d->result;
    struct buf out;
    buf_init(&out, NULL);
    if (d->over)
        write_status(result, form, &out);
    else
        write_response(d, form, &out);
    bole_slice body = out.failed ? (bole_slice){0} : arena_copy(d->in->arena, buf_slice(&out));
    buf_deinit(&out);
    if (!body.ptr && !d->over) {
        door_no_memory(d, "the answer");
        return;
    }
    if (!d->over)
        result->status = 200;
    result->content_type = form == FORM_JSON ? "application/json" : "application/x-protobuf";
    result->body = body.ptr ? body : S("");
}

static bool ready(struct otlp *o)
{
    if (!mapping_ready(&o->m))
        return false;
    for (size_t i = 0; i < OTLP_FIXED_COUNT; i++) {
        o->fixed_keys[i] = mapping_key(&o->m, fixed_names[i]);
        if (!o->fixed_keys[i])
            return false;
    }
    return true;
}

static void take(struct door *d, enum form form)
{
    struct otlp *o = calloc(1, sizeof *o);
    if (!o) {
        door_no_memory(d, "a request");
        return;
    }
    mapping_init(&o->m, d, "record");
    buf_init(&o->text, d->r->options.budget);
    o->start = d->in->body.ptr;
    if (door_begin(d, d->in->body.len) && ready(o))
        (void)(form == FORM_JSON ? otlp_json(o, d->in->body) : otlp_proto(o, d->in->body));
    buf_deinit(&o->text);
    mapping_deinit(&o->m);
    free(o);
}

void receive_otlp_logs(struct receiver *r, const struct receive_input *in, struct receive_result *ret_result)
{
    struct door d = door_open(r, in, ret_result);
    d.name = "otlp";
    enum form form = form_of(in->content_type);
    if (form == FORM_UNKNOWN)
        door_refuse(&d, 415, "Content-Type \"%.*s\" is neither application/x-protobuf nor application/json",
                    BOLE_SLICE_ARG(in->content_type));
    else
        take(&d, form);
    answer(&d, form);
    door_close(&d);
}
