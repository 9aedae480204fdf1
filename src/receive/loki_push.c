/*
 * Loki's push door. What is refused, and with which words, follows Loki's distributor (pkg/loghttp/push,
 * pkg/distributor, pkg/validation; August 2026), with one difference: labels or a stamp that cannot be read cost that
 * stream or entry, not the request. The answer is 400 either way, so that no client can tell, but its good lines are
 * there.
 */
#include "receive/loki_push.h"

#include <snappy-c.h>

#include "base/err.h"
#include "base/unset.h"

enum { SNAPPY_RATIO_MAX = 32 }; /* the densest element makes 64 bytes of 3 */

/* The decompressed body; false: the request is over. */
static bool unpack(struct door *d, bole_slice body, bole_slice *ret_message)
{
    struct receiver *r = d->r;
    size_t size = 0;
    if (snappy_uncompressed_length((const char *)body.ptr, body.len, &size) != SNAPPY_OK ||
        size / SNAPPY_RATIO_MAX > body.len)
        return door_refuse(d, 400, "snappy: corrupt input");
    if (size > r->options.decoded_max_bytes)
        return door_refuse(d, 413, "decompressed message size too large than max (%zu vs %zu)", size,
                           r->options.decoded_max_bytes);
    buf_reset(&r->decoded);
    if (!door_fits(d, 2 * size)) /* a buffer that grows may have twice the room it needs */
        return false;
    if (!buf_reserve(&r->decoded, size ? size : 1))
        return door_no_memory(d, "the decompressed request");
    if (snappy_uncompress((const char *)body.ptr, body.len, (char *)r->decoded.ptr, &size) != SNAPPY_OK)
        return door_refuse(d, 400, "snappy: corrupt input");
    *ret_message = bole_slice_from(r->decoded.ptr, size);
    return true;
}

static bool is_json(bole_slice content_type)
{
    bole_slice rest;
    return bole_slice_eq_nocase(bole_slice_trim(bole_slice_cut(content_type, ';', &rest)), S("application/json"));
}

static bool decode(struct door *d)
{
    const struct receive_input *in = d->in;
    bool json = is_json(in->content_type);
    bool snappy = bole_slice_eq_nocase(in->content_encoding, S("snappy"));
    bole_slice body = in->body;
    if (in->content_encoding.len && !snappy && !bole_slice_eq_nocase(in->content_encoding, S("identity")))
        return door_refuse(d, 400, "Content-Encoding \"%.*s\" not supported", BOLE_SLICE_ARG(in->content_encoding));
    if ((snappy || !json) && !unpack(d, body, &body))
        return false;
    return door_begin(d, body.len) && (json ? loki_push_json(d, body) : loki_push_proto(d, body));
}

void receive_loki_push(struct receiver *r, const struct receive_input *in, struct receive_result *ret_result)
{
    struct door d = door_open(r, in, ret_result);
    d.name = "loki";
    if (decode(&d)) {
        ret_result->status = ret_result->rejected ? 400 : 204;
        if (ret_result->rejected) {
            ret_result->content_type = "text/plain; charset=utf-8";
            ret_result->body = door_error_text(&d);
        }
    }
    door_close(&d);
}

static bool repeats_a_name(const struct label *labels, size_t count, bole_slice *ret_name)
{
    for (size_t i = 1; i < count; i++)
        for (size_t k = 0; k < i; k++)
            if (bole_slice_eq(labels[i].name, labels[k].name)) {
                *ret_name = labels[i].name;
                return true;
            }
    return false;
}

struct stream_entry *loki_push_stream(struct door *d, bole_slice text)
{
    struct stream_entry *s = door_find_stream(d, DOOR_LABEL_TEXT, text);
    if (s)
        return s;
    struct label *labels;
    size_t count;
    struct bole_err err;
    bole_slice repeated;
    if (text.len > LABELS_SIZE_MAX)
        return door_refuse_stream(d, DOOR_LABEL_TEXT, text, RECEIVE_LABEL_LIMIT,
                                  "stream labels size %zu bytes exceeds limit of %u", text.len, LABELS_SIZE_MAX);
    bole_status st = labels_parse(text, &d->r->scratch, &labels, &count, &err);
    if (st == BOLE_E_NOMEM) {
        door_no_memory(d, "a stream's labels");
        return NULL;
    }
    if (st < 0)
        return door_refuse_stream(d, DOOR_LABEL_TEXT, text,
                                  st == BOLE_E_LIMIT ? RECEIVE_LABEL_LIMIT : RECEIVE_BAD_LABELS,
                                  "couldn't parse labels: %s: %.*s", err.msg, BOLE_SLICE_ARG(text));
    if (repeats_a_name(labels, count, &repeated))
        return door_refuse_stream(d, DOOR_LABEL_TEXT, text, RECEIVE_BAD_LABELS,
                                  "stream '%.*s' has duplicate label name: '%.*s'", BOLE_SLICE_ARG(text),
                                  BOLE_SLICE_ARG(repeated));
    return door_make_stream(d, DOOR_LABEL_TEXT, text, text, labels, count, BATCH_STREAM_COLLAPSE);
}

/* The fields of an entry, sorted by name: that makes equal sets equal, whatever order they were sent in. An empty value stands for
 * a name that was taken away. */
struct field_set {
    struct batch_field *sorted;
    bool                cleaned[FIELDS_ROOM]; /* was the name? */
    size_t              count;
    bool                has_empty;
};

/* As Loki: what bears a cleaned name is written over what bears that name otherwise; of equals the last stays, but an empty value
 * among names that were clean takes all of them away. */
static void set_field(struct field_set *s, struct batch_field f, bool cleaned)
{
    size_t from = 0, to = s->count;
    s->has_empty |= f.value.len == 0;
    if (s->count > 0 && bole_slice_cmp(s->sorted[s->count - 1].key, f.key) < 0)
        from = s->count; /* most clients send them sorted */
    while (from < to) {
        size_t middle = (from + to) / 2;
        int order = bole_slice_cmp(s->sorted[middle].key, f.key);
        if (order == 0) {
            if (cleaned || (!s->cleaned[middle] && s->sorted[middle].value.len > 0))
                s->sorted[middle] = f;
            s->cleaned[middle] |= cleaned;
            return;
        }
        if (order < 0)
            from = middle + 1;
        else
            to = middle;
    }
    memmove(s->sorted + from + 1, s->sorted + from, (s->count - from) * sizeof *s->sorted);
    memmove(s->cleaned + from + 1, s->cleaned + from, s->count - from);
    s->sorted[from] = f;
    s->cleaned[from] = cleaned;
    s->count++;
}

static size_t drop_empty_fields(struct batch_field *fields, size_t count)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        if (fields[i].value.len > 0)
            fields[n++] = fields[i];
    return n;
}

bool loki_push_entry(struct door *d, struct stream_entry *s, int64_t time_ns, bole_slice line,
                     struct batch_field *fields, size_t field_count)
{
    UNSET struct field_set set;
    set.sorted = fields; /* the sorted part never overtakes the reading */
    set.count = 0;
    set.has_empty = false;
    for (size_t i = 0; i < field_count; i++) {
        struct batch_field f = fields[i];
        bole_slice name = label_name_clean_metadata(f.key, &d->r->scratch);
        if (name.len == 0) {
            if (f.key.len == 0 && f.value.len == 0)
                continue;
            if (!name.ptr && f.key.len)
                return door_no_memory(d, "structured metadata");
            bole_slice stream = door_stream_text(d, s);
            door_reject(d, RECEIVE_BAD_ENTRY, 1, "stream '%.*s' has structured metadata with an empty name",
                        BOLE_SLICE_ARG(stream));
            return true;
        }
        bool cleaned = name.ptr != f.key.ptr;
        f.key = name;
        set_field(&set, f, cleaned);
    }
    return door_add(d, s, time_ns, line, fields, set.has_empty ? drop_empty_fields(fields, set.count) : set.count);
}
