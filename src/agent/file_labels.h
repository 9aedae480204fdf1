/*
 * file_labels.h - the labels of a file's records: filename, host, job and service_name.
 */
#ifndef AGENT_FILE_LABELS_H
#define AGENT_FILE_LABELS_H

#include "record/labels.h"

/* The service that a file's name speaks of: no directory, no ending (.log, .txt, .out, .err, .json), no number or date
 * behind it: "/var/log/app/worker-3.2026-11-21.log" is "worker". Names that every service uses (access, error, out...)
 * say nothing, so the directory's name stands for them: "/var/log/nginx/error.log" is "nginx". Borrowed from the
 * path. */
bole_slice file_service_name(bole_slice path);

/* Appends the canonical label set; empty host or job are left out, values too long for a label are cut. */
bole_status file_labels(bole_slice path, bole_slice host, bole_slice job, struct buf *out, struct bole_err *err);

#endif
