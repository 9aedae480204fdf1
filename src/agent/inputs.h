/*
 * inputs.h - files that have something of their own: labels, and whether they are a container's. What `inputs` of the
 * configuration says, compiled.
 *
 *   - files: [/srv/shop-*.log]      globs (glob.h)
 *     exclude: ['*-debug.log']      not these
 *     labels: {job: shop, host: }   stand above those that the agent gives; an empty one takes that away
 *     auto_labels: false            the agent gives none by itself but filename and, of a container, stream
 *     container: true               lines are in CRI's or Docker's wrapping, or never are; else the path says it
 *
 * The first entry that a path matches is the one of that file.
 *
 * Owner:   entries live as long as their set; the configuration is not needed any more.
 * Threads: making, one; reading, any.
 * Errors:  with the place in the file in front.
 */
#ifndef AGENT_INPUTS_H
#define AGENT_INPUTS_H

#include "config/config.h"
#include "record/labels.h"

enum input_wrapping { INPUT_BY_PATH, INPUT_CONTAINER, INPUT_PLAIN };

struct input {
    const struct label *labels; /* without a value: none of that name */
    size_t label_count;
    bool   no_auto_labels;
    enum input_wrapping wrapping;
};

struct inputs;

/* `node` is a list of maps of `file`; NULL: none. */
bole_status inputs_create(const struct config *file, const struct config_node *node, struct inputs **ret_inputs,
                          struct bole_err *err);
void inputs_destroy(struct inputs *s); /* NULL is fine, here and below */

/* NULL: none. ret_is_plain (NULL: not asked): it is the name of this one file. */
const struct input *inputs_find(const struct inputs *s, bole_slice path, bool *ret_is_plain);

/* All globs; NULL behind the last. */
const char *inputs_glob(const struct inputs *s, size_t index);

#endif
