/*
 * promtail_stages.c - pipeline_stages as rules (docs/process.md).
 *
 * What promtail extracts lives until the end of the pipeline; here such values are fields, and a last rule removes those that are
 * no structured metadata. A condition (match) is looked at once in both.
 */
#include <ctype.h>
#include <stdlib.h>

#include "agent/promtail_impl.h"
#include "base/err.h"
#include "process/json_path.h"
#include "shim/regex.h"

enum { DEPTH_MAX = 8 };

typedef bole_status stage_fn(struct promtail_making *m, const struct config_node *n, unsigned depth, struct promtail_stages *s);

static bole_status no_room(struct promtail_making *m, const struct config_node *n)
{
    return promtail_refuse(m, n, "more than %d names", (int)PROMTAIL_NAMES_MAX);
}

static bole_status extract(struct promtail_making *m, const struct config_node *n, struct promtail_stages *s, bole_slice name)
{
    return promtail_names_add(&s->extracted, name) ? BOLE_OK : no_room(m, n);
}

static void put_member(struct buf *out, const char *name, bole_slice value)
{
    buf_printf(out, ", %s: ", name);
    promtail_put(out, value);
}

/* "{" the members of a map as they stand "}"; each name is extracted. */
static bole_status put_fields(struct promtail_making *m, const struct config_node *map, struct promtail_stages *s, bool is_json)
{
    if (!map || map->kind != CONFIG_MAP || !map->first)
        return promtail_refuse(m, map ? map : config_root(m->file), "a map of names is expected here");
    bole_status st = BOLE_OK;
    for (const struct config_node *n = map->first; n && st == BOLE_OK; n = n->next) {
        struct json_path path;
        bole_slice from = n->text.len ? n->text : n->key;
        if (is_json && !json_path_parse(from, &path))
            return promtail_refuse(m, n, "'%.*s' is no plain path such as a.b or a[0], and no other expressions of JMESPath are known",
                                   BOLE_SLICE_ARG(from));
        buf_put_str(s->rules, n == map->first ? "{" : ", ");
        promtail_put(s->rules, n->key);
        buf_put_str(s->rules, ": ");
        promtail_put(s->rules, from);
        st = extract(m, n, s, n->key);
    }
    buf_put_u8(s->rules, '}');
    return st;
}

static bool is_plain_name(bole_slice name)
{
    for (size_t i = 0; i < name.len; i++)
        if (!(isalnum(name.ptr[i]) || name.ptr[i] == '_' || name.ptr[i] == '.'))
            return false;
    return name.len > 0;
}

/* ---- what is taken out of a line ---- */

static bole_status stage_regex(struct promtail_making *m, const struct config_node *n, unsigned depth, struct promtail_stages *s)
{
    static const struct promtail_key keys[] = {{"expression", PROMTAIL_TAKEN, NULL}, {"source", PROMTAIL_TAKEN, NULL},
        {"labels_from_groups", PROMTAIL_REFUSED, "write a labels stage behind this one"}};
    bole_slice expression, source;
    struct regex *re;
    bole_status st = promtail_keys(m, n, "regex", keys, 3);
    if (st == BOLE_OK)
        st = promtail_text(m, n, "expression", &expression);
    if (st == BOLE_OK)
        st = promtail_text(m, n, "source", &source);
    if (st == BOLE_OK)
        st = promtail_regex(m, n, expression);
    if (st == BOLE_OK)
        st = regex_compile(expression, 0, NULL, &re, m->err);
    if (st < 0)
        return st;
    for (size_t g = 1; g <= regex_group_count(re) && st == BOLE_OK; g++)
        if (regex_group_name(re, g).len)
            st = extract(m, n, s, arena_copy(m->arena, regex_group_name(re, g)));
    regex_destroy(re);
    promtail_line(s->rules, s->indent, "- derive: {pattern: ");
    promtail_put(s->rules, expression);
    if (source.len)
        put_member(s->rules, "from", source);
    buf_put_u8(s->rules, '}');
    return st;
}

static bole_status put_parse(struct promtail_making *m, const struct config_node *n, struct promtail_stages *s, const char *step,
                             const char *fields)
{
    bole_slice source = {0}, drop = {0};
    bole_status st = promtail_text(m, n, "source", &source);
    if (st == BOLE_OK)
        st = promtail_text(m, n, "drop_malformed", &drop);
    promtail_line(s->rules, s->indent, "- %s: {fields: ", step);
    const struct config_node *map = config_get(n, bole_slice_str(fields));
    if (st == BOLE_OK)
        st = put_fields(m, map ? map : n, s, strcmp(step, "json") == 0);
    if (source.len)
        put_member(s->rules, "from", source);
    if (bole_slice_eq(drop, S("true")))
        buf_put_str(s->rules, ", drop_malformed: true");
    buf_put_u8(s->rules, '}');
    return st;
}

static bole_status stage_json(struct promtail_making *m, const struct config_node *n, unsigned depth, struct promtail_stages *s)
{
    static const struct promtail_key keys[] = {{"expressions", PROMTAIL_TAKEN, NULL}, {"source", PROMTAIL_TAKEN, NULL},
                                               {"drop_malformed", PROMTAIL_TAKEN, NULL}};
    bole_status st = promtail_keys(m, n, "json", keys, 3);
    return st < 0 ? st : put_parse(m, n, s, "json", "expressions");
}

static bole_status stage_logfmt(struct promtail_making *m, const struct config_node *n, unsigned depth, struct promtail_stages *s)
{
    static const struct promtail_key keys[] = {{"mapping", PROMTAIL_TAKEN, NULL}, {"source", PROMTAIL_TAKEN, NULL}};
    bole_status st = promtail_keys(m, n, "logfmt", keys, 2);
    return st < 0 ? st : put_parse(m, n, s, "logfmt", "mapping");
}

/* ---- labels ---- */

static bole_status put_labels(struct promtail_making *m, const struct config_node *n, struct promtail_stages *s, bool are_static)
{
    if (n->kind != CONFIG_MAP || !n->first)
        return promtail_refuse(m, n, "a map of names is expected here");
    promtail_line(s->rules, s->indent, "- route: {labels: {");
    for (const struct config_node *l = n->first; l; l = l->next) {
        bole_slice from = l->text.len ? l->text : l->key;
        if (memchr(from.ptr, '}', from.len) || (are_static && from.len > 1 && memmem(from.ptr, from.len, "${", 2)))
            return promtail_refuse(m, l, "this name or value cannot be written in a rule");
        if (!promtail_names_add(&s->labels, l->key))
            return no_room(m, l);
        bole_slice value = are_static ? l->text : arena_printf(m->arena, "${%.*s}", BOLE_SLICE_ARG(from));
        buf_put_str(s->rules, l == n->first ? "" : ", ");
        promtail_put(s->rules, l->key);
        buf_put_str(s->rules, ": ");
        promtail_put(s->rules, value);
    }
    buf_put_str(s->rules, "}}");
    return BOLE_OK;
}

static bole_status stage_labels(struct promtail_making *m, const struct config_node *n, unsigned depth, struct promtail_stages *s)
{
    return put_labels(m, n, s, false);
}

static bole_status stage_static_labels(struct promtail_making *m, const struct config_node *n, unsigned depth, struct promtail_stages *s)
{
    return put_labels(m, n, s, true);
}

static bole_status stage_metadata(struct promtail_making *m, const struct config_node *n, unsigned depth, struct promtail_stages *s)
{
    if (n->kind != CONFIG_MAP || !n->first)
        return promtail_refuse(m, n, "a map of names is expected here");
    for (const struct config_node *l = n->first; l; l = l->next) {
        bole_slice from = l->text.len ? l->text : l->key;
        if (!promtail_names_add(&s->kept, l->key))
            return no_room(m, l);
        if (memchr(from.ptr, '}', from.len))
            return promtail_refuse(m, l, "this name cannot be written in a rule");
        promtail_line(s->rules, s->indent, "- set: {");
        promtail_put(s->rules, l->key);
        buf_put_str(s->rules, ": ");
        promtail_put(s->rules, arena_printf(m->arena, "${%.*s}", BOLE_SLICE_ARG(from)));
        buf_put_u8(s->rules, '}');
    }
    return BOLE_OK;
}

static bole_status put_names(struct promtail_making *m, const struct config_node *n, struct promtail_stages *s, bool keep)
{
    if (n->kind != CONFIG_LIST || !n->first)
        return promtail_refuse(m, n, "a list of labels is expected here");
    promtail_line(s->rules, s->indent, keep ? "- route: {keep: [" : "- route: {labels: {");
    for (const struct config_node *l = n->first; l; l = l->next) {
        if (!promtail_names_add(&s->labels, keep ? S("*") : l->text))
            return no_room(m, l);
        buf_put_str(s->rules, l == n->first ? "" : ", ");
        promtail_put(s->rules, l->text);
        buf_put_str(s->rules, keep ? "" : ": ");
    }
    buf_put_str(s->rules, keep ? "]}" : "}}");
    return BOLE_OK;
}

static bole_status stage_labeldrop(struct promtail_making *m, const struct config_node *n, unsigned depth, struct promtail_stages *s)
{
    return put_names(m, n, s, false);
}

static bole_status stage_labelallow(struct promtail_making *m, const struct config_node *n, unsigned depth, struct promtail_stages *s)
{
    return put_names(m, n, s, true);
}

/* ---- conditions ---- */

/* "8kb" is 8192, as promtail has it. */
static bool size_of(bole_slice text, uint64_t *ret_bytes)
{
    static const char units[] = "bkmg";
    char *end;
    uint64_t value = text.len ? strtoull((const char *)text.ptr, &end, 10) : 0;
    if (!text.len || end == (const char *)text.ptr)
        return false;
    const char *unit = *end ? strchr(units, tolower((unsigned char)*end)) : units;
    for (int i = 0; unit && i < (int)(unit - units); i++)
        value *= 1024;
    *ret_bytes = value;
    return unit != NULL && value > 0;
}

static bole_status stage_drop(struct promtail_making *m, const struct config_node *n, unsigned depth, struct promtail_stages *s)
{
    static const struct promtail_key keys[] = {{"source", PROMTAIL_TAKEN, NULL}, {"expression", PROMTAIL_TAKEN, NULL},
        {"value", PROMTAIL_TAKEN, NULL}, {"older_than", PROMTAIL_TAKEN, NULL}, {"longer_than", PROMTAIL_TAKEN, NULL},
        {"separator", PROMTAIL_NOTE, "there is one source only"},
        {"drop_counter_reason", PROMTAIL_NOTE, "bole_process_records_total counts by rule"}};
    bole_slice source = {0}, expression = {0}, value = {0}, older = {0}, longer = {0};
    const char *sep = "";
    uint64_t bytes = 0;
    const struct config_node *list = config_get(n, S("source"));
    bole_status st = promtail_keys(m, n, "drop", keys, sizeof keys / sizeof *keys);
    if (st == BOLE_OK && list && list->kind == CONFIG_LIST && list->first && !list->first->next)
        source = list->first->text;
    else if (st == BOLE_OK)
        st = list && list->kind == CONFIG_LIST ? promtail_refuse(m, list, "one source: write several drop stages, or a template before it")
                                               : promtail_text(m, n, "source", &source);
    const struct { const char *name; bole_slice *to; } texts[] = {{"expression", &expression}, {"value", &value}, {"older_than", &older},
                                                                  {"longer_than", &longer}};
    for (size_t i = 0; i < 4 && st == BOLE_OK; i++)
        st = promtail_text(m, n, texts[i].name, texts[i].to);
    if (st == BOLE_OK && expression.ptr)
        st = promtail_regex(m, n, expression);
    if (st == BOLE_OK && source.ptr && !is_plain_name(source))
        st = promtail_refuse(m, n, "this source cannot be written in a rule");
    if (st == BOLE_OK && (memchr(expression.ptr ? expression.ptr : (uint8_t *)"", '`', expression.len) ||
                          memchr(value.ptr ? value.ptr : (uint8_t *)"", '`', value.len)))
        st = promtail_refuse(m, n, "` cannot be written in a rule");
    if (st == BOLE_OK && longer.ptr && !size_of(longer, &bytes))
        st = promtail_refuse(m, n, "longer_than is a size");
    if (st == BOLE_OK && value.ptr && !source.ptr)
        st = promtail_refuse(m, n, "value needs a source");
    if (st == BOLE_OK && !source.ptr && !expression.ptr && !older.ptr && !longer.ptr)
        st = promtail_refuse(m, n, "drop needs source, expression, older_than or longer_than");
    if (st < 0)
        return st;
    promtail_line(s->rules, s->indent, "- match: {");
    if (source.ptr) {
        bole_slice text = value.ptr ? arena_printf(m->arena, "{%.*s=`%.*s`}", BOLE_SLICE_ARG(source), BOLE_SLICE_ARG(value))
                          : expression.ptr
                              ? arena_printf(m->arena, "{%.*s=~`.*(?-s:%.*s).*`}", BOLE_SLICE_ARG(source), BOLE_SLICE_ARG(expression))
                              : arena_printf(m->arena, "{%.*s!=``}", BOLE_SLICE_ARG(source));
        buf_put_str(s->rules, "fields: ");
        promtail_put(s->rules, text);
        sep = ", ";
    } else if (expression.ptr) {
        buf_put_str(s->rules, "line: ");
        promtail_put(s->rules, expression);
        sep = ", ";
    }
    if (longer.ptr) {
        buf_printf(s->rules, "%slonger: %llu", sep, (unsigned long long)bytes);
        sep = ", ";
    }
    if (older.ptr)
        buf_printf(s->rules, "%solder: %.*s", sep, BOLE_SLICE_ARG(older));
    buf_put_u8(s->rules, '}');
    promtail_line(s->rules, s->indent + 2, "drop: true");
    return BOLE_OK;
}

static bole_slice skip_blanks(bole_slice s)
{
    while (s.len && (s.ptr[0] == ' ' || s.ptr[0] == '\t' || s.ptr[0] == '\n'))
        s = bole_slice_sub(s, 1);
    return s;
}

/* Where a selector ends: the } outside of quotes. 0: nowhere. */
static size_t selector_length(bole_slice s)
{
    uint8_t quote = 0;
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.ptr[i];
        if (quote && c == '\\' && quote == '"')
            i++;
        else if (quote)
            quote = c == quote ? 0 : quote;
        else if (c == '"' || c == '`')
            quote = c;
        else if (c == '}')
            return i + 1;
    }
    return 0;
}

/* Behind |= or |~: the text, as a regular expression. */
static bole_status read_filter(struct promtail_making *m, const struct config_node *n, bole_slice *rest, struct buf *out)
{
    bool is_text = bole_slice_starts(*rest, S("|="));
    if (!is_text && !bole_slice_starts(*rest, S("|~")))
        return promtail_refuse(m, n, "behind the labels of a selector only |= and |~ have an equal");
    bole_slice s = skip_blanks(bole_slice_sub(*rest, 2));
    uint8_t quote = s.len ? s.ptr[0] : 0;
    size_t i = 1;
    for (; i < s.len && s.ptr[i] != quote; i++) {
        uint8_t c = s.ptr[i];
        if (c == '\\' && quote == '"' && ++i < s.len)
            c = s.ptr[i] == 'n' ? '\n' : s.ptr[i] == 't' ? '\t' : s.ptr[i];
        if (is_text && c < 0x80 && !isalnum(c) && c != ' ')
            buf_put_u8(out, '\\');
        buf_put_u8(out, c);
    }
    if ((quote != '"' && quote != '`') || i >= s.len)
        return promtail_refuse(m, n, "a text in quotes is expected behind |= and |~");
    *rest = skip_blanks(bole_slice_sub(s, i + 1));
    return promtail_regex(m, n, buf_slice(out));
}

static bole_status put_selector(struct promtail_making *m, const struct config_node *n, bole_slice selector, struct promtail_stages *s)
{
    bole_slice rest = skip_blanks(selector);
    size_t len = selector_length(rest);
    struct buf line;
    if (!len || rest.ptr[0] != '{')
        return promtail_refuse(m, n, "a selector such as {app=\"shop\"} |= \"text\" is expected here");
    promtail_line(s->rules, s->indent, "- match: {stream: ");
    promtail_put(s->rules, bole_slice_from(rest.ptr, len));
    rest = skip_blanks(bole_slice_sub(rest, len));
    buf_init(&line, NULL);
    bole_status st = rest.len ? read_filter(m, n, &rest, &line) : BOLE_OK;
    if (st == BOLE_OK && line.len) {
        buf_put_str(s->rules, ", line: ");
        promtail_put(s->rules, buf_slice(&line));
    }
    buf_put_u8(s->rules, '}');
    buf_deinit(&line);
    return st == BOLE_OK && rest.len ? promtail_refuse(m, n, "one |= or |~ behind the labels: write a match within this one for the others")
                                     : st;
}

static bole_status stage_match(struct promtail_making *m, const struct config_node *n, unsigned depth, struct promtail_stages *s)
{
    static const struct promtail_key keys[] = {{"selector", PROMTAIL_TAKEN, NULL}, {"stages", PROMTAIL_TAKEN, NULL},
        {"action", PROMTAIL_TAKEN, NULL}, {"pipeline_name", PROMTAIL_NOTE, "rules have names, this one has none"},
        {"drop_counter_reason", PROMTAIL_NOTE, "bole_process_records_total counts by rule"}};
    bole_slice selector = {0}, action = {0};
    bole_status st = promtail_keys(m, n, "match", keys, sizeof keys / sizeof *keys);
    if (st == BOLE_OK)
        st = promtail_text(m, n, "selector", &selector);
    if (st == BOLE_OK)
        st = promtail_text(m, n, "action", &action);
    if (st == BOLE_OK)
        st = put_selector(m, n, selector, s);
    if (st < 0)
        return st;
    if (bole_slice_eq(action, S("drop"))) {
        promtail_line(s->rules, s->indent + 2, "drop: true");
        return BOLE_OK;
    }
    promtail_line(s->rules, s->indent + 2, "rules:");
    s->indent += 2;
    st = promtail_stages(m, config_get(n, S("stages")), depth + 1, s);
    s->indent -= 2;
    return st;
}

/* ---- other lines, times ---- */

static bole_status stage_output(struct promtail_making *m, const struct config_node *n, unsigned depth, struct promtail_stages *s)
{
    static const struct promtail_key keys[] = {{"source", PROMTAIL_TAKEN, NULL}};
    bole_slice source = {0};
    bole_status st = promtail_keys(m, n, "output", keys, 1);
    if (st == BOLE_OK)
        st = promtail_text(m, n, "source", &source);
    if (st == BOLE_OK && (!source.len || memchr(source.ptr, '}', source.len)))
        st = promtail_refuse(m, n, "output needs a source");
    promtail_line(s->rules, s->indent, "- line: ");
    promtail_put(s->rules, arena_printf(m->arena, "${%.*s}", BOLE_SLICE_ARG(source)));
    return st;
}

static bole_status stage_replace(struct promtail_making *m, const struct config_node *n, unsigned depth, struct promtail_stages *s)
{
    static const struct promtail_key keys[] = {{"expression", PROMTAIL_TAKEN, NULL}, {"replace", PROMTAIL_TAKEN, NULL},
                                               {"source", PROMTAIL_TAKEN, NULL}};
    bole_slice expression = {0}, with = {0}, source = {0};
    struct regex *re = NULL;
    bole_status st = promtail_keys(m, n, "replace", keys, 3);
    if (st == BOLE_OK)
        st = promtail_text(m, n, "expression", &expression);
    if (st == BOLE_OK)
        st = promtail_text(m, n, "replace", &with);
    if (st == BOLE_OK)
        st = promtail_text(m, n, "source", &source);
    if (st == BOLE_OK)
        st = promtail_regex(m, n, expression);
    if (st == BOLE_OK && with.len && memmem(with.ptr, with.len, "{{", 2))
        st = promtail_refuse(m, n, "replace with a template has no equal: a text, or `redact` with action: hash, has (docs/process.md)");
    if (st == BOLE_OK)
        st = regex_compile(expression, 0, NULL, &re, m->err);
    if (st < 0)
        return st;
    bool is_named = false;
    size_t groups = regex_group_count(re);
    for (size_t g = 1; g <= groups; g++)
        is_named |= regex_group_name(re, g).len > 0;
    regex_destroy(re);
    if (is_named)
        return promtail_refuse(m, n, "named groups in replace: take the names out, and write a regex stage before it");
    if (!groups) {
        promtail_note(m, n, "replace without a group replaces nothing in promtail either: left out");
        return BOLE_OK;
    }
    promtail_line(s->rules, s->indent, "- replace: {pattern: ");
    promtail_put(s->rules, expression);
    put_member(s->rules, "with", with);
    if (source.len)
        put_member(s->rules, "in", source);
    buf_put_u8(s->rules, '}');
    return BOLE_OK;
}

static bole_status stage_decolorize(struct promtail_making *m, const struct config_node *n, unsigned depth, struct promtail_stages *s)
{
    promtail_line(s->rules, s->indent, "- replace: {pattern: '\\x1b\\[[0-9;]*m'}");
    return BOLE_OK;
}

/* Texts and {{ .name }}, .Value being the source. */
static bole_status put_template(struct promtail_making *m, const struct config_node *n, bole_slice t, bole_slice source, struct buf *out)
{
    if (t.len && memmem(t.ptr, t.len, "${", 2))
        return promtail_refuse(m, n, "${ cannot be written in a rule");
    while (t.len) {
        const uint8_t *open = memmem(t.ptr, t.len, "{{", 2);
        size_t before = open ? (size_t)(open - t.ptr) : t.len;
        buf_put(out, bole_slice_from(t.ptr, before));
        if (!open)
            break;
        t = bole_slice_sub(t, before + 2);
        const uint8_t *close = t.len ? memmem(t.ptr, t.len, "}}", 2) : NULL;
        bole_slice name = close ? bole_slice_trim(bole_slice_from(t.ptr, (size_t)(close - t.ptr))) : (bole_slice){0};
        if (name.len < 2 || name.ptr[0] != '.' || !is_plain_name(bole_slice_sub(name, 1)))
            return promtail_refuse(m, n, "of templates only {{ .name }} has an equal; do the rest with regex stages");
        name = bole_slice_sub(name, 1);
        name = bole_slice_eq(name, S("Value")) ? source : name;
        buf_printf(out, "${%.*s}", BOLE_SLICE_ARG(name));
        t = bole_slice_sub(t, (size_t)(close - t.ptr) + 2);
    }
    return BOLE_OK;
}

static bole_status stage_template(struct promtail_making *m, const struct config_node *n, unsigned depth, struct promtail_stages *s)
{
    static const struct promtail_key keys[] = {{"source", PROMTAIL_TAKEN, NULL}, {"template", PROMTAIL_TAKEN, NULL}};
    bole_slice source = {0}, template = {0};
    struct buf text;
    bole_status st = promtail_keys(m, n, "template", keys, 2);
    if (st == BOLE_OK)
        st = promtail_text(m, n, "source", &source);
    if (st == BOLE_OK)
        st = promtail_text(m, n, "template", &template);
    if (st == BOLE_OK && !is_plain_name(source))
        st = promtail_refuse(m, n, "template needs a source");
    if (st < 0)
        return st;
    buf_init(&text, NULL);
    st = put_template(m, n, template, source, &text);
    promtail_line(s->rules, s->indent, "- set: {%.*s: ", BOLE_SLICE_ARG(source));
    promtail_put(s->rules, buf_slice(&text));
    buf_put_u8(s->rules, '}');
    buf_deinit(&text);
    return st < 0 ? st : extract(m, n, s, source);
}

static bole_slice layout_of(bole_slice format)
{
    static const struct { const char *name, *layout; } names[] = {
        {"ANSIC", "Mon Jan _2 15:04:05 2006"}, {"UnixDate", "Mon Jan _2 15:04:05 MST 2006"},
        {"RubyDate", "Mon Jan 02 15:04:05 -0700 2006"}, {"RFC822", "02 Jan 06 15:04 MST"}, {"RFC822Z", "02 Jan 06 15:04 -0700"},
        {"RFC850", "Monday, 02-Jan-06 15:04:05 MST"}, {"RFC1123", "Mon, 02 Jan 2006 15:04:05 MST"},
        {"RFC1123Z", "Mon, 02 Jan 2006 15:04:05 -0700"}, {"RFC3339", "rfc3339"}, {"RFC3339Nano", "rfc3339"}, {"Unix", "unix"},
        {"UnixMs", "unix_ms"}, {"UnixUs", "unix_us"}, {"UnixNs", "unix_ns"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (bole_slice_eq(format, bole_slice_str(names[i].name)))
            return bole_slice_str(names[i].layout);
    return format;
}

static bole_status stage_timestamp(struct promtail_making *m, const struct config_node *n, unsigned depth, struct promtail_stages *s)
{
    static const struct promtail_key keys[] = {{"source", PROMTAIL_TAKEN, NULL}, {"format", PROMTAIL_TAKEN, NULL},
        {"fallback_formats", PROMTAIL_TAKEN, NULL}, {"location", PROMTAIL_TAKEN, NULL},
        {"action_on_failure", PROMTAIL_NOTE, "a line whose time cannot be read gets the one that stands at its beginning, else of the line before it, else of now"}};
    bole_slice source = {0}, format = {0}, location = {0};
    bole_status st = promtail_keys(m, n, "timestamp", keys, sizeof keys / sizeof *keys);
    if (st == BOLE_OK)
        st = promtail_text(m, n, "source", &source);
    if (st == BOLE_OK)
        st = promtail_text(m, n, "format", &format);
    if (st == BOLE_OK)
        st = promtail_text(m, n, "location", &location);
    if (st == BOLE_OK && (!source.len || !format.len))
        st = promtail_refuse(m, n, "timestamp needs source and format");
    if (st < 0)
        return st;
    promtail_line(s->rules, s->indent, "- time: {from: ");
    promtail_put(s->rules, source);
    buf_put_str(s->rules, ", format: [");
    promtail_put(s->rules, layout_of(format));
    const struct config_node *more = config_get(n, S("fallback_formats"));
    for (const struct config_node *f = more ? more->first : NULL; f; f = f->next) {
        buf_put_str(s->rules, ", ");
        promtail_put(s->rules, layout_of(f->text));
    }
    buf_put_u8(s->rules, ']');
    if (location.len)
        put_member(s->rules, "zone", location);
    buf_put_u8(s->rules, '}');
    return BOLE_OK;
}

/* ---- how many ---- */

static bole_status stage_limit(struct promtail_making *m, const struct config_node *n, unsigned depth, struct promtail_stages *s)
{
    static const struct promtail_key keys[] = {{"rate", PROMTAIL_TAKEN, NULL}, {"burst", PROMTAIL_TAKEN, NULL},
        {"drop", PROMTAIL_TAKEN, NULL}, {"by_label_name", PROMTAIL_REFUSED, "a limit by label has no equal: `rate` of docs/process.md counts by stream"},
        {"max_distinct_labels", PROMTAIL_NOTE, "tables are of fixed size"}};
    bole_slice rate = {0}, burst = {0}, drop = {0};
    bole_status st = promtail_keys(m, n, "limit", keys, sizeof keys / sizeof *keys);
    if (st == BOLE_OK)
        st = promtail_text(m, n, "rate", &rate);
    if (st == BOLE_OK)
        st = promtail_text(m, n, "burst", &burst);
    if (st == BOLE_OK)
        st = promtail_text(m, n, "drop", &drop);
    if (st < 0)
        return st;
    if (!bole_slice_eq(drop, S("true"))) {
        promtail_note(m, n, "a limit without drop loses no lines, it only delays them: left out");
        return BOLE_OK;
    }
    promtail_line(s->rules, s->indent, "- rate: {records: %.*s, burst: %.*s, by: all}", BOLE_SLICE_ARG(rate), BOLE_SLICE_ARG(burst));
    return BOLE_OK;
}

static bole_status stage_sampling(struct promtail_making *m, const struct config_node *n, unsigned depth, struct promtail_stages *s)
{
    static const struct promtail_key keys[] = {{"rate", PROMTAIL_TAKEN, NULL},
                                               {"drop_counter_reason", PROMTAIL_NOTE, "bole_process_records_total counts by rule"}};
    bole_slice rate = {0};
    bole_status st = promtail_keys(m, n, "sampling", keys, 2);
    if (st == BOLE_OK)
        st = promtail_text(m, n, "rate", &rate);
    promtail_line(s->rules, s->indent, "- sample: %.*s", BOLE_SLICE_ARG(rate));
    return st;
}

/* ---- what stands in front of a pipeline ---- */

static bole_status stage_wrapping(struct promtail_making *m, const struct config_node *n, unsigned depth, struct promtail_stages *s)
{
    if (depth > 0 || s->rules->len || s->multiline.len)
        return promtail_refuse(m, n, "docker and cri are expected in front of all other stages");
    if (n->kind == CONFIG_MAP && n->first)
        promtail_note(m, n, "limits of partial lines are the agent's own");
    s->is_wrapped = true;
    return BOLE_OK;
}

static bole_status stage_multiline(struct promtail_making *m, const struct config_node *n, unsigned depth, struct promtail_stages *s)
{
    static const struct promtail_key keys[] = {{"firstline", PROMTAIL_TAKEN, NULL}, {"max_wait_time", PROMTAIL_TAKEN, NULL},
        {"max_lines", PROMTAIL_TAKEN, NULL}, {"trim_newlines", PROMTAIL_NOTE, "the line end of the last line is never part of a record"}};
    bole_slice first = {0}, wait = {0}, lines = {0};
    bole_status st = promtail_keys(m, n, "multiline", keys, sizeof keys / sizeof *keys);
    if (st == BOLE_OK && (depth > 0 || s->rules->len))
        st = promtail_refuse(m, n, "multiline is expected in front of the other stages, behind docker or cri");
    if (st == BOLE_OK)
        st = promtail_text(m, n, "firstline", &first);
    if (st == BOLE_OK)
        st = promtail_text(m, n, "max_wait_time", &wait);
    if (st == BOLE_OK)
        st = promtail_text(m, n, "max_lines", &lines);
    if (st == BOLE_OK)
        st = promtail_regex(m, n, first);
    buf_put_str(&s->multiline, "start: ");
    promtail_put(&s->multiline, first);
    buf_printf(&s->multiline, ", flush: %.*s, max_lines: %.*s", BOLE_SLICE_ARG(wait.len ? wait : S("3s")),
               BOLE_SLICE_ARG(lines.len ? lines : S("128")));
    return st;
}

/* ---- all ---- */

static const struct {
    const char *name;
    stage_fn   *convert; /* NULL: refused */
    const char *text;    /* what to do instead; with a convert of NULL and a first '+': only a note */
} stages[] = {
    {"docker", stage_wrapping, NULL}, {"cri", stage_wrapping, NULL}, {"multiline", stage_multiline, NULL},
    {"regex", stage_regex, NULL}, {"json", stage_json, NULL}, {"logfmt", stage_logfmt, NULL}, {"labels", stage_labels, NULL},
    {"static_labels", stage_static_labels, NULL}, {"structured_metadata", stage_metadata, NULL}, {"labeldrop", stage_labeldrop, NULL},
    {"labelallow", stage_labelallow, NULL}, {"drop", stage_drop, NULL}, {"match", stage_match, NULL}, {"output", stage_output, NULL},
    {"replace", stage_replace, NULL}, {"decolorize", stage_decolorize, NULL}, {"template", stage_template, NULL},
    {"timestamp", stage_timestamp, NULL}, {"limit", stage_limit, NULL}, {"sampling", stage_sampling, NULL},
    {"metrics", NULL, "+promtail's own counters are not made: count with a query"},
    {"tenant", NULL, "an agent sends to one tenant: run one agent for each, with its own --state and --listen"},
    {"pack", NULL, "pack has no equal: keep such labels as structured_metadata, which needs no unpack"},
    {"eventlogmessage", NULL, "Windows' event log is not read"}, {"geoip", NULL, "geoip has no equal"}, {"wasm", NULL, "wasm has no equal"},
};
enum { STAGES = sizeof stages / sizeof *stages };

static bole_status convert_stage(struct promtail_making *m, const struct config_node *n, unsigned depth, struct promtail_stages *s)
{
    const char *names[STAGES];
    for (size_t i = 0; i < STAGES; i++) {
        names[i] = stages[i].name;
        if (!bole_slice_eq(n->key, bole_slice_str(stages[i].name)))
            continue;
        if (stages[i].convert)
            return stages[i].convert(m, n, depth, s);
        if (stages[i].text[0] != '+')
            return promtail_refuse(m, n, "%s", stages[i].text);
        promtail_note(m, n, "%s", stages[i].text + 1);
        return BOLE_OK;
    }
    const char *near = config_nearest(n->key, names, STAGES);
    return promtail_refuse(m, n, "unknown stage \"%.*s\"%s%s%s", BOLE_SLICE_ARG(n->key), near ? "; did you mean \"" : "", near ? near : "",
                           near ? "\"?" : "");
}

bole_status promtail_stages(struct promtail_making *m, const struct config_node *list, unsigned depth, struct promtail_stages *s)
{
    bole_status st = BOLE_OK;
    if (!list || list->kind == CONFIG_NULL)
        return BOLE_OK;
    if (list->kind != CONFIG_LIST || depth > DEPTH_MAX)
        return promtail_refuse(m, list, "a list of stages is expected here, %d deep at most", (int)DEPTH_MAX);
    for (const struct config_node *n = list->first; n && st == BOLE_OK; n = n->next)
        st = n->kind == CONFIG_MAP && n->first && !n->first->next ? convert_stage(m, n->first, depth, s)
                                                                   : promtail_refuse(m, n, "a stage is a map with one key, its name");
    return st;
}
