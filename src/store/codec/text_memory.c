/*
 * Two tables without chains: of two that share a place the newer one stays, and the other is tried again.
 */
#include "store/codec/text_memory.h"

#include <pthread.h>
#include <stdlib.h>

enum { FAMILIES = 1024, NESTS = 16 * 1024 };

struct text_memory {
    pthread_mutex_t lock;
    struct { struct text_family what; bool used; } families[FAMILIES]; /* guarded by lock, as nests */
    struct { uint64_t key; enum split how; bool used; } nests[NESTS];
};

struct text_memory *text_memory_create(void)
{
    struct text_memory *m = calloc(1, sizeof *m);
    if (m)
        pthread_mutex_init(&m->lock, NULL);
    return m;
}

void text_memory_destroy(struct text_memory *m)
{
    if (!m)
        return;
    pthread_mutex_destroy(&m->lock);
    free(m);
}

bool text_memory_family(struct text_memory *m, uint64_t family, struct text_family *ret_family)
{
    pthread_mutex_lock(&m->lock);
    *ret_family = m->families[family % FAMILIES].what;
    bool known = m->families[family % FAMILIES].used && ret_family->family == family;
    pthread_mutex_unlock(&m->lock);
    return known;
}

void text_memory_set_family(struct text_memory *m, const struct text_family *family)
{
    pthread_mutex_lock(&m->lock);
    m->families[family->family % FAMILIES].what = *family;
    m->families[family->family % FAMILIES].used = true;
    pthread_mutex_unlock(&m->lock);
}

bool text_memory_nest(struct text_memory *m, uint64_t key, enum split *ret_how)
{
    pthread_mutex_lock(&m->lock);
    bool known = m->nests[key % NESTS].used && m->nests[key % NESTS].key == key;
    *ret_how = m->nests[key % NESTS].how;
    pthread_mutex_unlock(&m->lock);
    return known;
}

void text_memory_set_nest(struct text_memory *m, uint64_t key, enum split how)
{
    pthread_mutex_lock(&m->lock);
    m->nests[key % NESTS].key = key;
    m->nests[key % NESTS].how = how;
    m->nests[key % NESTS].used = true;
    pthread_mutex_unlock(&m->lock);
}
