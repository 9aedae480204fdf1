/*
 * libyaml's events become nodes by a walk that goes down with the nesting, which is capped. Its document API would be
 * shorter, but resolves aliases: nine lines can then stand for a billion nodes.
 */
#include "config/config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/timefmt.h"

struct config {
    struct arena arena;
    const char *name;
    struct config_node *root;
};

struct reading {
    struct config *config;
    yaml_parser_t parser;
    yaml_event_t event; /* the one being looked at; empty between events */
    struct bole_err *err;
};

/* "NAME:LINE:COLUMN: message" */
__attribute__((format(printf, 5, 0)))
static bole_status fail_at_place(const struct config *c, unsigned line, unsigned column, struct bole_err *err,
                                 const char *fmt, va_list args)
{
    char message[sizeof err->msg];
    err_vprint(message, sizeof message, fmt, args);
    return bole_fail(err, BOLE_E_INVALID, "%s:%u:%u: %s", c->name, line, column, message);
}

bole_status config_fail(const struct config *c, const struct config_node *at, struct bole_err *err, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    bole_status st = fail_at_place(c, at->line, at->column, err, fmt, args);
    va_end(args);
    return st;
}

bole_status config_fail_key(const struct config *c, const struct config_node *at, struct bole_err *err, const char *fmt,
                            ...)
{
    va_list args;
    va_start(args, fmt);
    bole_status st = fail_at_place(c, at->key_line, at->key_column, err, fmt, args);
    va_end(args);
    return st;
}

static bole_status fail_at(const struct reading *r, yaml_mark_t mark, const char *what)
{
    return bole_fail(r->err, BOLE_E_INVALID, "%s:%zu:%zu: %s", r->config->name, mark.line + 1, mark.column + 1, what);
}

static bole_status no_memory(const struct reading *r)
{
    return bole_fail(r->err, BOLE_E_NOMEM, "%s: no memory to read it", r->config->name);
}

static bole_status next_event(struct reading *r)
{
    yaml_event_delete(&r->event);
    if (yaml_parser_parse(&r->parser, &r->event))
        return BOLE_OK;
    memset(&r->event, 0, sizeof r->event);
    if (r->parser.error == YAML_MEMORY_ERROR)
        return no_memory(r);
    if (r->parser.error == YAML_READER_ERROR)
        return bole_fail(r->err, BOLE_E_INVALID, "%s: byte %zu: %s", r->config->name, r->parser.problem_offset,
                         r->parser.problem);
    return fail_at(r, r->parser.problem_mark, r->parser.problem ? r->parser.problem : "this is no YAML");
}

static bole_slice keep_text(struct config *c, const void *text, size_t len)
{
    uint8_t *copy = arena_bytes(&c->arena, len + 1);
    if (!copy)
        return (bole_slice){0};
    memcpy(copy, text, len);
    copy[len] = 0;
    return (bole_slice){copy, len};
}

/* A plain scalar without text, `~` and `null` are nothing at all; in quotes they are texts. */
static bool is_null(const yaml_event_t *e)
{
    bole_slice text = {e->data.scalar.value, e->data.scalar.length};
    return e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (!text.len || bole_slice_eq(text, S("~")) || bole_slice_eq(text, S("null")));
}

static bole_status read_node(struct reading *r, unsigned depth, struct config_node **ret_node);

/* The present event is a key; behind this it is the value's first. */
static bole_status read_key(struct reading *r, const struct config_node *map, struct config_node *ret_key)
{
    const yaml_event_t *e = &r->event;
    if (e->type != YAML_SCALAR_EVENT)
        return fail_at(r, e->start_mark, "a key is a text");
    ret_key->key = keep_text(r->config, e->data.scalar.value, e->data.scalar.length);
    ret_key->key_line = (unsigned)e->start_mark.line + 1;
    ret_key->key_column = (unsigned)e->start_mark.column + 1;
    if (!ret_key->key.ptr)
        return no_memory(r);
    if (config_get(map, ret_key->key))
        return config_fail_key(r->config, ret_key, r->err, "the key \"%.*s\" is here twice", BOLE_SLICE_ARG(ret_key->key));
    return next_event(r);
}

static bole_status read_members(struct reading *r, unsigned depth, struct config_node *parent)
{
    bool is_map = parent->kind == CONFIG_MAP;
    struct config_node **end = &parent->first;
    size_t count = 0;
    bole_status st;
    while ((st = next_event(r)) == BOLE_OK &&
           r->event.type != (is_map ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT)) {
        struct config_node key = {0};
        if (++count > CONFIG_MEMBERS_MAX)
            return bole_fail(r->err, BOLE_E_LIMIT, "%s:%u: more than %d members", r->config->name, parent->line,
                             CONFIG_MEMBERS_MAX);
        if (is_map && (st = read_key(r, parent, &key)) < 0)
            return st;
        if ((st = read_node(r, depth + 1, end)) < 0)
            return st;
        (*end)->key = key.key;
        (*end)->key_line = key.key_line;
        (*end)->key_column = key.key_column;
        end = &(*end)->next;
    }
    return st;
}

/* The node that the present event begins; the present event is then its last one. */
static bole_status read_node(struct reading *r, unsigned depth, struct config_node **ret_node)
{
    const yaml_event_t *e = &r->event;
    if (depth > CONFIG_DEPTH_MAX)
        return bole_fail(r->err, BOLE_E_LIMIT, "%s:%zu: nested more than %d deep", r->config->name,
                         e->start_mark.line + 1, CONFIG_DEPTH_MAX);
    struct config_node *n = arena_zalloc(&r->config->arena, sizeof *n);
    if (!n)
        return no_memory(r);
    n->line = (unsigned)e->start_mark.line + 1;
    n->column = (unsigned)e->start_mark.column + 1;
    if (e->type == YAML_ALIAS_EVENT)
        return fail_at(r, e->start_mark, "aliases (*name) are not taken: write the value out");
    if (e->type == YAML_SCALAR_EVENT) {
        n->kind = is_null(e) ? CONFIG_NULL : CONFIG_SCALAR;
        n->text = keep_text(r->config, e->data.scalar.value, e->data.scalar.length);
        *ret_node = n; /* only whole nodes are hung into the tree: read_key looks at what is there */
        return n->text.ptr ? BOLE_OK : no_memory(r);
    }
    n->kind = e->type == YAML_MAPPING_START_EVENT ? CONFIG_MAP : CONFIG_LIST;
    bole_status st = read_members(r, depth, n);
    if (st == BOLE_OK)
        *ret_node = n;
    return st;
}

static bole_status read_document(struct reading *r)
{
    struct config *c = r->config;
    bole_status st = next_event(r); /* start of the stream */
    if (st == BOLE_OK)
        st = next_event(r);
    if (st == BOLE_OK && r->event.type == YAML_STREAM_END_EVENT) /* nothing but blanks and comments */
        return (c->root = arena_zalloc(&c->arena, sizeof *c->root))
                   ? (c->root->kind = CONFIG_MAP, BOLE_OK)
                   : no_memory(r);
    if (st == BOLE_OK)
        st = next_event(r);
    if (st == BOLE_OK)
        st = read_node(r, 0, &c->root);
    if (st < 0)
        return st;
    if (c->root->kind == CONFIG_NULL)
        c->root->kind = CONFIG_MAP;
    if (c->root->kind != CONFIG_MAP)
        return config_fail(c, c->root, r->err, "the file is a map: \"key: value\" lines");
    if ((st = next_event(r)) == BOLE_OK && (st = next_event(r)) == BOLE_OK && r->event.type != YAML_STREAM_END_EVENT)
        return fail_at(r, r->event.start_mark, "one document is expected, here begins another");
    return st;
}

bole_status config_parse(bole_slice text, const char *name, struct config **ret_config, struct bole_err *err)
{
    struct reading r = {.err = err};
    if (text.len > CONFIG_SIZE_MAX)
        return bole_fail(err, BOLE_E_LIMIT, "%s has more than %u bytes", name, CONFIG_SIZE_MAX);
    struct config *c = r.config = calloc(1, sizeof *c);
    if (!c)
        return bole_fail(err, BOLE_E_NOMEM, "%s: no memory to read it", name);
    arena_init(&c->arena, NULL);
    bole_slice kept = keep_text(c, name, strlen(name));
    bole_status st = BOLE_E_NOMEM;
    if (!kept.ptr || !yaml_parser_initialize(&r.parser)) {
        bole_fail(err, st, "%s: no memory to read it", name);
        goto cleanup;
    }
    c->name = (const char *)kept.ptr;
    yaml_parser_set_input_string(&r.parser, text.ptr, text.len);
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    st = read_document(&r);
    yaml_event_delete(&r.event);
    yaml_parser_delete(&r.parser);
    if (st == BOLE_OK) {
        *ret_config = c;
        c = NULL;
    }
cleanup:
    config_destroy(c);
    return st;
}

bole_status config_load(const char *path, struct config **ret_config, struct bole_err *err)
{
    bole_status st;
    char *text = malloc(CONFIG_SIZE_MAX + 1);
    FILE *f = text ? fopen(path, "rbe") : NULL;
    if (!f) {
        st = bole_fail_errno(err, text ? errno : ENOMEM, "configuration %s", path);
        goto cleanup;
    }
    size_t len = fread(text, 1, CONFIG_SIZE_MAX + 1, f);
    st = ferror(f) ? bole_fail_errno(err, errno, "configuration %s", path)
                   : config_parse((bole_slice){(uint8_t *)text, len}, path, ret_config, err);
    fclose(f);
cleanup:
    free(text);
    return st;
}

void config_destroy(struct config *c)
{
    if (!c)
        return;
    arena_deinit(&c->arena);
    free(c);
}

const struct config_node *config_root(const struct config *c)
{
    return c->root;
}

const struct config_node *config_get(const struct config_node *map, bole_slice key)
{
    for (const struct config_node *n = map->first; n; n = n->next)
        if (bole_slice_eq(n->key, key))
            return n;
    return NULL;
}

/* Levenshtein's distance of the first 32 bytes; V. I. Levenshtein, 1966. */
static unsigned distance(bole_slice a, bole_slice b)
{
    enum { LEN_MAX = 32 };
    unsigned row[LEN_MAX + 1];
    size_t n = a.len < LEN_MAX ? a.len : LEN_MAX, m = b.len < LEN_MAX ? b.len : LEN_MAX;
    for (unsigned j = 0; j <= m; j++)
        row[j] = j;
    for (size_t i = 0; i < n; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i + 1;
        for (size_t j = 0; j < m; j++) {
            unsigned change = diagonal + (a.ptr[i] != b.ptr[j]), shift = (row[j] < row[j + 1] ? row[j] : row[j + 1]) + 1;
            diagonal = row[j + 1];
            row[j + 1] = change < shift ? change : shift;
        }
    }
    return row[m];
}

const char *config_nearest(bole_slice text, const char *const *names, size_t count)
{
    const char *best = NULL;
    unsigned least = (unsigned)text.len / 3 + 2; /* a third of the letters may be wrong */
    for (size_t i = 0; i < count; i++) {
        unsigned d = distance(text, bole_slice_str(names[i]));
        if (d < least) {
            least = d;
            best = names[i];
        }
    }
    return best;
}

bole_status config_check_keys(const struct config *c, const struct config_node *map, const char *const *names,
                              size_t count, struct bole_err *err)
{
    for (const struct config_node *n = map->first; n; n = n->next) {
        size_t i = 0;
        while (i < count && !bole_slice_eq(n->key, bole_slice_str(names[i])))
            i++;
        if (i < count)
            continue;
        const char *near = config_nearest(n->key, names, count);
        return config_fail_key(c, n, err, "unknown key \"%.*s\"%s%s%s", BOLE_SLICE_ARG(n->key), near ? "; did you mean \"" : "",
                           near ? near : "", near ? "\"?" : "");
    }
    return BOLE_OK;
}

bool config_truth(bole_slice text, bool *ret_value)
{
    static const char *const words[] = {"true", "1", "yes", "on", "false", "0", "no", "off"};
    for (int i = 0; i < 8; i++)
        if (bole_slice_eq_nocase(text, bole_slice_str(words[i]))) {
            *ret_value = i < 4;
            return true;
        }
    return false;
}

/* ---- values ---- */

bool config_size_parse(const char *text, uint64_t *ret_bytes)
{
    static const struct {
        const char *suffix;
        double factor;
    } units[] = {{"", 1}, {"B", 1}, {"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12},
                 {"KiB", 1024}, {"MiB", 1024.0 * 1024}, {"GiB", 1024.0 * 1024 * 1024},
                 {"TiB", 1024.0 * 1024 * 1024 * 1024}};
    char *end;
    double v = strtod(text, &end);
    for (size_t i = 0; end != text && v >= 0 && i < sizeof units / sizeof *units; i++)
        if (!strcmp(end, units[i].suffix) && v * units[i].factor < 9e18) {
            *ret_bytes = (uint64_t)(v * units[i].factor);
            return true;
        }
    return false;
}

bole_status config_number(const struct config *c, const struct config_node *n, uint64_t least, uint64_t most, uint64_t *ret_value,
                          struct bole_err *err)
{
    uint64_t value = 0;
    bool good = n->kind == CONFIG_SCALAR && n->text.len > 0 && n->text.len < 19;
    for (size_t i = 0; i < n->text.len && good; i++) {
        good = n->text.ptr[i] >= '0' && n->text.ptr[i] <= '9';
        value = value * 10 + (n->text.ptr[i] - '0');
    }
    if (!good || value < least || value > most)
        return config_fail(c, n, err, "%.*s is a number from %llu to %llu", BOLE_SLICE_ARG(n->key), (unsigned long long)least,
                           (unsigned long long)most);
    *ret_value = value;
    return BOLE_OK;
}

bole_status config_size(const struct config *c, const struct config_node *n, uint64_t least, uint64_t most, uint64_t *ret_bytes,
                        struct bole_err *err)
{
    uint64_t value;
    if (n->kind != CONFIG_SCALAR || !config_size_parse((const char *)n->text.ptr, &value) || value < least || value > most)
        return config_fail(c, n, err, "%.*s is a size from %llu to %llu bytes", BOLE_SLICE_ARG(n->key), (unsigned long long)least,
                           (unsigned long long)most);
    *ret_bytes = value;
    return BOLE_OK;
}

bole_status config_duration(const struct config *c, const struct config_node *n, uint64_t least_ns, uint64_t most_ns,
                            uint64_t *ret_ns, struct bole_err *err)
{
    char least[TIME_TEXT_MAX], most[TIME_TEXT_MAX];
    int64_t ns;
    duration_format((int64_t)least_ns, least);
    duration_format((int64_t)most_ns, most);
    if (n->kind != CONFIG_SCALAR || !duration_parse(n->text, false, true, &ns) || (uint64_t)ns < least_ns ||
        (uint64_t)ns > most_ns)
        return config_fail(c, n, err, "%.*s is a duration from %s to %s", BOLE_SLICE_ARG(n->key), least, most);
    *ret_ns = (uint64_t)ns;
    return BOLE_OK;
}
