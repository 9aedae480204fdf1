/*
 * segment_read.h - a segment file opened: its directory, and the chunks that the directory names.
 *
 * Owner:   a directory is counted and unchanging; what its structs point to lives as long as it.
 * Threads: a directory any number of readers; a segment_reader one.
 * Errors:  BOLE_E_CORRUPT names file, offset and what is wrong; nothing is returned that has not matched its checksum.
 *          BOLE_E_UNSUPPORTED for a newer version, BOLE_E_LIMIT when the arena's budget is used up.
 */
#ifndef STORE_SEGMENT_READ_H
#define STORE_SEGMENT_READ_H

#include <stdatomic.h>

#include "base/arena.h"
#include "objects/objects.h"
#include "store/segment/chunk.h"
#include "store/segment/chunk_cache.h"
#include "store/segment/segment_group.h"

struct token_index; /* index/token_map.h */

struct segment_section {
    uint16_t type, version;
    uint64_t offset, size;
    uint32_t crc;
};

struct segment_directory {
    atomic_uint refs;
    struct arena arena;
    struct segment_totals totals;
    struct segment_section *sections;
    uint32_t section_count;
    const struct segment_section *tokens_section; /* NULL: no index that this program knows */
    _Atomic(struct token_index *) tokens;         /* opened when first needed; reads by the two below */
    struct objects *objects;
    char *key;
    uint64_t footer_offset;
    bole_slice *labels;      /* [stream_count] canonical label sets */
    uint8_t    *stream_flags;
    uint32_t    stream_count;
    struct segment_group *groups;
    uint32_t    group_count;
};

/* What reads one file after the other. */
struct segment_reader {
    struct objects *objects;
    bole_slice      key;
    struct chunk_codec codec;
    struct buf      stored; /* the chunk as it lies in the file */
    struct chunk_cache *cache;  /* borrowed; set it after init, or leave it NULL: then every chunk is read from its file */
    struct buf      held;   /* pointers to entries of the cache */
};
void segment_reader_init(struct segment_reader *r, struct objects *objects, struct budget *budget);
void segment_reader_deinit(struct segment_reader *r);

/* What segment_chunk_read_arena has returned so far is used no more: as resetting the arena. */
void segment_reader_release(struct segment_reader *r);

/* Reads header, footer and directory of r->key with one read of the tail where they fit. */
bole_status segment_directory_read(struct segment_reader *r, uint64_t file_size, struct budget *budget,
                                   struct segment_directory **ret_directory, struct bole_err *err);
struct segment_directory *segment_directory_ref(struct segment_directory *d);
void segment_directory_unref(struct segment_directory *d);
size_t segment_directory_size(const struct segment_directory *d); /* bytes of memory */

/* The chunk's bytes, decompressed, into out (which is reset) or into the arena, if the cache does not have them: valid as long as
 * the arena's, and until segment_reader_release or _deinit. */
bole_status segment_chunk_read(struct segment_reader *r, const struct segment_chunk *c, enum chunk_kind kind, struct buf *out,
                               struct bole_err *err);
bole_status segment_chunk_read_arena(struct segment_reader *r, const struct segment_chunk *c, enum chunk_kind kind,
                                     struct arena *arena, bole_slice *ret_raw, struct bole_err *err);

/* The column of a field, NULL when the group has none of its own for it. */
const struct segment_column *segment_group_field(const struct segment_group *g, bole_slice key);

/* The store that wrote the file, from its header. */
bole_status segment_store_id(struct segment_reader *r, uint8_t ret_id[SEGMENT_ID_SIZE], struct bole_err *err);

#endif
