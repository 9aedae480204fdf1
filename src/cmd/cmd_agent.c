#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/checkpoint.h"
#include "agent/spool.h"
#include "base/err.h"
#include "base/log.h"
#include "cmd/agent_check.h"
#include "cmd/agent_config.h"
#include "cmd/agent_door.h"
#include "cmd/lock.h"
#include "cmd/print.h"
#include "cmd/post_http.h"
#include "process/pipeline.h"

#define DISK_RESERVE (64ull << 20)                /* bytes that the spool leaves free */
#define RETRY_MAX_NS (1000 * (uint64_t)NS_PER_MS) /* between two looks for room in the spool */

struct running {
    struct agent_config config;
    struct agent_globs  globs;
    char                state[4096];
    struct file        *lock;
    struct bole_client *client;     /* only asked what the lanes' own will say */
    struct process     *process;    /* NULL: no rules */
    struct kube        *kube;       /* NULL: no cluster */
    struct spool       *spool;
    struct tail_sink   *sink;
    struct agent       *agent;
    struct agent_door  *door;       /* NULL: nobody is told */
};

/* The path of the state file; its directory is made when it is the default one. */
static bole_status find_state(struct running *r, struct bole_err *err)
{
    const char *systemd = getenv("STATE_DIRECTORY"), *xdg = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    const size_t size = sizeof r->state;
    int n;
    if (r->config.state) {
        n = snprintf(r->state, size, "%s", r->config.state);
        return n < (int)size ? BOLE_OK : bole_fail(err, BOLE_E_INVALID, "--state: the path is too long");
    }
    if (systemd && *systemd)
        n = snprintf(r->state, size, "%.*s/checkpoint", (int)strcspn(systemd, ":"), systemd);
    else if (xdg && *xdg == '/')
        n = snprintf(r->state, size, "%s/" AGENT_STATE_NAME, xdg);
    else if (geteuid() == 0)
        n = snprintf(r->state, size, "/var/lib/" AGENT_STATE_NAME);
    else if (home && *home)
        n = snprintf(r->state, size, "%s/.local/state/" AGENT_STATE_NAME, home);
    else
        return bole_fail(err, BOLE_E_INVALID, "there is no HOME to keep the positions in: name a file with --state");
    if (n >= (int)size)
        return bole_fail(err, BOLE_E_INVALID, "the path of the state file is too long: name another with --state");
    char *slash = strrchr(r->state, '/');
    *slash = 0;
    bole_status st = fs_make_dir(&fs_posix, r->state, err);
    if (st < 0)
        bole_err_context(err, "making %s for the positions (--state names another file)", r->state);
    *slash = '/';
    return st;
}

/* Two agents on one state file would each write over what the other has read. */
static bole_status lock_state(struct running *r, struct bole_err *err)
{
    char lock_path[sizeof r->state + 8];
    snprintf(lock_path, sizeof lock_path, "%s.lock", r->state);
    bole_status st = lock_take(lock_path, true, &r->lock, err);
    if (st < 0)
        bole_err_context(err, "the state file %s (--state)", r->state);
    return st;
}

static void tell_notes(const struct promtail *p)
{
    for (bole_slice line, rest = buf_slice(&p->notes); rest.len;) {
        line = bole_slice_cut(rest, '\n', &rest);
        LOG(INFO, "left out of promtail's configuration: it makes no difference to what is stored", " note=%s", LOGQ(line));
    }
}

/* What promtail has read is not read again, and reading goes on there: when nothing of our own is known yet. */
static bole_status take_over(struct running *r, struct bole_err *err)
{
    struct promtail p = {0};
    struct checkpoint c;
    checkpoint_init(&c);
    c.saved_ns = clock_now_ns(&clock_system);
    bole_status st = agent_config_convert(&r->config, &p, err);
    if (st == BOLE_OK)
        tell_notes(&p);
    if (st == BOLE_OK && access(r->state, F_OK) != 0) {
        const char *path = (const char *)p.positions.ptr;
        st = promtail_positions(path, buf_slice(&p.journal_job), &c, err);
        if (st == BOLE_OK)
            st = checkpoint_save(&fs_posix, r->state, &c, err);
        if (st == BOLE_OK)
            LOG(INFO, "goes on where promtail was", " positions=%s files=%zu journal=%d", LOGQS(path), c.file_count, c.journal_cursor.len > 0);
        else if (st == BOLE_E_NOTFOUND)
            LOG(WARN, "promtail's positions are not there: files are read as on first sight", " positions=%s", LOGQS(path));
        st = st == BOLE_E_NOTFOUND ? BOLE_OK : st;
    }
    checkpoint_deinit(&c);
    promtail_deinit(&p);
    return st;
}

static bole_status make_poster(void *ctx, struct poster **ret_poster, struct bole_err *err)
{
    struct bole_client *client;
    bole_status st = cmd_client_timeout(ctx, POST_TIMEOUT_S, &client, err);
    return st < 0 ? st : post_http_create(client, ret_poster, err);
}

static bole_status open_spool(struct running *r, struct bole_err *err)
{
    char dir[sizeof r->state + 8];
    snprintf(dir, sizeof dir, "%s.spool", r->state);
    struct spool_options options = {.dir = dir,
                                    .fs = &fs_posix,
                                    .clock = &clock_system,
                                    .random = &random_system,
                                    .lane_count = r->config.lanes,
                                    .make_poster = make_poster,
                                    .make_poster_ctx = &r->config.connection,
                                    .spool_bytes = r->config.spool_bytes,
                                    .drop_oldest = r->config.drop_oldest,
                                    .reserve_bytes = DISK_RESERVE};
    bole_status st = spool_open(&options, &r->spool, err);
    if (st < 0)
        bole_err_context(err, "opening the spool beside the state file (--state)");
    return st;
}

static bole_status open_sink(struct running *r, struct bole_err *err)
{
    if (r->config.to_stdout)
        return tail_sink_stdout(r->process, &r->sink, err);
    const char *tenant = bole_client_tenant(r->client);
    struct sink_spool_options options = {.tenant = tenant ? bole_slice_str(tenant) : S("default"),
                                         .process = r->process,
                                         .lane_count = r->config.lanes,
                                         .clock = &clock_system};
    return tail_sink_spool(r->spool, &options, &r->sink, err);
}

static bole_status open_agent(struct running *r, struct bole_err *err)
{
    agent_config_globs(&r->config, &r->globs);
    struct agent_options options = {
        .includes = r->globs.includes,
        .include_count = r->globs.include_count,
        .excludes = r->globs.excludes,
        .exclude_count = r->globs.exclude_count,
        .journal = !r->config.no_journal,
        .multiline = r->config.multiline,
        .inputs = r->config.inputs,
        .kube = r->kube,
        .pipes = r->config.pipes,
        .pipe_count = r->config.pipe_count,
        .checkpoint_path = r->state,
        .fs = &fs_posix,
        .clock = &clock_system,
        .retry_max_ns = RETRY_MAX_NS,
        .sink = r->sink,
    };
    return agent_create(&options, &r->agent, err);
}

/* An agent that cannot tell about itself works all the same: a second one on the machine, for example. */
static void open_door(struct running *r)
{
    struct bole_err err;
    struct agent_door_options options = {r->config.listen, bole_client_url(r->client), r->agent, r->spool};
    if (strcmp(r->config.listen, "off") != 0 && agent_door_open(&options, &r->door, &err) < 0)
        LOG(WARN, "no metrics and no status of this agent (--listen)", " reason=%s", LOGQS(err.msg));
}

static bole_status start(struct running *r, struct bole_err *err)
{
    bole_status st = find_state(r, err);
    if (st == BOLE_OK)
        st = lock_state(r, err);
    if (st == BOLE_OK && !r->config.to_stdout)
        st = cmd_client(&r->config.connection, &r->client, err);
    if (st == BOLE_OK)
        st = agent_config_process(&r->config, &r->process, err);
    if (st == BOLE_OK && r->config.promtail)
        st = take_over(r, err);
    if (st == BOLE_OK && !r->config.to_stdout)
        st = open_spool(r, err);
    if (st == BOLE_OK && r->config.kube.url)
        st = kube_create(&r->config.kube, &r->kube, err);
    if (st == BOLE_OK)
        st = open_sink(r, err);
    if (st == BOLE_OK)
        st = open_agent(r, err);
    if (st == BOLE_OK && !r->config.to_stdout)
        open_door(r);
    return st == BOLE_OK ? agent_start(r->agent, err) : st;
}

/* On SIGHUP: the rules and the globs are read again; what is wrong leaves the old ones in force. */
static void reload(struct running *r)
{
    struct bole_err err;
    struct agent_globs globs;
    bool changed;
    if (r->process && process_reload(r->process, &changed, &err) < 0)
        LOG(ERROR, "rules not read again", " reason=%s", LOGQS(err.msg));
    bole_status st = agent_config_reload(&r->config, &globs, &err);
    if (st == BOLE_OK) {
        struct agent_wanted wanted = {globs.includes, globs.include_count, globs.excludes, globs.exclude_count,
                                      globs.inputs ? globs.inputs : r->config.inputs};
        st = agent_set_globs(r->agent, &wanted, &err);
        agent_globs_deinit(st == BOLE_OK ? &r->globs : &globs);
        if (st == BOLE_OK)
            r->globs = globs;
    }
    if (st < 0)
        LOG(ERROR, "configuration not read again", " reason=%s", LOGQS(err.msg));
    else
        LOG(INFO, "configuration read again", " includes=%zu excludes=%zu", r->globs.include_count, r->globs.exclude_count);
}

static void stop(struct running *r)
{
    agent_door_close(r->door);
    agent_destroy(r->agent);
    kube_destroy(r->kube);
    tail_sink_destroy(r->sink);
    spool_destroy(r->spool);
    process_destroy(r->process);
    bole_client_destroy(r->client);
    agent_globs_deinit(&r->globs);
    file_close(r->lock);
}

/* Standard input has ended and the server has all of it. */
static bool is_done(struct running *r)
{
    struct spool_stats stats = {0};
    if (!agent_pipes_are_over(r->agent))
        return false;
    if (r->spool)
        spool_get_stats(r->spool, &stats);
    return stats.groups == 0;
}

/* The number of the signal that ends it; 0: there is nothing left to do. */
static int serve(struct running *r, const sigset_t *signals)
{
    bool ends = agent_config_ends(&r->config);
    const struct timespec look = {.tv_sec = ends ? 0 : 3600, .tv_nsec = ends ? 100 * NS_PER_MS : 0};
    for (;;) {
        int number = sigtimedwait(signals, NULL, &look);
        if (number == SIGHUP)
            reload(r);
        else if (number > 0)
            return number;
        else if (ends && is_done(r))
            return 0;
    }
}

static bole_status run(struct running *r, struct bole_err *err)
{
    sigset_t signals;
    int number = 0;
    cmd_become_service(&signals);
    if (r->config.to_stdout)
        signal(SIGPIPE, SIG_DFL); /* who reads it has gone */
    bole_status st = start(r, err);
    if (st == BOLE_OK) {
        LOG(INFO, "sending", " to=%s state=%s", LOGQS(r->client ? bole_client_url(r->client) : "stdout"), LOGQS(r->state));
        number = serve(r, &signals);
        LOG(INFO, "stopping", " signal=%d", number);
    }
    cmd_stopped = number ? number : SIGTERM; /* ends requests in flight; another signal ends the process */
    pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
    uint64_t begin_ns = clock_mono_ns(&clock_system);
    stop(r);
    if (st == BOLE_OK)
        LOG(INFO, "stopped", " took_ms=%llu", (unsigned long long)((clock_mono_ns(&clock_system) - begin_ns) / NS_PER_MS));
    return st;
}

/* What of promtail's file was left out, and with --convert what became of the rest. */
static int show_promtail(const struct agent_config *c)
{
    struct promtail p = {0};
    struct bole_err err;
    bole_status st = agent_config_convert(c, &p, &err);
    if (st == BOLE_OK && p.notes.len)
        fprintf(stderr, "left out of %s, since it makes no difference to what is stored:\n%s", c->promtail, (const char *)p.notes.ptr);
    if (st == BOLE_OK && c->convert)
        st = print_flush(&p.yaml, &err);
    promtail_deinit(&p);
    return cmd_end(st, &err);
}

int cmd_agent(int argc, char **argv)
{
    static struct running r; /* large, and one in a process */
    struct bole_err err;
    if (argc > 1 && strcmp(argv[1], "status") == 0)
        return cmd_agent_status(argc - 1, argv + 1);
    agent_config_parse(&r.config, argc, argv);
    int code = r.config.promtail && (r.config.convert || r.config.check) ? show_promtail(&r.config) : EXIT_OK;
    if (code == EXIT_OK && !r.config.convert)
        code = r.config.check ? agent_check(&r.config) : run(&r, &err) < 0 ? cmd_fail(&err) : EXIT_OK;
    agent_config_deinit(&r.config);
    return code;
}
