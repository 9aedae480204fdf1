/* A whole server over a scratch directory on a free port of loopback, the files put into it, the browser shown to
 * it. */
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/timefmt.h"
#include "cmd/cmd.h"
#include "cmd/import.h"
#include "cmd/server.h"
#include "cmd/url.h"
#include "ingest/ingest.h"
#include "shim/json_doc.h"

enum { KEY_NO_BROWSER = 256 };

struct open_command {
    const char *listen;
    struct file_list files;
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
    case ARGP_KEY_INIT: state->child_inputs[0] = &o->files; return 0;
    case 'l': o->listen = arg; return 0;
    case KEY_NO_BROWSER: o->no_browser = true; return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&files_argp, 0, NULL, 0}, {0}};
static const struct argp argp = {
    options_table, parse_option, NULL,
    "Shows files or a stream in the whole UI; nothing is installed, nothing is kept. Ctrl-C ends it.\v"
    "Examples:\n"
    "  bole open /var/log/syslog\n"
    "  kubectl logs pod | bole open -\n",
    children, NULL, NULL};

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

/* ---- the range of what was read, so that the page shows it and not the last hour ---- */

/* Time of the oldest or the newest line; false when there is none. */
static bool edge_ns(struct bole_client *client, const char *direction, int64_t *ret_ns)
{
    struct buf url, body;
    buf_init(&url, NULL);
    buf_init(&body, NULL);
    buf_put_str(&url, "/api/v1/query");
    url_param(&url, "query", S("{job=\"open\"}"));
    url_param(&url, "start", S("-9223372036854775807"));
    url_param(&url, "end", S("9223372036854775807"));
    url_param(&url, "limit", S("1"));
    url_param(&url, "direction", bole_slice_str(direction));
    struct json_doc *doc = json_doc_create();
    struct json_value root, time;
    bole_slice rest;
    bool found = bole_client_get(client, url_text(&url), cmd_keep_bytes, &body, NULL) == BOLE_OK &&
                 json_doc_parse(doc, bole_slice_cut(buf_slice(&body), '\n', &rest), &root, NULL) == BOLE_OK &&
                 json_doc_member(root, "time", &time) && time_parse_rfc3339(json_doc_string(time), ret_ns);
    json_doc_destroy(doc);
    buf_deinit(&url);
    buf_deinit(&body);
    return found;
}

static void put_range(struct bole_client *client, struct buf *out)
{
    int64_t from, to;
    char from_text[TIME_TEXT_MAX], to_text[TIME_TEXT_MAX];
    if (!edge_ns(client, "forward", &from) || !edge_ns(client, "backward", &to))
        return;
    time_format_rfc3339(from, 3, from_text);
    time_format_rfc3339(to + NS_PER_MS, 3, to_text); /* the end is exclusive */
    buf_printf(out, "&from=%s&to=%s", from_text, to_text);
}

/* Prints the address; `ranged`: of what is there, else the page's own: the last while, which goes on with a stream. */
static void show(const struct open_command *o, struct bole_client *client, bool ranged, bool browser)
{
    struct buf page;
    buf_init(&page, NULL);
    buf_printf(&page, "%s/#/explore?q=%%7Bjob%%3D%%22open%%22%%7D", bole_client_url(client));
    if (ranged)
        put_range(client, &page);
    const char *url = url_text(&page);
    puts(url);
    fflush(stdout);
    if (browser && !o->no_browser)
        show_in_browser(url);
    buf_deinit(&page);
}

/* ---- the scratch directory ---- */

static bole_status scratch_create(char *dir, size_t size, struct bole_err *err)
{
    const char *parent = getenv("TMPDIR");
    snprintf(dir, size, "%s/bole-open-XXXXXX", parent && *parent ? parent : "/tmp");
    if (mkdtemp(dir))
        return BOLE_OK;
    return bole_fail_errno(err, errno, "making a scratch directory %s (TMPDIR names another place)", dir);
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    return remove(path);
}

static void scratch_remove(const char *dir)
{
    nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static bole_status serve_files(const struct open_command *o, const char *dir, struct bole_err *err)
{
    struct server_options options = {.listen = o->listen, .data_dir = dir, .scratch = true,
                                     .disk_reserve_bytes = INGEST_RESERVE_DEFAULT};
    struct import_options import = {.job = "open"};
    struct import_result result = {0};
    struct server *server = NULL;
    struct bole_client *client = NULL;
    bole_status st = server_create(&options, &server, err);
    if (st < 0)
        return st;
    struct connection_options connection = {.addr = server_url(server)};
    st = cmd_client(&connection, &client, err);
    bool shown = false;
    for (size_t i = 0; i < o->files.count && st == BOLE_OK; i++) {
        if (!strcmp(o->files.paths[i], "-") && !shown) { /* a stream may never end */
            show(o, client, false, true);
            shown = true;
        }
        st = import_file(client, o->files.paths[i], &import, &result, err);
    }
    if (st == BOLE_OK) {
        fprintf(stderr, "%llu line%s; Ctrl-C ends\n", (unsigned long long)result.lines, plural_s(result.lines));
        show(o, client, true, !shown);
    }
    while (st == BOLE_OK && !cmd_stopped)
        pause();
    bole_client_destroy(client);
    server_destroy(server);
    return st;
}

static bole_status run(const struct open_command *o, struct bole_err *err)
{
    char dir[4096];
    bole_status st = scratch_create(dir, sizeof dir, err);
    if (st < 0)
        return st;
    st = serve_files(o, dir, err);
    scratch_remove(dir);
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
