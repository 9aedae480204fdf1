/* backends.h - the stores that store_open knows. A new one is a line here and a line in store.c. */
#ifndef STORE_BACKENDS_H
#define STORE_BACKENDS_H

#include "store/store.h"

extern const struct store_ops store_segments_ops, store_mem_ops;

#endif
