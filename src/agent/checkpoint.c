/*
 * Checkpoint file, version 1, little endian:
 *
 *   offset size
 *        0    8  magic "BOLETAIL"
 *        8    4  version, 1
 *       12    4  crc32c of everything after this field
 *       16    8  time of writing, ns since 1970 UTC
 *       24    4  number of entries
 *       28    -  entries
 *
 * Entry:  u8 kind, u32 length of what follows, then
 *   kind 1, a file:     u64 device, u64 inode, i64 birth ns, i64 last seen ns, u64 offset, u64 guard hash, u8 its
 *   length,
 *                       u8 flags (1: the offset is inside a line that was cut; 2: a stream is ahead, 4: stderr is), u32 print
 *                       length,
 *                       u64 print hash, with flag 2 u32 how far ahead, path
 *   kind 2, a journal:  cursor
 *   kind 3, a lane:     u32 number, producer (16 bytes), u64 sequence of its next batch
 *   kind 4, a cut:      u64 number: cuts of the spool up to this one are in the checkpoint
 * An entry of another kind is passed over.
 */
#include "agent/checkpoint.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/err.h"
#include "base/log.h"

enum { HEADER_VERSION = 8, HEADER_CRC = 12, HEADER_SAVED = 16, HEADER_COUNT = 24, HEADER_SIZE = 28 };
enum { ENTRY_FILE = 1, ENTRY_JOURNAL = 2, ENTRY_LANE = 3, ENTRY_CUT = 4, ENTRY_HEADER_SIZE = 5 };
enum { ENTRY_FILE_FIXED = 62, ENTRY_LANE_SIZE = 28, ENTRY_CUT_SIZE = 8 };
enum { FLAG_IN_CUT_LINE = 1, FLAG_AHEAD = 2, FLAG_STDERR = 4 };

static const bole_slice magic = {(const uint8_t *)"BOLETAIL", 8};

void checkpoint_init(struct checkpoint *c)
{
    *c = (struct checkpoint){0};
    arena_init(&c->arena, NULL);
}

void checkpoint_deinit(struct checkpoint *c)
{
    arena_deinit(&c->arena);
    *c = (struct checkpoint){0};
}

void checkpoint_put_file(const struct checkpoint_file *f, struct buf *out)
{
    bool is_ahead = f->mark.ahead != 0;
    buf_put_u8(out, ENTRY_FILE);
    buf_put_u32(out, (uint32_t)(ENTRY_FILE_FIXED + 4 * is_ahead + f->path.len));
    buf_put_u64(out, f->id.device);
    buf_put_u64(out, f->id.inode);
    buf_put_u64(out, (uint64_t)f->id.birth_ns);
    buf_put_u64(out, (uint64_t)f->seen_ns);
    buf_put_u64(out, f->mark.offset);
    buf_put_u64(out, f->mark.guard_hash);
    buf_put_u8(out, f->mark.guard_len);
    buf_put_u8(out, (uint8_t)((f->mark.in_cut_line ? FLAG_IN_CUT_LINE : 0) | (is_ahead ? FLAG_AHEAD : 0) |
                              (is_ahead && f->mark.ahead_stream ? FLAG_STDERR : 0)));
    buf_put_u32(out, f->print.len);
    buf_put_u64(out, f->print.hash);
    if (is_ahead)
        buf_put_u32(out, f->mark.ahead);
    buf_put(out, f->path);
}

void checkpoint_put_journal(bole_slice cursor, struct buf *out)
{
    buf_put_u8(out, ENTRY_JOURNAL);
    buf_put_u32(out, (uint32_t)cursor.len);
    buf_put(out, cursor);
}

static void put_lane(const struct checkpoint_lane *l, struct buf *out)
{
    buf_put_u8(out, ENTRY_LANE);
    buf_put_u32(out, ENTRY_LANE_SIZE);
    buf_put_u32(out, l->lane);
    buf_put(out, (bole_slice){l->producer, sizeof l->producer});
    buf_put_u64(out, l->next_sequence);
}

void checkpoint_encode(const struct checkpoint *c, struct buf *out)
{
    size_t start = out->len;
    buf_put(out, magic);
    buf_put_u32(out, CHECKPOINT_VERSION);
    buf_put_u32(out, 0);
    buf_put_u64(out, (uint64_t)c->saved_ns);
    buf_put_u32(out, (uint32_t)(c->file_count + (c->journal_cursor.len != 0) + c->lane_count + (c->cut_number != 0)));
    for (size_t i = 0; i < c->file_count; i++)
        checkpoint_put_file(&c->files[i], out);
    if (c->journal_cursor.len)
        checkpoint_put_journal(c->journal_cursor, out);
    for (size_t i = 0; i < c->lane_count; i++)
        put_lane(&c->lanes[i], out);
    if (c->cut_number) {
        buf_put_u8(out, ENTRY_CUT);
        buf_put_u32(out, ENTRY_CUT_SIZE);
        buf_put_u64(out, c->cut_number);
    }
    if (!out->failed)
        store_u32(out->ptr + start + HEADER_CRC,
                  crc32c(0, out->ptr + start + HEADER_SAVED, out->len - start - HEADER_SAVED));
}

static bool get_file(bole_slice entry, struct arena *arena, struct checkpoint_file *ret_file)
{
    struct reader r = reader_of(entry);
    struct checkpoint_file f = {0};
    f.id.device = reader_u64(&r);
    f.id.inode = reader_u64(&r);
    f.id.birth_ns = (int64_t)reader_u64(&r);
    f.seen_ns = (int64_t)reader_u64(&r);
    f.mark.offset = reader_u64(&r);
    f.mark.guard_hash = reader_u64(&r);
    f.mark.guard_len = reader_u8(&r);
    uint8_t flags = reader_u8(&r);
    f.mark.in_cut_line = flags & FLAG_IN_CUT_LINE;
    f.mark.ahead_stream = (flags & FLAG_STDERR) != 0;
    f.print.len = reader_u32(&r);
    f.print.hash = reader_u64(&r);
    f.mark.ahead = flags & FLAG_AHEAD ? reader_u32(&r) : 0;
    bole_slice path = reader_bytes(&r, reader_left(&r));
    if (r.failed || path.len == 0 || memchr(path.ptr, 0, path.len) || f.mark.guard_len > TAIL_GUARD_MAX ||
        f.print.len > SOURCE_PRINT_MAX || f.mark.offset > INT64_MAX || f.mark.ahead > TAIL_ROOM_MAX)
        return false;
    char *copy = (char *)arena_bytes(arena, path.len + 1);
    if (!copy)
        return false;
    memcpy(copy, path.ptr, path.len);
    copy[path.len] = 0;
    f.path = bole_slice_from(copy, path.len);
    *ret_file = f;
    return true;
}

static bool get_lane(bole_slice entry, struct checkpoint *c)
{
    struct reader r = reader_of(entry);
    struct checkpoint_lane l = {.lane = reader_u32(&r)};
    bole_slice producer = reader_bytes(&r, sizeof l.producer);
    l.next_sequence = reader_u64(&r);
    if (r.failed || reader_left(&r) || l.lane >= CHECKPOINT_LANES_MAX || l.next_sequence == 0 ||
        c->lane_count == CHECKPOINT_LANES_MAX)
        return false;
    memcpy(l.producer, producer.ptr, sizeof l.producer);
    c->lanes[c->lane_count++] = l;
    return true;
}

static bool get_entry(uint8_t kind, bole_slice entry, struct checkpoint *c)
{
    switch (kind) {
    case ENTRY_FILE: return get_file(entry, &c->arena, &c->files[c->file_count++]);
    case ENTRY_JOURNAL: c->journal_cursor = arena_copy(&c->arena, entry); return c->journal_cursor.ptr;
    case ENTRY_LANE: return get_lane(entry, c);
    case ENTRY_CUT: c->cut_number = entry.len == ENTRY_CUT_SIZE ? load_u64(entry.ptr) : 0; return c->cut_number;
    default: return true;
    }
}

/* Exactly `count` entries up to the reader's end. */
static bole_status decode_entries(struct reader *r, uint32_t count, struct checkpoint *c, struct bole_err *err)
{
    c->files = arena_array(&c->arena, count, sizeof *c->files);
    if (!c->files)
        return bole_fail(err, BOLE_E_NOMEM, "checkpoint: no memory for %u entries", count);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t kind = reader_u8(r);
        bole_slice entry = reader_bytes(r, reader_u32(r));
        if (r->failed)
            return bole_fail(err, BOLE_E_CORRUPT, "checkpoint: entry %u is cut off", i);
        if (!get_entry(kind, entry, c))
            return bole_fail(err, BOLE_E_CORRUPT, "checkpoint: entry %u of kind %u is damaged", i, kind);
    }
    if (reader_left(r))
        return bole_fail(err, BOLE_E_CORRUPT, "checkpoint: %zu bytes behind the last entry", reader_left(r));
    return BOLE_OK;
}

bole_status checkpoint_decode_entries(bole_slice entries, struct checkpoint *ret_checkpoint, struct bole_err *err)
{
    struct reader r = reader_of(entries);
    uint32_t count = 0;
    for (; reader_left(&r) && !r.failed; count++) {
        reader_u8(&r);
        reader_bytes(&r, reader_u32(&r));
    }
    r = reader_of(entries);
    return decode_entries(&r, count, ret_checkpoint, err);
}

bole_status checkpoint_decode(bole_slice bytes, struct checkpoint *ret_checkpoint, struct bole_err *err)
{
    if (bytes.len < HEADER_SIZE || !bole_slice_starts(bytes, magic))
        return bole_fail(err, BOLE_E_CORRUPT, "checkpoint: not a checkpoint file");
    uint32_t version = load_u32(bytes.ptr + HEADER_VERSION);
    if (version != CHECKPOINT_VERSION)
        return bole_fail(err, BOLE_E_UNSUPPORTED, "checkpoint: version %u, this program knows %u", version,
                         CHECKPOINT_VERSION);
    if (load_u32(bytes.ptr + HEADER_CRC) != crc32c(0, bytes.ptr + HEADER_SAVED, bytes.len - HEADER_SAVED))
        return bole_fail(err, BOLE_E_CORRUPT, "checkpoint: checksum does not match");
    struct reader r = reader_of(bole_slice_sub(bytes, HEADER_COUNT));
    uint32_t count = reader_u32(&r);
    if (count > reader_left(&r) / ENTRY_HEADER_SIZE)
        return bole_fail(err, BOLE_E_CORRUPT, "checkpoint: %u entries do not fit", count);
    ret_checkpoint->saved_ns = load_i64(bytes.ptr + HEADER_SAVED);
    return decode_entries(&r, count, ret_checkpoint, err);
}

bole_status checkpoint_save(struct fs *fs, const char *path, const struct checkpoint *c, struct bole_err *err)
{
    struct buf out;
    buf_init(&out, NULL);
    checkpoint_encode(c, &out);
    bole_status st = out.failed ? bole_fail(err, BOLE_E_NOMEM, "checkpoint: no memory") :
                                  fs_write_file(fs, path, buf_slice(&out), err);
    buf_deinit(&out);
    return st;
}

/* *ret_bytes is from malloc. */
static bole_status read_all(struct fs *fs, const char *path, uint8_t **ret_bytes, size_t *ret_size,
                            struct bole_err *err)
{
    struct file *file = NULL;
    uint8_t *bytes = NULL;
    uint64_t size = 0;
    bole_status st = fs_open(fs, path, FS_READ, &file, err);
    if (st == BOLE_OK)
        st = file_size(file, &size, err);
    if (st < 0)
        goto cleanup;
    if (size > CHECKPOINT_SIZE_MAX) {
        st = bole_fail(err, BOLE_E_CORRUPT, "checkpoint: %llu bytes are too many", (unsigned long long)size);
        goto cleanup;
    }
    bytes = malloc(size + 1);
    if (!bytes) {
        st = bole_fail(err, BOLE_E_NOMEM, "checkpoint: no memory for %llu bytes", (unsigned long long)size);
        goto cleanup;
    }
    st = file_read(file, 0, bytes, size, NULL, err);
    if (st == BOLE_END)
        st = bole_fail(err, BOLE_E_CORRUPT, "checkpoint: shorter than its size");
    if (st < 0)
        goto cleanup;
    *ret_bytes = bytes;
    *ret_size = size;
    bytes = NULL;
cleanup:
    free(bytes);
    file_close(file);
    return st;
}

static void set_aside(struct fs *fs, const char *path, const struct bole_err *cause)
{
    char aside[4096];
    int n = snprintf(aside, sizeof aside, "%s.damaged", path);
    if (n >= (int)sizeof aside || fs_rename(fs, path, aside, NULL) < 0)
        snprintf(aside, sizeof aside, "(could not be moved)");
    LOG(ERROR, "checkpoint damaged: inputs are read again as on first sight", " reason=%s kept_as=%s",
        LOGQS(cause->msg), LOGQS(aside));
}

bole_status checkpoint_load(struct fs *fs, const char *path, struct checkpoint *ret_checkpoint, struct bole_err *err)
{
    uint8_t *bytes = NULL;
    size_t size = 0;
    struct bole_err cause = {0};
    bole_status st = read_all(fs, path, &bytes, &size, &cause);
    if (st == BOLE_E_NOTFOUND)
        return BOLE_OK;
    if (st == BOLE_OK)
        st = checkpoint_decode(bole_slice_from(bytes, size), ret_checkpoint, &cause);
    free(bytes);
    if (st == BOLE_E_CORRUPT) {
        set_aside(fs, path, &cause);
        checkpoint_deinit(ret_checkpoint);
        checkpoint_init(ret_checkpoint);
        return BOLE_OK;
    }
    if (st < 0 && err)
        *err = cause;
    return st;
}
