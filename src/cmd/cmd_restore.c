#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "cmd/cmd.h"
#include "cmd/fs_progress.h"
#include "cmd/lock.h"
#include "cmd/server.h"
#include "cmd/untar.h"
#include "queue/wal.h"
#include "store/life/rebuild.h"
#include "store/life/repair.h"

struct restore_options {
    const char *from, *to;
    bool from_segments;
};

static const struct argp_option option_table[] = {
    {"from-segments", 's', NULL, 0, "make a new catalogue for DATA, whose own was lost, from its segments", 0},
    {0}};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    struct restore_options *o = state->input;
    switch (key) {
    case 's': o->from_segments = true; return 0;
    case ARGP_KEY_ARG:
        if (o->to)
            argp_error(state, "a backup and one directory, please");
        *(o->from ? &o->to : &o->from) = arg;
        return 0;
    case ARGP_KEY_END:
        if (o->from_segments && o->from && !o->to)
            return 0;
        if (o->from_segments || !o->to)
            argp_error(state, o->from_segments ? "--from-segments wants one data directory"
                                              : "a backup, and a directory that is not there yet, are needed");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    option_table, parse_option, "BACKUP DATA\n--from-segments DATA",
    "Makes a data directory from a backup, and reads it back against its checksums. BACKUP is a directory of `bole backup`, "
    "or an archive of /api/v1/backup, \"-\" for standard input.\v"
    "Examples:\n"
    "  bole restore /mnt/backup/bole /var/lib/bole\n"
    "  zstdcat bole.tar.zst | bole restore - /var/lib/bole\n"
    "  bole restore --from-segments /var/lib/bole\n",
    NULL, NULL, NULL};

enum { READ_SIZE = 256 * 1024 };

/* ---- from an archive ---- */

static bole_status restore_archive(FILE *in, struct data_dir *to, struct bole_err *err)
{
    static uint8_t bytes[READ_SIZE];
    struct untar u = {.dir = to};
    bole_status st = BOLE_OK;
    size_t len;
    progress_begin(&u.progress, "restore", 0);
    while (st >= 0 && !u.is_over && !cmd_stopped && (len = fread(bytes, 1, sizeof bytes, in)) > 0)
        st = untar_bytes(bole_slice_from(bytes, len), &u, err);
    progress_end(&u.progress);
    if (st >= 0 && cmd_stopped)
        st = bole_fail(err, BOLE_E_CANCELLED, "stopped");
    if (st >= 0 && !u.is_over)
        st = bole_fail(err, BOLE_E_CORRUPT, "the archive ends too early: it is not complete");
    return st;
}

/* ---- from a directory ---- */

struct copying {
    struct objects  *from;
    struct data_dir *to;
    struct progress  progress;
    uint64_t         done_bytes;
    uint8_t          bytes[READ_SIZE];
    struct bole_err  err;
};

/* A row of the backup's catalogue. A status of its own is in c->err. */
static bole_status copy_segment(const struct catalog_segment *s, void *ctx)
{
    struct copying *c = ctx;
    char name[OBJECTS_KEY_MAX + 16];
    snprintf(name, sizeof name, "segments/%.*s", BOLE_SLICE_ARG(s->key));
    bole_status st = data_dir_begin(c->to, bole_slice_str(name), &c->err);
    for (uint64_t at = 0; st >= 0 && at < s->size_bytes;) {
        size_t len = s->size_bytes - at < READ_SIZE ? (size_t)(s->size_bytes - at) : READ_SIZE;
        st = objects_read(c->from, s->key, at, len, c->bytes, &c->err);
        if (st >= 0)
            st = data_dir_write(c->to, bole_slice_from(c->bytes, len), &c->err);
        if (st >= 0 && cmd_stopped)
            st = bole_fail(&c->err, BOLE_E_CANCELLED, "stopped");
        at += len;
        progress_update(&c->progress, c->done_bytes += len);
    }
    return st < 0 ? st : data_dir_end(c->to, &c->err);
}

static bole_status add_size(const struct catalog_segment *s, void *ctx)
{
    *(uint64_t *)ctx += s->size_bytes;
    return BOLE_OK;
}

static bole_status copy_catalog(struct catalog *catalog, struct data_dir *to, struct bole_err *err)
{
    struct buf image;
    buf_init(&image, NULL);
    bole_status st = catalog_image(catalog, &image, err);
    if (st >= 0)
        st = data_dir_begin(to, S("catalog.db"), err);
    if (st >= 0)
        st = data_dir_write(to, buf_slice(&image), err);
    if (st >= 0)
        st = data_dir_end(to, err);
    buf_deinit(&image);
    return st;
}

static bole_status copy_all(const char *from, struct catalog *catalog, struct data_dir *to, struct bole_err *err)
{
    static struct copying c; /* static: it holds a buffer, and commands run once */
    char uri[4096];
    uint64_t total = 0;
    snprintf(uri, sizeof uri, "file:%s/segments", from);
    c.to = to;
    bole_status st = objects_open(&(struct objects_options){.uri = bole_slice_str(uri), .fs = &fs_posix}, &c.from, err);
    if (st >= 0)
        st = catalog_segments(catalog, add_size, &total, err);
    if (st >= 0) {
        *err = (struct bole_err){0};
        progress_begin(&c.progress, "restore", total);
        st = catalog_segments(catalog, copy_segment, &c, err);
        progress_end(&c.progress);
        if (st < 0 && c.err.msg[0])
            *err = c.err;
    }
    objects_destroy(c.from);
    return st < 0 ? st : copy_catalog(catalog, to, err);
}

static bole_status restore_directory(const char *from, struct data_dir *to, struct bole_err *err)
{
    char path[4096], uri[4200];
    struct file *lock = NULL, *f;
    struct catalog *catalog = NULL;
    snprintf(path, sizeof path, "%s/wal", from);
    if (fs_open(&fs_posix, path, FS_DIRECTORY, &f, NULL) == BOLE_OK) {
        file_close(f);
        return bole_fail(err, BOLE_E_INVALID, "%s is the data directory of a server: its log may hold records that are in no "
                         "segment yet. Copy it whole (cp -a) while the server is stopped, or use bole backup", from);
    }
    snprintf(path, sizeof path, "%s/catalog.db", from);
    bole_status st = fs_open(&fs_posix, path, FS_READ, &f, err); /* opening through SQLite would make a new one */
    if (st == BOLE_E_NOTFOUND)
        return bole_fail(err, st, "%s is no backup: there is no catalog.db. After a lost catalogue: bole restore --help", from);
    if (st < 0)
        return st;
    file_close(f);
    snprintf(uri, sizeof uri, "sqlite:%s", path);
    snprintf(path, sizeof path, "%s/" DATA_LOCK_NAME, from);
    st = lock_take(path, false, &lock, err);
    if (st == BOLE_E_CONFLICT)
        bole_err_context(err, "%s cannot be copied while a server or a backup runs on it", from);
    if (st >= 0 || st == BOLE_E_NOTFOUND)
        st = catalog_open(&(struct catalog_options){.uri = bole_slice_str(uri), .fs = &fs_posix}, &catalog, err);
    if (st >= 0)
        st = copy_all(from, catalog, to, err);
    catalog_destroy(catalog);
    file_close(lock);
    return st;
}

/* ---- from segments ---- */

static bole_status rebuild(const char *dir, struct store_rebuild_stats *ret_stats, struct bole_err *err)
{
    char path[4096];
    struct file *lock = NULL;
    uint64_t released_lsn = 0;
    snprintf(path, sizeof path, "%s/" DATA_LOCK_NAME, dir);
    bole_status st = lock_take(path, false, &lock, err);
    if (st == BOLE_E_CONFLICT)
        bole_err_context(err, "%s cannot be restored while a server runs on it", dir);
    if (st < 0 && st != BOLE_E_NOTFOUND)
        return st;
    snprintf(path, sizeof path, "%s/wal", dir);
    st = wal_released_lsn(&fs_posix, path, &released_lsn, err);
    if (st >= 0)
        st = store_rebuild(bole_slice_str(dir), &fs_posix, released_lsn, data_dir_print_problem, NULL, ret_stats, err);
    file_close(lock);
    if (st >= 0 && released_lsn > ret_stats->max_lsn)
        printf("the newest records are missing: those of groups %llu to %llu of the log are in no segment\n",
               (unsigned long long)ret_stats->max_lsn + 1, (unsigned long long)released_lsn);
    return st;
}

static int restore_from_segments(const char *dir)
{
    struct store_rebuild_stats r;
    struct bole_err err;
    bole_status st = rebuild(dir, &r, &err);
    if (st < 0)
        return cmd_end(st, &err);
    printf("%s: %llu row%s in %llu segment%s; %llu that merges had replaced; %llu damaged%s\n", dir, (unsigned long long)r.rows,
           plural_s(r.rows), (unsigned long long)r.segments, plural_s(r.segments), (unsigned long long)r.superseded,
           (unsigned long long)r.damaged, r.damaged ? ", now in " DAMAGED_DIR "/" : "");
    return r.damaged ? EXIT_FAILED : EXIT_OK;
}

/* ---- the command ---- */

static bole_status fill(const char *from, struct data_dir *to, struct bole_err *err)
{
    struct file *dir;
    bole_status st;
    if (!strcmp(from, "-"))
        return restore_archive(stdin, to, err);
    if (fs_open(&fs_posix, from, FS_DIRECTORY, &dir, NULL) == BOLE_OK) {
        file_close(dir);
        return restore_directory(from, to, err);
    }
    FILE *in = fopen(from, "re");
    if (!in)
        return bole_fail_errno(err, errno, "opening %s", from);
    st = restore_archive(in, to, err);
    fclose(in);
    return st;
}

int cmd_restore(int argc, char **argv)
{
    struct restore_options o = {0};
    struct data_dir *to = NULL;
    struct data_dir_result r = {0};
    struct bole_err err;
    cmd_parse(&argp, argc, argv, &o);
    if (o.from_segments)
        return restore_from_segments(o.from);
    cmd_catch_signals();
    bole_status st = data_dir_open(o.to, true, &to, &err);
    if (st >= 0)
        st = fill(o.from, to, &err);
    if (st >= 0)
        st = data_dir_finish(to, &err);
    if (st >= 0)
        st = data_dir_verify(to, &r, &err);
    data_dir_close(to);
    if (st < 0)
        return cmd_end(st, &err);
    data_dir_print(o.to, &r);
    printf("start it with: bole serve --data %s\n", o.to);
    return r.problems ? EXIT_FAILED : EXIT_OK;
}
