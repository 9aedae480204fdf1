/*
 * The catalogue in SQLite: one connection, one lock, WAL mode with synchronous=FULL (a commit is one sync of the log).
 * locking_mode=EXCLUSIVE keeps the WAL index on the heap, so the VFS needs no shared memory.
 *
 * SQLite has no checksums of its own over pages at rest, so every row carries one: a flipped bit in a number that still
 * looks like a number is found. The file is treated as hostile: no triggers or views of others run (trusted_schema=OFF,
 * defensive mode), cell sizes are checked, and what does not read as this schema is BOLE_E_CORRUPT.
 */
#include <assert.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/log.h"
#include "catalog/catalog.h"
#include "catalog/sqlite_vfs.h"

enum { SCHEMA_VERSION = 3, APPLICATION_ID = 0x626f6c65 /* "bole" */ };

/* The page cache is capped at 512 KB; the WAL is folded back into the file every 256 pages and cut to 1 MB. */
static const char pragmas[] =
    "PRAGMA locking_mode=EXCLUSIVE; PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA mmap_size=0;"
    "PRAGMA temp_store=MEMORY; PRAGMA cache_size=-512;";
static const char pragmas_after_open[] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA "
                                         "wal_autocheckpoint=256; PRAGMA journal_size_limit=1048576;";

static const char schema[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE schema_version(version INTEGER NOT NULL);"
    "INSERT INTO schema_version VALUES(3);"
    "CREATE TABLE state(id INTEGER PRIMARY KEY CHECK(id = 1), position_lsn INTEGER NOT NULL, last_segment_id INTEGER "
    "NOT NULL,"
    " segment_count INTEGER NOT NULL, segment_id_sum INTEGER NOT NULL, crc INTEGER NOT NULL);"
    "CREATE TABLE segment(id INTEGER PRIMARY KEY, key BLOB NOT NULL, size_bytes INTEGER NOT NULL, raw_bytes INTEGER "
    "NOT NULL,"
    " row_count INTEGER NOT NULL, min_time_ns INTEGER NOT NULL, max_time_ns INTEGER NOT NULL, min_lsn INTEGER NOT NULL,"
    " max_lsn INTEGER NOT NULL, created_ns INTEGER NOT NULL, keep_ns INTEGER NOT NULL, level INTEGER NOT NULL,"
    " group_streams INTEGER NOT NULL, tenant BLOB NOT NULL, digest BLOB NOT NULL, crc INTEGER NOT NULL);"
    "CREATE TABLE item(space BLOB NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, crc INTEGER NOT NULL,"
    " PRIMARY KEY(space, key)) WITHOUT ROWID;"
    "PRAGMA application_id=1651469413;";
_Static_assert(APPLICATION_ID == 1651469413, "the pragma above has it in decimal");

enum statement {
    BEGIN,
    COMMIT,
    ROLLBACK,
    STATE_GET,
    STATE_PUT,
    SEGMENT_ALL,
    SEGMENT_ADD,
    SEGMENT_REMOVE,
    ITEM_GET,
    ITEM_PUT,
    ITEM_REMOVE,
    ITEM_ALL,
    ITEM_SPACE,
    INTEGRITY,
    STATEMENT_COUNT
};

static const char *const statements[STATEMENT_COUNT] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    [STATE_GET] = "SELECT position_lsn, last_segment_id, segment_count, segment_id_sum, crc FROM state WHERE id = 1",
    [STATE_PUT] = "INSERT OR REPLACE INTO state VALUES(1, ?1, ?2, ?3, ?4, ?5)",
    [SEGMENT_ALL] = ("SELECT id, key, size_bytes, raw_bytes, row_count, min_time_ns, max_time_ns, min_lsn, max_lsn, "
                     "created_ns, keep_ns,"
                     " level, tenant, digest, crc, group_streams FROM segment ORDER BY id"),
    [SEGMENT_ADD] = "INSERT INTO segment VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
    [SEGMENT_REMOVE] = "DELETE FROM segment WHERE id = ?1",
    [ITEM_GET] = "SELECT value, crc FROM item WHERE space = ?1 AND key = ?2",
    [ITEM_PUT] = "INSERT OR REPLACE INTO item VALUES(?1, ?2, ?3, ?4)",
    [ITEM_REMOVE] = "DELETE FROM item WHERE space = ?1 AND key = ?2",
    [ITEM_ALL] = "SELECT space, key, value, crc FROM item",
    [ITEM_SPACE] = "SELECT key, value, crc FROM item WHERE space = ?1 ORDER BY key",
    [INTEGRITY] = "PRAGMA integrity_check(100)",
};

/* Count and sum tell when a damaged tree has lost or doubled a row that is sound in itself. */
struct state {
    uint64_t position_lsn;
    uint64_t last_segment_id;
    uint64_t segment_count, segment_id_sum;
};

struct sqlite_catalog {
    struct catalog base;
    pthread_mutex_t lock; /* guards everything below */
    struct sqlite_vfs vfs;
    sqlite3 *db;
    sqlite3_stmt *stmts[STATEMENT_COUNT];
    uint64_t next_id;
    char path[];
};

static struct sqlite_catalog *catalog_of(struct catalog *self)
{
    return (struct sqlite_catalog *)self;
}

/* ---- errors ---- */

static bole_status status_of(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE: return BOLE_OK;
    case SQLITE_FULL: return BOLE_E_FULL;
    case SQLITE_NOMEM: return BOLE_E_NOMEM;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return BOLE_E_CONFLICT;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_ERROR:    /* our statements are right: a table or column is missing in this file */
    case SQLITE_MISMATCH:
    case SQLITE_SCHEMA: return BOLE_E_CORRUPT;
    default: return BOLE_E_IO;
    }
}

static bole_status fail(struct sqlite_catalog *c, int rc, struct bole_err *err)
{
    bole_status st = status_of(rc);
    if (c->vfs.dead)
        return bole_fail(err, BOLE_E_IO, "catalogue: %s: a sync failed before", c->path);
    if (st == BOLE_E_CONFLICT)
        return bole_fail(err, st, "catalogue: %s is in use by another process", c->path);
    if ((st == BOLE_E_IO || st == BOLE_E_FULL) && c->vfs.last.msg[0]) {
        bole_fail(err, st, "catalogue: %s", c->vfs.last.msg);
        if (err)
            err->sys_errno = c->vfs.last.sys_errno;
        return st;
    }
    return bole_fail(
        err, st, "catalogue: %s: %s%s", c->path, c->db ? sqlite3_errmsg(c->db) : sqlite3_errstr(rc),
        st == BOLE_E_CORRUPT ? ": put it back from a copy, or have it made of the segments (bole restore --from-segments)" : "");
}

static bole_status corrupt(struct sqlite_catalog *c, const char *what, struct bole_err *err)
{
    return bole_fail(err, BOLE_E_CORRUPT, "catalogue: %s: %s", c->path, what);
}

/* The server cannot know what is on the disk: it ends, and reads it anew when started again. */
static void log_and_exit(const struct bole_err *err)
{
    LOG(ERROR, "sync of the catalogue failed: stopping", " reason=%s", LOGQS(err->msg));
    _exit(1);
}

/* ---- statements ---- */

static int step(struct sqlite_catalog *c, enum statement which)
{
    return sqlite3_step(c->stmts[which]);
}

static void reset(struct sqlite_catalog *c, enum statement which)
{
    sqlite3_reset(c->stmts[which]);
    sqlite3_clear_bindings(c->stmts[which]);
}

/* Runs a statement that returns no rows. */
static bole_status run(struct sqlite_catalog *c, enum statement which, struct bole_err *err)
{
    int rc = step(c, which);
    bole_status st = rc == SQLITE_DONE ? BOLE_OK : fail(c, rc, err);
    reset(c, which);
    return st;
}

static void bind_slice(sqlite3_stmt *stmt, int index, bole_slice s)
{
    /* A NULL pointer would bind NULL. */
    sqlite3_bind_blob64(stmt, index, s.len ? (const void *)s.ptr : "", s.len, SQLITE_STATIC);
}

static bole_slice column_slice(sqlite3_stmt *stmt, int index)
{
    const void *ptr = sqlite3_column_blob(stmt, index);
    return bole_slice_from(ptr, ptr ? (size_t)sqlite3_column_bytes(stmt, index) : 0);
}

static uint64_t column_u64(sqlite3_stmt *stmt, int index)
{
    return (uint64_t)sqlite3_column_int64(stmt, index);
}

static uint32_t crc_u64(uint32_t crc, uint64_t v)
{
    uint8_t bytes[8];
    store_u64(bytes, v);
    return crc32c(crc, bytes, sizeof bytes);
}

static uint32_t crc_slice(uint32_t crc, bole_slice s)
{
    return crc32c(crc_u64(crc, s.len), s.ptr, s.len);
}

/* ---- rows ---- */

static uint32_t state_crc(const struct state *s)
{
    return crc_u64(crc_u64(crc_u64(crc_u64(0, s->position_lsn), s->last_segment_id), s->segment_count),
                   s->segment_id_sum);
}

static uint32_t segment_crc(const struct catalog_segment *s)
{
    const uint64_t numbers[] = {s->id, s->size_bytes, s->raw_bytes, s->row_count, (uint64_t)s->min_time_ns,
                                (uint64_t)s->max_time_ns, s->min_lsn, s->max_lsn, (uint64_t)s->created_ns,
                                (uint64_t)s->keep_ns, s->level, s->group_streams};
    uint32_t crc = crc_slice(crc_slice(0, s->key), s->tenant);
    crc = crc32c(crc, s->digest, sizeof s->digest);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        crc = crc_u64(crc, numbers[i]);
    return crc;
}

static uint32_t item_crc(bole_slice space, bole_slice key, bole_slice value)
{
    return crc_slice(crc_slice(crc_slice(0, space), key), value);
}

static bole_status state_get(struct sqlite_catalog *c, struct state *ret_state, struct bole_err *err)
{
    sqlite3_stmt *stmt = c->stmts[STATE_GET];
    int rc = step(c, STATE_GET);
    bole_status st = BOLE_OK;
    if (rc == SQLITE_ROW) {
        *ret_state = (struct state){column_u64(stmt, 0), column_u64(stmt, 1), column_u64(stmt, 2), column_u64(stmt, 3)};
        if (column_u64(stmt, 4) != state_crc(ret_state))
            st = corrupt(c, "the checksum of the position does not match", err);
    } else {
        st = rc == SQLITE_DONE ? corrupt(c, "the row with the position is missing", err) : fail(c, rc, err);
    }
    reset(c, STATE_GET);
    return st;
}

static bole_status state_put(struct sqlite_catalog *c, const struct state *state, struct bole_err *err)
{
    sqlite3_stmt *stmt = c->stmts[STATE_PUT];
    sqlite3_bind_int64(stmt, 1, (sqlite3_int64)state->position_lsn);
    sqlite3_bind_int64(stmt, 2, (sqlite3_int64)state->last_segment_id);
    sqlite3_bind_int64(stmt, 3, (sqlite3_int64)state->segment_count);
    sqlite3_bind_int64(stmt, 4, (sqlite3_int64)state->segment_id_sum);
    sqlite3_bind_int64(stmt, 5, state_crc(state));
    return run(c, STATE_PUT, err);
}

static bole_status segment_row(struct sqlite_catalog *c, struct catalog_segment *ret_segment, struct bole_err *err)
{
    sqlite3_stmt *stmt = c->stmts[SEGMENT_ALL];
    *ret_segment = (struct catalog_segment){
        .id = column_u64(stmt, 0),
        .key = column_slice(stmt, 1),
        .size_bytes = column_u64(stmt, 2),
        .raw_bytes = column_u64(stmt, 3),
        .row_count = column_u64(stmt, 4),
        .min_time_ns = sqlite3_column_int64(stmt, 5),
        .max_time_ns = sqlite3_column_int64(stmt, 6),
        .min_lsn = column_u64(stmt, 7),
        .max_lsn = column_u64(stmt, 8),
        .created_ns = sqlite3_column_int64(stmt, 9),
        .keep_ns = sqlite3_column_int64(stmt, 10),
        .level = (uint32_t)column_u64(stmt, 11),
        .group_streams = (uint32_t)column_u64(stmt, 15),
        .tenant = column_slice(stmt, 12),
    };
    bole_slice digest = column_slice(stmt, 13);
    if (digest.len == sizeof ret_segment->digest)
        memcpy(ret_segment->digest, digest.ptr, sizeof ret_segment->digest);
    if (column_u64(stmt, 14) == segment_crc(ret_segment))
        return BOLE_OK;
    return bole_fail(err, BOLE_E_CORRUPT, "catalogue: %s: the checksum of the row of segment %llu does not match",
                     c->path, (unsigned long long)ret_segment->id);
}

static bole_status segment_add(struct sqlite_catalog *c, const struct catalog_segment *s, struct bole_err *err)
{
    sqlite3_stmt *stmt = c->stmts[SEGMENT_ADD];
    const int64_t numbers[] = {(int64_t)s->size_bytes, (int64_t)s->raw_bytes, (int64_t)s->row_count,
                               s->min_time_ns,         s->max_time_ns,        (int64_t)s->min_lsn,
                               (int64_t)s->max_lsn,    s->created_ns,         s->keep_ns,
                               s->level,               s->group_streams};
    if (s->id == 0 || s->id > INT64_MAX)
        return bole_fail(err, BOLE_E_INVALID, "catalogue: %llu cannot be a segment's id", (unsigned long long)s->id);
    sqlite3_bind_int64(stmt, 1, (sqlite3_int64)s->id);
    bind_slice(stmt, 2, s->key);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sqlite3_bind_int64(stmt, 3 + (int)i, numbers[i]);
    bind_slice(stmt, 14, s->tenant);
    bind_slice(stmt, 15, bole_slice_from(s->digest, sizeof s->digest));
    sqlite3_bind_int64(stmt, 16, segment_crc(s));
    bole_status st = run(c, SEGMENT_ADD, err);
    if (st < 0 && (sqlite3_errcode(c->db) & 0xff) == SQLITE_CONSTRAINT)
        st = bole_fail(err, BOLE_E_CONFLICT, "catalogue: segment %llu is there already", (unsigned long long)s->id);
    return st;
}

static bole_status segment_remove(struct sqlite_catalog *c, uint64_t id, struct bole_err *err)
{
    sqlite3_bind_int64(c->stmts[SEGMENT_REMOVE], 1, (sqlite3_int64)id);
    bole_status st = run(c, SEGMENT_REMOVE, err);
    if (st >= 0 && sqlite3_changes(c->db) == 0)
        st = bole_fail(err, BOLE_E_NOTFOUND, "catalogue: no segment %llu", (unsigned long long)id);
    return st;
}

/* ---- the interface ---- */

static bole_status sqlite_position(struct catalog *self, uint64_t *ret_lsn, struct bole_err *err)
{
    struct sqlite_catalog *c = catalog_of(self);
    struct state state;
    pthread_mutex_lock(&c->lock);
    bole_status st = state_get(c, &state, err);
    pthread_mutex_unlock(&c->lock);
    if (st >= 0)
        *ret_lsn = state.position_lsn;
    return st;
}

static bole_status each_segment(struct sqlite_catalog *c,
                                bole_status (*fn)(const struct catalog_segment *segment, void *ctx), void *ctx,
                                struct bole_err *err)
{
    struct catalog_segment segment;
    struct state state, seen = {0};
    int rc = SQLITE_ROW;
    bole_status st = state_get(c, &state, err);
    while (st >= 0 && (rc = step(c, SEGMENT_ALL)) == SQLITE_ROW) {
        st = segment_row(c, &segment, err);
        seen.segment_count++;
        seen.segment_id_sum += segment.id;
        if (st >= 0)
            st = fn(&segment, ctx);
    }
    if (st >= 0 && rc != SQLITE_DONE)
        st = fail(c, rc, err);
    if (st >= 0 && (seen.segment_count != state.segment_count || seen.segment_id_sum != state.segment_id_sum))
        st = corrupt(c, "rows of segments are missing", err);
    reset(c, SEGMENT_ALL);
    return st;
}

static bole_status sqlite_segments(struct catalog *self,
                                   bole_status (*fn)(const struct catalog_segment *segment, void *ctx), void *ctx,
                                   struct bole_err *err)
{
    struct sqlite_catalog *c = catalog_of(self);
    pthread_mutex_lock(&c->lock);
    bole_status st = each_segment(c, fn, ctx, err);
    pthread_mutex_unlock(&c->lock);
    return st;
}

static bole_status item_put(struct sqlite_catalog *c, const struct catalog_item *item, struct bole_err *err)
{
    unsigned statement = item->value.ptr ? ITEM_PUT : ITEM_REMOVE;
    sqlite3_stmt *stmt = c->stmts[statement];
    bind_slice(stmt, 1, item->space);
    bind_slice(stmt, 2, item->key);
    if (statement == ITEM_REMOVE)
        return run(c, ITEM_REMOVE, err);
    bind_slice(stmt, 3, item->value);
    sqlite3_bind_int64(stmt, 4, item_crc(item->space, item->key, item->value));
    return run(c, ITEM_PUT, err);
}

/* Inside the transaction. */
static bole_status apply(struct sqlite_catalog *c, const struct catalog_change *change, uint64_t *ret_last_id,
                         struct bole_err *err)
{
    struct state state;
    bole_status st = state_get(c, &state, err);
    if (st < 0)
        return st;
    if (change->position_lsn && change->position_lsn < state.position_lsn)
        return bole_fail(err, BOLE_E_CONFLICT, "catalogue: the position is %llu already, not %llu",
                         (unsigned long long)state.position_lsn, (unsigned long long)change->position_lsn);
    if (change->position_lsn)
        state.position_lsn = change->position_lsn;
    for (size_t i = 0; st >= 0 && i < change->remove_count; i++) {
        st = segment_remove(c, change->remove_ids[i], err);
        state.segment_count--;
        state.segment_id_sum -= change->remove_ids[i];
    }
    for (size_t i = 0; st >= 0 && i < change->add_count; i++) {
        uint64_t id = change->add[i].id;
        st = segment_add(c, &change->add[i], err);
        state.segment_count++;
        state.segment_id_sum += id;
        if (id > state.last_segment_id)
            state.last_segment_id = id;
    }
    for (size_t i = 0; st >= 0 && i < change->put_count; i++)
        st = item_put(c, &change->put[i], err);
    *ret_last_id = state.last_segment_id;
    return st < 0 ? st : state_put(c, &state, err);
}

/* What a process before us wrote may be in the page cache only: it was killed before the sync, or its sync failed, and
 * then a sync now would report success without writing anything (Rebello et al., ATC'20). Before anybody acts on what
 * is read, the log is folded into the file, which writes the pages anew. Costs nothing after a clean end. */
static bole_status make_durable(struct sqlite_catalog *c, struct bole_err *err)
{
    int rc = sqlite3_wal_checkpoint_v2(c->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    return rc == SQLITE_OK ? BOLE_OK : fail(c, rc, err);
}

static bole_status sqlite_commit(struct catalog *self, const struct catalog_change *change, struct bole_err *err)
{
    struct sqlite_catalog *c = catalog_of(self);
    uint64_t last_id = 0;
    pthread_mutex_lock(&c->lock);
    bole_status st = run(c, BEGIN, err);
    if (st >= 0)
        st = apply(c, change, &last_id, err);
    if (st >= 0)
        st = run(c, COMMIT, err);
    if (st < 0 && !sqlite3_get_autocommit(c->db))
        run(c, ROLLBACK, NULL);
    if (st >= 0 && last_id >= c->next_id)
        c->next_id = last_id + 1;
    /* SQLite takes a damaged frame of its log for the log's end and goes back in time without a word. Commits are rare:
     * each leaves nothing in the log. The change stands whether or not this works. */
    if (st >= 0 && make_durable(c, NULL) < 0)
        LOG(WARN, "catalogue: its log could not be folded in", " path=%s", LOGQS(c->path));
    pthread_mutex_unlock(&c->lock);
    return st;
}

static uint64_t sqlite_next_segment_id(struct catalog *self)
{
    struct sqlite_catalog *c = catalog_of(self);
    pthread_mutex_lock(&c->lock);
    uint64_t id = c->next_id++;
    pthread_mutex_unlock(&c->lock);
    return id;
}

static bole_status sqlite_get(struct catalog *self, bole_slice space, bole_slice key, struct arena *arena,
                              bole_slice *ret_value, struct bole_err *err)
{
    struct sqlite_catalog *c = catalog_of(self);
    bole_status st = BOLE_OK;
    pthread_mutex_lock(&c->lock);
    sqlite3_stmt *stmt = c->stmts[ITEM_GET];
    bind_slice(stmt, 1, space);
    bind_slice(stmt, 2, key);
    int rc = step(c, ITEM_GET);
    if (rc == SQLITE_ROW) {
        bole_slice value = column_slice(stmt, 0);
        if (column_u64(stmt, 1) != item_crc(space, key, value))
            st = corrupt(c, "the checksum of an item does not match", err);
        else if ((value = arena_copy(arena, value)).ptr)
            *ret_value = value;
        else
            st = bole_fail(err, BOLE_E_LIMIT, "catalogue: no room for an item");
    } else {
        st = rc == SQLITE_DONE ? bole_fail(err, BOLE_E_NOTFOUND, "catalogue: no %.*s in %.*s", BOLE_SLICE_ARG(key),
                                           BOLE_SLICE_ARG(space))
                               : fail(c, rc, err);
    }
    reset(c, ITEM_GET);
    pthread_mutex_unlock(&c->lock);
    return st;
}

static bole_status sqlite_put(struct catalog *self, bole_slice space, bole_slice key, bole_slice value,
                              struct bole_err *err)
{
    struct catalog_item item = {space, key, value};
    return sqlite_commit(self, &(struct catalog_change){.put = &item, .put_count = 1}, err);
}

static bole_status sqlite_items(struct catalog *self, bole_slice space,
                                bole_status (*fn)(bole_slice key, bole_slice value, void *ctx), void *ctx,
                                struct bole_err *err)
{
    struct sqlite_catalog *c = catalog_of(self);
    sqlite3_stmt *stmt = c->stmts[ITEM_SPACE];
    bole_status st = BOLE_OK;
    int rc = SQLITE_DONE;
    pthread_mutex_lock(&c->lock);
    bind_slice(stmt, 1, space);
    while (st >= 0 && (rc = step(c, ITEM_SPACE)) == SQLITE_ROW) {
        bole_slice key = column_slice(stmt, 0), value = column_slice(stmt, 1);
        st = column_u64(stmt, 2) == item_crc(space, key, value)
                 ? fn(key, value, ctx)
                 : corrupt(c, "the checksum of an item does not match", err);
    }
    if (st >= 0 && rc != SQLITE_DONE)
        st = fail(c, rc, err);
    reset(c, ITEM_SPACE);
    pthread_mutex_unlock(&c->lock);
    return st;
}

/* ---- check ---- */

struct problems {
    struct sqlite_catalog *c;
    void (*fn)(const char *problem, void *ctx);
    void *ctx;
};

static void report(const struct problems *p, bole_status st, const struct bole_err *err)
{
    if (st < 0)
        p->fn(err->msg, p->ctx);
}

static void check_integrity(const struct problems *p)
{
    struct bole_err err;
    int rc;
    while ((rc = step(p->c, INTEGRITY)) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(p->c->stmts[INTEGRITY], 0);
        if (!text || strcmp(text, "ok") != 0)
            report(p, corrupt(p->c, text ? text : "integrity_check gave nothing", &err), &err);
    }
    if (rc != SQLITE_DONE)
        report(p, fail(p->c, rc, &err), &err);
    reset(p->c, INTEGRITY);
}

static bole_status accept_segment(const struct catalog_segment *segment, void *ctx)
{
    return BOLE_OK;
}

static void check_rows(const struct problems *p)
{
    struct bole_err err;
    int rc;
    report(p, each_segment(p->c, accept_segment, NULL, &err), &err);
    sqlite3_stmt *item = p->c->stmts[ITEM_ALL];
    while ((rc = step(p->c, ITEM_ALL)) == SQLITE_ROW)
        if (column_u64(item, 3) != item_crc(column_slice(item, 0), column_slice(item, 1), column_slice(item, 2)))
            report(p, corrupt(p->c, "the checksum of an item does not match", &err), &err);
    if (rc != SQLITE_DONE)
        report(p, fail(p->c, rc, &err), &err);
    reset(p->c, ITEM_ALL);
}

static bole_status sqlite_check(struct catalog *self, void (*fn)(const char *problem, void *ctx), void *ctx,
                                struct bole_err *err)
{
    struct problems p = {catalog_of(self), fn, ctx};
    pthread_mutex_lock(&p.c->lock);
    check_integrity(&p);
    check_rows(&p);
    pthread_mutex_unlock(&p.c->lock);
    return BOLE_OK;
}

/* ---- life ---- */

static void sqlite_destroy(struct catalog *self)
{
    struct sqlite_catalog *c = catalog_of(self);
    for (size_t i = 0; i < STATEMENT_COUNT; i++)
        sqlite3_finalize(c->stmts[i]);
    int rc = sqlite3_close(c->db);
    assert(rc == SQLITE_OK); /* every statement is finalised above */
    (void)rc;
    sqlite_vfs_unregister(&c->vfs);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

static bole_status exec(struct sqlite_catalog *c, const char *sql, struct bole_err *err)
{
    int rc = sqlite3_exec(c->db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? BOLE_OK : fail(c, rc, err);
}

static bole_status query_int(struct sqlite_catalog *c, const char *sql, int64_t *ret_value, struct bole_err *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(c->db, sql, -1, &stmt, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    bole_status st = BOLE_OK;
    if (rc == SQLITE_ROW)
        *ret_value = sqlite3_column_int64(stmt, 0);
    else
        st = rc == SQLITE_DONE ? corrupt(c, "a row is missing", err) : fail(c, rc, err);
    sqlite3_finalize(stmt);
    return st;
}

static bole_status prepare_all(struct sqlite_catalog *c, struct bole_err *err)
{
    for (size_t i = 0; i < STATEMENT_COUNT; i++) {
        if (c->stmts[i])
            continue;
        int rc = sqlite3_prepare_v3(c->db, statements[i], -1, SQLITE_PREPARE_PERSISTENT, &c->stmts[i], NULL);
        if (rc != SQLITE_OK)
            return fail(c, rc, err);
    }
    return BOLE_OK;
}

/* Tables and the first state in one transaction. */
static bole_status make_schema(struct sqlite_catalog *c, struct bole_err *err)
{
    bole_status st = exec(c, schema, err);
    if (st >= 0)
        st = prepare_all(c, err);
    if (st >= 0)
        st = state_put(c, &(struct state){0}, err);
    return st < 0 ? st : run(c, COMMIT, err);
}

/* Makes the tables in an empty file; refuses what is not ours or newer. */
static bole_status check_schema(struct sqlite_catalog *c, struct bole_err *err)
{
    int64_t tables = 0, application = 0, version = 0;
    bole_status st = query_int(c, "SELECT count(*) FROM sqlite_schema", &tables, err);
    if (st >= 0 && tables == 0)
        st = make_schema(c, err);
    if (st >= 0)
        st = query_int(c, "PRAGMA application_id", &application, err);
    if (st >= 0 && application != APPLICATION_ID)
        st = corrupt(c, "an SQLite database, but not a catalogue of Bole", err);
    if (st >= 0)
        st = query_int(c, "SELECT max(version) FROM schema_version", &version, err);
    if (st >= 0 && version > SCHEMA_VERSION)
        st = bole_fail(
            err, BOLE_E_UNSUPPORTED,
            "catalogue: %s has schema version %lld, this program knows %d: start the newer Bole that wrote it", c->path,
            (long long)version, SCHEMA_VERSION);
    if (st >= 0 && version != SCHEMA_VERSION)
        st = corrupt(c, "the schema version is none that a release has written", err);
    return st;
}

static bole_status connect(struct sqlite_catalog *c, struct bole_err *err)
{
    int rc =
        sqlite3_open_v2(c->path, &c->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, c->vfs.name);
    if (rc != SQLITE_OK)
        return fail(c, rc, err);
    sqlite3_extended_result_codes(c->db, 1);
    sqlite3_db_config(c->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    bole_status st = exec(c, pragmas, err);
    if (st >= 0)
        st = exec(c, pragmas_after_open, err);
    if (st >= 0)
        st = check_schema(c, err);
    if (st >= 0)
        st = prepare_all(c, err);
    if (st >= 0)
        st = make_durable(c, err);
    struct state state;
    if (st >= 0)
        st = state_get(c, &state, err);
    if (st >= 0)
        c->next_id = state.last_segment_id + 1;
    return st;
}

static bole_status sqlite_image(struct catalog *self, struct buf *ret_bytes, struct bole_err *err)
{
    struct sqlite_catalog *c = catalog_of(self);
    sqlite3_int64 size = 0;
    pthread_mutex_lock(&c->lock);
    unsigned char *bytes = sqlite3_serialize(c->db, "main", &size, 0);
    bole_status st = bytes ? BOLE_OK : fail(c, SQLITE_NOMEM, err);
    pthread_mutex_unlock(&c->lock);
    if (bytes)
        buf_put(ret_bytes, bole_slice_from(bytes, (size_t)size));
    sqlite3_free(bytes);
    return bytes && ret_bytes->failed ? bole_fail(err, BOLE_E_NOMEM, "catalogue: no memory for a copy") : st;
}

static bole_status sqlite_open(const struct catalog_options *options, struct catalog **ret_catalog,
                               struct bole_err *err)
{
    bole_slice path = bole_slice_sub(options->uri, sizeof "sqlite:" - 1);
    if (path.len == 0 || path.len >= PATH_MAX - 16 || memchr(path.ptr, 0, path.len))
        return bole_fail(err, BOLE_E_INVALID, "catalogue: \"%.*s\" names no file", BOLE_SLICE_ARG(options->uri));
    struct sqlite_catalog *c = calloc(1, sizeof *c + path.len + 1);
    if (!c)
        return bole_fail(err, BOLE_E_NOMEM, "catalogue: no memory");
    c->base.ops = &catalog_sqlite_ops;
    memcpy(c->path, path.ptr, path.len);
    pthread_mutex_init(&c->lock, NULL);
    bole_status st =
        sqlite_vfs_register(&c->vfs, options->fs, options->on_fatal ? options->on_fatal : log_and_exit, err);
    if (st >= 0)
        st = connect(c, err);
    if (st < 0) {
        sqlite_destroy(&c->base);
        return st;
    }
    *ret_catalog = &c->base;
    return BOLE_OK;
}

const struct catalog_ops catalog_sqlite_ops = {
    .scheme = "sqlite",
    .open = sqlite_open,
    .position = sqlite_position,
    .segments = sqlite_segments,
    .commit = sqlite_commit,
    .next_segment_id = sqlite_next_segment_id,
    .get = sqlite_get,
    .put = sqlite_put,
    .items = sqlite_items,
    .image = sqlite_image,
    .check = sqlite_check,
    .destroy = sqlite_destroy,
};
