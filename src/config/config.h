/*
 * config.h - a configuration file: YAML, read into a tree whose every node knows where it stands.
 *
 * The syntax is libyaml's (YAML 1.1). One document; keys are plain texts, each once per map. Anchors and aliases are
 * refused: what is written is what there is, so a small file cannot stand for a large tree.
 *
 * Owner:   the document owns all nodes and texts. Texts are NUL-terminated behind their length.
 * Threads: reading a document, any; making one, one.
 * Errors:  BOLE_E_INVALID with "NAME:LINE:COLUMN: " in front; BOLE_E_LIMIT over one of the limits below.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stdbool.h>

#include "base/slice.h"

#define CONFIG_SIZE_MAX (1u << 20) /* bytes of text */
enum { CONFIG_DEPTH_MAX = 32, CONFIG_MEMBERS_MAX = 10000 }; /* members of one list or map */

enum config_kind { CONFIG_NULL, CONFIG_SCALAR, CONFIG_LIST, CONFIG_MAP };

struct config_node {
    enum config_kind kind;
    unsigned line, column; /* of the value; from 1 */
    bole_slice key;        /* of a member of a map, and where that stands */
    unsigned key_line, key_column;
    bole_slice text;       /* of a scalar */
    struct config_node *first, *next; /* members of a list or map, in the order of the file */
};

struct config;

/* `name` is for messages and is copied. An empty text is a document whose root is a map without members. */
bole_status config_parse(bole_slice text, const char *name, struct config **ret_config, struct bole_err *err);
bole_status config_load(const char *path, struct config **ret_config, struct bole_err *err);
void config_destroy(struct config *c); /* NULL is fine */

const struct config_node *config_root(const struct config *c); /* a map */
const struct config_node *config_get(const struct config_node *map, bole_slice key); /* NULL: not there */

/* "NAME:LINE:COLUMN: message", of a node or of its key; returns BOLE_E_INVALID. */
bole_status config_fail(const struct config *c, const struct config_node *at, struct bole_err *err, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
bole_status config_fail_key(const struct config *c, const struct config_node *at, struct bole_err *err, const char *fmt,
                            ...) __attribute__((format(printf, 4, 5)));

/* A key that is none of `names`: "unknown key "retension"; did you mean "retention"?" */
bole_status config_check_keys(const struct config *c, const struct config_node *map, const char *const *names,
                              size_t count, struct bole_err *err);

/* The one of `names` that `text` was probably meant to be; NULL when none is near. */
const char *config_nearest(bole_slice text, const char *const *names, size_t count);

/* A scalar that is a number, a size ("64MB", "1GiB", a number of bytes) or a duration ("90s", "1h30m") within the limits. */
bole_status config_number(const struct config *c, const struct config_node *n, uint64_t least, uint64_t most, uint64_t *ret_value,
                          struct bole_err *err);
bole_status config_size(const struct config *c, const struct config_node *n, uint64_t least, uint64_t most, uint64_t *ret_bytes,
                        struct bole_err *err);
bole_status config_duration(const struct config *c, const struct config_node *n, uint64_t least_ns, uint64_t most_ns,
                            uint64_t *ret_ns, struct bole_err *err);
bool config_size_parse(const char *text, uint64_t *ret_bytes);

/* "true", "false", "yes", "no", "on", "off", "1", "0". False: it is none of them. */
bool config_truth(bole_slice text, bool *ret_value);

#endif
