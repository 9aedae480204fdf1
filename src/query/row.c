#include "query/row.h"

#include "base/utf8.h"
#include "query/pipeline.h"
#include "query/stage/label_name.h"

static struct row_label *find(const struct row *r, bole_slice name)
{
    for (size_t i = 0; i < r->count; i++)
        if (bole_slice_eq(r->labels[i].name, name))
            return &r->labels[i];
    return NULL;
}

static bool base_has(const struct row *r, bole_slice name)
{
    for (size_t i = 0; i < r->base_count; i++)
        if (bole_slice_eq(r->base[i].name, name))
            return true;
    return false;
}

static bole_slice extracted_name(struct row *r, bole_slice name)
{
    bole_slice suffix = EXTRACTED_SUFFIX;
    uint8_t *p = arena_bytes(r->scratch, name.len + suffix.len);
    if (!p) {
        r->out_of_memory = true;
        return name;
    }
    memcpy(p, name.ptr, name.len);
    memcpy(p + name.len, suffix.ptr, suffix.len);
    return (bole_slice){p, name.len + suffix.len};
}

void row_begin(struct row *r, int64_t time_ns, bole_slice line, const struct row_label *base, size_t base_count)
{
    r->time_ns = time_ns;
    r->line = line;
    r->base = base;
    r->base_count = base_count;
    r->count = base_count;
    if (base_count)
        memcpy(r->labels, base, base_count * sizeof *base);
    r->error = r->error_details = (bole_slice){0};
    r->gone_count = r->gone_cap = 0;
    r->is_changed = r->is_out = false;
    r->template_bytes = 0;
}

void row_add_fields(struct row *r, const struct batch_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bole_slice name = fields[i].key;
        if (fields[i].value.len == 0)
            continue;
        if (bole_slice_eq(name, LABEL_ERROR))
            r->error = fields[i].value;
        else if (bole_slice_eq(name, LABEL_ERROR_DETAILS))
            r->error_details = fields[i].value;
        else
            row_set(r, ORIGIN_FIELD, base_has(r, name) ? extracted_name(r, name) : name, fields[i].value);
    }
}

const struct row_label *row_find(const struct row *r, bole_slice name)
{
    return find(r, name);
}

bole_slice row_text(const struct row *r, bole_slice name)
{
    const struct row_label *l = find(r, name);
    if (r->error.len && bole_slice_eq(name, LABEL_ERROR))
        return r->error;
    if (r->error_details.len && bole_slice_eq(name, LABEL_ERROR_DETAILS))
        return r->error_details;
    return l ? l->value : (bole_slice){0};
}

bole_slice row_filtered_text(const struct row *r, bole_slice name)
{
    if (bole_slice_eq(name, LABEL_ERROR))
        return r->error;
    const struct row_label *l = find(r, name);
    return l ? l->value : (bole_slice){0};
}

void row_set(struct row *r, enum label_origin origin, bole_slice name, bole_slice value)
{
    struct row_label *l = find(r, name);
    if (!l) {
        if (r->count == ROW_LABELS_MAX) {
            row_fail(r, ERROR_JSON, S("too many labels in one line"), false);
            return;
        }
        l = &r->labels[r->count++];
    }
    *l = (struct row_label){name, value, origin};
    r->is_changed = true;
}

static struct row_label *find_gone(const struct row *r, bole_slice name)
{
    for (size_t i = 0; i < r->gone_count; i++)
        if (bole_slice_eq(r->gone[i].name, name))
            return &r->gone[i];
    return NULL;
}

static void remember_gone(struct row *r, bole_slice name, enum label_origin origin)
{
    struct row_label *known = find_gone(r, name);
    if (known) {
        known->origin = origin == ORIGIN_PARSED ? origin : known->origin;
        return;
    }
    if (r->gone_count == r->gone_cap) {
        size_t cap = r->gone_cap ? 2 * r->gone_cap : 8;
        struct row_label *gone =
            arena_grow(r->scratch, r->gone_cap ? r->gone : NULL, r->gone_cap * sizeof *gone, cap * sizeof *gone);
        if (!gone) {
            r->out_of_memory = true;
            return;
        }
        r->gone = gone;
        r->gone_cap = cap;
    }
    r->gone[r->gone_count++] = (struct row_label){.name = name, .origin = origin};
}

void row_delete(struct row *r, bole_slice name)
{
    struct row_label *l = find(r, name);
    remember_gone(r, name, l ? l->origin : ORIGIN_STREAM);
    r->is_changed = true;
    if (l)
        *l = r->labels[--r->count];
}

bool row_is_gone(const struct row *r, bole_slice name)
{
    return find_gone(r, name) != NULL;
}

bole_slice row_parsed_name(struct row *r, bole_slice name)
{
    if (base_has(r, name))
        return extracted_name(r, name);
    const struct row_label *l = find(r, name);
    return l && l->origin == ORIGIN_FIELD ? extracted_name(r, name) : name;
}

bool row_has_parsed(const struct row *r, bole_slice name)
{
    const struct row_label *l = find(r, name);
    l = l && l->origin == ORIGIN_PARSED ? l : find_gone(r, name);
    return l && l->origin == ORIGIN_PARSED;
}

bool row_wants(const struct row *r, bole_slice name)
{
    if (!r->hints || !r->hints->some_labels)
        return true;
    for (size_t i = 0; i < r->hints->name_count; i++)
        if (bole_slice_eq(r->hints->names[i], name))
            return true;
    return false;
}

bool row_may_want(const struct row *r, bole_slice name)
{
    if (!r->hints || !r->hints->some_labels)
        return true;
    for (size_t i = 0; i < r->hints->name_count; i++)
        if (bole_slice_starts(r->hints->names[i], name))
            return true;
    return false;
}

bool row_set_capture(struct row *r, bole_slice name, bole_slice value)
{
    name = label_name_from_key(r, name);
    return name.len == 0 || row_parsed(r, row_parsed_name(r, name), value);
}

void row_fail(struct row *r, bole_slice kind, bole_slice details, bool from_parser)
{
    r->error = kind;
    if (details.ptr)
        r->error_details = details;
    if (from_parser && r->hints && r->hints->keeps_errors)
        row_set(r, ORIGIN_PARSED, LABEL_PRESERVE, S("true"));
}

bool row_has_all(const struct row *r)
{
    if (!r->hints || !r->hints->some_labels || r->hints->name_count == 0)
        return false;
    for (size_t i = 0; i < r->hints->name_count; i++)
        if (!row_has_parsed(r, r->hints->names[i]))
            return false;
    return true;
}

bool row_needs_no_parser(const struct row *r)
{
    return r->hints && (r->hints->no_labels || row_has_all(r));
}

bool row_passes_early(struct row *r, bole_slice name)
{
    for (size_t i = 0; r->hints && i < r->hints->early_count; i++)
        if (bole_slice_eq(r->hints->early[i].name, name))
            return !r->hints->early[i].filter || filter_label(r->hints->early[i].filter, r);
    return true;
}

bool row_parsed(struct row *r, bole_slice name, bole_slice value)
{
    if (row_has_parsed(r, name) || !row_wants(r, name))
        return true;
    row_set(r, ORIGIN_PARSED, name, value);
    r->is_out = !row_passes_early(r, name);
    return !r->is_out && !r->out_of_memory;
}

bole_slice row_copy(struct row *r, bole_slice s)
{
    bole_slice copy = arena_copy(r->scratch, s);
    if (!copy.ptr)
        r->out_of_memory = true;
    return copy.ptr ? copy : (bole_slice){0};
}

static bool is_ascii(bole_slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] >= 0x80)
            return false;
    return true;
}

bole_slice row_valid_text(struct row *r, bole_slice s)
{
    if (is_ascii(s) || (utf8_valid(s) && (s.len < 3 || !memmem(s.ptr, s.len, "\xEF\xBF\xBD", 3))))
        return s;
    uint8_t *out = arena_bytes(r->scratch, s.len);
    size_t n = 0;
    r->out_of_memory |= !out;
    for (size_t i = 0; out && i < s.len;) {
        size_t len = utf8_length(s.ptr + i, s.len - i);
        if (len == 0 || (len == 3 && memcmp(s.ptr + i, "\xEF\xBF\xBD", 3) == 0)) {
            out[n++] = ' ';
        } else {
            memcpy(out + n, s.ptr + i, len);
            n += len;
        }
        i += len ? len : 1;
    }
    return (bole_slice){out, n};
}
