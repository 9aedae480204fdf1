#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "cmd/cmd.h"
#include "cmd/lines.h"
#include "cmd/print.h"
#include "config/config.h"
#include "process/level.h"
#include "process/pipeline.h"
#include "record/labels.h"
#include "shim/json_doc.h"

enum { KEY_STREAM = 's', KEY_TENANT = 't', KEY_RULES = 'p', KEY_CONFIG = 'c', KEY_OUTPUT = 'o', KEY_JSON = 'j' };

struct options {
    const char *rules, *config, *stream, *tenant, *file;
    bool        has_verb, print_json, json_lines;
};

static const struct argp_option option_table[] = {
    {"process", KEY_RULES, "FILE", 0, "The rules (BOLE_PROCESS_FILE)", 0},
    {"config", KEY_CONFIG, "FILE", 0, "The configuration of the server, whose process.file names the rules (BOLE_CONFIG)", 0},
    {"stream", KEY_STREAM, "LABELS", 0, "The stream of all lines (default {app=\"test\"})", 0},
    {"tenant", KEY_TENANT, "NAME", 0, "Their tenant (default default)", 0},
    {"json", KEY_JSON, NULL, 0, "Each line is a JSON object: _msg is the line of the record, other texts and numbers are fields",
     0},
    {"output", KEY_OUTPUT, "text|json", 0, "json: an object per line, with the record before and after each rule", 0},
    {0}};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    struct options *o = state->input;
    switch (key) {
    case KEY_RULES: o->rules = arg; return 0;
    case KEY_CONFIG: o->config = arg; return 0;
    case KEY_STREAM: o->stream = arg; return 0;
    case KEY_TENANT: o->tenant = arg; return 0;
    case KEY_JSON: o->json_lines = true; return 0;
    case KEY_OUTPUT:
        o->print_json = !strcmp(arg, "json");
        if (!o->print_json && strcmp(arg, "text"))
            argp_error(state, "--output is text or json, not '%s'", arg);
        return 0;
    case ARGP_KEY_ARG:
        if (!o->has_verb && strcmp(arg, "test"))
            argp_error(state, "'%s' is nothing to do; write: bole process test [FILE]", arg);
        if (o->has_verb && o->file)
            argp_error(state, "one file of lines, please");
        if (o->has_verb)
            o->file = arg;
        o->has_verb = true;
        return 0;
    case ARGP_KEY_END:
        if (!o->has_verb)
            argp_error(state, "what to do is missing: bole process test [FILE]");
        if (!o->rules && !o->config)
            argp_error(state, "no rules: --process FILE, or --config FILE of a server that has some");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    option_table, parse_option, "test [FILE]",
    "Runs lines (of FILE, or of standard input) through the rules and says what each rule did to which line, and why. "
    "Nothing is stored, no server is asked; the exit code is 1 when the rules are wrong.\v"
    "Examples:\n"
    "  bole process test --process rules.yml samples.log\n"
    "  echo 'card 4111 1111 1111 1111' | bole process test --process rules.yml\n"
    "  bole process test --config /etc/bole/bole.yml --stream '{app=\"shop\"}' -o json < samples.log\n",
    NULL, NULL, NULL};

struct trial {
    const struct options *options;
    struct process_run    run;
    struct arena          arena; /* of one line */
    struct buf            out, explained, labels;
    struct json_doc      *doc;
    struct batch_field    fields[RECORD_FIELDS_MAX + 1];
    uint64_t              number;
};

/* ---- text ---- */

static bole_slice member_text(struct json_value v, const char *name)
{
    struct json_value member;
    return json_doc_member(v, name, &member) ? json_doc_string(member) : (bole_slice){0};
}

static unsigned member_number(struct json_value v, const char *name)
{
    struct json_value member;
    double number = 0;
    return json_doc_member(v, name, &member) && json_doc_number(member, &number) ? (unsigned)number : 0;
}

struct difference {
    struct trial     *trial;
    struct json_value other;
    const char       *sign;
};

static bool put_difference(bole_slice name, struct json_value value, void *ctx)
{
    struct difference *d = ctx;
    char key[LABEL_NAME_MAX + 1];
    snprintf(key, sizeof key, "%.*s", BOLE_SLICE_ARG(name));
    bole_slice text = json_doc_string(value);
    if (!bole_slice_eq(text, member_text(d->other, key)))
        buf_printf(&d->trial->out, "    %s %s=\"%.*s\"\n", d->sign, key, BOLE_SLICE_ARG(text));
    return true;
}

/* The members of `name` in both that differ. */
static void put_differences(struct trial *t, struct json_value before, struct json_value after, const char *name)
{
    struct json_value a, b;
    if (!json_doc_member(before, name, &a) || !json_doc_member(after, name, &b))
        return;
    json_doc_each(a, put_difference, &(struct difference){t, b, "-"});
    json_doc_each(b, put_difference, &(struct difference){t, a, "+"});
}

static void put_change(struct trial *t, struct json_value before, struct json_value after)
{
    static const char *const texts[] = {"line", "tenant"};
    for (int i = 0; i < 2; i++) {
        bole_slice a = member_text(before, texts[i]), b = member_text(after, texts[i]);
        if (!bole_slice_eq(a, b))
            buf_printf(&t->out, "    - %s %.*s\n    + %s %.*s\n", texts[i], BOLE_SLICE_ARG(a), texts[i], BOLE_SLICE_ARG(b));
    }
    put_differences(t, before, after, "stream");
    put_differences(t, before, after, "fields");
}

static bool put_rule(bole_slice unused, struct json_value v, void *ctx)
{
    struct trial *t = ctx;
    struct json_value before, after;
    bole_slice name = member_text(v, "name"), why = member_text(v, "why");
    (void)unused;
    buf_printf(&t->out, "  rule %u%s%.*s%s, line %u: %.*s %.*s", member_number(v, "rule"), name.len ? " \"" : "",
               BOLE_SLICE_ARG(name), name.len ? "\"" : "", member_number(v, "line"), BOLE_SLICE_ARG(member_text(v, "step")),
               BOLE_SLICE_ARG(member_text(v, "outcome")));
    buf_printf(&t->out, why.len ? ": %.*s\n" : "%.*s\n", BOLE_SLICE_ARG(why));
    if (json_doc_member(v, "before", &before) && json_doc_member(v, "after", &after))
        put_change(t, before, after);
    return true;
}

static void put_text(struct trial *t, enum process_outcome outcome)
{
    struct buf json;
    struct json_value rules;
    struct bole_err err;
    buf_printf(&t->out, "%llu: %s\n", (unsigned long long)t->number, process_outcome_name(outcome));
    buf_init(&json, NULL);
    buf_put_u8(&json, '[');
    buf_put(&json, buf_slice(&t->explained));
    buf_put_u8(&json, ']');
    if (json_doc_parse(t->doc, buf_slice(&json), &rules, &err) == BOLE_OK)
        json_doc_each(rules, put_rule, t);
    buf_deinit(&json);
}

static void put_json(struct trial *t, enum process_outcome outcome, const struct process_record *r)
{
    buf_printf(&t->out, "{\"number\":%llu,\"outcome\":\"%s\",\"record\":", (unsigned long long)t->number,
               process_outcome_name(outcome));
    process_put_record(&t->out, r);
    buf_put_str(&t->out, ",\"process\":[");
    buf_put(&t->out, buf_slice(&t->explained));
    buf_put_str(&t->out, "]}\n");
}

/* ---- records ---- */

struct members {
    struct trial          *trial;
    struct process_record *record;
};

static bool take_member(bole_slice name, struct json_value v, void *ctx)
{
    struct members *m = ctx;
    struct arena *arena = &m->trial->arena;
    bole_slice text = json_doc_string(v);
    double number;
    if (!text.ptr && json_doc_number(v, &number))
        text = arena_printf(arena, "%.17g", number);
    text = text.ptr ? arena_copy(arena, text) : text;
    name = arena_copy(arena, name);
    if (text.ptr && bole_slice_eq(name, S("_msg")))
        m->record->line = text;
    else if (text.ptr && name.ptr && m->record->field_count < RECORD_FIELDS_MAX)
        m->record->fields[m->record->field_count++] = (struct batch_field){name, text};
    return true;
}

static bool has_level(const struct process_record *r)
{
    for (size_t i = 0; i < r->field_count; i++)
        if (bole_slice_eq(r->fields[i].key, LEVEL_FIELD))
            return true;
    return false;
}

static bole_status try_line(struct trial *t, bole_slice line, struct bole_err *err)
{
    struct process_record r = {.tenant = bole_slice_str(t->options->tenant), .labels = buf_slice(&t->labels), .line = line,
                               .fields = t->fields};
    struct json_value root;
    arena_reset(&t->arena);
    t->number++;
    if (t->options->json_lines) {
        bole_status st = json_doc_parse(t->doc, line, &root, err);
        if (st < 0) {
            bole_err_context(err, "line %llu", (unsigned long long)t->number);
            return st;
        }
        r.line = S("");
        json_doc_each(root, take_member, &(struct members){t, &r});
    }
    if (!has_level(&r))
        t->fields[r.field_count++] = (struct batch_field){LEVEL_FIELD, level_of_line(r.line)};
    buf_reset(&t->explained);
    enum process_outcome outcome = process_run_record(&t->run, &r);
    if (t->options->print_json)
        put_json(t, outcome, &r);
    else
        put_text(t, outcome);
    return print_flush(&t->out, err);
}

static bole_status try_lines(struct trial *t, struct bole_err *err)
{
    struct lines *lines = NULL;
    bole_slice line;
    bole_status st = lines_open(t->options->file ? t->options->file : "-", &lines, err);
    while (st >= 0 && (st = lines_next(lines, &line, err)) != BOLE_END && st >= 0)
        if (st == BOLE_OK)
            st = try_line(t, line, err);
    lines_close(lines);
    return st < 0 ? st : BOLE_OK;
}

static bole_status read_stream(struct trial *t, struct bole_err *err)
{
    struct label *labels;
    size_t count;
    bole_status st = labels_parse(bole_slice_str(t->options->stream), &t->arena, &labels, &count, err);
    if (st >= 0)
        st = labels_encode(labels, count, &t->labels, err);
    if (st < 0)
        bole_err_context(err, "--stream");
    return st;
}

/* process.file of the server's configuration. */
static bole_status load(const struct options *o, struct process **ret_process, struct bole_err *err)
{
    struct config *config = NULL;
    if (o->rules)
        return process_create(o->rules, ret_process, err);
    bole_status st = config_load(o->config, &config, err);
    const struct config_node *map = st < 0 ? NULL : config_get(config_root(config), S("process"));
    const struct config_node *file = map ? config_get(map, S("file")) : NULL;
    if (st >= 0 && (!file || file->kind != CONFIG_SCALAR))
        st = bole_fail(err, BOLE_E_INVALID, "%s names no rules: process.file is missing", o->config);
    if (st >= 0)
        st = process_create((const char *)file->text.ptr, ret_process, err);
    config_destroy(config);
    return st;
}

int cmd_process(int argc, char **argv)
{
    struct options o = {.rules = getenv("BOLE_PROCESS_FILE"), .config = getenv("BOLE_CONFIG"), .stream = "{app=\"test\"}",
                        .tenant = "default"};
    struct process *process = NULL;
    struct bole_err err;
    cmd_parse(&argp, argc, argv, &o);
    struct trial *t = calloc(1, sizeof *t);
    if (!t)
        return EXIT_FAILED;
    t->options = &o;
    t->doc = json_doc_create();
    arena_init(&t->arena, NULL);
    buf_init(&t->out, NULL);
    buf_init(&t->explained, NULL);
    buf_init(&t->labels, NULL);
    process_run_init(&t->run, NULL);
    bole_status st = load(&o, &process, &err);
    if (st >= 0)
        st = read_stream(t, &err);
    if (st >= 0) {
        process_run_begin(&t->run, process, &clock_system);
        t->run.explain = &t->explained;
        st = try_lines(t, &err);
    }
    process_run_deinit(&t->run);
    process_destroy(process);
    buf_deinit(&t->out);
    buf_deinit(&t->explained);
    buf_deinit(&t->labels);
    arena_deinit(&t->arena);
    json_doc_destroy(t->doc);
    free(t);
    return st < 0 ? cmd_fail(&err) : EXIT_OK;
}
