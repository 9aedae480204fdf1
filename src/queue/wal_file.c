/*
 * The scanner reads a file in pieces of WINDOW_SIZE, or of one frame when that is larger, and checks frames where they
 * lie in the piece: nothing is copied but the frame that a piece ends in. Where no whole frame starts it looks for the
 * file id at every eighth byte: 64 random bits do not occur in a payload by chance or by intent, so every hit is, or
 * was, a frame of this life of the file.
 */
#include "queue/wal_file.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"

enum { WINDOW_SIZE = 1 << 20, ZERO_SIZE = 64 << 10, ZERO_PARTS = 16, SECTOR_SIZE = 4096 };

struct wal_file *wal_file_create(void)
{
    struct wal_file *f = calloc(1, sizeof *f);
    if (f)
        f->end = WAL_HEADER_SIZE;
    return f;
}

void wal_file_destroy(struct wal_file *f)
{
    if (!f)
        return;
    file_close(f->file);
    free(f->damages);
    free(f);
}

void wal_file_name(uint64_t sequence, char ret_name[WAL_NAME_SIZE])
{
    snprintf(ret_name, WAL_NAME_SIZE, "%016llx" WAL_SUFFIX, (unsigned long long)sequence);
}

bool wal_file_parse_name(const char *name, uint64_t *ret_sequence)
{
    if (strlen(name) != WAL_NAME_DIGITS + strlen(WAL_SUFFIX) || strspn(name, "0123456789abcdef") != WAL_NAME_DIGITS ||
        strcmp(name + WAL_NAME_DIGITS, WAL_SUFFIX) != 0)
        return false;
    *ret_sequence = strtoull(name, NULL, 16);
    return *ret_sequence != UINT64_MAX;
}

bool wal_file_has_own_name(const struct wal_file *f)
{
    uint64_t named;
    return wal_file_parse_name(f->name, &named) && named == f->sequence;
}

bole_status wal_file_add_damage(struct wal_file *f, struct wal_damage damage, uint64_t *ret_lost, struct bole_err *err)
{
    if (f->damage_count == f->damage_cap) {
        size_t cap = f->damage_cap ? f->damage_cap * 2 : 4;
        struct wal_damage *grown = realloc(f->damages, cap * sizeof *grown);
        if (!grown)
            return bole_fail(err, BOLE_E_NOMEM, "wal: no memory for the damages of %s", f->name);
        f->damages = grown;
        f->damage_cap = cap;
    }
    /* Damage next to damage is seen as one: the new one takes the place of those it covers. */
    uint64_t known = 0;
    size_t kept = 0;
    for (size_t i = 0; i < f->damage_count; i++) {
        struct wal_span old = f->damages[i].span;
        if (old.from >= damage.span.from && old.to <= damage.span.to)
            known += f->damages[i].lost_groups;
        else
            f->damages[kept++] = f->damages[i];
    }
    if (ret_lost)
        *ret_lost = damage.lost_groups > known ? damage.lost_groups - known : 0;
    if (damage.lost_groups < known)
        damage.lost_groups = known;
    f->damages[kept++] = damage;
    f->damage_count = kept;
    return BOLE_OK;
}

bole_status wal_zero(struct file *file, struct wal_span span, struct bole_err *err)
{
    static const _Alignas(4096) uint8_t zeros[ZERO_SIZE]; /* aligned for FS_DIRECT */
    while (span.from < span.to) {
        struct iovec iov[ZERO_PARTS];
        uint64_t at = span.from;
        int count = 0;
        for (; count < ZERO_PARTS && at < span.to; count++) {
            size_t len = span.to - at < ZERO_SIZE ? (size_t)(span.to - at) : ZERO_SIZE;
            iov[count] = (struct iovec){(void *)zeros, len};
            at += len;
        }
        bole_status st = file_write(file, span.from, iov, count, err);
        if (st < 0)
            return st;
        span.from = at;
    }
    return BOLE_OK;
}

void wal_window_deinit(struct wal_window *w)
{
    free(w->ptr);
    *w = (struct wal_window){0};
}

static bole_status window_grow(struct wal_window *w, size_t size, struct bole_err *err)
{
    if (size <= w->cap)
        return BOLE_OK;
    uint8_t *grown = realloc(w->ptr, size);
    if (!grown)
        return bole_fail(err, BOLE_E_NOMEM, "wal: no memory for %zu bytes", size);
    w->ptr = grown;
    w->cap = size;
    return BOLE_OK;
}

/* A piece that cannot be read as a whole: what the disk does not give is zeros, and is remembered. */
static bole_status read_in_sectors(struct wal_scan *s, uint64_t offset, uint8_t *bytes, size_t len,
                                   struct bole_err *err)
{
    for (size_t at = 0; at < len;) {
        size_t part = SECTOR_SIZE - (offset + at) % SECTOR_SIZE;
        part = part < len - at ? part : len - at;
        bole_status st = file_read(s->file, offset + at, bytes + at, part, NULL, err);
        if (st == BOLE_E_IO) {
            memset(bytes + at, 0, part);
            s->unreadable_to = offset + at + part;
        } else if (st != BOLE_OK) {
            return st;
        }
        at += part;
    }
    return BOLE_OK;
}

/* Makes [offset, offset + len) available, which must lie below the limit; reads ahead when it has to read at all. */
static bole_status window_get(struct wal_scan *s, uint64_t offset, size_t len, const uint8_t **ret_ptr,
                              struct bole_err *err)
{
    struct wal_window *w = s->window;
    if (offset < w->at || offset + len > w->at + w->len) {
        size_t want = len > WINDOW_SIZE ? len : WINDOW_SIZE;
        want = s->limit - offset < want ? (size_t)(s->limit - offset) : want;
        size_t keep = offset >= w->at && offset < w->at + w->len ? (size_t)(w->at + w->len - offset) : 0;
        bole_status st = window_grow(w, want, err);
        if (st < 0)
            return st;
        if (keep)
            memmove(w->ptr, w->ptr + (offset - w->at), keep);
        w->at = offset;
        w->len = 0;
        st = file_read(s->file, offset + keep, w->ptr + keep, want - keep, NULL, err);
        if (st == BOLE_E_IO)
            st = read_in_sectors(s, offset + keep, w->ptr + keep, want - keep, err);
        if (st == BOLE_END)
            st = bole_fail(err, BOLE_E_IO, "wal: a file became shorter while it was read");
        if (st < 0)
            return st;
        w->len = want;
    }
    *ret_ptr = w->ptr + (offset - w->at);
    return BOLE_OK;
}

void wal_scan_init(struct wal_scan *s, const struct wal_file *f, uint64_t limit, struct wal_window *window)
{
    *s = (struct wal_scan){.file = f->file, .id = f->id, .reused = f->reused, .window = window};
    s->offset = WAL_HEADER_SIZE;
    s->limit = limit - limit % WAL_FRAME_ALIGN;
    window->len = 0;
}

/* BOLE_OK and the frame at offset, or BOLE_END when there is none. */
static bole_status frame_at(struct wal_scan *s, uint64_t offset, struct wal_item *ret_item, struct bole_err *err)
{
    const uint8_t *p = NULL;
    if (s->limit < WAL_FRAME_HEADER_SIZE || offset > s->limit - WAL_FRAME_HEADER_SIZE)
        return BOLE_END;
    bole_status st = window_get(s, offset, WAL_FRAME_HEADER_SIZE, &p, err);
    if (st < 0)
        return st;
    if (!wal_frame_is_plausible(p, s->id))
        return BOLE_END;
    size_t length = load_u32(p + FRAME_LENGTH);
    uint64_t size = wal_frame_size(length);
    if (size > s->limit - offset)
        return BOLE_END;
    st = window_get(s, offset, size, &p, err);
    if (st < 0)
        return st;
    if (!wal_frame_is_whole(p))
        return BOLE_END;
    *ret_item = (struct wal_item){
        .kind = WAL_ITEM_FRAME,
        .span = {offset, offset + size},
        .lsn = load_u64(p + FRAME_LSN),
        .durable_lsn = load_u64(p + FRAME_DURABLE),
        .payload = {p + WAL_FRAME_HEADER_SIZE, length},
    };
    return BOLE_OK;
}

/* Where the frame that began at offset would end, were its header right. */
static uint64_t claimed_end(const struct wal_scan *s, uint64_t offset, const uint8_t *header)
{
    uint32_t length = load_u32(header + FRAME_LENGTH);
    uint64_t size = wal_frame_size(length <= QUEUE_GROUP_SIZE_MAX ? length : 0);
    return size < s->limit - offset ? offset + size : s->limit;
}

/* Finds the next whole frame behind s->offset, where none is: a GAP up to it, or the TAIL. */
static bole_status resync(struct wal_scan *s, struct wal_item *ret_item, struct bole_err *err)
{
    uint64_t traces_end = s->offset; /* behind the last byte that looks like a frame of this life */
    uint64_t at = s->offset;
    while (at < s->limit) {
        const uint8_t *p = NULL;
        size_t len = s->limit - at < WINDOW_SIZE ? (size_t)(s->limit - at) : WINDOW_SIZE;
        bole_status st = window_get(s, at, len, &p, err);
        if (st < 0)
            return st;
        bool last = at + len == s->limit, hit = false;
        size_t i = 0;
        for (; i + (last ? 0 : WAL_FRAME_HEADER_SIZE) < len && !hit; i += WAL_FRAME_ALIGN) {
            if (load_u64(p + i) != 0 && !s->reused && at + i + WAL_FRAME_ALIGN > traces_end)
                traces_end = at + i + WAL_FRAME_ALIGN;
            if (s->id && i + WAL_FRAME_HEADER_SIZE <= len && load_u64(p + i + FRAME_FILE) == s->id) {
                uint64_t end = claimed_end(s, at + i, p + i);
                traces_end = end > traces_end ? end : traces_end;
                hit = at + i > s->offset;
            }
        }
        at += i;
        if (!hit)
            continue;
        struct wal_item frame;
        st = frame_at(s, at - WAL_FRAME_ALIGN, &frame, err);
        if (st < 0)
            return st;
        if (st == BOLE_OK) {
            *ret_item = (struct wal_item){.kind = WAL_ITEM_GAP, .span = {s->offset, frame.span.from}};
            s->offset = frame.span.from;
            return BOLE_OK;
        }
    }
    bool unreadable = s->unreadable_to > s->offset;
    if (unreadable && s->unreadable_to > traces_end)
        traces_end = s->unreadable_to;
    *ret_item = (struct wal_item){.kind = WAL_ITEM_TAIL, .span = {s->offset, traces_end}, .unreadable = unreadable};
    s->offset = s->limit;
    return BOLE_OK;
}

bole_status wal_scan_next(struct wal_scan *s, struct wal_item *ret_item, struct bole_err *err)
{
    if (s->offset > s->limit)
        s->offset = s->limit; /* a file shorter than its header */
    bole_status st = s->id ? frame_at(s, s->offset, ret_item, err) : BOLE_END;
    if (st < 0)
        return st;
    if (st == BOLE_END)
        return resync(s, ret_item, err);
    s->offset = ret_item->span.to;
    return BOLE_OK;
}
