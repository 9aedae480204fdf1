/*
 * segment_format.h - layout of a segment file, version 1, little endian; docs/format/segment.md says the same in prose.
 *
 *   header, 32 bytes
 *   chunks of row group 0, of row group 1, ...       no gaps: every byte of the file belongs to something with a checksum
 *   sections
 *   footer
 *   tail, 16 bytes
 *
 * Header:  "BoleSeg\n", u16 version, u16 zero, 16 bytes id of the store, u32 crc32c of the 28 bytes before.
 *
 * Chunk:   u32 crc32c of everything after this field, u8 kind, u8 encoding version, u8 codec, u8 zero, u32 size of the
 *          payload, u32 size of the payload decompressed, u32 rows; payload.
 *
 * Section: one chunk; its rows are the entries it holds. Unknown types are skipped (and can still be checked).
 *   3 tokens     no chunk but the bytes of docs/format/index.md, which are read by ranges; the first section; may be missing
 *   1 streams    per entry: u8 flags, varint length, canonical label set (record/labels.h)
 *   2 directory  varint level (0: a cut, else a merge), varint tenants, per tenant: varint length, name; then per row group
 *                (the chunk's rows say how many):
 *                  varint tenant, varint rows, i64 lowest time, i64 highest time, i64 latest receipt, varint bytes of lines,
 *                  varint bytes of field keys and values, varint lowest LSN, varint highest LSN - lowest,
 *                  u8 order of the rows, u8 generation, u64 family, varint length, name of the family, digest (digest.h),
 *                  varint streams, per stream: zigzag varint id - (previous id + 1; the first: 0), varint rows, varint bytes
 *                  of lines;
 *                  varint columns, per column: u8 kind, (fields: varint length, key), varint chunks, per chunk: varint
 *                  size with header, varint rows.
 *                Chunks lie in the file in this order, from the end of the header on.
 *
 * Footer:  u32 sections, per section: u16 type, u16 version, u64 offset, u64 size, u32 crc32c of these bytes;
 *          u64 rows, u64 bytes of lines and fields, i64 lowest time, i64 highest time, u64 lowest LSN, u64 highest LSN,
 *          i64 created.
 * Tail:    u32 size of the footer, u32 crc32c of the footer and that size, "BoleSeg\n".
 *
 * Columns of a row group (rows sorted by (time, seq), or, order 1, by (index of the stream, time, seq)):
 *   TIME     one chunk: u64 scale, pack delta of time / scale
 *   SEQ      one: runs of consecutive numbers: zigzag varint (first - end of the run before), varint length - 1
 *   STREAM   one: pack plain of the index into the group's stream list
 *   TEXT     the lines: codec/text.h
 *   FIELD    varint rows that have the key; if not all: a bit per row; head and numbers of their values (codec/values.h);
 *            a second chunk with the text of the values when there is any
 *   REST     as FIELD, of all rows; a row's value is its remaining fields: varint length, key, varint length, value each
 *   ROLLUP   one: rollup.h. May be missing
 */
#ifndef STORE_SEGMENT_FORMAT_H
#define STORE_SEGMENT_FORMAT_H

#include <stdint.h>

#define SEGMENT_MAGIC       "BoleSeg\n"
#define SEGMENT_MAGIC_SIZE  8u
#define SEGMENT_VERSION     1u
#define SEGMENT_ID_SIZE     16u /* of the store that wrote it */
#define SEGMENT_HEADER_SIZE 32u
#define SEGMENT_TAIL_SIZE   16u
#define SEGMENT_SECTION_SIZE 24u  /* one entry of the footer's table */
#define SEGMENT_TOTALS_SIZE 56u
#define SEGMENT_SECTIONS_MAX 64u
#define SEGMENT_FOOTER_MAX  (4u + SEGMENT_SECTIONS_MAX * SEGMENT_SECTION_SIZE + SEGMENT_TOTALS_SIZE)

enum { HEADER_MAGIC = 0, HEADER_VERSION = 8, HEADER_ZERO = 10, HEADER_STORE = 12, HEADER_CRC = 28 };
_Static_assert(HEADER_CRC + sizeof(uint32_t) == SEGMENT_HEADER_SIZE, "segment header layout");

enum section_type { SECTION_STREAMS = 1, SECTION_DIRECTORY = 2, SECTION_TOKENS = 3 };
enum { STREAMS_VERSION = 1, DIRECTORY_VERSION = 2, TOKENS_VERSION = 1 };

enum group_order {
    GROUP_BY_TIME = 0,
    GROUP_BY_STREAM = 1, /* runs of one stream each, in the order of the group's list of streams; sorted by time inside */
};
#define LEVEL_FINAL 255u /* a merge's result that will not be merged again */
#define LEVEL_PACKED 256u /* likewise, and its chunks were compressed with more effort */

/* One row group: what is compressed, indexed and skipped together. */
#define GROUP_ROWS_MAX      65536u
#define GROUP_RAW_MAX       (8u * 1024 * 1024)  /* bytes of lines and fields; the row that passes it is the last */
#define GROUP_JOINED_RAW_MAX (2u * GROUP_RAW_MAX) /* the same of groups that were made of small ones while nothing else was to do */
#define FIELD_COLUMNS_MAX   512u                /* keys with a column of their own; the others share REST */

enum chunk_kind {
    CHUNK_TIME = 1,
    CHUNK_SEQ = 2,
    CHUNK_STREAM = 3,
    CHUNK_TEXT = 4,
    CHUNK_FIELD = 5,
    CHUNK_REST = 6,
    CHUNK_ROLLUP = 7,
    CHUNK_SECTION = 100,
};

#endif
