/*
 * world.h - the same random rows in three places: an array here, the `mem:` model, and the engine, which cuts, forgets
 * and reopens between insertions as it would over weeks.
 *
 * Everything follows from the seed. Threads: one.
 */
#ifndef DIFFERENTIAL_WORLD_H
#define DIFFERENTIAL_WORLD_H

#include "lines.h"
#include "store/store.h"

enum { WORLD_TENANTS = 2, WORLD_APPS = 6, WORLD_STREAMS_MAX = 1500, WORLD_FIELDS_MAX = 8, WORLD_KEYS = 40 };

struct world_row {
    bole_slice tenant, labels, line;
    int64_t time_ns;
    uint64_t seq;
    uint32_t field_count;
    const struct batch_field *fields;
};

struct world_stream {
    bole_slice tenant, labels;
    struct line_program *program;
};

struct world {
    uint64_t seed;
    struct random random;
    struct arena arena;
    struct fs *fs;
    struct clock_manual clock;
    struct store *engine, *model;
    bole_slice tenants[WORLD_TENANTS], samples;
    bole_slice keys[WORLD_KEYS]; /* of fields */
    struct world_stream *streams;
    size_t stream_count;
    unsigned field_percent;    /* of rows have fields */
    unsigned key_variety;      /* how many of keys are in use */
    bool keys_repeat;          /* in one record */
    int64_t tick_ns, now_ns;   /* stamps are multiples of the tick, mostly */
    unsigned disorder_percent; /* of stamps are anywhere */
    struct world_row *rows;    /* by seq */
    size_t row_count, row_capacity;
    uint64_t lsn;
};

/* What was there at one moment, in both stores. */
struct world_view {
    struct view *engine, *model;
    size_t row_count;
};

static inline uint64_t world_below(struct world *w, uint64_t n)
{
    return random_below(&w->random, n);
}
static inline bool world_chance(struct world *w, unsigned percent)
{
    return world_below(w, 100) < percent;
}

void world_init(struct world *w, uint64_t seed, bole_slice samples);
void world_deinit(struct world *w);
/* Inserts groups until about `rows` are there; cuts and reopens on the way as chance will. */
void world_fill(struct world *w, size_t rows);
/* Something that changes files but no answer: a cut, merges, and, where no view is open, a reopening. */
void world_stir(struct world *w, bool may_reopen);

struct world_view world_view(struct world *w);
void world_view_release(struct world *w, struct world_view *v);

int64_t world_random_time(struct world *w);                   /* also the edges of int64 */
const struct world_row *world_random_row(struct world *w);    /* NULL: there is none */
size_t world_row_of_seq(const struct world *w, uint64_t seq); /* SIZE_MAX: nobody inserted it */

#endif
