#include "os/thread.h"

#include <sched.h>
#include <signal.h>

#include "base/err.h"

bole_status thread_start(const char *name, void *(*run)(void *arg), void *arg, pthread_t *ret_thread, struct bole_err *err)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* inherited by the new thread */
    int rc = pthread_create(ret_thread, NULL, run, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0)
        return bole_fail_errno(err, rc, "starting thread %s", name);
    pthread_setname_np(*ret_thread, name);
    return BOLE_OK;
}

unsigned thread_cpu_count(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    int n = CPU_COUNT(&set);
    return n > 0 ? (unsigned)n : 1;
}
