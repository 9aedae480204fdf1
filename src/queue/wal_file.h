/*
 * wal_file.h - one file of the write-ahead log, and the scanner that finds the frames in it.
 *
 * Threads: a file's fields are guarded by whoever holds the list it is in (wal_internal.h); its bytes may be read by any
 * thread while one appends behind `end`.
 */
#ifndef QUEUE_WAL_FILE_H
#define QUEUE_WAL_FILE_H

#include "queue/wal_format.h"

enum { WAL_NAME_SIZE = 24, WAL_NAME_DIGITS = 16 };
#define WAL_SUFFIX ".wal"

struct wal_span { /* bytes [from, to) of a file */
    uint64_t from, to;
};

struct wal_damage {
    struct wal_span span;
    uint64_t lost_groups;
};

struct wal_file {
    char         name[WAL_NAME_SIZE]; /* inside the directory */
    struct file *file;
    uint64_t     id;         /* 0: both headers and the first frame are unreadable */
    uint64_t     sequence;
    uint64_t     base_lsn;
    uint64_t     size;
    uint64_t     made_size;  /* when it was prepared; 0: not known */
    uint64_t     end;        /* behind the last frame */
    uint64_t     first_lsn, last_lsn; /* 0: no frames */
    bool         reused;     /* the tail may hold stale bytes */
    bool         header_whole; /* both copies are good and equal */
    unsigned     pins;       /* readers: neither removed nor reused meanwhile */
    bool         tail_unreadable; /* the disk does not give what stands behind the last frame */
    bool         cut_short;  /* it was larger, and there may have been a group behind the last one */
    struct wal_span  torn;   /* a write that was cut off; empty: none */
    struct wal_damage *damages;
    size_t       damage_count, damage_cap;
};

struct wal_file *wal_file_create(void); /* NULL: no memory */
void wal_file_destroy(struct wal_file *f); /* closes; the bytes stay */
void wal_file_name(uint64_t sequence, char ret_name[WAL_NAME_SIZE]);
bool wal_file_parse_name(const char *name, uint64_t *ret_sequence);
bool wal_file_has_own_name(const struct wal_file *f); /* the one of its sequence */
/* Notes damage; *ret_lost is how many groups more are lost than by the damages known before (it may be NULL). */
bole_status wal_file_add_damage(struct wal_file *f, struct wal_damage damage, uint64_t *ret_lost, struct bole_err *err);

/* Writes zeros over a span. */
bole_status wal_zero(struct file *file, struct wal_span span, struct bole_err *err);

static inline uint64_t wal_file_room(const struct wal_file *f) { return f->size > f->end ? f->size - f->end : 0; }

/* ---- scanning ---- */

/* A piece of the file in memory; kept over files, so that a whole directory is read through one buffer. */
struct wal_window {
    uint8_t *ptr;
    size_t   cap, len;
    uint64_t at; /* offset of ptr[0] in the file */
};

enum wal_item_kind {
    WAL_ITEM_FRAME, /* whole and of this file */
    WAL_ITEM_GAP,   /* bytes that are no frame, with a frame behind them */
    WAL_ITEM_TAIL,  /* no frame from here on; `span` is where traces of one are, often empty */
};

struct wal_item {
    enum wal_item_kind kind;
    struct wal_span span;
    bool       unreadable; /* some of it the disk does not give */
    uint64_t   lsn, durable_lsn; /* of a frame */
    bole_slice payload;          /* of a frame; valid until the next call */
};

struct wal_scan {
    struct file *file;
    uint64_t id;
    bool     reused;
    uint64_t offset, limit;
    uint64_t unreadable_to; /* end of the last bytes that the disk did not give, which read as zeros; 0: none */
    struct wal_window *window;
};

/* Scans f from its header to `limit`; the window may have served another file. */
void wal_scan_init(struct wal_scan *s, const struct wal_file *f, uint64_t limit, struct wal_window *window);
/* BOLE_OK and the next item; a TAIL is the last one. What the disk does not give counts as damaged. Errors: BOLE_E_NOMEM,
 * BOLE_E_IO when the file became shorter meanwhile. */
bole_status wal_scan_next(struct wal_scan *s, struct wal_item *ret_item, struct bole_err *err);
void wal_window_deinit(struct wal_window *w);

#endif
