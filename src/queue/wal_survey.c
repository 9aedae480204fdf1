/*
 * How damage is told from a torn write: LSNs have no gaps, and every frame says which group was durable before it.
 * Bytes that are no frame are kept as suspects until the next whole frame tells what lies between: if groups are
 * missing there, the suspects were those groups. Behind the last frame it is the highest durable_lsn seen anywhere (in
 * a frame, a file header, the state) that decides: groups up to it are lost, above it nothing was ever acknowledged and
 * the write is torn. That number lags behind while groups are appended; so the state names the files that they go to,
 * and a file says how large it was made: where the end of the log is gone, at least one group counts as lost with it.
 */
#include "queue/wal_survey.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"

enum { TEXT_SIZE = 256 };

struct suspect {
    struct wal_file *file;
    struct wal_span span;
    bool is_tail;
};

struct surveyor {
    struct wal_survey *sv;
    struct fs *fs;
    const char *dir;
    unsigned open_flags;
    wal_report_fn *report;
    void *ctx;
    struct wal_window window;
    struct suspect *suspects; /* since the last whole frame */
    size_t suspect_count, suspect_cap;
    char **names; /* of *.wal files, while listing */
    size_t name_count, name_cap;
    struct bole_err *err;
    bole_status list_status;
};

bool wal_path(char *ret_path, size_t size, const char *dir, const char *name)
{
    int n = snprintf(ret_path, size, "%s/%s", dir, name);
    return n > 0 && (size_t)n < size;
}

__attribute__((format(printf, 3, 4))) static void tell(struct surveyor *y, struct wal_problem problem, const char *fmt,
                                                       ...)
{
    char text[TEXT_SIZE];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    problem.text = text;
    y->sv->problems += problem.kind != WAL_PROBLEM_TORN;
    if (y->report)
        y->report(&problem, y->ctx);
}

/* ---- the directory ---- */

static bole_status keep_name(const char *name, void *ctx)
{
    struct surveyor *y = ctx;
    uint64_t sequence;
    if (bole_slice_ends(bole_slice_str(name), S(WAL_BAD_SUFFIX)))
        tell(y, (struct wal_problem){.kind = WAL_PROBLEM_QUARANTINED, .file = name}, "set aside by an earlier start");
    if (!wal_file_parse_name(name, &sequence))
        return BOLE_OK;
    if (y->name_count == y->name_cap) {
        size_t cap = y->name_cap ? y->name_cap * 2 : 16;
        char **grown = realloc(y->names, cap * sizeof *grown);
        if (!grown)
            return bole_fail(y->err, BOLE_E_NOMEM, "wal: no memory for a directory of %zu files", cap);
        y->names = grown;
        y->name_cap = cap;
    }
    char *copy = strdup(name);
    if (!copy)
        return bole_fail(y->err, BOLE_E_NOMEM, "wal: no memory for a file name");
    y->names[y->name_count++] = copy;
    return BOLE_OK;
}

static bole_status refuse_version(struct surveyor *y, const char *name, uint32_t version)
{
    return bole_fail(
        y->err, BOLE_E_UNSUPPORTED,
        "wal: %s/%s has format version %u, this bole knows up to %u: start the newer bole that wrote it, or let "
        "that one store everything (POST /flush) and stop before going back",
        y->dir, name, version, WAL_VERSION);
}

/* The file id of the first frame, should that frame be whole: the last resort when both headers are gone. */
static bole_status adopt_id(struct surveyor *y, struct wal_file *f)
{
    uint8_t header[WAL_FRAME_HEADER_SIZE];
    bole_status st = file_read(f->file, WAL_HEADER_SIZE, header, sizeof header, NULL, y->err);
    if (st != BOLE_OK)
        return st < 0 ? st : BOLE_OK;
    struct wal_scan scan;
    struct wal_item item;
    f->id = load_u64(header + FRAME_FILE);
    f->reused = true;
    wal_scan_init(&scan, f, f->size, &y->window);
    st = wal_scan_next(&scan, &item, y->err);
    if (st >= 0 && item.kind != WAL_ITEM_FRAME)
        f->id = 0;
    return st;
}

static bole_status read_header(struct surveyor *y, struct wal_file *f)
{
    uint8_t block[WAL_HEADER_SIZE] = {0};
    size_t len = 0;
    bole_status st = file_read(f->file, 0, block, sizeof block, &len, y->err);
    if (st < 0)
        return st;
    struct wal_header one = {0}, two = {0}, *good = NULL;
    uint32_t version = 0;
    bole_status st_one = wal_header_decode(block, &one, &version);
    bole_status st_two =
        st_one == BOLE_E_UNSUPPORTED ? st_one : wal_header_decode(block + WAL_HEADER_SECOND, &two, &version);
    if (st_two == BOLE_E_UNSUPPORTED)
        return refuse_version(y, f->name, version);
    good = st_one == BOLE_OK ? &one : st_two == BOLE_OK ? &two : NULL;
    f->header_whole = st_one == BOLE_OK && memcmp(block, block + WAL_HEADER_SECOND, WAL_HEADER_COPY_SIZE) == 0;
    if (!f->header_whole)
        tell(y, (struct wal_problem){WAL_PROBLEM_HEADER, f->name, 0, WAL_HEADER_SIZE}, "%s",
             good ? "one copy of the header is damaged, the other one is used" : "the header is damaged or missing");
    if (!good)
        return adopt_id(y, f);
    f->id = good->file_id;
    f->sequence = good->sequence;
    f->base_lsn = good->base_lsn;
    f->made_size = good->file_size;
    f->reused = (good->flags & WAL_FLAG_REUSED) != 0;
    return BOLE_OK;
}

static bole_status open_one(struct surveyor *y, const char *name)
{
    struct wal_survey *sv = y->sv;
    char path[PATH_MAX];
    struct wal_file *f = wal_file_create();
    if (!f || !wal_path(path, sizeof path, y->dir, name)) {
        wal_file_destroy(f);
        return bole_fail(y->err, BOLE_E_NOMEM, "wal: no memory for %s", name);
    }
    memcpy(f->name, name, strlen(name) + 1);
    wal_file_parse_name(name, &f->sequence);
    uint64_t named = f->sequence;
    bole_status st = fs_open(y->fs, path, y->open_flags, &f->file, y->err);
    if (st >= 0)
        st = file_size(f->file, &f->size, y->err);
    if (st >= 0)
        st = read_header(y, f);
    if (st < 0) {
        wal_file_destroy(f);
        return st;
    }
    uint64_t highest = named > f->sequence ? named : f->sequence;
    sv->next_sequence = highest >= sv->next_sequence ? highest + 1 : sv->next_sequence;
    sv->durable_lsn = f->base_lsn > sv->durable_lsn ? f->base_lsn : sv->durable_lsn;
    sv->files[sv->file_count++] = f;
    return BOLE_OK;
}

static int by_sequence(const void *a, const void *b)
{
    const struct wal_file *x = *(struct wal_file *const *)a, *y = *(struct wal_file *const *)b;
    if (x->sequence != y->sequence)
        return x->sequence < y->sequence ? -1 : 1;
    return strcmp(x->name, y->name);
}

static bole_status open_files(struct surveyor *y)
{
    bole_status st = fs_list_dir(y->fs, y->dir, keep_name, y, y->err);
    if (st < 0)
        return st;
    y->sv->file_cap = y->name_count + 4;
    y->sv->files = calloc(y->sv->file_cap, sizeof *y->sv->files);
    if (!y->sv->files)
        return bole_fail(y->err, BOLE_E_NOMEM, "wal: no memory for %zu files", y->name_count);
    for (size_t i = 0; i < y->name_count && st >= 0; i++)
        st = open_one(y, y->names[i]);
    qsort(y->sv->files, y->sv->file_count, sizeof *y->sv->files, by_sequence);
    return st;
}

static bole_status read_state(struct surveyor *y)
{
    struct wal_survey *sv = y->sv;
    char path[PATH_MAX];
    struct file *file = NULL;
    uint8_t bytes[WAL_STATE_SIZE] = {0};
    if (!wal_path(path, sizeof path, y->dir, WAL_STATE_NAME))
        return bole_fail(y->err, BOLE_E_INVALID, "wal: the path of %s is too long", y->dir);
    bole_status st = fs_open(y->fs, path, FS_READ, &file, y->err);
    if (st == BOLE_E_NOTFOUND && y->name_count == 0)
        return BOLE_OK; /* a new directory */
    if (st >= 0)
        st = file_read(file, 0, bytes, sizeof bytes, NULL, y->err);
    file_close(file);
    if (st < 0 && st != BOLE_E_NOTFOUND)
        return st;
    static const uint8_t never_written[WAL_STATE_SLOT_SIZE];
    unsigned good = 0, blank = 0;
    for (size_t at = 0; at <= WAL_STATE_SECOND; at += WAL_STATE_SECOND) {
        struct wal_state s;
        uint32_t version;
        st = wal_state_decode(bytes + at, &s, &version);
        if (st == BOLE_E_UNSUPPORTED)
            return refuse_version(y, WAL_STATE_NAME, version);
        blank += memcmp(bytes + at, never_written, sizeof never_written) == 0;
        if (st == BOLE_OK && (!good++ || s.count > sv->state.count))
            sv->state = s;
    }
    sv->state_found = good > 0;
    sv->state_certain = good && good + blank == 2;
    if (!sv->state_certain)
        tell(y, (struct wal_problem){.kind = WAL_PROBLEM_STATE, .file = WAL_STATE_NAME}, "%s",
             good ? "one slot is damaged, the other one is used" : "damaged or missing: released groups may come back");
    uint64_t durable = sv->state.durable_lsn > sv->state.released_lsn ? sv->state.durable_lsn : sv->state.released_lsn;
    sv->durable_lsn = durable > sv->durable_lsn ? durable : sv->durable_lsn;
    return BOLE_OK;
}

/* ---- the groups ---- */

static bole_status suspect_add(struct surveyor *y, struct suspect s)
{
    if (y->suspect_count == y->suspect_cap) {
        size_t cap = y->suspect_cap ? y->suspect_cap * 2 : 8;
        struct suspect *grown = realloc(y->suspects, cap * sizeof *grown);
        if (!grown)
            return bole_fail(y->err, BOLE_E_NOMEM, "wal: no memory");
        y->suspects = grown;
        y->suspect_cap = cap;
    }
    y->suspects[y->suspect_count++] = s;
    return BOLE_OK;
}

/* The suspects since the last frame are damage, and with them groups first .. last are lost (none when first is 0). */
static bole_status condemn(struct surveyor *y, const struct wal_file *before, uint64_t first, uint64_t last)
{
    uint64_t lost = first ? last - first + 1 : 0;
    y->sv->lost_groups += lost;
    if (lost && y->suspect_count == 0)
        tell(y,
             (struct wal_problem){
                 .kind = WAL_PROBLEM_MISSING, .file = before ? before->name : "", .first_lsn = first, .last_lsn = last},
             "groups %llu to %llu are missing%s", (unsigned long long)first, (unsigned long long)last,
             before ? " in front of this file's" : " at the end");
    bole_status st = BOLE_OK;
    for (size_t i = 0; i < y->suspect_count && st >= 0; i++) {
        const struct suspect *s = &y->suspects[i];
        tell(y,
             (struct wal_problem){WAL_PROBLEM_DAMAGED, s->file->name, s->span.from, s->span.to - s->span.from, first,
                                  last},
             lost ? "damaged, groups %llu to %llu are lost" : "damaged, no group is lost by it",
             (unsigned long long)first, (unsigned long long)last);
        st = wal_file_add_damage(s->file, (struct wal_damage){s->span, lost}, NULL, y->err);
    }
    y->suspect_count = 0;
    return st;
}

static bole_status frame_seen(struct surveyor *y, struct wal_file *f, const struct wal_item *item, bool *repeats)
{
    struct wal_survey *sv = y->sv;
    if (f->last_lsn < item->lsn) {
        f->first_lsn = f->first_lsn ? f->first_lsn : item->lsn;
        f->last_lsn = item->lsn;
    }
    sv->durable_lsn = item->durable_lsn > sv->durable_lsn ? item->durable_lsn : sv->durable_lsn;
    if (item->lsn <= sv->last_lsn) {
        if (!*repeats)
            tell(y, (struct wal_problem){WAL_PROBLEM_REPEATED, f->name, item->span.from},
                 "group %llu was there before: it is left out", (unsigned long long)item->lsn);
        *repeats = true;
        return BOLE_OK;
    }
    /* Groups up to the released one may be gone; when the state is not certain, so may all before the first. */
    uint64_t floor = sv->last_lsn > sv->state.released_lsn ? sv->last_lsn : sv->state.released_lsn;
    if (!sv->frames && !sv->state_certain)
        floor = item->lsn - 1;
    bool lost = item->lsn > floor + 1;
    bole_status st = BOLE_OK;
    if (lost || y->suspect_count)
        st = condemn(y, f, lost ? floor + 1 : 0, item->lsn - 1);
    sv->first_lsn = sv->first_lsn ? sv->first_lsn : item->lsn;
    sv->last_lsn = item->lsn;
    sv->last_file = f;
    sv->last_frame = item->span;
    sv->frames++;
    sv->bytes += item->payload.len;
    return st;
}

static bole_status scan_file(struct surveyor *y, struct wal_file *f)
{
    struct wal_scan scan;
    struct wal_item item = {0};
    bool repeats = false;
    bole_status st;
    wal_scan_init(&scan, f, f->size, &y->window);
    do {
        st = wal_scan_next(&scan, &item, y->err);
        if (st < 0)
            break;
        if (item.kind == WAL_ITEM_FRAME)
            st = frame_seen(y, f, &item, &repeats);
        else if (item.span.to > item.span.from)
            st = suspect_add(y, (struct suspect){f, item.span, item.kind == WAL_ITEM_TAIL});
    } while (st >= 0 && item.kind != WAL_ITEM_TAIL);
    f->end = item.span.from;
    f->tail_unreadable = item.unreadable;
    /* Zeros behind the last frame, or stale bytes, say that there was none behind it. */
    bool told = f->size >= f->end + WAL_FRAME_HEADER_SIZE && item.span.to == item.span.from;
    f->cut_short = f->made_size > f->size && !told;
    if (f->first_lsn && !wal_file_has_own_name(f)) /* an empty one was being reused when the power went */
        tell(y, (struct wal_problem){WAL_PROBLEM_NAME, f->name, HEADER_SEQUENCE, sizeof(uint64_t)},
             "its header says it is %016llx" WAL_SUFFIX, (unsigned long long)f->sequence);
    if (st < 0)
        bole_err_context(y->err, "%s/%s", y->dir, f->name);
    return st;
}

static bool has_readable_file(const struct wal_survey *sv, uint64_t sequence)
{
    for (size_t i = 0; i < sv->file_count; i++)
        if (sv->files[i]->sequence == sequence && sv->files[i]->id)
            return true;
    return false;
}

/* True when a file is gone or cut short that may have held the last groups: how many, nothing tells. */
static bool end_is_gone(struct surveyor *y)
{
    struct wal_survey *sv = y->sv;
    const uint64_t last = sv->last_file ? sv->last_file->sequence : 0, named[] = {sv->state.current, sv->state.spare};
    bool gone = false;
    if (sv->state_certain && !named[0] && !named[1])
        return false; /* a clean stop: durable_lsn is the last one */
    for (size_t i = 0; i < 2 && sv->state_certain; i++) {
        char name[WAL_NAME_SIZE];
        if (!named[i] || named[i] < last || has_readable_file(sv, named[i]))
            continue;
        wal_file_name(named[i], name);
        tell(y, (struct wal_problem){.kind = WAL_PROBLEM_MISSING, .file = name},
             "the file is gone or cannot be read: how many groups it held, nothing tells");
        gone = true;
    }
    for (size_t i = 0; i < sv->file_count; i++) {
        const struct wal_file *f = sv->files[i];
        if (!f->cut_short || f->sequence < last)
            continue;
        tell(y, (struct wal_problem){WAL_PROBLEM_MISSING, f->name, f->size, f->made_size - f->size},
             "the file was cut short: how many groups it held behind, nothing tells");
        gone = true;
    }
    return gone;
}

/* What is left behind the last frame of all: lost, or merely torn. */
static bole_status judge_tail(struct surveyor *y)
{
    struct wal_survey *sv = y->sv;
    uint64_t floor = sv->last_lsn > sv->state.released_lsn ? sv->last_lsn : sv->state.released_lsn;
    if (!sv->frames && !sv->state_certain)
        floor = sv->durable_lsn; /* all of it may have been released */
    if (end_is_gone(y) && sv->durable_lsn <= floor && floor < QUEUE_LSN_MAX)
        sv->durable_lsn = floor + 1;
    if (sv->durable_lsn > floor) {
        sv->tail_damaged = true;
        return condemn(y, NULL, floor + 1, sv->durable_lsn);
    }
    for (size_t i = 0; i < y->suspect_count; i++) {
        const struct suspect *s = &y->suspects[i];
        if (!s->is_tail || s->file->id == 0)
            continue;
        if (s->file->tail_unreadable) /* to cut here could be to destroy what was acknowledged a moment ago */
            return bole_fail(
                y->err, BOLE_E_IO,
                "wal: %s/%s cannot be read behind its last whole group at %llu: try again, see to the disk, or "
                "move the file away and lose what is in it",
                y->dir, s->file->name, (unsigned long long)s->span.from);
        s->file->torn = s->span;
        sv->torn_bytes += s->span.to - s->span.from;
        tell(y, (struct wal_problem){WAL_PROBLEM_TORN, s->file->name, s->span.from, s->span.to - s->span.from},
             "the last write is torn, as a crash leaves it: nobody was told that it is stored, unless the disk lost what it had "
             "synced");
    }
    y->suspect_count = 0;
    return BOLE_OK;
}

bole_status wal_survey_init(struct wal_survey *sv, struct fs *fs, const char *dir, unsigned open_flags,
                            wal_report_fn *report, void *ctx, struct bole_err *err)
{
    struct bole_err ignored;
    *sv = (struct wal_survey){.next_sequence = 1};
    struct surveyor y = {.sv = sv,
                         .fs = fs,
                         .dir = dir,
                         .open_flags = open_flags,
                         .report = report,
                         .ctx = ctx,
                         .err = err ? err : &ignored};
    bole_status st = open_files(&y);
    if (st >= 0)
        st = read_state(&y);
    for (size_t i = 0; i < sv->file_count && st >= 0; i++)
        st = scan_file(&y, sv->files[i]);
    if (st >= 0)
        st = judge_tail(&y);
    for (size_t i = 0; i < y.name_count; i++)
        free(y.names[i]);
    free(y.names);
    free(y.suspects);
    wal_window_deinit(&y.window);
    if (st < 0)
        wal_survey_deinit(sv);
    return st;
}

void wal_survey_deinit(struct wal_survey *sv)
{
    for (size_t i = 0; i < sv->file_count; i++)
        wal_file_destroy(sv->files[i]);
    free(sv->files);
    sv->files = NULL;
    sv->file_count = 0;
}

bole_status wal_check(struct fs *fs, const char *dir, void (*report)(const struct wal_problem *problem, void *ctx),
                      void *ctx, struct wal_check_result *ret_result, struct bole_err *err)
{
    struct wal_survey sv;
    bole_status st = wal_survey_init(&sv, fs, dir, FS_READ, report, ctx, err);
    if (st < 0)
        return st;
    *ret_result = (struct wal_check_result){
        .files = sv.file_count,
        .frames = sv.frames,
        .bytes = sv.bytes,
        .first_lsn = sv.first_lsn,
        .last_lsn = sv.last_lsn,
        .released_lsn = sv.state.released_lsn,
        .problems = sv.problems,
        .lost_groups = sv.lost_groups,
    };
    wal_survey_deinit(&sv);
    return BOLE_OK;
}
