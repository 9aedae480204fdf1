/*
 * A file holds frames, little endian:
 *
 *   offset size
 *        0    4  crc32c of everything after this field
 *        4    4  size of what follows
 *        8    8  id
 *       16    8  time
 *       24    1  kind: 0 raw, 1 batch, 255 the letter of this id is gone
 *       25    1  1: cut
 *       26    -  tenant, door, reason, each behind its length in 1 byte; why behind 2; the bytes up to the end
 *
 * A file is DIR/ID.dead, named by its first letter's id in 16 hex digits. Where a frame does not check, the file ends: a write that was cut off.
 *
 * What is kept is known by a list in memory: id, tenant's hash and place of each letter.
 */
#include "process/dead_letters.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/log.h"

enum { HEAD = 8, FILES = 8, GONE = 255, PATH_SIZE = 4096 + 64, NAME_HEX = 16, FRAME_MAX = DEAD_LETTER_BYTES_MAX + 2048,
       SYNC_NS = 1000000000 };

struct entry {
    uint64_t id, file, tenant_hash;
    uint32_t offset, size; /* of the frame behind its head */
};

struct dead_letters {
    struct fs *fs;
    const struct clock *clock;
    uint64_t max_bytes;
    pthread_mutex_t lock;  /* guards everything below */
    struct entry *entries; /* by id */
    size_t   count, room;
    uint64_t files[2 * FILES + 2]; /* names, rising; the last one is written to */
    uint64_t sizes[2 * FILES + 2];
    size_t   file_count;
    struct file *open;     /* the last one; or NULL */
    uint64_t next_id, synced_ns; /* mono */
    bool     failed;       /* a sync failed: nothing more is kept */
    struct buf frame;
    struct dead_letters_stats stats;
    char     dir[];
};

static void path_of(const struct dead_letters *d, uint64_t file, char ret_path[PATH_SIZE])
{
    snprintf(ret_path, PATH_SIZE, "%s/%016llx.dead", d->dir, (unsigned long long)file);
}

/* ---- the list ---- */

static bool add_entry(struct dead_letters *d, struct entry e)
{
    if (d->count == d->room) {
        size_t room = d->room ? 2 * d->room : 256;
        struct entry *grown = realloc(d->entries, room * sizeof *grown);
        if (!grown)
            return false;
        d->entries = grown;
        d->room = room;
    }
    d->entries[d->count++] = e;
    return true;
}

static size_t find_after(const struct dead_letters *d, uint64_t id)
{
    size_t from = 0, to = d->count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (d->entries[middle].id <= id)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

static void drop_entries(struct dead_letters *d, size_t from, size_t count)
{
    memmove(d->entries + from, d->entries + from + count, (d->count - from - count) * sizeof *d->entries);
    d->count -= count;
}

static uint64_t sum_sizes(const struct dead_letters *d)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < d->file_count; i++)
        sum += d->sizes[i];
    return sum;
}

/* The oldest file goes with its letters. */
static void drop_file(struct dead_letters *d)
{
    char path[PATH_SIZE];
    size_t gone = 0;
    path_of(d, d->files[0], path);
    if (d->file_count == 1) {
        file_close(d->open);
        d->open = NULL;
    }
    fs_unlink(d->fs, path, NULL);
    while (gone < d->count && d->entries[gone].file == d->files[0])
        gone++;
    d->stats.dropped_total += gone;
    drop_entries(d, 0, gone);
    d->file_count--;
    memmove(d->files, d->files + 1, d->file_count * sizeof *d->files);
    memmove(d->sizes, d->sizes + 1, d->file_count * sizeof *d->sizes);
}

static void make_room(struct dead_letters *d)
{
    while (d->file_count > 1 && (sum_sizes(d) > d->max_bytes || d->count > DEAD_LETTERS_COUNT_MAX || d->file_count > 2 * FILES))
        drop_file(d);
}

/* ---- frames ---- */

static void put_frame(struct buf *out, const struct dead_letter *l, unsigned kind)
{
    buf_reset(out);
    buf_put_u64(out, 0); /* the head, below */
    buf_put_u64(out, l->id);
    buf_put_u64(out, (uint64_t)l->time_ns);
    buf_put_u8(out, (uint8_t)kind);
    buf_put_u8(out, l->cut);
    const bole_slice texts[] = {l->tenant, l->door, l->reason};
    for (size_t i = 0; i < 3; i++) {
        assert(texts[i].len <= UINT8_MAX);
        buf_put_u8(out, (uint8_t)texts[i].len);
        buf_put(out, texts[i]);
    }
    assert(l->why.len <= UINT16_MAX);
    buf_put_u8(out, (uint8_t)l->why.len);
    buf_put_u8(out, (uint8_t)(l->why.len >> 8));
    buf_put(out, l->why);
    buf_put(out, l->bytes);
    if (out->failed)
        return;
    store_u32(out->ptr + 4, (uint32_t)(out->len - HEAD));
    store_u32(out->ptr, crc32c(0, out->ptr + 4, out->len - 4));
}

/* Of what stands behind a frame's head. */
static bool read_letter(bole_slice frame, struct dead_letter *ret_letter, unsigned *ret_kind)
{
    struct reader r = reader_of(frame);
    struct dead_letter l = {.id = reader_u64(&r), .time_ns = (int64_t)reader_u64(&r)};
    *ret_kind = reader_u8(&r);
    l.kind = *ret_kind == DEAD_LETTER_BATCH ? DEAD_LETTER_BATCH : DEAD_LETTER_RAW;
    l.cut = reader_u8(&r);
    l.tenant = reader_bytes(&r, reader_u8(&r));
    l.door = reader_bytes(&r, reader_u8(&r));
    l.reason = reader_bytes(&r, reader_u8(&r));
    l.why = reader_bytes(&r, reader_u16(&r));
    l.bytes = reader_bytes(&r, reader_left(&r));
    *ret_letter = l;
    return !r.failed;
}

/* Appends the frame in d->frame; *ret_offset is where it stands. */
static bole_status append(struct dead_letters *d, uint32_t *ret_offset, struct bole_err *err)
{
    uint64_t limit = d->max_bytes / FILES;
    char path[PATH_SIZE];
    if (d->file_count && d->sizes[d->file_count - 1] > limit) {
        file_close(d->open);
        d->open = NULL;
    }
    bool go_on = d->file_count && d->sizes[d->file_count - 1] <= limit; /* behind what is sound in it */
    bole_status st = BOLE_OK;
    if (!d->open) {
        path_of(d, go_on ? d->files[d->file_count - 1] : d->next_id, path);
        st = fs_open(d->fs, path, go_on ? FS_WRITE : FS_WRITE | FS_CREATE | FS_TRUNCATE, &d->open, err);
        if (st == BOLE_OK && go_on)
            st = file_truncate(d->open, d->sizes[d->file_count - 1], err);
        if (st < 0)
            return st;
    }
    if (!go_on) {
        d->files[d->file_count] = d->next_id;
        d->sizes[d->file_count++] = 0;
    }
    size_t last = d->file_count - 1;
    struct iovec part = {d->frame.ptr, d->frame.len};
    st = file_write(d->open, d->sizes[last], &part, 1, err);
    if (st < 0)
        return st;
    *ret_offset = (uint32_t)d->sizes[last];
    d->sizes[last] += d->frame.len;
    uint64_t now = clock_mono_ns(d->clock);
    if (now - d->synced_ns >= SYNC_NS) {
        d->synced_ns = now;
        st = file_sync(d->open, err);
        d->failed |= st < 0;
    }
    return st;
}

void dead_letters_keep(struct dead_letters *d, const struct dead_letter *letter)
{
    struct dead_letter l = *letter;
    struct bole_err err;
    uint32_t offset = 0;
    l.cut |= l.bytes.len > DEAD_LETTER_BYTES_MAX;
    l.bytes.len = l.bytes.len > DEAD_LETTER_BYTES_MAX ? DEAD_LETTER_BYTES_MAX : l.bytes.len;
    pthread_mutex_lock(&d->lock);
    l.id = d->next_id;
    put_frame(&d->frame, &l, l.kind);
    bole_status st = d->frame.failed || d->failed ? BOLE_E_NOMEM : append(d, &offset, &err);
    if (st == BOLE_OK) {
        struct entry e = {l.id, d->files[d->file_count - 1], hash64(l.tenant), offset, (uint32_t)(d->frame.len - HEAD)};
        d->next_id++;
        st = add_entry(d, e) ? BOLE_OK : BOLE_E_NOMEM;
    }
    if (st == BOLE_OK)
        d->stats.kept_total++;
    else
        d->stats.lost_total++;
    make_room(d);
    buf_fit(&d->frame);
    pthread_mutex_unlock(&d->lock);
}

/* ---- reading ---- */

static bole_status read_frame(struct dead_letters *d, struct file *f, uint64_t offset, struct buf *out, struct bole_err *err)
{
    uint8_t head[HEAD];
    bole_status st = file_read(f, offset, head, HEAD, NULL, err);
    uint32_t size = st == BOLE_OK ? load_u32(head + 4) : 0;
    if (st != BOLE_OK || size == 0 || size > FRAME_MAX)
        return st < 0 ? st : BOLE_END;
    buf_reset(out);
    if (!buf_reserve(out, size))
        return bole_fail(err, BOLE_E_NOMEM, "no memory for a dead letter");
    st = file_read(f, offset + HEAD, out->ptr, size, NULL, err);
    if (st != BOLE_OK)
        return st;
    out->len = size;
    return crc32c(crc32c(0, head + 4, 4), out->ptr, size) == load_u32(head) ? BOLE_OK : BOLE_END;
}

bole_status dead_letters_each(struct dead_letters *d, bole_slice tenant, uint64_t after,
                              bool (*fn)(const struct dead_letter *letter, void *ctx), void *ctx, struct bole_err *err)
{
    struct buf frame;
    struct file *f = NULL;
    uint64_t name = 0, hash = hash64(tenant);
    bole_status st = BOLE_OK;
    bool more = true;
    buf_init(&frame, NULL);
    pthread_mutex_lock(&d->lock);
    for (size_t i = find_after(d, after); more && st == BOLE_OK && i < d->count; i++) {
        const struct entry *e = &d->entries[i];
        struct dead_letter l;
        unsigned kind;
        char path[PATH_SIZE];
        if (e->tenant_hash != hash)
            continue;
        if (!f || name != e->file) {
            file_close(f);
            f = NULL;
            name = e->file;
            path_of(d, name, path);
            st = fs_open(d->fs, path, FS_READ, &f, err);
        }
        if (st == BOLE_OK)
            st = read_frame(d, f, e->offset, &frame, err);
        if (st == BOLE_END)
            st = bole_fail(err, BOLE_E_CORRUPT, "dead letter %llu cannot be read any more", (unsigned long long)e->id);
        if (st == BOLE_OK && read_letter(buf_slice(&frame), &l, &kind) && bole_slice_eq(l.tenant, tenant))
            more = fn(&l, ctx);
    }
    pthread_mutex_unlock(&d->lock);
    file_close(f);
    buf_deinit(&frame);
    return st;
}

/* Lock held. */
static bool remove_one(struct dead_letters *d, uint64_t tenant_hash, uint64_t id)
{
    size_t i = find_after(d, id);
    if (i == 0 || d->entries[i - 1].id != id || d->entries[i - 1].tenant_hash != tenant_hash)
        return false;
    uint32_t offset;
    put_frame(&d->frame, &(struct dead_letter){.id = id}, GONE);
    if (d->failed || d->frame.failed || append(d, &offset, NULL) < 0)
        return false;
    drop_entries(d, i - 1, 1);
    make_room(d);
    return true;
}

bool dead_letters_remove(struct dead_letters *d, bole_slice tenant, uint64_t id)
{
    pthread_mutex_lock(&d->lock);
    bool found = remove_one(d, hash64(tenant), id);
    pthread_mutex_unlock(&d->lock);
    return found;
}

uint64_t dead_letters_purge(struct dead_letters *d, bole_slice tenant)
{
    uint64_t hash = hash64(tenant), removed = 0, others = 0;
    pthread_mutex_lock(&d->lock);
    for (size_t i = 0; i < d->count; i++)
        others += d->entries[i].tenant_hash != hash;
    if (!others) {
        uint64_t dropped = d->stats.dropped_total;
        removed = d->count;
        while (d->file_count)
            drop_file(d);
        d->stats.dropped_total = dropped; /* somebody wanted it */
    }
    for (uint64_t id = 0; others && find_after(d, id) < d->count;) {
        struct entry e = d->entries[find_after(d, id)];
        id = e.id;
        removed += e.tenant_hash == hash && remove_one(d, hash, id);
    }
    pthread_mutex_unlock(&d->lock);
    return removed;
}

void dead_letters_get_stats(struct dead_letters *d, struct dead_letters_stats *ret_stats)
{
    pthread_mutex_lock(&d->lock);
    *ret_stats = d->stats;
    ret_stats->count = d->count;
    ret_stats->size_bytes = sum_sizes(d);
    pthread_mutex_unlock(&d->lock);
}

/* ---- life ---- */

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static bole_status collect_name(const char *name, void *ctx)
{
    struct dead_letters *d = ctx;
    char *end;
    unsigned long long file = strtoull(name, &end, 16);
    if (end != name + NAME_HEX || strcmp(end, ".dead") != 0)
        return BOLE_OK;
    if (d->file_count == sizeof d->files / sizeof *d->files)
        return BOLE_E_LIMIT;
    d->files[d->file_count++] = file;
    return BOLE_OK;
}

static bole_status scan(struct dead_letters *d, size_t index, struct file *f, struct bole_err *err)
{
    bole_status st;
    struct dead_letter l;
    unsigned kind;
    uint64_t at = 0;
    while ((st = read_frame(d, f, at, &d->frame, err)) == BOLE_OK && at < UINT32_MAX) {
        if (!read_letter(buf_slice(&d->frame), &l, &kind))
            break;
        size_t i = find_after(d, l.id);
        if (kind == GONE && i > 0 && d->entries[i - 1].id == l.id)
            drop_entries(d, i - 1, 1);
        else if (kind != GONE && i == d->count &&
                 !add_entry(d, (struct entry){l.id, d->files[index], hash64(l.tenant), (uint32_t)at, (uint32_t)d->frame.len}))
            return bole_fail(err, BOLE_E_NOMEM, "no memory for the list of dead letters");
        if (l.id >= d->next_id)
            d->next_id = l.id + 1;
        at += HEAD + d->frame.len;
    }
    d->sizes[index] = at;
    return st == BOLE_E_NOMEM ? st : BOLE_OK;
}

static bole_status read_files(struct dead_letters *d, struct bole_err *err)
{
    bole_status st = fs_list_dir(d->fs, d->dir, collect_name, d, err);
    if (st == BOLE_E_LIMIT)
        return bole_fail(err, st, "%s has more files than dead letters have", d->dir);
    qsort(d->files, d->file_count, sizeof *d->files, by_number);
    for (size_t i = 0; st >= 0 && i < d->file_count; i++) {
        struct file *f;
        char path[PATH_SIZE];
        path_of(d, d->files[i], path);
        st = fs_open(d->fs, path, FS_READ, &f, err);
        if (st < 0)
            break;
        st = scan(d, i, f, err);
        file_close(f);
        if (d->files[i] >= d->next_id)
            d->next_id = d->files[i] + 1; /* a file is never named twice */
    }
    return st;
}

bole_status dead_letters_open(struct fs *fs, const struct clock *clock, const char *dir, uint64_t max_bytes,
                              struct dead_letters **ret_letters, struct bole_err *err)
{
    struct dead_letters *d = calloc(1, sizeof *d + strlen(dir) + 1);
    if (!d)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for dead letters");
    strcpy(d->dir, dir);
    d->fs = fs;
    d->clock = clock;
    d->max_bytes = max_bytes;
    d->next_id = 1;
    pthread_mutex_init(&d->lock, NULL);
    buf_init(&d->frame, NULL);
    bole_status st = fs_make_dir(fs, dir, err);
    if (st >= 0)
        st = read_files(d, err);
    if (st < 0) {
        bole_err_context(err, "dead letters");
        dead_letters_close(d);
        return st;
    }
    *ret_letters = d;
    return BOLE_OK;
}

void dead_letters_close(struct dead_letters *d)
{
    if (!d)
        return;
    if (d->open && !d->failed)
        file_sync(d->open, NULL);
    file_close(d->open);
    buf_deinit(&d->frame);
    free(d->entries);
    pthread_mutex_destroy(&d->lock);
    free(d);
}
