/*
 * A disk that fails one sync, for tests: SYNC_FAILS=commit:N is the N-th fdatasync of the committer, names:N the N-th
 * fsync, which Bole uses for directories. The call fails with EIO, once, and is not made: whoever asks again is told "done".
 * SYNC_DELAY_MS=N: every sync of the committer takes that much longer.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static atomic_long calls;

static int fails(const char *what)
{
    const char *order = getenv("SYNC_FAILS");
    size_t len = strlen(what);
    if (!order || strncmp(order, what, len) != 0 || order[len] != ':')
        return 0;
    return atomic_fetch_add(&calls, 1) + 1 == atol(order + len + 1);
}

int fdatasync(int fd)
{
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    char thread[16] = "";
    pthread_getname_np(pthread_self(), thread, sizeof thread);
    const char *delay_ms = getenv("SYNC_DELAY_MS");
    if (strcmp(thread, "bole-commit") != 0)
        return real(fd);
    if (fails("commit")) {
        errno = EIO;
        return -1;
    }
    if (delay_ms)
        usleep(1000 * (useconds_t)atol(delay_ms));
    return real(fd);
}

int fsync(int fd)
{
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    if (fails("names")) {
        errno = EIO;
        return -1;
    }
    return real(fd);
}
