/*
 * wal_fixture.h - for the tests of the write-ahead log: a log on a disk in memory, and a model of what it must hold.
 *
 * Groups are numbered by attempt: the payload of attempt k is 1 .. n bytes, none zero, that only k explains.
 */
#ifndef QUEUE_WAL_FIXTURE_H
#define QUEUE_WAL_FIXTURE_H

#include "base/random.h"
#include "base/test.h"
#include "queue/wal.h"

#define FIXTURE_DIR "wal"
enum { FIXTURE_GROUPS_MAX = 4096, FIXTURE_FILE_SIZE = 16384 };

struct fixture {
    struct fs         *disk;
    struct queue      *q;       /* NULL: closed */
    uint64_t           seed;
    struct random      random;
    struct wal_options options;
    uint64_t           attempts;
    /* The model. */
    uint64_t acked[FIXTURE_GROUPS_MAX]; /* by lsn: attempt; 0: not acknowledged */
    uint64_t last_lsn;                  /* acknowledged */
    uint64_t released_lsn;              /* release returned OK */
    uint64_t release_tried_lsn;         /* release was called */
    uint64_t in_doubt;                  /* attempt that failed with the disk: it may be there once, as last_lsn + 1 */
    uint64_t lost_max;                  /* this many acknowledged groups may be missing, if they are counted as corrupt */
};

/* CHECK that says the seed. */
#define FIXTURE_MUST(f, condition) fixture_must(f, condition, #condition, __FILE__, __LINE__)
void fixture_must(const struct fixture *f, bool holds, const char *text, const char *file, int line);

void fixture_init(struct fixture *f, uint64_t seed); /* files of 16 KB, prepared by the append that needs them; not open */
void fixture_deinit(struct fixture *f);
void fixture_open(struct fixture *f); /* must succeed */
bole_status fixture_try_open(struct fixture *f, struct bole_err *err);
void fixture_close(struct fixture *f);
/* The power goes; unsynced sectors survive by the seed. The log is closed. */
void fixture_power_cut(struct fixture *f, uint64_t seed);
bole_status fixture_append(struct fixture *f, size_t size); /* keeps the model */
void fixture_append_ok(struct fixture *f, size_t size);
bole_status fixture_release(struct fixture *f, uint64_t lsn);
bool fixture_is_dead(void); /* on_fatal was called since the last open */
/* Reads everything and compares it with the model; takes over what was in doubt. Returns the number of groups. */
size_t fixture_verify(struct fixture *f);
struct wal_check_result fixture_check(struct fixture *f);
/* Bytes that explain attempt k. */
void fixture_payload(uint64_t attempt, uint8_t *ret_bytes, size_t size);

/* The only .wal file number `index` by name; false: there are fewer. */
bool fixture_file(struct fixture *f, size_t index, char ret_path[64]);
size_t fixture_count(struct fixture *f, const char *suffix); /* names that end so */
uint8_t *fixture_load(struct fixture *f, const char *path, size_t *ret_size); /* caller frees */
void fixture_store(struct fixture *f, const char *path, const uint8_t *bytes, size_t size);

#endif
