/*
 * example.c - the client library: pushes three lines, reads them back, and waits for a fourth.
 *
 *   example http://127.0.0.1:3100
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "bole/client.h"

static bole_slice text(const char *s)
{
    return (bole_slice){(const uint8_t *)s, strlen(s)};
}

static void print_fields(const struct bole_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++)
        printf(" %.*s=%.*s", (int)fields[i].name.len, (const char *)fields[i].name.ptr, (int)fields[i].value.len,
               (const char *)fields[i].value.ptr);
}

static bole_status print_row(const struct bole_row *row, void *ctx, struct bole_err *err)
{
    char *last_id = ctx;
    (void)err;
    printf("%.*s", (int)row->line.len, (const char *)row->line.ptr);
    print_fields(row->labels, row->label_count);
    print_fields(row->fields, row->field_count);
    printf("\n");
    if (last_id)
        snprintf(last_id, 64, "%.*s", (int)row->id.len, (const char *)row->id.ptr);
    return BOLE_OK;
}

static bole_status push_line(struct bole_push *push, int64_t time_ns, const char *line, struct bole_err *err)
{
    struct bole_field field = {text("trace"), text("t1")};
    return bole_push_add(push, text("{app=\"example\"}"), time_ns, text(line), &field, 1, err);
}

/* The first row of the tail is enough. */
static bole_status print_and_end(const struct bole_row *row, void *ctx, struct bole_err *err)
{
    bole_status st = print_row(row, NULL, err);
    (void)ctx;
    return st == BOLE_OK ? BOLE_END : st;
}

static bole_status run(struct bole_client *client, struct bole_push *push, struct bole_err *err)
{
    static const char *const lines[] = {"one", "two", "three"};
    int64_t now_ns = (int64_t)time(NULL) * 1000000000;
    char last_id[64] = "";
    bole_status st = BOLE_OK;
    for (int i = 0; i < 3 && st == BOLE_OK; i++)
        st = push_line(push, now_ns + i, lines[i], err);
    if (st == BOLE_OK)
        st = bole_push_flush(push, err); /* durable and searchable from here on */

    struct bole_query_options query = {.query = "{app=\"example\"}", .limit = 2, .forward = true};
    if (st == BOLE_OK)
        st = bole_client_query(client, &query, print_row, last_id, err);
    query.cursor = last_id; /* the rest, behind the second */
    if (st == BOLE_OK)
        st = bole_client_query(client, &query, print_row, last_id, err);

    struct bole_tail_options tail = {.query = "{app=\"example\"}", .limit = 1};
    if (st == BOLE_OK)
        st = bole_client_tail(client, &tail, print_and_end, NULL, err);
    return st == BOLE_END ? BOLE_OK : st;
}

int main(int argc, char **argv)
{
    struct bole_client_options options = {.url = argc > 1 ? argv[1] : NULL};
    struct bole_client *client = NULL;
    struct bole_push *push = NULL;
    struct bole_err err = {0};
    bole_status st = bole_client_create(&options, &client, &err);
    if (st == BOLE_OK)
        st = bole_push_create(client, &push, &err);
    if (st == BOLE_OK)
        st = run(client, push, &err);
    if (st < 0)
        fprintf(stderr, "error: %s\n", err.msg);
    bole_push_destroy(push);
    bole_client_destroy(client);
    return st < 0;
}
