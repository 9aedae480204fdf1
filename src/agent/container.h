/*
 * container.h - logs of containers: whose a file is, by its path, and what the runtime has put around each line.
 *
 *   /var/log/pods/NAMESPACE_POD_UID/CONTAINER/N.log     the kubelet's, of every runtime
 *   /var/log/containers/POD_NAMESPACE_CONTAINER-ID.log  links to them
 *   /var/lib/docker/containers/ID/ID-json.log           Docker's own
 *
 * Only the last parts of a path count, so such a tree may lie anywhere.
 *
 * Format:  CRI's (kubernetes/design-proposals-archive, node/kubelet-cri-logging.md): "TIME stdout|stderr P|F[:TAG...] TEXT", P:
 *          the line goes on in the next of its stream; Docker's json-file: {"log":"TEXT\n","stream":"...","time":"..."}, without
 *          "\n": goes on.
 * Owner:   slices point into what was given.
 * Threads: any.
 */
#ifndef AGENT_CONTAINER_H
#define AGENT_CONTAINER_H

#include "base/arena.h"

struct container_name { /* what is not known is empty */
    bole_slice namespace, pod, uid, container, id;
};

/* False: not the log of a container. */
bool container_of_path(bole_slice path, struct container_name *ret_name);

enum container_stream { CONTAINER_STDOUT, CONTAINER_STDERR, CONTAINER_STREAMS };

struct container_line {
    int64_t    time_ns; /* 0: none */
    bole_slice text;    /* of Docker as it stands in the JSON: container_text */
    enum container_stream stream;
    bool       partial;
    bool       escaped;
};

/* False: the runtime has written something else; the line is taken as it stands, as one of stdout. */
bool container_line(bole_slice line, struct container_line *ret_line);
/* The text, in the arena when it has escapes. ptr NULL: no memory. */
bole_slice container_text(const struct container_line *line, struct arena *arena);

#endif
