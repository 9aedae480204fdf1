#include "receive/mapping.h"

#include <stdio.h>

#include "base/hash.h"
#include "base/unset.h"
#include "process/service_name.h"
#include "receive/text.h"

enum {
    CHUNK_SIZE = 256 * 1024,        /* bytes of lines that are indexed at once: they fit the cache */
    /* bytes of one JSON line: a line of RECORD_LINE_MAX with every byte escaped fits */
    LINE_MAX = 8 * 1024 * 1024,
    SLOTS_MIN = 64,
};

void mapping_init(struct mapping *m, struct door *d, const char *unit)
{
    const struct receive_options *o = &d->r->options;
    memset(m, 0, offsetof(struct mapping, best_label));
    m->d = d;
    d->maps = true;
    m->unit = unit;
    m->labels = o->stream_labels ? o->stream_labels : receive_stream_labels;
    m->label_count = o->stream_labels ? o->stream_label_count : receive_stream_label_count;
    arena_init(&m->arena, o->budget);
    buf_init(&m->path, o->budget);
    buf_init(&m->stream_key, o->budget);
}

void mapping_deinit(struct mapping *m)
{
    arena_deinit(&m->arena);
    buf_deinit(&m->path);
    buf_deinit(&m->stream_key);
}

void mapping_resume(struct mapping *m, struct door *d)
{
    m->d = d;
    d->maps = true;
    m->number = 0;
}

size_t mapping_size(const struct mapping *m)
{
    return arena_used(&m->arena) + m->path.cap + m->stream_key.cap;
}

static struct mapping_key *no_memory(struct mapping *m)
{
    door_no_memory(m->d, "the names of fields");
    return NULL;
}

bool mapping_split(struct mapping *m, const char *what, bole_slice text, struct mapping_names *ret_names)
{
    UNSET bole_slice names[MAPPING_NAMES_MAX];
    size_t count = 0;
    while (text.len) {
        bole_slice name = bole_slice_trim(bole_slice_cut(text, ',', &text));
        if (name.len == 0)
            continue;
        if (count == MAPPING_NAMES_MAX)
            return door_refuse(m->d, 400, "%s: more than %d names", what, MAPPING_NAMES_MAX);
        names[count++] = name;
    }
    *ret_names = (struct mapping_names){0};
    if (!count)
        return true;
    bole_slice *kept = arena_alloc(&m->arena, count * sizeof *kept);
    if (!kept)
        return no_memory(m);
    memcpy(kept, names, count * sizeof *kept);
    *ret_names = (struct mapping_names){kept, count};
    return true;
}

/* The streams of different labels are kept apart by the names in front of their values. */
bool mapping_ready(struct mapping *m)
{
    for (size_t i = 0; i < m->label_count; i++) {
        buf_put_varint(&m->stream_key, m->labels[i].name.len);
        buf_put(&m->stream_key, m->labels[i].name);
    }
    m->stream_prefix = m->stream_key.len;
    return !m->stream_key.failed || no_memory(m);
}

void mapping_begin(struct mapping *m)
{
    arena_reset(&m->d->r->scratch);
    m->record++;
    m->field_count = m->place = 0;
    m->too_many = false;
    m->best_time.rank = m->best_line.rank = MAPPING_NONE;
    for (size_t i = 0; i < m->label_count; i++)
        m->best_label[i] = (struct mapping_best){.rank = MAPPING_NONE};
    m->path.len = 0;
}

/* ---- keys ---- */

static uint8_t rank_in(const bole_slice *names, size_t count, bole_slice path)
{
    for (size_t i = 0; i < count; i++)
        if (bole_slice_eq(names[i], path))
            return (uint8_t)i;
    return MAPPING_NONE;
}

static void find_label(const struct mapping *m, struct mapping_key *k)
{
    k->label = k->label_rank = MAPPING_NONE;
    for (size_t i = 0; i < m->label_count && k->label_rank == MAPPING_NONE; i++) {
        k->label_rank = rank_in(m->labels[i].from, m->labels[i].from_count, k->path);
        if (k->label_rank != MAPPING_NONE)
            k->label = (uint8_t)i;
    }
}

static struct mapping_key **find_slot(struct mapping_key **slots, uint32_t slot_count, bole_slice path)
{
    uint32_t at = (uint32_t)hash64(path) & (slot_count - 1);
    while (slots[at] && !bole_slice_eq(slots[at]->path, path))
        at = (at + 1) & (slot_count - 1);
    return &slots[at];
}

static bool fit_one_more(struct mapping *m)
{
    if (2 * (m->key_count + 1) <= m->slot_count)
        return true;
    uint32_t slot_count = m->slot_count ? 2 * m->slot_count : SLOTS_MIN;
    struct mapping_key **slots = arena_array(&m->arena, slot_count, sizeof *slots);
    if (!slots)
        return false;
    for (uint32_t i = 0; i < m->slot_count; i++)
        if (m->slots[i])
            *find_slot(slots, slot_count, m->slots[i]->path) = m->slots[i];
    m->slots = slots;
    m->slot_count = slot_count;
    return true;
}

struct mapping_key *mapping_key(struct mapping *m, bole_slice path)
{
    struct mapping_key **slot = fit_one_more(m) ? find_slot(m->slots, m->slot_count, path) : NULL;
    if (slot && *slot)
        return *slot;
    struct mapping_key *k = slot ? arena_zalloc(&m->arena, sizeof *k) : NULL;
    if (!k)
        return no_memory(m);
    k->path = arena_copy(&m->arena, path);
    k->name = label_name_clean(k->path, &m->arena);
    if (!k->path.ptr || (!k->name.ptr && path.len))
        return no_memory(m);
    k->time_rank = rank_in(m->time.at, m->time.count, path);
    k->line_rank = rank_in(m->line.at, m->line.count, path);
    find_label(m, k);
    k->ignored = rank_in(m->ignore.at, m->ignore.count, path) != MAPPING_NONE;
    k->same = k;
    *slot = k;
    m->key_count++;
    if (k->name.ptr != k->path.ptr && k->name.len) {
        struct mapping_key *same = mapping_key(m, k->name);
        if (!same)
            return NULL;
        k->same = same;
    }
    return k;
}

/* ---- values ---- */

static void consider(struct mapping_best *best, unsigned rank, size_t field, bole_slice value)
{
    if (rank < best->rank)
        *best = (struct mapping_best){rank, field + 1, value};
}

/* What may become the time, the line or a label is kept even when it is to be ignored as a field. */
bool mapping_add_key(struct mapping *m, struct mapping_key *k, bole_slice value)
{
    size_t at = m->field_count;
    bool has_role = k->time_rank != MAPPING_NONE || k->line_rank != MAPPING_NONE || k->label != MAPPING_NONE;
    if (value.len == 0 || k->name.len == 0 || (k->ignored && !has_role))
        return true;
    if (k->same->seen == m->record)
        return false;
    if (at == RECORD_FIELDS_MAX) {
        m->too_many = true;
        return true;
    }
    k->same->seen = m->record;
    if (has_role) {
        consider(&m->best_time, k->time_rank, at, value);
        consider(&m->best_line, k->line_rank, at, value);
        /* A label that nobody asked for and that is no name costs nobody the record. */
        if (k->label != MAPPING_NONE && (m->labels_asked || value.len <= LABEL_VALUE_MAX))
            consider(&m->best_label[k->label], k->label_rank, at, value);
    }
    m->d->r->fields[at] = (struct batch_field){k->name, value};
    m->field_count++;
    return true;
}

bool mapping_add(struct mapping *m, bole_slice path, bole_slice value)
{
    struct mapping_key *k = mapping_key(m, path);
    if (k)
        (void)mapping_add_key(m, k, value);
    return k != NULL;
}

/* The key that stood at this place in the record before; NULL: not known. */
static inline struct mapping_key *expected_at(const struct mapping *m, size_t place)
{
    return place < m->expected_count ? m->expected[place] : NULL;
}

static void expect(struct mapping *m, size_t place, struct mapping_key *k)
{
    if (!k || place > m->expected_count || place >= MAPPING_EXPECTED_MAX)
        return;
    m->expected[place] = k;
    m->expected_count += place == m->expected_count;
}

struct mapping_key *mapping_next_key(struct mapping *m, bole_slice path)
{
    size_t place = m->place++;
    struct mapping_key *k = expected_at(m, place);
    if (k && bole_slice_eq(k->path, path))
        return k;
    k = mapping_key(m, path);
    expect(m, place, k);
    return k;
}

/* ---- JSON ---- */

/* The key of the member just read, below the path that m->path holds. NULL: an error in j, or the request is over. */
static struct mapping_key *member_key(struct mapping *m, bole_slice raw)
{
    size_t place = m->place++;
    struct mapping_key *k = expected_at(m, place);
    size_t parent = m->path.len;
    if (k && m->j.plain && k->path.len == parent + raw.len && memcmp(k->path.ptr + parent, raw.ptr, raw.len) == 0 &&
        (parent == 0 || memcmp(k->path.ptr, m->path.ptr, parent) == 0))
        return k;
    bole_slice name = json_text(&m->j, raw, &m->d->r->scratch);
    if (!name.ptr)
        return NULL;
    buf_put(&m->path, name);
    k = m->path.failed ? no_memory(m) : mapping_key(m, buf_slice(&m->path));
    m->path.len = parent;
    expect(m, place, k);
    return k;
}

static bool read_object(struct mapping *m, unsigned depth);

/* The members of an object that is the value of the member just read. */
static bool read_nested(struct mapping *m, bole_slice raw, unsigned depth)
{
    size_t parent = m->path.len;
    bole_slice name = json_text(&m->j, raw, &m->d->r->scratch);
    if (!name.ptr)
        return false;
    buf_put(&m->path, name);
    buf_put_u8(&m->path, '.');
    if (m->path.failed)
        return no_memory(m) != NULL;
    bool good = read_object(m, depth + 1);
    m->path.len = parent;
    return good;
}

/* The value of a leaf as text; an absent value (null) is empty. False: an error in j. */
static bool read_value(struct mapping *m, bole_slice *ret_value)
{
    struct json *j = &m->j;
    struct arena *scratch = &m->d->r->scratch;
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

static inline bool read_member(struct mapping *m, bole_slice raw, unsigned depth)
{
    bole_slice value;
    if (json_peek(&m->j) == '{')
        return read_nested(m, raw, depth);
    struct mapping_key *k = member_key(m, raw);
    if (!k || !read_value(m, &value))
        return false;
    (void)mapping_add_key(m, k, value);
    return true;
}

/* False: an error in j, or the request is over. */
static bool read_object(struct mapping *m, unsigned depth)
{
    struct json *j = &m->j;
    bole_slice raw;
    if (depth > JSON_DEPTH_MAX)
        return json_fail(j, "nested too deeply");
    if (!json_open(j, '{'))
        return false;
    for (bool first = true; json_member(j, &first, &raw);)
        if (!read_member(m, raw, depth))
            return false;
    return !j->error;
}

bool mapping_member(struct mapping *m, bole_slice raw)
{
    return read_member(m, raw, 1);
}

bool mapping_text(struct mapping *m, bole_slice *ret_text)
{
    bole_slice raw;
    if (json_peek(&m->j) != '{')
        return read_value(m, ret_text);
    if (!json_skip(&m->j, &raw))
        return false;
    *ret_text = json_repair(&m->j, raw, &m->d->r->scratch);
    return ret_text->ptr != NULL;
}

bool mapping_object(struct mapping *m)
{
    return read_object(m, 1);
}

/* ---- the record ---- */

static struct stream_entry *make_stream(struct mapping *m)
{
    struct label labels[MAPPING_LABELS_MAX + 1];
    size_t count = 0;
    for (size_t i = 0; i < m->label_count; i++)
        if (m->best_label[i].rank != MAPPING_NONE)
            labels[count++] = (struct label){m->labels[i].name, m->best_label[i].value};
    /* A stream without any label could never be asked for. */
    if (count == 0)
        labels[count++] = (struct label){SERVICE_NAME_LABEL, SERVICE_NAME_UNKNOWN};
    return door_make_stream(m->d, DOOR_FIELDS, buf_slice(&m->stream_key), S("_stream_fields"), labels, count, 0);
}

/* The stream of the record; a field that became the label of its own name is no field any more. NULL: the request is
 * over. */
static struct stream_entry *record_stream(struct mapping *m)
{
    struct batch_field *fields = m->d->r->fields;
    m->stream_key.len = m->stream_prefix;
    for (size_t i = 0; i < m->label_count; i++) {
        bole_slice value = m->best_label[i].rank == MAPPING_NONE ? (bole_slice){0} : m->best_label[i].value;
        buf_put_varint(&m->stream_key, value.len);
        buf_put(&m->stream_key, value);
    }
    if (m->stream_key.failed) {
        no_memory(m);
        return NULL;
    }
    struct stream_entry *s = door_find_stream(m->d, DOOR_FIELDS, buf_slice(&m->stream_key));
    if (!s)
        s = make_stream(m);
    for (size_t i = 0; i < m->label_count; i++) {
        const struct mapping_best *best = &m->best_label[i];
        if (best->rank != MAPPING_NONE && best->field && bole_slice_eq(fields[best->field - 1].key, m->labels[i].name))
            fields[best->field - 1].value.len = 0; /* empty fields are not stored */
    }
    return s;
}

/* False: there is a time and it cannot be read. */
static bool record_time(struct mapping *m, bole_slice line, int64_t given_ns, int64_t *ret_ns)
{
    bool has_field = m->best_time.rank != MAPPING_NONE;
    bole_slice text = m->best_time.value;
    if (has_field)
        m->d->r->fields[m->best_time.field - 1].value.len = 0;
    if (has_field && !bole_slice_eq(text, S("0")) && !bole_slice_eq(text, S("-"))) {
        if (time_value_parse(text, ret_ns))
            return true;
        door_reject(m->d, RECEIVE_BAD_TIMESTAMP, 1, "%s %llu: field %.*s: \"%.*s\" is no time", m->unit,
                    (unsigned long long)m->number, BOLE_SLICE_ARG(m->d->r->fields[m->best_time.field - 1].key),
                    (int)(text.len < 64 ? text.len : 64), (const char *)text.ptr);
        return false;
    }
    *ret_ns = given_ns;
    if (!given_ns && !text_time(line, m->d->now_ns, ret_ns))
        *ret_ns = m->d->now_ns;
    return true;
}

/* Fields that are ignored, or became the time, the line or a label, have no value any more. */
bool mapping_store(struct mapping *m, bole_slice line, int64_t given_ns)
{
    struct door *d = m->d;
    int64_t time_ns;
    if (m->too_many) {
        door_reject(d, RECEIVE_FIELD_LIMIT, 1, "%s %llu: more than %u fields", m->unit, (unsigned long long)m->number,
                    RECORD_FIELDS_MAX);
        return true;
    }
    if (m->best_line.rank != MAPPING_NONE) {
        line = m->best_line.value;
        d->r->fields[m->best_line.field - 1].value.len = 0;
    } else {
        line = json_repair(&m->j, line.ptr ? line : S(""), &d->r->scratch);
    }
    if (m->j.no_memory)
        return door_no_memory(d, "a line");
    if (!record_time(m, line, given_ns, &time_ns))
        return true;
    struct stream_entry *s = record_stream(m);
    if (!s)
        return false;
    if (s->refused.ptr) {
        door_reject(d, s->reason, 1, "%s %llu: %.*s", m->unit, (unsigned long long)m->number, BOLE_SLICE_ARG(s->refused));
        return true;
    }
    uint64_t accepted = d->result->accepted;
    bool going_on = door_add(d, s, time_ns, line, d->r->fields, m->field_count);
    d->result->utf8_replaced += m->j.replaced && d->result->accepted > accepted;
    return going_on;
}

/* ---- lines ---- */

void mapping_document(struct mapping *m, bole_slice text)
{
    m->j.plain = !text.len || !memchr(text.ptr, '\\', text.len);
    m->j.replaced = false;
    m->j.error = NULL;
}

static bool read_indexed(struct mapping *m, bole_slice chunk, const struct json_positions *positions,
                         const struct mapping_lines *to)
{
    m->j = json_of(chunk, positions);
    for (bole_slice rest = chunk; rest.len;) {
        bole_slice line = bole_slice_cut(rest, '\n', &rest);
        m->number++;
        m->j.limit = (uint32_t)(line.ptr + line.len - chunk.ptr);
        mapping_document(m, line);
        m->d->suspect = line;
        if (!to->line(m, line))
            return false;
        while (*m->j.next < m->j.limit)
            m->j.next++;
    }
    return true;
}

/* A chunk in which a line is broken (a string that does not end would swallow its neighbours). */
static bool read_one_by_one(struct mapping *m, bole_slice chunk, const struct mapping_lines *to)
{
    struct json_positions positions;
    struct bole_err why;
    for (bole_slice rest = chunk; rest.len;) {
        bole_slice line = bole_slice_cut(rest, '\n', &rest);
        bool going_on;
        char text[64];
        m->number++;
        m->d->suspect = line;
        if (line.len > LINE_MAX) {
            snprintf(text, sizeof text, "%zu bytes, the limit is %d", line.len, LINE_MAX);
            going_on = to->broken(m, line, RECEIVE_LINE_TOO_LONG, text);
        } else if (bole_slice_trim(line).len == 0) {
            m->j = json_of(line, &(struct json_positions){.at = &(uint32_t){(uint32_t)line.len}});
            going_on = to->line(m, line);
        } else if (!door_index(m->d, line, &positions, &why)) {
            going_on = false;
        } else if (why.msg[0]) {
            going_on = to->broken(m, line, RECEIVE_MALFORMED, why.msg);
        } else {
            m->j = json_of(line, &positions);
            mapping_document(m, line);
            going_on = to->line(m, line);
        }
        if (!going_on)
            return false;
    }
    return true;
}

/* ---- values ---- */

static bool take_value(struct mapping *m, bool (*value)(struct mapping *m))
{
    m->number++;
    m->j.replaced = false;
    return value(m) && !m->j.error;
}

static bool take_values(struct mapping *m, bool arrays, bool (*value)(struct mapping *m))
{
    struct json *j = &m->j;
    while (*j->next < j->limit) {
        if (!arrays || json_peek(j) != '[') {
            if (!take_value(m, value))
                return false;
            continue;
        }
        json_open(j, '[');
        for (bool first = true; json_element(j, &first);)
            if (!take_value(m, value))
                return false;
        if (j->error)
            return false;
    }
    return true;
}

bool mapping_each_value(struct mapping *m, bole_slice body, bool arrays, bool (*value)(struct mapping *m))
{
    struct json_positions positions;
    struct bole_err why;
    struct door *d = m->d;
    if (bole_slice_trim(body).len == 0)
        return true;
    if (!door_index(d, body, &positions, &why))
        return false;
    if (why.msg[0])
        return door_refuse(d, 400, "invalid JSON: %s", why.msg);
    m->j = json_of(body, &positions);
    mapping_document(m, body);
    if (take_values(m, arrays, value))
        return true;
    if (d->over)
        return false;
    if (m->j.no_memory)
        return door_no_memory(d, "a string");
    return door_refuse(d, 400, "%s %llu: invalid JSON at byte %u: %s", m->unit, (unsigned long long)m->number, m->j.error_at,
                       m->j.error ? m->j.error : "no value");
}

/* ---- chunks ---- */

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

bool mapping_each_line(struct mapping *m, bole_slice body, const struct mapping_lines *to)
{
    struct json_positions positions;
    struct bole_err why;
    for (bole_slice rest = body; rest.len;) {
        bole_slice chunk = cut_chunk(rest, &rest);
        bool whole = chunk.len <= LINE_MAX;
        if (whole && !door_index(m->d, chunk, &positions, &why))
            return false;
        if (!(whole && !why.msg[0] ? read_indexed(m, chunk, &positions, to) : read_one_by_one(m, chunk, to)))
            return false;
    }
    m->d->suspect = (bole_slice){0};
    return true;
}
