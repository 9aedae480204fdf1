/*
 * json_path.h - single values of a JSON text: for rules that make fields of them.
 *
 * Grammar: RFC 8259, nested up to JSON_PATH_DEPTH_MAX deep. Of a name that comes twice the last counts, as in most readers.
 * Paths:   user.name, "a.b".c, tags[0]
 * Threads: any. Nothing is allocated but in the arena.
 */
#ifndef PROCESS_JSON_PATH_H
#define PROCESS_JSON_PATH_H

#include "base/arena.h"

enum { JSON_PATH_STEPS_MAX = 16, JSON_PATH_DEPTH_MAX = 64 };

struct json_path {
    size_t count;
    struct {
        bole_slice name; /* ptr NULL: index */
        size_t     index;
    } steps[JSON_PATH_STEPS_MAX];
};

/* False: it is none. Names point into the text. */
bool json_path_parse(bole_slice text, struct json_path *ret_path);

/* The whole text is one value, blanks around it. */
bool json_is_valid(bole_slice text);

/* Of a valid text: a string without quotes and escapes, in the arena where it had some; numbers, true, false, objects and lists
 * as they stand. ptr NULL: nothing is there, or null, or there is no memory. */
bole_slice json_path_find(bole_slice text, const struct json_path *path, struct arena *arena);

#endif
