/*
 * What has been appended goes out whenever it is WRITE_SIZE or more: memory is that of one row group, and the sections.
 */
#include "store/segment/segment_file.h"

#include <assert.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/err.h"

enum { WRITE_SIZE = 1 << 20, TOKEN_PAIRS_MAX = 4 << 20 };

/* ---- life ---- */

static bole_status no_memory(struct bole_err *err)
{
    return bole_fail(err, BOLE_E_NOMEM, "segment: no memory to write it");
}

bole_status segment_file_create(struct objects *objects, bole_slice key, const uint8_t store_id[SEGMENT_ID_SIZE],
                                uint32_t level, int64_t created_ns, struct budget *budget,
                                    struct segment_file **ret_file,
                                struct bole_err *err)
{
    struct segment_file *f = calloc(1, sizeof *f); /* interners and codec start empty as zeros */
    if (!f)
        return no_memory(err);
    buf_init(&f->out, budget);
    buf_init(&f->directory, budget);
    buf_init(&f->scratch, budget);
    arena_init(&f->names, budget);
    f->totals = segment_totals_empty(level, created_ns);
    const struct token_builder_options tokens = {.whole_compounds = true, .pairs_max = TOKEN_PAIRS_MAX, .budget = budget};
    if (!(f->tokens = token_builder_create(&tokens))) {
        segment_file_destroy(f);
        return no_memory(err);
    }
    bole_status st = objects_create(objects, key, &f->object, err);
    if (st < 0) {
        segment_file_destroy(f);
        return st;
    }
    buf_put(&f->out, S(SEGMENT_MAGIC));
    buf_put_u16(&f->out, SEGMENT_VERSION);
    buf_put_u16(&f->out, 0);
    buf_put(&f->out, bole_slice_from(store_id, SEGMENT_ID_SIZE));
    buf_put_u32(&f->out, f->out.failed ? 0 : crc32c(0, f->out.ptr, HEADER_CRC));
    *ret_file = f;
    return BOLE_OK;
}

void segment_file_destroy(struct segment_file *f)
{
    if (!f)
        return;
    object_writer_destroy(f->object);
    token_builder_destroy(f->tokens);
    chunk_codec_deinit(&f->codec);
    interner_deinit(&f->streams);
    interner_deinit(&f->tenants);
    arena_deinit(&f->names);
    buf_deinit(&f->out);
    buf_deinit(&f->directory);
    buf_deinit(&f->scratch);
    free(f);
}

/* ---- names ---- */

/* As interner_put, but the text need not outlive the call. */
static bool put_name(struct segment_file *f, struct interner *in, uint32_t tag, bole_slice text, uint32_t *ret_id)
{
    uint32_t before = in->count;
    if (!interner_put(in, tag, text, ret_id))
        return false;
    if (in->count > before)
        in->items[*ret_id].text = arena_copy(&f->names, text);
    return in->items[*ret_id].text.ptr != NULL;
}

bool segment_file_stream(struct segment_file *f, uint8_t flags, bole_slice labels, uint32_t *ret_id)
{
    return put_name(f, &f->streams, flags, labels, ret_id);
}

/* ---- groups ---- */

static void put_zigzag(struct buf *out, int64_t v)
{
    buf_put_varint(out, (uint64_t)v << 1 ^ (uint64_t)(v >> 63));
}

static void put_entry(struct buf *d, uint32_t tenant, const struct segment_group *g)
{
    buf_put_varint(d, tenant);
    buf_put_varint(d, g->row_count);
    buf_put_u64(d, (uint64_t)g->min_time_ns);
    buf_put_u64(d, (uint64_t)g->max_time_ns);
    buf_put_u64(d, (uint64_t)g->received_ns);
    buf_put_varint(d, g->line_bytes);
    buf_put_varint(d, g->field_bytes);
    buf_put_varint(d, g->min_lsn);
    buf_put_varint(d, g->max_lsn - g->min_lsn);
    buf_put_u8(d, (uint8_t)g->order);
    buf_put_u8(d, g->generation);
    buf_put_u64(d, g->family);
    buf_put_varint(d, g->family_name.len);
    buf_put(d, g->family_name);
    buf_put_u64(d, g->digest.lo);
    buf_put_u64(d, g->digest.hi);
    buf_put_varint(d, g->stream_count);
    int64_t expected = 0;
    for (uint32_t i = 0; i < g->stream_count; i++) {
        put_zigzag(d, (int64_t)g->streams[i].id - expected);
        buf_put_varint(d, g->streams[i].rows);
        buf_put_varint(d, g->streams[i].bytes);
        expected = (int64_t)g->streams[i].id + 1;
    }
    buf_put_varint(d, g->column_count);
    buf_put(d, g->column_entries);
}

static bole_status write_out(struct segment_file *f, struct bole_err *err)
{
    if (f->out.failed || f->directory.failed)
        return no_memory(err);
    bole_status st = object_writer_write(f->object, buf_slice(&f->out), err);
    f->written += f->out.len;
    buf_reset(&f->out);
    return st;
}

void segment_file_piece(void *ctx, bole_slice piece)
{
    struct segment_file *f = ctx;
    f->has_pieces = true;
    if (f->group_count < TOKEN_GROUPS_MAX)
        token_builder_add(f->tokens, f->group_count, &piece, 1);
}

void segment_file_cuts(struct segment_file *f)
{
    if (f->group_count < TOKEN_GROUPS_MAX)
        token_builder_cut_group(f->tokens, f->group_count);
}

bole_status segment_file_add(struct segment_file *f, const struct segment_group *g, struct bole_err *err)
{
    uint32_t tenant;
    if (!put_name(f, &f->tenants, 0, g->tenant, &tenant) || f->out.failed)
        return no_memory(err);
    put_entry(&f->directory, tenant, g);
    struct segment_group named = *g;
    named.tenant = f->tenants.items[tenant].text;
    segment_totals_add(&f->totals, &named);
    if (!f->has_pieces && f->group_count < TOKEN_GROUPS_MAX)
        token_builder_open_group(f->tokens, f->group_count);
    f->has_pieces = false;
    f->group_count++;
    return f->out.len >= WRITE_SIZE ? write_out(f, err) : BOLE_OK;
}

/* ---- the end of the file ---- */

struct section {
    uint16_t type, version;
    uint64_t offset, size;
    uint32_t crc;
};

static struct section put_section(struct segment_file *f, enum section_type type, uint16_t version, uint32_t entries)
{
    size_t at = f->out.len;
    f->out.failed |= f->scratch.failed;
    struct section s = {.type = (uint16_t)type, .version = version, .offset = f->written + at};
    s.size = chunk_put(&f->out, &f->codec, CHUNK_SECTION, entries, buf_slice(&f->scratch));
    if (!f->out.failed)
        s.crc = crc32c(0, f->out.ptr + at, s.size);
    buf_reset(&f->scratch);
    return s;
}

/* *ret_count: 1, or 0 where there are more groups than an index can name. */
static bole_status put_tokens(struct segment_file *f, struct section *ret_section, uint32_t *ret_count, struct bole_err *err)
{
    struct token_index_info info;
    size_t at = f->out.len;
    *ret_count = 0;
    if (f->group_count > TOKEN_GROUPS_MAX)
        return BOLE_OK;
    bole_status st = token_builder_finish(f->tokens, f->group_count, &f->out, &info, err);
    if (st < 0 || f->out.failed)
        return st < 0 ? st : no_memory(err);
    *ret_section = (struct section){.type = SECTION_TOKENS,
                                    .version = TOKENS_VERSION,
                                    .offset = f->written + at,
                                    .size = f->out.len - at,
                                    .crc = crc32c(0, f->out.ptr + at, f->out.len - at)};
    *ret_count = 1;
    return BOLE_OK;
}

static struct section put_streams(struct segment_file *f)
{
    for (uint32_t i = 0; i < f->streams.count; i++) {
        buf_put_u8(&f->scratch, (uint8_t)f->streams.items[i].tag);
        buf_put_varint(&f->scratch, f->streams.items[i].text.len);
        buf_put(&f->scratch, f->streams.items[i].text);
    }
    return put_section(f, SECTION_STREAMS, STREAMS_VERSION, f->streams.count);
}

static struct section put_directory(struct segment_file *f)
{
    buf_put_varint(&f->scratch, f->totals.level);
    buf_put_varint(&f->scratch, f->tenants.count);
    for (uint32_t i = 0; i < f->tenants.count; i++) {
        buf_put_varint(&f->scratch, f->tenants.items[i].text.len);
        buf_put(&f->scratch, f->tenants.items[i].text);
    }
    buf_put(&f->scratch, buf_slice(&f->directory));
    f->out.failed |= f->directory.failed;
    return put_section(f, SECTION_DIRECTORY, DIRECTORY_VERSION, f->group_count);
}

static void put_footer(struct segment_file *f, const struct section *sections, uint32_t section_count)
{
    struct buf *out = &f->out;
    size_t from = out->len;
    buf_put_u32(out, section_count);
    for (uint32_t i = 0; i < section_count; i++) {
        buf_put_u16(out, sections[i].type);
        buf_put_u16(out, sections[i].version);
        buf_put_u64(out, sections[i].offset);
        buf_put_u64(out, sections[i].size);
        buf_put_u32(out, sections[i].crc);
    }
    const struct segment_totals *t = &f->totals;
    buf_put_u64(out, t->row_count);
    buf_put_u64(out, t->raw_bytes);
    buf_put_u64(out, (uint64_t)t->min_time_ns);
    buf_put_u64(out, (uint64_t)t->max_time_ns);
    buf_put_u64(out, t->min_lsn);
    buf_put_u64(out, t->max_lsn);
    buf_put_u64(out, (uint64_t)t->created_ns);
    uint32_t size = (uint32_t)(out->len - from);
    buf_put_u32(out, size);
    buf_put_u32(out, out->failed ? 0 : crc32c(0, out->ptr + from, out->len - from));
    buf_put(out, S(SEGMENT_MAGIC));
}

bole_status segment_file_finish(struct segment_file *f, struct segment_totals *ret_totals, uint64_t *ret_size,
                                struct bole_err *err)
{
    assert(f->group_count > 0);
    struct section sections[3];
    uint32_t count;
    bole_status st = put_tokens(f, &sections[0], &count, err);
    if (st < 0)
        return st;
    sections[count++] = put_streams(f);
    sections[count++] = put_directory(f); /* behind the index: what is always needed lies in the last bytes */
    put_footer(f, sections, count);
    st = write_out(f, err);
    if (st >= 0)
        st = object_writer_finish(f->object, err);
    if (st < 0)
        return st;
    *ret_totals = f->totals;
    *ret_size = f->written;
    return BOLE_OK;
}
