/*
 * native_backup.c - /api/v1/backup: the store as a tar archive while the server runs: `curl ... | tar x` is a data directory.
 *
 * Everything acknowledged before the request is in it: the head is cut first. A POST names files that the client has
 * already, as lines "name size" sorted by name; they are left out. The archive ends with catalog.db, so that whoever got
 * the end has all of it; when something fails on the way the archive stays without an end.
 */
#include <stdio.h>

#include "base/err.h"
#include "base/log.h"
#include "base/tar.h"
#include "serve/api_internal.h"

#define TAR_TYPE "application/x-tar"

enum { READ_SIZE = 256 * 1024 };

/* The next line of the client's that is not below it: is it this file? */
static bool client_has(bole_slice *have, const struct store_backup_file *f)
{
    while (have->len) {
        bole_slice rest, line = bole_slice_cut(*have, '\n', &rest), size, name = bole_slice_cut(line, ' ', &size);
        int order = bole_slice_cmp(name, f->name);
        if (order > 0)
            return false;
        *have = rest;
        if (order == 0) {
            char text[24];
            snprintf(text, sizeof text, "%llu", (unsigned long long)f->size_bytes);
            return bole_slice_eq(size, bole_slice_str(text));
        }
    }
    return false;
}

static bole_status send_file(struct http_exchange *x, struct store_backup *b, size_t file, uint8_t *room, int64_t now_s,
                             struct bole_err *err)
{
    const struct store_backup_file *f = &b->files[file];
    tar_header_write(f->name, f->size_bytes, now_s, room);
    bole_status st = http_stream_write(x, bole_slice_from(room, TAR_BLOCK_SIZE));
    for (uint64_t at = 0; st >= 0 && at < f->size_bytes;) {
        size_t len = f->size_bytes - at < READ_SIZE ? (size_t)(f->size_bytes - at) : READ_SIZE;
        st = b->read(b, file, at, len, room, err);
        if (st >= 0)
            st = http_stream_write(x, bole_slice_from(room, len));
        at += len;
    }
    memset(room, 0, TAR_BLOCK_SIZE);
    return st < 0 ? st : http_stream_write(x, bole_slice_from(room, tar_padding(f->size_bytes)));
}

static bole_status send_all(struct api *a, struct http_exchange *x, struct store_backup *b, struct bole_err *err)
{
    bole_slice have = http_body(x);
    int64_t now_s = clock_now_ns(a->options.clock) / NS_PER_S;
    uint8_t *room = arena_alloc(http_arena(x), READ_SIZE);
    bole_status st = room ? http_stream_begin(x, 200, TAR_TYPE) : bole_fail(err, BOLE_E_NOMEM, "no memory for a backup");
    if (st < 0)
        return st;
    for (size_t i = 0; st >= 0 && i < b->file_count; i++)
        if (i + 1 == b->file_count || !client_has(&have, &b->files[i]))
            st = send_file(x, b, i, room, now_s, err);
    memset(room, 0, 2 * TAR_BLOCK_SIZE);
    if (st >= 0)
        http_stream_write(x, bole_slice_from(room, 2 * TAR_BLOCK_SIZE));
    else if (st != BOLE_E_CANCELLED)
        LOG(ERROR, "a backup was broken off", " reason=%s", LOGQS(err->msg));
    http_stream_end(x);
    return BOLE_OK;
}

static void backup(struct http_exchange *x, void *ctx)
{
    struct api *a = ctx;
    struct bole_err err = {0};
    struct store_backup *b;
    if (!a->ingest) {
        http_reply_text(x, 503, "starting");
        return;
    }
    bole_status st = ingest_flush(a->ingest, &err);
    if (st >= 0)
        st = store_backup(a->options.store, &b, &err);
    if (st >= 0) {
        st = send_all(a, x, b, &err);
        b->close(b);
    }
    if (st < 0)
        http_reply_err(x, &err);
}

static const struct http_route routes[] = {
    {HTTP_GET, "/api/v1/backup", backup, .flags = HTTP_POOL},
    {HTTP_POST, "/api/v1/backup", backup, .flags = HTTP_WRITE | HTTP_POOL},
};

const struct api_table native_backup_table = {routes, sizeof routes / sizeof *routes};
