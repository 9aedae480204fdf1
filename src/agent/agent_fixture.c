#include "agent/agent_fixture.h"

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static bole_status test_sink_send(struct tail_sink *self, const struct tail_batch *batch, uint64_t *ret_refused,
                                  struct bole_err *err)
{
    struct test_sink *s = (struct test_sink *)self;
    pthread_mutex_lock(&s->lock);
    s->calls++;
    bole_status answer = s->answer_times ? s->answer : BOLE_OK;
    if (s->answer_times && s->answer_times != UINT_MAX)
        s->answer_times--;
    for (size_t i = 0; i < batch->record_count && answer == BOLE_OK; i++) {
        const struct tail_record *r = &batch->records[i];
        if (s->count == s->cap) {
            s->cap = s->cap ? s->cap * 2 : 64;
            s->lines = realloc(s->lines, s->cap * sizeof *s->lines);
        }
        struct sunk *to = &s->lines[s->count++];
        *to = (struct sunk){.line = arena_copy(&s->arena, r->line),
                            .filename = arena_copy(&s->arena, labels_find(r->labels, S("filename"))),
                            .service = arena_copy(&s->arena, labels_find(r->labels, S("service_name"))),
                            .time_ns = r->time_ns,
                            .field_count = r->field_count};
        for (size_t k = 0; k < r->field_count; k++)
            if (bole_slice_eq(r->fields[k].key, S("detected_level")))
                to->level = arena_copy(&s->arena, r->fields[k].value);
    }
    s->batches += answer == BOLE_OK;
    if (batch->size_bytes > s->largest_batch)
        s->largest_batch = batch->size_bytes;
    pthread_mutex_unlock(&s->lock);
    *ret_refused = 0;
    return answer == BOLE_OK ? BOLE_OK : bole_fail(err, answer, "the test says no");
}

static const struct tail_sink_ops test_sink_ops = {.send = test_sink_send};

void fixture_init(struct fixture *f)
{
    *f = (struct fixture){.fs = &fs_posix};
    snprintf(f->dir, sizeof f->dir, "/tmp/bole-agent-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->glob, sizeof f->glob, "%s/log/*.log", f->dir);
    snprintf(f->checkpoint, sizeof f->checkpoint, "%s/checkpoint", f->dir);
    assert_int_equal(mkdir(fixture_path(f, ""), 0755), 0);
    clock_manual_init(&f->clock, 1700000000 * NS_PER_S);
    f->sink.base.ops = &test_sink_ops;
    pthread_mutex_init(&f->sink.lock, NULL);
    arena_init(&f->sink.arena, NULL);
    f->globs[0] = f->glob;
    f->options = (struct agent_options){.includes = f->globs,
                                        .include_count = 1,
                                        .excludes = f->excludes,
                                        .checkpoint_path = f->checkpoint,
                                        .host = "testhost",
                                        .fs = f->fs,
                                        .clock = &f->clock.base,
                                        .sink = &f->sink.base};
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    return remove(path);
}

void fixture_deinit(struct fixture *f)
{
    fixture_stop(f);
    arena_deinit(&f->sink.arena);
    free(f->sink.lines);
    pthread_mutex_destroy(&f->sink.lock);
    nftw(f->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

void fixture_start(struct fixture *f)
{
    struct bole_err err = {0};
    CHECK_OK(agent_create(&f->options, &f->agent, &err), err);
}

void fixture_stop(struct fixture *f)
{
    agent_destroy(f->agent);
    f->agent = NULL;
}

void fixture_kill(struct fixture *f)
{
    /* What the disk holds at this moment is put back after the orderly end. */
    char kept[128];
    snprintf(kept, sizeof kept, "%s.kept", f->checkpoint);
    bool had = link(f->checkpoint, kept) == 0;
    fixture_stop(f);
    if (had)
        assert_int_equal(rename(kept, f->checkpoint), 0);
    else
        unlink(f->checkpoint);
    unlink(kept);
}

const char *fixture_path(struct fixture *f, const char *name)
{
    static char paths[8][256];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/log/%s", f->dir, name);
    return path;
}

void fixture_append_bytes(struct fixture *f, const char *name, const void *bytes, size_t len)
{
    int fd = open(fixture_path(f, name), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), len);
    close(fd);
}

void fixture_append(struct fixture *f, const char *name, const char *text)
{
    fixture_append_bytes(f, name, text, strlen(text));
}

void fixture_rename(struct fixture *f, const char *from, const char *to)
{
    assert_int_equal(rename(fixture_path(f, from), fixture_path(f, to)), 0);
}

void fixture_unlink(struct fixture *f, const char *name)
{
    assert_int_equal(unlink(fixture_path(f, name)), 0);
}

void fixture_pump(struct fixture *f)
{
    for (int quiet = 0; quiet < 4;) {
        clock_manual_advance(&f->clock, AGENT_LINGER_NS);
        quiet = agent_step(f->agent, 0) ? 0 : quiet + 1;
    }
}

void fixture_pass(struct fixture *f, uint64_t ns)
{
    clock_manual_advance(&f->clock, ns);
    fixture_pump(f);
}

size_t sunk_count(struct fixture *f, const char *line)
{
    size_t n = 0;
    for (size_t i = 0; i < f->sink.count; i++)
        n += bole_slice_eq(f->sink.lines[i].line, bole_slice_str(line));
    return n;
}

void sunk_forget(struct fixture *f)
{
    f->sink.count = 0;
}

void fixture_check_lines(struct fixture *f, const char *const *lines, const char *file, int line)
{
    size_t n = 0;
    for (; lines[n]; n++)
        if (n < f->sink.count)
            test_check_eq_slice(f->sink.lines[n].line, bole_slice_str(lines[n]), file, line);
    _assert_int_equal(f->sink.count, n, file, line);
}

struct wanted {
    const char *path;
    struct agent_input input;
};

static void find_input(const struct agent_input *input, void *ctx)
{
    struct wanted *w = ctx;
    if (bole_slice_eq(input->path, bole_slice_str(w->path)))
        w->input = *input;
}

struct agent_input fixture_input(struct fixture *f, const char *name)
{
    struct wanted w = {.path = fixture_path(f, name), .input = {.state = "", .reason = ""}};
    agent_each_input(f->agent, find_input, &w);
    return w.input;
}

const char *fixture_state(struct fixture *f, const char *name)
{
    return fixture_input(f, name).state;
}
