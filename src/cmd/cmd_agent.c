#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/agent.h"
#include "base/log.h"
#include "cmd/cmd.h"
#include "cmd/sink_http.h"

enum { GLOBS_MAX = 128, KEY_NO_JOURNAL = 256, KEY_STATE };

struct agent_command {
    struct connection_options connection;
    const char *globs[GLOBS_MAX];
    size_t glob_count;
    const char *excludes[GLOBS_MAX];
    size_t exclude_count;
    const char *state;
    bool no_journal;
};

static const struct argp_option options_table[] = {
    {"exclude", 'x', "GLOB", 0, "Leave these files alone; may be repeated", 0},
    {"state", KEY_STATE, "FILE", 0, "Where the positions are kept (default ./bole-agent.checkpoint)", 0},
    {"no-journal", KEY_NO_JOURNAL, 0, 0, "Files only", 0},
    {0},
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    struct agent_command *o = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &o->connection; return 0;
    case KEY_STATE: o->state = arg; return 0;
    case KEY_NO_JOURNAL: o->no_journal = true; return 0;
    case 'x': cmd_append(state, o->excludes, &o->exclude_count, GLOBS_MAX, "--exclude", arg); return 0;
    case ARGP_KEY_ARG: cmd_append(state, o->globs, &o->glob_count, GLOBS_MAX, "GLOB", arg); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {CONNECTION_CHILD, {0}};
static const struct argp argp = {
    options_table, parse_option, "[GLOB...]",
    "Follows this machine's logs and sends every line to a server. Without a glob: /var/log and the journal.\v"
    "Positions move only after the server has called the lines durable.\n\n"
    "Examples:\n"
    "  bole agent --addr http://logs.example:3100\n"
    "  bole agent --addr http://127.0.0.1:3100 --no-journal '/srv/*/log/*.log'\n",
    children, NULL, NULL};

static bole_status run(const struct agent_command *o, struct bole_err *err)
{
    struct bole_client *client = NULL;
    struct tail_sink *sink = NULL;
    struct agent *agent = NULL;
    const char *excludes[2 * GLOBS_MAX];
    size_t exclude_count = 0, default_count = 0;
    for (; agent_default_excludes[exclude_count] && exclude_count < GLOBS_MAX; exclude_count++)
        excludes[exclude_count] = agent_default_excludes[exclude_count];
    for (size_t i = 0; i < o->exclude_count; i++)
        excludes[exclude_count++] = o->excludes[i];
    while (agent_default_includes[default_count])
        default_count++;
    struct agent_options options = {
        .includes = o->glob_count ? o->globs : agent_default_includes,
        .include_count = o->glob_count ? o->glob_count : default_count,
        .excludes = excludes,
        .exclude_count = exclude_count,
        .journal = !o->no_journal,
        .checkpoint_path = o->state,
        .fs = &fs_posix,
        .clock = &clock_system,
    };
    bole_status st = cmd_client(&o->connection, &client, err);
    if (st == BOLE_OK)
        st = sink_http_create(client, &sink, err);
    options.sink = sink;
    if (st == BOLE_OK)
        st = agent_create(&options, &agent, err);
    if (st == BOLE_OK)
        st = agent_start(agent, err);
    if (st == BOLE_OK) {
        LOG(INFO, "sending", " to=%s", LOGQS(bole_client_url(client)));
        while (!cmd_stopped)
            pause();
        LOG(INFO, "stopping");
    }
    agent_destroy(agent);
    tail_sink_destroy(sink);
    bole_client_destroy(client);
    return st;
}

int cmd_agent(int argc, char **argv)
{
    struct agent_command o = {.state = "bole-agent.checkpoint"};
    cmd_parse(&argp, argc, argv, &o);
    cmd_catch_signals();
    struct bole_err err;
    return run(&o, &err) < 0 ? cmd_fail(&err) : EXIT_OK;
}
