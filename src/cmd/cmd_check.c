#include <stdio.h>
#include <unistd.h>

#include "base/err.h"
#include "cmd/cmd.h"
#include "os/fs.h"
#include "queue/wal.h"

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    const char **dir = state->input;
    switch (key) {
    case ARGP_KEY_ARG:
        if (*dir)
            argp_error(state, "one directory, please");
        *dir = arg;
        return 0;
    case ARGP_KEY_END:
        if (!*dir)
            argp_error(state, "the data directory is needed");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    NULL, parse_option, "DIR",
    "Verifies every byte of a data directory: the write-ahead log, the segments, the catalogue. Changes nothing.\v"
    "The server must not be running. Every problem is a line on standard output; the status is 0 when there is none.\n\n"
    "Example:\n"
    "  bole check /var/lib/bole\n",
    NULL, NULL, NULL};

static void on_wal_problem(const struct wal_problem *p, void *ctx)
{
    printf("wal/%s: offset %llu: %s\n", p->file, (unsigned long long)p->offset, p->text);
}

int cmd_check(int argc, char **argv)
{
    const char *dir = NULL;
    cmd_parse(&argp, argc, argv, &dir);
    char path[4096];
    struct bole_err err;
    struct wal_check_result wal;
    snprintf(path, sizeof path, "%s/wal", dir);
    if (wal_check(&fs_posix, path, on_wal_problem, NULL, &wal, &err) < 0)
        return cmd_fail(&err);
    printf("write-ahead log: %llu groups in %llu files, %.1f MB, %llu problems\n", (unsigned long long)wal.frames,
           (unsigned long long)wal.files, (double)wal.bytes / 1e6, (unsigned long long)wal.problems);
    return wal.problems ? EXIT_FAILED : EXIT_OK;
}
