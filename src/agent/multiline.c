#include "agent/multiline.h"

#include <stdlib.h>

#include "agent/glob.h"
#include "base/err.h"

enum { RULES_MAX = 64, GLOBS_MAX = 64 };

struct entry {
    struct multiline_rule rule;
    char  *globs[GLOBS_MAX];
    size_t glob_count; /* 0: all files */
};

struct multiline {
    struct entry *entries[RULES_MAX];
    size_t count;
};

/* ---- the configuration ---- */

static bole_status read_languages(const struct config *c, const struct config_node *n, unsigned *ret_languages,
                                  struct bole_err *err)
{
    const struct config_node *item = n->kind == CONFIG_LIST ? n->first : n;
    for (; item; item = n->kind == CONFIG_LIST ? item->next : NULL) {
        unsigned language = item->kind == CONFIG_SCALAR ? trace_language(item->text) : 0;
        if (!language)
            return config_fail(c, item, err, "detect: java, python, go, ruby, dotnet, node or all");
        *ret_languages |= language;
    }
    return BOLE_OK;
}

static bole_status read_regex(const struct config *c, const struct config_node *n, struct regex **ret_regex, struct bole_err *err)
{
    struct bole_err why;
    if (n->kind != CONFIG_SCALAR)
        return config_fail(c, n, err, "%.*s is a regular expression", BOLE_SLICE_ARG(n->key));
    return regex_compile(n->text, 0, NULL, ret_regex, &why) < 0 ? config_fail(c, n, err, "%s", why.msg) : BOLE_OK;
}

static bole_status read_globs(const struct config *c, const struct config_node *n, struct entry *e, struct bole_err *err)
{
    const struct config_node *item = n->kind == CONFIG_LIST ? n->first : n;
    for (; item; item = n->kind == CONFIG_LIST ? item->next : NULL) {
        if (item->kind != CONFIG_SCALAR || e->glob_count == GLOBS_MAX)
            return config_fail(c, item, err, "files: at most %d globs", GLOBS_MAX);
        e->globs[e->glob_count] = strdup((const char *)item->text.ptr);
        if (!e->globs[e->glob_count++])
            return bole_fail(err, BOLE_E_NOMEM, "no memory for globs");
    }
    return BOLE_OK;
}

static bole_status read_member(const struct config *c, const struct config_node *n, struct entry *e, struct bole_err *err)
{
    struct multiline_rule *r = &e->rule;
    uint64_t lines;
    bole_status st;
    if (n->kind == CONFIG_NULL)
        return BOLE_OK;
    if (bole_slice_eq(n->key, S("files")))
        return read_globs(c, n, e, err);
    if (bole_slice_eq(n->key, S("detect")))
        return read_languages(c, n, &r->languages, err);
    if (bole_slice_eq(n->key, S("start")))
        return read_regex(c, n, &r->start, err);
    if (bole_slice_eq(n->key, S("continue")))
        return read_regex(c, n, &r->go_on, err);
    if (bole_slice_eq(n->key, S("flush")))
        return config_duration(c, n, 1, 3600 * NS_PER_S, &r->flush_ns, err);
    if (bole_slice_eq(n->key, S("max_bytes")))
        return config_size(c, n, MULTILINE_BYTES_LEAST, MULTILINE_BYTES_MOST, &r->max_bytes, err);
    st = config_number(c, n, 2, 100000, &lines, err); /* max_lines */
    if (st == BOLE_OK)
        r->max_lines = (unsigned)lines;
    return st;
}

static bole_status add_entry(struct multiline *m, struct entry **ret_entry, struct bole_err *err)
{
    struct entry *e = m->count < RULES_MAX ? calloc(1, sizeof *e) : NULL;
    if (!e)
        return bole_fail(err, BOLE_E_LIMIT, "multiline: at most %d rules", RULES_MAX);
    e->rule.max_lines = MULTILINE_LINES_DEFAULT;
    e->rule.max_bytes = MULTILINE_BYTES_DEFAULT;
    e->rule.flush_ns = MULTILINE_FLUSH_NS;
    *ret_entry = m->entries[m->count++] = e;
    return BOLE_OK;
}

static bole_status read_rule(struct multiline *m, const struct config *c, const struct config_node *map, struct bole_err *err)
{
    static const char *const keys[] = {"files", "detect", "start", "continue", "max_lines", "max_bytes", "flush"};
    struct entry *e = NULL;
    if (map->kind != CONFIG_MAP)
        return config_fail(c, map, err, "multiline: a rule is a map");
    bole_status st = config_check_keys(c, map, keys, sizeof keys / sizeof *keys, err);
    if (st == BOLE_OK)
        st = add_entry(m, &e, err);
    for (const struct config_node *n = map->first; n && st == BOLE_OK; n = n->next)
        st = read_member(c, n, e, err);
    if (st == BOLE_OK && !e->rule.languages && !e->rule.start && !e->rule.go_on)
        return config_fail(c, map, err, "multiline: one of detect, start, continue is needed");
    return st == BOLE_OK && e->rule.start && e->rule.go_on ? config_fail(c, map, err, "multiline: start or continue, not both")
                                                           : st;
}

static bole_status read_detect(struct multiline *m, const char *detect, struct bole_err *err)
{
    struct entry *e = NULL;
    bole_status st = add_entry(m, &e, err);
    for (bole_slice rest = bole_slice_str(detect); rest.len && st == BOLE_OK;) {
        bole_slice name = bole_slice_cut(rest, ',', &rest);
        unsigned language = trace_language(bole_slice_trim(name));
        if (!language)
            return bole_fail(err, BOLE_E_INVALID, "not \"%.*s\", but java, python, go, ruby, dotnet, node or all",
                             BOLE_SLICE_ARG(name));
        e->rule.languages |= language;
    }
    return st;
}

bole_status multiline_create(const struct config *file, const struct config_node *node, const char *detect,
                             struct multiline **ret_multiline, struct bole_err *err)
{
    struct multiline *m = calloc(1, sizeof *m);
    bole_status st = m ? BOLE_OK : bole_fail(err, BOLE_E_NOMEM, "no memory for rules of lines");
    const struct config_node *n = node && node->kind == CONFIG_LIST ? node->first : node;
    for (; n && n->kind != CONFIG_NULL && st == BOLE_OK; n = node->kind == CONFIG_LIST ? n->next : NULL)
        st = read_rule(m, file, n, err);
    if (st == BOLE_OK && detect)
        st = read_detect(m, detect, err);
    if (st == BOLE_OK)
        *ret_multiline = m;
    else
        multiline_destroy(m);
    return st;
}

void multiline_destroy(struct multiline *m)
{
    for (size_t i = 0; m && i < m->count; i++) {
        struct entry *e = m->entries[i];
        for (size_t g = 0; g < e->glob_count; g++)
            free(e->globs[g]);
        regex_destroy(e->rule.start);
        regex_destroy(e->rule.go_on);
        free(e);
    }
    free(m);
}

void multiline_do_not_wait(struct multiline *m)
{
    for (size_t i = 0; m && i < m->count; i++)
        m->entries[i]->rule.flush_ns = 1;
}

const struct multiline_rule *multiline_find(const struct multiline *m, bole_slice path)
{
    for (size_t i = 0; m && i < m->count; i++) {
        const struct entry *e = m->entries[i];
        bool is_of = e->glob_count == 0;
        for (size_t g = 0; g < e->glob_count && !is_of; g++)
            is_of = glob_match(bole_slice_str(e->globs[g]), path);
        if (is_of)
            return &e->rule;
    }
    return NULL;
}

/* ---- lines ---- */

void multiline_begin(const struct multiline_rule *rule, struct multiline_state *s, bole_slice line)
{
    if (rule->languages)
        trace_begin(&s->trace, rule->languages, line);
}

enum trace_verdict multiline_next(const struct multiline_rule *rule, struct multiline_state *s, bole_slice line)
{
    if ((rule->start && !regex_match(rule->start, line)) || (rule->go_on && regex_match(rule->go_on, line)))
        return TRACE_JOIN;
    return rule->languages ? trace_next(&s->trace, line) : TRACE_NEW;
}
