#include "record/labels.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/hex.h"
#include "base/utf8.h"
#include "record/record.h"

/* Label sets are small: insertion sort keeps equal names in order, so that the first of a repeated name stays first. */
static void sort_by_name(struct label *labels, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct label moving = labels[i];
        size_t at = i;
        for (; at > 0 && bole_slice_cmp(labels[at - 1].name, moving.name) > 0; at--)
            labels[at] = labels[at - 1];
        labels[at] = moving;
    }
}

bole_status labels_encode(struct label *labels, size_t count, struct buf *out, struct bole_err *err)
{
    if (count > LABELS_MAX)
        return bole_fail(err, BOLE_E_LIMIT, "stream has %zu labels, the limit is %u", count, LABELS_MAX);
    sort_by_name(labels, count);
    size_t start = out->len;
    for (size_t i = 0; i < count; i++) {
        struct label *l = &labels[i];
        if (l->name.len == 0)
            return bole_fail(err, BOLE_E_INVALID, "a label has an empty name");
        if (l->name.len > LABEL_NAME_MAX)
            return bole_fail(err, BOLE_E_LIMIT, "label name of %zu bytes, the limit is %u", l->name.len,
                             LABEL_NAME_MAX);
        if (l->value.len > LABEL_VALUE_MAX)
            return bole_fail(err, BOLE_E_LIMIT, "value of label '%.*s' has %zu bytes, the limit is %u",
                             BOLE_SLICE_ARG(l->name), l->value.len, LABEL_VALUE_MAX);
        if (l->value.len == 0 || (i > 0 && bole_slice_eq(labels[i - 1].name, l->name)))
            continue;
        buf_put_varint(out, l->name.len);
        buf_put(out, l->name);
        buf_put_varint(out, l->value.len);
        buf_put(out, l->value);
    }
    if (out->failed)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for a label set");
    if (out->len - start > LABELS_SIZE_MAX)
        return bole_fail(err, BOLE_E_LIMIT, "stream labels of %zu bytes, the limit is %u", out->len - start,
                         LABELS_SIZE_MAX);
    return BOLE_OK;
}

bool labels_valid(bole_slice encoded)
{
    struct reader r = reader_of(encoded);
    struct label label;
    bole_slice previous = {0};
    size_t count = 0;
    while (labels_next(&r, &label)) {
        if (label.name.len == 0 || label.value.len == 0 || ++count > LABELS_MAX)
            return false;
        if (previous.ptr && bole_slice_cmp(previous, label.name) >= 0)
            return false;
        previous = label.name;
    }
    return !r.failed && encoded.len <= LABELS_SIZE_MAX;
}

bole_slice labels_find(bole_slice encoded, bole_slice name)
{
    struct reader r = reader_of(encoded);
    struct label label;
    while (labels_next(&r, &label))
        if (bole_slice_eq(label.name, name))
            return label.value;
    return (bole_slice){0};
}

size_t labels_count(bole_slice encoded)
{
    struct reader r = reader_of(encoded);
    struct label label;
    size_t count = 0;
    while (labels_next(&r, &label))
        count++;
    return count;
}

/* ---- text form ---- */

struct text {
    bole_slice all;
    size_t at;
    struct arena *arena;
    struct bole_err *err;
};

static bole_status text_fail(struct text *t, const char *what)
{
    return bole_fail(t->err, BOLE_E_INVALID, "parse error at line 1, col %zu: %s", t->at + 1, what);
}

static int text_peek(struct text *t)
{
    while (t->at < t->all.len && (t->all.ptr[t->at] == ' ' || t->all.ptr[t->at] == '\t' || t->all.ptr[t->at] == '\n'))
        t->at++;
    return t->at < t->all.len ? t->all.ptr[t->at] : -1;
}

static bool is_name_byte(uint8_t c, bool first)
{
    uint8_t lower = c | 32;
    return (lower >= 'a' && lower <= 'z') || c == '_' || (!first && c >= '0' && c <= '9');
}

static bole_slice text_name(struct text *t)
{
    text_peek(t);
    size_t from = t->at;
    while (t->at < t->all.len && is_name_byte(t->all.ptr[t->at], t->at == from))
        t->at++;
    return bole_slice_from(t->all.ptr + from, t->at - from);
}

/* The digits of \xNN, \uNNNN, \UNNNNNNNN (base 16) or \NNN (base 8) at the cursor; -1 when they are not there. */
static int64_t escape_number(struct text *t, int digits, int base)
{
    int64_t v = 0;
    for (int i = 0; i < digits; i++, t->at++) {
        int d = t->at < t->all.len ? hex_digit(t->all.ptr[t->at]) : -1;
        if (d < 0 || d >= base)
            return -1;
        v = v * base + d;
    }
    return v;
}

/* One escape of a Go string, cursor behind the backslash; appends its bytes at *at. */
static bool unescape(struct text *t, uint8_t *bytes, size_t *at)
{
    static const char letters[] = "abfnrtv\\\"'", values[] = "\a\b\f\n\r\t\v\\\"'";
    uint8_t c = t->all.ptr[t->at++];
    const char *hit = c ? strchr(letters, c) : NULL;
    if (hit) {
        bytes[(*at)++] = (uint8_t)values[hit - letters];
        return true;
    }
    int64_t v;
    if (c == 'x' || (c >= '0' && c <= '7')) {
        if (c != 'x')
            t->at--;
        v = c == 'x' ? escape_number(t, 2, 16) : escape_number(t, 3, 8);
        if (v < 0 || v > 255)
            return false;
        bytes[(*at)++] = (uint8_t)v;
        return true;
    }
    if (c != 'u' && c != 'U')
        return false;
    v = escape_number(t, c == 'u' ? 4 : 8, 16);
    if (v < 0 || v > 0x10ffff || (v >= 0xd800 && v < 0xe000))
        return false;
    *at += utf8_encode((uint32_t)v, bytes + *at);
    return true;
}

static bole_status text_value(struct text *t, bole_slice *ret_value)
{
    int quote = text_peek(t);
    if (quote != '"' && quote != '`')
        return text_fail(t, quote < 0 ? "unexpected end, expecting a quoted value" : "expecting a quoted value");
    size_t from = ++t->at;
    bool escaped = false;
    for (; t->at < t->all.len && t->all.ptr[t->at] != quote; t->at++)
        if (quote == '"' && t->all.ptr[t->at] == '\\' && t->at + 1 < t->all.len) {
            escaped = true;
            t->at++;
        }
    if (t->at >= t->all.len)
        return text_fail(t, "the quoted value does not end");
    size_t to = t->at;
    if (!escaped) {
        *ret_value = bole_slice_from(t->all.ptr + from, to - from);
        t->at = to + 1;
        return BOLE_OK;
    }
    /* An escape never gets longer than its text. */
    uint8_t *bytes = arena_bytes(t->arena, to - from);
    if (!bytes)
        return bole_fail(t->err, BOLE_E_NOMEM, "no memory for the labels of a stream");
    size_t len = 0;
    for (t->at = from; t->at < to;) {
        uint8_t c = t->all.ptr[t->at++];
        if (c != '\\')
            bytes[len++] = c;
        else if (!unescape(t, bytes, &len) || t->at > to)
            return text_fail(t, "invalid escape in a quoted value");
    }
    t->at = to + 1;
    *ret_value = bole_slice_from(bytes, len);
    return BOLE_OK;
}

bole_status labels_parse(bole_slice text, struct arena *arena, struct label **ret_labels, size_t *ret_count,
                         struct bole_err *err)
{
    struct text t = {.all = text, .arena = arena, .err = err};
    struct label *labels = arena_array(arena, LABELS_MAX, sizeof *labels);
    size_t count = 0;
    if (!labels)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for the labels of a stream");
    if (text_peek(&t) != '{')
        return text_fail(&t, "expecting {");
    t.at++;
    while (text_peek(&t) != '}') {
        if (count == LABELS_MAX)
            return bole_fail(err, BOLE_E_LIMIT, "stream has more than %u labels", LABELS_MAX);
        struct label *l = &labels[count];
        l->name = text_name(&t);
        if (l->name.len == 0)
            return text_fail(&t, text_peek(&t) < 0 ? "unexpected end, expecting a label name or }"
                                                   : "expecting a label name or }");
        if (text_peek(&t) != '=')
            return text_fail(&t, "expecting = after a label name");
        t.at++;
        bole_status st = text_value(&t, &l->value);
        if (st < 0)
            return st;
        count++;
        int next = text_peek(&t);
        if (next == ',')
            t.at++;
        else if (next != '}')
            return text_fail(&t, next < 0 ? "unexpected end, expecting } or ," : "expecting } or ,");
    }
    t.at++;
    if (text_peek(&t) >= 0)
        return text_fail(&t, "unexpected text after }");
    *ret_labels = labels;
    *ret_count = count;
    return BOLE_OK;
}

void labels_print(bole_slice encoded, struct buf *out)
{
    struct reader r = reader_of(encoded);
    struct label label;
    buf_put_u8(out, '{');
    for (bool first = true; labels_next(&r, &label); first = false) {
        if (!first)
            buf_put(out, S(", "));
        buf_put(out, label.name);
        buf_put_u8(out, '=');
        buf_put_json(out, label.value, false);
    }
    buf_put_u8(out, '}');
}

bole_slice label_name_clean(bole_slice name, struct arena *arena)
{
    size_t at = 0;
    while (at < name.len && is_name_byte(name.ptr[at], at == 0))
        at++;
    if (at == name.len)
        return name;
    uint8_t *clean = arena_bytes(arena, name.len + 1);
    if (!clean)
        return (bole_slice){0};
    size_t len = 0;
    if (name.ptr[0] >= '0' && name.ptr[0] <= '9')
        clean[len++] = '_';
    for (size_t i = 0; i < name.len;) {
        size_t n = utf8_length(name.ptr + i, name.len - i);
        clean[len++] = is_name_byte(name.ptr[i], false) ? name.ptr[i] : '_';
        i += n ? n : 1;
    }
    return bole_slice_from(clean, len);
}

bole_slice label_name_clean_metadata(bole_slice name, struct arena *arena)
{
    bool is_reserved = name.len > 4 && bole_slice_starts(name, S("__")) && bole_slice_ends(name, S("__"));
    bole_slice inner = is_reserved ? (bole_slice){name.ptr + 2, name.len - 4} : name;
    size_t at = 0;
    while (at < inner.len && is_name_byte(inner.ptr[at], at == 0 && !is_reserved) &&
           !(at && inner.ptr[at] == '_' && inner.ptr[at - 1] == '_'))
        at++;
    if (at == inner.len)
        return name;
    uint8_t *clean = arena_bytes(arena, name.len + 4);
    if (!clean)
        return (bole_slice){0};
    size_t ends = is_reserved ? 2 : 0, from = is_reserved ? 2 : inner.ptr[0] >= '0' && inner.ptr[0] <= '9' ? 4 : 0, len = from;
    memcpy(clean, is_reserved ? "__" : "key_", from);
    for (size_t i = 0; i < inner.len;) {
        size_t n = utf8_length(inner.ptr + i, inner.len - i);
        bool is_gap = inner.ptr[i] == '_' || !is_name_byte(inner.ptr[i], false);
        if (!is_gap || len == from || clean[len - 1] != '_')
            clean[len++] = is_gap ? '_' : inner.ptr[i];
        i += n ? n : 1;
    }
    memcpy(clean + len, "__", ends);
    return bole_slice_from(clean, len + ends);
}
