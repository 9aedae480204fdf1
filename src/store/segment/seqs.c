#include "store/segment/seqs.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"

enum { BEHIND_ROW = 0, BEHIND_ROW_OF_STREAM = 1 };

/* The number that the row would have behind the row before, or behind that of its stream where it has one. */
static inline uint64_t expect(uint64_t next_of_all, const uint64_t *next, const uint32_t *streams, uint32_t row)
{
    return streams && next[streams[row]] ? next[streams[row]] : next_of_all;
}

static inline uint64_t zigzag(uint64_t step)
{
    return step << 1 ^ (0 - (step >> 63));
}

/* Bits of all steps: one that is far off takes more bytes than several that are near. */
static uint64_t count_bits(const uint64_t *seqs, const uint32_t *streams, uint32_t count, uint64_t *next)
{
    uint64_t bits = 0, next_of_all = 0;
    for (uint32_t row = 0; row < count; row++) {
        uint64_t step = seqs[row] - expect(next_of_all, next, streams, row);
        bits += step ? 64u - (unsigned)__builtin_clzll(zigzag(step)) : 0;
        next_of_all = seqs[row] + 1;
        if (streams)
            next[streams[row]] = next_of_all;
    }
    return bits;
}

void seqs_put(struct buf *out, const uint64_t *seqs, const uint32_t *streams, uint32_t count, uint64_t *next,
              uint32_t stream_count)
{
    memset(next, 0, stream_count * sizeof *next);
    if (streams && count_bits(seqs, streams, count, next) >= count_bits(seqs, NULL, count, next))
        streams = NULL;
    memset(next, 0, stream_count * sizeof *next);
    buf_put_u8(out, streams ? BEHIND_ROW_OF_STREAM : BEHIND_ROW);
    uint64_t next_of_all = 0;
    uint32_t run = 0;
    for (uint32_t row = 0; row < count; row++) {
        uint64_t step = seqs[row] - expect(next_of_all, next, streams, row);
        run += step == 0;
        if (step) {
            buf_put_varint(out, run);
            buf_put_varint(out, zigzag(step));
            run = 0;
        }
        next_of_all = seqs[row] + 1;
        if (streams)
            next[streams[row]] = next_of_all;
    }
    if (run)
        buf_put_varint(out, run);
}

/* `count` rows that are where they are expected. Returns what comes next of all. */
static uint64_t read_run(uint64_t next_of_all, uint64_t *next, const uint32_t *streams, uint32_t count, uint64_t *ret_seqs)
{
    if (!streams) {
        for (uint32_t i = 0; i < count; i++)
            ret_seqs[i] = next_of_all + i;
        return next_of_all + count;
    }
    for (uint32_t i = 0; i < count; i++) {
        ret_seqs[i] = expect(next_of_all, next, streams, i);
        next[streams[i]] = next_of_all = ret_seqs[i] + 1;
    }
    return next_of_all;
}

bool seqs_read(bole_slice raw, const uint32_t *streams, uint32_t count, uint64_t *next, uint32_t stream_count,
               uint64_t *ret_seqs)
{
    struct reader in = reader_of(raw);
    unsigned behind = reader_u8(&in);
    if (behind > BEHIND_ROW_OF_STREAM || (behind == BEHIND_ROW_OF_STREAM && !streams))
        return false;
    if (behind == BEHIND_ROW)
        streams = NULL;
    memset(next, 0, stream_count * sizeof *next);
    uint64_t next_of_all = 0;
    for (uint32_t row = 0; row < count;) {
        uint64_t run = reader_varint(&in);
        if (in.failed || run > count - row)
            return false;
        next_of_all = read_run(next_of_all, next, streams ? streams + row : NULL, (uint32_t)run, ret_seqs + row);
        row += (uint32_t)run;
        if (row == count)
            break;
        uint64_t step = reader_varint(&in); /* a run ends with a row that is not expected */
        ret_seqs[row] = expect(next_of_all, next, streams, row) + (step >> 1 ^ (0 - (step & 1)));
        next_of_all = ret_seqs[row] + 1;
        if (streams)
            next[streams[row]] = next_of_all;
        row++;
    }
    return !in.failed && reader_left(&in) == 0;
}

bole_status seqs_of_group(bole_slice raw, const struct packed *streams, uint32_t count, uint32_t stream_count,
                          uint64_t *ret_seqs)
{
    bole_status st = BOLE_E_LIMIT;
    uint64_t *next = malloc((stream_count + 1ull) * sizeof *next);
    uint32_t *of_rows = malloc(count * sizeof *of_rows);
    if (next && of_rows) {
        if (streams)
            packed_read_u32(streams, 0, count, of_rows);
        st = seqs_read(raw, streams ? of_rows : NULL, count, next, stream_count, ret_seqs) ? BOLE_OK : BOLE_E_CORRUPT;
    }
    free(next);
    free(of_rows);
    return st;
}
