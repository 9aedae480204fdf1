#include "store/segment_copy.h"

#include <stdlib.h>

#include "base/err.h"
#include "store/group_read.h"

static bole_status check_chunks(const struct segment *segment, const struct segment_group *g, bole_slice bytes,
                                struct bole_err *err)
{
    for (uint32_t i = 0; i < g->column_count; i++)
        for (uint32_t k = 0; k < g->columns[i].chunk_count; k++) {
            const struct segment_chunk *c = &g->columns[i].chunks[k];
            struct chunk chunk;
            bole_status st = chunk_check(bole_slice_from(bytes.ptr + (c->offset - g->offset), c->size),
                                         g->columns[i].kind, &chunk, err);
            if (st < 0) {
                bole_err_context(err, "segment %s: at %llu", segment->key_text, (unsigned long long)c->offset);
                return st;
            }
        }
    return BOLE_OK;
}

/* *ret_streams: malloc'd. */
static bool map_streams(struct segment_file *to, const struct segment_directory *d, const struct segment_group *g,
                        struct segment_stream **ret_streams)
{
    struct segment_stream *streams = malloc(g->stream_count * sizeof *streams);
    for (uint32_t i = 0; streams && i < g->stream_count; i++) {
        streams[i] = g->streams[i];
        if (!segment_file_stream(to, d->stream_flags[g->streams[i].id], d->labels[g->streams[i].id], &streams[i].id)) {
            free(streams);
            return false;
        }
    }
    *ret_streams = streams;
    return streams != NULL;
}

/* An index knows a token by fewer bits than another one needs, so the tokens are gathered anew, from what is distinct. */
static bole_status index_group(struct segment_file *to, struct segment *segment, struct segment_directory *directory,
                               uint32_t group, struct bole_err *err)
{
    struct group_reader *r = group_reader_create(segment->cache->objects, to->out.budget);
    if (!r)
        return bole_fail(err, BOLE_E_NOMEM, "segment: no memory to index a row group");
    bole_status st = group_reader_pieces(r, segment, directory, group, segment_file_piece, to, err);
    group_reader_destroy(r);
    return st;
}

bole_status segment_copy_group(struct segment_file *to, struct segment *segment,
                               struct segment_directory *directory,
                               uint32_t group, bool *ret_unreadable, struct bole_err *err)
{
    struct segment_group g = directory->groups[group];
    if (!map_streams(to, directory, &g, &g.streams))
        return bole_fail(err, BOLE_E_NOMEM, "segment: no memory to copy a row group");
    bole_status st = BOLE_OK;
    if (!buf_reserve(&to->out, g.size))
        st = bole_fail(err, BOLE_E_LIMIT, "segment: no room to copy a row group");
    if (st >= 0) {
        uint8_t *bytes = to->out.ptr + to->out.len;
        st = objects_read(segment->cache->objects, segment->info.key, g.offset, g.size, bytes, err);
        if (st >= 0)
            st = check_chunks(segment, &g, bole_slice_from(bytes, g.size), err);
        *ret_unreadable = segment_is_damage(st);
    }
    if (st >= 0) {
        to->out.len += g.size;
        st = index_group(to, segment, directory, group, err);
        *ret_unreadable = segment_is_damage(st);
    }
    if (st >= 0)
        st = segment_file_add(to, &g, err);
    free(g.streams);
    return st;
}
