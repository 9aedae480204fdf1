#include "store/life/deletion.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/err.h"
#include "shim/regex.h"

enum { VERSION = 1, NAMES_MAX = 1000 };

static bole_status no_memory(struct bole_err *err)
{
    return bole_fail(err, BOLE_E_NOMEM, "store: no memory for a request to delete");
}

static bole_status malformed(struct bole_err *err)
{
    return bole_fail(err, BOLE_E_CORRUPT, "a request to delete in the catalogue is not well formed");
}

/* ---- bytes ---- */

static void put_text(struct buf *out, bole_slice s)
{
    buf_put_varint(out, s.len);
    buf_put(out, s);
}

static bole_slice read_text(struct reader *r)
{
    uint64_t len = reader_varint(r);
    return reader_bytes(r, len > reader_left(r) ? reader_left(r) + 1 : (size_t)len);
}

static void put_digest(struct buf *out, struct digest d)
{
    buf_put_u64(out, d.lo);
    buf_put_u64(out, d.hi);
}

static struct digest read_digest(struct reader *r)
{
    uint64_t lo = reader_u64(r);
    return (struct digest){lo, reader_u64(r)};
}

void deletion_encode(const struct deletion *d, struct buf *out)
{
    const struct store_delete_info *i = &d->info;
    const struct removal *r = &d->removal;
    buf_put_u8(out, VERSION);
    buf_put_u8(out, (uint8_t)i->state);
    buf_put_u64(out, (uint64_t)i->created_ns);
    buf_put_u64(out, (uint64_t)i->finished_ns);
    buf_put_u64(out, (uint64_t)r->from_ns);
    buf_put_u64(out, (uint64_t)r->to_ns);
    buf_put_u64(out, r->max_lsn);
    buf_put_u64(out, d->first_clean_id);
    buf_put_u64(out, i->rows);
    put_digest(out, i->digest);
    buf_put_u32(out, i->step_count);
    put_text(out, r->tenant);
    put_text(out, i->query);
    buf_put_varint(out, r->matcher_count);
    for (size_t k = 0; k < r->matcher_count; k++) {
        buf_put_u8(out, (uint8_t)r->matchers[k].op);
        put_text(out, r->matchers[k].name);
        put_text(out, r->matchers[k].value);
    }
    buf_put_varint(out, r->predicate_count);
    for (size_t k = 0; k < r->predicate_count; k++) {
        buf_put_u8(out, (uint8_t)r->predicates[k].kind);
        put_text(out, r->predicates[k].value);
    }
}

/* ---- one ---- */

static bole_status compile(struct deletion *d, bole_slice pattern, unsigned flags, const struct regex **ret_regex,
                           struct bole_err *err)
{
    bole_status st = regex_compile(pattern, flags, NULL, &d->regexes[d->regex_count], err);
    if (st >= 0)
        *ret_regex = d->regexes[d->regex_count++];
    return st;
}

static bole_status read_matcher(struct deletion *d, struct reader *r, struct store_matcher *m, struct bole_err *err)
{
    m->op = reader_u8(r);
    m->name = read_text(r);
    m->value = read_text(r);
    if (r->failed || m->op > MATCH_NRE)
        return malformed(err);
    return m->op == MATCH_RE || m->op == MATCH_NRE ? compile(d, m->value, REGEX_ANCHORED, &m->regex, err) : BOLE_OK;
}

static bole_status read_predicate(struct deletion *d, struct reader *r, struct store_predicate *p, struct bole_err *err)
{
    p->kind = reader_u8(r);
    p->value = read_text(r);
    if (r->failed || p->kind > PREDICATE_LINE_NOT_MATCHES)
        return malformed(err);
    bool is_regex = p->kind == PREDICATE_LINE_MATCHES || p->kind == PREDICATE_LINE_NOT_MATCHES;
    return is_regex ? compile(d, p->value, 0, &p->regex, err) : BOLE_OK;
}

static bole_status read_filters(struct deletion *d, struct reader *r, struct bole_err *err)
{
    bole_status st = BOLE_OK;
    size_t count = reader_varint(r);
    if (r->failed || count > NAMES_MAX)
        return malformed(err);
    struct store_matcher *matchers = arena_array(&d->arena, count + 1, sizeof *matchers);
    d->regexes = calloc(2 * NAMES_MAX, sizeof(struct regex *));
    if (!matchers || !d->regexes)
        return no_memory(err);
    for (size_t i = 0; st >= 0 && i < count; i++)
        st = read_matcher(d, r, &matchers[i], err);
    d->removal.matchers = matchers;
    d->removal.matcher_count = count;
    size_t predicate_count = reader_varint(r);
    if (st >= 0 && (r->failed || predicate_count > NAMES_MAX))
        st = malformed(err);
    if (st < 0)
        return st;
    struct store_predicate *predicates = arena_array(&d->arena, predicate_count + 1, sizeof *predicates);
    if (!predicates)
        return no_memory(err);
    for (size_t i = 0; st >= 0 && i < predicate_count; i++)
        st = read_predicate(d, r, &predicates[i], err);
    d->removal.predicates = predicates;
    d->removal.predicate_count = predicate_count;
    return st;
}

static bole_status read_all(struct deletion *d, struct reader *r, struct bole_err *err)
{
    struct store_delete_info *i = &d->info;
    if (reader_u8(r) != VERSION)
        return bole_fail(err, BOLE_E_UNSUPPORTED, "a request to delete is from a newer version");
    i->state = reader_u8(r);
    i->created_ns = (int64_t)reader_u64(r);
    i->finished_ns = (int64_t)reader_u64(r);
    i->from_ns = d->removal.from_ns = (int64_t)reader_u64(r);
    i->to_ns = d->removal.to_ns = (int64_t)reader_u64(r);
    d->removal.max_lsn = reader_u64(r);
    d->first_clean_id = reader_u64(r);
    i->rows = reader_u64(r);
    i->digest = read_digest(r);
    i->step_count = reader_u32(r);
    i->tenant = d->removal.tenant = read_text(r);
    i->query = read_text(r);
    if (r->failed || i->state > STORE_DELETE_CANCELLED)
        return malformed(err);
    bole_status st = read_filters(d, r, err);
    return st >= 0 && reader_left(r) ? malformed(err) : st;
}

bole_status deletion_decode(bole_slice id, bole_slice value, struct deletion **ret_deletion, struct bole_err *err)
{
    struct deletion *d = calloc(1, sizeof *d);
    if (!d)
        return no_memory(err);
    atomic_init(&d->refs, 1);
    arena_init(&d->arena, NULL);
    snprintf(d->info.id, sizeof d->info.id, "%.*s", BOLE_SLICE_ARG(id));
    bole_slice copy = arena_copy(&d->arena, value);
    struct reader r = reader_of(copy);
    bole_status st = copy.ptr ? read_all(d, &r, err) : no_memory(err);
    if (st < 0) {
        deletion_unref(d);
        return st;
    }
    *ret_deletion = d;
    return BOLE_OK;
}

/* Through its bytes: what is kept is what will be read again. */
bole_status deletion_create(const struct store_delete_request *q, struct deletion **ret_deletion, struct bole_err *err)
{
    struct deletion d = {.info = {.query = q->query},
                         .removal = {.tenant = q->tenant, .from_ns = q->from_ns, .to_ns = q->to_ns, .matchers = q->matchers,
                                     .matcher_count = q->matcher_count, .predicates = q->predicates,
                                     .predicate_count = q->predicate_count}};
    struct buf bytes;
    if (q->matcher_count > NAMES_MAX || q->predicate_count > NAMES_MAX)
        return bole_fail(err, BOLE_E_LIMIT, "more than %d filters", NAMES_MAX);
    buf_init(&bytes, NULL);
    deletion_encode(&d, &bytes);
    bole_status st = bytes.failed ? no_memory(err) : deletion_decode((bole_slice){0}, buf_slice(&bytes), ret_deletion, err);
    buf_deinit(&bytes);
    return st;
}

struct deletion *deletion_ref(struct deletion *d)
{
    atomic_fetch_add_explicit(&d->refs, 1, memory_order_relaxed);
    return d;
}

void deletion_unref(struct deletion *d)
{
    if (!d || atomic_fetch_sub_explicit(&d->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < d->regex_count; i++)
        regex_destroy(d->regexes[i]);
    free(d->regexes);
    free(d->clean_ids);
    arena_deinit(&d->arena);
    free(d);
}

/* ---- steps ---- */

void deletion_step_key(const char *id, uint32_t number, char ret_key[DELETION_KEY_SIZE])
{
    snprintf(ret_key, DELETION_KEY_SIZE, "%s/%08x", id, number);
}

static void put_ids(struct buf *out, const uint64_t *ids, size_t count)
{
    buf_put_varint(out, count);
    for (size_t i = 0; i < count; i++)
        buf_put_varint(out, ids[i]);
}

void deletion_step_encode(const struct store_delete_step *s, struct buf *out)
{
    buf_put_u8(out, VERSION);
    buf_put_u64(out, (uint64_t)s->time_ns);
    buf_put_u64(out, s->rows);
    put_digest(out, s->before);
    put_digest(out, s->removed);
    put_digest(out, s->others);
    put_digest(out, s->after);
    put_ids(out, s->input_ids, s->input_count);
    put_ids(out, s->result_ids, s->result_count);
}

static const uint64_t *read_ids(struct reader *r, struct arena *arena, size_t *ret_count)
{
    uint64_t count = reader_varint(r);
    uint64_t *ids = count <= reader_left(r) ? arena_array(arena, (size_t)count + 1, sizeof *ids) : NULL;
    if (!ids)
        r->failed = true;
    *ret_count = ids ? (size_t)count : 0;
    for (size_t i = 0; i < *ret_count; i++)
        ids[i] = reader_varint(r);
    return ids;
}

bole_status deletion_step_decode(bole_slice value, struct arena *arena, struct store_delete_step *ret_step, struct bole_err *err)
{
    struct reader r = reader_of(value);
    struct store_delete_step s;
    if (reader_u8(&r) != VERSION)
        return bole_fail(err, BOLE_E_UNSUPPORTED, "a step of a delete is from a newer version");
    s.time_ns = (int64_t)reader_u64(&r);
    s.rows = reader_u64(&r);
    s.before = read_digest(&r);
    s.removed = read_digest(&r);
    s.others = read_digest(&r);
    s.after = read_digest(&r);
    s.input_ids = read_ids(&r, arena, &s.input_count);
    s.result_ids = read_ids(&r, arena, &s.result_count);
    if (r.failed || reader_left(&r))
        return malformed(err);
    *ret_step = s;
    return BOLE_OK;
}

/* ---- sets ---- */

struct deletion_set *deletion_set_create(const struct deletion_set *before, const struct deletion *less, struct deletion *more)
{
    size_t capacity = (before ? before->count : 0) + 1;
    struct deletion_set *set = calloc(1, sizeof *set + capacity * sizeof *set->deletions);
    struct removal *removals = calloc(capacity, sizeof *removals);
    if (!set || !removals) {
        free(set);
        free(removals);
        return NULL;
    }
    atomic_init(&set->refs, 1);
    set->removals = removals;
    for (size_t i = 0; before && i < before->count; i++)
        if (before->deletions[i] != less)
            set->deletions[set->count++] = deletion_ref(before->deletions[i]);
    if (more)
        set->deletions[set->count++] = deletion_ref(more);
    for (size_t i = 0; i < set->count; i++)
        removals[i] = set->deletions[i]->removal;
    return set;
}

struct deletion_set *deletion_set_ref(struct deletion_set *set)
{
    atomic_fetch_add_explicit(&set->refs, 1, memory_order_relaxed);
    return set;
}

void deletion_set_unref(struct deletion_set *set)
{
    if (!set || atomic_fetch_sub_explicit(&set->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < set->count; i++)
        deletion_unref(set->deletions[i]);
    free(set->removals);
    free(set);
}
