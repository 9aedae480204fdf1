/*
 * JSON lines. The body is indexed by chunks of whole lines that fit the cache; a chunk in which a line is broken (a
 * string that does not end would swallow its neighbours) is indexed again line by line.
 *
 * What becomes of a field depends on its path alone, so that is worked out once per path and request: the key table.
 * Lines of one source have the same keys in the same order: the key that stood at this place in the line before is
 * tried first, and nearly always is it.
 */
#include <stdlib.h>

#include "base/hash.h"
#include "process/service_name.h"
#include "receive/door.h"
#include "receive/json.h"
#include "receive/text.h"

enum {
    CHUNK_SIZE = 256 * 1024,         /* bytes */
    /* bytes of one JSON line: a line of RECORD_LINE_MAX with every byte escaped fits */
    LINE_MAX = 8 * 1024 * 1024,
    NAMES_MAX = 64,                  /* in one list of the parameters */
    SLOTS_MIN = 64,
    EXPECTED_MAX = 256,
    RANK_NONE = 255,
};

struct key {
    bole_slice  path;  /* as in the JSON: "a.b" */
    bole_slice  name;  /* of the field: cleaned */
    struct key *same;  /* the first key with this name: it knows whether the line had it already */
    uint64_t    seen;  /* number of the last line that had it */
    uint8_t     time_rank, msg_rank, stream_rank;
    bool        ignored;
};

struct names {
    bole_slice at[NAMES_MAX];
    size_t     count;
};

struct best { /* of the candidates that a line has: the one that stands first in its list */
    unsigned rank;
    size_t   field;
};

struct lines {
    struct door *d;
    struct json  j;
    struct arena arena; /* of the request: keys */
    struct key **slots; /* open addressing, by path */
    uint32_t     slot_count, key_count;
    struct key  *expected[EXPECTED_MAX]; /* by place in the line */
    struct buf   path, stream_key;
    size_t       stream_prefix; /* bytes of stream_key that are the same for all lines */
    struct names time, msg, stream, ignore;
    bool         default_stream; /* no _stream_fields */
    struct names extra_names, extra_values;
    uint64_t     line_number;
    /* of the line */
    size_t       field_count, place; /* fields kept; values seen */
    struct best  best_time, best_msg, best_stream;
    size_t       stream_field[NAMES_MAX]; /* place in the fields + 1; 0: the line does not have it */
    bool         too_many;
};

/* Without _stream_fields a record's stream is its service, when it names one under a name that means nothing else. */
static const bole_slice service_fields[] = {S("service_name"), S("service.name"), S("service"), S("app"),
                                            S("application"), S("container")};

/* ---- parameters ---- */

static bool split(struct lines *l, const char *what, bole_slice text, struct names *names)
{
    while (text.len) {
        bole_slice name = bole_slice_trim(bole_slice_cut(text, ',', &text));
        if (name.len == 0)
            continue;
        if (names->count == NAMES_MAX)
            return door_refuse(l->d, 400, "%s: more than %d names", what, NAMES_MAX);
        names->at[names->count++] = name;
    }
    return true;
}

static bool split_extra(struct lines *l, bole_slice text)
{
    if (!split(l, "extra_fields", text, &l->extra_names))
        return false;
    for (size_t i = 0; i < l->extra_names.count; i++) {
        bole_slice pair = l->extra_names.at[i], value;
        bole_slice name = bole_slice_cut(pair, '=', &value);
        if (name.len == 0 || value.len == 0)
            return door_refuse(l->d, 400, "extra_fields: \"%.*s\" is not name=value", BOLE_SLICE_ARG(pair));
        l->extra_names.at[i] = name;
        l->extra_values.at[l->extra_values.count++] = value;
    }
    return true;
}

static bool read_params(struct lines *l, const struct json_lines_params *p)
{
    if (!split(l, "_time_field", p->time_field.len ? p->time_field : S("_time"), &l->time) ||
        !split(l, "_msg_field", p->msg_field.len ? p->msg_field : S("_msg"), &l->msg) ||
        !split(l, "_stream_fields", p->stream_fields, &l->stream) ||
        !split(l, "ignore_fields", p->ignore_fields, &l->ignore) || !split_extra(l, p->extra_fields))
        return false;
    l->default_stream = l->stream.count == 0;
    if (l->default_stream)
        for (size_t i = 0; i < sizeof service_fields / sizeof *service_fields; i++)
            l->stream.at[l->stream.count++] = service_fields[i];
    /* The streams of different parameters are kept apart by the names in front of their values. */
    buf_put_u8(&l->stream_key, l->default_stream);
    for (size_t i = 0; i < l->stream.count; i++) {
        buf_put_varint(&l->stream_key, l->stream.at[i].len);
        buf_put(&l->stream_key, l->stream.at[i]);
    }
    l->stream_prefix = l->stream_key.len;
    return true;
}

/* ---- keys ---- */

static uint8_t rank_in(const struct names *names, bole_slice path)
{
    for (size_t i = 0; i < names->count; i++)
        if (bole_slice_eq(names->at[i], path))
            return (uint8_t)i;
    return RANK_NONE;
}

static struct key **find_slot(struct key **slots, uint32_t slot_count, bole_slice path)
{
    uint32_t at = (uint32_t)hash64(path) & (slot_count - 1);
    while (slots[at] && !bole_slice_eq(slots[at]->path, path))
        at = (at + 1) & (slot_count - 1);
    return &slots[at];
}

static bool fit_one_more(struct lines *l)
{
    if (2 * (l->key_count + 1) <= l->slot_count)
        return true;
    uint32_t slot_count = l->slot_count ? 2 * l->slot_count : SLOTS_MIN;
    struct key **slots = arena_array(&l->arena, slot_count, sizeof *slots);
    if (!slots)
        return false;
    for (uint32_t i = 0; i < l->slot_count; i++)
        if (l->slots[i])
            *find_slot(slots, slot_count, l->slots[i]->path) = l->slots[i];
    l->slots = slots;
    l->slot_count = slot_count;
    return true;
}

static struct key *no_memory(struct lines *l)
{
    door_no_memory(l->d, "the names of fields");
    return NULL;
}

/* The key of a path. NULL: the request is over. */
static struct key *find_key(struct lines *l, bole_slice path)
{
    struct key **slot = l->slot_count ? find_slot(l->slots, l->slot_count, path) : NULL;
    if (slot && *slot)
        return *slot;
    struct key *k = fit_one_more(l) ? arena_zalloc(&l->arena, sizeof *k) : NULL;
    if (!k)
        return no_memory(l);
    k->path = arena_copy(&l->arena, path);
    k->name = label_name_clean(k->path, &l->arena);
    if (!k->path.ptr || (!k->name.ptr && path.len))
        return no_memory(l);
    k->time_rank = rank_in(&l->time, path);
    k->msg_rank = rank_in(&l->msg, path);
    k->stream_rank = rank_in(&l->stream, path);
    k->ignored = rank_in(&l->ignore, path) != RANK_NONE;
    k->same = k;
    *find_slot(l->slots, l->slot_count, path) = k;
    l->key_count++;
    if (k->name.ptr != k->path.ptr && k->name.len) {
        struct key *same = find_key(l, k->name);
        if (!same)
            return NULL;
        k->same = same;
    }
    return k;
}

/* ---- one line ---- */

static void consider(struct best *best, unsigned rank, size_t field)
{
    if (rank < best->rank)
        *best = (struct best){rank, field};
}

/* A field of the line. The first of a repeated name stays. What may become the time, the message or a label is kept
 * even when it is to be ignored as a field. */
static void add_field(struct lines *l, struct key *k, bole_slice value)
{
    size_t at = l->field_count;
    bool has_role = k->time_rank != RANK_NONE || k->msg_rank != RANK_NONE || k->stream_rank != RANK_NONE;
    if (value.len == 0 || k->name.len == 0 || k->same->seen == l->line_number || (k->ignored && !has_role))
        return;
    if (at == RECORD_FIELDS_MAX) {
        l->too_many = true;
        return;
    }
    k->same->seen = l->line_number;
    if (has_role) {
        consider(&l->best_time, k->time_rank, at);
        consider(&l->best_msg, k->msg_rank, at);
        /* A service that nobody asked for and that is no name costs nobody the line. */
        if (k->stream_rank != RANK_NONE && !(l->default_stream && value.len > LABEL_VALUE_MAX)) {
            consider(&l->best_stream, k->stream_rank, at);
            l->stream_field[k->stream_rank] = at + 1;
        }
    }
    l->d->r->fields[at] = (struct batch_field){k->name, value};
    l->field_count++;
}

/* The key of the member just read, below the path that l->path holds. NULL: an error in j, or the request is over. */
static struct key *member_key(struct lines *l, bole_slice raw)
{
    size_t place = l->place++;
    struct key *k = place < EXPECTED_MAX ? l->expected[place] : NULL;
    size_t parent = l->path.len;
    if (k && l->j.plain && k->path.len == parent + raw.len && memcmp(k->path.ptr + parent, raw.ptr, raw.len) == 0 &&
        (parent == 0 || memcmp(k->path.ptr, l->path.ptr, parent) == 0))
        return k;
    bole_slice name = json_text(&l->j, raw, &l->d->r->scratch);
    if (!name.ptr)
        return NULL;
    buf_put(&l->path, name);
    k = l->path.failed ? no_memory(l) : find_key(l, buf_slice(&l->path));
    l->path.len = parent;
    if (k && place < EXPECTED_MAX)
        l->expected[place] = k;
    return k;
}

static bool read_object(struct lines *l, unsigned depth);

/* The members of an object that is the value of the member just read. */
static bool read_nested(struct lines *l, bole_slice raw, unsigned depth)
{
    size_t parent = l->path.len;
    bole_slice name = json_text(&l->j, raw, &l->d->r->scratch);
    if (!name.ptr)
        return false;
    buf_put(&l->path, name);
    buf_put_u8(&l->path, '.');
    if (l->path.failed)
        return no_memory(l) != NULL;
    bool good = read_object(l, depth + 1);
    l->path.len = parent;
    return good;
}

/* The value of a leaf as text; an absent value (null) is empty. False: an error in j. */
static bool read_value(struct lines *l, bole_slice *ret_value)
{
    struct json *j = &l->j;
    struct arena *scratch = &l->d->r->scratch;
    bole_slice raw;
    switch (json_peek(j)) {
    case '"':
        if (!json_string(j, &raw))
            return false;
        *ret_value = json_text(j, raw, scratch);
        break;
    case '[':
        if (!json_skip(j, &raw))
            return false;
        *ret_value = json_repair(j, raw, scratch);
        break;
    default:
        if (!json_scalar(j, &raw))
            return false;
        *ret_value = raw.ptr[0] == 'n' ? S("") : raw;
    }
    return ret_value->ptr != NULL;
}

/* False: an error in j, or the request is over. */
static bool read_object(struct lines *l, unsigned depth)
{
    struct json *j = &l->j;
    bole_slice raw, value;
    if (depth > JSON_DEPTH_MAX)
        return json_fail(j, "nested too deeply");
    if (!json_open(j, '{'))
        return false;
    for (bool first = true; json_member(j, &first, &raw);) {
        if (json_peek(j) == '{') {
            if (!read_nested(l, raw, depth))
                return false;
            continue;
        }
        struct key *k = member_key(l, raw);
        if (!k || !read_value(l, &value))
            return false;
        add_field(l, k, value);
    }
    return !j->error;
}

/* ---- the record of a line ---- */

/* They come first: the line's own values of the same names do not count. False: the request is over. */
static bool add_extra_fields(struct lines *l)
{
    for (size_t i = 0; i < l->extra_names.count; i++) {
        struct key *k = find_key(l, l->extra_names.at[i]);
        if (!k)
            return false;
        add_field(l, k, l->extra_values.at[i]);
    }
    return true;
}

static void put_stream_value(struct lines *l, size_t field)
{
    bole_slice value = field ? l->d->r->fields[field - 1].value : (bole_slice){0};
    buf_put_varint(&l->stream_key, value.len);
    buf_put(&l->stream_key, value);
}

static struct stream_entry *make_stream(struct lines *l)
{
    struct label labels[NAMES_MAX + 1];
    const struct batch_field *fields = l->d->r->fields;
    size_t count = 0;
    if (l->default_stream) {
        if (l->best_stream.rank != RANK_NONE)
            labels[count++] = (struct label){SERVICE_NAME_LABEL, fields[l->best_stream.field].value};
    } else {
        for (size_t i = 0; i < l->stream.count; i++)
            if (l->stream_field[i])
                labels[count++] = (struct label){fields[l->stream_field[i] - 1].key,
                                                 fields[l->stream_field[i] - 1].value};
    }
    /* A stream without any label could never be asked for. */
    if (count == 0)
        labels[count++] = (struct label){SERVICE_NAME_LABEL, SERVICE_NAME_UNKNOWN};
    return door_make_stream(l->d, DOOR_FIELDS, buf_slice(&l->stream_key), S("_stream_fields"), labels, count, 0);
}

/* The stream of the line; what became a label is no field any more. NULL: the request is over. */
static struct stream_entry *line_stream(struct lines *l)
{
    l->stream_key.len = l->stream_prefix;
    if (l->default_stream)
        put_stream_value(l, l->best_stream.rank == RANK_NONE ? 0 : l->best_stream.field + 1);
    else
        for (size_t i = 0; i < l->stream.count; i++)
            put_stream_value(l, l->stream_field[i]);
    if (l->stream_key.failed) {
        no_memory(l);
        return NULL;
    }
    struct stream_entry *s = door_find_stream(l->d, DOOR_FIELDS, buf_slice(&l->stream_key));
    if (!s)
        s = make_stream(l);
    for (size_t i = 0; i < l->stream.count; i++)
        if (l->stream_field[i] &&
            (!l->default_stream || bole_slice_eq(l->d->r->fields[l->stream_field[i] - 1].key, SERVICE_NAME_LABEL)))
            l->d->r->fields[l->stream_field[i] - 1].value.len = 0; /* empty fields are not stored */
    return s;
}

/* False: there is a time and it cannot be read. */
static bool line_time(struct lines *l, int64_t *ret_ns)
{
    *ret_ns = l->d->now_ns;
    if (l->best_time.rank == RANK_NONE)
        return true;
    struct batch_field *f = &l->d->r->fields[l->best_time.field];
    bole_slice text = f->value;
    f->value.len = 0;
    if (bole_slice_eq(text, S("0")) || bole_slice_eq(text, S("-")))
        return true;
    if (time_value_parse(text, ret_ns))
        return true;
    door_reject(l->d, RECEIVE_BAD_TIMESTAMP, 1, "line %llu: field %.*s: \"%.*s\" is no time",
                (unsigned long long)l->line_number, BOLE_SLICE_ARG(f->key), (int)(text.len < 64 ? text.len : 64),
                (const char *)text.ptr);
    return false;
}

/* Fields that are ignored, or became the time, the message or a label, have no value any more. */
static bool store_line(struct lines *l, bole_slice text)
{
    struct batch_field *fields = l->d->r->fields;
    int64_t time_ns;
    if (l->too_many) {
        door_reject(l->d, RECEIVE_FIELD_LIMIT, 1, "line %llu: more than %u fields", (unsigned long long)l->line_number,
                    RECORD_FIELDS_MAX);
        return true;
    }
    bole_slice line;
    if (l->best_msg.rank != RANK_NONE)
        line = fields[l->best_msg.field].value;
    else
        line = json_repair(&l->j, bole_slice_trim(text), &l->d->r->scratch);
    if (l->j.no_memory)
        return door_no_memory(l->d, "a line");
    if (!line_time(l, &time_ns))
        return true;
    struct stream_entry *s = line_stream(l);
    if (!s)
        return false;
    if (s->refused.ptr) {
        door_reject(l->d, s->reason, 1, "line %llu: %.*s", (unsigned long long)l->line_number,
                    BOLE_SLICE_ARG(s->refused));
        return true;
    }
    if (l->best_msg.rank != RANK_NONE)
        fields[l->best_msg.field].value.len = 0;
    uint64_t accepted = l->d->result->accepted;
    bool going_on = door_add(l->d, s, time_ns, line, fields, l->field_count);
    l->d->result->utf8_replaced += l->j.replaced && l->d->result->accepted > accepted;
    return going_on;
}

/* The line whose tokens are at the cursor; text is all of it. False: the request is over. */
static bool read_line(struct lines *l, bole_slice text)
{
    arena_reset(&l->d->r->scratch);
    l->j.plain = !memchr(text.ptr, '\\', text.len);
    l->j.replaced = false;
    l->j.error = NULL;
    l->field_count = l->place = 0;
    l->too_many = false;
    l->best_time.rank = l->best_msg.rank = l->best_stream.rank = RANK_NONE;
    memset(l->stream_field, 0, l->stream.count * sizeof *l->stream_field);
    l->path.len = 0;
    if (add_extra_fields(l) && read_object(l, 1) && json_finish(&l->j))
        return store_line(l, text);
    if (l->d->over)
        return false;
    if (l->j.no_memory)
        return door_no_memory(l->d, "a string");
    door_reject(l->d, RECEIVE_MALFORMED, 1, "line %llu: invalid JSON at byte %zu: %s",
                (unsigned long long)l->line_number, (size_t)(l->j.text + l->j.error_at - text.ptr),
                l->j.error ? l->j.error : "expecting an object");
    return true;
}

/* ---- lines ---- */

/* The first line of text, without its newline; the rest goes to *ret_rest. */
static bole_slice cut_line(bole_slice text, bole_slice *ret_rest)
{
    return bole_slice_cut(text, '\n', ret_rest);
}

static bool read_indexed(struct lines *l, bole_slice chunk, const struct json_positions *positions)
{
    l->j = json_of(chunk, positions);
    for (bole_slice rest = chunk; rest.len;) {
        bole_slice line = cut_line(rest, &rest);
        l->line_number++;
        l->j.limit = (uint32_t)(line.ptr + line.len - chunk.ptr);
        if (*l->j.next < l->j.limit && !read_line(l, line))
            return false;
        while (*l->j.next < l->j.limit)
            l->j.next++;
    }
    return true;
}

static bool read_one_by_one(struct lines *l, bole_slice chunk)
{
    struct json_positions positions;
    struct bole_err why;
    for (bole_slice rest = chunk; rest.len;) {
        bole_slice line = cut_line(rest, &rest);
        l->line_number++;
        if (bole_slice_trim(line).len == 0)
            continue;
        if (line.len > LINE_MAX) {
            door_reject(l->d, RECEIVE_LINE_TOO_LONG, 1, "line %llu: %zu bytes, the limit is %d",
                        (unsigned long long)l->line_number, line.len, LINE_MAX);
            continue;
        }
        if (!door_index(l->d, line, &positions, &why))
            return false;
        if (why.msg[0]) {
            door_reject(l->d, RECEIVE_MALFORMED, 1, "line %llu: invalid JSON: %s", (unsigned long long)l->line_number,
                        why.msg);
            continue;
        }
        l->j = json_of(line, &positions);
        if (!read_line(l, line))
            return false;
    }
    return true;
}

/* Whole lines of about CHUNK_SIZE. */
static bole_slice cut_chunk(bole_slice body, bole_slice *ret_rest)
{
    if (body.len > CHUNK_SIZE) {
        bole_slice tail;
        bole_slice last = bole_slice_cut(bole_slice_sub(body, CHUNK_SIZE - 1), '\n', &tail);
        if (tail.len) {
            *ret_rest = tail;
            return bole_slice_from(body.ptr, (size_t)(last.ptr + last.len - body.ptr));
        }
    }
    *ret_rest = (bole_slice){0};
    return body;
}

static bool read_body(struct lines *l, bole_slice body)
{
    struct json_positions positions;
    struct bole_err why;
    for (bole_slice rest = body; rest.len;) {
        bole_slice chunk = cut_chunk(rest, &rest);
        bool whole = chunk.len <= LINE_MAX;
        if (whole && !door_index(l->d, chunk, &positions, &why))
            return false;
        if (!(whole && !why.msg[0] ? read_indexed(l, chunk, &positions) : read_one_by_one(l, chunk)))
            return false;
    }
    return true;
}

static void answer(struct lines *l)
{
    struct receive_result *result = l->d->result;
    struct buf text;
    buf_init(&text, NULL);
    buf_printf(&text, "{\"accepted\":%llu,\"rejected\":%llu", (unsigned long long)result->accepted,
               (unsigned long long)result->rejected);
    for (size_t i = 0; i < result->error_count; i++) {
        buf_put_str(&text, i ? "," : ",\"errors\":[");
        buf_put_json(&text, result->errors[i].text, false);
    }
    buf_put_str(&text, result->error_count ? "]}" : "}");
    result->body = arena_copy(l->d->in->arena, buf_slice(&text));
    result->content_type = "application/json";
    result->status = result->rejected && !result->accepted ? 400 : 200;
    buf_deinit(&text);
}

void receive_json_lines(struct receiver *r, const struct receive_input *in, const struct json_lines_params *params,
                        struct receive_result *ret_result)
{
    struct door d = door_open(r, in, ret_result);
    struct lines *l = calloc(1, sizeof *l);
    if (!l) {
        door_no_memory(&d, "a request");
        return;
    }
    l->d = &d;
    arena_init(&l->arena, r->options.budget);
    buf_init(&l->path, r->options.budget);
    buf_init(&l->stream_key, r->options.budget);
    if (read_params(l, params) && door_begin(&d, in->body.len) && read_body(l, in->body))
        answer(l);
    arena_deinit(&l->arena);
    buf_deinit(&l->path);
    buf_deinit(&l->stream_key);
    free(l);
    door_close(&d);
}
