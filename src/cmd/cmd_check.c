#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "cmd/cmd.h"
#include "cmd/data_dir.h"
#include "cmd/fs_progress.h"
#include "cmd/lock.h"
#include "cmd/server.h"
#include "queue/wal.h"
#include "store/life/repair.h"

struct check_options {
    const char *dir;
    bool repair;
};

enum { KEY_REPAIR = 256 };

static const struct argp_option options_table[] = {
    {"repair", KEY_REPAIR, 0, 0, "Write damaged segments anew with everything that can be read; keeps the damaged files", 0},
    {0},
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    struct check_options *o = state->input;
    switch (key) {
    case KEY_REPAIR: o->repair = true; return 0;
    case ARGP_KEY_ARG:
        if (o->dir)
            argp_error(state, "one directory, please");
        o->dir = arg;
        return 0;
    case ARGP_KEY_END:
        if (!o->dir)
            argp_error(state, "the data directory is needed");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    options_table, parse_option, "DIR",
    "Verifies every byte of a data directory: the write-ahead log, the segments, the catalogue. Changes nothing without "
    "--repair.\v"
    "The server must not be running. Every problem is a line on standard output; the status is 0 when there is none, "
    "else 1.\n\n"
    "Example:\n"
    "  bole check /var/lib/bole\n"
    "  bole check --repair /var/lib/bole     then says what was lost\n",
    NULL, NULL, NULL};

struct checking {
    const char *dir;
    struct progress progress;
    struct fs_progress fs;
    uint64_t problems;
};

/* ---- the directory ---- */

/* Of the files in dir/name; for the bar alone, so what cannot be read counts as nothing. */
static uint64_t size_of(const char *dir, const char *name)
{
    char path[4096];
    uint64_t total = 0;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));) {
        struct stat info;
        if (fstatat(dirfd(d), e->d_name, &info, 0) == 0 && S_ISREG(info.st_mode))
            total += (uint64_t)info.st_size;
    }
    if (d)
        closedir(d);
    return total;
}

static bole_status find_known(const char *name, void *ctx)
{
    static const char *const known[] = {"wal", "segments", "catalog.db"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        *(bool *)ctx |= !strcmp(name, known[i]);
    return BOLE_OK;
}

/* Not being Bole's is no damage: a wrong path must not look like one. */
static bole_status check_directory(const char *dir, struct file **ret_lock, struct bole_err *err)
{
    bool is_ours = false;
    char path[4096];
    bole_status st = fs_list_dir(&fs_posix, dir, find_known, &is_ours, err);
    if (st < 0)
        return st;
    if (!is_ours)
        return bole_fail(err, BOLE_E_INVALID, "%s is no data directory: there is no log, segment or catalogue in it. "
                         "`bole serve --data %s` makes one", dir, dir);
    snprintf(path, sizeof path, "%s/" DATA_LOCK_NAME, dir);
    st = lock_take(path, false, ret_lock, err);
    if (st == BOLE_E_NOTFOUND) /* older than the lock: log and catalogue have their own */
        return BOLE_OK;
    if (st == BOLE_E_CONFLICT)
        bole_err_context(err, "%s can only be checked while no server runs on it", dir);
    return st;
}

/* ---- log and store ---- */

static void on_wal_problem(const struct wal_problem *p, void *ctx)
{
    progress_end(ctx);
    printf("wal/%s: offset %llu: %s\n", p->file, (unsigned long long)p->offset, p->text);
}

static bole_status check_wal(struct checking *c, struct bole_err *err)
{
    char path[4096];
    struct wal_check_result r;
    snprintf(path, sizeof path, "%s/wal", c->dir);
    bole_status st = wal_check(&c->fs.base, path, on_wal_problem, &c->progress, &r, err);
    progress_end(&c->progress);
    if (st == BOLE_E_NOTFOUND) {
        puts("write-ahead log: there is none, as in a backup");
        return BOLE_OK;
    }
    if (st < 0)
        return st;
    printf("write-ahead log: %llu group%s in %llu file%s, %s, %llu problem%s\n", (unsigned long long)r.frames,
           plural_s(r.frames), (unsigned long long)r.files, plural_s(r.files), cmd_size_text(r.bytes).text,
           (unsigned long long)r.problems, plural_s(r.problems));
    c->problems += r.problems;
    return BOLE_OK;
}

static void on_store_problem(const struct store_problem *p, void *ctx)
{
    progress_end(ctx);
    data_dir_print_problem(p, NULL);
}

static bole_status check_store(struct checking *c, struct bole_err *err)
{
    struct store_check_stats r;
    bole_status st = store_check(bole_slice_str(c->dir), &c->fs.base, on_store_problem, &c->progress, &r, err);
    progress_end(&c->progress);
    if (st < 0)
        return st;
    printf("segments: %llu with %llu row%s in %llu chunk%s, %s, %llu problem%s\n", (unsigned long long)r.segments,
           (unsigned long long)r.rows, plural_s(r.rows), (unsigned long long)r.chunks, plural_s(r.chunks),
           cmd_size_text(r.bytes).text, (unsigned long long)r.problems, plural_s(r.problems));
    if (r.deletes || r.deleted_rows)
        printf("deletes: %llu done, %llu row%s removed\n", (unsigned long long)r.deletes, (unsigned long long)r.deleted_rows,
               plural_s(r.deleted_rows));
    c->problems += r.problems;
    return BOLE_OK;
}

static bole_status repair_store(struct checking *c, struct bole_err *err)
{
    struct store_repair_stats r;
    bole_status st = store_repair(bole_slice_str(c->dir), &c->fs.base, on_store_problem, &c->progress, &r, err);
    progress_end(&c->progress);
    if (st < 0)
        return st;
    printf("repaired: %llu segment%s; %llu row%s kept, %llu lost", (unsigned long long)r.damaged, plural_s(r.damaged),
           (unsigned long long)r.kept_rows, plural_s(r.kept_rows), (unsigned long long)r.lost_rows);
    if (r.damaged)
        printf("; the damaged files are in %s/" DAMAGED_DIR, c->dir);
    printf("\n");
    c->problems += r.lost_rows;
    return BOLE_OK;
}

int cmd_check(int argc, char **argv)
{
    struct check_options o = {0};
    struct checking c = {0};
    struct file *lock = NULL;
    struct bole_err err;
    cmd_parse(&argp, argc, argv, &o);
    c.dir = o.dir;
    bole_status st = check_directory(c.dir, &lock, &err);
    if (st == BOLE_OK) {
        progress_begin(&c.progress, c.dir, size_of(c.dir, "wal") + size_of(c.dir, "segments"));
        fs_progress_init(&c.fs, &fs_posix, &c.progress);
        st = check_wal(&c, &err);
    }
    if (st == BOLE_OK && o.repair)
        st = repair_store(&c, &err);
    if (st == BOLE_OK)
        st = check_store(&c, &err);
    file_close(lock);
    if (st < 0)
        return cmd_fail(&err);
    return c.problems ? EXIT_FAILED : EXIT_OK;
}
