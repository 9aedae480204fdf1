/*
 * rate: so many records a second of each stream, by a bucket of tokens. Buckets lie in a table of fixed size, four to a
 * place; a fifth takes that of the stream that was silent longest, which begins anew with a full one.
 */
#include <stdlib.h>

#include "base/err.h"
#include "base/hash.h"
#include "process/rule.h"

enum { WAYS = 4, PLACES = 4096 };

struct bucket {
    uint64_t hash, filled_ns; /* 0: free */
    double   tokens;
};

struct rate {
    double          per_second, burst;
    enum { BY_STREAM, BY_TENANT, BY_ALL } by;
    pthread_mutex_t lock;
    struct bucket  *buckets; /* [PLACES * WAYS], guarded by lock */
};

static bole_status rate_compile(struct pipeline *p, const struct config_node *node, struct process_rule *rule,
                                struct bole_err *err)
{
    static const char *const keys[] = {"records", "burst", "by"}, *const names[] = {"stream", "tenant", "all"};
    struct rate *t = arena_zalloc(&p->arena, sizeof *t);
    const struct config_node *records = node, *burst = NULL, *by = NULL;
    bole_status st = BOLE_OK;
    if (!t)
        return rule_no_memory(err);
    if (node->kind != CONFIG_SCALAR) {
        st = rule_check_keys(p, node, keys, 3, err);
        records = st < 0 ? NULL : config_get(node, S("records"));
        burst = st < 0 ? NULL : config_get(node, S("burst"));
        by = st < 0 ? NULL : config_get(node, S("by"));
        if (st >= 0 && !records)
            st = config_fail(p->config, node, err, "rate needs a number of records a second: records: 100");
    }
    if (st >= 0)
        st = rule_number(p, records, "records (a second)", 1e-3, 1e9, &t->per_second, err);
    t->burst = t->per_second < 1 ? 1 : t->per_second;
    if (st >= 0 && burst)
        st = rule_number(p, burst, "burst", 1, 1e9, &t->burst, err);
    if (st >= 0 && by) {
        size_t i = 0;
        while (i < 3 && !bole_slice_eq(by->text, bole_slice_str(names[i])))
            i++;
        t->by = i;
        if (i == 3)
            st = config_fail(p->config, by, err, "by is one of stream, tenant, all");
    }
    if (st < 0)
        return st;
    t->buckets = calloc(PLACES * WAYS, sizeof *t->buckets);
    if (!t->buckets)
        return rule_no_memory(err);
    pthread_mutex_init(&t->lock, NULL);
    rule->step = t;
    return BOLE_OK;
}

static void rate_destroy(struct process_rule *rule)
{
    struct rate *t = rule->step;
    free(t->buckets);
    pthread_mutex_destroy(&t->lock);
}

static struct bucket *find(struct rate *t, uint64_t hash, uint64_t now_ns)
{
    struct bucket *place = &t->buckets[hash % PLACES * WAYS], *oldest = place;
    for (size_t i = 0; i < WAYS; i++) {
        if (place[i].filled_ns && place[i].hash == hash)
            return &place[i];
        if (place[i].filled_ns < oldest->filled_ns)
            oldest = &place[i];
    }
    *oldest = (struct bucket){hash, now_ns, t->burst};
    return oldest;
}

static enum process_outcome rate_run(const struct process_rule *rule, struct process_run *run, struct process_record *r)
{
    struct rate *t = rule->step;
    uint64_t hash = t->by == BY_STREAM ? stream_hash(r) : t->by == BY_TENANT ? hash64(r->tenant) : 0;
    uint64_t now_ns = run->now_ns ? run->now_ns : 1;
    pthread_mutex_lock(&t->lock);
    struct bucket *b = find(t, hash, now_ns), before = *b;
    if (now_ns > b->filled_ns) {
        b->tokens += (double)(now_ns - b->filled_ns) / 1e9 * t->per_second;
        b->tokens = b->tokens > t->burst ? t->burst : b->tokens;
        b->filled_ns = now_ns;
    }
    bool passes = b->tokens >= 1;
    if (passes)
        b->tokens--;
    if (run->dry)
        *b = before;
    pthread_mutex_unlock(&t->lock);
    if (passes)
        return PROCESS_KEPT;
    run->why = arena_printf(&run->arena, "more than %g records a second", t->per_second);
    return PROCESS_REFUSED_RATE;
}

const struct rule_ops rate_ops = {"rate", rate_compile, rate_run, rate_destroy};
