#include "queue/wal_fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"

static bool dead; /* on_fatal has no argument; tests are one thread */

static void note_fatal(const struct bole_err *err)
{
    dead = true;
}

bool fixture_is_dead(void)
{
    return dead;
}

void fixture_must(const struct fixture *f, bool holds, const char *text, const char *file, int line)
{
    if (!holds)
        print_error("seed %llu, %llu groups tried: %s\n", (unsigned long long)f->seed, (unsigned long long)f->attempts,
                    text);
    _assert_true(holds, text, file, line);
}

void fixture_init(struct fixture *f, uint64_t seed)
{
    log_set_level((enum log_level)(LOG_LEVEL_ERROR + 1));
    memset(f, 0, sizeof *f);
    f->seed = seed;
    f->disk = fs_mem_create();
    random_seed(&f->random, seed);
    f->options = (struct wal_options){.dir = FIXTURE_DIR,
                                      .fs = f->disk,
                                      .clock = &clock_system,
                                      .random = &f->random,
                                      .on_fatal = note_fatal,
                                      .file_size_min = FIXTURE_FILE_SIZE,
                                      .file_size_max = FIXTURE_FILE_SIZE,
                                      .no_helper = true};
}

void fixture_deinit(struct fixture *f)
{
    fixture_close(f);
    fs_mem_destroy(f->disk);
}

bole_status fixture_try_open(struct fixture *f, struct bole_err *err)
{
    dead = false;
    return wal_open(&f->options, &f->q, err);
}

void fixture_open(struct fixture *f)
{
    struct bole_err err = {0};
    CHECK_OK(fixture_try_open(f, &err), err);
}

void fixture_close(struct fixture *f)
{
    queue_destroy(f->q);
    f->q = NULL;
}

void fixture_power_cut(struct fixture *f, uint64_t seed)
{
    fs_mem_power_cut(f->disk, seed);
    fixture_close(f);
}

void fixture_payload(uint64_t attempt, uint8_t *ret_bytes, size_t size)
{
    struct random r;
    random_seed(&r, attempt);
    for (size_t i = 0; i < size; i++)
        ret_bytes[i] = (uint8_t)(1 + random_below(&r, 255));
}

bole_status fixture_append(struct fixture *f, size_t size)
{
    struct bole_err err = {0};
    uint64_t lsn = 0, attempt = ++f->attempts;
    uint8_t *bytes = malloc(size);
    fixture_payload(attempt, bytes, size);
    size_t first = size / 3;
    bole_slice parts[] = {{bytes, first}, {bytes + first, size - first}};
    bole_status st = queue_append(f->q, parts, 2, &lsn, &err);
    free(bytes);
    if (st == BOLE_OK) {
        CHECK_EQ_U64(lsn, f->last_lsn + 1);
        f->last_lsn = lsn;
        f->acked[lsn] = attempt;
    } else if (dead) {
        f->in_doubt = attempt;
    }
    return st;
}

void fixture_append_ok(struct fixture *f, size_t size)
{
    CHECK_EQ_STATUS(fixture_append(f, size), BOLE_OK);
}

bole_status fixture_release(struct fixture *f, uint64_t lsn)
{
    struct bole_err err = {0};
    if (lsn > f->release_tried_lsn)
        f->release_tried_lsn = lsn;
    bole_status st = queue_release(f->q, lsn, &err);
    if (st == BOLE_OK && lsn > f->released_lsn)
        f->released_lsn = lsn;
    return st;
}

struct verification {
    struct fixture *f;
    uint64_t next_lsn, lost;
    size_t count;
};

static bool explains(uint64_t attempt, bole_slice payload)
{
    uint8_t *bytes = malloc(payload.len);
    fixture_payload(attempt, bytes, payload.len);
    bool same = memcmp(bytes, payload.ptr, payload.len) == 0;
    free(bytes);
    return same;
}

static bole_status verify_group(uint64_t lsn, bole_slice payload, void *ctx, struct bole_err *err)
{
    struct verification *v = ctx;
    struct fixture *f = v->f;
    if (v->count == 0 && lsn > v->next_lsn && lsn <= f->release_tried_lsn + 1)
        v->next_lsn = lsn; /* a release that failed may have happened */
    FIXTURE_MUST(f, lsn >= v->next_lsn);
    v->lost += lsn - v->next_lsn;
    if (lsn == f->last_lsn + 1 && f->in_doubt) {
        f->acked[lsn] = f->in_doubt;
        f->last_lsn = lsn;
    }
    FIXTURE_MUST(f, lsn <= f->last_lsn);
    FIXTURE_MUST(f, explains(f->acked[lsn], payload));
    v->next_lsn = lsn + 1;
    v->count++;
    return BOLE_OK;
}

size_t fixture_verify(struct fixture *f)
{
    struct bole_err err = {0};
    struct verification v = {.f = f, .next_lsn = f->released_lsn + 1};
    struct queue_stats stats;
    CHECK_OK(queue_read(f->q, 0, verify_group, &v, &err), err);
    if (v.count == 0 && f->release_tried_lsn >= f->last_lsn)
        v.next_lsn = f->last_lsn + 1;
    v.lost += f->last_lsn + 1 - v.next_lsn;
    queue_stats(f->q, &stats);
    FIXTURE_MUST(f, v.lost <= f->lost_max);
    FIXTURE_MUST(f, stats.corrupt_frames >= v.lost);
    FIXTURE_MUST(f, f->lost_max || stats.corrupt_frames == 0);
    f->in_doubt = 0;
    return v.count;
}

static void ignore_problem(const struct wal_problem *problem, void *ctx)
{
    CHECK(problem->text && problem->file);
}

struct wal_check_result fixture_check(struct fixture *f)
{
    struct bole_err err = {0};
    struct wal_check_result result = {0};
    uint64_t before = fs_mem_call_count(f->disk);
    CHECK_OK(wal_check(f->disk, FIXTURE_DIR, ignore_problem, NULL, &result, &err), err);
    CHECK_EQ_U64(fs_mem_call_count(f->disk), before); /* it only looks */
    return result;
}

struct listing {
    const char *suffix;
    char names[256][32];
    size_t count;
};

static bole_status keep_name(const char *name, void *ctx)
{
    struct listing *l = ctx;
    if (bole_slice_ends(bole_slice_str(name), bole_slice_str(l->suffix)) && l->count < 256)
        snprintf(l->names[l->count++], sizeof *l->names, "%.31s", name);
    return BOLE_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void list(struct fixture *f, const char *suffix, struct listing *ret_listing)
{
    struct bole_err err = {0};
    *ret_listing = (struct listing){.suffix = suffix};
    CHECK_OK(fs_list_dir(f->disk, FIXTURE_DIR, keep_name, ret_listing, &err), err);
    qsort(ret_listing->names, ret_listing->count, sizeof *ret_listing->names, by_name);
}

bool fixture_file(struct fixture *f, size_t index, char ret_path[64])
{
    struct listing l;
    list(f, ".wal", &l);
    if (index >= l.count)
        return false;
    snprintf(ret_path, 64, FIXTURE_DIR "/%s", l.names[index]);
    return true;
}

size_t fixture_count(struct fixture *f, const char *suffix)
{
    struct listing l;
    list(f, suffix, &l);
    return l.count;
}

uint8_t *fixture_load(struct fixture *f, const char *path, size_t *ret_size)
{
    struct bole_err err = {0};
    struct file *file = NULL;
    uint64_t size = 0;
    CHECK_OK(fs_open(f->disk, path, FS_READ, &file, &err), err);
    CHECK_OK(file_size(file, &size, &err), err);
    uint8_t *bytes = malloc(size + 1);
    CHECK_OK(file_read(file, 0, bytes, size, NULL, &err), err);
    file_close(file);
    *ret_size = size;
    return bytes;
}

void fixture_store(struct fixture *f, const char *path, const uint8_t *bytes, size_t size)
{
    struct bole_err err = {0};
    CHECK_OK(fs_write_file(f->disk, path, bole_slice_from(bytes, size), &err), err);
}
