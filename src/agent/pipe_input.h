/*
 * pipe_input.h - lines that cannot be read again: of standard input, or of what a command prints.
 *
 * Nothing is read ahead of what the batch has room for, so a writer that is faster than the sink waits. What was read and is not
 * durable yet is lost with the process (kill -9); agent_stop first sends it.
 *
 * A command is run by /bin/sh -c in a process group of its own, its standard error is read as its output; when it ends it is
 * started again, after a wait that grows from 1 s to 60 s, or at its interval.
 *
 * Units:   ns of mono_ns; bytes.
 * Threads: one at a time.
 */
#ifndef AGENT_PIPE_INPUT_H
#define AGENT_PIPE_INPUT_H

#include "agent/gather.h"
#include "agent/tail.h"
#include "base/clock.h"

#define PIPE_INPUTS_MAX 32u

struct pipe_input_options {
    const struct clock *clock;
    const char *name;      /* label service_name, and in the status; "stdin" for standard input */
    const char *command;   /* NULL: standard input */
    uint64_t interval_ns;  /* of a command, from start to start; 0: it is meant to run for ever */
    const struct multiline_rule *multiline; /* NULL: each line is a record */
    bole_slice host;       /* label */
    uint64_t partial_wait_ns; /* an unfinished last line is taken when nothing came for so long */
};

struct pipe_input;

/* Texts are copied. A command is not started yet: pipe_input_tick does. */
bole_status pipe_input_create(const struct pipe_input_options *options, struct pipe_input **ret_input, struct bole_err *err);
void pipe_input_destroy(struct pipe_input *p); /* ends the command; NULL is fine */

int pipe_input_fd(const struct pipe_input *p);         /* to wait for; -1: none now */
uint64_t pipe_input_tick(struct pipe_input *p);        /* looks at the clock; when to call it again */
void pipe_input_wake(struct pipe_input *p);            /* the descriptor has something */
bool pipe_input_has_work(const struct pipe_input *p);
void pipe_input_gather(struct pipe_input *p, struct gather *g);
void pipe_input_close(struct pipe_input *p);           /* nothing more is read; what was is work to do */
bool pipe_input_is_over(const struct pipe_input *p);   /* nothing more will come, all was gathered */

/* As an input of the agent: "reading", "following", "waiting" (for its next start), "ended". */
void pipe_input_state(const struct pipe_input *p, const char **ret_state, const char **ret_reason);
const struct tail *pipe_input_tail(const struct pipe_input *p); /* its name and counts */

#endif
