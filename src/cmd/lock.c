#include "cmd/lock.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"

static bole_status tell_holder(struct file *lock, struct bole_err *err)
{
    char pid[16] = "";
    size_t len = 0;
    file_read(lock, 0, pid, sizeof pid - 1, &len, NULL);
    pid[strspn(pid, "0123456789")] = 0;
    return bole_fail(err, BOLE_E_CONFLICT, "in use by %s%s", *pid ? "process " : "another process", pid);
}

bole_status lock_take(const char *path, bool create, struct file **ret_lock, struct bole_err *err)
{
    struct file *lock = NULL;
    bole_status st = fs_open(&fs_posix, path, FS_WRITE | (create ? FS_CREATE : 0), &lock, err);
    if (st == BOLE_OK)
        st = file_lock(lock, err);
    if (st == BOLE_E_CONFLICT)
        st = tell_holder(lock, err);
    if (st < 0) {
        file_close(lock);
        return st;
    }
    if (create) { /* for the message above only: a disk that is full is no reason to refuse */
        char pid[16];
        struct iovec iov = {pid, (size_t)snprintf(pid, sizeof pid, "%d\n", (int)getpid())};
        if (file_truncate(lock, 0, NULL) == BOLE_OK)
            file_write(lock, 0, &iov, 1, NULL);
    }
    *ret_lock = lock;
    return BOLE_OK;
}
