/*
 * tar.h - headers of a tar archive (POSIX.1-1988 ustar), of plain files only.
 *
 * An archive is, for each file, a header, its bytes, and zeros up to a whole block; then two blocks of zeros.
 *
 * Units:   bytes. Threads: pure functions.
 */
#ifndef BASE_TAR_H
#define BASE_TAR_H

#include "base/slice.h"

#define TAR_BLOCK_SIZE 512u
#define TAR_NAME_MAX   99u
#define TAR_FILE_MAX   ((1ull << 33) - 1)

/* name: 1 to TAR_NAME_MAX bytes, without NUL; size: at most TAR_FILE_MAX; mtime: not below 0. */
void tar_header_write(bole_slice name, uint64_t size_bytes, int64_t mtime_s, uint8_t ret_block[TAR_BLOCK_SIZE]);

/* BOLE_END: the archive ends here. BOLE_E_CORRUPT: no header; BOLE_E_UNSUPPORTED: of something other than a plain file with
 * a short name. The name lies in the block. */
bole_status tar_header_read(const uint8_t block[TAR_BLOCK_SIZE], bole_slice *ret_name, uint64_t *ret_size_bytes,
                            struct bole_err *err);

/* Zeros behind a file. */
static inline size_t tar_padding(uint64_t size_bytes)
{
    return (size_t)(-size_bytes % TAR_BLOCK_SIZE);
}

#endif
