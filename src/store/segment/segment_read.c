/*
 * Opening reads the last TAIL_READ bytes, which normally hold tail, footer and both sections. Everything in them is
 * checked before it is believed: counts against the bytes that are left, chunks against the part of the file that belongs
 * to row groups, streams and rows against each other. Memory is proportional to the sections, not to what they claim.
 */
#include "store/segment/segment_read.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/err.h"
#include "base/hash.h"
#include "record/labels.h"
#include "store/index/token_map.h"

enum { TAIL_READ = 64 * 1024, GROUP_ENTRY_MIN = 64 /* bytes of the numbers alone */ };

void segment_reader_init(struct segment_reader *r, struct objects *objects, struct budget *budget)
{
    *r = (struct segment_reader){.objects = objects};
    buf_init(&r->stored, budget);
    buf_init(&r->held, NULL);
}

void segment_reader_deinit(struct segment_reader *r)
{
    segment_reader_release(r);
    chunk_codec_deinit(&r->codec);
    buf_deinit(&r->stored);
    buf_deinit(&r->held);
}

void segment_reader_release(struct segment_reader *r)
{
    struct chunk_entry **held = (struct chunk_entry **)(void *)r->held.ptr;
    for (size_t i = 0; i < r->held.len / sizeof *held; i++)
        chunk_cache_give_back(r->cache, held[i]);
    buf_reset(&r->held);
}

static bole_status corrupt(const struct segment_reader *r, uint64_t offset, const char *what, struct bole_err *err)
{
    return bole_fail(err, BOLE_E_CORRUPT, "segment %.*s: at %llu: %s", BOLE_SLICE_ARG(r->key),
                     (unsigned long long)offset, what);
}

static bole_status no_room(const struct segment_reader *r, struct bole_err *err)
{
    return bole_fail(err, BOLE_E_LIMIT, "segment %.*s: no room for it within the memory limit", BOLE_SLICE_ARG(r->key));
}

/* ---- chunks ---- */

static bole_status load_chunk(struct segment_reader *r, const struct segment_chunk *c, enum chunk_kind kind,
                              struct chunk *ret_chunk, struct bole_err *err)
{
    buf_reset(&r->stored);
    if (!buf_reserve(&r->stored, c->size))
        return no_room(r, err);
    bole_status st = objects_read(r->objects, r->key, c->offset, c->size, r->stored.ptr, err);
    if (st < 0)
        return st;
    st = chunk_check(bole_slice_from(r->stored.ptr, c->size), kind, ret_chunk, err);
    if (st >= 0 && ret_chunk->rows != c->rows)
        st = bole_fail(err, BOLE_E_CORRUPT, "chunk: %u rows where the directory has %u", ret_chunk->rows, c->rows);
    if (st < 0)
        bole_err_context(err, "segment %.*s: at %llu", BOLE_SLICE_ARG(r->key), (unsigned long long)c->offset);
    return st;
}

static bole_status unload_chunk(struct segment_reader *r, const struct segment_chunk *c, const struct chunk *chunk,
                                uint8_t *dst, struct bole_err *err)
{
    bole_status st = chunk_decompress(&r->codec, chunk, dst, err);
    if (st < 0)
        bole_err_context(err, "segment %.*s: at %llu", BOLE_SLICE_ARG(r->key), (unsigned long long)c->offset);
    return st;
}

/* From the cache, or read into it, held. NULL: the cache will not have it; *ret_chunk is what was read. */
static bole_status cached_chunk(struct segment_reader *r, const struct segment_chunk *c, enum chunk_kind kind,
                                struct chunk *ret_chunk, struct chunk_entry **ret_entry, struct bole_err *err)
{
    struct chunk_entry *e = NULL;
    uint64_t file = hash64(r->key);
    *ret_entry = NULL;
    if (r->cache && (*ret_entry = chunk_cache_get(r->cache, file, c->offset, kind)) != NULL)
        return BOLE_OK;
    bole_status st = load_chunk(r, c, kind, ret_chunk, err);
    if (st < 0 || !r->cache || !(e = chunk_cache_offer(r->cache, file, c->offset, kind, ret_chunk->raw_size)))
        return st;
    st = unload_chunk(r, c, ret_chunk, e->bytes, err);
    if (st < 0) {
        chunk_cache_give_back(r->cache, e);
        return st;
    }
    chunk_cache_keep(r->cache, e);
    *ret_entry = e;
    return BOLE_OK;
}

bole_status segment_chunk_read(struct segment_reader *r, const struct segment_chunk *c, enum chunk_kind kind,
                               struct buf *out, struct bole_err *err)
{
    struct chunk chunk;
    struct chunk_entry *e;
    bole_status st = cached_chunk(r, c, kind, &chunk, &e, err);
    if (st < 0)
        return st;
    uint32_t size = e ? e->len : chunk.raw_size;
    buf_reset(out);
    if (!buf_reserve(out, size + 1u)) /* not NULL even when empty */
        st = no_room(r, err);
    else if (e)
        memcpy(out->ptr, e->bytes, size);
    else
        st = unload_chunk(r, c, &chunk, out->ptr, err);
    out->len = st < 0 ? 0 : size;
    if (e)
        chunk_cache_give_back(r->cache, e);
    return st;
}

bole_status segment_chunk_read_arena(struct segment_reader *r, const struct segment_chunk *c, enum chunk_kind kind,
                                     struct arena *arena, bole_slice *ret_raw, struct bole_err *err)
{
    struct chunk chunk;
    struct chunk_entry *e;
    bole_status st = buf_reserve(&r->held, sizeof e) ? cached_chunk(r, c, kind, &chunk, &e, err) : no_room(r, err);
    if (st < 0)
        return st;
    if (e) {
        buf_put(&r->held, bole_slice_from(&e, sizeof e));
        *ret_raw = bole_slice_from(e->bytes, e->len);
        return BOLE_OK;
    }
    uint8_t *raw = arena_bytes(arena, chunk.raw_size);
    if (!raw)
        return no_room(r, err);
    st = unload_chunk(r, c, &chunk, raw, err);
    *ret_raw = bole_slice_from(raw, chunk.raw_size);
    return st;
}

/* ---- the directory ---- */

struct parser {
    struct segment_directory *d;
    bool out_of_memory;
    struct reader in;
    uint64_t next_offset;   /* where the next chunk lies */
    uint64_t end_offset;    /* of the part of the file that holds row groups */
    bole_slice *tenants;
    uint64_t tenant_count;
};

/* A count that the bytes left can hold, when an entry takes at least `least` of them. */
static uint64_t read_count(struct reader *in, size_t least)
{
    uint64_t count = reader_varint(in);
    if (count > reader_left(in) / least)
        in->failed = true;
    return in->failed ? 0 : count;
}

static uint64_t read_at_most(struct reader *in, uint64_t max)
{
    uint64_t v = reader_varint(in);
    if (v > max)
        in->failed = true;
    return in->failed ? 0 : v;
}

static void *take(struct parser *p, size_t count, size_t size)
{
    void *array = arena_array(&p->d->arena, count, size);
    p->out_of_memory = p->out_of_memory || !array;
    return array;
}

static bool parse_chunk(struct parser *p, struct segment_chunk *c)
{
    c->offset = p->next_offset;
    c->size = (uint32_t)read_at_most(&p->in, CHUNK_HEADER_SIZE + 2ull * CHUNK_RAW_MAX);
    c->rows = (uint32_t)read_at_most(&p->in, UINT32_MAX);
    if (c->size < CHUNK_HEADER_SIZE || c->size > p->end_offset - p->next_offset)
        return false;
    p->next_offset += c->size;
    return !p->in.failed;
}

static bool column_valid(const struct segment_column *c, const struct segment_group *g)
{
    for (uint32_t i = 0; i < c->chunk_count; i++)
        if (c->chunks[i].rows != g->row_count)
            return false;
    switch (c->kind) {
    case CHUNK_TIME:
    case CHUNK_SEQ:
    case CHUNK_STREAM:
    case CHUNK_ROLLUP: return c->chunk_count == 1;
    case CHUNK_FIELD:
    case CHUNK_REST: return c->chunk_count == 1 || c->chunk_count == 2;
    case CHUNK_TEXT: return c->chunk_count >= 1;
    case CHUNK_SECTION: break;
    }
    return false;
}

static bool parse_column(struct parser *p, struct segment_group *g, struct segment_column *c)
{
    c->kind = reader_u8(&p->in);
    if (c->kind == CHUNK_FIELD)
        c->key = reader_bytes(&p->in, reader_varint(&p->in));
    c->chunk_count = (uint32_t)read_count(&p->in, 2);
    if (p->in.failed || c->chunk_count > 1 + g->row_count || !(c->chunks = take(p, c->chunk_count, sizeof *c->chunks)))
        return false;
    for (uint32_t i = 0; i < c->chunk_count; i++)
        if (!parse_chunk(p, &c->chunks[i]))
            return false;
    const struct segment_column **place = c->kind == CHUNK_TIME     ? &g->time
                                          : c->kind == CHUNK_SEQ    ? &g->seq
                                          : c->kind == CHUNK_STREAM ? &g->stream
                                          : c->kind == CHUNK_TEXT   ? &g->text
                                          : c->kind == CHUNK_REST   ? &g->rest
                                          : c->kind == CHUNK_ROLLUP ? &g->rollup
                                                                    : NULL;
    if (place && *place)
        return false; /* twice */
    if (place)
        *place = c;
    return column_valid(c, g);
}

static int64_t unzigzag(uint64_t v)
{
    return (int64_t)(v >> 1 ^ (0 - (v & 1)));
}

static bool parse_streams_of_group(struct parser *p, struct segment_group *g)
{
    uint64_t rows = 0, bytes = 0, next_id = 0;
    g->stream_count = (uint32_t)read_count(&p->in, 3);
    g->streams = take(p, g->stream_count, sizeof *g->streams);
    for (uint32_t i = 0; g->streams && i < g->stream_count; i++) {
        struct segment_stream *s = &g->streams[i];
        uint64_t id = next_id + (uint64_t)unzigzag(reader_varint(&p->in)); /* what wraps around is too large */
        s->rows = (uint32_t)read_at_most(&p->in, g->row_count);
        s->bytes = reader_varint(&p->in);
        if (p->in.failed || id >= p->d->stream_count || s->rows == 0 || s->bytes > g->line_bytes)
            return false;
        s->id = (uint32_t)id;
        next_id = id + 1;
        rows += s->rows;
        bytes += s->bytes;
    }
    return g->streams && rows == g->row_count && bytes == g->line_bytes;
}

static bool parse_group_head(struct parser *p, struct segment_group *g)
{
    uint64_t tenant = reader_varint(&p->in);
    g->row_count = (uint32_t)read_at_most(&p->in, GROUP_ROWS_MAX);
    g->min_time_ns = (int64_t)reader_u64(&p->in);
    g->max_time_ns = (int64_t)reader_u64(&p->in);
    g->received_ns = (int64_t)reader_u64(&p->in);
    g->line_bytes = read_at_most(&p->in, UINT32_MAX);
    g->field_bytes = read_at_most(&p->in, UINT32_MAX);
    g->min_lsn = read_at_most(&p->in, UINT64_MAX >> 1);
    g->max_lsn = g->min_lsn + read_at_most(&p->in, UINT64_MAX >> 1);
    g->order = reader_u8(&p->in);
    g->generation = reader_u8(&p->in);
    g->family = reader_u64(&p->in);
    g->family_name = reader_bytes(&p->in, reader_varint(&p->in));
    g->digest.lo = reader_u64(&p->in);
    g->digest.hi = reader_u64(&p->in);
    if (p->in.failed || tenant >= p->tenant_count || g->row_count == 0 || g->min_time_ns > g->max_time_ns ||
        g->order > GROUP_BY_STREAM)
        return false;
    g->tenant = p->tenants[tenant];
    return true;
}

static bool parse_columns_of_group(struct parser *p, struct segment_group *g)
{
    g->column_count = (uint32_t)read_count(&p->in, 2);
    if (g->column_count > 6 + FIELD_COLUMNS_MAX || !(g->columns = take(p, g->column_count, sizeof *g->columns)))
        return false;
    const uint8_t *entries = p->in.next;
    g->offset = p->next_offset;
    for (uint32_t i = 0; i < g->column_count; i++)
        if (!parse_column(p, g, &g->columns[i]))
            return false;
    g->column_entries = bole_slice_from(entries, (size_t)(p->in.next - entries));
    g->size = p->next_offset - g->offset;
    return g->time && g->seq && g->stream && g->text;
}

static bool parse_group(struct parser *p, struct segment_group *g)
{
    return parse_group_head(p, g) && parse_streams_of_group(p, g) && parse_columns_of_group(p, g);
}

/* What the footer says follows from the directory; so does more. */
static bool sum_groups(struct segment_directory *d, uint32_t level)
{
    struct segment_totals said = d->totals, *t = &d->totals;
    *t = segment_totals_empty(level, said.created_ns);
    for (uint32_t i = 0; i < d->group_count; i++)
        segment_totals_add(t, &d->groups[i]);
    return t->row_count == said.row_count && t->raw_bytes == said.raw_bytes && t->min_time_ns == said.min_time_ns &&
           t->max_time_ns == said.max_time_ns && t->min_lsn == said.min_lsn && t->max_lsn == said.max_lsn;
}

static bool parse_directory(struct parser *p, bole_slice raw, uint32_t group_count)
{
    p->in = reader_of(raw);
    uint32_t level = (uint32_t)read_at_most(&p->in, LEVEL_PACKED);
    p->tenant_count = read_count(&p->in, 1);
    p->tenants = take(p, p->tenant_count, sizeof *p->tenants);
    for (uint64_t i = 0; p->tenants && i < p->tenant_count; i++)
        p->tenants[i] = reader_bytes(&p->in, reader_varint(&p->in));
    if (!p->tenants || p->in.failed || group_count > reader_left(&p->in) / GROUP_ENTRY_MIN)
        return false;
    p->d->group_count = group_count;
    p->d->groups = take(p, group_count, sizeof *p->d->groups);
    for (uint32_t i = 0; p->d->groups && i < group_count; i++)
        if (!parse_group(p, &p->d->groups[i]))
            return false;
    return p->d->groups && reader_left(&p->in) == 0 && p->next_offset == p->end_offset && sum_groups(p->d, level);
}

static bool parse_streams(struct parser *p, bole_slice raw, uint32_t count)
{
    struct segment_directory *d = p->d;
    struct reader in = reader_of(raw);
    if (count > raw.len / 2)
        return false;
    d->stream_count = count;
    d->labels = take(p, count, sizeof *d->labels);
    d->stream_flags = take(p, count, 1);
    for (uint32_t i = 0; d->labels && d->stream_flags && i < count; i++) {
        d->stream_flags[i] = reader_u8(&in);
        d->labels[i] = reader_bytes(&in, reader_varint(&in));
        if (in.failed || !labels_valid(d->labels[i]))
            return false;
    }
    return d->labels && d->stream_flags && reader_left(&in) == 0;
}

/* ---- footer and sections ---- */

/* The end of the file, with its place. */
struct tail {
    bole_slice bytes;
    uint64_t   offset;
    uint64_t   file_size;
};

static bole_status parse_footer(struct segment_reader *r, struct segment_directory *d, const struct tail *t,
                                struct bole_err *err)
{
    const uint8_t *end = t->bytes.ptr + t->bytes.len, *tail = end - SEGMENT_TAIL_SIZE;
    uint64_t tail_offset = t->file_size - SEGMENT_TAIL_SIZE;
    if (memcmp(tail + 8, SEGMENT_MAGIC, SEGMENT_MAGIC_SIZE) != 0)
        return corrupt(r, tail_offset, "no segment's end: the file is cut off or not a segment", err);
    uint32_t size = load_u32(tail);
    if (size < 4 + SEGMENT_TOTALS_SIZE || size > SEGMENT_FOOTER_MAX || size > t->bytes.len - SEGMENT_TAIL_SIZE)
        return corrupt(r, tail_offset, "the size of the footer is out of range", err);
    if (crc32c(0, tail - size, size + 4) != load_u32(tail + 4))
        return corrupt(r, tail_offset - size, "checksum of the footer does not match", err);
    d->footer_offset = tail_offset - size;
    struct reader in = reader_of(bole_slice_from(tail - size, size));
    d->section_count = reader_u32(&in);
    if ((uint64_t)d->section_count * SEGMENT_SECTION_SIZE + 4 + SEGMENT_TOTALS_SIZE != size)
        return corrupt(r, d->footer_offset, "the footer's size and its sections do not fit", err);
    d->sections = arena_array(&d->arena, d->section_count, sizeof *d->sections);
    if (!d->sections)
        return no_room(r, err);
    uint64_t previous_end = SEGMENT_HEADER_SIZE;
    for (uint32_t i = 0; i < d->section_count; i++) {
        struct segment_section *s = &d->sections[i];
        s->type = reader_u16(&in);
        s->version = reader_u16(&in);
        s->offset = reader_u64(&in);
        s->size = reader_u64(&in);
        s->crc = reader_u32(&in);
        if (s->offset < previous_end || s->offset > d->footer_offset || s->size > d->footer_offset - s->offset ||
            (i && s->offset != previous_end))
            return corrupt(r, d->footer_offset, "sections overlap or leave gaps", err);
        previous_end = s->offset + s->size;
    }
    if (previous_end != d->footer_offset)
        return corrupt(r, d->footer_offset, "sections overlap or leave gaps", err);
    d->totals.row_count = reader_u64(&in);
    d->totals.raw_bytes = reader_u64(&in);
    d->totals.min_time_ns = (int64_t)reader_u64(&in);
    d->totals.max_time_ns = (int64_t)reader_u64(&in);
    d->totals.min_lsn = reader_u64(&in);
    d->totals.max_lsn = reader_u64(&in);
    d->totals.created_ns = (int64_t)reader_u64(&in);
    return BOLE_OK;
}

/* A section's content, from the tail that was read where it holds it. */
static bole_status read_section(struct segment_reader *r, struct segment_directory *d, const struct tail *t,
                                uint16_t type, bole_slice *ret_raw, uint32_t *ret_entries, uint64_t *ret_offset,
                                struct bole_err *err)
{
    const struct segment_section *s = NULL;
    for (uint32_t i = 0; i < d->section_count; i++)
        if (d->sections[i].type == type)
            s = &d->sections[i];
    if (!s)
        return corrupt(r, d->footer_offset, "the footer names no directory or no streams", err);
    uint16_t known = type == SECTION_STREAMS ? STREAMS_VERSION : DIRECTORY_VERSION;
    if (s->version != known)
        return bole_fail(err, BOLE_E_UNSUPPORTED, "segment %.*s: section %u has version %u, this program knows %u: %s",
                         BOLE_SLICE_ARG(r->key), type, s->version, known,
                         s->version > known ? "upgrade Bole" : "it was written before the first release");
    if (s->size > CHUNK_HEADER_SIZE + 2ull * CHUNK_RAW_MAX)
        return corrupt(r, s->offset, "a section is too large", err);
    bole_slice stored;
    bole_status st = BOLE_OK;
    if (s->offset >= t->offset) {
        stored = bole_slice_from(t->bytes.ptr + (s->offset - t->offset), (size_t)s->size);
    } else {
        uint8_t *bytes = arena_bytes(&d->arena, (size_t)s->size);
        if (!bytes)
            return no_room(r, err);
        st = objects_read(r->objects, r->key, s->offset, (size_t)s->size, bytes, err);
        stored = bole_slice_from(bytes, (size_t)s->size);
    }
    struct chunk chunk;
    if (st >= 0)
        st = chunk_check(stored, CHUNK_SECTION, &chunk, err);
    if (st < 0) {
        bole_err_context(err, "segment %.*s: section %u at %llu", BOLE_SLICE_ARG(r->key), type,
                         (unsigned long long)s->offset);
        return st;
    }
    uint8_t *raw = arena_bytes(&d->arena, chunk.raw_size);
    if (!raw)
        return no_room(r, err);
    *ret_raw = bole_slice_from(raw, chunk.raw_size);
    *ret_entries = chunk.rows;
    *ret_offset = s->offset;
    struct segment_chunk place = {s->offset, (uint32_t)s->size, chunk.rows};
    return unload_chunk(r, &place, &chunk, raw, err);
}

static bole_status bad_section(const struct segment_reader *r, const struct parser *p, uint64_t offset,
                               struct bole_err *err)
{
    return p->out_of_memory ? no_room(r, err) : corrupt(r, offset, "the section is not well formed", err);
}

static bole_status parse_file(struct segment_reader *r, struct segment_directory *d, const struct tail *t,
                              struct bole_err *err)
{
    struct parser p = {.d = d, .next_offset = SEGMENT_HEADER_SIZE};
    bole_slice raw;
    uint32_t entries;
    uint64_t offset;
    bole_status st = parse_footer(r, d, t, err);
    if (st >= 0)
        st = read_section(r, d, t, SECTION_STREAMS, &raw, &entries, &offset, err);
    if (st >= 0 && !parse_streams(&p, raw, entries))
        st = bad_section(r, &p, offset, err);
    if (st >= 0)
        st = read_section(r, d, t, SECTION_DIRECTORY, &raw, &entries, &offset, err);
    if (st < 0)
        return st;
    p.end_offset = d->sections[0].offset;
    if (d->sections[0].type == SECTION_TOKENS && d->sections[0].version == TOKENS_VERSION)
        d->tokens_section = &d->sections[0];
    d->objects = r->objects;
    d->key = (char *)arena_printf(&d->arena, "%.*s%c", BOLE_SLICE_ARG(r->key), 0).ptr;
    if (!d->key)
        return no_room(r, err);
    return parse_directory(&p, raw, entries) ? BOLE_OK : bad_section(r, &p, offset, err);
}

bole_status segment_directory_read(struct segment_reader *r, uint64_t file_size, struct budget *budget,
                                   struct segment_directory **ret_directory, struct bole_err *err)
{
    if (file_size < SEGMENT_HEADER_SIZE + SEGMENT_TAIL_SIZE + 4 + SEGMENT_TOTALS_SIZE)
        return corrupt(r, file_size, "too short for a segment", err);
    struct segment_directory *d = calloc(1, sizeof *d);
    if (!d)
        return bole_fail(err, BOLE_E_NOMEM, "segment: no memory for a directory");
    atomic_init(&d->refs, 1);
    arena_init(&d->arena, budget);
    size_t tail_size = file_size < TAIL_READ ? (size_t)file_size : TAIL_READ;
    struct tail t = {.offset = file_size - tail_size, .file_size = file_size};
    buf_reset(&r->stored);
    bole_status st = buf_reserve(&r->stored, tail_size) ? BOLE_OK : no_room(r, err);
    if (st >= 0)
        st = objects_read(r->objects, r->key, t.offset, tail_size, r->stored.ptr, err);
    if (st >= 0) {
        t.bytes = bole_slice_from(r->stored.ptr, tail_size);
        st = parse_file(r, d, &t, err);
    }
    if (st < 0) {
        segment_directory_unref(d);
        return st;
    }
    *ret_directory = d;
    return BOLE_OK;
}

struct segment_directory *segment_directory_ref(struct segment_directory *d)
{
    atomic_fetch_add_explicit(&d->refs, 1, memory_order_relaxed);
    return d;
}

void segment_directory_unref(struct segment_directory *d)
{
    if (!d || atomic_fetch_sub_explicit(&d->refs, 1, memory_order_acq_rel) != 1)
        return;
    token_index_close(atomic_load(&d->tokens));
    arena_deinit(&d->arena);
    free(d);
}

size_t segment_directory_size(const struct segment_directory *d)
{
    return sizeof *d + arena_used(&d->arena);
}

const struct segment_column *segment_group_field(const struct segment_group *g, bole_slice key)
{
    for (uint32_t i = 0; i < g->column_count; i++) {
        const struct segment_column *c = &g->columns[i];
        if (c->kind == CHUNK_FIELD && bole_slice_eq(c->key, key))
            return c;
    }
    return NULL;
}

bole_status segment_store_id(struct segment_reader *r, uint8_t ret_id[SEGMENT_ID_SIZE], struct bole_err *err)
{
    uint8_t h[SEGMENT_HEADER_SIZE];
    bole_status st = objects_read(r->objects, r->key, 0, sizeof h, h, err);
    if (st < 0)
        return st;
    if (memcmp(h, SEGMENT_MAGIC, SEGMENT_MAGIC_SIZE) != 0)
        return corrupt(r, 0, "not a segment", err);
    if (crc32c(0, h, HEADER_CRC) != load_u32(h + HEADER_CRC))
        return corrupt(r, 0, "checksum of the header does not match", err);
    if (load_u16(h + HEADER_VERSION) != SEGMENT_VERSION)
        return bole_fail(err, BOLE_E_UNSUPPORTED,
                         "segment %.*s: version %u is newer than this program (%u): upgrade Bole",
                         BOLE_SLICE_ARG(r->key), load_u16(h + HEADER_VERSION), SEGMENT_VERSION);
    memcpy(ret_id, h + HEADER_STORE, SEGMENT_ID_SIZE);
    return BOLE_OK;
}
