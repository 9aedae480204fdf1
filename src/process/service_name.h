/*
 * service_name.h - Loki's service_name discovery: a stream without that label gets it from the first label that names a
 * service, or `unknown_service`. The list is the key receive.discover_service_name; an empty list switches it off.
 */
#ifndef PROCESS_SERVICE_NAME_H
#define PROCESS_SERVICE_NAME_H

#include "record/labels.h"

#define SERVICE_NAME_LABEL   S("service_name")
#define SERVICE_NAME_UNKNOWN S("unknown_service")

/* Loki's default list. */
extern const bole_slice service_name_candidates[];
extern const size_t     service_name_candidate_count;

/* The label to add to these, or name.ptr NULL when none is to be added. Empty values count as absent. */
struct label service_name_discover(const struct label *labels, size_t label_count, const bole_slice *candidates,
                                   size_t candidate_count);

#endif
