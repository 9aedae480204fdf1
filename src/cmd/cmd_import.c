#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "cmd/cmd.h"
#include "cmd/import.h"
#include "cmd/import_state.h"
#include "record/record.h"

enum { KEY_TIME_FIELD = 256, KEY_MSG_FIELD, KEY_STREAM_FIELDS, KEY_RESUME };

struct import_command {
    struct connection_options connection;
    struct import_options import;
    struct file_list files;
    struct arena arena; /* what labels were made of */
    const char *state_path;
};

static const struct argp_option options_table[] = {
    {"format", 'f', "FORMAT", 0, "auto, text, json, csv, journal (default auto, by the first line or the file's name)", 0},
    {"resume", KEY_RESUME, "FILE", 0,
     "Keep there how far each file has come; the same command then goes on where it was stopped, and "
     "with what files have grown by",
     0},
    {"labels", 'l', "LABELS", 0, "More stream labels: 'app=\"api\", env=\"test\"'", 0},
    {"job", 'j', "NAME", 0, "Label job (default import)", 0},
    {"time-field", KEY_TIME_FIELD, "NAMES", 0, "JSON, CSV: where the time is; candidates separated by commas", 1},
    {"msg-field", KEY_MSG_FIELD, "NAMES", 0, "JSON, CSV: where the line is", 1},
    {"stream-fields", KEY_STREAM_FIELDS, "NAMES", 0, "JSON, CSV: which fields become stream labels", 1},
    {0},
};

static const char *const formats[] = {
    [IMPORT_AUTO] = "auto", [IMPORT_TEXT] = "text", [IMPORT_JSON] = "json", [IMPORT_CSV] = "csv", [IMPORT_JOURNAL] = "journal"};

/* app="api", env="test", with or without the braces of a selector. */
static void set_labels(struct argp_state *state, const char *text)
{
    struct import_command *o = state->input;
    struct bole_err err;
    struct label *labels;
    bool bare = bole_slice_trim(bole_slice_str(text)).len == 0 || bole_slice_trim(bole_slice_str(text)).ptr[0] != '{';
    bole_slice all = arena_printf(&o->arena, bare ? "{%s}" : "%s", text);
    if (labels_parse(all, &o->arena, &labels, &o->import.label_count, &err) < 0)
        argp_error(state, "--labels: %s", err.msg);
    else if (o->import.label_count > LABELS_MAX)
        argp_error(state, "--labels: more than %d", LABELS_MAX);
    o->import.labels = labels;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    struct import_command *o = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &o->connection;
        state->child_inputs[1] = &o->files;
        return 0;
    case 'l': set_labels(state, arg); return 0;
    case 'j': o->import.job = arg; return 0;
    case KEY_TIME_FIELD: o->import.time_fields = arg; return 0;
    case KEY_MSG_FIELD: o->import.msg_fields = arg; return 0;
    case KEY_STREAM_FIELDS: o->import.stream_fields = arg; return 0;
    case 'f':
        for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
            if (!strcmp(arg, formats[i])) {
                o->import.format = (enum import_format)i;
                return 0;
            }
        argp_error(state, "--format: '%s' is none of auto, text, json, csv, journal", arg);
        return 0;
    case KEY_RESUME: o->state_path = arg; return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {CONNECTION_CHILD, {&files_argp, 0, NULL, 0}, {0}};
static const struct argp argp = {
    options_table, parse_option, NULL,
    "Sends files to a server: text, JSON lines, CSV or the journal's export, plain, gzip, xz or zstd.\v"
    "The time of a text line is what the line says at its beginning. Where stamps have no year (syslog), it is worked "
    "out from the file's time of modification and the order of its lines.\n\n"
    "Examples:\n"
    "  bole import /var/log/syslog*\n"
    "  zcat old.gz | bole import --labels 'app=\"api\"' -\n"
    "  bole import --msg-field message --time-field ts events.ndjson.zst\n"
    "  bole import --time-field date --stream-fields app,host audit.csv\n"
    "  journalctl -o export --since yesterday | bole import -\n"
    "  bole import --resume ~/import.state /mnt/old/*.log.xz\n",
    children, NULL, NULL};

int cmd_import(int argc, char **argv)
{
    static struct import_command o = {.import = {.job = "import"}}; /* static: a large table, and commands run once */
    cmd_parse(&argp, argc, argv, &o);
    cmd_catch_signals();
    struct bole_client *client = NULL;
    struct bole_err err;
    struct import_result result = {0};
    bole_status st = o.state_path ? import_state_open(o.state_path, &o.import.state, &err) : BOLE_OK;
    if (st == BOLE_OK)
        st = cmd_client(&o.connection, &client, &err);
    for (size_t i = 0; i < o.files.count && st == BOLE_OK; i++)
        st = import_file(client, o.files.paths[i], &o.import, &result, &err);
    bole_client_destroy(client);
    import_state_close(o.import.state);
    arena_deinit(&o.arena);
    if (result.lines)
        fprintf(stderr, "%llu line%s stored, %s sent\n", (unsigned long long)result.lines, plural_s(result.lines),
                cmd_size_text(result.bytes).text);
    if (result.skipped)
        fprintf(stderr, "%llu line%s were stored before\n", (unsigned long long)result.skipped, plural_s(result.skipped));
    if (result.cut_lines)
        fprintf(stderr, "%llu line%s longer than a line may be (768 KiB): cut there\n",
                (unsigned long long)result.cut_lines, plural_s(result.cut_lines));
    if (result.refused)
        fprintf(stderr, "%llu line%s refused\n", (unsigned long long)result.refused, plural_s(result.refused));
    return st < 0 ? cmd_fail(&err) : result.refused ? EXIT_FAILED : EXIT_OK;
}
