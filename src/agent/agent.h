/*
 * agent.h - follows the logs of this machine and gives every line to a sink, once.
 *
 * One thread watches and reads all inputs, in turns, into one batch; the batch goes to the sink, and when the sink has
 * called it durable the positions move on and the checkpoint is written (at most once per AGENT_CHECKPOINT_NS). While
 * the sink says later nothing more is read; renamed and new files are still opened, so that a rotation meanwhile takes
 * nothing away.
 *
 * What a crash costs: nothing is lost. With a spool (sink.h) nothing comes twice either; without, what became durable after
 * the last checkpoint was written comes again.
 *
 * Units:   nanoseconds of mono_ns unless the name says otherwise; bytes.
 * Owner:   the sink, fs and clock stay the caller's and live longer than the agent. Texts are copied.
 * Threads: agent_status any; the rest one thread.
 */
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

#include "agent/journal.h"
#include "agent/kube.h"
#include "agent/multiline.h"
#include "agent/pipe_input.h"
#include "agent/sink.h"
#include "agent/tail.h"
#include "os/fs.h"

/* between two batches that are not full: a trickle of lines shares a sync */
#define AGENT_LINGER_NS     (100 * (uint64_t)NS_PER_MS)
#define AGENT_CHECKPOINT_NS (1000 * (uint64_t)NS_PER_MS)
#define AGENT_TELL_NS       (60 * (uint64_t)NS_PER_S) /* between two log lines about the same trouble */
#define AGENT_RETRY_MAX_NS  (10000 * (uint64_t)NS_PER_MS) /* longest wait before a batch is sent again */

/* What `bole serve` reads on a machine that nobody has configured, and what it leaves alone: the journal's own files,
 * login records, what rotation has put away (its lines were read before), compressed files. NULL at the end. */
extern const char *const agent_default_includes[];
extern const char *const agent_default_excludes[];

struct agent;

struct agent_options {
    const char *const *includes; /* globs of absolute paths: agent/glob.h; none is fine */
    size_t include_count;
    const char *const *excludes; /* an include without wildcards stands above them */
    size_t exclude_count;
    bool   journal;
    const struct pipe_input_options *pipes; /* name, command, interval_ns; of standard input the command is NULL */
    size_t pipe_count;           /* up to PIPE_INPUTS_MAX */
    const struct journal_api *journal_api; /* NULL: libsystemd */
    const char *checkpoint_path; /* its directory is there; NULL: nothing is remembered over a restart */
    struct kube *kube;           /* outlives the agent; NULL: nothing is known of pods but their names */
    const struct multiline *multiline; /* outlives the agent; NULL: each line is a record */
    const struct inputs *inputs; /* outlives the agent; NULL: files have nothing of their own */
    const char *host, *job;      /* labels; host NULL: of this machine; job NULL: "varlogs" */
    struct fs *fs;
    const struct clock *clock;
    struct tail_sink *sink;

    /* 0: the default */
    uint64_t first_bytes;      /* of a file at first sight, from its end; 64 MiB; UINT64_MAX: all */
    uint64_t first_entries;    /* of the journal at first sight; 50,000 */
    uint64_t scan_interval_ns; /* 15 s */
    uint64_t partial_wait_ns;  /* until an unfinished last line is taken; 5 s */
    uint64_t rotated_wait_ns;  /* until a renamed file that is quiet is closed; 10 min */
    uint64_t deleted_wait_ns;  /* until a deleted one is; 10 s */
    uint64_t linger_ns;        /* AGENT_LINGER_NS */
    uint64_t retry_max_ns;     /* AGENT_RETRY_MAX_NS */
    size_t   open_max;         /* files open at a time; half of RLIMIT_NOFILE, at most 4096 */
    bool     no_inotify;
};

bole_status agent_create(const struct agent_options *options, struct agent **ret_agent, struct bole_err *err);
void agent_destroy(struct agent *a); /* stops first; NULL is fine */

bole_status agent_start(struct agent *a, struct bole_err *err); /* its thread is named "bole-agent" */
/* Lets a running send end, sends what was read of pipes, writes the checkpoint; a second call does nothing. */
void agent_stop(struct agent *a);
/* Standard input has ended, and all of it was sent. Any thread. */
bool agent_pipes_are_over(struct agent *a);

/* Other globs from now on, of any thread; the old inputs are not needed any more. A file that matches none of them any more is
 * read to its end through its descriptor, as one that was renamed. After a failure the old ones stay. */
struct agent_wanted {
    const char *const *includes;
    size_t include_count;
    const char *const *excludes;
    size_t exclude_count;
    const struct inputs *inputs; /* NULL: none */
};
bole_status agent_set_globs(struct agent *a, const struct agent_wanted *wanted, struct bole_err *err);

/* One round without the thread, before agent_start or instead of it: waits for at most wait_ns, then watches, reads,
 * sends. True when records were sent. */
bool agent_step(struct agent *a, uint64_t wait_ns);

enum agent_input_kind { AGENT_FILE, AGENT_JOURNAL, AGENT_PIPE };

struct agent_input {       /* borrowed for the call */
    enum agent_input_kind kind;
    bole_slice  path;      /* of a file; "journal"; the name of a pipe */
    const char *state;     /* tail_state_name; of the journal "absent", "reading", "following", "failed" */
    const char *reason;    /* why it is not read; "" */
    uint64_t    offset;    /* durable */
    uint64_t    size;
    uint64_t    lag_bytes; /* what is not durable yet */
    uint64_t    lines;     /* taken since the start */
    uint64_t    bytes;
    uint64_t    cut_lines, split_lines, skipped_bytes, truncations, errors;
};

struct agent_status {
    size_t   inputs, directories;
    uint64_t batches_sent, records_sent, bytes_sent;
    uint64_t records_refused; /* for good, by the sink */
    uint64_t retries;         /* sends that had to be repeated */
    bool     waiting;         /* for the sink: a batch is not durable yet */
    char     last_error[256]; /* of the sink, else of the checkpoint; "" when the last call of both was well */
};

struct agent_sums { /* of all inputs; `unread` are skipped or cannot be read */
    uint64_t inputs, unread, lag_bytes, lines, bytes, cut_lines, split_lines, skipped_bytes, truncations, errors;
};

/* Never waits: while the agent is at work they are those of the last call. Any thread, until agent_destroy. */
void agent_get_sums(struct agent *a, struct agent_sums *ret_sums);
void agent_get_status(struct agent *a, struct agent_status *ret_status);
void agent_each_input(struct agent *a, void (*fn)(const struct agent_input *input, void *ctx), void *ctx);

#endif
