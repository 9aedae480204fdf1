/*
 * multiline.h - which lines of which files are one record: what the configuration says, compiled.
 *
 * The first rule whose globs a path matches is the one of that file; without one a line is a record.
 *
 * Units:   bytes; ns.
 * Owner:   rules live as long as their set; the configuration is not needed any more.
 * Threads: making, one; reading, any.
 * Errors:  of a file with its place in front.
 */
#ifndef AGENT_MULTILINE_H
#define AGENT_MULTILINE_H

#include "agent/trace.h"
#include "base/clock.h"
#include "config/config.h"
#include "shim/regex.h"

#define MULTILINE_LINES_DEFAULT 1000u
#define MULTILINE_BYTES_DEFAULT (256u * 1024)
#define MULTILINE_BYTES_LEAST   1024u
#define MULTILINE_BYTES_MOST    (512u * 1024)
#define MULTILINE_FLUSH_NS      (1000 * (uint64_t)NS_PER_MS)

struct multiline_rule {
    unsigned      languages; /* stack traces are recognised: enum trace_language */
    struct regex *start;     /* a line that matches begins a record, others go on; NULL: none */
    struct regex *go_on;     /* a line that matches goes on with the record, others begin one; NULL: none */
    unsigned      max_lines;
    uint64_t      max_bytes; /* as they stand in the file */
    uint64_t      flush_ns;  /* a record to which nothing was added for so long is finished */
};

struct multiline;

/* `node` is a map (one rule) or a list of maps of `file`; NULL: none. `detect`: languages of a last rule for all files,
 * "java,go"; NULL: none. */
bole_status multiline_create(const struct config *file, const struct config_node *node, const char *detect,
                             struct multiline **ret_multiline, struct bole_err *err);
void multiline_destroy(struct multiline *m); /* NULL is fine */

/* Records are finished as soon as nothing more is there: for a look at files that need not be exact. NULL is fine. */
void multiline_do_not_wait(struct multiline *m);

/* NULL: each line is a record. */
const struct multiline_rule *multiline_find(const struct multiline *m, bole_slice path); /* NULL is fine */

/* ---- the lines of one record ---- */

struct multiline_state { struct trace trace; };
void multiline_begin(const struct multiline_rule *rule, struct multiline_state *s, bole_slice line);
enum trace_verdict multiline_next(const struct multiline_rule *rule, struct multiline_state *s, bole_slice line);

#endif
