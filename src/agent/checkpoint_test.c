#include "agent/checkpoint.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>
#include <zstd.h>

#include "agent/agent_fixture.h"
#include "base/bytes.h"
#include "base/content.h"
#include "base/crc32c.h"
#include "base/random.h"

static const struct checkpoint_file sample_files[] = {
    {.path = {(const uint8_t *)"/var/log/syslog", 15},
     .id = {.device = 0xfe01, .inode = 1234567, .birth_ns = 1700000000123456789},
     .print = {.len = 1024, .hash = 0xdeadbeefcafe},
     .mark = {.offset = 1ull << 40, .guard_hash = 42, .guard_len = 64, .ahead = 700000, .ahead_stream = 1, .in_cut_line = true},
     .seen_ns = 1700000001000000000},
    {.path = {(const uint8_t *)"/\xff", 2}},
};

static struct checkpoint sample(void)
{
    struct checkpoint c;
    checkpoint_init(&c);
    c.files = (struct checkpoint_file *)sample_files;
    c.file_count = 2;
    c.journal_cursor = S("s=abc;i=1");
    c.saved_ns = 77;
    return c;
}

TEST(checkpoint_comes_back_as_it_was)
{
    struct checkpoint c = sample(), back;
    struct buf bytes;
    struct bole_err err = {0};
    buf_init(&bytes, NULL);
    checkpoint_init(&back);
    checkpoint_encode(&c, &bytes);
    CHECK_OK(checkpoint_decode(buf_slice(&bytes), &back, &err), err);
    CHECK_EQ_U64(back.file_count, 2);
    CHECK_EQ_I64(back.saved_ns, 77);
    CHECK_EQ_SLICE(back.journal_cursor, S("s=abc;i=1"));
    for (size_t i = 0; i < 2; i++) {
        const struct checkpoint_file *a = &c.files[i], *b = &back.files[i];
        CHECK_EQ_SLICE(a->path, b->path);
        CHECK(memcmp(&a->id, &b->id, sizeof a->id) == 0);
        CHECK_EQ_U64(a->print.len, b->print.len);
        CHECK_EQ_U64(a->print.hash, b->print.hash);
        CHECK_EQ_U64(a->mark.offset, b->mark.offset);
        CHECK_EQ_U64(a->mark.guard_hash, b->mark.guard_hash);
        CHECK_EQ_U64(a->mark.guard_len, b->mark.guard_len);
        CHECK(a->mark.in_cut_line == b->mark.in_cut_line);
        CHECK(a->mark.ahead == b->mark.ahead && a->mark.ahead_stream == b->mark.ahead_stream);
        CHECK_EQ_I64(a->seen_ns, b->seen_ns);
    }
    checkpoint_deinit(&back);
    buf_deinit(&bytes);
}

TEST(every_flipped_bit_and_every_cut_of_a_checkpoint_is_found)
{
    struct checkpoint c = sample();
    struct buf bytes;
    buf_init(&bytes, NULL);
    checkpoint_encode(&c, &bytes);
    for (size_t bit = 0; bit < bytes.len * 8; bit++) {
        struct checkpoint back;
        checkpoint_init(&back);
        bytes.ptr[bit / 8] ^= (uint8_t)(1u << bit % 8);
        CHECK(checkpoint_decode(buf_slice(&bytes), &back, NULL) < 0);
        bytes.ptr[bit / 8] ^= (uint8_t)(1u << bit % 8);
        checkpoint_deinit(&back);
    }
    for (size_t len = 0; len < bytes.len; len++) {
        struct checkpoint back;
        checkpoint_init(&back);
        CHECK_EQ_STATUS(checkpoint_decode((bole_slice){bytes.ptr, len}, &back, NULL), BOLE_E_CORRUPT);
        checkpoint_deinit(&back);
    }
    buf_deinit(&bytes);
}

/* Bytes with a right checksum are not trusted either: whoever may write the file may write that, too. */
TEST(nonsense_under_a_right_checksum_is_refused)
{
    struct checkpoint c = sample();
    struct buf bytes;
    struct random r;
    random_seed(&r, 7);
    buf_init(&bytes, NULL);
    for (int round = 0; round < 20000; round++) {
        struct checkpoint back;
        buf_reset(&bytes);
        checkpoint_encode(&c, &bytes);
        for (uint64_t n = random_below(&r, 4) + 1; n; n--)
            bytes.ptr[16 + random_below(&r, bytes.len - 16)] = (uint8_t)random_next(&r);
        store_u32(bytes.ptr + 12, crc32c(0, bytes.ptr + 16, bytes.len - 16));
        checkpoint_init(&back);
        if (checkpoint_decode(buf_slice(&bytes), &back, NULL) == BOLE_OK)
            for (size_t i = 0; i < back.file_count; i++)
                CHECK(back.files[i].mark.guard_len <= TAIL_GUARD_MAX && back.files[i].path.len > 0);
        checkpoint_deinit(&back);
    }
    buf_deinit(&bytes);
}

TEST(a_later_version_is_not_taken_for_damage)
{
    struct checkpoint c = sample(), back;
    struct buf bytes;
    struct bole_err err = {0};
    buf_init(&bytes, NULL);
    checkpoint_encode(&c, &bytes);
    store_u32(bytes.ptr + 8, 2);
    struct fs *fs = fs_mem_create();
    CHECK_OK(fs_make_dir(fs, "/d", &err), err);
    CHECK_OK(fs_write_file(fs, "/d/c", buf_slice(&bytes), &err), err);
    checkpoint_init(&back);
    CHECK_EQ_STATUS(checkpoint_load(fs, "/d/c", &back, &err), BOLE_E_UNSUPPORTED);
    struct file *file;
    CHECK_OK(fs_open(fs, "/d/c", FS_READ, &file, &err), err); /* still there, for the program that can read it */
    file_close(file);
    checkpoint_deinit(&back);
    fs_mem_destroy(fs);
    buf_deinit(&bytes);
}

TEST(a_damaged_checkpoint_is_set_aside)
{
    struct checkpoint c = sample(), back;
    struct bole_err err = {0};
    struct fs *fs = fs_mem_create();
    CHECK_OK(fs_make_dir(fs, "/d", &err), err);
    CHECK_OK(checkpoint_save(fs, "/d/c", &c, &err), err);
    fs_mem_flip_bit(fs, "/d/c", 40, 3);
    checkpoint_init(&back);
    CHECK_OK(checkpoint_load(fs, "/d/c", &back, &err), err);
    CHECK_EQ_U64(back.file_count, 0);
    CHECK_EQ_I64(back.saved_ns, 0);
    struct file *file;
    CHECK_EQ_STATUS(fs_open(fs, "/d/c", FS_READ, &file, &err), BOLE_E_NOTFOUND);
    CHECK_OK(fs_open(fs, "/d/c.damaged", FS_READ, &file, &err), err);
    file_close(file);
    checkpoint_deinit(&back);
    fs_mem_destroy(fs);
}

TEST(a_restart_repeats_and_loses_nothing)
{
    struct fixture f;
    fixture_init(&f);
    fixture_append(&f, "a.log", "one\ntwo\nthr");
    fixture_start(&f);
    fixture_pump(&f);
    fixture_stop(&f);
    fixture_append(&f, "a.log", "ee\nfour\n");
    fixture_start(&f);
    fixture_pump(&f);
    CHECK_LINES(&f, "one", "two", "three", "four");
    fixture_stop(&f);
    fixture_start(&f);
    fixture_pump(&f);
    CHECK_LINES(&f, "one", "two", "three", "four");
    fixture_deinit(&f);
}

TEST(a_file_rotated_while_we_were_away_is_found_by_its_inode)
{
    struct fixture f;
    fixture_init(&f);
    fixture_append(&f, "a.log", "one\n");
    fixture_start(&f);
    fixture_pump(&f);
    fixture_stop(&f);
    fixture_append(&f, "a.log", "two\n");
    fixture_rename(&f, "a.log", "a.log.1");
    fixture_append(&f, "a.log", "three\n");
    f.options.first_bytes = 1; /* the new file is newer than the checkpoint: read from its beginning nevertheless */
    fixture_start(&f);
    fixture_pump(&f);
    CHECK_EQ_U64(sunk_count(&f, "two"), 1);
    CHECK_EQ_U64(sunk_count(&f, "three"), 1);
    CHECK_EQ_U64(f.sink.count, 3);
    CHECK_EQ_SLICE(f.sink.lines[1].filename, bole_slice_str(fixture_path(&f, "a.log")));
    CHECK_EQ_SLICE(f.sink.lines[2].filename, bole_slice_str(fixture_path(&f, "a.log")));
    fixture_deinit(&f);
}

static void compress_file(struct fixture *f, const char *from, const char *to, bool zstd)
{
    struct buf in, out;
    buf_init(&in, NULL);
    buf_init(&out, NULL);
    FILE *file = fopen(fixture_path(f, from), "r");
    for (int c; (c = getc(file)) != EOF;)
        buf_put_u8(&in, (uint8_t)c);
    fclose(file);
    if (zstd) {
        CHECK(buf_reserve(&out, ZSTD_compressBound(in.len)));
        out.len = ZSTD_compress(out.ptr, out.cap, in.ptr, in.len, 3);
    } else { /* two members, as of a file that was appended to */
        CHECK(content_gzip((bole_slice){in.ptr, in.len / 2}, &out));
        CHECK(content_gzip((bole_slice){in.ptr + in.len / 2, in.len - in.len / 2}, &out));
    }
    fixture_append_bytes(f, to, out.ptr, out.len);
    fixture_unlink(f, from);
    buf_deinit(&in);
    buf_deinit(&out);
}

TEST(a_file_rotated_and_compressed_while_we_were_away_is_read_to_its_end)
{
    for (int zstd = 0; zstd < 2; zstd++) {
        struct fixture f;
        fixture_init(&f);
        char text[4096];
        memset(text, 'x', sizeof text);
        memcpy(text + sizeof text - 2, "\n", 2);
        fixture_append(&f, "a.log", "one\n");
        fixture_append(&f, "other.log", "other\n");
        fixture_start(&f);
        fixture_pump(&f);
        fixture_append(&f, "a.log", text);
        fixture_pump(&f);
        fixture_stop(&f);
        sunk_forget(&f);
        fixture_append(&f, "a.log", "two\nthree\n");
        fixture_append(&f, "other.log", "other two\n");
        compress_file(&f, "other.log", zstd ? "a.log.2.zst" : "a.log.2.gz", zstd); /* another file by that name */
        compress_file(&f, "a.log", zstd ? "a.log.1.zst" : "a.log.1.gz", zstd);
        fixture_append(&f, "a.log", "four\n");
        fixture_start(&f);
        fixture_pump(&f);
        CHECK_EQ_U64(f.sink.count, 3);
        CHECK(sunk_count(&f, "two") == 1 && sunk_count(&f, "three") == 1 && sunk_count(&f, "four") == 1);
        fixture_pass(&f, 30 * NS_PER_S);
        fixture_stop(&f);
        fixture_start(&f); /* it is done with */
        fixture_pump(&f);
        CHECK_EQ_U64(f.sink.count, 3);
        fixture_deinit(&f);
    }
}

TEST(a_file_truncated_while_we_were_away_is_read_anew)
{
    static const char *const after[] = {"x\n", "uno\ndos\n", "a much longer text than before\nand a second line\n"};
    for (size_t i = 0; i < 3; i++) { /* shorter, as long, longer */
        struct fixture f;
        fixture_init(&f);
        fixture_append(&f, "a.log", "one\ntwo\n");
        fixture_start(&f);
        fixture_pump(&f);
        fixture_stop(&f);
        sunk_forget(&f);
        assert_int_equal(truncate(fixture_path(&f, "a.log"), 0), 0);
        fixture_append(&f, "a.log", after[i]);
        fixture_start(&f);
        fixture_pump(&f);
        size_t lines = 0;
        for (const char *p = after[i]; *p; p++)
            lines += *p == '\n';
        CHECK_EQ_U64(f.sink.count, lines);
        fixture_deinit(&f);
    }
}

TEST(a_crash_repeats_lines_but_loses_none)
{
    struct fixture f;
    fixture_init(&f);
    fixture_append(&f, "a.log", "one\n");
    fixture_start(&f);
    fixture_pass(&f, 2 * NS_PER_S); /* checkpoint written */
    f.sink.answer = BOLE_AGAIN;
    f.sink.answer_times = UINT_MAX;
    fixture_append(&f, "a.log", "two\n");
    fixture_pass(&f, 5 * NS_PER_S); /* read, not durable: must not be in the checkpoint */
    fixture_kill(&f);
    f.sink.answer_times = 0;
    fixture_start(&f);
    fixture_pump(&f);
    CHECK_LINES(&f, "one", "two");
    fixture_deinit(&f);
}

TEST(what_the_sink_has_not_taken_is_read_again_after_a_stop)
{
    struct fixture f;
    fixture_init(&f);
    f.sink.answer = BOLE_E_IO;
    f.sink.answer_times = UINT_MAX;
    fixture_append(&f, "a.log", "one\n");
    fixture_start(&f);
    fixture_pass(&f, 5 * NS_PER_S);
    fixture_stop(&f);
    f.sink.answer_times = 0;
    fixture_start(&f);
    fixture_pump(&f);
    CHECK_LINES(&f, "one");
    fixture_deinit(&f);
}

TEST(after_a_damaged_checkpoint_files_are_read_as_on_first_sight)
{
    struct fixture f;
    fixture_init(&f);
    fixture_append(&f, "a.log", "one\n");
    fixture_start(&f);
    fixture_pump(&f);
    fixture_stop(&f);
    FILE *file = fopen(f.checkpoint, "r+");
    fseek(file, 20, SEEK_SET);
    fputc('!', file);
    fclose(file);
    fixture_append(&f, "a.log", "two\n");
    fixture_start(&f);
    fixture_pump(&f);
    CHECK_LINES(&f, "one", "one", "two");
    fixture_deinit(&f);
}

TEST(a_checkpoint_that_cannot_be_written_does_not_stop_reading)
{
    struct fixture f;
    fixture_init(&f);
    f.options.fs = fs_mem_create();
    f.options.checkpoint_path = "/no/such/directory/checkpoint";
    fixture_append(&f, "a.log", "one\n");
    fixture_start(&f);
    fs_mem_set_faults(f.options.fs, &(struct fs_mem_faults){.fail_call_index = 1, .fail_errno = EIO});
    fixture_pump(&f);
    fixture_append(&f, "a.log", "two\n");
    fixture_pump(&f);
    CHECK_LINES(&f, "one", "two");
    fixture_stop(&f);
    fs_mem_destroy(f.options.fs);
    fixture_deinit(&f);
}

TEST(checkpoints_are_not_written_more_than_once_a_second)
{
    struct fixture f;
    fixture_init(&f);
    f.options.fs = fs_mem_create();
    f.options.checkpoint_path = "/checkpoint";
    fixture_start(&f);
    fixture_pass(&f, 2 * NS_PER_S);
    uint64_t calls = fs_mem_call_count(f.options.fs), rounds = 0;
    for (uint64_t end = clock_mono_ns(&f.clock.base) + 10 * NS_PER_S; clock_mono_ns(&f.clock.base) < end; rounds++) {
        fixture_append(&f, "a.log", "line\n");
        clock_manual_advance(&f.clock, AGENT_LINGER_NS);
        agent_step(f.agent, 0);
    }
    CHECK(f.sink.batches > 50);
    uint64_t per_write = 6; /* create, write, sync, rename, directory sync, and one to spare */
    CHECK(fs_mem_call_count(f.options.fs) - calls <= 11 * per_write);
    fixture_stop(&f);
    fs_mem_destroy(f.options.fs);
    fixture_deinit(&f);
}
