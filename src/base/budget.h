/*
 * budget.h - a ceiling on bytes, shared by everything that draws on it.
 *
 * A budget may stand on a parent (a query's on the process's): both must have room. Threads: any.
 */
#ifndef BASE_BUDGET_H
#define BASE_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>

#include "bole/types.h"

struct budget {
    struct budget *parent;        /* or NULL; set at init, then read-only */
    size_t         limit_bytes;   /* SIZE_MAX: none; set at init, then read-only */
    atomic_size_t  used_bytes;
    atomic_bool    crowded_out;   /* a take failed although this limit had room: an ancestor had none */
};

void budget_init(struct budget *b, struct budget *parent, size_t limit_bytes);

/* False, with nothing taken, when this budget or an ancestor has no room. A NULL budget is endless. */
bool budget_take(struct budget *b, size_t bytes);
void budget_give(struct budget *b, size_t bytes);

/* What one task may draw in all: seven eighths of the limit, since something else is always there. More will never be
 * had, however long one waits. SIZE_MAX: endless. */
size_t budget_task_max(const struct budget *b);

#endif
