#include "agent/gather.h"

#include <assert.h>
#include <stdlib.h>

#include "base/err.h"

void gather_init(struct gather *g)
{
    *g = (struct gather){0};
    arena_init(&g->fields, NULL);
}

void gather_deinit(struct gather *g)
{
    gather_release(g);
}

void gather_reset(struct gather *g)
{
    g->used = g->record_count = g->size_bytes = 0;
    g->full = false;
    arena_reset(&g->fields);
    if (g->cap > GATHER_BYTES) { /* grown for one long line */
        free(g->bytes);
        g->bytes = NULL;
        g->cap = 0;
    }
}

void gather_release(struct gather *g)
{
    free(g->bytes);
    free(g->records);
    arena_deinit(&g->fields);
    gather_init(g);
}

bole_status gather_prepare(struct gather *g, size_t want, struct bole_err *err)
{
    if (!g->records)
        g->records = malloc(GATHER_RECORDS * sizeof *g->records);
    size_t cap = want > GATHER_BYTES ? want : GATHER_BYTES;
    if (cap > g->cap && g->record_count == 0) {
        assert(g->used == 0);
        free(g->bytes);
        g->bytes = malloc(cap);
        g->cap = g->bytes ? cap : 0;
    }
    return g->records && g->bytes ? BOLE_OK : bole_fail(err, BOLE_E_NOMEM, "no memory for a batch of %zu bytes", cap);
}

bool gather_add(struct gather *g, const struct tail_record *record)
{
    bool full = g->record_count == GATHER_RECORDS || arena_used(&g->fields) > GATHER_FIELDS;
    if (full && g->record_count) { /* a first record is always taken: there is no smaller batch */
        g->full = true;
        return false;
    }
    g->records[g->record_count++] = *record;
    g->size_bytes += record->line.len;
    for (size_t i = 0; i < record->field_count; i++)
        g->size_bytes += record->fields[i].key.len + record->fields[i].value.len;
    return true;
}

bole_slice gather_copy(struct gather *g, bole_slice line)
{
    if (line.len > gather_room(g)) {
        g->full = true;
        return (bole_slice){0};
    }
    uint8_t *to = g->bytes + g->used;
    if (line.len)
        memcpy(to, line.ptr, line.len);
    g->used += line.len;
    return (bole_slice){to, line.len};
}

struct tail_batch gather_batch(const struct gather *g)
{
    return (struct tail_batch){.records = g->records, .record_count = g->record_count, .size_bytes = g->size_bytes};
}
