/*
 * pipeline.h - running the stages of a log query on one row.
 *
 * Each kind of stage has a function `bool stage(...)`: false drops the row. Which stage does what is in pipeline.c's
 * table; a new stage is a new file and one line there.
 *
 * Threads: the tree is read-only; a row belongs to one thread.
 */
#ifndef QUERY_PIPELINE_H
#define QUERY_PIPELINE_H

#include "query/ast.h"
#include "query/row.h"

struct explain_stage;

struct pipeline {
    const struct ast_stage **stages; /* those left to run: what the store consumed wholly is not among them */
    size_t                   count;
    struct explain_stage   **costs;  /* [count] explain.h; NULL: not wanted */
    const struct clock      *clock;  /* of costs */
};

/* Without the first stage. */
static inline struct pipeline pipeline_rest(const struct pipeline *p)
{
    return (struct pipeline){p->stages + 1, p->count - 1, p->costs ? p->costs + 1 : NULL, p->clock};
}

/* False: the row is out. Sets row->out_of_memory when there was no room. */
bool pipeline_run(const struct pipeline *p, struct row *r);

/* The stages in the order in which they run: as Loki does, line filters go in front of stages that are not known to change the line
 * (and decolorize, of which Loki does not know that it does). NULL: no memory. */
const struct ast_stage **pipeline_order(const struct ast_stage *stages, struct arena *arena, size_t *ret_count);

/* What the stages look at, so that the store is asked for nothing else. */
bool stage_reads_line(const struct ast_stage *s);
bool stage_changes_line(const struct ast_stage *s);
bool stage_uses_labels(const struct ast_stage *s);
/* A line_format that no later stage reads: a metric query that does not count bytes passes over it, as Loki, wrong templates and all. */
bool stage_is_idle_format(const struct ast_stage *s);
/* Calls fn with the labels that a stage must find: those a metric query's parsers have to extract. */
void stage_required_labels(const struct ast_stage *s, void (*fn)(bole_slice name, void *ctx), void *ctx);

/* The stages themselves. */
bool filter_line(const struct ast_stage *s, bole_slice line);
bool filter_field(const struct ast_stage *s, struct row *r);
bool filter_label(const struct label_filter *f, struct row *r);
void parse_logfmt(struct row *r, const struct ast_stage *s);
void parse_regexp(struct row *r, const struct ast_stage *s);
/* What parse_regexp sets labels from. group_count: that of the expression and one more. */
enum { REGEXP_GROUPS_FEW = 8 }; /* room for all that there may be costs as much as a search */
bool regexp_find(const struct ast_stage *s, bole_slice line, bole_slice *ret_groups, size_t group_count);
void parse_pattern(struct row *r, const struct ast_stage *s);
void format_line(struct row *r, const struct ast_stage *s);
void format_labels(struct row *r, const struct ast_stage *s);
void drop_labels(struct row *r, const struct ast_stage *s);
void keep_labels(struct row *r, const struct ast_stage *s);
void decolorize(struct row *r);

/* unwrap: false when the row has no such label, or an empty one. An unreadable value sets the row's error and gives
 * 0. */
bool unwrap_value(const struct ast_unwrap *u, struct row *r, double *ret_value);

/* A value against a matcher. */
bool match_text(enum match_op op, bole_slice wanted, const struct regex *regex, bole_slice value);

#endif
