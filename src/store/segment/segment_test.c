/* One segment file: what is in it comes out, what is wrong with it is found. */
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "base/random.h"
#include "base/test.h"
#include "store/life/check.h"
#include "store/segment/segment_sample.h"

/* Damage is logged; thousands of times it would only hide a failure. */
__attribute__((constructor)) static void be_quiet(void)
{
    log_set_level(LOG_LEVEL_ERROR + 1);
}

static void count_problem(const struct store_problem *problem, void *ctx)
{
    ++*(unsigned *)ctx;
}

static unsigned problems_of(struct segment_sample *s, bole_slice file)
{
    unsigned problems = 0;
    struct store_check_stats stats = {0};
    CHECK_EQ_STATUS(objects_put(s->objects, s->info.key, &file, 1, NULL), BOLE_OK);
    store_check_segment(s->objects, &s->info, count_problem, &problems, &stats);
    CHECK_EQ_U64(stats.problems, problems);
    return problems;
}

TEST(a_segment_gives_back_every_row)
{
    struct segment_sample *s = segment_sample_create();
    uint64_t bad = 0;
    CHECK_EQ_U64(segment_sample_use(s, s->file, true, &bad), s->row_count);
    CHECK_EQ_U64(bad, 0);
    CHECK_EQ_U64(problems_of(s, s->file), 0);
    segment_sample_destroy(s);
}

/* BOLE_GOLDEN_WRITE=1 writes the file of the current version anew; files of older versions stay as they are. */
TEST(golden_files_of_every_version_are_still_read)
{
    const char *dir = getenv("BOLE_GOLDEN");
    if (!dir)
        skip();
    struct segment_sample *s = segment_sample_create();
    char path[512];
    snprintf(path, sizeof path, "%s/segment-v1.seg", dir);
    struct bole_err err;
    if (getenv("BOLE_GOLDEN_WRITE"))
        CHECK_OK(fs_write_file(&fs_posix, path, s->file, &err), err);
    struct file *f;
    uint64_t size, bad = 0;
    CHECK_OK(fs_open(&fs_posix, path, FS_READ, &f, &err), err);
    CHECK_OK(file_size(f, &size, &err), err);
    uint8_t *bytes = malloc(size);
    CHECK_OK(file_read(f, 0, bytes, size, NULL, &err), err);
    file_close(f);
    CHECK_EQ_U64(segment_sample_use(s, bole_slice_from(bytes, size), true, &bad), s->row_count);
    CHECK_EQ_U64(bad, 0);
    free(bytes);
    segment_sample_destroy(s);
}

TEST(every_flipped_bit_is_found_and_gives_no_wrong_row)
{
    struct segment_sample *s = segment_sample_create();
    uint8_t *bytes = malloc(s->file.len);
    memcpy(bytes, s->file.ptr, s->file.len);
    bole_slice file = {bytes, s->file.len};
    /* Every byte of headers, sections and footer; of the payloads of chunks every 13th. */
    for (size_t at = 0; at < file.len; at += at > 500 && at < s->directory->sections[0].offset ? 13 : 1) {
        unsigned bit = (unsigned)(at * 5 % 8);
        bytes[at] ^= (uint8_t)(1u << bit);
        CHECK(problems_of(s, file) > 0);
        if (at % 29 == 0) {
            uint64_t bad = 0, rows = segment_sample_use(s, file, true, &bad);
            /* The header and the crc of a section are only checked by `bole check`. */
            CHECK(rows == s->row_count || bad > 0);
        }
        bytes[at] ^= (uint8_t)(1u << bit);
    }
    CHECK_EQ_U64(problems_of(s, file), 0);
    free(bytes);
    segment_sample_destroy(s);
}

TEST(a_segment_cut_off_or_lengthened_is_found)
{
    struct segment_sample *s = segment_sample_create();
    struct buf longer;
    buf_init(&longer, NULL);
    buf_put(&longer, s->file);
    buf_put_u8(&longer, 0);
    CHECK(problems_of(s, buf_slice(&longer)) > 0);
    for (size_t len = 0; len < s->file.len; len += 1 + len / 10) {
        uint64_t bad = 0;
        bole_slice file = {s->file.ptr, len};
        CHECK(problems_of(s, file) > 0);
        CHECK_EQ_U64(segment_sample_use(s, file, true, &bad), 0);
        CHECK(bad > 0);
    }
    buf_deinit(&longer);
    segment_sample_destroy(s);
}

/* A damaged chunk of lines takes the rows of its group with it and nothing else. */
TEST(the_rest_of_a_damaged_segment_is_served)
{
    struct segment_sample *s = segment_sample_create();
    uint8_t *bytes = malloc(s->file.len);
    memcpy(bytes, s->file.ptr, s->file.len);
    const struct segment_group *g = &s->directory->groups[0];
    bytes[g->text->chunks[1].offset + 40] ^= 1;
    uint64_t bad = 0, rows = segment_sample_use(s, bole_slice_from(bytes, s->file.len), true, &bad);
    CHECK(bad > 0);
    CHECK_EQ_U64(rows, s->row_count - g->row_count);
    free(bytes);
    segment_sample_destroy(s);
}

TEST(hostile_bytes_with_sound_checksums_do_no_harm)
{
    struct segment_sample *s = segment_sample_create();
    struct random r;
    random_seed(&r, 3);
    uint8_t bytes[600];
    for (unsigned round = 0; round < 400; round++) {
        size_t size = random_below(&r, sizeof bytes);
        unsigned small = (unsigned)random_below(&r, 3);
        for (size_t i = 0; i < size; i++)
            bytes[i] = (uint8_t)(random_next(&r) & (small == 0 ? 0xff : small == 1 ? 0x0f : 0x01));
        segment_sample_attack(s, round, (unsigned)random_below(&r, 60), bole_slice_from(bytes, size));
    }
    segment_sample_destroy(s);
}

/* Whatever is sound stays so while single bytes of contents change under fitting checksums. */
TEST(contents_changed_a_little_do_no_harm)
{
    struct segment_sample *s = segment_sample_create();
    struct random r;
    random_seed(&r, 4);
    struct buf raw;
    buf_init(&raw, NULL);
    for (unsigned round = 0; round < 150; round++) {
        struct segment_reader reader;
        unsigned which = 0, wanted = (unsigned)random_below(&r, 60);
        const struct segment_directory *d = s->directory;
        CHECK_EQ_STATUS(objects_put(s->objects, s->info.key, &s->file, 1, NULL), BOLE_OK);
        segment_reader_init(&reader, s->objects, NULL);
        reader.key = s->info.key;
        for (uint32_t g = 0; g < d->group_count; g++)
            for (uint32_t c = 0; c < d->groups[g].column_count; c++)
                for (uint32_t k = 0; k < d->groups[g].columns[c].chunk_count; k++)
                    if (which++ == wanted)
                        CHECK_EQ_STATUS(segment_chunk_read(&reader, &d->groups[g].columns[c].chunks[k],
                                                           d->groups[g].columns[c].kind, &raw, NULL),
                                        BOLE_OK);
        segment_reader_deinit(&reader);
        if (wanted >= which || raw.len == 0)
            continue;
        for (unsigned i = 0; i < 3; i++)
            raw.ptr[random_below(&r, random_below(&r, 2) ? raw.len : 1 + raw.len / 100)] = (uint8_t)random_next(&r);
        segment_sample_attack(s, ATTACK_CHUNK, wanted, buf_slice(&raw));
    }
    buf_deinit(&raw);
    segment_sample_destroy(s);
}
