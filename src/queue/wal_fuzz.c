/*
 * Recovery over arbitrary files. Whatever stands in the directory: opening ends, with success or a refusal; what is
 * read is in order; a group appended then is there after the next start, with everything that was there before it.
 *
 * Input: one byte of flags, eight of min_lsn, then two files: a length (u16), flags of the header, frames. The header
 * is made here and, when asked for, so are file ids and checksums of what has the shape of frames: luck would never
 * find them.
 */
#include <stdlib.h>

#include "base/crc32c.h"
#include "base/random.h"
#include "queue/wal.h"
#include "queue/wal_format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FUZZ_MEND_FRAMES = 1, FUZZ_STATE = 2, FUZZ_MIN_LSN = 4, FUZZ_FILE_ID = 77, FUZZ_FILE_SIZE = 8192 };
#define FUZZ_DIR "d"

static void mend_frames(uint8_t *bytes, size_t size, uint64_t file_id)
{
    for (size_t at = WAL_HEADER_SIZE; at + WAL_FRAME_HEADER_SIZE < size;) {
        uint8_t *frame = bytes + at;
        size_t room = size - at - WAL_FRAME_HEADER_SIZE;
        uint32_t length = load_u32(frame + FRAME_LENGTH);
        length = 1 + length % 64 < room ? 1 + length % 64 : (uint32_t)room;
        store_u32(frame + FRAME_LENGTH, length);
        store_u64(frame + FRAME_FILE, file_id);
        store_u64(frame + FRAME_LSN, load_u64(frame + FRAME_LSN) & 0xffff);
        store_u64(frame + FRAME_DURABLE, load_u64(frame + FRAME_DURABLE) & 0xffff);
        if (frame[0] % 8) /* else it stays damaged */
            store_u32(frame + FRAME_CRC,
                      crc32c(0, frame + FRAME_LENGTH, WAL_FRAME_HEADER_SIZE - FRAME_LENGTH + length));
        at += wal_frame_size(length);
    }
}

static void store_file(struct fs *disk, const char *path, const uint8_t *bytes, size_t size)
{
    if (fs_write_file(disk, path, bole_slice_from(bytes, size), NULL) < 0)
        abort();
}

static void make_file(struct fs *disk, const char *path, uint64_t sequence, uint8_t flags, bool mend, bole_slice frames)
{
    size_t size = WAL_HEADER_SIZE + frames.len;
    uint8_t *bytes = malloc(size);
    struct wal_header h = {flags & 1, FUZZ_FILE_ID + sequence, sequence + (flags >> 4), (flags >> 1) & 3};
    wal_header_encode(&h, bytes);
    if (flags & 8)
        bytes[HEADER_SEQUENCE] ^= 0x40; /* one copy damaged */
    if (frames.len)
        memcpy(bytes + WAL_HEADER_SIZE, frames.ptr, frames.len);
    if (mend)
        mend_frames(bytes, size, h.file_id);
    store_file(disk, path, bytes, size);
    free(bytes);
}

static void make_state(struct fs *disk, uint64_t released, uint64_t durable)
{
    uint8_t bytes[WAL_STATE_SIZE] = {0};
    struct wal_state s = {4, released & 0xff, durable & 0xff};
    wal_state_encode(&s, bytes);
    store_file(disk, FUZZ_DIR "/state", bytes, sizeof bytes);
}

struct seen {
    uint64_t last_lsn, count;
    bool ends_with_mark;
};

static const bole_slice mark = {(const uint8_t *)"appended by the fuzzer", 22};

static bole_status see(uint64_t lsn, bole_slice payload, void *ctx, struct bole_err *err)
{
    struct seen *s = ctx;
    if (lsn <= s->last_lsn || payload.len == 0)
        abort();
    s->last_lsn = lsn;
    s->count++;
    s->ends_with_mark = bole_slice_eq(payload, mark);
    return BOLE_OK;
}

static void ignore_fatal(const struct bole_err *err)
{
    abort(); /* this disk fails no sync */
}

static struct queue *open_log(struct fs *disk, struct random *random, uint64_t min_lsn)
{
    struct bole_err err;
    struct queue *q = NULL;
    struct wal_options o = {.dir = FUZZ_DIR,
                            .fs = disk,
                            .clock = &clock_system,
                            .random = random,
                            .min_lsn = min_lsn,
                            .on_fatal = ignore_fatal,
                            .file_size_min = FUZZ_FILE_SIZE,
                            .file_size_max = FUZZ_FILE_SIZE,
                            .no_helper = true};
    return wal_open(&o, &q, &err) < 0 ? NULL : q;
}

static struct seen read_log(struct queue *q)
{
    struct seen s = {0};
    struct bole_err err;
    if (queue_read(q, 0, see, &s, &err) != BOLE_OK)
        abort();
    return s;
}

static void exercise(struct fs *disk, uint64_t min_lsn)
{
    struct bole_err err;
    struct random random;
    struct wal_check_result result;
    uint64_t lsn = 0;
    random_seed(&random, 1);
    if (wal_check(disk, FUZZ_DIR, NULL, NULL, &result, &err) < 0 && err.code != BOLE_E_UNSUPPORTED)
        abort();
    struct queue *q = open_log(disk, &random, min_lsn);
    if (!q)
        return;
    struct seen before = read_log(q);
    bole_status st = queue_append(q, &mark, 1, &lsn, &err);
    if (st != BOLE_OK && st != BOLE_E_LIMIT)
        abort();
    queue_destroy(q);
    q = open_log(disk, &random, min_lsn);
    struct seen after = q ? read_log(q) : (struct seen){0};
    if (!q || after.count != before.count + (st == BOLE_OK))
        abort();
    if (st == BOLE_OK && (after.last_lsn != lsn || lsn <= before.last_lsn || lsn <= min_lsn || !after.ends_with_mark))
        abort();
    queue_destroy(q);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 14)
        return 0;
    struct fs *disk = fs_mem_create();
    uint8_t flags = data[0];
    size_t rest = size - 14, length = load_u16(data + 9);
    length = length < rest ? length : rest;
    if (fs_make_dir(disk, FUZZ_DIR, NULL) < 0)
        abort();
    const uint8_t *frames = data + 14;
    make_file(disk, FUZZ_DIR "/0000000000000001.wal", 1, data[11], flags & FUZZ_MEND_FRAMES,
              bole_slice_from(frames, length));
    make_file(disk, FUZZ_DIR "/0000000000000002.wal", 2, data[12], flags & FUZZ_MEND_FRAMES,
              bole_slice_from(frames + length, rest - length));
    if (flags & FUZZ_STATE)
        make_state(disk, data[13], flags >> 4);
    exercise(disk, flags & FUZZ_MIN_LSN ? load_u64(data + 1) & QUEUE_LSN_MAX : 0);
    fs_mem_destroy(disk);
    return 0;
}
