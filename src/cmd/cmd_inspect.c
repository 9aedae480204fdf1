#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "cmd/cmd.h"
#include "os/fs.h"
#include "store/segment/inspect.h"

struct options {
    const char *file;
    struct inspect_options inspect;
};

enum { KEY_COLUMNS = 'c', KEY_TEMPLATES = 't', KEY_GROUP = 'g' };

static const struct argp_option option_table[] = {
    {"columns", KEY_COLUMNS, NULL, 0, "list the columns that the lines of each row group were split into", 0},
    {"templates", KEY_TEMPLATES, NULL, 0, "list the most frequent templates of each row group", 0},
    {"group", KEY_GROUP, "N", 0, "only this row group, counted from 0", 0},
    {0}};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    struct options *o = state->input;
    char *end;
    switch (key) {
    case KEY_COLUMNS: o->inspect.columns = true; return 0;
    case KEY_TEMPLATES: o->inspect.templates = true; return 0;
    case KEY_GROUP:
        o->inspect.group = strtol(arg, &end, 10);
        if (end == arg || *end || o->inspect.group < 0)
            argp_error(state, "--group wants a number from 0 on, not \"%s\"", arg);
        return 0;
    case ARGP_KEY_ARG:
        if (o->file)
            argp_error(state, "one segment file, please");
        o->file = arg;
        return 0;
    case ARGP_KEY_END:
        if (!o->file)
            argp_error(state, "a segment file is needed: DATA/segments/*.seg");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    option_table, parse_option, "SEGMENT",
    "Shows what a segment file is made of: row groups, what each column costs, templates. The server may be running.\v"
    "Examples:\n"
    "  bole inspect /var/lib/bole/segments/0000000000000001.seg\n"
    "  bole inspect --group 0 --columns --templates data/segments/0000000000000001.seg\n",
    NULL, NULL, NULL};

static bole_status inspect(const struct options *o, struct buf *out, struct bole_err *err)
{
    char *dir_copy = strdup(o->file), *name_copy = strdup(o->file), uri[4096];
    struct objects *objects = NULL;
    bole_status st = dir_copy && name_copy ? BOLE_OK : bole_fail(err, BOLE_E_NOMEM, "no memory");
    if (st >= 0 && snprintf(uri, sizeof uri, "file:%s", dirname(dir_copy)) >= (int)sizeof uri)
        st = bole_fail(err, BOLE_E_INVALID, "the name of the file is too long");
    if (st >= 0)
        st = objects_open(&(struct objects_options){.uri = bole_slice_str(uri), .fs = &fs_posix}, &objects, err);
    if (st >= 0)
        st = store_inspect(objects, bole_slice_str(basename(name_copy)), &o->inspect, out, err);
    objects_destroy(objects);
    free(dir_copy);
    free(name_copy);
    return st;
}

int cmd_inspect(int argc, char **argv)
{
    struct options o = {.inspect = {.group = -1}};
    struct buf out;
    struct bole_err err;
    cmd_parse(&argp, argc, argv, &o);
    buf_init(&out, NULL);
    bole_status st = inspect(&o, &out, &err);
    if (st >= 0)
        fwrite(out.ptr, 1, out.len, stdout);
    buf_deinit(&out);
    return st < 0 ? cmd_fail(&err) : EXIT_OK;
}
