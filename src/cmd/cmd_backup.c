#include <stdio.h>

#include "base/err.h"
#include "cmd/cmd.h"
#include "cmd/untar.h"

struct backup_options {
    struct connection_options connection;
    const char *dir;
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    struct backup_options *o = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &o->connection; return 0;
    case ARGP_KEY_ARG:
        if (o->dir)
            argp_error(state, "one directory, please");
        o->dir = arg;
        return 0;
    case ARGP_KEY_END:
        if (!o->dir)
            argp_error(state, "the directory for the backup is needed");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {CONNECTION_CHILD, {0}};
static const struct argp argp = {
    NULL, parse_option, "DIR",
    "Saves all that a running server has acknowledged into a directory. A second backup into the same directory fetches only "
    "what is new, and removes what the server no longer has. What came is read back against its checksums.\v"
    "DIR is a data directory: `bole check DIR` verifies it, `bole restore DIR DATA` makes a copy to start a server on. Until "
    "a backup is complete, DIR holds the one before.\n\n"
    "Examples:\n"
    "  bole backup /mnt/backup/bole\n"
    "  bole backup --addr https://logs.example.com:3100 /mnt/backup/bole\n"
    "  curl -sf http://127.0.0.1:3100/api/v1/backup | zstd > bole.tar.zst\n",
    children, NULL, NULL};

static bole_status fetch(struct bole_client *c, struct data_dir *dir, struct bole_err *err)
{
    struct buf have;
    struct untar u = {.dir = dir};
    buf_init(&have, NULL);
    bole_status st = data_dir_list(dir, &have, err);
    progress_begin(&u.progress, "backup", 0);
    if (st >= 0)
        st = bole_client_post(c, "/api/v1/backup", "text/plain", buf_slice(&have), untar_bytes, &u, err);
    progress_end(&u.progress);
    if (st >= 0 && !u.is_over)
        st = bole_fail(err, BOLE_E_IO, "the server broke off; its log says why. The backup before is untouched: try again");
    buf_deinit(&have);
    return st < 0 ? st : data_dir_finish(dir, err);
}

int cmd_backup(int argc, char **argv)
{
    struct backup_options o = {0};
    struct bole_client *client = NULL;
    struct data_dir *dir = NULL;
    struct data_dir_result r = {0};
    struct bole_err err;
    cmd_parse(&argp, argc, argv, &o);
    cmd_catch_signals();
    bole_status st = cmd_client(&o.connection, &client, &err);
    if (st >= 0)
        st = data_dir_open(o.dir, false, &dir, &err);
    if (st >= 0)
        st = fetch(client, dir, &err);
    if (st >= 0)
        st = data_dir_verify(dir, &r, &err);
    data_dir_close(dir);
    bole_client_destroy(client);
    if (st < 0)
        return cmd_end(st, &err);
    data_dir_print(o.dir, &r);
    return r.problems ? EXIT_FAILED : EXIT_OK;
}
