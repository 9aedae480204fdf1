#include "store/segment/segment_copy.h"

#include <stdlib.h>

#include "base/err.h"
#include "store/scan/group_read.h"

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
    bool cuts;
    bole_status st = group_reader_pieces(r, segment, directory, group, segment_file_piece, to, &cuts, err);
    if (st >= 0 && cuts)
        segment_file_cuts(to);
    group_reader_destroy(r);
    return st;
}

/* Appends the chunk anew, or as it is when that is not smaller. Returns its size. */
static size_t pack_chunk(struct segment_file *to, enum chunk_kind kind, bole_slice stored, struct buf *raw)
{
    struct chunk chunk;
    size_t before = to->out.len;
    buf_reset(raw);
    if (chunk_check(stored, kind, &chunk, NULL) >= 0 && buf_reserve(raw, chunk.raw_size) &&
        chunk_decompress(&to->codec, &chunk, raw->ptr, NULL) >= 0) {
        size_t size = chunk_put(&to->out, &to->codec, kind, chunk.rows, bole_slice_from(raw->ptr, chunk.raw_size));
        if (size && size < stored.len)
            return size;
    }
    to->out.len = before;
    buf_put(&to->out, stored);
    return to->out.failed ? 0 : stored.len;
}

/* The group's chunks with the effort of to->codec; g's entries of columns become those in `entries`. */
static bole_status pack_group(struct segment_file *to, struct segment_group *g, bole_slice bytes, struct buf *entries,
                              struct bole_err *err)
{
    struct buf raw;
    bool ok = true;
    buf_init(&raw, to->out.budget);
    for (uint32_t i = 0; ok && i < g->column_count; i++) {
        const struct segment_column *column = &g->columns[i];
        buf_put_u8(entries, (uint8_t)column->kind);
        if (column->kind == CHUNK_FIELD) {
            buf_put_varint(entries, column->key.len);
            buf_put(entries, column->key);
        }
        buf_put_varint(entries, column->chunk_count);
        for (uint32_t k = 0; ok && k < column->chunk_count; k++) {
            const struct segment_chunk *c = &column->chunks[k];
            size_t size = pack_chunk(to, column->kind, bole_slice_from(bytes.ptr + (c->offset - g->offset), c->size), &raw);
            ok = size > 0;
            buf_put_varint(entries, size);
            buf_put_varint(entries, c->rows);
        }
    }
    buf_deinit(&raw);
    g->column_entries = buf_slice(entries);
    return ok && !entries->failed ? BOLE_OK : bole_fail(err, BOLE_E_LIMIT, "segment: no room to compress a row group anew");
}

bole_status segment_copy_group(struct segment_file *to, struct segment *segment,
                               struct segment_directory *directory,
                               uint32_t group, bool *ret_unreadable, struct bole_err *err)
{
    struct segment_group g = directory->groups[group];
    if (!map_streams(to, directory, &g, &g.streams))
        return bole_fail(err, BOLE_E_NOMEM, "segment: no memory to copy a row group");
    bole_status st = BOLE_OK;
    struct buf stored, entries;
    buf_init(&stored, to->out.budget);
    buf_init(&entries, to->out.budget);
    struct buf *read_into = to->codec.level ? &stored : &to->out;
    if (!buf_reserve(read_into, g.size))
        st = bole_fail(err, BOLE_E_LIMIT, "segment: no room to copy a row group");
    if (st >= 0) {
        uint8_t *bytes = read_into->ptr + read_into->len;
        st = objects_read(segment->cache->objects, segment->info.key, g.offset, g.size, bytes, err);
        if (st >= 0)
            st = check_chunks(segment, &g, bole_slice_from(bytes, g.size), err);
        *ret_unreadable = segment_is_damage(st);
    }
    if (st >= 0) {
        read_into->len += g.size;
        if (to->codec.level)
            st = pack_group(to, &g, buf_slice(&stored), &entries, err);
    }
    if (st >= 0) {
        st = index_group(to, segment, directory, group, err);
        *ret_unreadable = segment_is_damage(st);
    }
    if (st >= 0)
        st = segment_file_add(to, &g, err);
    free(g.streams);
    buf_deinit(&stored);
    buf_deinit(&entries);
    return st;
}
