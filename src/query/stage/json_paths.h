/*
 * json_paths.h - which keys lead to what `| json` makes labels of.
 *
 * Threads: one.
 */
#ifndef QUERY_JSON_PATHS_H
#define QUERY_JSON_PATHS_H

#include "base/arena.h"

enum { JSON_PATH_KEYS_MAX = 32 }; /* deeper values are left out */

/* Calls fn for each value of the line that becomes a label, with the name that it gets where no other label has it, and the
 * keys from the outermost on. Names and keys are in the line or in scratch. A line that is no JSON object has none; of a torn
 * one those in front of the tear come. */
void json_paths_each(bole_slice line, struct arena *scratch,
                     void (*fn)(bole_slice name, const bole_slice *keys, size_t key_count, void *ctx), void *ctx);

#endif
