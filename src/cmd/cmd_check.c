#include <stdio.h>

#include "base/err.h"
#include "cmd/cmd.h"
#include "os/fs.h"
#include "queue/wal.h"
#include "store/check.h"

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

static bole_status check_wal(const char *dir, uint64_t *problems, struct bole_err *err)
{
    char path[4096];
    struct wal_check_result r;
    snprintf(path, sizeof path, "%s/wal", dir);
    bole_status st = wal_check(&fs_posix, path, on_wal_problem, NULL, &r, err);
    if (st < 0)
        return st;
    printf("write-ahead log: %llu groups in %llu files, %.1f MB, %llu problems\n", (unsigned long long)r.frames,
           (unsigned long long)r.files, (double)r.bytes / 1e6, (unsigned long long)r.problems);
    *problems += r.problems;
    return BOLE_OK;
}

static void on_store_problem(const struct store_problem *p, void *ctx)
{
    printf("%.*s: offset %llu: %s\n", BOLE_SLICE_ARG(p->file), (unsigned long long)p->offset, p->what);
}

static bole_status check_store(const char *dir, uint64_t *problems, struct bole_err *err)
{
    struct store_check_stats r;
    bole_status st = store_check(bole_slice_str(dir), &fs_posix, on_store_problem, NULL, &r, err);
    if (st < 0)
        return st;
    printf("segments: %llu with %llu rows in %llu chunks, %.1f MB, %llu problems\n", (unsigned long long)r.segments,
           (unsigned long long)r.rows, (unsigned long long)r.chunks, (double)r.bytes / 1e6, (unsigned long long)r.problems);
    *problems += r.problems;
    return BOLE_OK;
}

int cmd_check(int argc, char **argv)
{
    const char *dir = NULL;
    uint64_t problems = 0;
    struct bole_err err;
    cmd_parse(&argp, argc, argv, &dir);
    if (check_wal(dir, &problems, &err) < 0 || check_store(dir, &problems, &err) < 0)
        return cmd_fail(&err);
    return problems ? EXIT_FAILED : EXIT_OK;
}
