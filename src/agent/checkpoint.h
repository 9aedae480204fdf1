/*
 * checkpoint.h - how far each input has been made durable, kept over restarts.
 *
 * The file is replaced as a whole (fs_write_file), so after a crash it is the old one or the new one. It only ever
 * names positions that the sink has called durable. Where that is a spool, what it became later stands in the spool's cuts,
 * and is put over the checkpoint at the next start.
 *
 * Owner:   a checkpoint owns its memory; checkpoint_deinit.
 * Threads: one at a time.
 * Errors:  a damaged file is renamed to "<path>.damaged", logged, and taken as absent: inputs then start as on first
 *          sight.
 * Format:  docs/receivers/files.md, version 1; layout repeated at the top of checkpoint.c.
 */
#ifndef AGENT_CHECKPOINT_H
#define AGENT_CHECKPOINT_H

#include "agent/tail.h"
#include "base/arena.h"
#include "base/buf.h"
#include "os/fs.h"
#include "record/batch.h"

#define CHECKPOINT_VERSION  1u
#define CHECKPOINT_SIZE_MAX (64u * 1024 * 1024) /* bytes; a larger file is not ours */

struct checkpoint_file {
    bole_slice          path;    /* followed by a NUL when it comes from checkpoint_load */
    struct source_id    id;
    struct source_print print;
    struct tail_mark    mark;
    int64_t             seen_ns; /* UTC: when the file was last there */
};

#define CHECKPOINT_LANES_MAX 16u

/* What a lane of the spool gives to its next batch. */
struct checkpoint_lane {
    uint32_t lane;
    uint8_t  producer[BATCH_PRODUCER_SIZE];
    uint64_t next_sequence;
};

struct checkpoint {
    struct arena            arena;
    struct checkpoint_file *files;
    size_t                  file_count;
    bole_slice              journal_cursor; /* empty: none */
    int64_t                 saved_ns;       /* UTC; 0: there was no checkpoint */
    uint64_t                cut_number;     /* cuts of the spool up to this one are in it; 0: none */
    struct checkpoint_lane  lanes[CHECKPOINT_LANES_MAX];
    size_t                  lane_count;
};

void checkpoint_init(struct checkpoint *c);
void checkpoint_deinit(struct checkpoint *c);

void checkpoint_encode(const struct checkpoint *c, struct buf *out);
/* Fills an initialised checkpoint. BOLE_E_CORRUPT, or BOLE_E_UNSUPPORTED for a later version. */
bole_status checkpoint_decode(bole_slice bytes, struct checkpoint *ret_checkpoint, struct bole_err *err);

/* Entries alone, as they stand in the file: the marks of a cut (cut.h). */
void checkpoint_put_file(const struct checkpoint_file *f, struct buf *out);
void checkpoint_put_journal(bole_slice cursor, struct buf *out);
/* Fills an initialised checkpoint with what the entries say. */
bole_status checkpoint_decode_entries(bole_slice entries, struct checkpoint *ret_checkpoint, struct bole_err *err);

bole_status checkpoint_save(struct fs *fs, const char *path, const struct checkpoint *c, struct bole_err *err);
/* An absent or damaged file leaves the checkpoint empty and is BOLE_OK; a failure to read is not: to start over because
 * a disk is away for a moment would send everything again. */
bole_status checkpoint_load(struct fs *fs, const char *path, struct checkpoint *ret_checkpoint, struct bole_err *err);

#endif
