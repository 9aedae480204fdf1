/*
 * tail.h - one file, read line by line as it grows.
 *
 * A tail holds its file by an open descriptor, so a rename or an unlink takes nothing away from it. It remembers the
 * last bytes in front of its offset (the guard) and what the file began with (its print), and looks at both with every
 * read: when they have changed, or the file is shorter than the offset, the file was truncated or written anew and is
 * read from its beginning. So a file is noticed that has already grown past the old offset again, also when its lines
 * are as long as the old ones and end alike.
 *
 * A line ends with '\n', which is not part of it; everything else is kept as it is: CR, NUL bytes, invalid UTF-8. A
 * line over RECORD_LINE_MAX is cut there and its rest is skipped, both counted. A last line without its end waits for
 * it; it stays in the file, not in memory.
 *
 * Units:   bytes; times are mono_ns of the clock.
 * Owner:   whoever made it; files.c in service. Lines are borrowed from the turn's buffer.
 * Threads: one at a time.
 */
#ifndef AGENT_TAIL_H
#define AGENT_TAIL_H

#include "agent/file_labels.h"
#include "agent/multiline.h"
#include "agent/source.h"
#include "base/arena.h"
#include "record/record.h"

#define TAIL_GUARD_MAX 64u                                    /* bytes */
#define TAIL_ROOM_MAX  (TAIL_GUARD_MAX + RECORD_LINE_MAX + 1) /* a buffer this large always brings a turn forward */

enum tail_state {
    TAIL_READING,    /* there is more to read */
    TAIL_FOLLOWING,  /* at the end, waiting for growth */
    TAIL_ROTATED,    /* has lost its name to another file; read on until it is quiet */
    TAIL_DELETED,    /* has no name any more; read to its end, then closed */
    TAIL_PARKED,     /* at its end and closed, because descriptors are scarce */
    TAIL_SKIPPED,    /* not a text file; `reason` says what it is */
    TAIL_UNREADABLE, /* `reason` is the error; tried again */
};

/* A line as it is handed out. */
struct tail_line {
    bole_slice text;
    int64_t    time_ns; /* said by a container's runtime; 0: nobody */
    unsigned   stream;  /* of a container: enum container_stream */
};

/* How far a file has been read, and what makes sure of it. */
struct tail_mark {
    uint64_t offset;    /* behind the last line that was taken */
    uint64_t guard_hash; /* of the guard_len bytes in front of offset */
    uint8_t  guard_len;
    uint32_t ahead;       /* of a container: lines of ... that begin in so many bytes behind offset have been taken, too */
    uint8_t  ahead_stream; /* ... this stream */
    bool     in_cut_line; /* the bytes from offset to the next '\n' are the rest of a line that was cut */
};

struct tail_counts {
    uint64_t lines, bytes; /* taken; bytes without line ends */
    uint64_t cut_lines;    /* over RECORD_LINE_MAX */
    uint64_t split_lines;  /* taken without their end, because it did not come */
    uint64_t skipped_bytes; /* rests of cut lines, holes */
    uint64_t truncations;
    uint64_t errors;
};

struct tail {
    char       *path;       /* the name that it was found under */
    struct file_labels *labels; /* owned */
    int         fd;         /* -1: none */
    struct source_id    id;
    struct source_print print;
    enum tail_state     state;
    char        reason[96];
    bool        told_unread, told_cut; /* the log has said so */
    uint64_t    size;       /* of the file, when last looked at */
    uint64_t    offset;
    struct tail_mark    durable; /* what the sink has made durable */
    bool        in_cut_line;
    bool        sniffed;
    enum source_encoding encoding; /* as the lines stand in the file: tail_text */
    const struct multiline_rule *multiline; /* NULL: each line is a record */
    uint32_t    ahead;       /* as in struct tail_mark */
    uint8_t     ahead_stream;
    size_t      event_bytes; /* event.h: of the oldest record that waits for more lines; 0: none */
    uint64_t    event_ns;    /* when it was last seen to change */
    bool        caught_up;  /* has been at the end since it was opened: what comes now is fresh */
    bool        is_link;
    uint32_t    links;      /* names the file has, when last looked at */
    uint32_t    guard_len;
    uint8_t     guard[TAIL_GUARD_MAX];
    uint32_t    partial;    /* bytes behind offset that are known to hold no line end */
    uint64_t    grown_ns;   /* when it was last seen to grow or to change its state */
    uint64_t    looked_ns;  /* when it had its last turn */
    int64_t     modified_ns; /* UTC, when last looked at */
    int64_t     line_time_ns; /* of the last line that carried a time; 0: none yet */
    bool        zone_known;
    int         zone_offset_s;  /* local time minus UTC, in ... */
    int64_t     zone_hour;      /* ... this hour since 1970 (stamp.c) */
    struct tail_counts count;

    /* files.c */
    struct tail *next;          /* of all */
    struct tail *next_by_id, *next_by_path, *next_ready;
    uint64_t     seen_scan;     /* number of the scan that last met its path */
    int64_t      seen_ns;       /* UTC, when it was last there */
    uint64_t     retry_ns;      /* when an unreadable one is tried again, or its pod asked for */
    uint64_t     pod_due_ns;    /* it is not read before: its pod is asked for; 0: not, UINT64_MAX: it is known */
    bool         is_ready;      /* in the queue of those with work to do */
    bool         owns_path;     /* is what its path leads to: in the table by path */
    bool         chase;         /* closed, and to be looked for under another name */
};

struct tail_turn {
    uint8_t *bytes;   /* in: where the file is read to; lines point into it */
    size_t   room;    /* in */
    uint64_t now_ns;  /* in */
    bool     flush;   /* in: take an unfinished last line as well */
    bool (*take)(struct tail *t, const struct tail_line *line, void *ctx); /* in: false: not this one, no more lines now */
    struct arena *arena; /* in: for lines that are not handed out as they stand in the file */
    void    *ctx;
    size_t   used;    /* out: bytes that taken lines point into */
    size_t   want;    /* out: the next line needs this much room; 0: it is not known to */
    bool     more;    /* out: there was more to read */
};

/* An unopened tail. It takes over the labels. NULL: no memory. */
struct tail *tail_create(const char *path, struct file_labels *labels);
void tail_destroy(struct tail *t); /* NULL is fine */

/* Takes over an open descriptor and begins at its start. */
void tail_attach(struct tail *t, int fd, const struct source_info *info, uint64_t now_ns);
void tail_detach(struct tail *t); /* closes; the position stays */

/* Begins `last_bytes` before the end, at the first line that begins there. */
bole_status tail_seek_last(struct tail *t, uint64_t last_bytes, struct bole_err *err);
/* Goes on at the mark if the file still holds what was read: BOLE_OK. BOLE_E_CONFLICT: it is another file or was
 * written anew; the tail stands at the start. */
bole_status tail_resume(struct tail *t, const struct tail_mark *mark, const struct source_print *print,
                        struct bole_err *err);

/* Reads once and hands out lines. An error of the file is the status; the tail can be tried again. */
bole_status tail_turn(struct tail *t, struct tail_turn *turn, struct bole_err *err);

/* The same of bytes that come from elsewhere, for a tail without a file: `full`: there are more than these. Returns how many are
 * done with; lines may point into later ones. */
size_t tail_take(struct tail *t, struct tail_turn *turn, bole_slice data, bool full);

/* Where it stands now. */
struct tail_mark tail_mark(const struct tail *t);
bool tail_is_at(const struct tail *t, const struct tail_mark *mark);

const char *tail_state_name(enum tail_state state);

/* ---- for event.c ---- */

/* The line as UTF-8, at most RECORD_LINE_MAX bytes: itself, or in the arena when the file is UTF-16. ptr NULL: no memory. */
bole_slice tail_text(const struct tail *t, bole_slice line, struct arena *arena);
size_t tail_unit_size(const struct tail *t); /* of a character, bytes */
const uint8_t *tail_line_end(const struct tail *t, bole_slice bytes); /* the first; NULL: none */
bool tail_is_inside_line(const struct tail *t); /* the offset is not where a line begins */
/* What stands behind the last line end, when it is too long or (at_end) due; the result is how many bytes of it are done with. */
size_t tail_take_rest(struct tail *t, struct tail_turn *turn, bole_slice rest, bool at_end);

#endif
