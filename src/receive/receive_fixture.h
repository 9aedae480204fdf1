/* receive_fixture.h - one receiver over a fake ingest, for the tests of this module. */
#ifndef RECEIVE_RECEIVE_FIXTURE_H
#define RECEIVE_RECEIVE_FIXTURE_H

#include "base/test.h"
#include "process/service_name.h"
#include "receive/fake_ingest.h"
#include "receive/receive.h"

#define FIXTURE_NOW_NS (1795255200 * NS_PER_S) /* 2026-11-21T10:00:00Z */

struct fixture {
    struct ingest        ingest;
    struct clock_manual  clock;
    struct receive_options options;
    struct receiver     *receiver;
    struct arena         arena;
    struct buf           text; /* what is stored, printed */
    struct receive_result result;
};

/* Detection is off, unless switched on before the first request. */
static inline void fixture_init(struct fixture *f)
{
    *f = (struct fixture){0};
    fake_ingest_init(&f->ingest);
    clock_manual_init(&f->clock, FIXTURE_NOW_NS);
    arena_init(&f->arena, NULL);
    buf_init(&f->text, NULL);
    f->options.clock = &f->clock.base;
}

static inline void fixture_deinit(struct fixture *f)
{
    receiver_destroy(f->receiver);
    fake_ingest_deinit(&f->ingest);
    arena_deinit(&f->arena);
    buf_deinit(&f->text);
}

static inline struct receive_input fixture_input(struct fixture *f, bole_slice body, const char *content_type)
{
    struct bole_err err;
    if (!f->receiver)
        CHECK_OK(receiver_create(&f->options, &f->ingest, 0, &f->receiver, &err), err);
    arena_reset(&f->arena);
    return (struct receive_input){
        .tenant = S("default"), .body = body, .content_type = bole_slice_str(content_type), .arena = &f->arena};
}

/* Commits what a door returned; `stored` is what is there afterwards (and is forgotten). */
static inline void fixture_check(struct fixture *f, unsigned status, const char *body, const char *stored)
{
    if (f->result.request)
        ingest_commit(f->result.request, NULL, NULL);
    f->result.request = NULL;
    buf_reset(&f->text);
    fake_ingest_print(&f->ingest, &f->text);
    fake_ingest_clear(&f->ingest);
    CHECK_EQ_SLICE(f->result.body, bole_slice_str(body));
    CHECK_EQ_U64(f->result.status, status);
    if (stored)
        CHECK_EQ_SLICE(buf_slice(&f->text), bole_slice_str(stored));
}

static inline void fixture_push(struct fixture *f, bole_slice body, const char *content_type)
{
    struct receive_input in = fixture_input(f, body, content_type);
    receive_loki_push(f->receiver, &in, &f->result);
}

#endif
