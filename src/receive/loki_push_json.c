/*
 * Both JSON forms of Loki's push:
 *
 *   v1  {"streams": [{"stream": {"a": "b"}, "values": [["<ns>", "line", {"metadata": "x"}?], ...]}]}
 *   v0  {"streams": [{"labels": "{a=\"b\"}", "entries": [{"ts": "<RFC 3339>", "line": "line"}, ...]}]}
 *
 * The grammar must hold to the end of the body, and the containers must be of the shape above: else nothing is stored.
 * An entry of another shape is refused by itself. When a stream's entries stand before its labels they are skipped and
 * read afterwards: the index makes going back free.
 */
#include <stdio.h>

#include "base/timefmt.h"
#include "receive/json.h"
#include "receive/loki_push.h"

struct decoder {
    struct door *d;
    struct json  j;
    size_t       stream_index, entry_index; /* for messages */
};

/* The body is over: why, and where. Always false. */
static bool malformed(struct decoder *x)
{
    if (x->j.no_memory)
        return door_no_memory(x->d, "a string");
    return door_refuse(x->d, 400, "invalid JSON at byte %u: %s", x->j.error_at, x->j.error);
}

/* Refuses the entry at the cursor's record; the walk goes on. */
static bool bad_entry(struct decoder *x, enum receive_reason reason, const char *what, bole_slice text)
{
    door_reject(x->d, reason, 1, "streams[%zu].values[%zu]: %s%s%.*s", x->stream_index, x->entry_index, what,
                text.ptr ? ": " : "", (int)(text.len < 64 ? text.len : 64), text.ptr ? (const char *)text.ptr : "");
    return true;
}

/* Decimal nanoseconds, as Go's ParseInt takes them (no plus, no blanks). */
static bool parse_ns(bole_slice text, int64_t *ret_ns)
{
    size_t at = text.len && text.ptr[0] == '-';
    int64_t v = 0;
    if (at == text.len)
        return false;
    for (size_t i = at; i < text.len; i++) {
        int digit = text.ptr[i] - '0';
        if (digit < 0 || digit > 9 || __builtin_mul_overflow(v, 10, &v) ||
            __builtin_add_overflow(v, at ? -digit : digit, &v))
            return false;
    }
    *ret_ns = v;
    return true;
}

/* ---- v1: labels as an object, entries as arrays ---- */

/* The members of the object at the cursor, whose values must be strings. *ret_bad is set when one is not: the object is
 * skipped to its end all the same. Only the first `room` are kept; *ret_count counts them all. False: malformed. */
static bool read_strings(struct decoder *x, struct batch_field *pairs, size_t room, size_t *ret_count, bool *ret_bad)
{
    struct json *j = &x->j;
    bole_slice key, raw;
    size_t count = 0;
    if (!json_open(j, '{'))
        return false;
    for (bool first = true; json_member(j, &first, &key); count++) {
        if (json_peek(j) != '"') {
            *ret_bad = true;
            if (!json_skip(j, NULL))
                return false;
            continue;
        }
        struct batch_field pair = {0};
        pair.key = json_text(j, key, &x->d->r->scratch);
        if (json_string(j, &raw))
            pair.value = json_text(j, raw, &x->d->r->scratch);
        if (count < room)
            pairs[count] = pair;
    }
    *ret_count = count;
    return !j->error;
}

/* Labels in a JSON object are a map: of a repeated name the last value counts. */
static size_t to_labels(const struct batch_field *pairs, size_t count, struct label *labels)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        size_t at = 0;
        while (at < kept && !bole_slice_eq(labels[at].name, pairs[i].key))
            at++;
        labels[at] = (struct label){pairs[i].key, pairs[i].value};
        kept += at == kept;
    }
    return kept;
}

static struct stream_entry *make_stream(struct decoder *x, bole_slice text, const struct batch_field *pairs,
                                        size_t count, bool bad)
{
    struct door *d = x->d;
    struct label labels[LABELS_MAX + 1];
    if (bad)
        return door_refuse_stream(d, DOOR_JSON_OBJECT, text, RECEIVE_BAD_LABELS,
                                  "couldn't parse labels: a value is not a string: %.*s", BOLE_SLICE_ARG(text));
    if (count > LABELS_MAX)
        return door_refuse_stream(d, DOOR_JSON_OBJECT, text, RECEIVE_LABEL_LIMIT,
                                  "entry for stream '%.*s' has %zu label names; limit %u", BOLE_SLICE_ARG(text), count,
                                  LABELS_MAX);
    for (size_t i = 0; i < count; i++) {
        bole_slice clean = label_name_clean(pairs[i].key, &d->r->scratch);
        if (pairs[i].key.len == 0 || clean.ptr != pairs[i].key.ptr)
            return door_refuse_stream(d, DOOR_JSON_OBJECT, text, RECEIVE_BAD_LABELS,
                                      "couldn't parse labels: '%.*s' is not a label name: %.*s",
                                      BOLE_SLICE_ARG(pairs[i].key), BOLE_SLICE_ARG(text));
    }
    count = to_labels(pairs, count, labels);
    return door_make_stream(d, DOOR_JSON_OBJECT, text, text, labels, count, BATCH_STREAM_COLLAPSE);
}

/* The "stream" object at the cursor. NULL: malformed (x->j.error) or the request is over. */
static struct stream_entry *read_stream_object(struct decoder *x)
{
    struct json *j = &x->j;
    const uint32_t *from = j->next;
    bole_slice text;
    if (json_peek(j) != '{') {
        json_fail(j, "expecting an object of labels");
        return NULL;
    }
    if (!json_skip(j, &text))
        return NULL;
    struct stream_entry *s = door_find_stream(x->d, DOOR_JSON_OBJECT, text);
    if (s)
        return s;
    size_t count = 0;
    bool bad = false;
    j->next = from;
    if (!read_strings(x, x->d->r->fields, LABELS_MAX, &count, &bad))
        return NULL;
    return make_stream(x, text, x->d->r->fields, count, bad);
}

/* One element of "values". False: malformed or over. */
static bool read_value(struct decoder *x, struct stream_entry *s)
{
    struct json *j = &x->j;
    bole_slice stamp, raw, ignored;
    bool first = true, bad_metadata = false;
    int64_t time_ns;
    size_t pairs = 0;
    const uint32_t *from = j->next;
    arena_reset(&x->d->r->scratch);
    if (json_peek(j) == '[' && json_open(j, '[') && json_element(j, &first) && json_peek(j) == '"' &&
        json_string(j, &stamp) && json_element(j, &first) && json_peek(j) == '"' && json_string(j, &raw)) {
        bole_slice line = json_text(j, raw, &x->d->r->scratch);
        if (json_element(j, &first)) {
            bool object = json_peek(j) == '{';
            bad_metadata = !object;
            if (object ? !read_strings(x, x->d->r->fields, FIELDS_ROOM - 1, &pairs, &bad_metadata)
                       : !json_skip(j, NULL))
                return false;
            while (json_element(j, &first)) /* Loki ignores what stands behind the metadata */
                json_skip(j, &ignored);
        }
        if (j->error)
            return false;
        if (!parse_ns(stamp, &time_ns))
            return bad_entry(x, RECEIVE_BAD_TIMESTAMP, "the timestamp is not a number of nanoseconds", stamp);
        if (bad_metadata)
            return bad_entry(x, RECEIVE_BAD_ENTRY, "structured metadata is not an object of strings", (bole_slice){0});
        if (pairs > RECORD_FIELDS_MAX)
            return bad_entry(x, RECEIVE_FIELD_LIMIT, "too many structured metadata labels", (bole_slice){0});
        return loki_push_entry(x->d, s, time_ns, line, x->d->r->fields, pairs);
    }
    if (j->error)
        return false;
    j->next = from;
    if (!json_skip(j, NULL))
        return false;
    return bad_entry(x, RECEIVE_BAD_ENTRY, "expecting [\"nanoseconds\", \"line\"] of two strings", (bole_slice){0});
}

/* ---- v0: labels as text, entries as objects ---- */

static struct stream_entry *read_stream_text(struct decoder *x)
{
    struct json *j = &x->j;
    bole_slice raw, text = {0};
    arena_reset(&x->d->r->scratch);
    if (json_string(j, &raw))
        text = json_text(j, raw, &x->d->r->scratch);
    return text.ptr ? loki_push_stream(x->d, text) : NULL;
}

static bool read_entry(struct decoder *x, struct stream_entry *s)
{
    struct json *j = &x->j;
    bole_slice key, raw, stamp = {0}, line = {0};
    int64_t time_ns;
    arena_reset(&x->d->r->scratch);
    if (json_peek(j) != '{')
        return json_skip(j, NULL) &&
               bad_entry(x, RECEIVE_BAD_ENTRY, "expecting an object with ts and line", (bole_slice){0});
    json_open(j, '{');
    for (bool first = true; json_member(j, &first, &key);) {
        bool is_stamp = bole_slice_eq(key, S("ts")) || bole_slice_eq(key, S("timestamp"));
        if ((!is_stamp && !bole_slice_eq(key, S("line"))) || json_peek(j) != '"')
            json_skip(j, NULL);
        else if (json_string(j, &raw))
            *(is_stamp ? &stamp : &line) = json_text(j, raw, &x->d->r->scratch);
    }
    if (j->error)
        return false;
    if (!line.ptr)
        return bad_entry(x, RECEIVE_BAD_ENTRY, "expecting an object with ts and line", (bole_slice){0});
    if (!stamp.ptr || !time_parse_rfc3339(stamp, &time_ns))
        return bad_entry(x, RECEIVE_BAD_TIMESTAMP, "the timestamp is not RFC 3339", stamp);
    return loki_push_entry(x->d, s, time_ns, line, x->d->r->fields, 0);
}

/* ---- streams ---- */

enum form { FORM_NONE, FORM_VALUES, FORM_ENTRIES };

/* The array of entries at the cursor; s NULL: they are only counted. False: malformed or over. */
static bool read_entries(struct decoder *x, struct stream_entry *s, enum form form, uint64_t *ret_count)
{
    struct json *j = &x->j;
    uint64_t replaced = 0, accepted;
    x->entry_index = 0;
    if (json_peek(j) == 'n') /* null is no entries */
        return json_skip(j, NULL);
    if (!json_open(j, '['))
        return false;
    for (bool first = true; json_element(j, &first); x->entry_index++) {
        j->replaced = false;
        accepted = x->d->result->accepted;
        if (!s ? !json_skip(j, NULL) : form == FORM_VALUES ? !read_value(x, s) : !read_entry(x, s))
            return false;
        replaced += j->replaced && x->d->result->accepted > accepted;
    }
    x->d->result->utf8_replaced += replaced;
    *ret_count = x->entry_index;
    return !j->error;
}

/* One element of "streams". False: malformed or over. */
static bool read_stream(struct decoder *x)
{
    struct json *j = &x->j;
    struct stream_entry *s = NULL;
    const uint32_t *waiting = NULL; /* entries that came before the labels */
    enum form form = FORM_NONE;
    uint64_t count = 0;
    bole_slice key;
    if (!json_open(j, '{'))
        return false;
    for (bool first = true; json_member(j, &first, &key);) {
        bool labels = bole_slice_eq(key, S("stream")), text = bole_slice_eq(key, S("labels"));
        bool values = bole_slice_eq(key, S("values"));
        if (labels || text) {
            s = labels ? read_stream_object(x) : read_stream_text(x);
            if (!s)
                return false;
        } else if (values || bole_slice_eq(key, S("entries"))) {
            if (waiting)
                return json_fail(j, "entries twice, and no labels before them");
            form = values ? FORM_VALUES : FORM_ENTRIES;
            bool now = s && !s->refused.ptr;
            waiting = now ? NULL : j->next;
            if (!read_entries(x, now ? s : NULL, form, &count))
                return false;
        } else if (!json_skip(j, NULL)) {
            return false;
        }
    }
    if (j->error || !waiting || count == 0)
        return !j->error;
    if (!s)
        s = door_make_stream(x->d, DOOR_JSON_OBJECT, S("{}"), S("{}"), NULL, 0, BATCH_STREAM_COLLAPSE);
    if (!s)
        return false;
    if (s->refused.ptr) {
        loki_push_reject_stream(x->d, s, count);
        return true;
    }
    const uint32_t *behind = j->next;
    j->next = waiting;
    if (!read_entries(x, s, form, &count))
        return false;
    j->next = behind;
    return true;
}

static bool read_request(struct decoder *x)
{
    struct json *j = &x->j;
    bole_slice key;
    if (!json_open(j, '{'))
        return false;
    for (bool first = true; json_member(j, &first, &key);) {
        if (!bole_slice_eq(key, S("streams")) || json_peek(j) == 'n') {
            json_skip(j, NULL);
            continue;
        }
        if (!json_open(j, '['))
            return false;
        for (bool first_stream = true; json_element(j, &first_stream); x->stream_index++)
            if (!read_stream(x))
                return false;
    }
    return json_finish(j);
}

bool loki_push_json(struct door *d, bole_slice body)
{
    struct decoder x = {.d = d};
    struct json_positions positions;
    struct bole_err err;
    if (!door_index(d, body, &positions, &err))
        return false;
    if (err.msg[0])
        return door_refuse(d, 400, "invalid JSON: %s", err.msg);
    x.j = json_of(body, &positions);
    if (!read_request(&x))
        return d->over ? false : malformed(&x);
    if (x.stream_index == 0)
        return door_refuse(d, 422, "error at least one valid stream is required for ingestion");
    return true;
}
