#include "cmd/agent_config.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <unistd.h>

#include "agent/agent.h"
#include "agent/cut.h"
#include "base/err.h"
#include "base/log.h"
#include "process/pipeline.h"

enum {
    KEY_NO_JOURNAL = 256,
    KEY_STATE,
    KEY_LANES,
    KEY_SPOOL_SIZE,
    KEY_SPOOL_FULL,
    KEY_PROCESS,
    KEY_STATUS_LISTEN,
    KEY_CHECK,
    KEY_LOG_LEVEL,
    KEY_PROMTAIL, KEY_EXPAND_ENV, KEY_CONVERT, KEY_RULES,
    KEY_INPUTS, KEY_MULTILINE, KEY_STDIN, KEY_OUTPUT, KEY_COMMAND, KEY_KUBE, KEY_KUBE_API, KEY_KUBE_TOKEN,
    KEY_KUBE_CA, KEY_KUBE_NODE, KEY_KUBE_LABELS, KEY_KUBE_ANNOTATIONS,
    KEY_INCLUDE,
    KEY_JOURNAL,
    KEY_URL,
    KEY_TOKEN,
    KEY_TENANT,
    KEY_USERNAME,
    KEY_PASSWORD,
    KEY_CA_CERT,
    KEY_CERT,
    KEY_KEY
};

#define KUBE_ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount"

static const struct argp_option options_table[] = {
    {"config", 'c', "FILE", 0, "Settings from this YAML file, see docs/agent.md (BOLE_AGENT_CONFIG)", 0},
    {"promtail", KEY_PROMTAIL, "FILE", 0, "Settings from promtail's configuration instead: docs/agent.md", 0},
    {"expand-env", KEY_EXPAND_ENV, 0, 0, "In it ${NAME} and ${NAME:-default} are of the environment, as promtail's -config.expand-env", 0},
    {"convert", KEY_CONVERT, 0, 0, "Print what it is as a file for --config, and end", 0},
    {"exclude", 'x', "GLOB", 0, "Leave these files alone; may be repeated", 0},
    {"check", KEY_CHECK, 0, 0, "Show what would be read and what is made of it, send nothing", 0},
    {"state", KEY_STATE, "FILE", 0,
     "Where the positions are kept, one agent each (default: /var/lib/" AGENT_STATE_NAME
     " for root, else ~/.local/state/" AGENT_STATE_NAME
     "; below $XDG_STATE_HOME, or in systemd's $STATE_DIRECTORY, where these are set)",
     0},
    {"process", KEY_PROCESS, "FILE", 0,
     "Rules that records pass before anything of them leaves this machine, see docs/process.md; SIGHUP reads them again", 0},
    {"lanes", KEY_LANES, "N", 0, "Batches on their way at a time, for links that are long: each stream keeps to one (default: 1)",
     0},
    {"spool-size", KEY_SPOOL_SIZE, "SIZE", 0,
     "What is kept beside the state file, compressed, while the server is away (default: 256MiB)", 0},
    {"spool-full", KEY_SPOOL_FULL, "block|drop-oldest", 0,
     "Then read no more until the server is back (default), or drop the oldest and count it", 0},
    {"multiline", KEY_MULTILINE, "LANGUAGES", 0,
     "Stack traces are one record: java,python,go,ruby,dotnet,node or all; own patterns in the configuration file", 0},
    {"stdin", KEY_STDIN, 0, 0, "Read standard input; without a glob nothing else, and end when all of it is stored", 0},
    {"output", KEY_OUTPUT, "bole|stdout", 0, "Where records go: to the server (default), or to standard output as JSON lines", 0},
    {"no-journal", KEY_NO_JOURNAL, 0, 0, "Files only", 0},
    {"listen", 'l', "HOST:PORT|off", 0, "Metrics and `bole agent status` (default " AGENT_LISTEN ")", 0},
    {"log-level", KEY_LOG_LEVEL, "LEVEL", 0, "debug, info, warn, error (default info)", 0},
    {0},
};

static const struct setting settings_table[] = {
    {"server.url", KEY_URL, SETTING_ONE},
    {"server.token", KEY_TOKEN, SETTING_ONE},
    {"server.tenant", KEY_TENANT, SETTING_ONE},
    {"server.username", KEY_USERNAME, SETTING_ONE},
    {"server.password", KEY_PASSWORD, SETTING_ONE},
    {"server.ca_cert", KEY_CA_CERT, SETTING_ONE},
    {"server.cert", KEY_CERT, SETTING_ONE},
    {"server.key", KEY_KEY, SETTING_ONE},
    {"files.include", KEY_INCLUDE, SETTING_LIST},
    {"files.exclude", 'x', SETTING_LIST},
    {"inputs", KEY_INPUTS, SETTING_TREE},
    {"multiline", KEY_MULTILINE, SETTING_TREE},
    {"command", KEY_COMMAND, SETTING_TREE},
    {"kubernetes.metadata", KEY_KUBE, SETTING_ONE},
    {"kubernetes.api", KEY_KUBE_API, SETTING_ONE},
    {"kubernetes.token_file", KEY_KUBE_TOKEN, SETTING_ONE},
    {"kubernetes.ca_cert", KEY_KUBE_CA, SETTING_ONE},
    {"kubernetes.node", KEY_KUBE_NODE, SETTING_ONE},
    {"kubernetes.labels", KEY_KUBE_LABELS, SETTING_LIST},
    {"kubernetes.annotations", KEY_KUBE_ANNOTATIONS, SETTING_LIST},
    {"stdin", KEY_STDIN, SETTING_ONE},
    {"output", KEY_OUTPUT, SETTING_ONE},
    {"journal", KEY_JOURNAL, SETTING_ONE},
    {"state", KEY_STATE, SETTING_ONE},
    {"lanes", KEY_LANES, SETTING_ONE},
    {"spool.size", KEY_SPOOL_SIZE, SETTING_ONE},
    {"spool.full", KEY_SPOOL_FULL, SETTING_ONE},
    {"process.file", KEY_PROCESS, SETTING_ONE},
    {"rules", KEY_RULES, SETTING_TREE},
    {"key_file", KEY_RULES, SETTING_TREE},
    {"status.listen", 'l', SETTING_ONE},
    {"log_level", KEY_LOG_LEVEL, SETTING_ONE},
};

static void set_lanes(struct agent_config *c, struct argp_state *state, const char *what, const char *text)
{
    int64_t n = cmd_count(state, what, text);
    if (n < 1 || n > (int64_t)CUT_LANES_MAX)
        argp_error(state, "%s: from 1 to %u", what, CUT_LANES_MAX);
    c->lanes = (unsigned)n;
}

static void set_spool_full(struct agent_config *c, struct argp_state *state, const char *what, const char *text)
{
    c->drop_oldest = strcmp(text, "drop-oldest") == 0;
    if (!c->drop_oldest && strcmp(text, "block") != 0)
        argp_error(state, "%s: block or drop-oldest, not %s", what, text);
}

static void set_output(struct agent_config *c, struct argp_state *state, const char *what, const char *text)
{
    c->to_stdout = strcmp(text, "stdout") == 0;
    if (!c->to_stdout && strcmp(text, "bole") != 0)
        argp_error(state, "%s: bole or stdout, not %s", what, text);
}

static void set(struct argp_state *state, int key, const char *value, const char *what)
{
    struct agent_config *c = state->input;
    switch (key) {
    case 'x': cmd_append(state, c->excludes, &c->exclude_count, AGENT_GLOBS_MAX, what, value); break;
    case 'l': c->listen = value; break;
    case KEY_INCLUDE: cmd_append(state, c->globs, &c->glob_count, AGENT_GLOBS_MAX, what, value); break;
    case KEY_CHECK: c->check = true; break;
    case KEY_PROMTAIL: c->promtail = value; break;
    case KEY_EXPAND_ENV: c->expand_env = true; break;
    case KEY_CONVERT: c->convert = true; break;
    case KEY_MULTILINE: c->detect = value; break;
    case KEY_STDIN: c->use_stdin = settings_truth(state, what, value); break;
    case KEY_KUBE: c->no_kube = !settings_truth(state, what, value); break;
    case KEY_KUBE_API: c->kube.url = value; break;
    case KEY_KUBE_TOKEN: c->kube.token_file = value; break;
    case KEY_KUBE_CA: c->kube.ca_cert = value; break;
    case KEY_KUBE_NODE: c->kube.node = value; break;
    case KEY_KUBE_LABELS: cmd_append(state, c->kube_labels, &c->kube.label_count, KUBE_NAMES_MAX, what, value); break;
    case KEY_KUBE_ANNOTATIONS:
        cmd_append(state, c->kube_annotations, &c->kube.annotation_count, KUBE_NAMES_MAX, what, value);
        break;
    case KEY_OUTPUT: set_output(c, state, what, value); break;
    case KEY_STATE: c->state = value; break;
    case KEY_PROCESS: c->process_file = value; break;
    case KEY_LANES: set_lanes(c, state, what, value); break;
    case KEY_SPOOL_SIZE: c->spool_bytes = cmd_size(state, what, value); break;
    case KEY_SPOOL_FULL: set_spool_full(c, state, what, value); break;
    case KEY_NO_JOURNAL: c->no_journal = true; break;
    case KEY_JOURNAL: c->no_journal = !settings_truth(state, what, value); break;
    case KEY_LOG_LEVEL: settings_log_level(state, what, value); break;
    case KEY_URL: c->connection.addr = value; break;
    case KEY_TOKEN: c->connection.token = value; break;
    case KEY_TENANT: c->connection.tenant = value; break;
    case KEY_USERNAME: c->connection.username = value; break;
    case KEY_PASSWORD: c->connection.password = value; break;
    case KEY_CA_CERT: c->connection.ca_cert = value; break;
    case KEY_CERT: c->connection.cert = value; break;
    case KEY_KEY: c->connection.key = value; break;
    default: assert(!"a setting without a place");
    }
}

/* A first round over the flags that looks for the file alone: what it says must not overrule other flags. */
static error_t find_config(int key, char *arg, struct argp_state *state)
{
    struct agent_config *c = state->input;
    static struct connection_options ignored;
    if (key == ARGP_KEY_INIT) {
        state->name = (char *)"bole agent";
        state->child_inputs[0] = &ignored;
    }
    if (key == 'c')
        c->path = arg;
    if (key == KEY_PROMTAIL)
        c->promtail = arg;
    c->expand_env |= key == KEY_EXPAND_ENV;
    return 0;
}

/* ---- the file, or promtail's ---- */

bole_status agent_config_convert(const struct agent_config *c, struct promtail *ret_promtail, struct bole_err *err)
{
    return promtail_load(c->promtail, &(struct promtail_options){.expand_env = c->expand_env}, ret_promtail, err);
}

static bole_status load_promtail(const struct agent_config *c, struct config **ret_file, struct bole_err *err)
{
    struct promtail p = {0};
    bole_status st = agent_config_convert(c, &p, err);
    if (st == BOLE_OK)
        st = config_parse(buf_slice(&p.yaml), "--convert", ret_file, err);
    promtail_deinit(&p);
    return st;
}

static bole_status load_file(const struct agent_config *c, struct config **ret_file, struct bole_err *err)
{
    return c->promtail ? load_promtail(c, ret_file, err) : config_load(c->path, ret_file, err);
}

static bole_status load_rules(void *ctx, struct buf *out, struct bole_err *err)
{
    const struct agent_config *c = ctx;
    struct promtail p = {0};
    if (!c->promtail)
        return pipeline_read_file(c->path, out, err);
    bole_status st = agent_config_convert(c, &p, err);
    if (st == BOLE_OK)
        buf_put(out, buf_slice(&p.yaml));
    promtail_deinit(&p);
    return st;
}

bole_status agent_config_process(const struct agent_config *c, struct process **ret_process, struct bole_err *err)
{
    if (c->process_file)
        return process_create(c->process_file, ret_process, err);
    return c->has_rules ? process_create_part(c->promtail ? "--convert" : c->path, load_rules, (void *)(uintptr_t)c, ret_process, err)
                        : BOLE_OK;
}

static void read_multiline(struct agent_config *c, struct argp_state *state)
{
    const struct config_node *node = settings_tree(&c->settings, "multiline");
    struct bole_err err;
    if ((node || c->detect) && multiline_create(c->settings.file, node, c->detect, &c->multiline, &err) < 0)
        argp_error(state, "%s", err.msg);
}

static void read_inputs(struct agent_config *c, struct argp_state *state)
{
    struct bole_err err;
    if (inputs_create(c->settings.file, settings_tree(&c->settings, "inputs"), &c->inputs, &err) < 0)
        argp_error(state, "%s", err.msg);
}

static bole_status read_command(struct agent_config *c, const struct config_node *map, struct bole_err *err)
{
    static const char *const keys[] = {"name", "run", "interval"};
    const struct config *file = c->settings.file;
    struct pipe_input_options *p = &c->pipes[c->pipe_count];
    bole_status st = map->kind == CONFIG_MAP ? config_check_keys(file, map, keys, 3, err)
                                             : config_fail(file, map, err, "command: a map with run, perhaps name and interval");
    if (st < 0)
        return st;
    const struct config_node *run = config_get(map, S("run")), *name = config_get(map, S("name"));
    const struct config_node *interval = config_get(map, S("interval"));
    if (c->pipe_count == PIPE_INPUTS_MAX)
        return config_fail(file, map, err, "command: at most %u", PIPE_INPUTS_MAX);
    if (!run || run->kind != CONFIG_SCALAR || !run->text.len || (name && (name->kind != CONFIG_SCALAR || !name->text.len)))
        return config_fail(file, run ? run : map, err, "command: run is the command line, name a text");
    *p = (struct pipe_input_options){.command = (const char *)run->text.ptr,
                                     .name = name ? (const char *)name->text.ptr : "command"};
    c->pipe_count++;
    return interval ? config_duration(file, interval, NS_PER_S, 30 * 24 * 3600 * (uint64_t)NS_PER_S, &p->interval_ns, err)
                    : BOLE_OK;
}

static void read_pipes(struct agent_config *c, struct argp_state *state)
{
    const struct config_node *node = settings_tree(&c->settings, "command");
    struct bole_err err;
    if (c->use_stdin)
        c->pipes[c->pipe_count++] = (struct pipe_input_options){.name = "stdin"};
    const struct config_node *n = node && node->kind == CONFIG_LIST ? node->first : node;
    for (; n && n->kind != CONFIG_NULL; n = node->kind == CONFIG_LIST ? n->next : NULL)
        if (read_command(c, n, &err) < 0)
            argp_error(state, "%s", err.msg);
    c->no_journal |= c->use_stdin && c->glob_count == 0 && !inputs_glob(c->inputs, 0);
}

/* What a pod is given by its cluster, where the configuration says nothing else. */
static void find_kube(struct agent_config *c)
{
    const char *host = getenv("KUBERNETES_SERVICE_HOST"), *port = getenv("KUBERNETES_SERVICE_PORT"), *node = getenv("NODE_NAME");
    struct kube_options *k = &c->kube;
    k->labels = c->kube_labels;
    k->annotations = c->kube_annotations;
    if (c->no_kube || (!k->url && !(host && *host))) {
        k->url = NULL;
        return;
    }
    if (!k->url) {
        bool is_v6 = strchr(host, ':') != NULL;
        snprintf(c->kube_url, sizeof c->kube_url, "https://%s%s%s:%s", is_v6 ? "[" : "", host, is_v6 ? "]" : "",
                 port ? port : "443");
        k->url = c->kube_url;
        k->token_file = k->token_file ? k->token_file : KUBE_ACCOUNT "/token";
        k->ca_cert = k->ca_cert ? k->ca_cert : KUBE_ACCOUNT "/ca.crt";
    }
    gethostname(c->node, sizeof c->node - 1);
    k->node = k->node ? k->node : node && *node ? node : c->node;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    struct agent_config *c = state->input;
    struct bole_err err;
    switch (key) {
    case ARGP_KEY_INIT:
        state->name = (char *)"bole agent"; /* argp itself sets it after this call only */
        state->child_inputs[0] = &c->connection;
        if (c->promtail && c->path)
            argp_error(state, "--promtail stands for --config: one of them");
        if (c->promtail && load_promtail(c, &c->settings.file, &err) < 0)
            argp_error(state, "%s", err.msg);
        settings_apply(&c->settings, c->promtail ? "--convert" : c->path, settings_table, sizeof settings_table / sizeof *settings_table, state, set);
        return 0;
    case 'c': return 0;
    case ARGP_KEY_ARG: set(state, KEY_INCLUDE, arg, "GLOB"); return 0;
    case ARGP_KEY_SUCCESS:
        c->has_rules = settings_tree(&c->settings, "rules") != NULL;
        if (c->has_rules && c->process_file)
            argp_error(state, "rules stand in the configuration file or in one of their own (--process), not in both");
        if (c->convert && !c->promtail)
            argp_error(state, "--convert needs --promtail");
        read_multiline(c, state);
        read_inputs(c, state);
        read_pipes(c, state);
        find_kube(c);
        return 0;
    }
    return settings_set_flag(options_table, key, arg, state, set);
}

static const struct argp_child children[] = {CONNECTION_CHILD, {0}};
static const struct argp config_argp = {options_table, find_config, "[GLOB...]", NULL, children, NULL, NULL};
static const struct argp argp = {
    options_table, parse_option, "[GLOB...]\nstatus",
    "Follows this machine's logs and sends every line to a server. Without a glob: /var/log and the journal.\v"
    "Every line is stored exactly once, whatever is killed, lost or rotated meanwhile: docs/agent.md.\n\n"
    "Examples:\n"
    "  bole agent --addr http://logs.example:3100\n"
    "  bole agent --addr http://127.0.0.1:3100 --no-journal '/srv/*/log/*.log'\n"
    "  bole agent --addr http://logs.example:3100 --multiline java,python\n"
    "  app 2>&1 | bole agent --addr http://logs.example:3100 --stdin\n"
    "  bole agent --output stdout --state /tmp/state '/srv/*/log/*.log' | jq .line\n"
    "  bole agent --config /etc/bole/agent.yml --check\n"
    "  bole agent --promtail /etc/promtail/config.yml --convert > agent.yml\n"
    "  bole agent status\n",
    children, NULL, NULL};

void agent_config_parse(struct agent_config *c, int argc, char **argv)
{
    const char *path = getenv("BOLE_AGENT_CONFIG");
    *c = (struct agent_config){.lanes = 1, .listen = AGENT_LISTEN, .path = path};
    cmd_parse(&config_argp, argc, argv, c);
    if (c->promtail && c->path == path)
        c->path = NULL;
    cmd_parse(&argp, argc, argv, c);
}

void agent_config_deinit(struct agent_config *c)
{
    multiline_destroy(c->multiline);
    inputs_destroy(c->inputs);
    settings_deinit(&c->settings);
}

static void add_default_excludes(struct agent_globs *g)
{
    while (agent_default_excludes[g->exclude_count] && g->exclude_count < AGENT_GLOBS_MAX) {
        g->excludes[g->exclude_count] = agent_default_excludes[g->exclude_count];
        g->exclude_count++;
    }
}

static void add_default_includes(struct agent_globs *g)
{
    for (; agent_default_includes[g->include_count]; g->include_count++)
        g->includes[g->include_count] = agent_default_includes[g->include_count];
    g->excludes[g->exclude_count++] = "/var/log/containers/**"; /* links to what is read below /var/log/pods */
}

void agent_globs_deinit(struct agent_globs *g)
{
    inputs_destroy(g->inputs);
    config_destroy(g->file);
    g->inputs = NULL;
    g->file = NULL;
}

/* Nothing was said about what is read. */
static bool is_default(const struct agent_config *c, size_t include_count, const struct inputs *inputs)
{
    return include_count == 0 && !inputs_glob(inputs, 0) && !c->use_stdin;
}

void agent_config_globs(const struct agent_config *c, struct agent_globs *ret_globs)
{
    *ret_globs = (struct agent_globs){.include_count = c->glob_count};
    memcpy(ret_globs->includes, c->globs, c->glob_count * sizeof *c->globs);
    add_default_excludes(ret_globs);
    if (is_default(c, ret_globs->include_count, c->inputs))
        add_default_includes(ret_globs);
    for (size_t i = 0; i < c->exclude_count; i++)
        ret_globs->excludes[ret_globs->exclude_count++] = c->excludes[i];
}

/* ---- again ---- */

static bool is_of_file(const struct config_node *list, const char *glob)
{
    const struct config_node *n = list ? list->first : NULL;
    while (n && (const char *)n->text.ptr != glob)
        n = n->next;
    return n != NULL;
}

static const struct config_node *list_of(const struct config *file, const char *name)
{
    const struct config_node *files = config_get(config_root(file), S("files"));
    return files && files->kind == CONFIG_MAP ? config_get(files, bole_slice_str(name)) : NULL;
}

/* The list as it stands now, then what did not come from the list as it was. */
static bole_status reread(const struct agent_config *c, const struct config *file, const char *name, const char *const *had,
                          size_t had_count, const char **to, size_t *count, struct bole_err *err)
{
    const struct config_node *list = list_of(file, name), *old = c->settings.file ? list_of(c->settings.file, name) : NULL;
    size_t first = *count;
    if (list && list->kind != CONFIG_LIST && list->kind != CONFIG_NULL)
        return config_fail(file, list, err, "files.%s is a list", name);
    for (const struct config_node *n = list ? list->first : NULL; n; n = n->next) {
        if (n->kind != CONFIG_SCALAR || memchr(n->text.ptr, 0, n->text.len))
            return config_fail(file, n, err, "files.%s holds texts", name);
        if (*count - first == AGENT_GLOBS_MAX)
            return config_fail(file, n, err, "at most %d globs", AGENT_GLOBS_MAX);
        to[(*count)++] = (const char *)n->text.ptr;
    }
    for (size_t i = 0; i < had_count && *count - first < AGENT_GLOBS_MAX; i++)
        if (!is_of_file(old, had[i]))
            to[(*count)++] = had[i];
    return BOLE_OK;
}

bole_status agent_config_reload(const struct agent_config *c, struct agent_globs *ret_globs, struct bole_err *err)
{
    if (!c->path && !c->promtail) {
        agent_config_globs(c, ret_globs);
        return BOLE_OK;
    }
    struct agent_globs g = {0};
    bole_status st = load_file(c, &g.file, err);
    const struct config *file = g.file;
    if (st == BOLE_OK)
        st = inputs_create(file, config_get(config_root(file), S("inputs")), &g.inputs, err);
    if (st == BOLE_OK)
        st = reread(c, file, "include", c->globs, c->glob_count, g.includes, &g.include_count, err);
    add_default_excludes(&g);
    if (st == BOLE_OK)
        st = reread(c, file, "exclude", c->excludes, c->exclude_count, g.excludes, &g.exclude_count, err);
    if (st < 0) {
        agent_globs_deinit(&g);
        return st;
    }
    if (is_default(c, g.include_count, g.inputs))
        add_default_includes(&g);
    *ret_globs = g;
    return BOLE_OK;
}
