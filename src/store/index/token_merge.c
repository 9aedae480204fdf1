/*
 * The map of a merge is written range by range of the keys: the entries of all sources in a range become pairs, which
 * are sorted and written as if they came from text. Once before that the keys are counted, because the layout depends
 * on it.
 *
 * Texts of long tokens are put together. A shape is dense when it is in one of the sources, or when there is too much
 * of it now; groups whose source had its texts then lose what they proved: inner runs of any length have to be assumed.
 */
#include <assert.h>
#include <stdlib.h>
#include <zstd.h>

#include "base/bytes.h"
#include "base/err.h"
#include "store/index/token_index.h"
#include "store/index/token_write.h"

#define RANGE_KEYS (1u << 17)

struct merge {
    const struct token_merge_source *sources;
    size_t                           source_count;
    struct token_probe              *probes;       /* one per source */
    struct buf                       pairs;        /* of the range at hand */
    uint32_t                         range_bits;
    uint64_t                         range;
    const struct token_merge_source *source;       /* at hand */
};

/* ---- the map ---- */

static uint32_t key_bits(const struct token_index *x) { return x->block_bits + x->bucket_bits + x->rest_bits; }

static void add_entry(void *ctx, uint64_t key, const uint64_t *groups)
{
    struct merge *m = ctx;
    const struct token_index *x = m->source->index;
    uint64_t hash = key << (64 - key_bits(x));
    if (m->range_bits && hash >> (64 - m->range_bits) != m->range)
        return;
    for (uint32_t word = 0; word < (x->group_count + 63) / 64; word++)
        for (uint64_t bits = groups[word]; bits; bits &= bits - 1) {
            uint16_t group = m->source->groups[word * 64 + (uint32_t)__builtin_ctzll(bits)];
            if (group == TOKEN_GROUP_DROPPED || !buf_reserve(&m->pairs, 8))
                continue;
            store_u64(m->pairs.ptr + m->pairs.len, hash | group);
            m->pairs.len += 8;
        }
}

/* Sorted pairs of all keys in the range. Keys of different lengths keep theirs: layouts cut all to the shortest. */
static bole_status gather(struct merge *m, uint64_t range, uint64_t **ret_pairs, size_t *ret_count,
                          struct bole_err *err)
{
    bole_status st = BOLE_OK;
    m->range = range;
    buf_reset(&m->pairs);
    for (size_t i = 0; i < m->source_count && st >= 0; i++) {
        uint32_t block_bits = m->sources[i].index->block_bits, bits = m->range_bits;
        uint64_t first = block_bits >= bits ? range << (block_bits - bits) : range >> (bits - block_bits);
        uint64_t end = block_bits >= bits ? (range + 1) << (block_bits - bits) : first + 1;
        m->source = &m->sources[i];
        for (uint64_t block = first; block < end && st >= 0; block++)
            st = token_block_each(&m->probes[i], block, add_entry, m, err);
    }
    if (st >= 0 && m->pairs.failed)
        st = bole_fail(err, BOLE_E_LIMIT, "index: no room for the pairs of a merge");
    *ret_pairs = (uint64_t *)(void *)m->pairs.ptr;
    *ret_count = m->pairs.len / 8;
    if (st >= 0)
        map_sort(*ret_pairs, *ret_count);
    return st;
}

static bole_status merge_map(struct merge *m, uint64_t merge_keys, uint32_t group_count, struct token_section *s,
                             struct bole_err *err)
{
    uint64_t upper = 0, keys = 0, *pairs;
    uint32_t shortest = TOKEN_KEY_BITS_MAX;
    size_t count;
    bole_status st = BOLE_OK;
    for (size_t i = 0; i < m->source_count; i++) {
        upper += m->sources[i].index->key_count;
        shortest = key_bits(m->sources[i].index) < shortest ? key_bits(m->sources[i].index) : shortest;
    }
    for (m->range_bits = 0; upper >> m->range_bits > RANGE_KEYS && m->range_bits < shortest && m->range_bits < 16;
         m->range_bits++)
        ;
    for (uint64_t range = 0; range < 1ull << m->range_bits && st >= 0; range++) {
        st = gather(m, range, &pairs, &count, err);
        keys += st >= 0 ? map_count_keys(pairs, count) : 0;
    }
    if (st < 0)
        return st;
    s->layout = map_lay_out(keys, group_count, merge_keys, shortest);
    if (m->range_bits > s->layout.block_bits)
        m->range_bits = s->layout.block_bits;
    uint32_t blocks_bits = s->layout.block_bits - m->range_bits;
    for (uint64_t range = 0; range < 1ull << m->range_bits && st >= 0; range++) {
        st = gather(m, range, &pairs, &count, err);
        if (st >= 0)
            st = token_section_put_blocks(s, pairs, count, range << blocks_bits, (range + 1) << blocks_bits, err);
    }
    return st;
}

/* ---- texts and stamps ---- */

static bole_status add_lines(struct long_tokens *texts, uint32_t row, bole_slice rest, uint32_t group_count,
                             struct bole_err *err)
{
    while (rest.len) {
        bole_slice text = bole_slice_cut(rest, '\n', &rest);
        if (text.len < TOKEN_TEXT_LEN_MIN || text.len > TOKEN_TEXT_LEN_MAX)
            return bole_fail(err, BOLE_E_CORRUPT, "index: a long token of %zu bytes", text.len);
        long_tokens_add(texts, row, text, group_count - 1);
    }
    return BOLE_OK;
}

static bole_status merge_texts(struct merge *m, struct long_tokens *texts, uint32_t group_count, struct bole_err *err)
{
    ZSTD_DCtx *z = ZSTD_createDCtx();
    uint8_t *raw = malloc(TOKEN_TEXT_RAW_MAX);
    bole_status st = z && raw ? BOLE_OK : bole_fail(err, BOLE_E_NOMEM, "index: no memory to merge long tokens");
    for (size_t i = 0; i < m->source_count; i++)
        for (uint32_t row = 0; row < UNIT_ROWS; row++)
            texts->dense[row] |= m->sources[i].index->dense[row];
    for (size_t i = 0; i < m->source_count && st >= 0; i++) {
        const struct token_index *x = m->sources[i].index;
        uint64_t offset = x->head_size + x->map_size;
        for (uint32_t k = 0; k < x->text_count && st >= 0; k++) {
            struct text_block b = token_text_block(x, k, &offset);
            st = token_text_load(&m->probes[i], &b, z, raw, err);
            if (st >= 0)
                st = add_lines(texts, b.row, (bole_slice){raw, b.raw_size}, group_count, err);
        }
    }
    free(raw);
    ZSTD_freeDCtx(z);
    return st;
}

/* What inner runs may be in tokens of this row whose texts are gone: of any length up to theirs. */
static void assume_inner(struct token_stamp *stamp, uint32_t row, uint64_t buckets)
{
    uint64_t lengths = ((2ull << (63 - __builtin_clzll(buckets))) - 1) & shape_from(TOKEN_EDGE_LEN);
    if (row == UNIT_HEX)
        stamp->inner[INNER_DIGITS] |= lengths;
    if (row == UNIT_ALNUM_ID || row == UNIT_WORD_ID) {
        stamp->inner[INNER_LOWER] |= lengths;
        stamp->inner[INNER_UPPER] |= lengths;
    }
    if (row == UNIT_WORD_ID)
        stamp->inner[INNER_ALNUM] |= lengths;
}

static void merge_stamps(const struct merge *m, const struct long_tokens *texts, struct token_stamp *stamps,
                         uint32_t group_count)
{
    for (size_t i = 0; i < m->source_count; i++) {
        const struct token_index *x = m->sources[i].index;
        for (uint32_t g = 0; g < x->group_count; g++) {
            uint16_t group = m->sources[i].groups[g];
            if (group == TOKEN_GROUP_DROPPED)
                continue;
            assert(group < group_count);
            for (uint32_t w = 0; w < STAMP_WORDS; w++)
                stamps[group].words[w] |= x->stamps[g].words[w];
            for (uint32_t row = 0; row < UNIT_ROWS; row++) {
                uint64_t lost = x->stamps[g].units[row] & ~x->dense[row] & texts->dense[row];
                if (lost)
                    assume_inner(&stamps[group], row, lost);
            }
        }
    }
}

/* ---- all of it ---- */

static bool same_compounds(const struct merge *m)
{
    for (size_t i = 1; i < m->source_count; i++)
        if (m->sources[i].index->has_compounds != m->sources[0].index->has_compounds)
            return false;
    return true;
}

bole_status token_index_merge(const struct token_merge_source *sources, size_t count, uint32_t group_count,
                              uint64_t merge_keys, struct budget *budget, struct buf *out,
                              struct token_index_info *ret_info, struct bole_err *err)
{
    assert(count > 0 && group_count > 0 && group_count <= TOKEN_GROUPS_MAX && merge_keys <= 1ull << 32);
    struct merge m = {.sources = sources, .source_count = count, .probes = calloc(count, sizeof *m.probes)};
    struct token_stamp *stamps = calloc(group_count, sizeof *stamps);
    struct long_tokens texts;
    struct token_section s;
    buf_init(&m.pairs, budget);
    long_tokens_init(&texts, LONG_TEXT_MAX, budget);
    token_section_init(&s, budget);
    bole_status st = m.probes && stamps ? BOLE_OK : bole_fail(err, BOLE_E_NOMEM, "index: no memory for a merge");
    if (st >= 0 && !same_compounds(&m))
        st = bole_fail(err, BOLE_E_INVALID, "index: merge of indexes with and without compounds");
    for (size_t i = 0; m.probes && i < count; i++)
        m.probes[i].index = sources[i].index;
    if (st >= 0)
        st = merge_map(&m, merge_keys, group_count, &s, err);
    if (st >= 0)
        st = merge_texts(&m, &texts, group_count, err);
    if (st >= 0) {
        merge_stamps(&m, &texts, stamps, group_count);
        s.compounds = sources[0].index->has_compounds;
        s.stamps = stamps;
        s.texts = &texts;
        st = token_section_write(&s, out, ret_info, err);
    }
    for (size_t i = 0; m.probes && i < count; i++)
        buf_deinit(&m.probes[i].read);
    token_section_deinit(&s);
    long_tokens_deinit(&texts);
    buf_deinit(&m.pairs);
    free(stamps);
    free(m.probes);
    return st;
}
