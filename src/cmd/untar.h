/*
 * untar.h - a tar archive that comes in pieces, into a data directory.
 *
 * Threads: one.
 * Errors:  BOLE_E_CORRUPT, BOLE_E_UNSUPPORTED (tar.h), and those of data_dir.h.
 */
#ifndef CMD_UNTAR_H
#define CMD_UNTAR_H

#include "base/tar.h"
#include "cmd/data_dir.h"

struct untar {
    struct data_dir *dir;
    struct progress  progress;
    uint64_t total_bytes;
    uint8_t  header[TAR_BLOCK_SIZE];
    size_t   header_len;
    bool     in_file, is_over;
    uint64_t left;     /* bytes of the file */
    size_t   padding;  /* behind it */
};

/* A bole_client_bytes_fn; ctx: the struct, of which dir and progress have been set. */
bole_status untar_bytes(bole_slice bytes, void *ctx, struct bole_err *err);

#endif
