/*
 * segment.h - the segments that are alive: counted, with their directories cached and their bad chunks remembered.
 *
 * A segment is known from the catalogue alone until its directory is first needed. Directories are kept up to
 * SEGMENT_CACHE_BYTES, the ones not used for longest go first.
 *
 * Owner:   views hold references on segments, scans on directories.
 * Threads: any.
 */
#ifndef STORE_SEGMENT_H
#define STORE_SEGMENT_H

#include <pthread.h>

#include "catalog/catalog.h"
#include "store/segment/segment_read.h"

#define SEGMENT_CACHE_BYTES (16u * 1024 * 1024) /* of directories in memory */
#define SEGMENT_KEY_SIZE    24u                 /* "0123456789abcdef.seg" and a NUL */

struct segment;

struct segment_cache { /* one per store */
    struct objects  *objects; /* set at init, then read-only */
    struct budget   *budget;
    pthread_mutex_t  lock;
    struct segment  *newest, *oldest; /* guarded by lock: those with a directory, by last use */
    size_t           used_bytes;      /* guarded by lock */
    struct chunk_cache chunks;        /* locks itself */
    atomic_uint_fast64_t bad_chunks;  /* distinct ones met */
};

struct segment {
    atomic_uint refs;
    struct segment_cache  *cache;
    struct catalog_segment info; /* its slices point to the two texts */
    char key_text[SEGMENT_KEY_SIZE];
    atomic_bool is_stuck;        /* damaged: merges leave it alone, so that nothing more of it is lost */
    /* Of whoever merges: its groups have been joined, or there is little to join (until the next start); when the first of its streams and when the last
     * has been kept long enough. */
    bool    is_joined;
    bool    is_looked_at;
    int64_t due_ns, gone_ns;
    atomic_bool is_doomed;       /* the catalogue has it no more: the file goes with the last reference */
    /* Guarded by cache->lock: */
    struct segment_directory *directory; /* counted; NULL: not cached */
    struct segment *newer, *older;
    uint64_t *bad_offsets;
    uint32_t  bad_count;
    uint8_t   tenant_text[];
};

void segment_cache_init(struct segment_cache *c, struct objects *objects, struct budget *budget);
void segment_cache_deinit(struct segment_cache *c); /* after the last segment */

void segment_key_of(uint64_t id, char ret_key[SEGMENT_KEY_SIZE]);

/* The catalogue's row for a file with these totals; slices are borrowed. */
struct catalog_segment segment_describe(uint64_t id, bole_slice key, uint64_t size_bytes, const struct segment_totals *t);

struct segment *segment_create(struct segment_cache *c, const struct catalog_segment *info); /* NULL: no memory */
struct segment *segment_ref(struct segment *s);
void segment_unref(struct segment *s); /* NULL is fine; of a doomed one the last removes the file */

/* The directory, counted, read through `reader` (whose key is set here) when it is not cached. */
bole_status segment_directory_get(struct segment *s, struct segment_reader *reader, struct segment_directory **ret_directory,
                                  struct bole_err *err);

/* True for what must not stop a query: this part is bad, the rest is served. */
static inline bool segment_is_damage(bole_status st)
{
    return st == BOLE_E_CORRUPT || st == BOLE_E_IO || st == BOLE_E_NOTFOUND || st == BOLE_E_UNSUPPORTED;
}

/* Logs and counts a bad chunk the first time it is met. */
void segment_note_damage(struct segment *s, uint64_t offset, const struct bole_err *why);

#endif
