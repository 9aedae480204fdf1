/*
 * kube.h - what the Kubernetes API says of the pods of this node: chosen labels and annotations for the records of their
 * containers.
 *
 * A thread lists the pods of the node and then watches them; after five minutes, or when anything fails (after 1 to 30 s), it
 * lists them again. Needs the right to list and watch pods.
 *
 * Source:  kubernetes.io/docs/reference/using-api/api-concepts (list, watch, resourceVersion),
 *          .../tasks/run-application/access-api-from-pod.
 * Owner:   texts of the options live longer.
 * Threads: create, destroy: one; the rest any.
 */
#ifndef AGENT_KUBE_H
#define AGENT_KUBE_H

#include "agent/container.h"
#include "agent/file_labels.h"

#define KUBE_NAMES_MAX 32u /* of labels, and of annotations */

struct kube;

struct kube_options {
    const char *url;        /* "https://10.0.0.1:443" */
    const char *token_file; /* read for each request: it changes; NULL: none */
    const char *ca_cert;    /* NULL: those of the system */
    const char *node;
    const char *const *labels;      /* of pods, which become labels; as label_name_clean() has them */
    size_t      label_count;        /* up to KUBE_NAMES_MAX */
    const char *const *annotations; /* which become fields */
    size_t      annotation_count;
};

bole_status kube_create(const struct kube_options *options, struct kube **ret_kube, struct bole_err *err);
void kube_destroy(struct kube *k); /* NULL is fine */

/* The pod's labels, with service_name where it says app.kubernetes.io/name or app, and fields; in the arena, but names that are clean in the
 * options. False: it is not known. */
bool kube_find(struct kube *k, const struct container_name *name, struct arena *arena, struct file_labels_options *ret_options);
/* The API has answered, and may still tell of a pod that is not known. */
bool kube_may_know_more(struct kube *k);

#endif
