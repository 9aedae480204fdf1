/*
 * mem.h - a queue in memory, for tests: the slow, obvious model of the contract in queue.h. Nothing survives destroy.
 *
 * uri mem:
 */
#ifndef QUEUE_MEM_H
#define QUEUE_MEM_H

#include "queue/queue.h"

extern const struct queue_ops queue_mem_ops;

#endif
