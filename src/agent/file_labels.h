/*
 * file_labels.h - what every record of a file carries: filename, host, job and service_name; of a container's also
 * namespace, pod, container and stream as labels, pod_uid and container_id as fields.
 *
 * Owner:   one block from malloc: free().
 * Threads: any.
 */
#ifndef AGENT_FILE_LABELS_H
#define AGENT_FILE_LABELS_H

#include "agent/container.h"
#include "agent/inputs.h"
#include "record/batch.h"
#include "record/labels.h"

/* The service that a file's name speaks of: no directory, no ending (.log, .txt, .out, .err, .json), no number or date
 * behind it: "/var/log/app/worker-3.2026-11-21.log" is "worker". Names that every service uses (access, error, out...)
 * say nothing, so the directory's name stands for them: "/var/log/nginx/error.log" is "nginx". Borrowed from the
 * path. */
bole_slice file_service_name(bole_slice path);

struct file_labels {
    bole_slice streams[CONTAINER_STREAMS]; /* canonical label sets; of a file that is no container's both are the same */
    bool       is_container;
    size_t     field_count;
    struct batch_field fields[];
};

struct file_labels_options {
    bole_slice host, job;      /* empty: left out; job: of files that are no container's */
    const struct input *input; /* stands above all; NULL: nothing is said of the file */
    const struct label *extra; /* stand above the others; may be sorted */
    size_t     extra_count;
    const struct batch_field *fields; /* of the pod */
    size_t     field_count;
};

/* Values too long for a label are cut. */
bole_status file_labels_create(bole_slice path, const struct file_labels_options *options, struct file_labels **ret_labels,
                               struct bole_err *err);

#endif
