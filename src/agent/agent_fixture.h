/*
 * agent_fixture.h - for tests: an agent over real files in a directory of its own, with a clock that stands still and a
 * sink that remembers every line and can be told to misbehave.
 */
#ifndef AGENT_AGENT_FIXTURE_H
#define AGENT_AGENT_FIXTURE_H

#include <pthread.h>
#include <stdio.h>

#include "agent/agent.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/test.h"

struct sunk {
    bole_slice line, filename, level, service;
    int64_t    time_ns;
    size_t     field_count;
};

struct test_sink {
    struct tail_sink base;
    pthread_mutex_t  lock;
    struct arena     arena;
    struct sunk     *lines;
    size_t           count, cap;
    size_t           batches, calls;
    size_t           largest_batch;  /* bytes */
    bole_status      answer;         /* instead of taking the batch; BOLE_OK: takes it */
    unsigned         answer_times;   /* how often it is given; UINT_MAX: until changed */
};

struct fixture {
    char dir[64];
    char glob[96];
    char checkpoint[96];
    const char *globs[4];
    const char *excludes[4];
    struct clock_manual  clock;
    struct test_sink     sink;
    struct agent_options options; /* may be changed before fixture_start */
    struct agent        *agent;
    struct fs           *fs;
};

void fixture_init(struct fixture *f);     /* files: dir/log/..., glob: *.log in dir/log */
void fixture_deinit(struct fixture *f);
void fixture_start(struct fixture *f);
void fixture_stop(struct fixture *f);     /* in good order */
void fixture_kill(struct fixture *f);     /* as kill -9: nothing more is written */

const char *fixture_path(struct fixture *f, const char *name); /* of one of the last 8 calls */
void fixture_append(struct fixture *f, const char *name, const char *text);
void fixture_append_bytes(struct fixture *f, const char *name, const void *bytes, size_t len);
void fixture_rename(struct fixture *f, const char *from, const char *to);
void fixture_unlink(struct fixture *f, const char *name);

/* Lets time pass in small steps until nothing happens any more. */
void fixture_pump(struct fixture *f);
void fixture_pass(struct fixture *f, uint64_t ns); /* then pumps */

size_t sunk_count(struct fixture *f, const char *line);  /* how often it came */
void sunk_forget(struct fixture *f);
#define CHECK_LINES(f, ...) fixture_check_lines(f, (const char *const[]){__VA_ARGS__, NULL}, __FILE__, __LINE__)
void fixture_check_lines(struct fixture *f, const char *const *lines, const char *file, int line);

/* The state of one file; "" when it is not known. */
const char *fixture_state(struct fixture *f, const char *name);
struct agent_input fixture_input(struct fixture *f, const char *name);

#endif
