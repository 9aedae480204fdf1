#include "agent/spool_world.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/test.h"

/* ---- the disk ---- */

struct dying_file {
    struct file      base;
    struct file     *under;
    struct dying_fs *fs;
};

static bole_status dead(struct bole_err *err)
{
    return bole_fail_errno(err, EIO, "the disk is gone");
}

/* True: this call happens no more. */
static bool dies(struct dying_fs *fs)
{
    if (!fs->dead && fs->die_at && ++fs->calls == fs->die_at)
        fs->dead = true;
    return fs->dead;
}

static struct dying_file *file_of(struct file *f) { return (struct dying_file *)f; }
static struct dying_fs *fs_of(struct fs *f) { return (struct dying_fs *)f; }

static bole_status dying_read(struct file *self, uint64_t offset, void *bytes, size_t len, size_t *ret_len, struct bole_err *err)
{
    return file_of(self)->fs->dead ? dead(err) : file_read(file_of(self)->under, offset, bytes, len, ret_len, err);
}

static bole_status dying_write(struct file *self, uint64_t offset, const struct iovec *iov, int count, struct bole_err *err)
{
    return dies(file_of(self)->fs) ? dead(err) : file_write(file_of(self)->under, offset, iov, count, err);
}

static bole_status dying_sync(struct file *self, struct bole_err *err)
{
    if (dies(file_of(self)->fs))
        return dead(err);
    return file_of(self)->fs->lying ? BOLE_OK : file_sync(file_of(self)->under, err);
}

static bole_status dying_size(struct file *self, uint64_t *ret_bytes, struct bole_err *err)
{
    return file_of(self)->fs->dead ? dead(err) : file_size(file_of(self)->under, ret_bytes, err);
}

static bole_status dying_truncate(struct file *self, uint64_t size, struct bole_err *err)
{
    return dies(file_of(self)->fs) ? dead(err) : file_truncate(file_of(self)->under, size, err);
}

static bole_status dying_lock(struct file *self, struct bole_err *err)
{
    return file_of(self)->fs->dead ? dead(err) : file_lock(file_of(self)->under, err);
}

static void dying_close(struct file *self)
{
    file_close(file_of(self)->under);
    free(self);
}

static const struct file_ops dying_file_ops = {dying_read, dying_write, dying_sync, dying_size, dying_truncate, dying_lock, dying_close};

static bole_status dying_open(struct fs *self, const char *path, unsigned flags, struct file **ret_file, struct bole_err *err)
{
    struct dying_fs *fs = fs_of(self);
    bool changes = flags & (FS_CREATE | FS_TRUNCATE);
    if (changes ? dies(fs) : fs->dead)
        return dead(err);
    struct dying_file *f = calloc(1, sizeof *f);
    *f = (struct dying_file){.base = {&dying_file_ops}, .fs = fs};
    bole_status st = fs_open(fs->under, path, flags, &f->under, err);
    if (st < 0)
        free(f);
    else
        *ret_file = &f->base;
    return st;
}

static bole_status dying_rename(struct fs *self, const char *from, const char *to, struct bole_err *err)
{
    return dies(fs_of(self)) ? dead(err) : fs_rename(fs_of(self)->under, from, to, err);
}

static bole_status dying_unlink(struct fs *self, const char *path, struct bole_err *err)
{
    return dies(fs_of(self)) ? dead(err) : fs_unlink(fs_of(self)->under, path, err);
}

static bole_status dying_make_dir(struct fs *self, const char *path, struct bole_err *err)
{
    return dies(fs_of(self)) ? dead(err) : fs_make_dir(fs_of(self)->under, path, err);
}

static bole_status dying_list_dir(struct fs *self, const char *path, bole_status (*fn)(const char *name, void *ctx), void *ctx,
                                  struct bole_err *err)
{
    return fs_of(self)->dead ? dead(err) : fs_list_dir(fs_of(self)->under, path, fn, ctx, err);
}

static bole_status dying_free_space(struct fs *self, const char *path, uint64_t *ret_bytes, struct bole_err *err)
{
    return fs_of(self)->dead ? dead(err) : fs_free_space(fs_of(self)->under, path, ret_bytes, err);
}

static const struct fs_ops dying_ops = {dying_open, dying_rename, dying_unlink, dying_make_dir, dying_list_dir, dying_free_space};

/* ---- the server ---- */

struct model_poster {
    struct poster base;
    struct world *world;
};

static void store_line(struct model_server *m, bole_slice line)
{
    for (size_t i = 0; i < m->line_count; i++)
        if (bole_slice_eq(m->lines[i].line, line)) {
            m->lines[i].count++;
            return;
        }
    assert_true(m->line_count < sizeof m->lines / sizeof *m->lines);
    m->lines[m->line_count++] = (struct model_line){arena_copy(&m->arena, line), 1};
}

static struct model_lane *find_lane(struct model_server *m, const uint8_t *producer)
{
    for (size_t i = 0; i < m->lane_count; i++)
        if (memcmp(m->lanes[i].producer, producer, BATCH_PRODUCER_SIZE) == 0)
            return &m->lanes[i];
    assert_true(m->lane_count < sizeof m->lanes / sizeof *m->lanes);
    struct model_lane *l = &m->lanes[m->lane_count++];
    *l = (struct model_lane){0};
    memcpy(l->producer, producer, BATCH_PRODUCER_SIZE);
    return l;
}

/* What ingest/commit.c does with a lane. */
static bole_status take(struct model_server *m, bole_slice encoded, struct poster_answer *ret_answer, struct bole_err *err)
{
    struct batch *b;
    size_t size;
    CHECK_OK(batch_decode(encoded, NULL, &b, &size, err), *err);
    struct model_lane *l = find_lane(m, b->producer);
    bole_status st = BOLE_OK;
    ret_answer->duplicate = b->producer_sequence <= l->mark;
    if (b->producer_sequence > l->mark + 1) {
        ret_answer->wanted = l->mark + 1;
        m->gaps++;
        st = bole_fail(err, BOLE_E_CONFLICT, "gap");
    } else if (!ret_answer->duplicate) {
        for (uint32_t row = 0; row < b->row_count; row++)
            store_line(m, batch_line(b, row));
        l->mark++;
    }
    m->duplicates += ret_answer->duplicate;
    batch_unref(b);
    return st;
}

static bole_status answer_post(struct world *w, bole_slice batch, struct poster_answer *ret_answer, struct bole_err *err)
{
    struct model_server *m = &w->server;
    m->posts++;
    if (m->answer == MODEL_AWAY || w->fs.dead)
        return bole_fail(err, BOLE_E_IO, "nobody listens there");
    if (m->eager) {
        struct poster_answer ignored;
        if (m->held.len)
            take(m, buf_slice(&m->held), &ignored, err);
        buf_reset(&m->held);
        buf_put(&m->held, batch);
        return BOLE_OK;
    }
    bole_status st = take(m, batch, ret_answer, err);
    return st == BOLE_OK && m->answer == MODEL_LOSES_ANSWERS ? bole_fail(err, BOLE_E_IO, "the connection broke") : st;
}

static bole_status model_post(struct poster *self, bole_slice batch, uint64_t sequence, struct poster_answer *ret_answer,
                              struct bole_err *err)
{
    struct world *w = ((struct model_poster *)self)->world;
    struct model_server *m = &w->server;
    pthread_mutex_lock(&m->lock);
    bole_status st = answer_post(w, batch, ret_answer, err);
    pthread_mutex_unlock(&m->lock);
    return st;
}

static void model_destroy(struct poster *self)
{
    free(self);
}

static const struct poster_ops model_ops = {.post = model_post, .destroy = model_destroy};

static bole_status make_model_poster(void *ctx, struct poster **ret_poster, struct bole_err *err)
{
    struct model_poster *p = calloc(1, sizeof *p);
    *p = (struct model_poster){{&model_ops}, ctx};
    *ret_poster = &p->base;
    return BOLE_OK;
}

/* ---- the world ---- */

void world_init(struct world *w, uint64_t seed)
{
    *w = (struct world){.lane_count = 1, .disk = fs_mem_create()};
    w->fs = (struct dying_fs){.base = {&dying_ops}, .under = w->disk};
    snprintf(w->dir, sizeof w->dir, "/tmp/bole-spool-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    snprintf(w->glob, sizeof w->glob, "%s/*.log", w->dir);
    w->globs[0] = w->glob;
    clock_manual_init(&w->clock, 1700000000 * NS_PER_S);
    random_seed(&w->random, seed);
    pthread_mutex_init(&w->server.lock, NULL);
    arena_init(&w->server.arena, NULL);
    buf_init(&w->server.held, NULL);
    struct bole_err err = {0};
    CHECK_OK(fs_make_dir(w->disk, "/state", &err), err);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    return remove(path);
}

void world_deinit(struct world *w)
{
    world_stop(w);
    fs_mem_destroy(w->disk);
    arena_deinit(&w->server.arena);
    buf_deinit(&w->server.held);
    nftw(w->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void ignore_fatal(const struct bole_err *err)
{
}

static bole_status try_start(struct world *w, struct bole_err *err)
{
    const struct clock *clock = w->threads ? &clock_system : &w->clock.base;
    struct spool_options spool = {.dir = "/state/spool", .fs = &w->fs.base, .clock = clock, .random = w->threads ? &random_system : &w->random,
                                  .lane_count = w->lane_count, .make_poster = make_model_poster, .make_poster_ctx = w,
                                  .spool_bytes = w->spool_bytes, .away_ns = w->away_ns, .drop_oldest = w->drop_oldest, .on_fatal = ignore_fatal,
                                  .no_threads = !w->threads, .file_size_max = 64 * 1024};
    bole_status st = spool_open(&spool, &w->spool, err);
    struct sink_spool_options sink = {.tenant = S("default"), .lane_count = w->lane_count, .clock = clock, .no_wait = !w->threads};
    if (st == BOLE_OK)
        st = tail_sink_spool(w->spool, &sink, &w->sink, err);
    struct agent_options options = {.includes = w->globs, .include_count = 1, .checkpoint_path = "/state/checkpoint", .host = "testhost",
                                    .fs = &w->fs.base, .clock = clock, .sink = w->sink, .retry_max_ns = NS_PER_S};
    return st == BOLE_OK ? agent_create(&options, &w->agent, err) : st;
}

void world_stop(struct world *w)
{
    agent_destroy(w->agent);
    tail_sink_destroy(w->sink);
    spool_destroy(w->spool);
    w->agent = NULL;
    w->sink = NULL;
    w->spool = NULL;
}

void world_kill(struct world *w)
{
    w->fs.dead = true;
    world_stop(w);
    if (w->power)
        fs_mem_power_cut(w->disk, random_next(&w->random) | 1);
    buf_reset(&w->server.held);
    w->fs.dead = false;
    w->fs.die_at = 0; /* one death each */
    w->deaths++;
}

void world_start(struct world *w)
{
    struct bole_err err = {0};
    bole_status st = try_start(w, &err);
    while (st != BOLE_OK && w->fs.dead) {
        world_kill(w);
        st = try_start(w, &err);
    }
    CHECK_OK(st, err);
}

const char *world_path(struct world *w, const char *name)
{
    static char paths[4][256];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", w->dir, name);
    return path;
}

void world_write(struct world *w, const char *name, unsigned lines)
{
    FILE *out = fopen(world_path(w, name), "a");
    assert_non_null(out);
    for (unsigned i = 0; i < lines; i++)
        fprintf(out, "number=%zu of a file\n", w->written++);
    fclose(out);
}

void world_pump(struct world *w)
{
    for (int quiet = 0; quiet < 6;) {
        clock_manual_advance(&w->clock, AGENT_LINGER_NS);
        bool any = agent_step(w->agent, 0);
        any |= !w->fs.dead && spool_step(w->spool);
        quiet = any ? 0 : quiet + 1;
        if (w->fs.dead) {
            world_kill(w);
            world_start(w);
            quiet = 0;
        }
    }
}

void world_pass(struct world *w, uint64_t ns)
{
    clock_manual_advance(&w->clock, ns);
    world_pump(w);
}

struct spool_stats world_stats(struct world *w)
{
    struct spool_stats stats;
    spool_get_stats(w->spool, &stats);
    return stats;
}

const char *world_verdict(struct world *w)
{
    static char text[256];
    size_t lost = 0, doubled = 0;
    for (size_t i = 0; i < w->written; i++) {
        char line[64];
        unsigned count = 0;
        snprintf(line, sizeof line, "number=%zu of a file", i);
        for (size_t k = 0; k < w->server.line_count && !count; k++)
            if (bole_slice_eq(w->server.lines[k].line, bole_slice_str(line)))
                count = w->server.lines[k].count;
        lost += count == 0;
        doubled += count > 1;
    }
    if (!lost && !doubled && w->server.line_count == w->written)
        return "";
    snprintf(text, sizeof text, "of %zu lines %zu lost, %zu doubled; %zu stored", w->written, lost, doubled, w->server.line_count);
    return text;
}
