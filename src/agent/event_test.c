/*
 * Records of several lines: real stack traces (tests/traces, "%%" between two records), containers' lines, and both through
 * files that grow by random pieces, are read with little room and by an agent that is killed again and again.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/agent_fixture.h"
#include "agent/event.h"
#include "base/buf.h"
#include "base/random.h"

enum { RECORDS_MAX = 1024 };

/* ---- what is expected ---- */

struct expected {
    struct buf file;    /* as it stands in the file */
    struct buf records; /* each with a NUL behind it */
};

static void expected_init(struct expected *e)
{
    buf_init(&e->file, NULL);
    buf_init(&e->records, NULL);
}

static void expected_deinit(struct expected *e)
{
    buf_deinit(&e->file);
    buf_deinit(&e->records);
}

static void read_traces(const char *language, struct expected *e)
{
    char path[512], line[4096];
    bool first = true;
    snprintf(path, sizeof path, "%s/%s.txt", getenv("BOLE_TRACES"), language);
    FILE *in = fopen(path, "r");
    CHECK(in != NULL);
    while (fgets(line, sizeof line, in)) {
        if (strcmp(line, "%%\n") == 0) {
            buf_put_u8(&e->records, 0);
            first = true;
            continue;
        }
        buf_put_str(&e->file, line);
        line[strcspn(line, "\n")] = 0;
        if (!first)
            buf_put_u8(&e->records, '\n');
        buf_put_str(&e->records, line);
        first = false;
    }
    buf_put_u8(&e->records, 0);
    fclose(in);
}

/* ---- a file that grows, read by turns ---- */

struct reading {
    char path[64];
    struct random random;
    struct tail *tail;
    struct multiline *multiline;
    struct arena arena;
    struct buf got;           /* as struct expected */
    size_t count, batch_count;
    size_t batch_max;         /* lines that are taken in a turn */
    uint64_t now_ns;
    unsigned kills;
    uint8_t *room;
};

static bool take(struct tail *t, const struct tail_line *line, void *ctx)
{
    struct reading *r = ctx;
    (void)t;
    if (r->batch_count == r->batch_max)
        return false;
    r->batch_count++;
    r->count++;
    if (t->labels->is_container)
        buf_put_str(&r->got, line->stream == CONTAINER_STDERR ? "err:" : "out:");
    buf_put(&r->got, line->text);
    buf_put_u8(&r->got, 0);
    return true;
}

static void open_tail(struct reading *r, const char *name, const struct tail_mark *mark, const struct source_print *print)
{
    struct bole_err err;
    struct source_info info;
    struct file_labels *labels = NULL;
    int fd = -1;
    CHECK_OK(file_labels_create(bole_slice_str(name), &(struct file_labels_options){0}, &labels, &err), err);
    CHECK_OK(source_open(r->path, &fd, &info, &err), err);
    r->tail = tail_create(name, labels);
    r->tail->multiline = multiline_find(r->multiline, bole_slice_str(name));
    tail_attach(r->tail, fd, &info, r->now_ns);
    if (mark)
        CHECK_OK(tail_resume(r->tail, mark, print, &err), err);
}

static void turn(struct reading *r, const char *name)
{
    struct bole_err err;
    struct tail_turn turn = {.bytes = r->room, .now_ns = r->now_ns, .take = take, .ctx = r, .arena = &r->arena};
    turn.room = 2 * TAIL_GUARD_MAX + 1 + random_next(&r->random) % 2000;
    r->batch_max = 1 + random_next(&r->random) % 20;
    r->batch_count = 0;
    CHECK_OK(tail_turn(r->tail, &turn, &err), err);
    if (turn.want > turn.room) {
        turn.room = TAIL_ROOM_MAX;
        CHECK_OK(tail_turn(r->tail, &turn, &err), err);
    }
    arena_reset(&r->arena);
    if (random_next(&r->random) % 8 == 0) { /* what was taken is durable with where it ends; a new life */
        struct tail_mark mark = tail_mark(r->tail);
        struct source_print print = r->tail->print;
        tail_destroy(r->tail);
        open_tail(r, name, &mark, &print);
        r->kills++;
    }
}

/* Lets the file grow by pieces; no record is taken by time until the end. */
static void grow_and_read(bole_slice file, const char *name, const char *detect, uint64_t seed, struct reading *r)
{
    struct bole_err err;
    *r = (struct reading){.path = "/tmp/bole-event-XXXXXX", .room = malloc(TAIL_ROOM_MAX), .now_ns = NS_PER_S};
    int fd = mkstemp(r->path);
    CHECK(fd >= 0 && r->room);
    random_seed(&r->random, seed);
    arena_init(&r->arena, NULL);
    buf_init(&r->got, NULL);
    CHECK_OK(multiline_create(NULL, NULL, detect, &r->multiline, &err), err);
    open_tail(r, name, NULL, NULL);
    for (size_t at = 0; at < file.len;) {
        size_t n = 1 + random_next(&r->random) % (random_next(&r->random) % 4 ? 60 : 3000);
        n = n < file.len - at ? n : file.len - at;
        CHECK(write(fd, file.ptr + at, n) == (ssize_t)n);
        at += n;
        turn(r, name);
    }
    for (unsigned i = 0; i < 400; i++) {
        r->now_ns += i < 200 ? 0 : MULTILINE_FLUSH_NS;
        turn(r, name);
    }
    close(fd);
    unlink(r->path);
}

static void end_reading(struct reading *r)
{
    tail_destroy(r->tail);
    multiline_destroy(r->multiline);
    arena_deinit(&r->arena);
    buf_deinit(&r->got);
    free(r->room);
}

static void check_traces(const char *language, const char *detect)
{
    struct expected e;
    expected_init(&e);
    read_traces(language, &e);
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct reading r;
        grow_and_read(buf_slice(&e.file), "/var/log/app.log", detect, seed, &r);
        if (!bole_slice_eq(buf_slice(&r.got), buf_slice(&e.records))) {
            size_t at = 0;
            while (at < r.got.len && at < e.records.len && r.got.ptr[at] == e.records.ptr[at])
                at++;
            printf("%s, seed %llu: differs at \"%.60s\"\n", language, (unsigned long long)seed,
                   (const char *)r.got.ptr + (at < 30 ? 0 : at - 30));
        }
        CHECK_EQ_SLICE(buf_slice(&r.got), buf_slice(&e.records));
        CHECK(r.kills > 0);
        end_reading(&r);
    }
    expected_deinit(&e);
}

TEST(traces_of_java_are_one_record) { check_traces("java", "java"); }
TEST(traces_of_python_are_one_record) { check_traces("python", "python"); }
TEST(traces_of_go_are_one_record) { check_traces("go", "go"); }
TEST(traces_of_ruby_are_one_record) { check_traces("ruby", "ruby"); }
TEST(traces_of_dotnet_are_one_record) { check_traces("dotnet", "dotnet"); }
TEST(traces_of_node_are_one_record) { check_traces("node", "node"); }

TEST(traces_are_recognised_beside_all_other_languages)
{
    static const char *const languages[] = {"java", "python", "go", "ruby", "dotnet", "node"};
    for (size_t i = 0; i < sizeof languages / sizeof *languages; i++)
        check_traces(languages[i], "all");
}

/* ---- containers ---- */

static const char pod_path[] = "/var/log/pods/shop_pay-7d9f_0b7c2a5e-1111/pay/0.log";

static void put_cri(struct buf *out, const char *stream, const char *tag, bole_slice text)
{
    buf_printf(out, "2026-11-22T03:40:00.123456789Z %s %s %.*s\n", stream, tag, BOLE_SLICE_ARG(text));
}

static void put_docker(struct buf *out, const char *stream, const char *tag, bole_slice text)
{
    buf_put_str(out, "{\"log\":");
    buf_put_json(out, text, false);
    if (*tag == 'F') {
        out->len--;
        buf_put_str(out, "\\n\"");
    }
    buf_printf(out, ",\"stream\":\"%s\",\"attrs\":{\"a\":\"}\"},\"time\":\"2026-11-22T03:40:00.123456789Z\"}\n", stream);
}

typedef void put_line_fn(struct buf *out, const char *stream, const char *tag, bole_slice text);

/* Traces on stderr, plain lines on stdout between their lines, both cut into partial lines. Expects each stream in its order. */
static void check_mixed(put_line_fn *put, uint64_t seed)
{
    struct expected traces, e;
    struct random random;
    struct reading r;
    random_seed(&random, seed);
    expected_init(&traces);
    expected_init(&e);
    read_traces("java", &traces);
    unsigned number = 0;
    for (bole_slice rest = buf_slice(&traces.file); rest.len;) {
        bole_slice line = bole_slice_cut(rest, '\n', &rest);
        while (random_next(&random) % 3 == 0) {
            char text[32];
            int n = snprintf(text, sizeof text, "\"out\" \\ %u", number++);
            put(&e.file, "stdout", "F", (bole_slice){(const uint8_t *)text, (size_t)n});
        }
        for (; line.len > 60 && random_next(&random) % 2; line = bole_slice_sub(line, 60))
            put(&e.file, "stderr", "P", (bole_slice){line.ptr, 60});
        put(&e.file, "stderr", "F", line);
    }
    grow_and_read(buf_slice(&e.file), pod_path, "java", seed, &r);
    unsigned next = 0;
    bole_slice wanted = buf_slice(&traces.records);
    for (bole_slice rest = buf_slice(&r.got); rest.len;) {
        char text[48];
        bole_slice record = bole_slice_cut(rest, 0, &rest);
        if (bole_slice_starts(record, S("out:"))) {
            snprintf(text, sizeof text, "out:\"out\" \\ %u", next++);
            CHECK_EQ_SLICE(record, bole_slice_str(text));
        } else {
            CHECK_EQ_SLICE(bole_slice_sub(record, 4), bole_slice_cut(wanted, 0, &wanted));
        }
    }
    CHECK_EQ_U64(next, number);
    CHECK_EQ_U64(wanted.len, 0);
    end_reading(&r);
    expected_deinit(&traces);
    expected_deinit(&e);
}

TEST(mixed_streams_of_cri_with_partial_lines_and_traces_come_whole)
{
    for (uint64_t seed = 1; seed <= 40; seed++)
        check_mixed(put_cri, seed);
}

TEST(mixed_streams_of_docker_with_partial_lines_and_traces_come_whole)
{
    for (uint64_t seed = 1; seed <= 40; seed++)
        check_mixed(put_docker, seed);
}

TEST(paths_of_containers_tell_whose_they_are)
{
#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
    static const struct {
        const char *path, *namespace, *pod, *uid, *container, *id;
    } cases[] = {
        {"/var/log/pods/shop_pay-7d9f_0b7c2a5e-1111/pay/0.log", "shop", "pay-7d9f", "0b7c2a5e-1111", "pay", ""},
        {"/host/pods/kube-system_etcd-a_5f/etcd/12.log.20261121-101010", "kube-system", "etcd-a", "5f", "etcd", ""},
        {"/var/log/containers/pay-7d9f_shop_pay-" ID ".log", "shop", "pay-7d9f", "", "pay", ID},
        {"/var/lib/docker/containers/" ID "/" ID "-json.log", "", "", "", "", ID},
        {"/var/lib/docker/containers/" ID "/" ID "-json.log.1", "", "", "", "", ID},
        {"/var/log/pods/notes.txt", NULL, 0, 0, 0, 0},
        {"/var/log/pods/a_b/c/0.log", NULL, 0, 0, 0, 0},
        {"/var/log/pods/a_b_c_d/c/0.log", NULL, 0, 0, 0, 0},
        {"/var/log/containers/app.log", NULL, 0, 0, 0, 0},
        {"/srv/pods/a_b_c/c/x.log", NULL, 0, 0, 0, 0},
        {"0.log", NULL, 0, 0, 0, 0},
        {"", NULL, 0, 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct container_name n = {0};
        CHECK(container_of_path(bole_slice_str(cases[i].path), &n) == (cases[i].namespace != NULL));
        CHECK_EQ_SLICE(n.namespace, bole_slice_str(cases[i].namespace));
        CHECK_EQ_SLICE(n.pod, bole_slice_str(cases[i].pod));
        CHECK_EQ_SLICE(n.uid, bole_slice_str(cases[i].uid));
        CHECK_EQ_SLICE(n.container, bole_slice_str(cases[i].container));
        CHECK_EQ_SLICE(n.id, bole_slice_str(cases[i].id));
    }
}

TEST(lines_of_runtimes_are_unwrapped_and_others_left_as_they_are)
{
    static const struct {
        const char *line, *text;
        bool known, partial, err;
    } cases[] = {
        {"2026-11-22T03:40:00.1Z stdout F hello  world ", "hello  world ", true, false, false},
        {"2026-11-22T03:40:00.123456789+01:00 stderr P:x half", "half", true, true, true},
        {"2026-11-22T03:40:00Z stdout F ", "", true, false, false},
        {"2026-11-22T03:40:00Z stdout F", "", true, false, false},
        {"2026-11-22T03:40:00Z stdin F x", NULL, false, false, false},
        {"2026-11-22T03:40:00Z stdout X x", NULL, false, false, false},
        {"soon stdout F x", NULL, false, false, false},
        {"{\"log\":\"a\\n\",\"stream\":\"stderr\",\"time\":\"2026-11-22T03:40:00.1Z\"}", "a", true, false, true},
        {"{\"log\":\"a\\\\n\",\"stream\":\"stdout\",\"time\":\"2026-11-22T03:40:00.1Z\"}", "a\\n", true, true, false},
        {"{\"log\":\"\\u00e4\\t\\\"\\n\",\"attrs\":{\"a\":[\"}\",1]},\"stream\":\"stdout\"}\r", "\xc3\xa4\t\"", true, false,
         false},
        {"{\"log\":\"\",\"stream\":\"stdout\"}", "", true, true, false},
        {"{\"log\":\"\\x\\n\",\"stream\":\"stdout\"}", "\\x", true, false, false}, /* no escape of JSON */
        {"{\"log\":\"\\ud800 \\u12\",\"stream\":\"stdout\"}", "\\ud800 \\u12", true, true, false},
        {"{\"log\":\"a\\n\"}", NULL, false, false, false},
        {"{\"log\":\"a\\n\",\"stream\":\"stdout\"", NULL, false, false, false},
        {"{\"log\":\"a\\n\",\"stream\":\"stdout\"}x", NULL, false, false, false},
        {"{\"level\":\"info\"}", NULL, false, false, false},
        {"{", NULL, false, false, false},
        {"", NULL, false, false, false},
    };
    struct arena arena;
    arena_init(&arena, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct container_line l;
        CHECK(container_line(bole_slice_str(cases[i].line), &l) == cases[i].known);
        CHECK(l.partial == cases[i].partial && (l.stream == CONTAINER_STDERR) == cases[i].err);
        CHECK_EQ_SLICE(container_text(&l, &arena), bole_slice_str(cases[i].text ? cases[i].text : cases[i].line));
    }
    arena_deinit(&arena);
}

/* ---- limits and time ---- */

static struct multiline *rules_of(const char *yaml)
{
    struct bole_err err;
    struct config *c = NULL;
    struct multiline *m = NULL;
    CHECK_OK(config_parse(bole_slice_str(yaml), "a.yml", &c, &err), err);
    CHECK_OK(multiline_create(c, config_get(config_root(c), S("multiline")), NULL, &m, &err), err);
    config_destroy(c);
    return m;
}

TEST(own_patterns_hold_for_their_files_within_their_limits)
{
    struct fixture f;
    struct multiline *m = rules_of("multiline:\n"
                                   "  - {files: '*start.log', start: '^\\d', max_lines: 3}\n"
                                   "  - {files: ['*go.log'], continue: '^\\s', max_bytes: 1KiB}\n");
    char big[900];
    memset(big, 'x', sizeof big);
    big[sizeof big - 1] = 0;
    fixture_init(&f);
    f.options.multiline = m;
    fixture_append(&f, "start.log", "head\n1 a\nb\n2 c\nd\ne\nf\ng\n3\n");
    fixture_append(&f, "go.log", "one\n two\nthree\n ");
    fixture_append(&f, "go.log", big);
    fixture_append(&f, "go.log", "\n ");
    fixture_append(&f, "go.log", big);
    fixture_append(&f, "go.log", "\nend\n");
    fixture_append(&f, "other.log", "1\n 2\n");
    fixture_start(&f);
    fixture_pump(&f);
    CHECK_EQ_U64(sunk_count(&f, "3"), 0); /* it may go on */
    fixture_pass(&f, MULTILINE_FLUSH_NS);
    const char *const wanted[] = {"head", "1 a\nb", "2 c\nd\ne", "f\ng", "3", "one\n two", "end", "1", " 2"};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        CHECK_EQ_U64(sunk_count(&f, wanted[i]), 1);
    CHECK_EQ_U64(f.sink.count, sizeof wanted / sizeof *wanted + 2); /* and the two halves of three's */
    CHECK_EQ_U64(fixture_input(&f, "start.log").split_lines + fixture_input(&f, "go.log").split_lines, 2);
    fixture_deinit(&f);
    multiline_destroy(m);
}

TEST(an_unfinished_record_stays_in_the_file_when_the_agent_dies)
{
    struct fixture f;
    struct multiline *m = rules_of("multiline: {detect: java}");
    fixture_init(&f);
    f.options.multiline = m;
    fixture_append(&f, "a.log", "first\njava.lang.Error: boom\n\tat a.B.c(B.java:1)\n");
    fixture_start(&f);
    fixture_pump(&f);
    CHECK_LINES(&f, "first");
    CHECK_EQ_U64(fixture_input(&f, "a.log").offset, 6);
    fixture_kill(&f);
    fixture_append(&f, "a.log", "\tat a.B.d(B.java:2)\nlast\n");
    fixture_start(&f);
    fixture_pump(&f);
    fixture_pass(&f, MULTILINE_FLUSH_NS);
    CHECK_EQ_U64(sunk_count(&f, "java.lang.Error: boom\n\tat a.B.c(B.java:1)\n\tat a.B.d(B.java:2)"), 1);
    CHECK_EQ_U64(sunk_count(&f, "last"), 1);
    CHECK_EQ_U64(f.sink.count, 3);
    fixture_deinit(&f);
    multiline_destroy(m);
}

TEST(a_renamed_file_gives_its_last_record_before_it_is_closed)
{
    struct fixture f;
    struct multiline *m = rules_of("multiline: {detect: [python, java], flush: 30s}");
    fixture_init(&f);
    f.options.multiline = m;
    f.options.deleted_wait_ns = NS_PER_S;
    fixture_start(&f);
    fixture_append(&f, "a.log", "Traceback (most recent call last):\n  File \"a.py\"\nKeyError: 'k'\n");
    fixture_pump(&f);
    fixture_unlink(&f, "a.log");
    fixture_append(&f, "a.log", "new\n");
    fixture_pump(&f);
    fixture_pass(&f, 31 * NS_PER_S);
    CHECK_EQ_U64(sunk_count(&f, "Traceback (most recent call last):\n  File \"a.py\"\nKeyError: 'k'"), 1);
    CHECK_EQ_U64(sunk_count(&f, "new"), 1);
    CHECK_EQ_U64(f.sink.count, 2);
    fixture_deinit(&f);
    multiline_destroy(m);
}

TEST(a_container_whose_line_never_ends_does_not_hold_up_the_other_stream)
{
    struct fixture f;
    struct buf file;
    fixture_init(&f);
    buf_init(&file, NULL);
    char dir[160], glob[160];
    snprintf(dir, sizeof dir, "mkdir -p %s/pods/ns_pod_uid/app", f.dir);
    CHECK(system(dir) == 0);
    snprintf(glob, sizeof glob, "%s/pods/*/*/*.log", f.dir);
    f.globs[0] = glob;
    put_cri(&file, "stderr", "P", S("half"));
    put_cri(&file, "stdout", "F", S("whole"));
    snprintf(dir, sizeof dir, "%s/pods/ns_pod_uid/app/0.log", f.dir);
    int fd = open(dir, O_WRONLY | O_CREAT, 0600);
    CHECK(write(fd, file.ptr, file.len) == (ssize_t)file.len);
    fixture_start(&f);
    fixture_pump(&f);
    CHECK_LINES(&f, "whole");
    CHECK_EQ_U64(fixture_input(&f, "0.log").offset, 0);
    fixture_kill(&f);
    fixture_start(&f);
    fixture_pump(&f);
    CHECK_LINES(&f, "whole"); /* it is behind the position, and known to be taken */
    fixture_pass(&f, EVENT_PARTIAL_NS);
    CHECK_LINES(&f, "whole", "half");
    buf_reset(&file);
    put_cri(&file, "stderr", "F", S(" line"));
    CHECK(write(fd, file.ptr, file.len) == (ssize_t)file.len);
    close(fd);
    fixture_pump(&f);
    CHECK_LINES(&f, "whole", "half", " line");
    CHECK_EQ_SLICE(f.sink.lines[0].service, S("app"));
    CHECK_EQ_I64(f.sink.lines[0].time_ns, 1795318800123456789);
    buf_deinit(&file);
    fixture_deinit(&f);
}

TEST(wrong_rules_are_refused_with_their_place)
{
    static const struct {
        const char *yaml, *wrong;
    } cases[] = {
        {"multiline: {detect: [jave]}", "a.yml:1:22: detect: java"},
        {"multiline: {files: '*'}", "one of detect, start, continue"},
        {"multiline: {start: a, continue: b}", "not both"},
        {"multiline: {start: '('}", "missing closing )"},
        {"multiline: [{detekt: java}]", "did you mean \"detect\"?"},
        {"multiline: [7]", "a rule is a map"},
        {"multiline: {detect: all, flush: 0s}", "flush is a duration"},
        {"multiline: {detect: all, max_bytes: 1GiB}", "max_bytes is a size"},
        {"multiline: {detect: all, max_lines: 1}", "max_lines is a number"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct config *c = NULL;
        struct multiline *m = NULL;
        struct bole_err err = {0};
        CHECK_OK(config_parse(bole_slice_str(cases[i].yaml), "a.yml", &c, &err), err);
        CHECK_EQ_STATUS(multiline_create(c, config_get(config_root(c), S("multiline")), NULL, &m, &err), BOLE_E_INVALID);
        if (!strstr(err.msg, cases[i].wrong))
            printf("%s\n", err.msg);
        CHECK(strstr(err.msg, cases[i].wrong) != NULL);
        config_destroy(c);
    }
}
