/*
 * dead_letters.h - what could not be processed, kept with its reason until somebody looks: files in DIR, bounded in size,
 * the oldest goes first. docs/dead-letters.md
 *
 * Files and not the store: a letter must be taken out again alone and at once, must not be an answer to anybody's query, and
 * a flood of bad input must not push records out of their retention. Not the catalogue: each letter would be a sync there.
 *
 * Letters survive kill -9. They are synced once a second at most: a power cut may cost those of the last second, none of
 * which was acknowledged as stored.
 *
 * Units:   times are ns since 1970 UTC.
 * Owner:   slices of letters are borrowed; those handed out are valid for the call.
 * Threads: any; calls are serialised inside and read and write files.
 * Errors:  a letter that cannot be kept (a full disk) is counted as lost, and the record's sender is told all the same.
 */
#ifndef PROCESS_DEAD_LETTERS_H
#define PROCESS_DEAD_LETTERS_H

#include "base/clock.h"
#include "os/fs.h"

#define DEAD_LETTER_BYTES_MAX   (1024u * 1024 + 1024) /* of what it is about; the rest is cut off */
#define DEAD_LETTERS_COUNT_MAX  100000u
#define DEAD_LETTERS_SIZE_DEFAULT (64ull * 1024 * 1024)

enum dead_letter_kind {
    DEAD_LETTER_RAW = 0,   /* bytes as they came through the door */
    DEAD_LETTER_BATCH = 1, /* one record that a rule refused, as an encoded batch (record/batch.h) */
};

struct dead_letter {
    uint64_t   id;        /* given by dead_letters_keep, rising */
    int64_t    time_ns;
    enum dead_letter_kind kind;
    bool       cut;       /* bytes are not all that there was */
    bole_slice tenant, door, reason, why; /* reason: one of a few; why: a sentence */
    bole_slice bytes;
};

struct dead_letters;

struct dead_letters_stats {
    uint64_t count, size_bytes;        /* kept now */
    uint64_t kept_total, dropped_total, lost_total; /* dropped: the oldest, for room; lost: could not be written */
};

/* max_bytes: of files. */
bole_status dead_letters_open(struct fs *fs, const struct clock *clock, const char *dir, uint64_t max_bytes,
                              struct dead_letters **ret_letters, struct bole_err *err);
void dead_letters_close(struct dead_letters *d); /* NULL is fine */

void dead_letters_keep(struct dead_letters *d, const struct dead_letter *letter);

/* Those of a tenant with an id above `after`, by id, until fn answers false. */
bole_status dead_letters_each(struct dead_letters *d, bole_slice tenant, uint64_t after,
                              bool (*fn)(const struct dead_letter *letter, void *ctx), void *ctx, struct bole_err *err);

/* False: there is none with this id. */
bool dead_letters_remove(struct dead_letters *d, bole_slice tenant, uint64_t id);
uint64_t dead_letters_purge(struct dead_letters *d, bole_slice tenant); /* all of a tenant; returns how many */

void dead_letters_get_stats(struct dead_letters *d, struct dead_letters_stats *ret_stats);

#endif
