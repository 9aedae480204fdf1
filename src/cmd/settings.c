#include "cmd/settings.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "cmd/cmd.h"

enum { PATH_MAX_LEN = 128, KEYS_MAX = 64 };

struct apply {
    struct settings *settings;
    const struct setting *table;
    size_t count;
    const char *path; /* of the file */
    struct argp_state *state;
    settings_set_fn *set;
};

static void refuse(const struct apply *a, const struct bole_err *err)
{
    argp_error(a->state, "%s", err->msg);
}

/* ---- the file ---- */

/* The keys that may stand in the map `prefix` ("" or "retention."), each once. */
static size_t keys_of(const struct apply *a, const char *prefix, char keys[][PATH_MAX_LEN])
{
    size_t n = 0, len = strlen(prefix);
    for (size_t i = 0; i < a->count; i++) {
        const char *path = a->table[i].path;
        if (strncmp(path, prefix, len) != 0)
            continue;
        snprintf(keys[n], PATH_MAX_LEN, "%.*s", (int)strcspn(path + len, "."), path + len);
        size_t k = 0;
        while (strcmp(keys[k], keys[n]) != 0)
            k++;
        n += k == n;
    }
    return n;
}

static void check_keys(const struct apply *a, const struct config_node *map, const char *prefix)
{
    char keys[KEYS_MAX][PATH_MAX_LEN];
    const char *names[KEYS_MAX];
    size_t count = keys_of(a, prefix, keys);
    struct bole_err err;
    for (size_t i = 0; i < count; i++)
        names[i] = keys[i];
    if (config_check_keys(a->settings->file, map, names, count, &err) < 0)
        refuse(a, &err);
}

static void set_node(const struct apply *a, const struct setting *s, const struct config_node *n)
{
    struct bole_err err;
    bole_slice what = arena_printf(&a->settings->arena, "%s:%u:%u: %s", a->path, n->line, n->column, s->path);
    if (n->kind == CONFIG_SCALAR && !memchr(n->text.ptr, 0, n->text.len))
        a->set(a->state, s->key, (const char *)n->text.ptr, (const char *)what.ptr);
    else if (config_fail(a->settings->file, n, &err, "%s is one text or number", s->path) < 0)
        refuse(a, &err);
}

static void set_commas(const struct apply *a, const struct setting *s, const struct config_node *list)
{
    struct config_node all = *list;
    struct arena *arena = &a->settings->arena;
    all.kind = CONFIG_SCALAR;
    all.text = S("");
    for (const struct config_node *n = list->first; n; n = n->next)
        all.text = arena_printf(arena, "%.*s%s%.*s", BOLE_SLICE_ARG(all.text), n == list->first ? "" : ",",
                                BOLE_SLICE_ARG(n->text));
    set_node(a, s, &all);
}

static void set_from_file(const struct apply *a, const struct setting *s, const struct config_node *n)
{
    if (n->kind == CONFIG_NULL || s->kind == SETTING_TREE)
        return;
    if (n->kind == CONFIG_LIST && s->kind == SETTING_COMMAS)
        set_commas(a, s, n);
    else if (n->kind == CONFIG_LIST && s->kind == SETTING_LIST)
        for (const struct config_node *item = n->first; item; item = item->next)
            set_node(a, s, item);
    else
        set_node(a, s, n);
}

static void apply_map(const struct apply *a, const struct config_node *map, const char *prefix)
{
    char path[PATH_MAX_LEN];
    struct bole_err err;
    check_keys(a, map, prefix);
    for (const struct config_node *n = map->first; n; n = n->next) {
        snprintf(path, sizeof path, "%s%.*s", prefix, BOLE_SLICE_ARG(n->key));
        size_t i = 0;
        while (i < a->count && strcmp(a->table[i].path, path) != 0)
            i++;
        if (i < a->count) {
            set_from_file(a, &a->table[i], n);
            continue;
        }
        snprintf(path, sizeof path, "%s%.*s.", prefix, BOLE_SLICE_ARG(n->key));
        if (n->kind == CONFIG_MAP)
            apply_map(a, n, path);
        else if (n->kind != CONFIG_NULL &&
                 config_fail(a->settings->file, n, &err, "%.*s has settings below it", BOLE_SLICE_ARG(n->key)) < 0)
            refuse(a, &err);
    }
}

/* ---- the environment ---- */

static void apply_environment(const struct apply *a, const struct setting *s)
{
    bole_slice name = arena_printf(&a->settings->arena, "BOLE_%s", s->path);
    for (char *c = (char *)name.ptr; *c; c++)
        *c = *c == '.' ? '_' : (char)toupper((unsigned char)*c);
    const char *value = getenv((const char *)name.ptr);
    if (!value || s->kind == SETTING_TREE)
        return;
    if (s->kind != SETTING_LIST) {
        if (*value || s->kind == SETTING_COMMAS)
            a->set(a->state, s->key, value, (const char *)name.ptr);
        return;
    }
    for (bole_slice rest = bole_slice_str(value); rest.len;) {
        bole_slice item = bole_slice_trim(bole_slice_cut(rest, ';', &rest));
        if (item.len)
            a->set(a->state, s->key, (const char *)arena_printf(&a->settings->arena, "%.*s", BOLE_SLICE_ARG(item)).ptr,
                   (const char *)name.ptr);
    }
}

void settings_apply(struct settings *s, const char *path, const struct setting *table, size_t count,
                    struct argp_state *state, settings_set_fn *set)
{
    const struct apply a = {s, table, count, path, state, set};
    struct bole_err err;
    arena_init(&s->arena, NULL);
    if (path && !s->file && config_load(path, &s->file, &err) < 0)
        refuse(&a, &err);
    if (s->file)
        apply_map(&a, config_root(s->file), "");
    for (size_t i = 0; i < count; i++)
        apply_environment(&a, &table[i]);
}

const struct config_node *settings_tree(const struct settings *s, const char *name)
{
    return s->file ? config_get(config_root(s->file), bole_slice_str(name)) : NULL;
}

void settings_deinit(struct settings *s)
{
    config_destroy(s->file);
    arena_deinit(&s->arena);
}

/* ---- flags, values ---- */

error_t settings_set_flag(const struct argp_option *options, int key, const char *arg, struct argp_state *state,
                          settings_set_fn *set)
{
    for (const struct argp_option *option = options; option->name; option++)
        if (option->key == key) {
            char what[64];
            snprintf(what, sizeof what, "--%s", option->name);
            set(state, key, option->arg ? arg : "true", what);
            return 0;
        }
    return ARGP_ERR_UNKNOWN;
}

bool settings_truth(struct argp_state *state, const char *what, const char *text)
{
    bool value = false;
    if (!config_truth(bole_slice_str(text), &value))
        argp_error(state, "%s: '%s' is neither true nor false", what, text);
    return value;
}

void settings_log_level(struct argp_state *state, const char *what, const char *text)
{
    enum log_level level;
    if (log_parse_level(bole_slice_str(text), &level) < 0) {
        argp_error(state, "%s: '%s' is none of debug, info, warn, error", what, text);
        return;
    }
    log_set_level(level);
}
