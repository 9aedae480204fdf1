/*
 * chunk.h - the unit of a segment file that has a checksum: a column, a page of a column, a section.
 *
 * Format:  store/segment/segment_format.h.
 * Threads: a chunk_codec one at a time.
 */
#ifndef STORE_CHUNK_H
#define STORE_CHUNK_H

#include "base/buf.h"
#include "store/segment/segment_format.h"

#define CHUNK_HEADER_SIZE 20u
#define CHUNK_RAW_MAX     (64u * 1024 * 1024) /* bytes decompressed */

/* Working memory of the compressor, about 1 MB; kept from chunk to chunk. */
struct chunk_codec {
    void *compress;   /* ZSTD_CCtx; made on first use */
    void *decompress; /* ZSTD_DCtx */
    int   level;      /* of zstd; 0: the one for what must be fast */
};

void chunk_codec_deinit(struct chunk_codec *z);

/* Appends one chunk. Compressed where that saves a sixteenth or more. Returns its size with header; 0 after BOLE_E_NOMEM. */
size_t chunk_put(struct buf *out, struct chunk_codec *z, enum chunk_kind kind, uint32_t rows, bole_slice raw);

struct chunk {
    enum chunk_kind kind;
    uint32_t        rows;
    uint32_t        raw_size;
    uint8_t         codec;
    bole_slice      payload; /* within the stored bytes */
};

/* Checks `stored`, which must be exactly one chunk of this kind: BOLE_E_CORRUPT, or BOLE_E_UNSUPPORTED for a newer one. */
bole_status chunk_check(bole_slice stored, enum chunk_kind kind, struct chunk *ret_chunk, struct bole_err *err);

/* Writes the raw_size bytes of a checked chunk. BOLE_E_CORRUPT when the payload does not decompress to them. */
bole_status chunk_decompress(struct chunk_codec *z, const struct chunk *c, uint8_t *ret_raw, struct bole_err *err);

#endif
