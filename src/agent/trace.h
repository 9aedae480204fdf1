/*
 * trace.h - which lines belong to one stack trace, line by line as they come.
 *
 * Of each language its usual printing is known: what begins a trace, what a frame looks like, how causes are told, and which
 * blank lines belong to it. A trace behind a line of a log (a line with a time at its beginning) is part of that line.
 *
 * Threads: any. Nothing is allocated.
 */
#ifndef AGENT_TRACE_H
#define AGENT_TRACE_H

#include "base/slice.h"

enum trace_language {
    TRACE_JAVA = 1,   /* and what runs on its machine: Kotlin, Scala, Clojure */
    TRACE_PYTHON = 2,
    TRACE_GO = 4,
    TRACE_RUBY = 8,
    TRACE_DOTNET = 16, /* and its console logger, whose messages stand indented in a line of their own */
    TRACE_NODE = 32,
    TRACE_ALL = 63,
};

/* The language of this name ("java", "python", "go", "ruby", "dotnet", "node", "all"); 0: none. */
unsigned trace_language(bole_slice name);

struct trace {
    unsigned   languages; /* of enum trace_language */
    uint8_t    state;
    bole_slice first;     /* borrowed: the line that began it */
};

enum trace_verdict {
    TRACE_NEW,   /* the line begins something else */
    TRACE_JOIN,  /* it belongs to it */
    TRACE_MAYBE, /* it does if the next line does; else it stands by itself */
};

void trace_begin(struct trace *t, unsigned languages, bole_slice line);
/* After TRACE_NEW the trace is over. */
enum trace_verdict trace_next(struct trace *t, bole_slice line);

#endif
