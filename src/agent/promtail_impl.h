/* promtail_impl.h - what the parts of promtail.h share. */
#ifndef AGENT_PROMTAIL_IMPL_H
#define AGENT_PROMTAIL_IMPL_H

#include "agent/promtail.h"
#include "config/config.h"
#include "record/labels.h"

enum { PROMTAIL_NAMES_MAX = 256 };

struct promtail_names {
    bole_slice items[PROMTAIL_NAMES_MAX];
    size_t     count;
};
bool promtail_names_add(struct promtail_names *n, bole_slice name); /* once; false: there is no room */
bool promtail_names_has(const struct promtail_names *n, bole_slice name);

struct promtail_making {
    const struct config *file;
    struct promtail     *out;
    struct arena        *arena;
    struct bole_err     *err;
};

/* What becomes of a key that is only looked at: TAKEN by code, a NOTE, or an error that says what to do. */
enum promtail_fate { PROMTAIL_TAKEN, PROMTAIL_NOTE, PROMTAIL_REFUSED };
struct promtail_key {
    const char *name;
    enum promtail_fate fate;
    const char *text; /* of a note or an error */
};
bole_status promtail_keys(struct promtail_making *m, const struct config_node *map, const char *what, const struct promtail_key *keys,
                          size_t count);
void promtail_note(struct promtail_making *m, const struct config_node *at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
bole_status promtail_refuse(struct promtail_making *m, const struct config_node *at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* A member that is a text; ptr NULL: it is not there. */
bole_status promtail_text(struct promtail_making *m, const struct config_node *map, const char *key, bole_slice *ret_text);
/* Refused where it is no expression. */
bole_status promtail_regex(struct promtail_making *m, const struct config_node *at, bole_slice pattern);

/* As a scalar of YAML, in quotes. */
void promtail_put(struct buf *out, bole_slice text);

/* ---- relabel_configs, of what is known beforehand ---- */

enum { PROMTAIL_LABELS_MAX = 128 };
struct promtail_labels {
    struct label items[PROMTAIL_LABELS_MAX];
    size_t       count;
    bool         dropped;
};
bole_slice promtail_label(const struct promtail_labels *l, bole_slice name); /* empty: none */
bole_status promtail_label_set(struct promtail_making *m, const struct config_node *at, struct promtail_labels *l, bole_slice name,
                               bole_slice value);
bole_status promtail_relabel(struct promtail_making *m, const struct config_node *list, struct promtail_labels *l);
/* Those of the journal, whose values come with each entry: rules. */
bole_status promtail_relabel_journal(struct promtail_making *m, const struct config_node *list, struct buf *rules, unsigned indent);

/* ---- pipeline_stages ---- */

struct promtail_stages {
    struct buf           *rules;
    unsigned              indent;
    struct promtail_names extracted;  /* fields that were only made on the way */
    struct promtail_names kept;       /* structured metadata: these stay */
    struct promtail_names labels;     /* that stages change */
    bool                  is_wrapped; /* docker or cri */
    struct buf            multiline;  /* members of a rule, "start: ..., flush: ...". Empty: none */
};
bole_status promtail_stages(struct promtail_making *m, const struct config_node *list, unsigned depth, struct promtail_stages *s);

/* "\n" and so many blanks, then the text. */
void promtail_line(struct buf *out, unsigned indent, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
