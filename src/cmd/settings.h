/*
 * settings.h - what a command takes from its configuration file and from the environment as well as from flags.
 *
 * Each setting has one name, `retention.time`: in the file it is `time` in the map `retention`, in the environment
 * BOLE_RETENTION_TIME. The file is read first, then the environment, then the flags: the last one holds. Those that are
 * lists add up; in the environment a semicolon stands between their members.
 *
 * Owner:   settings own the values they hand out, until settings_deinit.
 * Threads: one.
 */
#ifndef CMD_SETTINGS_H
#define CMD_SETTINGS_H

#include <argp.h>

#include "base/arena.h"
#include "config/config.h"

/* COMMAS: a list, handed over as one text "a,b"; TREE: of the file only, read by others: settings_tree. */
enum setting_kind { SETTING_ONE, SETTING_LIST, SETTING_COMMAS, SETTING_TREE };

struct setting {
    const char *path; /* "listen", "retention.time" */
    int key;          /* of the flag that says the same */
    enum setting_kind kind;
};

struct settings {
    struct config *file; /* NULL: none */
    struct arena arena;
};

/* `what` says for messages where the value was written: "bole.yml:4:9: retention.time", "BOLE_RETENTION_TIME". */
typedef void settings_set_fn(struct argp_state *state, int key, const char *value, const char *what);

/* Loads `path` (NULL: no file; s->file: that is it already) and hands every value of it and of the environment to `set`. What is wrong in the file,
 * or not there, ends the program with a usage error. */
void settings_apply(struct settings *s, const char *path, const struct setting *table, size_t count,
                    struct argp_state *state, settings_set_fn *set);
/* What stands at a name without dots; NULL: nothing. */
const struct config_node *settings_tree(const struct settings *s, const char *name);
void settings_deinit(struct settings *s); /* all zero is fine */

/* For the parser of flags: hands the flag of that key to `set` under its name; one without an argument is "true". */
error_t settings_set_flag(const struct argp_option *options, int key, const char *arg, struct argp_state *state,
                          settings_set_fn *set);

/* For `set`: what several commands have. A value that is none ends the program with a usage error. */
bool settings_truth(struct argp_state *state, const char *what, const char *text);
void settings_log_level(struct argp_state *state, const char *what, const char *text);

#endif
