#include "query/row.h"

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
    uint8_t *p = arena_bytes(r->scratch, name.len + 10);
    if (!p) {
        r->out_of_memory = true;
        return name;
    }
    memcpy(p, name.ptr, name.len);
    memcpy(p + name.len, "_extracted", 10);
    return (bole_slice){p, name.len + 10};
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
    if (bole_slice_eq(name, LABEL_ERROR))
        return r->error;
    if (bole_slice_eq(name, LABEL_ERROR_DETAILS))
        return r->error_details;
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
}

void row_delete(struct row *r, bole_slice name)
{
    struct row_label *l = find(r, name);
    if (l)
        *l = r->labels[--r->count];
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

void row_set_capture(struct row *r, bole_slice name, bole_slice value)
{
    name = row_parsed_name(r, name);
    if (row_wants(r, name))
        row_set(r, ORIGIN_PARSED, name, value);
}

void row_fail(struct row *r, bole_slice kind, bole_slice details, bool from_parser)
{
    if (!row_has_error(r)) {
        r->error = kind;
        r->error_details = details;
    }
    if (from_parser && r->hints && r->hints->keeps_errors)
        row_set(r, ORIGIN_PARSED, LABEL_PRESERVE, S("true"));
}

bole_slice row_copy(struct row *r, bole_slice s)
{
    bole_slice copy = arena_copy(r->scratch, s);
    if (!copy.ptr)
        r->out_of_memory = true;
    return copy.ptr ? copy : (bole_slice){0};
}
