/* promtail_relabel.c - relabel_configs. Of files everything is known beforehand: the rules are followed here, once. */
#include <stdlib.h>

#include "agent/promtail_impl.h"
#include "base/err.h"
#include "shim/regex.h"

struct relabel {
    bole_slice action, target, regex, replacement, separator;
    const struct config_node *sources; /* list; NULL: none */
};

bole_slice promtail_label(const struct promtail_labels *l, bole_slice name)
{
    for (size_t i = 0; i < l->count; i++)
        if (bole_slice_eq(l->items[i].name, name))
            return l->items[i].value;
    return (bole_slice){0};
}

bole_status promtail_label_set(struct promtail_making *m, const struct config_node *at, struct promtail_labels *l, bole_slice name,
                               bole_slice value)
{
    for (size_t i = 0; i < l->count; i++)
        if (bole_slice_eq(l->items[i].name, name)) {
            l->items[i].value = value;
            return BOLE_OK;
        }
    if (l->count == PROMTAIL_LABELS_MAX)
        return promtail_refuse(m, at, "more than %d labels", (int)PROMTAIL_LABELS_MAX);
    l->items[l->count++] = (struct label){name, value};
    return BOLE_OK;
}

static bole_status read_relabel(struct promtail_making *m, const struct config_node *n, struct relabel *r)
{
    static const struct promtail_key keys[] = {{"source_labels", PROMTAIL_TAKEN, NULL}, {"separator", PROMTAIL_TAKEN, NULL},
                                               {"target_label", PROMTAIL_TAKEN, NULL},  {"regex", PROMTAIL_TAKEN, NULL},
                                               {"replacement", PROMTAIL_TAKEN, NULL},   {"action", PROMTAIL_TAKEN, NULL},
                                               {"modulus", PROMTAIL_REFUSED, "hashmod has no equal: write the label itself"}};
    *r = (struct relabel){0};
    bole_status st = promtail_keys(m, n, "relabel_configs", keys, sizeof keys / sizeof *keys);
    const struct { const char *name; bole_slice *to; } texts[] = {{"action", &r->action}, {"target_label", &r->target},
        {"regex", &r->regex}, {"replacement", &r->replacement}, {"separator", &r->separator}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts && st == BOLE_OK; i++)
        st = promtail_text(m, n, texts[i].name, texts[i].to);
    if (st < 0)
        return st;
    r->sources = config_get(n, S("source_labels"));
    r->action = r->action.ptr ? r->action : S("replace");
    r->regex = r->regex.ptr ? r->regex : S("(.*)");
    r->replacement = r->replacement.ptr ? r->replacement : S("$1");
    r->separator = r->separator.ptr ? r->separator : S(";");
    if (r->sources && r->sources->kind != CONFIG_LIST)
        return promtail_refuse(m, r->sources, "source_labels is a list");
    return promtail_regex(m, n, r->regex);
}

static bool is(const struct relabel *r, const char *action)
{
    return bole_slice_eq_nocase(r->action, bole_slice_str(action));
}

/* $1, ${1}, ${name} of Go's Regexp.Expand. */
static bole_slice expand(struct promtail_making *m, bole_slice t, const struct regex *re, const bole_slice *groups, size_t count)
{
    struct buf out;
    buf_init(&out, NULL);
    for (size_t i = 0; i < t.len; i++) {
        size_t from = i + 1, group = 0;
        bool braced = t.ptr[i] == '$' && from < t.len && t.ptr[from] == '{';
        if (t.ptr[i] != '$' || from == t.len) {
            buf_put_u8(&out, t.ptr[i]);
            continue;
        }
        if (t.ptr[from] == '$') {
            buf_put_u8(&out, '$');
            i++;
            continue;
        }
        from += braced;
        size_t end = from;
        while (end < t.len && (t.ptr[end] == '_' || (t.ptr[end] | 0x20) - 'a' + 0u < 26 || (t.ptr[end] >= '0' && t.ptr[end] <= '9')))
            end++;
        bole_slice name = bole_slice_from(t.ptr + from, end - from);
        bool is_number = name.len > 0 && name.len < 4;
        for (size_t k = 0; k < name.len && is_number; k++)
            is_number = name.ptr[k] >= '0' && name.ptr[k] <= '9';
        for (size_t k = 0; k < name.len && is_number; k++)
            group = group * 10 + (size_t)(name.ptr[k] - '0');
        for (size_t k = 1; !is_number && k < count; k++)
            group = bole_slice_eq(regex_group_name(re, k), name) ? k : group;
        if ((is_number || group) && group < count && groups[group].ptr)
            buf_put(&out, groups[group]);
        i = end - 1 + (braced && end < t.len && t.ptr[end] == '}');
    }
    bole_slice kept = arena_copy(m->arena, buf_slice(&out));
    buf_deinit(&out);
    return kept;
}

static bole_slice joined(struct promtail_making *m, const struct relabel *r, const struct promtail_labels *l)
{
    struct buf out;
    buf_init(&out, NULL);
    for (const struct config_node *n = r->sources ? r->sources->first : NULL; n; n = n->next) {
        if (n != r->sources->first)
            buf_put(&out, r->separator);
        buf_put(&out, promtail_label(l, n->text));
    }
    bole_slice kept = arena_copy(m->arena, buf_slice(&out));
    buf_deinit(&out);
    return kept;
}

/* What goes over all names: labelmap, labeldrop, labelkeep. */
static bole_status relabel_names(struct promtail_making *m, const struct config_node *n, const struct relabel *r, const struct regex *re,
                                 struct promtail_labels *l)
{
    size_t had = l->count, kept = 0, groups = regex_group_count(re) + 1;
    bole_slice found[REGEX_GROUPS_MAX + 1];
    bole_status st = BOLE_OK;
    groups = groups < REGEX_GROUPS_MAX ? groups : REGEX_GROUPS_MAX;
    if (is(r, "labelmap")) {
        for (size_t i = 0; i < had && st == BOLE_OK; i++)
            if (regex_find(re, l->items[i].name, 0, found, groups))
                st = promtail_label_set(m, n, l, expand(m, r->replacement, re, found, groups), l->items[i].value);
        return st;
    }
    for (size_t i = 0; i < had; i++)
        if (regex_match(re, l->items[i].name) == is(r, "labelkeep"))
            l->items[kept++] = l->items[i];
    l->count = kept;
    return st;
}

static bole_status relabel_one(struct promtail_making *m, const struct config_node *n, struct promtail_labels *l)
{
    struct relabel r;
    struct regex *re = NULL;
    bole_slice found[REGEX_GROUPS_MAX + 1];
    bole_status st = read_relabel(m, n, &r);
    if (st == BOLE_OK)
        st = regex_compile(r.regex, REGEX_ANCHORED, NULL, &re, m->err);
    if (st < 0)
        return st;
    size_t groups = regex_group_count(re) + 1;
    groups = groups < REGEX_GROUPS_MAX ? groups : REGEX_GROUPS_MAX;
    bole_slice value = joined(m, &r, l);
    if (is(&r, "labelmap") || is(&r, "labeldrop") || is(&r, "labelkeep")) {
        st = relabel_names(m, n, &r, re, l);
    } else if (is(&r, "keep") || is(&r, "drop")) {
        l->dropped |= regex_match(re, value) == is(&r, "drop");
    } else if (is(&r, "replace")) {
        if (regex_find(re, value, 0, found, groups))
            st = promtail_label_set(m, n, l, expand(m, r.target, re, found, groups), expand(m, r.replacement, re, found, groups));
    } else if (is(&r, "lowercase") || is(&r, "uppercase")) {
        for (size_t i = 0; i < value.len; i++) {
            uint8_t *c = (uint8_t *)(uintptr_t)value.ptr + i; /* the copy that joined has made */
            if ((uint8_t)((*c | 0x20) - 'a') < 26)
                *c = is(&r, "lowercase") ? *c | 0x20 : *c & ~0x20;
        }
        st = promtail_label_set(m, n, l, r.target, value);
    } else {
        st = promtail_refuse(m, n, "the action %.*s has no equal: write the labels themselves", BOLE_SLICE_ARG(r.action));
    }
    regex_destroy(re);
    return st;
}

bole_status promtail_relabel(struct promtail_making *m, const struct config_node *list, struct promtail_labels *l)
{
    bole_status st = BOLE_OK;
    if (list && list->kind != CONFIG_LIST && list->kind != CONFIG_NULL)
        return promtail_refuse(m, list, "relabel_configs is a list");
    for (const struct config_node *n = list ? list->first : NULL; n && st == BOLE_OK && !l->dropped; n = n->next)
        st = relabel_one(m, n, l);
    return st;
}

/* ---- the journal: __journal__systemd_unit is the field _SYSTEMD_UNIT ---- */

static bole_slice journal_field(struct promtail_making *m, bole_slice label)
{
    const bole_slice prefix = S("__journal_");
    if (!bole_slice_starts(label, prefix))
        return (bole_slice){0};
    bole_slice field = arena_copy(m->arena, bole_slice_sub(label, prefix.len));
    for (size_t i = 0; i < field.len; i++) {
        uint8_t *c = (uint8_t *)(uintptr_t)field.ptr + i;
        *c = (uint8_t)(*c - 'a') < 26 ? *c & ~0x20 : *c;
    }
    return field;
}

/* systemd's names of PRIORITY. */
static void put_keyword(struct buf *rules, unsigned indent, bole_slice target)
{
    static const char *const names[] = {"emerg", "alert", "crit", "error", "warning", "notice", "info", "debug"};
    for (int i = 0; i < 8; i++)
        promtail_line(rules, indent, "- {match: {fields: '{PRIORITY=\"%d\"}'}, route: {labels: {%.*s: %s}}}", i, BOLE_SLICE_ARG(target),
                      names[i]);
}

static void put_match(struct buf *rules, unsigned indent, bole_slice field, const char *op, bole_slice regex)
{
    struct buf match;
    buf_init(&match, NULL);
    buf_printf(&match, "{%.*s%s`%.*s`}", BOLE_SLICE_ARG(field), op, BOLE_SLICE_ARG(regex));
    promtail_line(rules, indent, "- match: {fields: ");
    promtail_put(rules, buf_slice(&match));
    buf_put_u8(rules, '}');
    buf_deinit(&match);
}

/* The first group gets the name `relabel`. False: there is none. */
static bool name_group(bole_slice regex, struct buf *out)
{
    for (size_t i = 0; i < regex.len; i++) {
        if (regex.ptr[i] == '\\') {
            i++;
        } else if (regex.ptr[i] == '(' && (i + 1 == regex.len || regex.ptr[i + 1] != '?')) {
            buf_put_str(out, "^(?:");
            buf_put(out, (bole_slice){regex.ptr, i + 1});
            buf_put_str(out, "?P<relabel>");
            buf_put(out, bole_slice_sub(regex, i + 1));
            buf_put_str(out, ")$");
            return true;
        }
    }
    return false;
}

static bole_status replace_journal(struct promtail_making *m, const struct config_node *n, const struct relabel *r, bole_slice field,
                                   struct buf *rules, unsigned indent)
{
    struct buf pattern;
    bool is_all = bole_slice_eq(r->regex, S("(.*)")) || bole_slice_eq(r->regex, S("(.+)"));
    bool is_first = bole_slice_eq(r->replacement, S("$1")) || bole_slice_eq(r->replacement, S("${1}"));
    if (bole_slice_eq(field, S("PRIORITY_KEYWORD"))) {
        if (!is_all || !is_first)
            return promtail_refuse(m, n, "of __journal_priority_keyword only the whole can become a label: leave regex out");
        put_keyword(rules, indent, r->target);
        return BOLE_OK;
    }
    if (is_all && is_first) {
        promtail_line(rules, indent, "- route: {labels: {%.*s: '${%.*s}'}}", BOLE_SLICE_ARG(r->target), BOLE_SLICE_ARG(field));
        return BOLE_OK;
    }
    if (!memchr(r->replacement.ptr, '$', r->replacement.len)) {
        put_match(rules, indent, field, "=~", r->regex);
        promtail_line(rules, indent + 2, "route: {labels: {%.*s: ", BOLE_SLICE_ARG(r->target));
        promtail_put(rules, r->replacement);
        buf_put_str(rules, "}}");
        return BOLE_OK;
    }
    buf_init(&pattern, NULL);
    bool is_named = is_first && name_group(r->regex, &pattern);
    if (is_named) {
        promtail_line(rules, indent, "- derive: {from: %.*s, pattern: ", BOLE_SLICE_ARG(field));
        promtail_put(rules, buf_slice(&pattern));
        buf_put_u8(rules, '}');
        promtail_line(rules, indent, "- route: {labels: {%.*s: '${relabel}'}}", BOLE_SLICE_ARG(r->target));
        promtail_line(rules, indent, "- remove: relabel");
    }
    buf_deinit(&pattern);
    return is_named ? BOLE_OK : promtail_refuse(m, n, "of a field of the journal only $1 or a text can become a label: write a rule with derive");
}

static bole_status relabel_journal_one(struct promtail_making *m, const struct config_node *n, struct buf *rules, unsigned indent)
{
    struct relabel r;
    bole_status st = read_relabel(m, n, &r);
    if (st < 0)
        return st;
    const struct config_node *source = r.sources ? r.sources->first : NULL;
    bole_slice field = source && !source->next ? journal_field(m, source->text) : (bole_slice){0};
    if (is(&r, "labelmap"))
        return promtail_refuse(m, n, "labelmap of the journal makes a stream of each entry: all fields are kept as fields here, take it out");
    if (!field.len)
        return promtail_refuse(m, n, "one source label __journal_... is expected here");
    if (memchr(r.regex.ptr, '`', r.regex.len) || memchr(field.ptr, '}', field.len))
        return promtail_refuse(m, n, "this name or expression cannot be written in a rule");
    if (is(&r, "replace"))
        return r.target.len ? replace_journal(m, n, &r, field, rules, indent) : promtail_refuse(m, n, "target_label is missing");
    if (is(&r, "keep") || is(&r, "drop")) {
        put_match(rules, indent, field, is(&r, "keep") ? "!~" : "=~", r.regex);
        promtail_line(rules, indent + 2, "drop: true");
        return BOLE_OK;
    }
    return promtail_refuse(m, n, "the action %.*s has no equal for the journal: replace, keep and drop have", BOLE_SLICE_ARG(r.action));
}

bole_status promtail_relabel_journal(struct promtail_making *m, const struct config_node *list, struct buf *rules, unsigned indent)
{
    bole_status st = BOLE_OK;
    if (list && list->kind != CONFIG_LIST && list->kind != CONFIG_NULL)
        return promtail_refuse(m, list, "relabel_configs is a list");
    for (const struct config_node *n = list ? list->first : NULL; n && st == BOLE_OK; n = n->next)
        st = relabel_journal_one(m, n, rules, indent);
    return st;
}
