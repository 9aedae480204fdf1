/*
 * tail_out.h - what one live tail has still to be sent: an open frame, closed frames, and the count of what was dropped.
 *
 * Bounded: TAIL_UNSENT_MAX bytes of closed frames and one open frame of about TAIL_FRAME_TARGET bytes and at most
 * TAIL_FRAME_ENTRIES_MAX entries, which stand in it one by one in the order of their times, as in Loki's. What does not fit is
 * dropped, counted, and named in the next frame that is closed.
 *
 * Owner:   entries are copied. Threads: one at a time.
 */
#ifndef SERVE_TAIL_OUT_H
#define SERVE_TAIL_OUT_H

#include "query/query.h"
#include "serve/tail.h"

enum tail_form {
    TAIL_PLAIN,
    TAIL_CATEGORIZED, /* labels that do not name the stream stand beside the line */
    TAIL_LEGACY,      /* as before /loki: labels printed, entries as objects */
};

struct tail_entry { /* of the open frame */
    int64_t time_ns;
    size_t  at, len; /* of its JSON in `text` */
};

struct tail_frame {
    struct tail_frame *next;
    size_t             entry_count;
    int64_t            newest_ns;
    struct buf         text;
};

struct tail_out {
    enum tail_form      form;
    unsigned            origins; /* of the labels that name an entry's stream, bits 1 << ORIGIN_... */
    struct tail_entry   entries[TAIL_FRAME_ENTRIES_MAX]; /* of the open frame, as they came */
    size_t              entry_count;
    struct buf          text;         /* their JSON */
    struct buf          labels;       /* scratch */
    struct tail_frame  *first, *last; /* closed, oldest first */
    size_t              unsent_bytes; /* of closed frames */
    struct buf          dropped;      /* JSON of the listed ones: {"labels":...},... */
    uint32_t            dropped_listed;
    uint64_t            dropped_count;
    int64_t             newest_ns;    /* of the open frame */
    bool                shows_cursor; /* frames tell the place behind which a later tail goes on */
    bool     cursor_due;    /* a frame goes out even if it has no rows */
    struct query_place  latest;       /* the row with the highest seq that was added; kept or dropped */
    uint64_t            entries_total, dropped_total;
    struct budget      *budget;
};

void tail_out_init(struct tail_out *o, struct budget *budget, enum tail_form form, unsigned origins);
void tail_out_deinit(struct tail_out *o);

/* Takes the entry or, when there is no room, counts it as dropped. */
void tail_out_add(struct tail_out *o, const struct query_entry *entry);
/* Rows up to time_ns that nobody matched: they may or may not have been meant for this client. */
void tail_out_lost(struct tail_out *o, uint64_t row_count, int64_t time_ns);

bool tail_out_is_empty(const struct tail_out *o);

/* Closes the open frame and sends what is taken. `send` answers BOLE_OK, BOLE_AGAIN (not now: kept), BOLE_E_LIMIT (too large
 * for one message: dropped) or another failure, which is returned. BOLE_OK: nothing is left. */
bole_status tail_out_flush(struct tail_out *o, bole_status (*send)(bole_slice text, void *ctx), void *ctx);

/* Puts the frames of `history`, which is empty afterwards, in front of everything that waits. */
void tail_out_prepend(struct tail_out *o, struct tail_out *history);

/* Closes the open frame without sending: for history, whose size its limit bounds. */
bole_status tail_out_close(struct tail_out *o);

#endif
