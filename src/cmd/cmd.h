/*
 * cmd.h - the subcommands: flags and wiring, nothing clever. One cmd_*.c each, one line in the table of main.c.
 *
 * Exit codes: 0 ok, 1 failed, 2 usage, 128 + N stopped by signal N before the work was done.
 */
#ifndef CMD_CMD_H
#define CMD_CMD_H

#include <argp.h>
#include <signal.h>
#include <stdbool.h>

#include "bole/client.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

int cmd_agent(int argc, char **argv);
int cmd_backup(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_completion(int argc, char **argv);
int cmd_delete(int argc, char **argv);
int cmd_dlq(int argc, char **argv);
int cmd_inspect(int argc, char **argv);
int cmd_import(int argc, char **argv);
int cmd_labels(int argc, char **argv);
int cmd_open(int argc, char **argv);
int cmd_process(int argc, char **argv);
int cmd_produce(int argc, char **argv);
int cmd_query(int argc, char **argv);
int cmd_restore(int argc, char **argv);
int cmd_series(int argc, char **argv);
int cmd_sources(int argc, char **argv);
int cmd_serve(int argc, char **argv);
int cmd_tail(int argc, char **argv);
int cmd_version(int argc, char **argv);

/* "17 bytes", "1.2 kB", "3.4 MB", "5.6 GB", for people. */
struct size_text { char text[24]; };
struct size_text cmd_size_text(uint64_t bytes);
static inline const char *plural_s(uint64_t n) { return n == 1 ? "" : "s"; } /* "1 line", "2 lines" */

/* "error: message" on stderr; returns EXIT_FAILED. */
int cmd_fail(const struct bole_err *err);
/* The exit code for a command's last status; a failure is told. */
int cmd_end(bole_status st, const struct bole_err *err);

/* A bole_client_bytes_fn that appends to its ctx, a struct buf. */
bole_status cmd_keep_bytes(bole_slice bytes, void *ctx, struct bole_err *err);

/* False: a syntax error, told with the place where it stands; the command ends with EXIT_USAGE. words: plain words are a
 * query, too. */
bool cmd_check_query(const char *query, bool words, bool *ret_is_log);

/* For commands that serve until they are stopped, in front of their first thread: as many descriptors as the machine allows;
 * SIGINT, SIGTERM and SIGHUP are blocked, for sigwait. */
void cmd_become_service(sigset_t *ret_signals);

/* Parses with argp; --help shows the text and its examples. */
void cmd_parse(const struct argp *argp, int argc, char **argv, void *input);

/* ---- what several commands take: put among an argp's children ---- */

struct connection_options {
    const char *addr, *token, *tenant, *username, *password, *ca_cert, *cert, *key;
    bool tls_skip_verify;
};
extern const struct argp connection_argp; /* --addr and how to be let in; its input is a struct connection_options */
#define CONNECTION_CHILD {&connection_argp, 0, "Connection:", 9}

enum { FILES_MAX = 4096 };
struct file_list {
    const char *paths[FILES_MAX];
    size_t count;
};
extern const struct argp files_argp; /* FILE..., at least one; its input is a struct file_list */

/* The options for a range, and what to do with their keys 'f' and 'e': cmd_time_ns. */
#define RANGE_OPTIONS(default_start)                                                                         \
    {"from", 'f', "TIME", 0, "Start (default " default_start "): so long ago, 2026-11-21, "                  \
     "\"2026-11-21 10:00:00\" (UTC), RFC 3339, or unix seconds", 0},                                         \
    {"to", 'e', "TIME", 0, "End, written as --from (default now)", 0}

/* Another one of an option that may be repeated; returns it. */
const char *cmd_append(struct argp_state *state, const char **list, size_t *count, size_t max, const char *what,
                       const char *arg);

/* A client for those options that stops at cmd_stopped. */
bole_status cmd_client(const struct connection_options *options, struct bole_client **ret_client, struct bole_err *err);
bole_status cmd_client_timeout(const struct connection_options *options, unsigned timeout_s, struct bole_client **ret_client,
                               struct bole_err *err); /* timeout_s as in libbole */

/* Ctrl-C and SIGTERM set this to their number once cmd_catch_signals was called; a second Ctrl-C ends the program at
 * once. */
extern volatile sig_atomic_t cmd_stopped;
void cmd_catch_signals(void);

/* Counts: "100". Sizes: "64MB", "1GiB", "1000". Times: RFC 3339, "2026-11-21" and "2026-11-21 10:00:00" (UTC), "now",
 * "1h" (so long ago), unix seconds or ns. For argp parsers: an invalid text ends the program with a usage error. */
#define UNIX_S_MAX 9.2e9 /* seconds whose nanoseconds an int64 holds */
int64_t cmd_count(struct argp_state *state, const char *option, const char *text);
size_t cmd_size(struct argp_state *state, const char *what, const char *text); /* what: "--memory-limit" */
int64_t cmd_time_ns(struct argp_state *state, const char *option, const char *text);
int64_t cmd_duration_ns(struct argp_state *state, const char *option, const char *text); /* "90s", "7d"; more than 0 */

/* Colours only on a terminal, and not with NO_COLOR or TERM=dumb. */
bool cmd_colours(void);

#endif
