#include "queue/wal_format.h"

#include "base/crc32c.h"

static const uint8_t header_magic[8] = "BOLEWAL\n", state_magic[8] = "BOLEWALS";

/* What header and state slot have in common: magic, version, and a checksum at the end of 64 bytes. */
static bole_status check_block(const uint8_t *block, const uint8_t magic[8], uint32_t *ret_version)
{
    if (memcmp(block, magic, 8) != 0 || load_u32(block + HEADER_CRC) != crc32c(0, block, HEADER_CRC))
        return BOLE_E_CORRUPT;
    uint32_t version = load_u32(block + HEADER_VERSION);
    *ret_version = version;
    if (version > WAL_VERSION)
        return BOLE_E_UNSUPPORTED;
    return version == WAL_VERSION ? BOLE_OK : BOLE_E_CORRUPT;
}

static void seal_block(uint8_t *block, const uint8_t magic[8])
{
    memcpy(block, magic, 8);
    store_u32(block + HEADER_VERSION, WAL_VERSION);
    store_u32(block + HEADER_CRC, crc32c(0, block, HEADER_CRC));
}

void wal_header_encode(const struct wal_header *h, uint8_t ret_block[WAL_HEADER_SIZE])
{
    memset(ret_block, 0, WAL_HEADER_SIZE);
    store_u32(ret_block + HEADER_FLAGS, h->flags);
    store_u64(ret_block + HEADER_FILE, h->file_id);
    store_u64(ret_block + HEADER_SEQUENCE, h->sequence);
    store_u64(ret_block + HEADER_BASE, h->base_lsn);
    store_u64(ret_block + HEADER_FILE_SIZE, h->file_size);
    seal_block(ret_block, header_magic);
    memcpy(ret_block + WAL_HEADER_SECOND, ret_block, WAL_HEADER_COPY_SIZE);
}

bole_status wal_header_decode(const uint8_t copy[WAL_HEADER_COPY_SIZE], struct wal_header *ret_header,
                              uint32_t *ret_version)
{
    bole_status st = check_block(copy, header_magic, ret_version);
    if (st < 0)
        return st;
    struct wal_header h = {
        .flags = load_u32(copy + HEADER_FLAGS),
        .file_id = load_u64(copy + HEADER_FILE),
        .sequence = load_u64(copy + HEADER_SEQUENCE),
        .base_lsn = load_u64(copy + HEADER_BASE),
        .file_size = load_u64(copy + HEADER_FILE_SIZE),
    };
    if (h.file_id == 0 || h.base_lsn > QUEUE_LSN_MAX || h.sequence == UINT64_MAX)
        return BOLE_E_CORRUPT;
    *ret_header = h;
    return BOLE_OK;
}

void wal_state_encode(const struct wal_state *s, uint8_t ret_slot[WAL_STATE_SLOT_SIZE])
{
    memset(ret_slot, 0, WAL_STATE_SLOT_SIZE);
    store_u64(ret_slot + STATE_COUNT, s->count);
    store_u64(ret_slot + STATE_RELEASED, s->released_lsn);
    store_u64(ret_slot + STATE_DURABLE, s->durable_lsn);
    store_u64(ret_slot + STATE_CURRENT, s->current);
    store_u64(ret_slot + STATE_SPARE, s->spare);
    seal_block(ret_slot, state_magic);
}

bole_status wal_state_decode(const uint8_t slot[WAL_STATE_SLOT_SIZE], struct wal_state *ret_state,
                             uint32_t *ret_version)
{
    bole_status st = check_block(slot, state_magic, ret_version);
    if (st < 0)
        return st;
    struct wal_state s = {load_u64(slot + STATE_COUNT), load_u64(slot + STATE_RELEASED),
                          load_u64(slot + STATE_DURABLE), load_u64(slot + STATE_CURRENT),
                          load_u64(slot + STATE_SPARE)};
    if (s.count == UINT64_MAX || s.released_lsn > QUEUE_LSN_MAX || s.durable_lsn > QUEUE_LSN_MAX)
        return BOLE_E_CORRUPT;
    *ret_state = s;
    return BOLE_OK;
}

void wal_frame_encode(uint64_t file_id, uint64_t lsn, uint64_t durable_lsn, const bole_slice *parts, size_t part_count,
                      uint8_t ret_header[WAL_FRAME_HEADER_SIZE])
{
    size_t length = 0;
    for (size_t i = 0; i < part_count; i++)
        length += parts[i].len;
    store_u32(ret_header + FRAME_LENGTH, (uint32_t)length);
    store_u64(ret_header + FRAME_FILE, file_id);
    store_u64(ret_header + FRAME_LSN, lsn);
    store_u64(ret_header + FRAME_DURABLE, durable_lsn);
    uint32_t crc = crc32c(0, ret_header + FRAME_LENGTH, WAL_FRAME_HEADER_SIZE - FRAME_LENGTH);
    for (size_t i = 0; i < part_count; i++)
        crc = crc32c(crc, parts[i].ptr, parts[i].len);
    store_u32(ret_header + FRAME_CRC, crc);
}

bool wal_frame_is_plausible(const uint8_t header[WAL_FRAME_HEADER_SIZE], uint64_t file_id)
{
    uint32_t length = load_u32(header + FRAME_LENGTH);
    uint64_t lsn = load_u64(header + FRAME_LSN);
    return load_u64(header + FRAME_FILE) == file_id && length >= 1 && length <= QUEUE_GROUP_SIZE_MAX && lsn >= 1 &&
           lsn <= QUEUE_LSN_MAX && load_u64(header + FRAME_DURABLE) < lsn;
}

bool wal_frame_is_whole(const uint8_t *frame)
{
    size_t size = WAL_FRAME_HEADER_SIZE + load_u32(frame + FRAME_LENGTH);
    return load_u32(frame + FRAME_CRC) == crc32c(0, frame + FRAME_LENGTH, size - FRAME_LENGTH);
}
