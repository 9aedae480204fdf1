/*
 * pipeline.h - what happens to a record once, before it is encoded: the rules of a file, in its order, each a condition
 * and one step. docs/process.md is the manual of the file.
 *
 * A pipeline is what a file said, compiled. A `struct process` holds the one in force and exchanges it while records pass:
 * a request keeps the one that it began with. What rate and dedupe remember belongs to the pipeline, and begins anew with
 * the next.
 *
 * Owner:   what a run changes in a record lives in the run, until its next record; texts of a pipeline as long as it.
 * Threads: a pipeline and a process, any number; a run, one.
 * Errors:  of a file with "FILE:LINE:COLUMN: " in front.
 */
#ifndef PROCESS_PIPELINE_H
#define PROCESS_PIPELINE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "process/detect.h"
#include "record/batch.h"
#include "record/record.h"

#define PROCESS_RULES_MAX 64u

struct pipeline;
struct process;

/* ---- a pipeline ---- */

bole_status pipeline_load(const char *path, struct pipeline **ret_pipeline, struct bole_err *err);
/* `name` is for messages. */
bole_status pipeline_parse(bole_slice text, const char *name, struct pipeline **ret_pipeline, struct bole_err *err);
/* Of a file of which only `rules` and `key_file` are the pipeline's, as the agent's. */
bole_status pipeline_parse_part(bole_slice text, const char *name, struct pipeline **ret_pipeline, struct bole_err *err);
/* The text of a configuration file. */
bole_status pipeline_read_file(const char *path, struct buf *out, struct bole_err *err);
struct pipeline *pipeline_ref(struct pipeline *p);
void pipeline_unref(struct pipeline *p); /* NULL is fine */

/* 16 hexadecimal digits: the same for the same bytes of the file and of its key. */
bole_slice pipeline_version(const struct pipeline *p);
size_t pipeline_rule_count(const struct pipeline *p);

/* KEPT and CHANGED go on; DROPPED is what the operator does not want: the sender is told that all is well. REFUSED is
 * what the sender should know. */
enum process_outcome { PROCESS_KEPT, PROCESS_CHANGED, PROCESS_DROPPED, PROCESS_REFUSED_SCHEMA, PROCESS_REFUSED_RATE,
                       PROCESS_NO_MEMORY, PROCESS_OUTCOME_COUNT };
const char *process_outcome_name(enum process_outcome outcome);

/* ---- a record passes ---- */

struct process_record {
    int64_t    time_ns;
    bole_slice tenant, labels; /* canonical, record/labels.h */
    bole_slice line;
    struct batch_field *fields; /* changed in place; what needs more room is moved */
    size_t     field_count;
};

struct process_run {
    struct pipeline *pipeline;
    struct arena arena;         /* of one record */
    const struct clock *clock;
    uint64_t     now_ns;        /* any clock that only goes forward */
    uint64_t     epoch;         /* of the process */
    uint64_t     random;
    bool         dry;           /* nothing is remembered or counted: for what is only shown */
    struct buf  *explain;       /* JSON objects of what each rule did, ", " between them; or NULL */
    const struct process_rule *rule;  /* the one that is at work; after a record, the one that ended it */
    bole_slice   why;           /* after REFUSED: what is wrong, without values */
    const uint8_t *labels_known; /* the labels that the next two are about */
    uint64_t     stream_holds;  /* bit of a rule: its condition on the stream does */
    uint64_t     labels_clean;  /* bit of a rule: nothing to redact was found in them */
    bole_slice   looked_at;     /* the line that `found` is about */
    struct gate_found found;
    const uint8_t *tenant_known;
    size_t       field_room;    /* when the fields were moved; 0: not */
    uint32_t     counts[PROCESS_RULES_MAX][PROCESS_OUTCOME_COUNT]; /* of this request: counted for all to see at its end */
};

void process_run_init(struct process_run *run, struct budget *budget);
void process_run_deinit(struct process_run *run);

/* A request begins: the process's pipeline is held. False: there is none. process_run_end lets it go. */
bool process_run_begin(struct process_run *run, struct process *p, const struct clock *clock);
void process_run_end(struct process_run *run); /* also when none began */

/* Through all rules. After CHANGED anything of the record may be another. */
enum process_outcome process_run_record(struct process_run *run, struct process_record *r);

/* "rule 3 (no orders without a user), line 12: field "user" is missing" of the last record, in the run's arena. */
bole_slice process_run_reason(struct process_run *run);

/* {"tenant":"t","stream":{...},"line":"...","fields":{...}} */
void process_put_record(struct buf *out, const struct process_record *r);

/* ---- the pipeline in force ---- */

bole_status process_create(const char *path, struct process **ret_process, struct bole_err *err);
/* The rules in a text that `load` gives, now and at each reload: pipeline_parse_part. */
typedef bole_status process_load_fn(void *ctx, struct buf *out, struct bole_err *err);
bole_status process_create_part(const char *name, process_load_fn *load, void *ctx, struct process **ret_process, struct bole_err *err);
void process_destroy(struct process *p); /* NULL is fine */

/* Reads the file again. On an error the pipeline that was there stays. ret_changed: it has another version. */
bole_status process_reload(struct process *p, bool *ret_changed, struct bole_err *err);

/* Records that passed are not stored after all: they must not count as seen when they are sent again. */
void process_forget(struct process *p); /* NULL is fine */

struct process_rule_figures {
    bole_slice  name;          /* as written, or empty */
    const char *step;
    unsigned    number, line;  /* from 1 */
    uint64_t    outcomes[PROCESS_OUTCOME_COUNT]; /* records by what this rule did; KEPT: it applied, nothing changed */
};

struct process_figures { /* a copy of what is in force */
    char     version[17];
    const char *path;
    uint64_t reloads_total, reload_errors_total;
    size_t   rule_count;
    struct process_rule_figures rules[PROCESS_RULES_MAX];
};

/* Names point into *ret_pipeline, which the caller lets go with pipeline_unref. */
void process_get_figures(struct process *p, struct process_figures *ret_figures, struct pipeline **ret_pipeline);

#endif
