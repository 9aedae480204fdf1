#include "os/thread.h"

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
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

void thread_cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

struct timespec thread_deadline(uint64_t in_ns)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    uint64_t ns = (uint64_t)t.tv_nsec + in_ns % NS_PER_S;
    t.tv_sec += (time_t)(in_ns / NS_PER_S + ns / NS_PER_S);
    t.tv_nsec = (long)(ns % NS_PER_S);
    return t;
}

/* Linux gives each thread its own nice value and I/O class, although POSIX has them per process; glibc has no wrapper for
 * the latter: ioprio_set(2). Without the right to it, or on a kernel without it, nothing changes. */
void thread_step_back(void)
{
    enum { NICE = 10, WHO_PROCESS = 1, CLASS_BEST_EFFORT = 2 << 13, LOWEST = 7 };
    pid_t tid = (pid_t)syscall(SYS_gettid);
    setpriority(PRIO_PROCESS, (id_t)tid, NICE);
    syscall(SYS_ioprio_set, WHO_PROCESS, tid, CLASS_BEST_EFFORT | LOWEST);
}

bool thread_machine_is_idle(void)
{
    double load;
    return getloadavg(&load, 1) == 1 && load < thread_cpu_count() / 2.0;
}

unsigned thread_cpu_count(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    int n = CPU_COUNT(&set);
    return n > 0 ? (unsigned)n : 1;
}
