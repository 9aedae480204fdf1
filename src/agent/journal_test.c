/* The journal through a library of the test's own. */
#include "agent/journal.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "agent/agent_fixture.h"

struct fake_entry {
    const char *cursor;
    uint64_t usec;
    bole_slice fields[8];
};

#define FIELD(text) {(const uint8_t *)(text), sizeof(text) - 1}

static const struct fake_entry fake_entries[] = {
    {"c1", 1000001, {FIELD("MESSAGE=first"), FIELD("PRIORITY=3"), FIELD("_SYSTEMD_UNIT=ssh.service"),
                     FIELD("SYSLOG_IDENTIFIER=sshd"), FIELD("_PID=77"), FIELD("_HOSTNAME=box")}},
    {"c2", 1000002, {FIELD("PRIORITY=7"), FIELD("SYSLOG_IDENTIFIER=kernel"), FIELD("MESSAGE=two\nlines\0and a NUL")}},
    {"c3", 1000003, {FIELD("MESSAGE="), FIELD("_COMM=bash"), FIELD("_SYSTEMD_UNIT=user@1000.service")}},
    {"c4", 1000004, {FIELD("_SYSTEMD_UNIT=getty@tty1.service"), FIELD("broken")}},
};
enum { FAKE_ENTRIES = sizeof fake_entries / sizeof fake_entries[0] };

/* The calls have no argument for it, as libsystemd has one state per process, too. */
static struct fake {
    size_t count, at, field; /* at: 1-based; 0: before the first */
    size_t lost;             /* entries vacuumed away from the front */
    int fail_open, fail_next;
    unsigned opens;
    bool changed;
    char *large;             /* a field of this text in entry 1 */
    size_t large_len;
} fake;

static int fake_open(struct sd_journal **ret, int flags)
{
    if (fake.fail_open)
        return fake.fail_open;
    fake.opens++;
    fake.at = 0;
    *ret = (struct sd_journal *)&fake;
    return 0;
}
static void fake_close(struct sd_journal *j) {}
static int fake_set_data_threshold(struct sd_journal *j, size_t size) { return 0; }
static int fake_seek_tail(struct sd_journal *j) { fake.at = fake.count + 1; return 0; }
static int fake_seek_cursor(struct sd_journal *j, const char *cursor)
{
    fake.at = (size_t)atoi(cursor + 1) - 1;
    if (fake.at < fake.lost)
        fake.at = fake.lost;
    return 0;
}
static int fake_test_cursor(struct sd_journal *j, const char *cursor)
{
    return strcmp(fake_entries[fake.at - 1].cursor, cursor) == 0;
}
static int fake_next(struct sd_journal *j)
{
    if (fake.fail_next)
        return fake.fail_next;
    if (fake.at >= fake.count)
        return 0;
    fake.at++;
    return 1;
}
static int fake_previous_skip(struct sd_journal *j, uint64_t skip)
{
    uint64_t n = fake.at - 1 < skip ? fake.at - 1 : skip;
    fake.at -= n;
    return (int)n;
}
static int fake_get_cursor(struct sd_journal *j, char **ret)
{
    *ret = strdup(fake_entries[fake.at - 1].cursor);
    return 0;
}
static int fake_get_realtime(struct sd_journal *j, uint64_t *ret) { *ret = fake_entries[fake.at - 1].usec; return 0; }
static void fake_restart_data(struct sd_journal *j) { fake.field = 0; }
static int fake_enumerate(struct sd_journal *j, const void **data, size_t *len)
{
    if (fake.at == 1 && fake.large && fake.field == 0) {
        fake.field++;
        *data = fake.large;
        *len = fake.large_len;
        return 1;
    }
    size_t i = fake.field++ - (fake.at == 1 && fake.large);
    if (i >= 8 || !fake_entries[fake.at - 1].fields[i].ptr)
        return 0;
    *data = fake_entries[fake.at - 1].fields[i].ptr;
    *len = fake_entries[fake.at - 1].fields[i].len;
    return 1;
}
static int fake_get_fd(struct sd_journal *j) { return 0; }
static int fake_get_events(struct sd_journal *j) { return 0; }
static int fake_get_timeout(struct sd_journal *j, uint64_t *ret) { *ret = UINT64_MAX; return 0; }
static int fake_process(struct sd_journal *j)
{
    bool changed = fake.changed;
    fake.changed = false;
    return changed;
}

static const struct journal_api fake_api = {
    .open = fake_open, .close = fake_close, .set_data_threshold = fake_set_data_threshold,
    .seek_tail = fake_seek_tail, .seek_cursor = fake_seek_cursor, .test_cursor = fake_test_cursor,
    .next = fake_next, .previous_skip = fake_previous_skip, .get_cursor = fake_get_cursor,
    .get_realtime_usec = fake_get_realtime, .restart_data = fake_restart_data,
    .enumerate_available_data = fake_enumerate, .get_fd = fake_get_fd, .get_events = fake_get_events,
    .get_timeout = fake_get_timeout, .process = fake_process,
};

static void journal_fixture(struct fixture *f, size_t count)
{
    fixture_init(f);
    fake = (struct fake){.count = count};
    f->options.journal = true;
    f->options.journal_api = &fake_api;
}

TEST(journal_entries_become_records)
{
    struct journal_options options = {.api = &fake_api, .clock = &clock_system, .host = S("me"), .first_entries = 100};
    struct journal *j;
    struct gather g;
    struct bole_err err = {0};
    fake = (struct fake){.count = FAKE_ENTRIES};
    CHECK_OK(journal_create(&options, &j, &err), err);
    gather_init(&g);
    CHECK_OK(gather_prepare(&g, 0, &err), err);
    journal_gather(j, &g);
    struct tail_batch b = gather_batch(&g);
    CHECK_EQ_U64(b.record_count, 4);
    const struct tail_record *r = b.records;
    CHECK_EQ_SLICE(r[0].line, S("first"));
    CHECK_EQ_I64(r[0].time_ns, 1000001000);
    CHECK_EQ_SLICE(labels_find(r[0].labels, S("service_name")), S("ssh"));
    CHECK_EQ_SLICE(labels_find(r[0].labels, S("host")), S("box"));
    CHECK_EQ_SLICE(labels_find(r[0].labels, S("job")), S("systemd-journal"));
    CHECK_EQ_U64(r[0].field_count, 6);
    CHECK_EQ_SLICE(r[0].fields[0].key, S("detected_level"));
    CHECK_EQ_SLICE(r[0].fields[0].value, S("error"));
    CHECK_EQ_SLICE(r[0].fields[4].key, S("_PID"));
    CHECK_EQ_SLICE(r[0].fields[4].value, S("77"));
    CHECK_EQ_SLICE(r[1].line, S("two\nlines\0and a NUL"));
    CHECK_EQ_SLICE(labels_find(r[1].labels, S("service_name")), S("kernel"));
    CHECK_EQ_SLICE(labels_find(r[1].labels, S("host")), S("me"));
    CHECK_EQ_SLICE(r[1].fields[0].value, S("debug"));
    CHECK_EQ_SLICE(labels_find(r[2].labels, S("service_name")), S("bash"));
    CHECK_EQ_SLICE(r[2].fields[0].value, S("unknown"));
    CHECK_EQ_SLICE(labels_find(r[3].labels, S("service_name")), S("getty"));
    CHECK_EQ_SLICE(r[3].line, S(""));
    struct journal_status status;
    journal_get_status(j, &status);
    CHECK_EQ_U64(status.left_out_fields, 1);
    CHECK(status.state == JOURNAL_FOLLOWING && !journal_has_work(j));
    CHECK_EQ_U64(journal_cursor(j).len, 0); /* nothing is durable yet */
    journal_commit(j);
    CHECK_EQ_SLICE(journal_cursor(j), S("c4"));
    gather_deinit(&g);
    journal_destroy(j);
}

TEST(journal_at_first_sight_begins_with_its_newest_entries)
{
    struct fixture f;
    journal_fixture(&f, 4);
    f.options.first_entries = 3;
    fixture_start(&f);
    fixture_pump(&f);
    CHECK_EQ_U64(f.sink.count, 3);
    CHECK_EQ_SLICE(f.sink.lines[0].line, S("two\nlines\0and a NUL"));
    fixture_deinit(&f);
}

TEST(journal_goes_on_at_its_cursor_after_a_restart)
{
    struct fixture f;
    journal_fixture(&f, 2);
    fixture_start(&f);
    fixture_pump(&f);
    CHECK_EQ_U64(f.sink.count, 2);
    fixture_stop(&f);
    fake.count = 3;
    fixture_start(&f);
    fixture_pump(&f);
    CHECK_EQ_U64(f.sink.count, 3);
    fixture_stop(&f);
    fixture_start(&f);
    fixture_pump(&f);
    CHECK_EQ_U64(f.sink.count, 3);
    fake.count = 4;
    fake.changed = true;
    fixture_pump(&f);
    CHECK_EQ_U64(f.sink.count, 4);
    fixture_deinit(&f);
}

TEST(journal_whose_cursor_is_gone_goes_on_with_what_is_left)
{
    struct fixture f;
    journal_fixture(&f, 1);
    fixture_start(&f);
    fixture_pump(&f);
    fixture_stop(&f);
    sunk_forget(&f);
    fake.count = 4;
    fake.lost = 2; /* c1, where we stood, and c2 */
    fixture_start(&f);
    fixture_pump(&f);
    CHECK_EQ_U64(f.sink.count, 2);
    CHECK_EQ_SLICE(f.sink.lines[0].line, S(""));
    fixture_deinit(&f);
}

TEST(journal_entries_that_were_not_durable_come_again)
{
    struct fixture f;
    journal_fixture(&f, 2);
    f.sink.answer = BOLE_AGAIN;
    f.sink.answer_times = UINT_MAX;
    fixture_start(&f);
    fixture_pass(&f, 3 * NS_PER_S);
    fixture_stop(&f);
    f.sink.answer_times = 0;
    fixture_start(&f);
    fixture_pump(&f);
    CHECK_EQ_U64(f.sink.count, 2);
    fixture_deinit(&f);
}

TEST(journal_that_fails_is_tried_again_and_files_go_on)
{
    struct fixture f;
    journal_fixture(&f, 2);
    fake.fail_open = -EACCES;
    fixture_append(&f, "a.log", "one\n");
    fixture_start(&f);
    fixture_pump(&f);
    CHECK_LINES(&f, "one");
    fake.fail_open = 0;
    fake.fail_next = -EBADMSG;
    fixture_pass(&f, 11 * NS_PER_S);
    CHECK_EQ_U64(f.sink.count, 2); /* the entry that it stood on, and no next one */
    fake.fail_next = 0;
    fixture_pass(&f, 11 * NS_PER_S);
    CHECK_EQ_U64(f.sink.count, 3);
    fixture_deinit(&f);
}

static void large_field(const char *name, size_t len)
{
    fake.large_len = strlen(name) + len;
    fake.large = malloc(fake.large_len);
    memset(fake.large, 'x', fake.large_len);
    memcpy(fake.large, name, strlen(name));
}

TEST(journal_leaves_out_fields_that_are_too_long)
{
    struct fixture f;
    journal_fixture(&f, 2);
    large_field("COREDUMP=", 100000);
    fixture_start(&f);
    fixture_pump(&f);
    CHECK_EQ_U64(f.sink.count, 2);
    CHECK_EQ_SLICE(f.sink.lines[0].line, S("first"));
    CHECK_EQ_U64(f.sink.lines[0].field_count, 6);
    free(fake.large);
    fixture_deinit(&f);
}

TEST(journal_message_longer_than_a_batch_is_cut_at_the_limit_of_a_line)
{
    struct fixture f;
    journal_fixture(&f, 1);
    large_field("MESSAGE=", 2 * RECORD_LINE_MAX);
    fixture_start(&f);
    fixture_pump(&f);
    CHECK_EQ_U64(f.sink.count, 1);
    CHECK_EQ_U64(f.sink.lines[0].line.len, RECORD_LINE_MAX);
    CHECK_EQ_U64(f.sink.lines[0].field_count, 7); /* the entry's own, shorter MESSAGE among them */
    free(fake.large);
    fixture_deinit(&f);
}

TEST(a_machine_without_a_journal_is_quiet)
{
    struct fixture f;
    fixture_init(&f);
    f.options.journal = true; /* libsystemd itself: whatever this machine has */
    fixture_append(&f, "a.log", "one\n");
    fixture_start(&f);
    fixture_pump(&f);
    CHECK_EQ_U64(sunk_count(&f, "one"), 1);
    fixture_deinit(&f);
}
