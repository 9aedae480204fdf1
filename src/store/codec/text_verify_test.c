#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/test.h"
#include "store/codec/text_sample.h"
#include "store/codec/text_table.h"

enum { ROWS = 2000 };

static uint64_t seed(void)
{
    const char *given = getenv("BOLE_SEED");
    uint64_t v = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);
    printf("BOLE_SEED=%llu\n", (unsigned long long)v);
    return v;
}

struct fixture {
    struct random             random;
    struct text_memory       *memory;
    struct text_writer        writer;
    struct text_lines_sample  sample;
    struct buf                lines;
};

static void fixture_init(struct fixture *f, enum text_sample_kind kind, uint64_t random_seed_value)
{
    memset(f, 0, sizeof *f);
    random_seed(&f->random, random_seed_value);
    buf_init(&f->lines, NULL);
    text_sample_init(&f->sample, kind, ROWS, &f->random);
    f->memory = text_memory_create();
    CHECK(f->memory && text_writer_init(&f->writer, f->memory));
}

static void fixture_deinit(struct fixture *f)
{
    text_writer_deinit(&f->writer);
    text_memory_destroy(f->memory);
    text_sample_deinit(&f->sample);
    buf_deinit(&f->lines);
}

static struct text_input input(struct fixture *f, const bole_slice *lines)
{
    return (struct text_input){lines, f->sample.time_ns, f->sample.count, 0};
}

static void encode(struct fixture *f, enum split how, const bole_slice *lines)
{
    struct text_input in = input(f, lines);
    struct bole_err err = {0};
    struct buf map;
    buf_init(&map, NULL);
    buf_put_u8(&map, TEXT_VERSION);
    chunks_reset(&f->writer.chunks);
    CHECK_OK(text_put_table(&f->writer, how, &in, &map, &err), err);
    chunks_finish(&f->writer.chunks, buf_slice(&map));
    CHECK(!f->writer.chunks.no_memory);
    buf_deinit(&map);
}

static bool verify(struct fixture *f, const bole_slice *lines)
{
    struct arena arena;
    struct text_input in = input(f, lines);
    arena_init(&arena, NULL);
    bool same = text_verify(&f->writer, &in, &arena, &f->lines);
    arena_deinit(&arena);
    return same;
}

static bole_status load(void *ctx, uint32_t chunk, bole_slice *ret_raw, struct bole_err *err)
{
    *ret_raw = chunks_at(ctx, chunk);
    return BOLE_OK;
}

/* What text_verify is to find out, line by line. */
static bool every_line_is_built(struct fixture *f, const bole_slice *lines)
{
    static const uint64_t all[VALUES_COUNT_MAX / 64] = {[0 ... VALUES_COUNT_MAX / 64 - 1] = UINT64_MAX};
    uint32_t ends[ROWS], start = 0;
    struct arena arena;
    struct text *t;
    arena_init(&arena, NULL);
    buf_reset(&f->lines);
    struct text_source source = {load, &f->writer.chunks, f->writer.chunks.count, ROWS, f->sample.time_ns, &arena};
    bool same = text_open(&source, &t, NULL) >= 0 && text_lines(t, 0, ROWS, all, &f->lines, ends, NULL) >= 0;
    for (uint32_t row = 0; same && row < ROWS; start = ends[row++])
        same = bole_slice_eq(bole_slice_from(f->lines.ptr + start, ends[row] - start), lines[row]);
    arena_deinit(&arena);
    return same;
}

/* The lines with one of them changed in a random way: a byte, the end, another line's text. False: it is the same. */
static bool change_a_line(struct fixture *f, bole_slice *lines, uint8_t **ret_bytes)
{
    struct random *r = &f->random;
    uint32_t row = (uint32_t)random_below(r, ROWS);
    bole_slice line = f->sample.lines[row], other = f->sample.lines[(row + 1) % ROWS];
    memcpy(lines, f->sample.lines, ROWS * sizeof *lines);
    *ret_bytes = malloc(line.len + 1);
    if (line.len)
        memcpy(*ret_bytes, line.ptr, line.len);
    lines[row] = bole_slice_from(*ret_bytes, line.len);
    switch (random_below(r, 4)) {
    case 0: lines[row] = other; break;
    case 1: lines[row].len -= line.len > 0; break;
    case 2:
        for (size_t i = 0; i < line.len; i++) /* a digit becomes another: the template stays */
            if (line.ptr[i] >= '0' && line.ptr[i] <= '8' && random_below(r, 3) == 0) {
                (*ret_bytes)[i]++;
                break;
            }
        break;
    default:
        if (line.len)
            (*ret_bytes)[random_below(r, line.len)] ^= (uint8_t)(1 + random_below(r, 255));
    }
    return !bole_slice_eq(lines[row], line);
}

/* What was written is that of other lines, as after a mistake of any of the encoders. */
TEST(what_lines_that_differ_in_one_became_is_seen)
{
    for (int kind = 0; kind < TEXT_SAMPLE_KINDS; kind++)
        for (int how = 0; how < SPLIT_KINDS; how++) {
            struct fixture f;
            fixture_init(&f, (enum text_sample_kind)kind, seed() + (uint64_t)(kind * 16 + how));
            for (int i = 0; i < 6; i++) {
                bole_slice *lines = calloc(ROWS, sizeof *lines);
                uint8_t *bytes;
                bool differ = change_a_line(&f, lines, &bytes);
                encode(&f, (enum split)how, lines);
                CHECK(verify(&f, lines));
                struct chunks other = f.writer.chunks, own;
                chunks_init(&f.writer.chunks);
                encode(&f, (enum split)how, f.sample.lines);
                own = f.writer.chunks;
                f.writer.chunks = other;
                CHECK(verify(&f, f.sample.lines) == !differ);
                f.writer.chunks = own;
                chunks_deinit(&other);
                free(lines);
                free(bytes);
            }
            fixture_deinit(&f);
        }
}

TEST(a_changed_byte_is_seen_when_a_line_changes_by_it)
{
    uint32_t seen = 0;
    for (int kind = 0; kind < TEXT_SAMPLE_KINDS; kind++)
        for (int how = 0; how < SPLIT_KINDS; how++) {
            struct fixture f;
            fixture_init(&f, (enum text_sample_kind)kind, seed() + (uint64_t)(kind * 16 + how));
            encode(&f, (enum split)how, f.sample.lines);
            for (int i = 0; i < 20; i++) {
                bole_slice chunk = chunks_at(&f.writer.chunks, (uint32_t)random_below(&f.random, f.writer.chunks.count));
                uint8_t *at = (uint8_t *)chunk.ptr + random_below(&f.random, chunk.len), flip = (uint8_t)(1 << random_below(&f.random, 8));
                *at ^= flip;
                bool same = verify(&f, f.sample.lines), built = every_line_is_built(&f, f.sample.lines);
                CHECK(!same || built);
                CHECK(same || !built || chunk.ptr == chunks_at(&f.writer.chunks, 0).ptr); /* the map has more than lines */
                seen += !same;
                *at ^= flip;
            }
            CHECK(verify(&f, f.sample.lines));
            fixture_deinit(&f);
        }
    CHECK(seen > 300);
}

/* The row of a line between those that are built, whose next line is another one of the same template. */
static uint32_t find_pair(const struct fixture *f)
{
    for (uint32_t row = 20; row < ROWS - 1; row++) {
        bool is_far = row % ((ROWS - 16) / 15) > 20 && row % ((ROWS - 16) / 15) < (ROWS - 16) / 15 - 2;
        if (is_far && f->writer.root.row_template[row] == f->writer.root.row_template[row + 1] &&
            !bole_slice_eq(f->sample.lines[row], f->sample.lines[row + 1]))
            return row;
    }
    return ROWS;
}

TEST(values_of_one_hash_that_were_taken_for_the_same_are_seen)
{
    struct fixture f;
    bole_slice lines[ROWS];
    fixture_init(&f, TEXT_SAMPLE_ACCESS, 1);
    encode(&f, SPLIT_FIELDS, f.sample.lines);
    uint32_t row = find_pair(&f), count = f.writer.root.columns.count;
    CHECK(row < ROWS);
    uint64_t checks[TEXT_COLUMNS_MAX];
    for (uint32_t c = 0; c < count; c++)
        checks[c] = f.writer.root.gathered[c].check;
    memcpy(lines, f.sample.lines, sizeof lines);
    lines[row] = lines[row + 1];
    encode(&f, SPLIT_FIELDS, lines);
    CHECK(verify(&f, lines) && f.writer.root.columns.count == count);
    for (uint32_t c = 0; c < count; c++) /* hashes are alike: of what was written */
        f.writer.root.gathered[c].check = checks[c];
    CHECK(!verify(&f, f.sample.lines));
    fixture_deinit(&f);
}

TEST(a_row_that_was_given_to_another_template_is_seen)
{
    struct fixture f;
    fixture_init(&f, TEXT_SAMPLE_MIXED, 1);
    encode(&f, SPLIT_DIGITS, f.sample.lines);
    CHECK(text_map_templates(&f.writer.root) > 1 && verify(&f, f.sample.lines));
    for (uint32_t row = 0; row < ROWS; row += 97) {
        f.writer.root.row_template[row] ^= 1;
        CHECK(!verify(&f, f.sample.lines));
        f.writer.root.row_template[row] ^= 1;
    }
    fixture_deinit(&f);
}
