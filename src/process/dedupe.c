/*
 * dedupe: of records that are the same within a window the first stays; the first behind the window says how many did
 * not. What was seen lies in a table of fixed size, four to a place; what is pushed out is stored once more when it comes
 * again: the table forgets, it does not lose. For the same reason nothing counts as seen any more when a request fails
 * (run->epoch): its sender will send it again.
 */
#include <stdlib.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/random.h"
#include "base/timefmt.h"
#include "process/rule.h"

#define DEDUPE_FIELD S("repeated")

enum { WAYS = 4, PLACES = 16384 };

struct seen {
    XXH128_hash_t hash;
    uint64_t      since_ns, epoch; /* since_ns 0: free */
    uint64_t      dropped;
};

struct dedupe {
    uint64_t        window_ns, seed;
    bole_slice     *by; /* fields, or "line" */
    size_t          by_count;
    pthread_mutex_t lock;
    struct seen    *seen; /* [PLACES * WAYS], guarded by lock */
};

static bole_status dedupe_compile(struct pipeline *p, const struct config_node *node, struct process_rule *rule,
                                  struct bole_err *err)
{
    static const char *const keys[] = {"window", "by"};
    static bole_slice line = S("line");
    struct dedupe *d = arena_zalloc(&p->arena, sizeof *d);
    const struct config_node *window = node, *by = NULL;
    int64_t ns = 0;
    bole_status st = BOLE_OK;
    if (!d)
        return rule_no_memory(err);
    if (node->kind != CONFIG_SCALAR) {
        st = rule_check_keys(p, node, keys, 2, err);
        window = st < 0 ? NULL : config_get(node, S("window"));
        by = st < 0 ? NULL : config_get(node, S("by"));
        if (st >= 0 && !window)
            st = config_fail(p->config, node, err, "dedupe needs a window: window: 10s");
    }
    d->by = &line;
    d->by_count = 1;
    if (st >= 0 && (window->kind != CONFIG_SCALAR || !duration_parse(window->text, false, true, &ns) || ns <= 0))
        st = config_fail(p->config, window, err, "the window is a time: 10s, 1m30s");
    if (st >= 0 && by)
        st = rule_texts(p, by, "the name of a field", &d->by, &d->by_count, err);
    if (st < 0)
        return st;
    d->window_ns = (uint64_t)ns;
    d->seed = random_next(&random_system); /* nobody outside can make two records meet */
    d->seen = calloc(PLACES * WAYS, sizeof *d->seen);
    if (!d->seen)
        return rule_no_memory(err);
    pthread_mutex_init(&d->lock, NULL);
    rule->step = d;
    return BOLE_OK;
}

static void dedupe_destroy(struct process_rule *rule)
{
    struct dedupe *d = rule->step;
    free(d->seen);
    pthread_mutex_destroy(&d->lock);
}

static XXH128_hash_t hash_of(const struct dedupe *d, const struct process_record *r)
{
    uint64_t seed = stream_hash(r) ^ d->seed;
    XXH128_hash_t hash = {0, 0};
    for (size_t i = 0; i < d->by_count; i++) {
        bole_slice part = bole_slice_eq(d->by[i], S("line")) ? r->line : record_value(r, d->by[i]);
        hash = XXH3_128bits_withSeed(part.ptr, part.len, seed);
        seed = hash.low64 ^ (hash.high64 * 0x9e3779b97f4a7c15ull) ^ part.len;
    }
    return hash;
}

static struct seen *find(struct dedupe *d, XXH128_hash_t hash, bool *ret_found)
{
    struct seen *place = &d->seen[hash.low64 % PLACES * WAYS], *oldest = place;
    for (size_t i = 0; i < WAYS; i++) {
        if (place[i].since_ns && XXH128_isEqual(place[i].hash, hash)) {
            *ret_found = true;
            return &place[i];
        }
        if (place[i].since_ns < oldest->since_ns)
            oldest = &place[i];
    }
    *ret_found = false;
    return oldest;
}

static enum process_outcome dedupe_run(const struct process_rule *rule, struct process_run *run, struct process_record *r)
{
    struct dedupe *d = rule->step;
    XXH128_hash_t hash = hash_of(d, r);
    uint64_t now_ns = run->now_ns ? run->now_ns : 1, dropped = 0;
    bool found;
    pthread_mutex_lock(&d->lock);
    struct seen *s = find(d, hash, &found);
    bool again = found && s->epoch == run->epoch && now_ns < s->since_ns + d->window_ns;
    if (again && !run->dry)
        s->dropped++;
    if (!again) {
        dropped = found && s->epoch == run->epoch ? s->dropped : 0;
        if (!run->dry)
            *s = (struct seen){hash, now_ns, run->epoch, 0};
    }
    pthread_mutex_unlock(&d->lock);
    if (again) {
        run->why = S("the same came within the window");
        return PROCESS_DROPPED;
    }
    if (!dropped)
        return PROCESS_KEPT;
    bole_slice count = arena_printf(&run->arena, "%llu", (unsigned long long)dropped);
    return count.ptr && record_set(run, r, DEDUPE_FIELD, count) ? PROCESS_CHANGED : PROCESS_NO_MEMORY;
}

const struct rule_ops dedupe_ops = {"dedupe", dedupe_compile, dedupe_run, dedupe_destroy};
