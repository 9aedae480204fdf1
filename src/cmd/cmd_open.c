/* A whole server in memory on a free port of loopback, the files put into it, the browser shown to it. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "cmd/cmd.h"
#include "cmd/import.h"
#include "cmd/server.h"

enum { FILES_MAX = 4096, KEY_NO_BROWSER = 256 };

struct open_command {
    const char *listen;
    const char *files[FILES_MAX];
    size_t file_count;
    bool no_browser;
};

static const struct argp_option options_table[] = {
    {"listen", 'l', "HOST:PORT", 0, "Where (default a free port of 127.0.0.1)", 0},
    {"no-browser", KEY_NO_BROWSER, 0, 0, "Only print the address", 0},
    {0},
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    struct open_command *o = state->input;
    switch (key) {
    case 'l': o->listen = arg; return 0;
    case KEY_NO_BROWSER: o->no_browser = true; return 0;
    case ARGP_KEY_ARG:
        if (o->file_count == FILES_MAX)
            argp_error(state, "at most %d files at once", FILES_MAX);
        o->files[o->file_count++] = arg;
        return 0;
    case ARGP_KEY_END:
        if (!o->file_count)
            argp_error(state, "a file is needed, or - for standard input");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    options_table, parse_option, "FILE...",
    "Shows files or a stream in the whole UI, in memory; nothing is installed or kept. Ctrl-C ends it.\v"
    "Examples:\n"
    "  bole open /var/log/syslog\n"
    "  kubectl logs pod | bole open -\n",
    NULL, NULL, NULL};

/* A desktop opens the page by itself; anywhere else the printed address is enough. */
static void show_in_browser(const char *url)
{
    if (!getenv("DISPLAY") && !getenv("WAYLAND_DISPLAY"))
        return;
    pid_t child = fork();
    if (child == 0) {
        if (!freopen("/dev/null", "w", stderr))
            _exit(1);
        execlp("xdg-open", "xdg-open", url, (char *)NULL);
        _exit(1);
    }
}

static bole_status run(const struct open_command *o, struct bole_err *err)
{
    struct server_options options = {.listen = o->listen};
    struct import_options import = {.job = "open"};
    struct import_result result = {0};
    struct server *server = NULL;
    struct bole_client *client = NULL;
    bole_status st = server_create(&options, &server, err);
    if (st < 0)
        return st;
    struct connection_options connection = {.addr = server_url(server)};
    char url[512];
    snprintf(url, sizeof url, "%s/", server_url(server));
    st = cmd_client(&connection, &client, err);
    if (st == BOLE_OK) {
        printf("%s\n", url);
        fflush(stdout);
        if (!o->no_browser)
            show_in_browser(url);
    }
    for (size_t i = 0; i < o->file_count && st == BOLE_OK; i++)
        st = import_file(client, o->files[i], &import, &result, err);
    if (st == BOLE_OK)
        fprintf(stderr, "%llu lines read; Ctrl-C ends\n", (unsigned long long)result.lines);
    while (st == BOLE_OK && !cmd_stopped)
        pause();
    bole_client_destroy(client);
    server_destroy(server);
    return st;
}

int cmd_open(int argc, char **argv)
{
    static struct open_command o = {.listen = "127.0.0.1:0"}; /* static: a large table, and commands run once */
    cmd_parse(&argp, argc, argv, &o);
    log_set_level(LOG_LEVEL_WARN);
    cmd_catch_signals();
    signal(SIGCHLD, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    struct bole_err err;
    bole_status st = run(&o, &err);
    return st < 0 && st != BOLE_E_CANCELLED ? cmd_fail(&err) : EXIT_OK;
}
