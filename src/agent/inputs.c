#include "agent/inputs.h"

#include <stdlib.h>

#include "agent/glob.h"
#include "base/arena.h"
#include "base/err.h"
#include "record/record.h"

enum { ENTRIES_MAX = 256, INPUT_LABELS_MAX = LABELS_MAX / 2 }; /* the agent's own must find room beside them */

struct entry {
    struct input input;
    const char **globs, **excludes;
    size_t glob_count, exclude_count;
};

struct inputs {
    struct arena  arena;
    struct entry *entries;
    size_t        count;
};

/* ---- the configuration ---- */

static bole_status no_memory(struct bole_err *err)
{
    return bole_fail(err, BOLE_E_NOMEM, "no memory for inputs");
}

static size_t count_of(const struct config_node *n)
{
    size_t count = 0;
    for (const struct config_node *item = n->kind == CONFIG_LIST || n->kind == CONFIG_MAP ? n->first : NULL; item; item = item->next)
        count++;
    return n->kind == CONFIG_SCALAR ? 1 : count;
}

static bole_status read_globs(struct inputs *s, const struct config *c, const struct config_node *n, bool must_be_absolute,
                              const char ***ret_globs, size_t *ret_count, struct bole_err *err)
{
    size_t count = 0;
    const char **globs = arena_array(&s->arena, count_of(n) + 1, sizeof *globs);
    if (!globs)
        return no_memory(err);
    const struct config_node *item = n->kind == CONFIG_LIST ? n->first : n;
    for (; item; item = n->kind == CONFIG_LIST ? item->next : NULL) {
        if (item->kind != CONFIG_SCALAR || !item->text.len || memchr(item->text.ptr, 0, item->text.len))
            return config_fail(c, item, err, "%.*s: globs are expected here", BOLE_SLICE_ARG(n->key));
        if (must_be_absolute && item->text.ptr[0] != '/')
            return config_fail(c, item, err, "not an absolute path: %.*s", BOLE_SLICE_ARG(item->text));
        globs[count] = (const char *)arena_printf(&s->arena, "%.*s", BOLE_SLICE_ARG(item->text)).ptr;
        if (!globs[count++])
            return no_memory(err);
    }
    *ret_globs = globs;
    *ret_count = count;
    return BOLE_OK;
}

static bole_status read_label(struct inputs *s, const struct config *c, const struct config_node *n, struct label *ret_label,
                              struct bole_err *err)
{
    if (n->kind != CONFIG_SCALAR && n->kind != CONFIG_NULL)
        return config_fail(c, n, err, "the value of a label is a text");
    if (n->text.len > LABEL_VALUE_MAX || n->key.len > LABEL_NAME_MAX)
        return config_fail(c, n, err, "a label has at most %u bytes, its name %u", LABEL_VALUE_MAX, LABEL_NAME_MAX);
    bole_slice clean = label_name_clean(n->key, &s->arena);
    if (!n->key.len || !bole_slice_eq(clean, n->key))
        return config_fail_key(c, n, err, "a label's name has letters, digits and _");
    ret_label->name = arena_copy(&s->arena, n->key);
    ret_label->value = n->kind == CONFIG_NULL ? (bole_slice){0} : arena_copy(&s->arena, n->text);
    return ret_label->name.ptr && (ret_label->value.ptr || n->kind == CONFIG_NULL) ? BOLE_OK : no_memory(err);
}

static bole_status read_labels(struct inputs *s, const struct config *c, const struct config_node *map, struct input *input,
                               struct bole_err *err)
{
    size_t room = count_of(map);
    struct label *labels = arena_array(&s->arena, room + 1, sizeof *labels);
    bole_status st = BOLE_OK;
    if (!labels)
        return no_memory(err);
    if (map->kind != CONFIG_MAP)
        return config_fail(c, map, err, "labels is a map from names to values");
    if (room > INPUT_LABELS_MAX)
        return config_fail(c, map, err, "at most %d labels", (int)INPUT_LABELS_MAX);
    for (const struct config_node *n = map->first; n && st == BOLE_OK; n = n->next)
        st = read_label(s, c, n, &labels[input->label_count++], err);
    input->labels = labels;
    return st;
}

static bole_status read_truth(const struct config *c, const struct config_node *n, bool *ret_value, struct bole_err *err)
{
    return n->kind == CONFIG_SCALAR && config_truth(n->text, ret_value)
               ? BOLE_OK
               : config_fail(c, n, err, "%.*s is true or false", BOLE_SLICE_ARG(n->key));
}

static bole_status read_member(struct inputs *s, const struct config *c, const struct config_node *n, struct entry *e,
                               struct bole_err *err)
{
    bool truth = false;
    bole_status st;
    if (n->kind == CONFIG_NULL)
        return BOLE_OK;
    if (bole_slice_eq(n->key, S("files")))
        return read_globs(s, c, n, true, &e->globs, &e->glob_count, err);
    if (bole_slice_eq(n->key, S("exclude")))
        return read_globs(s, c, n, false, &e->excludes, &e->exclude_count, err);
    if (bole_slice_eq(n->key, S("labels")))
        return read_labels(s, c, n, &e->input, err);
    st = read_truth(c, n, &truth, err);
    if (st == BOLE_OK && bole_slice_eq(n->key, S("auto_labels")))
        e->input.no_auto_labels = !truth;
    else if (st == BOLE_OK) /* container */
        e->input.wrapping = truth ? INPUT_CONTAINER : INPUT_PLAIN;
    return st;
}

static bole_status read_entry(struct inputs *s, const struct config *c, const struct config_node *map, struct bole_err *err)
{
    static const char *const keys[] = {"files", "exclude", "labels", "auto_labels", "container"};
    struct entry *e = &s->entries[s->count++];
    if (map->kind != CONFIG_MAP)
        return config_fail(c, map, err, "inputs: an entry is a map with files and labels");
    bole_status st = config_check_keys(c, map, keys, sizeof keys / sizeof *keys, err);
    for (const struct config_node *n = map->first; n && st == BOLE_OK; n = n->next)
        st = read_member(s, c, n, e, err);
    return st == BOLE_OK && !e->glob_count ? config_fail(c, map, err, "inputs: an entry needs files") : st;
}

bole_status inputs_create(const struct config *file, const struct config_node *node, struct inputs **ret_inputs,
                          struct bole_err *err)
{
    size_t count = node ? count_of(node) : 0;
    struct inputs *s = calloc(1, sizeof *s);
    if (!s)
        return no_memory(err);
    arena_init(&s->arena, NULL);
    bole_status st = BOLE_OK;
    if (node && node->kind != CONFIG_LIST && node->kind != CONFIG_NULL)
        st = config_fail(file, node, err, "inputs is a list of maps");
    else if (count > ENTRIES_MAX)
        st = config_fail(file, node, err, "at most %d inputs", ENTRIES_MAX);
    else if (!(s->entries = arena_zalloc(&s->arena, (count + 1) * sizeof *s->entries)))
        st = no_memory(err);
    for (const struct config_node *n = count && st == BOLE_OK ? node->first : NULL; n && st == BOLE_OK; n = n->next)
        st = read_entry(s, file, n, err);
    if (st == BOLE_OK)
        *ret_inputs = s;
    else
        inputs_destroy(s);
    return st;
}

void inputs_destroy(struct inputs *s)
{
    if (!s)
        return;
    arena_deinit(&s->arena);
    free(s);
}

/* ---- paths ---- */

static const char *first_match(const char *const *globs, size_t count, bole_slice path)
{
    for (size_t i = 0; i < count; i++)
        if (glob_match(bole_slice_str(globs[i]), path))
            return globs[i];
    return NULL;
}

const struct input *inputs_find(const struct inputs *s, bole_slice path, bool *ret_is_plain)
{
    for (size_t i = 0; s && i < s->count; i++) {
        const struct entry *e = &s->entries[i];
        const char *glob = first_match(e->globs, e->glob_count, path);
        if (!glob || first_match(e->excludes, e->exclude_count, path))
            continue;
        if (ret_is_plain)
            *ret_is_plain = glob_is_plain(bole_slice_str(glob));
        return &e->input;
    }
    return NULL;
}

const char *inputs_glob(const struct inputs *s, size_t index)
{
    for (size_t i = 0; s && i < s->count; index -= s->entries[i++].glob_count)
        if (index < s->entries[i].glob_count)
            return s->entries[i].globs[index];
    return NULL;
}
