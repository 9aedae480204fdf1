#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/spool.h"
#include "base/err.h"
#include "base/log.h"
#include "cmd/cmd.h"
#include "cmd/lock.h"
#include "cmd/post_http.h"

enum { GLOBS_MAX = 128, KEY_NO_JOURNAL = 256, KEY_STATE, KEY_LANES, KEY_SPOOL_SIZE, KEY_SPOOL_FULL };

struct agent_command {
    struct connection_options connection;
    const char *globs[GLOBS_MAX];
    size_t glob_count;
    const char *excludes[GLOBS_MAX];
    size_t exclude_count;
    const char *state; /* NULL: the default */
    bool no_journal;
    unsigned lanes;
    uint64_t spool_bytes; /* 0: the default */
    bool drop_oldest;
};

#define STATE_NAME "bole-agent/checkpoint"
#define DISK_RESERVE (64ull << 20)                      /* bytes that the spool leaves free */
#define RETRY_MAX_NS (1000 * (uint64_t)NS_PER_MS)       /* between two looks for room in the spool */

static const struct argp_option options_table[] = {
    {"exclude", 'x', "GLOB", 0, "Leave these files alone; may be repeated", 0},
    {"state", KEY_STATE, "FILE", 0,
     "Where the positions are kept, one agent each (default: /var/lib/" STATE_NAME " for root, else ~/.local/state/"
     STATE_NAME "; below $XDG_STATE_HOME, or in systemd's $STATE_DIRECTORY, where these are set)", 0},
    {"lanes", KEY_LANES, "N", 0, "Batches on their way at a time, for links that are long: each stream keeps to one (default: 1)", 0},
    {"spool-size", KEY_SPOOL_SIZE, "SIZE", 0,
     "What is kept beside the state file, compressed, while the server is away (default: 256MiB)", 0},
    {"spool-full", KEY_SPOOL_FULL, "block|drop-oldest", 0,
     "Then read no more until the server is back (default), or drop the oldest and count it", 0},
    {"no-journal", KEY_NO_JOURNAL, 0, 0, "Files only", 0},
    {0},
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    struct agent_command *o = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &o->connection;
        o->lanes = 1;
        return 0;
    case KEY_LANES: {
        int64_t n = cmd_count(state, "--lanes", arg);
        if (n < 1 || n > (int64_t)CUT_LANES_MAX)
            argp_error(state, "--lanes: from 1 to %u", CUT_LANES_MAX);
        o->lanes = (unsigned)n;
        return 0;
    }
    case KEY_SPOOL_SIZE: o->spool_bytes = cmd_size(state, "--spool-size", arg); return 0;
    case KEY_SPOOL_FULL:
        o->drop_oldest = strcmp(arg, "drop-oldest") == 0;
        if (!o->drop_oldest && strcmp(arg, "block") != 0)
            argp_error(state, "--spool-full: block or drop-oldest, not %s", arg);
        return 0;
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
    "Every line is stored exactly once, whatever is killed, lost or rotated meanwhile: docs/agent.md.\n\n"
    "Examples:\n"
    "  bole agent --addr http://logs.example:3100\n"
    "  bole agent --addr http://127.0.0.1:3100 --no-journal '/srv/*/log/*.log'\n",
    children, NULL, NULL};

/* The path of the state file; its directory is made when it is the default one. */
static bole_status state_path(const struct agent_command *o, char *path, size_t size, struct bole_err *err)
{
    const char *systemd = getenv("STATE_DIRECTORY"), *xdg = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    int n;
    if (o->state) {
        n = snprintf(path, size, "%s", o->state);
        return n < (int)size ? BOLE_OK : bole_fail(err, BOLE_E_INVALID, "--state: the path is too long");
    }
    if (systemd && *systemd)
        n = snprintf(path, size, "%.*s/checkpoint", (int)strcspn(systemd, ":"), systemd);
    else if (xdg && *xdg == '/')
        n = snprintf(path, size, "%s/" STATE_NAME, xdg);
    else if (geteuid() == 0)
        n = snprintf(path, size, "/var/lib/" STATE_NAME);
    else if (home && *home)
        n = snprintf(path, size, "%s/.local/state/" STATE_NAME, home);
    else
        return bole_fail(err, BOLE_E_INVALID, "there is no HOME to keep the positions in: name a file with --state");
    if (n >= (int)size)
        return bole_fail(err, BOLE_E_INVALID, "the path of the state file is too long: name another with --state");
    char *slash = strrchr(path, '/');
    *slash = 0;
    bole_status st = fs_make_dir(&fs_posix, path, err);
    if (st < 0)
        bole_err_context(err, "making %s for the positions (--state names another file)", path);
    *slash = '/';
    return st;
}

/* Two agents on one state file would each write over what the other has read. */
static bole_status lock_state(const char *path, struct file **ret_lock, struct bole_err *err)
{
    char lock_path[4096 + 8];
    snprintf(lock_path, sizeof lock_path, "%s.lock", path);
    bole_status st = lock_take(lock_path, true, ret_lock, err);
    if (st < 0)
        bole_err_context(err, "the state file %s (--state)", path);
    return st;
}

static bole_status make_poster(void *ctx, struct poster **ret_poster, struct bole_err *err)
{
    struct bole_client *client;
    bole_status st = cmd_client_timeout(ctx, POST_TIMEOUT_S, &client, err);
    return st < 0 ? st : post_http_create(client, ret_poster, err);
}

static bole_status open_spool(struct agent_command *o, const char *state, struct spool **ret_spool, struct bole_err *err)
{
    char dir[4096 + 8];
    snprintf(dir, sizeof dir, "%s.spool", state);
    struct spool_options options = {.dir = dir,
                                    .fs = &fs_posix,
                                    .clock = &clock_system,
                                    .random = &random_system,
                                    .lane_count = o->lanes,
                                    .make_poster = make_poster,
                                    .make_poster_ctx = &o->connection,
                                    .spool_bytes = o->spool_bytes,
                                    .drop_oldest = o->drop_oldest,
                                    .reserve_bytes = DISK_RESERVE};
    bole_status st = spool_open(&options, ret_spool, err);
    if (st < 0)
        bole_err_context(err, "opening the spool beside the state file (--state)");
    return st;
}

static bole_status open_sink(struct agent_command *o, struct spool *spool, const struct bole_client *client,
                             struct tail_sink **ret_sink, struct bole_err *err)
{
    const char *tenant = bole_client_tenant(client);
    struct sink_spool_options options = {.tenant = tenant ? bole_slice_str(tenant) : S("default"),
                                         .lane_count = o->lanes,
                                         .clock = &clock_system};
    return tail_sink_spool(spool, &options, ret_sink, err);
}

/* What is read, and where it goes. */
static bole_status open_agent(const struct agent_command *o, const char *state, struct tail_sink *sink, struct agent **ret_agent,
                              struct bole_err *err)
{
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
        .checkpoint_path = state,
        .fs = &fs_posix,
        .clock = &clock_system,
        .retry_max_ns = RETRY_MAX_NS,
        .sink = sink,
    };
    return agent_create(&options, ret_agent, err);
}

static bole_status run(struct agent_command *o, struct bole_err *err)
{
    char state[4096];
    struct file *lock = NULL;
    struct bole_client *client = NULL; /* only asked what the lanes' own will say */
    struct spool *spool = NULL;
    struct tail_sink *sink = NULL;
    struct agent *agent = NULL;
    bole_status st = state_path(o, state, sizeof state, err);
    if (st == BOLE_OK)
        st = lock_state(state, &lock, err);
    if (st == BOLE_OK)
        st = cmd_client(&o->connection, &client, err);
    if (st == BOLE_OK)
        st = open_spool(o, state, &spool, err);
    if (st == BOLE_OK)
        st = open_sink(o, spool, client, &sink, err);
    if (st == BOLE_OK)
        st = open_agent(o, state, sink, &agent, err);
    if (st == BOLE_OK)
        st = agent_start(agent, err);
    if (st == BOLE_OK) {
        LOG(INFO, "sending", " to=%s state=%s", LOGQS(bole_client_url(client)), LOGQS(state));
        while (!cmd_stopped)
            pause();
        LOG(INFO, "stopping");
    }
    uint64_t begin_ns = clock_mono_ns(&clock_system);
    agent_destroy(agent);
    tail_sink_destroy(sink);
    spool_destroy(spool);
    bole_client_destroy(client);
    file_close(lock);
    if (st == BOLE_OK)
        LOG(INFO, "stopped", " took_ms=%llu",
            (unsigned long long)((clock_mono_ns(&clock_system) - begin_ns) / NS_PER_MS));
    return st;
}

int cmd_agent(int argc, char **argv)
{
    struct agent_command o = {0};
    cmd_parse(&argp, argc, argv, &o);
    cmd_catch_signals();
    struct bole_err err;
    return run(&o, &err) < 0 ? cmd_fail(&err) : EXIT_OK;
}
