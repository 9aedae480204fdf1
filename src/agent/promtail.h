/*
 * promtail.h - promtail's configuration, said again as `bole agent --config` would have it.
 *
 * The result is YAML to be kept: what promtail did with a file, its labels, stages and journal, `inputs`, `multiline` and `rules` do.
 * What has no equal here is refused with its place and what to do instead. What makes no difference to the records that are stored,
 * such as intervals, becomes a note. Nothing is passed over in silence.
 *
 * Format:  grafana/loki docs/sources/send-data/promtail/configuration.md and stages/, version 3.4 (the last one with promtail).
 * Owner:   the caller, of everything in the result: promtail_deinit.
 * Threads: any.
 * Errors:  BOLE_E_INVALID with "NAME:LINE:COLUMN: " in front.
 */
#ifndef AGENT_PROMTAIL_H
#define AGENT_PROMTAIL_H

#include "agent/checkpoint.h"
#include "base/buf.h"

struct promtail {
    struct buf yaml;        /* what `bole agent --config` reads */
    struct buf notes;       /* "LINE: text" lines: what was left out because it makes no difference */
    struct buf positions;   /* path of its file of positions, a NUL behind it; empty: none is named */
    struct buf journal_job; /* name of the job that reads the journal; empty: none does */
};

struct promtail_options {
    bool        expand_env;                       /* ${NAME} and ${NAME:-default} are of the environment, $$ is $ */
    const char *(*env)(const char *name);         /* NULL: getenv */
};

/* `name` is for messages. */
bole_status promtail_convert(bole_slice text, const char *name, const struct promtail_options *options, struct promtail *ret_promtail,
                             struct bole_err *err);
bole_status promtail_load(const char *path, const struct promtail_options *options, struct promtail *ret_promtail, struct bole_err *err);
void promtail_deinit(struct promtail *p); /* all zero is fine */

/*
 * What promtail has read, as a checkpoint of ours (initialised by the caller): files that are there and as long as promtail has
 * read them, up to there; the cursor of the journal. A file that is shorter by now begins again, as with promtail.
 * BOLE_E_NOTFOUND: there is no such file.
 */
bole_status promtail_positions(const char *path, bole_slice journal_job, struct checkpoint *ret_checkpoint, struct bole_err *err);

#endif
