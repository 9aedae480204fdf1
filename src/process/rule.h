/* rule.h - what the steps share. Not for other modules. */
#ifndef PROCESS_RULE_H
#define PROCESS_RULE_H

#include <pthread.h>
#include <stdatomic.h>

#include "config/config.h"
#include "process/detect.h"
#include "process/pipeline.h"
#include "shim/regex.h"

/* ---- conditions: match.c ---- */

enum matcher_op { MATCHER_EQ, MATCHER_NE, MATCHER_RE, MATCHER_NRE };

struct matcher {
    enum matcher_op op;
    bole_slice      name, value;
    struct regex   *regex; /* RE, NRE: anchored */
};

struct matcher_list {
    struct matcher *items; /* all must hold */
    size_t          count;
};

struct match {
    bole_slice         *tenants, *levels; /* any of them; none: all */
    size_t              tenant_count, level_count;
    struct matcher_list stream;  /* on labels */
    struct matcher_list fields;  /* on fields, and labels where there is no such field */
    struct regex       *line;    /* somewhere in it */
    uint64_t            longer;  /* than so many bytes; 0: not asked */
    uint64_t            older;   /* than so many ns; 0: not asked */
    uint32_t            literal; /* of `line`: rule_literal */
};

/* ---- rules ---- */

struct rule_ops;

struct process_rule {
    const struct rule_ops *ops;
    bole_slice  name;
    unsigned    number, line;
    unsigned    end;  /* of a rule with rules below it: the index behind the last of them; else 0 */
    struct match match;
    bool        of_streams, of_records; /* the condition says something of stream or tenant; of the record */
    void       *step; /* what the step made of its configuration; in the pipeline's arena */
    atomic_uint_fast64_t outcomes[PROCESS_OUTCOME_COUNT];
};

struct pipeline {
    atomic_uint          refs;
    struct arena         arena;
    struct config       *config; /* while it is read */
    char                 version[17];
    bole_slice           key;    /* of hashes; empty: none */
    struct regex       **regexes; /* to be destroyed */
    size_t               regex_count, regex_room;
    size_t               rule_count;
    struct process_rule *rules[PROCESS_RULES_MAX];
    struct gate          gate; /* of everything that rules look for in lines */
};

struct rule_ops {
    const char *name;
    bole_status (*compile)(struct pipeline *p, const struct config_node *node, struct process_rule *rule, struct bole_err *err);
    enum process_outcome (*run)(const struct process_rule *rule, struct process_run *run, struct process_record *r);
    void (*destroy)(struct process_rule *rule); /* NULL: there is nothing but arena and regexes */
};

extern const struct rule_ops require_ops, types_ops, allowed_ops; /* validate.c */
extern const struct rule_ops set_ops, rename_ops, remove_ops;     /* enrich.c */
extern const struct rule_ops json_ops, logfmt_ops;                /* parse.c */
extern const struct rule_ops line_ops, replace_ops, time_ops;     /* rewrite.c */
extern const struct rule_ops derive_ops, redact_ops, sample_ops, rate_ops, dedupe_ops, route_ops, drop_ops;

/* ---- for compile ---- */

bole_status rule_no_memory(struct bole_err *err);
bole_status rule_check_keys(struct pipeline *p, const struct config_node *map, const char *const *names, size_t count,
                            struct bole_err *err); /* also that it is a map */
bole_status rule_text(struct pipeline *p, const struct config_node *node, const char *what, bole_slice *ret_text,
                      struct bole_err *err);
/* A text, or a list of them; at least one. */
bole_status rule_texts(struct pipeline *p, const struct config_node *node, const char *what, bole_slice **ret_texts,
                       size_t *ret_count, struct bole_err *err);
bole_status rule_number(struct pipeline *p, const struct config_node *node, const char *what, double min, double max,
                        double *ret_number, struct bole_err *err);
/* Belongs to the pipeline. */
bole_status rule_regex(struct pipeline *p, const struct config_node *node, bole_slice pattern, unsigned flags,
                       struct regex **ret_regex, struct bole_err *err);
/* "a ${name} b": texts, and fields or labels of the record; ${rules.version} is a text. */
struct rule_template {
    struct template_piece *pieces;
    size_t     count;
    bool       is_text; /* there is no name in it */
    bole_slice text;    /* that it is, then */
};
bole_status rule_template(struct pipeline *p, const struct config_node *node, bole_slice text, struct rule_template *ret_template,
                          struct bole_err *err);
/* ptr NULL: no memory. */
bole_slice rule_template_fill(struct process_run *run, const struct process_record *r, const struct rule_template *t);
/* What line_found says of lines that the expression may match; 0: nothing can be said. */
uint32_t rule_literal(struct pipeline *p, const struct regex *regex);
/* One of several members of a map, by name. */
size_t rule_member_count(const struct config_node *list);

bole_status match_compile(struct pipeline *p, const struct config_node *node, struct match *m, struct bole_err *err);
/* What it says of stream and tenant, looked at once per stream; and of the record itself. */
bool match_stream(const struct match *m, const struct process_record *r);
bool match_record(const struct match *m, struct process_run *run, const struct process_record *r);

/* ---- for run ---- */

/* What the line holds of everything that rules look for: lines are looked through once for all of them. */
const struct gate_found *line_found(struct process_run *run, const struct process_record *r);
static inline bool line_may_match(struct process_run *run, const struct process_record *r, uint32_t literal)
{
    return !literal || (line_found(run, r)->literals & literal);
}

struct batch_field *record_field(const struct process_record *r, bole_slice name);
/* A field, else a label; ptr NULL: there is neither. */
bole_slice record_value(const struct process_record *r, bole_slice name);
/* Adds or replaces; an empty value removes. False: no memory. */
bool record_set(struct process_run *run, struct process_record *r, bole_slice name, bole_slice value);
void record_remove(struct process_record *r, bole_slice name);
/* Other labels: run->labels_known must not think that they are the ones it knows. */
void record_set_labels(struct process_run *run, struct process_record *r, bole_slice labels);
static inline uint64_t rule_bit(const struct process_rule *rule) { return 1ull << (rule->number - 1); }
uint64_t run_random(struct process_run *run);
uint64_t stream_hash(const struct process_record *r); /* of tenant and labels */

#endif
