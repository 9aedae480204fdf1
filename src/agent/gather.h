/*
 * gather.h - the one batch that an agent holds: records read from its inputs, until they are durable.
 *
 * Lines of files are read straight into the room of the batch, those of the journal are copied. The memory is given
 * back when the agent is idle.
 *
 * Owner: lines, fields and labels are borrowed until gather_reset. Threads: one at a time.
 */
#ifndef AGENT_GATHER_H
#define AGENT_GATHER_H

#include "agent/sink.h"
#include "base/arena.h"

#define GATHER_BYTES   (512u * 1024)  /* of lines; larger only for one line that is */
#define GATHER_RECORDS 4096u
#define GATHER_FIELDS  (512u * 1024)  /* bytes of fields after which no further record is taken */

struct gather {
    uint8_t            *bytes;    /* NULL while idle */
    size_t              cap, used;
    struct tail_record *records;  /* GATHER_RECORDS; NULL while idle */
    size_t              record_count;
    size_t              size_bytes;
    struct arena        fields;
    bool                full;     /* something did not fit: send before more is read */
};

void gather_init(struct gather *g);
void gather_deinit(struct gather *g);
void gather_reset(struct gather *g);   /* empty, memory kept */
void gather_release(struct gather *g); /* empty, memory given back */

/* Memory for at least `want` bytes of lines; only an empty batch grows. */
bole_status gather_prepare(struct gather *g, size_t want, struct bole_err *err);

static inline size_t gather_room(const struct gather *g) { return g->cap - g->used; }

/* Adds a record. False, with `full` set: no more now. The line is borrowed; use gather_copy for one that goes away. */
bool gather_add(struct gather *g, const struct tail_record *record);
/* ptr NULL, with `full` set, when there is no room. */
bole_slice gather_copy(struct gather *g, bole_slice line);

struct tail_batch gather_batch(const struct gather *g);

#endif
