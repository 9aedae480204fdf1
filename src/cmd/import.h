/*
 * import.h - files into a server: text line by line with the time that each line says; JSON lines through their own door, and
 * CSV as such; the journal's export format through that of systemd-journal-upload.
 *
 * Threads: one.
 */
#ifndef CMD_IMPORT_H
#define CMD_IMPORT_H

#include <stdbool.h>

#include "bole/client.h"
#include "record/labels.h"

enum import_format { IMPORT_AUTO, IMPORT_TEXT, IMPORT_JSON, IMPORT_CSV, IMPORT_JOURNAL };

struct import_state;

struct import_options {
    enum import_format format;
    const struct label *labels; /* more of them; they stand above job and filename */
    size_t label_count;
    const char *job;           /* label job */
    const char *time_fields;   /* of JSON lines: candidates, separated by commas; NULL: the usual ones */
    const char *msg_fields;
    const char *stream_fields; /* of JSON lines that become labels; NULL: the usual ones */
    struct import_state *state; /* how far files have come, kept up to date; NULL: they begin at their beginning */
};

struct import_result {
    uint64_t lines;        /* that the server acknowledged: they are durable */
    uint64_t bytes;        /* of the lines in requests that it answered */
    uint64_t refused;      /* lines that it refused; the first reasons were told on standard error */
    uint64_t skipped;      /* that the state knows */
    uint64_t cut_lines;
};

/* Sends one file ("-": standard input) and adds to *result. A server that is busy (429, 503) is asked again until it
 * takes the lines or cmd_stopped. What could be read before a failure of the file is sent too. BOLE_OK: every line was
 * acknowledged or is counted as refused. */
bole_status import_file(struct bole_client *client, const char *path, const struct import_options *options,
                        struct import_result *result, struct bole_err *err);

#endif
