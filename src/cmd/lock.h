/*
 * lock.h - one process at a time: a file that is locked as long as its holder lives, and that names it.
 *
 * Threads: one.
 */
#ifndef CMD_LOCK_H
#define CMD_LOCK_H

#include "os/fs.h"

/* Held until *ret_lock is closed. BOLE_E_CONFLICT: "in use by process 1234". With create, a file that is not there is
 * made; without, that is BOLE_E_NOTFOUND and nothing on the disk changes. */
bole_status lock_take(const char *path, bool create, struct file **ret_lock, struct bole_err *err);

#endif
