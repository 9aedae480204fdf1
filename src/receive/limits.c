/*
 * Buckets lie in a table of fixed size, four to a place; a fifth tenant there takes that of the one that was silent longest,
 * which begins anew with a full one.
 */
#include "receive/limits.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "record/record.h"

enum { WAYS = 4, PLACES = 1024, VALUE_DIGITS_MAX = 15 };

struct bucket {
    uint64_t hash, filled_ns; /* mono; hash 0: free */
    double   tokens[2];       /* LIMIT_BYTES, LIMIT_RECORDS; below 0: owed */
};

struct rule {
    char tenant[TENANT_MAX + 1]; /* "": everybody */
    struct tenant_limit limit;
};

struct limits {
    struct rule rules[LIMITS_MAX];
    size_t rule_count;
    pthread_mutex_t lock;
    struct bucket buckets[PLACES * WAYS]; /* guarded by lock */
    atomic_uint_fast64_t refused[LIMIT_KIND_COUNT];
};

static const char *const kind_names[LIMIT_KIND_COUNT] = {"bytes", "records", "body", "ratio", "record", "fields"};

const char *limit_kind_name(enum limit_kind kind)
{
    return kind_names[kind];
}

struct limits *limits_create(void)
{
    struct limits *l = calloc(1, sizeof *l);
    if (l)
        pthread_mutex_init(&l->lock, NULL);
    return l;
}

void limits_destroy(struct limits *l)
{
    if (l)
        pthread_mutex_destroy(&l->lock);
    free(l);
}

/* ---- rules ---- */

/* "64", "64KB", "64KiB". */
static bool read_number(bole_slice text, uint64_t *ret_number)
{
    static const struct { bole_slice suffix; uint64_t factor; } units[] = {
        {S(""), 1}, {S("KB"), 1000}, {S("kB"), 1000}, {S("MB"), 1000000}, {S("GB"), 1000000000},
        {S("KiB"), 1u << 10}, {S("MiB"), 1u << 20}, {S("GiB"), 1u << 30}};
    size_t digits = 0;
    uint64_t n = 0;
    while (digits < text.len && digits < VALUE_DIGITS_MAX && text.ptr[digits] >= '0' && text.ptr[digits] <= '9')
        n = 10 * n + (uint64_t)(text.ptr[digits++] - '0');
    bole_slice suffix = bole_slice_trim(bole_slice_sub(text, digits));
    for (size_t i = 0; digits && i < sizeof units / sizeof *units; i++)
        if (bole_slice_eq(suffix, units[i].suffix))
            return !__builtin_mul_overflow(n, units[i].factor, ret_number);
    return false;
}

static bool set_value(struct tenant_limit *t, bole_slice name, uint64_t n)
{
    enum limit_kind kind = 0;
    while (kind < LIMIT_KIND_COUNT && !bole_slice_eq(name, bole_slice_str(kind_names[kind])))
        kind++;
    switch (kind) {
    case LIMIT_BYTES: t->bytes_per_s = (double)n; break;
    case LIMIT_RECORDS: t->records_per_s = (double)n; break;
    case LIMIT_BODY: t->body_bytes = n; break;
    case LIMIT_RATIO: t->ratio = n; break;
    case LIMIT_RECORD: t->record_bytes = n; break;
    case LIMIT_FIELDS: t->fields = n; break;
    default: return false;
    }
    return true;
}

static struct rule *find_rule(const struct limits *l, bole_slice tenant)
{
    for (size_t i = l->rule_count; i-- > 0;)
        if (bole_slice_eq(bole_slice_str(l->rules[i].tenant), tenant))
            return (struct rule *)&l->rules[i];
    return NULL;
}

struct tenant_limit limits_of(const struct limits *l, bole_slice tenant)
{
    const struct rule *r = l->rule_count ? find_rule(l, tenant) : NULL;
    if (!r && l->rule_count)
        r = find_rule(l, S(""));
    return r ? r->limit : (struct tenant_limit){0};
}

bole_status limits_add(struct limits *l, bole_slice text, struct bole_err *err)
{
    bole_slice values, tenant = bole_slice_cut(text, ':', &values);
    if (!values.ptr) {
        values = tenant;
        tenant = S("");
    }
    tenant = bole_slice_trim(tenant);
    if (tenant.len && !tenant_valid(tenant))
        return bole_fail(err, BOLE_E_INVALID, "limit '%.*s': no tenant can have the name in front of ':'", BOLE_SLICE_ARG(text));
    struct tenant_limit limit = limits_of(l, tenant);
    while (values.len) {
        bole_slice number, name = bole_slice_cut(bole_slice_cut(values, ',', &values), '=', &number);
        uint64_t n;
        if (!number.ptr || !read_number(bole_slice_trim(number), &n) || !set_value(&limit, bole_slice_trim(name), n))
            return bole_fail(
                err, BOLE_E_INVALID,
                "limit '%.*s': write bytes=10MB,records=5000 (a second), body=8MB, ratio=100, record=64KB, fields=64, "
                "in front of it perhaps TENANT:",
                BOLE_SLICE_ARG(text));
    }
    struct rule *r = find_rule(l, tenant);
    if (!r && l->rule_count == LIMITS_MAX)
        return bole_fail(err, BOLE_E_INVALID, "limit '%.*s': that is one more than %u", BOLE_SLICE_ARG(text), LIMITS_MAX);
    if (!r)
        r = &l->rules[l->rule_count++];
    memcpy(r->tenant, tenant.ptr, tenant.len);
    r->tenant[tenant.len] = 0;
    r->limit = limit;
    return BOLE_OK;
}

/* ---- rates ---- */

/* Lock held. */
static struct bucket *bucket_of(struct limits *l, uint64_t hash, const double rates[2], uint64_t now)
{
    struct bucket *place = &l->buckets[hash % PLACES * WAYS], *b = place;
    hash |= 1;
    for (size_t i = 0; i < WAYS; i++) {
        if (place[i].hash == hash)
            return &place[i];
        if (place[i].filled_ns < b->filled_ns)
            b = &place[i];
    }
    *b = (struct bucket){hash, now, {rates[0], rates[1]}};
    return b;
}

bool limits_admit(struct limits *l, bole_slice tenant, uint64_t now, uint64_t *ret_wait_ns, enum limit_kind *ret_kind)
{
    const struct tenant_limit t = limits_of(l, tenant);
    const double rates[2] = {t.bytes_per_s, t.records_per_s};
    bool admitted = true;
    *ret_wait_ns = 0;
    if (!rates[0] && !rates[1])
        return true;
    pthread_mutex_lock(&l->lock);
    struct bucket *b = bucket_of(l, hash64(tenant), rates, now);
    double elapsed_s = now > b->filled_ns ? (double)(now - b->filled_ns) / NS_PER_S : 0;
    b->filled_ns = now > b->filled_ns ? now : b->filled_ns;
    for (unsigned k = 0; k < 2; k++) {
        b->tokens[k] += elapsed_s * rates[k];
        b->tokens[k] = b->tokens[k] < rates[k] ? b->tokens[k] : rates[k];
        uint64_t wait_ns = rates[k] && b->tokens[k] <= 0 ? (uint64_t)((1 - b->tokens[k]) / rates[k] * NS_PER_S) : 0;
        if (wait_ns > *ret_wait_ns) {
            *ret_wait_ns = wait_ns;
            *ret_kind = k;
            admitted = false;
        }
    }
    pthread_mutex_unlock(&l->lock);
    if (!admitted)
        limits_count(l, *ret_kind);
    return admitted;
}

void limits_charge(struct limits *l, bole_slice tenant, uint64_t records, uint64_t bytes)
{
    uint64_t hash = hash64(tenant);
    pthread_mutex_lock(&l->lock);
    struct bucket *place = &l->buckets[hash % PLACES * WAYS];
    for (size_t i = 0; i < WAYS; i++)
        if (place[i].hash == (hash | 1)) { /* none: the tenant has no rate */
            place[i].tokens[LIMIT_BYTES] -= (double)bytes;
            place[i].tokens[LIMIT_RECORDS] -= (double)records;
        }
    pthread_mutex_unlock(&l->lock);
}

void limits_count(struct limits *l, enum limit_kind kind)
{
    atomic_fetch_add_explicit(&l->refused[kind], 1, memory_order_relaxed);
}

uint64_t limits_refused(struct limits *l, enum limit_kind kind)
{
    return atomic_load_explicit(&l->refused[kind], memory_order_relaxed);
}
