#include <stdio.h>
#include <unistd.h>

#include "base/err.h"
#include "cmd/cmd.h"
#include "os/fs.h"
#include "queue/wal.h"

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    const char **dir = state->input;
    switch (key) {
    case ARGP_KEY_ARG:
        if (*dir)
            argp_error(state, "one directory, please");
        *dir = arg;
        return 0;
    case ARGP_KEY_END:
        if (!*dir)
            argp_error(state, "the data directory is needed");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    NULL, parse_option, "DIR",
    "Verifies every byte of a data directory: the write-ahead log, the segments, the catalogue. Changes nothing.\v"
    "The server must not be running. Every problem is a line on standard output; the status is 0 when there is none.\n\n"
    "Example:\n"
    "  bole check /var/lib/bole\n",
    NULL, NULL, NULL};
