/* What becomes of the bytes of one file. */
#include "agent/agent_fixture.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/timefmt.h"

TEST(lines_come_as_the_file_grows)
{
    struct fixture f;
    fixture_init(&f);
    fixture_append(&f, "a.log", "one\ntwo\n");
    fixture_start(&f);
    fixture_pump(&f);
    CHECK_LINES(&f, "one", "two");
    fixture_append(&f, "a.log", "three\n");
    fixture_pump(&f);
    CHECK_LINES(&f, "one", "two", "three");
    CHECK_EQ_SLICE(f.sink.lines[0].filename, bole_slice_str(fixture_path(&f, "a.log")));
    CHECK_EQ_SLICE(f.sink.lines[0].service, S("a"));
    struct agent_input input = fixture_input(&f, "a.log");
    CHECK_EQ_SLICE(bole_slice_str(input.state), S("following"));
    CHECK_EQ_U64(input.offset, 14);
    CHECK_EQ_U64(input.lag_bytes, 0);
    fixture_deinit(&f);
}

TEST(lines_come_without_inotify)
{
    struct fixture f;
    fixture_init(&f);
    f.options.no_inotify = true;
    fixture_start(&f);
    fixture_pump(&f);
    fixture_append(&f, "a.log", "one\n");
    fixture_pass(&f, 15 * NS_PER_S);
    fixture_append(&f, "a.log", "two\n");
    fixture_rename(&f, "a.log", "a.log.1");
    fixture_append(&f, "a.log", "three\n");
    fixture_pass(&f, 15 * NS_PER_S);
    CHECK_EQ_U64(sunk_count(&f, "one") + sunk_count(&f, "two") + sunk_count(&f, "three"), 3);
    CHECK_EQ_U64(f.sink.count, 3);
    fixture_deinit(&f);
}

TEST(a_partial_line_waits_for_its_end)
{
    struct fixture f;
    fixture_init(&f);
    fixture_start(&f);
    fixture_append(&f, "a.log", "first\nhal");
    fixture_pump(&f);
    CHECK_LINES(&f, "first");
    fixture_append(&f, "a.log", "f");
    fixture_pass(&f, 6 * NS_PER_S); /* long after "hal", but just grown when it is looked at */
    CHECK_LINES(&f, "first");
    fixture_append(&f, "a.log", " done\n");
    fixture_pump(&f);
    CHECK_LINES(&f, "first", "half done");
    fixture_deinit(&f);
}

TEST(a_partial_line_is_taken_when_nothing_more_comes)
{
    struct fixture f;
    fixture_init(&f);
    fixture_append(&f, "a.log", "no end");
    fixture_start(&f);
    fixture_pump(&f);
    CHECK_EQ_U64(f.sink.count, 0);
    fixture_pass(&f, 5 * NS_PER_S);
    CHECK_LINES(&f, "no end");
    CHECK_EQ_U64(fixture_input(&f, "a.log").split_lines, 1);
    fixture_append(&f, "a.log", "\nnext\n");
    fixture_pump(&f);
    CHECK_LINES(&f, "no end", "next");
    fixture_deinit(&f);
}

TEST(bytes_of_a_line_are_kept_as_they_are)
{
    struct fixture f;
    fixture_init(&f);
    fixture_start(&f);
    static const char bytes[] = "crlf\r\nnul\0inside the line\nbad \xff\xfe utf-8\n\n  blanks \t\n";
    fixture_append_bytes(&f, "a.log", bytes, sizeof bytes - 1);
    fixture_pump(&f);
    CHECK_EQ_U64(f.sink.count, 5);
    CHECK_EQ_SLICE(f.sink.lines[0].line, S("crlf\r"));
    CHECK_EQ_SLICE(f.sink.lines[1].line, S("nul\0inside the line"));
    CHECK_EQ_SLICE(f.sink.lines[2].line, S("bad \xff\xfe utf-8"));
    CHECK_EQ_SLICE(f.sink.lines[3].line, S(""));
    CHECK_EQ_SLICE(f.sink.lines[4].line, S("  blanks \t"));
    fixture_deinit(&f);
}

/* A line of `len` bytes 'x', with its end. */
static void append_long_line(struct fixture *f, const char *name, size_t len)
{
    char *line = malloc(len + 1);
    memset(line, 'x', len);
    line[len] = '\n';
    fixture_append_bytes(f, name, line, len + 1);
    free(line);
}

TEST(a_line_over_the_limit_is_cut_and_the_file_goes_on)
{
    struct fixture f;
    fixture_init(&f);
    fixture_start(&f);
    fixture_append(&f, "a.log", "before\n");
    append_long_line(&f, "a.log", 3 * RECORD_LINE_MAX);
    fixture_append(&f, "a.log", "between\n");
    append_long_line(&f, "a.log", RECORD_LINE_MAX);
    append_long_line(&f, "a.log", RECORD_LINE_MAX + 1);
    fixture_append(&f, "a.log", "after\n");
    fixture_pump(&f);
    CHECK_EQ_U64(f.sink.count, 6);
    CHECK_EQ_SLICE(f.sink.lines[0].line, S("before"));
    CHECK_EQ_U64(f.sink.lines[1].line.len, RECORD_LINE_MAX);
    CHECK_EQ_SLICE(f.sink.lines[2].line, S("between"));
    CHECK_EQ_U64(f.sink.lines[3].line.len, RECORD_LINE_MAX);
    CHECK_EQ_U64(f.sink.lines[4].line.len, RECORD_LINE_MAX);
    CHECK_EQ_SLICE(f.sink.lines[5].line, S("after"));
    struct agent_input input = fixture_input(&f, "a.log");
    CHECK_EQ_U64(input.cut_lines, 2);
    CHECK_EQ_U64(input.skipped_bytes, 2 * RECORD_LINE_MAX + 1);
    fixture_deinit(&f);
}

TEST(the_rest_of_a_cut_line_is_skipped_after_a_restart_too)
{
    struct fixture f;
    fixture_init(&f);
    fixture_start(&f);
    char *bytes = malloc(2 * RECORD_LINE_MAX);
    memset(bytes, 'y', 2 * RECORD_LINE_MAX);
    fixture_append_bytes(&f, "a.log", bytes, 2 * RECORD_LINE_MAX);
    free(bytes);
    fixture_pass(&f, NS_PER_S);
    CHECK_EQ_U64(f.sink.count, 1);
    fixture_stop(&f);
    fixture_append(&f, "a.log", "yyy still the rest\nnext\n");
    fixture_start(&f);
    fixture_pump(&f);
    CHECK_EQ_U64(f.sink.count, 2);
    CHECK_EQ_SLICE(f.sink.lines[1].line, S("next"));
    fixture_deinit(&f);
}

TEST(a_long_line_that_grows_slowly_comes_whole)
{
    struct fixture f;
    fixture_init(&f);
    fixture_start(&f);
    char piece[10000];
    memset(piece, 'z', sizeof piece);
    for (int i = 0; i < 60; i++) {
        fixture_append_bytes(&f, "a.log", piece, sizeof piece);
        fixture_pump(&f);
    }
    CHECK_EQ_U64(f.sink.count, 0);
    fixture_append(&f, "a.log", "!\nnext\n");
    fixture_pump(&f);
    CHECK_EQ_U64(f.sink.count, 2);
    CHECK_EQ_U64(f.sink.lines[0].line.len, 60 * sizeof piece + 1);
    CHECK_EQ_SLICE(f.sink.lines[1].line, S("next"));
    fixture_deinit(&f);
}

TEST(many_short_lines_come_in_bounded_batches)
{
    struct fixture f;
    fixture_init(&f);
    char line[64];
    FILE *out = fopen(fixture_path(&f, "a.log"), "w");
    for (int i = 0; i < 100000; i++)
        fprintf(out, "line number %d\n", i);
    fclose(out);
    fixture_start(&f);
    fixture_pump(&f);
    CHECK_EQ_U64(f.sink.count, 100000);
    for (int i = 0; i < 100000; i += 9999) {
        snprintf(line, sizeof line, "line number %d", i);
        CHECK_EQ_SLICE(f.sink.lines[i].line, bole_slice_str(line));
    }
    CHECK(f.sink.largest_batch <= 512 * 1024);
    fixture_deinit(&f);
}

TEST(a_large_file_is_read_from_its_last_part_at_first_sight)
{
    struct fixture f;
    fixture_init(&f);
    f.options.first_bytes = 10;
    fixture_append(&f, "a.log", "one\ntwo\nthree\nfour\n"); /* the last 10 bytes begin inside "three" */
    fixture_append(&f, "b.log", "1234\n123456789\n");       /* and here exactly at a line */
    fixture_append(&f, "c.log", "short\n");
    fixture_start(&f);
    fixture_pump(&f);
    CHECK_EQ_U64(f.sink.count, 3);
    CHECK_EQ_U64(sunk_count(&f, "four"), 1);
    CHECK_EQ_U64(sunk_count(&f, "123456789"), 1);
    CHECK_EQ_U64(sunk_count(&f, "short"), 1);
    /* A file that appears while we run is new: all of it is read. */
    fixture_append(&f, "d.log", "a first line\na second line\n");
    fixture_pump(&f);
    CHECK_EQ_U64(sunk_count(&f, "a first line"), 1);
    fixture_deinit(&f);
}

TEST(files_that_hold_no_text_are_shown_and_not_read)
{
    struct fixture f;
    fixture_init(&f);
    fixture_append_bytes(&f, "z.log", "\x1f\x8b\x08\0\0\0\0\0\n", 9);
    assert_int_equal(mkfifo(fixture_path(&f, "fifo.log"), 0644), 0);
    assert_int_equal(mkdir(fixture_path(&f, "dir.log"), 0755), 0);
    assert_int_equal(symlink("loop.log", fixture_path(&f, "loop.log")), 0);
    assert_int_equal(symlink("nowhere", fixture_path(&f, "dangling.log")), 0);
    assert_int_equal(symlink("/dev/zero", fixture_path(&f, "zero.log")), 0);
    fixture_append(&f, "a.log", "text\n");
    fixture_start(&f);
    fixture_pump(&f);
    CHECK_LINES(&f, "text");
    CHECK_EQ_SLICE(bole_slice_str(fixture_state(&f, "z.log")), S("skipped"));
    CHECK_EQ_SLICE(bole_slice_str(fixture_input(&f, "z.log").reason), S("gzip"));
    CHECK_EQ_SLICE(bole_slice_str(fixture_state(&f, "fifo.log")), S("skipped"));
    CHECK_EQ_SLICE(bole_slice_str(fixture_state(&f, "zero.log")), S("skipped"));
    CHECK_EQ_SLICE(bole_slice_str(fixture_input(&f, "loop.log").reason), S("symbolic links in a circle"));
    CHECK_EQ_SLICE(bole_slice_str(fixture_state(&f, "dir.log")), S(""));
    /* What is binary no more is read. */
    assert_int_equal(truncate(fixture_path(&f, "z.log"), 0), 0);
    fixture_pass(&f, 15 * NS_PER_S);
    fixture_append(&f, "z.log", "now text\n");
    fixture_pass(&f, 15 * NS_PER_S);
    CHECK_LINES(&f, "text", "now text");
    fixture_deinit(&f);
}

static void append_utf16(struct fixture *f, const char *name, bole_slice text, bool big)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t unit[2] = {big ? 0 : text.ptr[i], big ? text.ptr[i] : 0};
        fixture_append_bytes(f, name, unit, 2);
    }
}

TEST(utf16_with_a_byte_order_mark_is_read_as_text)
{
    for (int big = 0; big < 2; big++) {
        struct fixture f;
        fixture_init(&f);
        fixture_append_bytes(&f, "a.log", big ? "\xfe\xff" : "\xff\xfe", 2);
        append_utf16(&f, "a.log", S("one\r\n\ntwo"), big);
        fixture_start(&f);
        fixture_pump(&f);
        CHECK_LINES(&f, "one\r", "");
        append_utf16(&f, "a.log", S(" and more\n"), big);
        /* U+0A0A and U+1F600 hold bytes that look like a line end; the last unit is half there */
        fixture_append_bytes(&f, "a.log", big ? "\x0a\x0a\xd8\x3d\xde\x00\x00" : "\x0a\x0a\x3d\xd8\x00\xde\x0a", 7);
        fixture_pump(&f);
        CHECK_LINES(&f, "one\r", "", "two and more");
        fixture_stop(&f);
        fixture_append_bytes(&f, "a.log", big ? "\x0a" : "\x00", 1);
        append_utf16(&f, "a.log", S("behind"), big);
        fixture_start(&f);
        fixture_pump(&f);
        fixture_pass(&f, 6 * NS_PER_S);
        CHECK_LINES(&f, "one\r", "", "two and more", "\xe0\xa8\x8a\xf0\x9f\x98\x80", "behind");
        fixture_deinit(&f);
    }
}

TEST(a_utf8_byte_order_mark_is_not_part_of_the_line)
{
    struct fixture f;
    fixture_init(&f);
    fixture_append(&f, "a.log", "\xef\xbb\xbf" "one\ntwo\n");
    fixture_start(&f);
    fixture_pump(&f);
    CHECK_LINES(&f, "one", "two");
    fixture_deinit(&f);
}

TEST(a_link_to_somebody_elses_file_is_not_followed)
{
    if (geteuid() != 0)
        skip(); /* only root can give a link away */
    struct fixture f;
    fixture_init(&f);
    fixture_append(&f, "secret", "not for everybody\n");
    assert_int_equal(symlink("secret", fixture_path(&f, "a.log")), 0);
    assert_int_equal(lchown(fixture_path(&f, "a.log"), 12345, 12345), 0);
    fixture_start(&f);
    fixture_pump(&f);
    CHECK_EQ_U64(f.sink.count, 0);
    CHECK_EQ_SLICE(bole_slice_str(fixture_state(&f, "a.log")), S("skipped"));
    assert_int_equal(chown(fixture_path(&f, "secret"), 12345, 12345), 0);
    fixture_pass(&f, 15 * NS_PER_S);
    CHECK_LINES(&f, "not for everybody");
    fixture_deinit(&f);
}

TEST(a_file_without_permission_is_shown_and_tried_again)
{
    if (geteuid() == 0)
        skip(); /* root may read everything */
    struct fixture f;
    fixture_init(&f);
    fixture_append(&f, "a.log", "locked\n");
    assert_int_equal(chmod(fixture_path(&f, "a.log"), 0), 0);
    fixture_start(&f);
    fixture_pump(&f);
    CHECK_EQ_SLICE(bole_slice_str(fixture_state(&f, "a.log")), S("unreadable"));
    assert_int_equal(chmod(fixture_path(&f, "a.log"), 0644), 0);
    fixture_pump(&f);
    CHECK_LINES(&f, "locked");
    fixture_deinit(&f);
}

TEST(levels_are_found_in_the_line)
{
    struct fixture f;
    fixture_init(&f);
    fixture_append(&f, "a.log", "level=error msg=x\nlevel=error msg=y\njust words\n");
    fixture_start(&f);
    fixture_pump(&f);
    CHECK_EQ_SLICE(f.sink.lines[0].level, S("error"));
    CHECK_EQ_SLICE(f.sink.lines[1].level, S("error"));
    CHECK_EQ_SLICE(f.sink.lines[2].level, S("unknown"));
    fixture_deinit(&f);
}

/* What the clock of the fixture says: 2023-11-14 22:13:20 UTC. */
TEST(times_come_from_the_line_then_from_the_line_before_then_from_the_clock)
{
    struct fixture f;
    fixture_init(&f);
    int64_t now = clock_now_ns(&f.clock.base);
    fixture_append(&f, "a.log", "2023-11-01T10:00:00Z failed\n  at the first frame\n2023-11-02T10:00:00Z done\n");
    fixture_append(&f, "b.log", "nothing to read here\n");
    fixture_start(&f);
    fixture_pump(&f);
    int64_t said;
    CHECK(time_parse_rfc3339(S("2023-11-01T10:00:00Z"), &said));
    for (size_t i = 0; i < f.sink.count; i++) {
        const struct sunk *s = &f.sink.lines[i];
        if (bole_slice_starts(s->line, S("2023-11-01")) || bole_slice_starts(s->line, S("  at")))
            CHECK_EQ_I64(s->time_ns, said);
        if (bole_slice_starts(s->line, S("nothing")))
            CHECK(s->time_ns > now + 24 * 3600 * NS_PER_S); /* the file's own time: today, whenever the test runs */
    }
    sunk_forget(&f);
    fixture_append(&f, "a.log", "fresh words without a time\n");
    fixture_append(&f, "b.log", "more words\n");
    fixture_pump(&f);
    for (size_t i = 0; i < f.sink.count; i++)
        CHECK(f.sink.lines[i].time_ns >= now && f.sink.lines[i].time_ns < now + 60 * NS_PER_S);
    CHECK_EQ_U64(f.sink.count, 2);
    fixture_deinit(&f);
}

TEST(an_old_file_is_dated_by_its_modification_and_the_order_of_its_lines)
{
    struct fixture f;
    fixture_init(&f);
    setenv("TZ", "UTC", 1);
    tzset();
    fixture_append(&f, "a.log", "Dec 30 10:00:00 one\nDec 31 10:00:00 two\nJan  1 10:00:00 three\n");
    const struct timespec times[2] = {{.tv_nsec = UTIME_NOW}, {.tv_sec = time_from_civil(2021, 1, 1, 10, 0, 0)}};
    assert_int_equal(utimensat(AT_FDCWD, fixture_path(&f, "a.log"), times, 0), 0);
    fixture_start(&f);
    fixture_pump(&f);
    fixture_append(&f, "a.log", "Nov 14 22:13:00 four\n"); /* a minute before now, which is 2023 */
    fixture_pump(&f);
    CHECK_LINES(&f, "Dec 30 10:00:00 one", "Dec 31 10:00:00 two", "Jan  1 10:00:00 three", "Nov 14 22:13:00 four");
    CHECK_EQ_I64(f.sink.lines[0].time_ns, time_from_civil(2020, 12, 30, 10, 0, 0) * NS_PER_S);
    CHECK_EQ_I64(f.sink.lines[1].time_ns, time_from_civil(2020, 12, 31, 10, 0, 0) * NS_PER_S);
    CHECK_EQ_I64(f.sink.lines[2].time_ns, time_from_civil(2021, 1, 1, 10, 0, 0) * NS_PER_S);
    CHECK_EQ_I64(f.sink.lines[3].time_ns, time_from_civil(2023, 11, 14, 22, 13, 0) * NS_PER_S);
    fixture_deinit(&f);
}

TEST(stamps_without_a_zone_are_local_time_of_their_own_day)
{
    struct fixture f;
    fixture_init(&f);
    setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
    tzset();
    fixture_append(&f, "a.log",
                   "2023-07-01 12:00:00 in summer\n2023-11-10 12:00:00 in winter\n2023-11-10T12:00:00Z as it says\n");
    fixture_start(&f);
    fixture_pump(&f);
    setenv("TZ", "UTC", 1);
    tzset();
    static const char *const want[] = {"2023-07-01T10:00:00Z", "2023-11-10T11:00:00Z", "2023-11-10T12:00:00Z"};
    CHECK_EQ_U64(f.sink.count, 3);
    for (size_t i = 0; i < 3; i++) {
        int64_t ns;
        CHECK(time_parse_rfc3339(bole_slice_str(want[i]), &ns));
        CHECK_EQ_I64(f.sink.lines[i].time_ns, ns);
    }
    fixture_deinit(&f);
}
