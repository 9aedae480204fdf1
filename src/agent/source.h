/*
 * source.h - other people's files, opened with care: what is at a path, whether it is the file known from before, and
 * whether it holds text.
 *
 * A path is somebody else's claim. Only regular files are opened, never a FIFO or a device; a symbolic link is followed
 * only when it belongs to root, to us, or to the owner of what it points to, so that nobody can have a file read for
 * him that he may not read himself.
 *
 * Identity: device, inode and, where the file system keeps it, the time of birth: together they tell a reused inode
 * from its former life. The print of the first bytes stands behind them, for file systems without a time of birth and
 * for files rewritten in place.
 *
 * Units:   bytes; times are ns since 1970 UTC.
 * Errors:  BOLE_E_NOTFOUND nothing there; BOLE_E_UNSUPPORTED not a file that is read (the kind says what); BOLE_E_IO.
 * Threads: any.
 */
#ifndef AGENT_SOURCE_H
#define AGENT_SOURCE_H

#include "base/slice.h"

#define SOURCE_PRINT_MAX 1024u /* bytes hashed at the start of a file; a shorter file is hashed as far as it goes */

enum source_kind {
    SOURCE_FILE,
    SOURCE_DIRECTORY,
    SOURCE_SPECIAL, /* device, FIFO, socket */
    SOURCE_LOOP,    /* symbolic links in a circle */
    SOURCE_FOREIGN, /* a symbolic link of somebody who does not own the file that it points to */
};

struct source_id {
    uint64_t device;
    uint64_t inode;
    int64_t  birth_ns; /* 0: not known */
};

struct source_info {
    enum source_kind kind;
    struct source_id id;
    uint64_t size_bytes;
    int64_t  modified_ns;
    uint32_t links;   /* names that it has; 0: deleted, alive only through open descriptors */
    bool     is_link; /* the path itself is a symbolic link */
};

struct source_print {
    uint32_t len; /* bytes that were hashed, 0 .. SOURCE_PRINT_MAX */
    uint64_t hash;
};

/* True when both can be the same file: same inode, and neither device nor birth speaks against it. A device number may
 * change over a restart of the machine, so with `strict` off only inode and a known birth must agree. */
bool source_id_same(const struct source_id *a, const struct source_id *b, bool strict);

/* What is at the path now, links followed. ret_info->kind is written whenever something was there. */
bole_status source_stat(const char *path, struct source_info *ret_info, struct bole_err *err);
bole_status source_stat_fd(int fd, struct source_info *ret_info, struct bole_err *err);

/* Opens for reading; never blocks. The information is of the descriptor, not of the path. */
bole_status source_open(const char *path, int *ret_fd, struct source_info *ret_info, struct bole_err *err);
void source_close(int fd); /* -1 is fine */

/* Reads at most len bytes at offset; 0 at the end. */
bole_status source_read(int fd, uint64_t offset, void *ret_bytes, size_t len, size_t *ret_len, struct bole_err *err);

/* Looks in a directory for the name that an inode has now: *ret_path is written only when it is found. */
bole_status source_find(const char *directory, const struct source_id *id, size_t path_size, char *ret_path,
                        struct bole_err *err);

/* Hash of the first `len` bytes (SOURCE_PRINT_MAX: as many as there are). */
bole_status source_print(int fd, uint32_t len, struct source_print *ret_print, struct bole_err *err);

/* Where the data behind `offset` begins: holes are skipped, and NUL bytes in front of text after them. A writer that
 * did not open with O_APPEND leaves a hole as long as the old file when its file is truncated under it. */
bole_status source_skip_hole(int fd, uint64_t offset, uint64_t size, uint64_t *ret_offset, struct bole_err *err);

/* What a byte order mark at the beginning of a file says, and its length, 0 for none. Without one a file is bytes. */
enum source_encoding { SOURCE_BYTES, SOURCE_UTF16LE, SOURCE_UTF16BE };
enum source_encoding source_encoding(bole_slice first_bytes, size_t *ret_mark_len);

/* Why the first bytes of a file are not lines of text ("gzip", "journal", "binary"); NULL when they are. */
const char *source_sniff(bole_slice first_bytes);

#endif
