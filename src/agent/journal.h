/*
 * journal.h - the systemd journal as an input, read through libsystemd where that is installed.
 *
 * The library is loaded at run time: a machine without it, or without a journal, has a quiet input in the state
 * JOURNAL_ABSENT. The cursor of the last entry that is durable is kept in the checkpoint.
 *
 * An entry becomes a record: MESSAGE is the line, the time of reception its time, {host, job="systemd-journal",
 * service_name} its labels; every other field keeps its journal name (_SYSTEMD_UNIT, PRIORITY, ...), and detected_level
 * comes from PRIORITY. service_name is the unit's name without ".service" and instance; for what runs outside a service
 * the syslog identifier, then the command.
 *
 * Source of names and calls: sd-journal(3), systemd.journal-fields(7).
 * Threads: one at a time (sd-journal is not thread-safe).
 */
#ifndef AGENT_JOURNAL_H
#define AGENT_JOURNAL_H

#include "agent/gather.h"
#include "base/clock.h"

#define JOURNAL_VALUE_MAX (16u * 1024) /* bytes of one field; longer ones (core dumps) are left out and counted */
#define JOURNAL_JOB       S("systemd-journal")

struct sd_journal;

/* The calls of sd-journal(3) that are used: the seam where a test puts its own journal. */
struct journal_api {
    int (*open)(struct sd_journal **ret, int flags);
    void (*close)(struct sd_journal *j);
    int (*set_data_threshold)(struct sd_journal *j, size_t size);
    int (*seek_tail)(struct sd_journal *j);
    int (*seek_cursor)(struct sd_journal *j, const char *cursor);
    int (*test_cursor)(struct sd_journal *j, const char *cursor);
    int (*next)(struct sd_journal *j);
    int (*previous_skip)(struct sd_journal *j, uint64_t skip);
    int (*get_cursor)(struct sd_journal *j, char **ret_cursor); /* from malloc */
    int (*get_realtime_usec)(struct sd_journal *j, uint64_t *ret_usec);
    void (*restart_data)(struct sd_journal *j);
    int (*enumerate_available_data)(struct sd_journal *j, const void **ret_data, size_t *ret_len);
    int (*get_fd)(struct sd_journal *j);
    int (*get_events)(struct sd_journal *j);
    int (*get_timeout)(struct sd_journal *j, uint64_t *ret_usec);
    int (*process)(struct sd_journal *j);
};

enum journal_state { JOURNAL_ABSENT, JOURNAL_READING, JOURNAL_FOLLOWING, JOURNAL_FAILED };

struct journal_options {
    const struct journal_api *api; /* NULL: libsystemd */
    const struct clock *clock;
    bole_slice host;               /* for entries that do not say; copied */
    bole_slice cursor;             /* from the checkpoint; empty: first sight */
    uint64_t   first_entries;      /* at first sight: this many of the newest */
    uint64_t   retry_ns;           /* after a failure */
};

struct journal_status {
    enum journal_state state;
    char     reason[96];
    uint64_t entries, bytes, left_out_fields, errors;
};

struct journal;

/* An absent journal is BOLE_OK. */
bole_status journal_create(const struct journal_options *options, struct journal **ret_journal, struct bole_err *err);
void journal_destroy(struct journal *j); /* NULL is fine */

int journal_fd(const struct journal *j); /* -1: none */
short journal_poll_events(const struct journal *j);
/* Looks at the descriptor and the clock; returns when (mono_ns) to call it again, UINT64_MAX: when the descriptor
 * says. */
uint64_t journal_tick(struct journal *j);

bool journal_has_work(const struct journal *j);
void journal_gather(struct journal *j, struct gather *g);
void journal_commit(struct journal *j);                /* all that was gathered is durable */
bole_slice journal_cursor(const struct journal *j);    /* of the last durable entry; empty: none */
bole_slice journal_taken(const struct journal *j);     /* of the last one that was gathered; empty: it is durable */
void journal_get_status(const struct journal *j, struct journal_status *ret_status);

#endif
