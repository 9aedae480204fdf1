#include "agent/file_labels.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "record/record.h"

static bole_slice last_component(bole_slice path, bole_slice *ret_before)
{
    const uint8_t *slash = path.len ? memrchr(path.ptr, '/', path.len) : NULL;
    *ret_before = slash ? (bole_slice){path.ptr, (size_t)(slash - path.ptr)} : (bole_slice){0};
    return slash ? bole_slice_sub(path, (size_t)(slash - path.ptr) + 1) : path;
}

static bole_slice without_ending(bole_slice name)
{
    static const bole_slice endings[] = {{(const uint8_t *)".log", 4}, {(const uint8_t *)".txt", 4},
                                         {(const uint8_t *)".out", 4}, {(const uint8_t *)".err", 4},
                                         {(const uint8_t *)".json", 5}};
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++)
        if (name.len > endings[i].len && bole_slice_ends(name, endings[i]))
            return (bole_slice){name.ptr, name.len - endings[i].len};
    return name;
}

/* Digits behind a separator, as often as they come: "-2026-11-21", ".1", "_3". */
static bole_slice without_number(bole_slice name)
{
    for (;;) {
        size_t n = name.len;
        while (n > 0 && name.ptr[n - 1] >= '0' && name.ptr[n - 1] <= '9')
            n--;
        if (n == name.len || n < 2 || !memchr("-._", name.ptr[n - 1], 3))
            return name;
        name.len = n - 1;
    }
}

static bool says_nothing(bole_slice name)
{
    static const char *const common[] = {"access", "error", "errors", "out", "stdout", "stderr",
                                         "log",    "main",  "debug",  "info", "warn",  "current"};
    for (size_t i = 0; i < sizeof common / sizeof common[0]; i++)
        if (bole_slice_eq_nocase(name, bole_slice_str(common[i])))
            return true;
    return false;
}

bole_slice file_service_name(bole_slice path)
{
    bole_slice before, ignored;
    bole_slice name = last_component(path, &before);
    /* Twice: "app.log.1" has its number behind the ending, "app-1.log" in front of it. */
    bole_slice stem = without_number(without_ending(without_number(name)));
    bole_slice directory = last_component(before, &ignored);
    if (says_nothing(stem) && directory.len && !bole_slice_eq(directory, S("log")))
        return directory;
    return stem.len ? stem : name;
}

static bole_slice cut(bole_slice s)
{
    return (bole_slice){s.ptr, s.len < LABEL_VALUE_MAX ? s.len : LABEL_VALUE_MAX};
}

enum { LABELS_OWN = 8, FIELDS_OWN = 2, FIELDS_MAX = 64, JOB_SIZE = 512, SHORT_ID = 12 };

struct making {
    const struct input *input; /* NULL: none */
    struct label labels[LABELS_OWN + 2 * LABELS_MAX];
    size_t label_count;
    struct batch_field fields[FIELDS_OWN + FIELDS_MAX];
    size_t field_count;
    char   job[JOB_SIZE];
};

static bool is_of_input(const struct making *m, bole_slice name)
{
    for (size_t i = 0; m->input && i < m->input->label_count; i++)
        if (bole_slice_eq(m->input->labels[i].name, name))
            return true;
    return false;
}

static void add_label(struct making *m, bole_slice name, bole_slice value)
{
    if (is_of_input(m, name))
        return;
    m->labels[m->label_count++] = (struct label){name, cut(value)};
}

static void add_field(struct making *m, bole_slice key, bole_slice value)
{
    if (value.len)
        m->fields[m->field_count++] = (struct batch_field){.key = key, .value = value};
}

static void add_container(struct making *m, const struct container_name *c)
{
    bole_slice name = c->container.len ? c->container : (bole_slice){c->id.ptr, SHORT_ID};
    snprintf(m->job, sizeof m->job, "%.*s/%.*s", BOLE_SLICE_ARG(c->namespace.len ? c->namespace : S("docker")),
             BOLE_SLICE_ARG(name));
    add_label(m, S("job"), bole_slice_str(m->job));
    add_label(m, S("service_name"), name);
    add_label(m, S("namespace"), c->namespace);
    add_label(m, S("pod"), c->pod);
    add_label(m, S("container"), name);
    add_field(m, S("pod_uid"), c->uid);
    add_field(m, S("container_id"), c->id);
}

/* In one block: the struct, both label sets, the texts of the fields. */
static bole_status build(struct making *m, bool is_container, struct file_labels **ret_labels, struct bole_err *err)
{
    static const bole_slice names[] = {{(const uint8_t *)"stdout", 6}, {(const uint8_t *)"stderr", 6}};
    struct buf texts;
    size_t ends[CONTAINER_STREAMS], size = sizeof(struct file_labels) + m->field_count * sizeof *m->fields;
    bole_status st = BOLE_OK;
    buf_init(&texts, NULL);
    for (size_t s = 0; s < CONTAINER_STREAMS && st == BOLE_OK; s++) {
        struct label labels[LABELS_OWN + 2 * LABELS_MAX];
        size_t count = m->label_count;
        memcpy(labels, m->labels, count * sizeof *labels);
        if (is_container && !is_of_input(m, S("stream")))
            labels[count++] = (struct label){S("stream"), names[s]};
        if (is_container || s == 0)
            st = labels_encode(labels, count, &texts, err);
        ends[s] = texts.len;
    }
    for (size_t i = 0; i < m->field_count; i++) {
        buf_put(&texts, m->fields[i].key);
        buf_put(&texts, m->fields[i].value);
    }
    struct file_labels *l = st == BOLE_OK && !texts.failed ? malloc(size + texts.len) : NULL;
    if (l) {
        uint8_t *at = (uint8_t *)l + size;
        *l = (struct file_labels){.is_container = is_container, .field_count = m->field_count};
        memcpy(at, texts.ptr, texts.len);
        l->streams[0] = (bole_slice){at, ends[0]};
        l->streams[1] = is_container ? (bole_slice){at + ends[0], ends[1] - ends[0]} : l->streams[0];
        at += ends[1];
        for (size_t i = 0; i < m->field_count; i++) {
            l->fields[i].key = (bole_slice){at, m->fields[i].key.len};
            l->fields[i].value = (bole_slice){at + m->fields[i].key.len, m->fields[i].value.len};
            at += m->fields[i].key.len + m->fields[i].value.len;
        }
    } else if (st == BOLE_OK) {
        st = bole_fail(err, BOLE_E_NOMEM, "no memory for a file's labels");
    }
    buf_deinit(&texts);
    *ret_labels = l;
    return st;
}

/* What the agent says of a file by itself. */
static void add_own(struct making *m, bole_slice path, const struct file_labels_options *o, bool is_container)
{
    struct container_name c;
    add_label(m, S("host"), o->host);
    if (is_container && container_of_path(path, &c)) {
        add_container(m, &c);
    } else {
        add_label(m, S("job"), o->job);
        add_label(m, S("service_name"), file_service_name(path));
    }
    for (size_t i = 0; i < o->field_count && i < FIELDS_MAX; i++)
        add_field(m, o->fields[i].key, o->fields[i].value);
}

bole_status file_labels_create(bole_slice path, const struct file_labels_options *options, struct file_labels **ret_labels,
                               struct bole_err *err)
{
    struct making m;
    struct container_name c;
    const struct input *input = m.input = options->input;
    enum input_wrapping wrapping = input ? input->wrapping : INPUT_BY_PATH;
    bool is_container = wrapping == INPUT_BY_PATH ? container_of_path(path, &c) : wrapping == INPUT_CONTAINER;
    m.label_count = m.field_count = 0;
    for (size_t i = 0; input && i < input->label_count; i++)
        m.labels[m.label_count++] = input->labels[i];
    for (size_t i = 0; i < options->extra_count && i < LABELS_MAX; i++) /* of a name that comes twice the first holds */
        add_label(&m, options->extra[i].name, options->extra[i].value);
    if (bole_slice_starts(path, S("/"))) /* else it is the name of another input */
        add_label(&m, S("filename"), path);
    if (!input || !input->no_auto_labels)
        add_own(&m, path, options, is_container);
    return build(&m, is_container, ret_labels, err);
}
