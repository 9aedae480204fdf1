/*
 * tail.h - live tail: what has just been committed, matched and sent over WebSockets.
 *
 * The committer leaves references to its batches in one bounded ring and goes on. The tail thread matches them for every
 * client and keeps what a client has not taken yet as rendered frames, up to a bound. Whatever does not fit is dropped,
 * counted and reported in `dropped_entries`: a slow client costs itself entries, never the ingest or its neighbours.
 *
 * Frames: {"streams":[{"stream":{...},"values":[...]}],"dropped_entries":[{"timestamp":"ns","labels":{...}}],
 *          "dropped_count":n}; the last two only when entries were dropped. dropped_entries names at most
 *          TAIL_DROPPED_LISTED_MAX of them, dropped_count is all of them. Entries that were never matched, because the
 *          tail thread itself fell behind, stand in both with an empty label set.
 * Threads: tail_hub_commit one thread (the committer), never blocks on a client; the rest any.
 */
#ifndef SERVE_TAIL_H
#define SERVE_TAIL_H

#include "record/batch.h"
#include "serve/http.h"

struct api;
struct tail_hub;

#define TAIL_RING_MAX           1024u                /* batches waiting for the tail thread */
#define TAIL_RING_SIZE_MAX      (64u * 1024 * 1024)  /* bytes of them */
#define TAIL_FRAME_TARGET       (96u * 1024)         /* bytes of entries after which a frame is closed */
#define TAIL_FRAME_ENTRIES_MAX  100u                 /* as Loki's */
#define TAIL_UNSENT_MAX         (2u * 1024 * 1024)   /* bytes of frames that one client may leave untaken */
#define TAIL_DROPPED_LISTED_MAX 100u

bole_status tail_hub_create(struct api *api, struct tail_hub **ret_hub, struct bole_err *err);
/* Rows of groups after this LSN come through tail_hub_commit; those up to it are found in the store. */
void tail_hub_set_position(struct tail_hub *hub, uint64_t lsn);
void tail_hub_commit(struct tail_hub *hub, uint64_t lsn, struct batch *const *batches, size_t batch_count);
void tail_hub_stop(struct tail_hub *hub);    /* closes every tail, ends the thread; NULL and a second time are fine */
void tail_hub_destroy(struct tail_hub *hub); /* after the server has no exchange left; NULL is fine */

#endif
