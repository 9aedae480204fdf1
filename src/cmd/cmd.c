#include "cmd/cmd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/timefmt.h"
#include "config/config.h"
#include "query/parser.h"

int cmd_fail(const struct bole_err *err)
{
    bool colours = isatty(STDERR_FILENO) && !getenv("NO_COLOR");
    fprintf(stderr, "%serror:%s %s\n", colours ? "\033[31m" : "", colours ? "\033[0m" : "", err->msg);
    return EXIT_FAILED;
}

int cmd_end(bole_status st, const struct bole_err *err)
{
    if (st == BOLE_E_CANCELLED)
        return 128 + (int)cmd_stopped;
    return st < 0 ? cmd_fail(err) : EXIT_OK;
}

/* Shows where a syntax error stands, under its line of the query. */
static void point_at(const char *query, const struct bole_err *err)
{
    unsigned line, column;
    if (sscanf(err->msg, "parse error at line %u, col %u", &line, &column) != 2 || line == 0)
        return;
    bole_slice text, rest = bole_slice_str(query);
    do
        text = bole_slice_cut(rest, '\n', &rest);
    while (--line && rest.len);
    fprintf(stderr, "  %.*s\n  %*s\n", BOLE_SLICE_ARG(text), (int)column, "^");
}

bool cmd_check_query(const char *query, bool words, bool *ret_is_log)
{
    struct ast *ast;
    struct bole_err err;
    if ((words ? ast_parse_words : ast_parse)(bole_slice_str(query), NULL, &ast, &err) < 0) {
        cmd_fail(&err);
        point_at(query, &err);
        return false;
    }
    *ret_is_log = ast->root->kind == EXPR_LOG;
    ast_destroy(ast);
    return true;
}

void cmd_parse(const struct argp *argp, int argc, char **argv, void *input)
{
    argp_err_exit_status = EXIT_USAGE;
    setenv("ARGP_HELP_FMT", "no-dup-args-note", 0);
    argp_parse(argp, argc, argv, 0, NULL, input);
}

bole_status cmd_keep_bytes(bole_slice bytes, void *ctx, struct bole_err *err)
{
    struct buf *out = ctx;
    buf_put(out, bytes);
    return out->failed ? bole_fail(err, BOLE_E_NOMEM, "no memory for the answer") : BOLE_OK;
}

const char *cmd_append(struct argp_state *state, const char **list, size_t *count, size_t max, const char *what,
                       const char *arg)
{
    if (*count == max)
        argp_error(state, "at most %zu of %s", max, what);
    return list[(*count)++] = arg;
}

/* SIGINT, SIGTERM and SIGHUP are for the main thread alone, which waits for them; all others inherit them blocked. */
static void block_signals(sigset_t *ret_set)
{
    sigemptyset(ret_set);
    sigaddset(ret_set, SIGINT);
    sigaddset(ret_set, SIGTERM);
    sigaddset(ret_set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, ret_set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* Connections, segments and followed files all take descriptors: what the machine allows is taken. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

void cmd_become_service(sigset_t *ret_signals)
{
    raise_descriptor_limit();
    block_signals(ret_signals);
}

/* ---- files ---- */

static error_t files_parse(int key, char *arg, struct argp_state *state)
{
    struct file_list *files = state->input;
    switch (key) {
    case ARGP_KEY_ARG: cmd_append(state, files->paths, &files->count, FILES_MAX, "FILE", arg); return 0;
    case ARGP_KEY_END:
        if (!files->count)
            argp_error(state, "a file is needed, or - for standard input");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

const struct argp files_argp = {.parser = files_parse, .args_doc = "FILE..."};

/* ---- connection ---- */

enum { KEY_CA_CERT = 256, KEY_CERT, KEY_KEY, KEY_SKIP_VERIFY, KEY_USERNAME, KEY_PASSWORD, KEY_ANYTHING };

static const struct argp_option connection_options_table[] = {
    {"addr", 'a', "URL", 0, "The server (BOLE_ADDR, LOKI_ADDR; default http://127.0.0.1:3100)", 10},
    {"token", 'T', "TOKEN", 0, "Sent as bearer token (BOLE_TOKEN, LOKI_BEARER_TOKEN)", 10},
    {"bearer-token", 0, 0, OPTION_ALIAS | OPTION_HIDDEN, 0, 10},
    {"tenant", 't', "NAME", 0, "Sent as X-Scope-OrgID; for queries several, with | between (BOLE_TENANT, LOKI_ORG_ID)", 10},
    {"org-id", 0, 0, OPTION_ALIAS, 0, 10},
    {"username", KEY_USERNAME, "NAME", 0, "Basic authentication, when there is no token (LOKI_USERNAME)", 10},
    {"password", KEY_PASSWORD, "TEXT", 0, "Its password (LOKI_PASSWORD: a command line can be seen by others)", 10},
    {"quiet", KEY_ANYTHING, 0, OPTION_HIDDEN, 0, 10}, /* logcli's; nothing is told here unasked */
    {"ca-cert", KEY_CA_CERT, "FILE", 0, "Check the server's certificate against this one, PEM (BOLE_CA_CERT)", 11},
    {"cert", KEY_CERT, "FILE", 0, "Our own certificate, for a server that asks, PEM (BOLE_CLIENT_CERT)", 11},
    {"key", KEY_KEY, "FILE", 0, "Its private key, PEM (BOLE_CLIENT_KEY)", 11},
    {"tls-skip-verify", KEY_SKIP_VERIFY, 0, 0,
     "Take any certificate: whoever sits between can read and change everything", 11},
    {0},
};

static error_t connection_parse(int key, char *arg, struct argp_state *state)
{
    struct connection_options *o = state->input;
    switch (key) {
    case 'a': o->addr = arg; return 0;
    case 'T': o->token = arg; return 0;
    case 't': o->tenant = arg; return 0;
    case KEY_USERNAME: o->username = arg; return 0;
    case KEY_PASSWORD: o->password = arg; return 0;
    case KEY_ANYTHING: return 0;
    case KEY_CA_CERT: o->ca_cert = arg; return 0;
    case KEY_CERT: o->cert = arg; return 0;
    case KEY_KEY: o->key = arg; return 0;
    case KEY_SKIP_VERIFY: o->tls_skip_verify = true; return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

const struct argp connection_argp = {.options = connection_options_table, .parser = connection_parse};

bole_status cmd_client(const struct connection_options *options, struct bole_client **ret_client, struct bole_err *err)
{
    return cmd_client_timeout(options, 0, ret_client, err);
}

bole_status cmd_client_timeout(const struct connection_options *options, unsigned timeout_s, struct bole_client **ret_client,
                               struct bole_err *err)
{
    struct bole_client_options o = {.url = options->addr,
                                    .token = options->token,
                                    .tenant = options->tenant,
                                    .username = options->username,
                                    .password = options->password,
                                    .ca_cert = options->ca_cert,
                                    .cert = options->cert,
                                    .key = options->key,
                                    .tls_skip_verify = options->tls_skip_verify,
                                    .timeout_s = timeout_s,
                                    .stop = &cmd_stopped};
    return bole_client_create(&o, ret_client, err);
}

/* ---- signals ---- */

volatile sig_atomic_t cmd_stopped;

static void on_signal(int number)
{
    if (cmd_stopped && number == SIGINT)
        _exit(128 + SIGINT);
    cmd_stopped = number;
}

void cmd_catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

/* ---- values ---- */

int64_t cmd_count(struct argp_state *state, const char *option, const char *text)
{
    char *end;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    if (!*text || *end || v < 0 || errno)
        argp_error(state, "--%s: '%s' is no count", option, text);
    return v;
}

size_t cmd_size(struct argp_state *state, const char *what, const char *text)
{
    uint64_t bytes = 0;
    if (!config_size_parse(text, &bytes))
        argp_error(state, "%s: '%s' is no size; write 64MB, 1GiB or a number of bytes", what, text);
    return bytes;
}

struct size_text cmd_size_text(uint64_t bytes)
{
    static const char units[] = "kMGT";
    struct size_text s;
    double v = (double)bytes / 1e3;
    int unit = 0;
    for (; v >= 999.95 && units[unit + 1]; unit++)
        v /= 1e3;
    if (bytes < 1000)
        snprintf(s.text, sizeof s.text, "%u byte%s", (unsigned)bytes, plural_s(bytes));
    else
        snprintf(s.text, sizeof s.text, "%.1f %cB", v, units[unit]);
    return s;
}

/* A date or a date with a time of day, both UTC. */
static bool parse_utc(const char *text, int64_t *ret_ns)
{
    static const char *const ends[] = {"Z", "T00:00:00Z"};
    char whole[64];
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        int n = snprintf(whole, sizeof whole, "%s%s", text, ends[i]);
        if (n < (int)sizeof whole && time_parse_rfc3339(bole_slice_str(whole), ret_ns))
            return true;
    }
    return false;
}

int64_t cmd_time_ns(struct argp_state *state, const char *option, const char *text)
{
    int64_t now = clock_now_ns(&clock_system), v;
    bole_slice s = bole_slice_str(text);
    if (!strcmp(text, "now"))
        return now;
    if (time_parse_rfc3339(s, &v) || parse_utc(text, &v))
        return v;
    if (duration_parse(s, false, true, &v))
        return now - v;
    char *end;
    double number = strtod(text, &end);
    if (number > 1e12 && number < 9.2e18 && text[strspn(text, "0123456789")] == 0)
        return strtoll(text, NULL, 10);
    if (*text && !*end && number > -UNIX_S_MAX && number < UNIX_S_MAX)
        return (int64_t)(number * 1e9);
    argp_error(state, "--%s: '%s' is no time; write 2026-11-21T10:00:00Z, 2026-11-21 (UTC), 1h (an hour ago), now, or "
               "unix seconds", option, text);
    return 0;
}

int64_t cmd_duration_ns(struct argp_state *state, const char *option, const char *text)
{
    int64_t ns = 0;
    if (!duration_parse(bole_slice_str(text), false, true, &ns) || ns <= 0)
        argp_error(state, "--%s: '%s' is no duration; write 90s, 15m, 24h, 7d", option, text);
    return ns;
}

bool cmd_colours(void)
{
    const char *term = getenv("TERM");
    return isatty(STDOUT_FILENO) && !getenv("NO_COLOR") && !(term && !strcmp(term, "dumb"));
}
