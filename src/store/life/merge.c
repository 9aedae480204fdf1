#include "store/life/merge.h"

#include <assert.h>
#include <stdlib.h>

#include "base/err.h"
#include "store/segment/partition.h"
#include "store/life/regroup.h"
#include "store/segment/segment_copy.h"

/* Streams named by the groups of one file. A directory is read whole: 16 bytes each. */
#define STREAM_ENTRIES_MAX (512u * 1024)
enum { PACK_LEVEL = 12 /* of zstd: docs/decisions/0007-life-of-segments.md */ };
enum { SMALL_GROUPS_MIN = 4 /* so many are encoded together although more will come */ };

struct group_ref {
    struct regroup_input in;
    int64_t day;
    bool    is_own;     /* its tenant has a segment of its own */
    bool    is_touched; /* some of its rows may have to go */
};

struct merge {
    struct merge_options options;
    struct segment *const *inputs;
    struct segment_directory **directories; /* [input_count] counted */
    size_t input_count;
    struct group_ref *refs;
    size_t ref_count;
    struct catalog_segment *results;
    size_t result_count, result_capacity;
    struct arena names;        /* of results */
    struct segment_file *file; /* being written: of the last result */
    uint64_t stream_entries;   /* of it */
    struct digest digest;      /* of all results */
    uint32_t level;
    struct segment *culprit;
    struct merge_stats stats;
};

static const struct segment_group *group_of(const struct group_ref *r)
{
    return regroup_group(&r->in);
}

static bole_status no_memory(struct bole_err *err)
{
    return bole_fail(err, BOLE_E_NOMEM, "store: no memory to merge segments");
}

static bole_status yield(struct merge *m, struct bole_err *err)
{
    return m->options.yield ? m->options.yield(m->options.yield_ctx, err) : BOLE_OK;
}

/* ---- what goes in ---- */

static bole_status read_directories(struct merge *m, struct bole_err *err)
{
    struct segment_reader reader;
    bole_status st = BOLE_OK;
    m->directories = calloc(m->input_count, sizeof *m->directories);
    if (!m->directories)
        return no_memory(err);
    segment_reader_init(&reader, m->options.objects, m->options.budget);
    for (size_t i = 0; st >= 0 && i < m->input_count; i++) {
        st = segment_directory_get(m->inputs[i], &reader, &m->directories[i], err);
        if (segment_is_damage(st))
            m->culprit = m->inputs[i];
        if (st < 0)
            break;
        m->ref_count += m->directories[i]->group_count;
        m->level = m->inputs[i]->info.level > m->level ? m->inputs[i]->info.level : m->level;
        m->stats.bytes_read += m->inputs[i]->info.size_bytes;
    }
    segment_reader_deinit(&reader);
    m->level = m->level + 1 < LEVEL_FINAL ? m->level + 1 : LEVEL_FINAL - 1;
    return st;
}

static int by_tenant(const void *a, const void *b)
{
    const struct group_ref *x = a, *y = b;
    if (x->day != y->day)
        return x->day < y->day ? -1 : 1;
    return bole_slice_cmp(group_of(x)->tenant, group_of(y)->tenant);
}

/* The order in which they are written. */
static int by_result(const void *a, const void *b)
{
    const struct group_ref *x = a, *y = b;
    if (x->day != y->day)
        return x->day < y->day ? -1 : 1;
    if (x->is_own != y->is_own)
        return x->is_own ? 1 : -1;
    const struct segment_group *gx = group_of(x), *gy = group_of(y);
    int order = bole_slice_cmp(gx->tenant, gy->tenant);
    if (order)
        return order;
    if (gx->family != gy->family)
        return gx->family < gy->family ? -1 : 1;
    if (gx->min_time_ns != gy->min_time_ns)
        return gx->min_time_ns < gy->min_time_ns ? -1 : 1;
    return (gx->min_lsn > gy->min_lsn) - (gx->min_lsn < gy->min_lsn);
}

/* Marks the groups of tenants that have much of a day. */
static void find_own_tenants(struct merge *m)
{
    qsort(m->refs, m->ref_count, sizeof *m->refs, by_tenant);
    for (size_t first = 0, end; first < m->ref_count; first = end) {
        uint64_t raw = 0;
        for (end = first; end < m->ref_count && by_tenant(&m->refs[first], &m->refs[end]) == 0; end++)
            raw += segment_group_raw(group_of(&m->refs[end]));
        for (size_t i = first; i < end; i++)
            m->refs[i].is_own = raw >= MERGE_OWN_RAW;
    }
}

/* False: all of the group has to go, and has been counted. */
static bool survives(struct merge *m, struct group_ref *r)
{
    const struct merge_options *o = &m->options;
    for (size_t i = 0; i < o->removal_count; i++) {
        enum removal_part part = removal_of_group(&o->removals[i], r->in.directory, group_of(r));
        r->is_touched = r->is_touched || part == REMOVES_SOME;
        if (part == REMOVES_ALL) {
            o->sums[i].rows += group_of(r)->row_count;
            o->sums[i].digest = digest_add(o->sums[i].digest, group_of(r)->digest);
            return false;
        }
    }
    return true;
}

static bole_status list_groups(struct merge *m, struct bole_err *err)
{
    m->refs = malloc((m->ref_count + 1) * sizeof *m->refs);
    if (!m->refs)
        return no_memory(err);
    m->ref_count = 0;
    for (size_t i = 0; i < m->input_count; i++)
        for (uint32_t g = 0; g < m->directories[i]->group_count; g++) {
            struct group_ref r = {.in = {m->inputs[i], m->directories[i], g}};
            r.day = day_of_range(group_of(&r)->min_time_ns, group_of(&r)->max_time_ns);
            if (survives(m, &r))
                m->refs[m->ref_count++] = r;
        }
    find_own_tenants(m);
    qsort(m->refs, m->ref_count, sizeof *m->refs, by_result);
    return BOLE_OK;
}

/* ---- what comes out ---- */

static bole_status begin_result(struct merge *m, struct bole_err *err)
{
    char key[SEGMENT_KEY_SIZE];
    if (m->result_count == m->result_capacity) {
        size_t capacity = m->result_capacity ? m->result_capacity * 2 : 8;
        struct catalog_segment *grown = realloc(m->results, capacity * sizeof *grown);
        if (!grown)
            return no_memory(err);
        m->results = grown;
        m->result_capacity = capacity;
    }
    struct catalog_segment *r = &m->results[m->result_count];
    *r = (struct catalog_segment){.id = catalog_next_segment_id(m->options.catalog)};
    segment_key_of(r->id, key);
    r->key = arena_copy(&m->names, bole_slice_str(key));
    if (!r->key.ptr)
        return no_memory(err);
    m->stream_entries = 0;
    bole_status st = segment_file_create(m->options.objects, r->key, m->options.store_id, m->level, m->options.now_ns,
                                         m->options.budget, &m->file, err);
    m->result_count += st >= 0;
    if (st >= 0)
        m->file->text_memory = m->options.text_memory;
    if (st >= 0 && m->options.how == MERGE_PACKS)
        m->file->codec.level = PACK_LEVEL;
    return st;
}

static bole_status end_result(struct merge *m, struct bole_err *err)
{
    struct catalog_segment *r = &m->results[m->result_count - 1];
    struct segment_totals totals;
    uint64_t size;
    if (m->file->group_count == 0) { /* every row had to go */
        segment_file_destroy(m->file);
        m->file = NULL;
        m->result_count--;
        return BOLE_OK;
    }
    if (m->file->totals.raw_bytes >= MERGE_TARGET_RAW / 2 || m->stream_entries >= STREAM_ENTRIES_MAX / 2)
        m->file->totals.level = LEVEL_FINAL;
    if (m->options.how == MERGE_PACKS)
        m->file->totals.level = LEVEL_PACKED;
    bole_status st = segment_file_finish(m->file, &totals, &size, err);
    if (st >= 0) {
        totals.tenant = arena_copy(&m->names, totals.tenant);
        *r = segment_describe(r->id, r->key, size, &totals);
        m->digest = digest_add(m->digest, totals.digest);
        m->stats.bytes_written += size;
        st = totals.tenant.ptr ? BOLE_OK : no_memory(err);
    }
    segment_file_destroy(m->file);
    m->file = NULL;
    return st;
}

/* Room for one more group, or a new file. */
static bole_status make_room(struct merge *m, uint64_t stream_entries, struct bole_err *err)
{
    bole_status st = yield(m, err);
    if (st >= 0 && m->file && m->stream_entries && m->stream_entries + stream_entries > STREAM_ENTRIES_MAX)
        st = end_result(m, err);
    if (st >= 0 && !m->file)
        st = begin_result(m, err);
    m->stream_entries += stream_entries;
    return st;
}

static bole_status copy(struct merge *m, const struct group_ref *r, struct bole_err *err)
{
    bole_status st = make_room(m, group_of(r)->stream_count, err);
    if (st < 0)
        return st;
    bool unreadable = false;
    st = segment_copy_group(m->file, r->in.segment, r->in.directory, r->in.group, &unreadable, err);
    if (unreadable)
        m->culprit = r->in.segment;
    m->stats.groups_copied++;
    return st;
}

/* ---- which groups are encoded anew ---- */

/* Bytes of a group like this one. Those of many streams stay small: who asks for one of those reads them all. */
static uint64_t whole_raw(bool joins, const struct segment_group *g)
{
    return joins && g->stream_count < STREAM_ORDER_MIN ? GROUP_JOINED_RAW_MAX : GROUP_RAW_MAX;
}

static bool is_small(bool joins, const struct segment_group *g)
{
    return segment_group_raw(g) < whole_raw(joins, g) / 2 && g->row_count < GROUP_ROWS_MAX / 2;
}

/* Rows of many streams that still lie by time alone. */
static bool is_scattered(const struct segment_group *g)
{
    return g->order == GROUP_BY_TIME && g->stream_count >= STREAM_ORDER_MIN && g->generation == 0;
}

static bool is_candidate(bool joins, const struct segment_group *g)
{
    return g->generation < GENERATION_MAX + joins && (is_small(joins, g) || is_scattered(g));
}

/* Groups of one tenant, family and day that may be encoded together. */
enum { JOB_INPUTS_MAX = 1024 };
struct job {
    struct regroup_input inputs[JOB_INPUTS_MAX];
    const struct group_ref *refs[JOB_INPUTS_MAX];
    size_t   count, fresh_count; /* fresh: never encoded anew */
    uint64_t raw, rows, stream_entries;
    bool     has_many, is_scattered;
};

static bool job_has_room(const struct job *j, bool joins, const struct segment_group *g)
{
    bool many = j->has_many || g->stream_count >= STREAM_ORDER_MIN;
    uint64_t raw = many ? REGROUP_RAW_MAX : whole_raw(joins, g), rows = many ? REGROUP_RAW_MAX / GROUP_RAW_MAX * GROUP_ROWS_MAX
                                                                             : GROUP_ROWS_MAX;
    return j->count < JOB_INPUTS_MAX && j->raw + segment_group_raw(g) <= raw && j->rows + g->row_count <= rows;
}

static bool is_large(uint64_t raw, uint64_t rows)
{
    return raw >= GROUP_RAW_MAX / 2 || rows >= GROUP_ROWS_MAX / 2;
}

static void job_add(struct job *j, const struct group_ref *r)
{
    const struct segment_group *g = group_of(r);
    j->refs[j->count++] = r;
    j->fresh_count += g->generation == 0;
    j->raw += segment_group_raw(g);
    j->rows += g->row_count;
    j->stream_entries += g->stream_count;
    j->has_many = j->has_many || g->stream_count >= STREAM_ORDER_MIN;
    j->is_scattered = j->is_scattered || is_scattered(g);
}

static bole_status run_regroup(struct merge *m, const struct regroup_input *inputs, size_t count, uint8_t generation,
                               uint64_t stream_entries, struct bole_err *err)
{
    const struct merge_options *o = &m->options;
    struct regroup_options options = {.objects = o->objects, .budget = o->budget, .fs = o->fs, .spill_path = o->spill_path,
                                      .generation = generation, .joins = o->how == MERGE_JOINS, .removals = o->removals, .sums = o->sums,
                                      .removal_count = o->removal_count, .yield = o->yield, .yield_ctx = o->yield_ctx};
    size_t failed = count;
    bole_status st = make_room(m, stream_entries, err);
    if (st >= 0)
        st = regroup(inputs, count, &options, m->file, &failed, err);
    if (failed < count)
        m->culprit = inputs[failed].segment;
    m->stats.groups_encoded += count;
    return st;
}

static bole_status encode(struct merge *m, struct job *j, bool fresh_only, struct bole_err *err)
{
    size_t count = 0;
    uint8_t generation = 0;
    for (size_t i = 0; i < j->count; i++) {
        uint8_t before = group_of(j->refs[i])->generation;
        if (fresh_only && before)
            continue;
        j->inputs[count++] = j->refs[i]->in;
        generation = before + 1 > generation ? before + 1 : generation;
    }
    return run_regroup(m, j->inputs, count, generation, j->stream_entries, err);
}

/* Rows of it have to go. That does not count as being encoded anew: it would keep small groups from growing. */
static bole_status thin_out(struct merge *m, const struct group_ref *r, struct bole_err *err)
{
    return run_regroup(m, &r->in, 1, group_of(r)->generation, group_of(r)->stream_count, err);
}

/* A small group that is alone stays as it is; so does one that has been encoded anew before, until it can become a part
 * of a large one or its day is over. */
static bole_status run_job(struct merge *m, struct job *j, bool is_over, struct bole_err *err)
{
    bool all = j->is_scattered || (j->count > 1 && (is_large(j->raw, j->rows) || is_over));
    bool fresh = !all && j->fresh_count >= SMALL_GROUPS_MIN;
    bole_status st = all || fresh ? encode(m, j, !all, err) : BOLE_OK;
    for (size_t i = 0; st >= 0 && !all && i < j->count; i++)
        if (!fresh || group_of(j->refs[i])->generation)
            st = copy(m, j->refs[i], err);
    j->count = j->fresh_count = 0;
    j->raw = j->rows = j->stream_entries = 0;
    j->has_many = j->is_scattered = false;
    return st;
}

static bool same_family(const struct group_ref *x, const struct group_ref *y)
{
    return group_of(x)->family == group_of(y)->family && bole_slice_eq(group_of(x)->tenant, group_of(y)->tenant);
}

bool merge_joins_much(const struct segment_directory *d)
{
    uint64_t all = 0, joined = 0, raw = 0, rows = 0;
    const struct segment_group *last = NULL;
    bool counted = false;
    for (uint32_t i = 0; i < d->group_count; i++) {
        const struct segment_group *g = &d->groups[i];
        uint64_t own = segment_group_raw(g);
        all += own;
        if (g->stream_count >= STREAM_ORDER_MIN || !is_candidate(true, g))
            continue;
        bool fits = last && last->family == g->family && bole_slice_eq(last->tenant, g->tenant) &&
                    raw + own <= GROUP_JOINED_RAW_MAX && rows + g->row_count <= GROUP_ROWS_MAX;
        raw = fits ? raw + own : own;
        rows = fits ? rows + g->row_count : g->row_count;
        if (fits && is_large(raw, rows))
            joined += counted ? own : raw;
        counted = fits && is_large(raw, rows);
        last = g;
    }
    return joined >= all / 8 && joined > 0;
}

/* refs[0 .. count - 1] are one result. */
static bole_status write_result(struct merge *m, const struct group_ref *refs, size_t count, struct bole_err *err)
{
    bool is_over = merge_day_is_over(refs[0].day, m->options.now_ns), joins = m->options.how == MERGE_JOINS;
    struct job *j = calloc(1, sizeof *j);
    bole_status st = j ? BOLE_OK : no_memory(err);
    for (size_t i = 0; st >= 0 && i < count; i++) {
        const struct segment_group *g = group_of(&refs[i]);
        bool may_join = !refs[i].is_touched && is_candidate(joins, g);
        if (j->count && (!same_family(&refs[i - 1], &refs[i]) || (may_join && !job_has_room(j, joins, g))))
            st = run_job(m, j, is_over, err);
        if (st < 0)
            break;
        if (may_join)
            job_add(j, &refs[i]);
        else
            st = refs[i].is_touched ? thin_out(m, &refs[i], err) : copy(m, &refs[i], err);
    }
    if (st >= 0 && j->count)
        st = run_job(m, j, is_over, err);
    free(j);
    return st >= 0 ? end_result(m, err) : st;
}

static bole_status write_results(struct merge *m, struct bole_err *err)
{
    bole_status st = BOLE_OK;
    for (size_t first = 0, end; st >= 0 && first < m->ref_count; first = end) {
        const struct group_ref *r = &m->refs[first];
        for (end = first + 1; end < m->ref_count; end++) {
            const struct group_ref *e = &m->refs[end];
            if (e->day != r->day || e->is_own != r->is_own || (r->is_own && !bole_slice_eq(group_of(e)->tenant,
                                                                                           group_of(r)->tenant)))
                break;
        }
        st = write_result(m, r, end - first, err);
    }
    return st;
}

/* ---- the whole ---- */

static bole_status check_sums(const struct merge *m, struct bole_err *err)
{
    struct digest in = {0}, out = m->digest;
    uint64_t rows_in = 0, rows_out = 0, rows_removed = 0;
    for (size_t i = 0; i < m->input_count; i++) {
        in = digest_add(in, m->directories[i]->totals.digest);
        rows_in += m->directories[i]->totals.row_count;
    }
    for (size_t i = 0; i < m->result_count; i++)
        rows_out += m->results[i].row_count;
    for (size_t i = 0; i < m->options.removal_count; i++) {
        rows_removed += m->options.sums[i].rows;
        out = digest_add(out, m->options.sums[i].digest);
    }
    if (rows_in == rows_out + rows_removed && digest_eq(in, out))
        return BOLE_OK;
    return bole_fail(err, BOLE_E_CORRUPT, "merge: %llu rows went in, %llu came out and %llu had to go, or others",
                     (unsigned long long)rows_in, (unsigned long long)rows_out, (unsigned long long)rows_removed);
}

bole_status merge_run(struct segment *const *inputs, size_t input_count, const struct merge_options *options,
                      struct merge **ret_merge, struct segment **ret_culprit, struct bole_err *err)
{
    assert(input_count > 0);
    struct merge *m = calloc(1, sizeof *m);
    *ret_culprit = NULL;
    if (!m)
        return no_memory(err);
    m->options = *options;
    m->inputs = inputs;
    m->input_count = input_count;
    arena_init(&m->names, NULL);
    bole_status st = read_directories(m, err);
    if (st >= 0)
        st = list_groups(m, err);
    if (st >= 0)
        st = write_results(m, err);
    if (st >= 0)
        st = check_sums(m, err);
    if (st < 0) {
        *ret_culprit = m->culprit;
        merge_undo(m);
        merge_destroy(m);
        return st;
    }
    *ret_merge = m;
    return BOLE_OK;
}

const struct catalog_segment *merge_results(const struct merge *m, size_t *ret_count)
{
    *ret_count = m->result_count;
    return m->results;
}

struct merge_stats merge_statistics(const struct merge *m)
{
    return m->stats;
}

void merge_undo(struct merge *m)
{
    segment_file_destroy(m->file); /* one that is not finished leaves nothing */
    m->file = NULL;
    for (size_t i = 0; i < m->result_count; i++)
        objects_remove(m->options.objects, m->results[i].key, NULL); /* what stays is removed at the next start */
    m->result_count = 0;
}

void merge_destroy(struct merge *m)
{
    if (!m)
        return;
    for (size_t i = 0; m->directories && i < m->input_count; i++)
        segment_directory_unref(m->directories[i]);
    free(m->directories);
    free(m->refs);
    free(m->results);
    arena_deinit(&m->names);
    free(m);
}
