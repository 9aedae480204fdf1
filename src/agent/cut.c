/*
 * One group of the spool, version 1, little endian:
 *
 *   offset size
 *        0    4  "BCUT"
 *        4    1  version, 1
 *        5    1  kind: 1 batches, 2 a new producer
 *        6    2  number of batches, 0 .. CUT_BATCHES_MAX
 *        8    8  number of the cut
 *   kind 1:
 *       16    4  size of the marks
 *       20    -  for each batch: u32 lane, u32 size; then the marks; then the batches
 *   kind 2:
 *       16    4  lane
 *       20   16  producer until now
 *       36   16  producer from now on
 *       52    8  the sequence of the former that is the latter's first
 *
 * The checksum is that of the log's frame (docs/format/wal.md).
 */
#include "agent/cut.h"

#include "base/bytes.h"
#include "base/err.h"

enum { VERSION = 1, KIND_BATCHES = 1, KIND_MOVE = 2, BATCH_ENTRY_SIZE = 8 };

static const bole_slice magic = {(const uint8_t *)"BCUT", 4};

void cut_encode_head(const struct cut *c, struct buf *out)
{
    buf_put(out, magic);
    buf_put_u8(out, VERSION);
    buf_put_u8(out, c->is_move ? KIND_MOVE : KIND_BATCHES);
    buf_put_u16(out, (uint16_t)c->batch_count);
    buf_put_u64(out, c->number);
    if (c->is_move) {
        buf_put_u32(out, c->move.lane);
        buf_put(out, (bole_slice){c->move.from, BATCH_PRODUCER_SIZE});
        buf_put(out, (bole_slice){c->move.to, BATCH_PRODUCER_SIZE});
        buf_put_u64(out, c->move.from_sequence);
        return;
    }
    buf_put_u32(out, (uint32_t)c->marks.len);
    for (size_t i = 0; i < c->batch_count; i++) {
        buf_put_u32(out, c->batches[i].lane);
        buf_put_u32(out, (uint32_t)c->batches[i].bytes.len);
    }
    buf_put(out, c->marks);
}

static void decode_move(struct reader *r, struct cut_move *ret_move)
{
    ret_move->lane = reader_u32(r);
    bole_slice from = reader_bytes(r, BATCH_PRODUCER_SIZE), to = reader_bytes(r, BATCH_PRODUCER_SIZE);
    ret_move->from_sequence = reader_u64(r);
    if (r->failed)
        return;
    memcpy(ret_move->from, from.ptr, sizeof ret_move->from);
    memcpy(ret_move->to, to.ptr, sizeof ret_move->to);
    r->failed = ret_move->lane >= CUT_LANES_MAX || ret_move->from_sequence == 0;
}

static void decode_batches(struct reader *r, struct cut *c)
{
    bole_slice table;
    uint32_t marks_size = reader_u32(r);
    table = reader_bytes(r, c->batch_count * BATCH_ENTRY_SIZE);
    c->marks = reader_bytes(r, marks_size);
    for (size_t i = 0; i < c->batch_count && !r->failed; i++) {
        struct cut_batch *b = &c->batches[i];
        b->lane = load_u32(table.ptr + i * BATCH_ENTRY_SIZE);
        b->bytes = reader_bytes(r, load_u32(table.ptr + i * BATCH_ENTRY_SIZE + 4));
        r->failed |= b->lane >= CUT_LANES_MAX || b->bytes.len < BATCH_HEADER_SIZE || batch_stamp_of(b->bytes).sequence == 0;
    }
}

bole_status cut_decode(bole_slice payload, struct cut *ret_cut, struct bole_err *err)
{
    struct reader r = reader_of(payload);
    bool is_cut = bole_slice_eq(reader_bytes(&r, magic.len), magic);
    uint8_t version = reader_u8(&r), kind = reader_u8(&r);
    if (is_cut && !r.failed && version > VERSION)
        return bole_fail(err, BOLE_E_UNSUPPORTED, "spool: a group of version %u, this program knows %u", version, VERSION);
    ret_cut->batch_count = reader_u16(&r);
    ret_cut->number = reader_u64(&r);
    ret_cut->is_move = kind == KIND_MOVE;
    ret_cut->marks = (bole_slice){0};
    if (r.failed || !is_cut || version == 0 || (kind != KIND_BATCHES && kind != KIND_MOVE) ||
        ret_cut->batch_count > CUT_BATCHES_MAX)
        return bole_fail(err, BOLE_E_CORRUPT, "spool: not a group of an agent");
    if (ret_cut->is_move)
        decode_move(&r, &ret_cut->move);
    else
        decode_batches(&r, ret_cut);
    if (r.failed || reader_left(&r) || (ret_cut->is_move && ret_cut->batch_count))
        return bole_fail(err, BOLE_E_CORRUPT, "spool: group %llu does not fit its sizes", (unsigned long long)ret_cut->number);
    return BOLE_OK;
}
