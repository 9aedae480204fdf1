/*
 * wal_format.h - the bytes of the write-ahead log. docs/format/wal.md is the same for readers outside.
 *
 * All numbers little endian. A file is a header block of 4096 bytes and frames back to back, each padded with zeros to
 * a multiple of 8; what follows the last frame is zeros, or stale bytes of the file's former life, which never match
 * because every life has a random id and every frame carries it under its checksum.
 *
 * Header, two equal copies at offsets 0 and 2048 of the file:
 *
 *   offset size
 *        0    8  "BOLEWAL\n"
 *        8    4  version, 1; everything but magic, version and checksum may move in a later one
 *       12    4  flags: 1 = the file has had a former life, its tail is not zeros
 *       16    8  file id, random, never 0
 *       24    8  sequence: the order of files, and their name
 *       32    8  base_lsn: a group that was durable when the file was prepared
 *       40    8  size of the file when it was prepared, 0: not known
 *       48   12  zero
 *       60    4  crc32c of bytes 0..59
 *
 * Frame: one per commit group.
 *
 *   offset size
 *        0    4  crc32c of everything after this field, payload included, padding not
 *        4    4  length of the payload, 1 .. QUEUE_GROUP_SIZE_MAX
 *        8    8  file id
 *       16    8  lsn, 1 .. QUEUE_LSN_MAX
 *       24    8  durable_lsn, below lsn: the last group known to be synced when this one was written
 *       32    -  payload
 *
 * State, file "state", two slots at offsets 0 and 4096, written in turn; the valid one with the higher count stands:
 *
 *   offset size
 *        0    8  "BOLEWALS"
 *        8    4  version, 1
 *       12    4  zero
 *       16    8  count of writes
 *       24    8  released_lsn
 *       32    8  durable_lsn: a hint, at most what is durable
 *       40    8  current: sequence of the file that groups went to, 0: none
 *       48    8  spare: sequence of the file that was ready behind it, 0: none
 *       56    4  zero
 *       60    4  crc32c of bytes 0..59
 */
#ifndef QUEUE_WAL_FORMAT_H
#define QUEUE_WAL_FORMAT_H

#include "base/bytes.h"
#include "base/slice.h"
#include "queue/queue.h"

#define WAL_VERSION 1u

enum { HEADER_MAGIC = 0, HEADER_VERSION = 8, HEADER_FLAGS = 12, HEADER_FILE = 16, HEADER_SEQUENCE = 24, HEADER_BASE = 32,
       HEADER_FILE_SIZE = 40, HEADER_CRC = 60, WAL_HEADER_COPY_SIZE = 64, WAL_HEADER_SECOND = 2048,
       WAL_HEADER_SIZE = 4096 };
enum { FRAME_CRC = 0, FRAME_LENGTH = 4, FRAME_FILE = 8, FRAME_LSN = 16, FRAME_DURABLE = 24, WAL_FRAME_HEADER_SIZE = 32,
       WAL_FRAME_ALIGN = 8 };
enum { STATE_MAGIC = 0, STATE_VERSION = 8, STATE_COUNT = 16, STATE_RELEASED = 24, STATE_DURABLE = 32,
       STATE_CURRENT = 40, STATE_SPARE = 48, STATE_CRC = 60, WAL_STATE_SLOT_SIZE = 64, WAL_STATE_SECOND = 4096,
       WAL_STATE_SIZE = 8192 };
_Static_assert(FRAME_DURABLE + sizeof(uint64_t) == WAL_FRAME_HEADER_SIZE, "frame header layout");
_Static_assert(HEADER_CRC + sizeof(uint32_t) == WAL_HEADER_COPY_SIZE, "file header layout");
_Static_assert(STATE_CRC + sizeof(uint32_t) == WAL_STATE_SLOT_SIZE, "state slot layout");

enum { WAL_FLAG_REUSED = 1 };

struct wal_header {
    uint32_t flags;
    uint64_t file_id, sequence, base_lsn, file_size;
};

struct wal_state {
    uint64_t count, released_lsn, durable_lsn;
    /* Sequences; 0: none. Every file that may hold groups whose numbers nothing else tells is one of the two; after a
     * clean stop both are 0, and durable_lsn is the last group there is. */
    uint64_t current, spare;
};

void wal_header_encode(const struct wal_header *h, uint8_t ret_block[WAL_HEADER_SIZE]); /* both copies */
/* From one copy. BOLE_E_CORRUPT, or BOLE_E_UNSUPPORTED: whole, but of a later version, which goes to *ret_version. */
bole_status wal_header_decode(const uint8_t copy[WAL_HEADER_COPY_SIZE], struct wal_header *ret_header, uint32_t *ret_version);

void wal_state_encode(const struct wal_state *s, uint8_t ret_slot[WAL_STATE_SLOT_SIZE]);
bole_status wal_state_decode(const uint8_t slot[WAL_STATE_SLOT_SIZE], struct wal_state *ret_state, uint32_t *ret_version);

static inline uint64_t wal_frame_size(uint64_t payload_size)
{
    return (WAL_FRAME_HEADER_SIZE + payload_size + WAL_FRAME_ALIGN - 1) & ~(uint64_t)(WAL_FRAME_ALIGN - 1);
}

void wal_frame_encode(uint64_t file_id, uint64_t lsn, uint64_t durable_lsn, const bole_slice *parts, size_t part_count,
                      uint8_t ret_header[WAL_FRAME_HEADER_SIZE]);
/* Could this be the header of a frame of that file? Ranges only; the checksum is the next step. */
bool wal_frame_is_plausible(const uint8_t header[WAL_FRAME_HEADER_SIZE], uint64_t file_id);
/* Header and payload, of which the length is FRAME_LENGTH. */
bool wal_frame_is_whole(const uint8_t *frame);

#endif
