/*
 * thread.h - threads with a name that leave signals to the main thread.
 *
 * Owner: whoever started a thread joins it.
 */
#ifndef OS_THREAD_H
#define OS_THREAD_H

#include <pthread.h>

#include <stdbool.h>
#include <time.h>

#include "bole/types.h"

/* name: at most 15 bytes, shown by top and gdb. Every signal is blocked in the new thread. */
bole_status thread_start(const char *name, void *(*run)(void *arg), void *arg, pthread_t *ret_thread, struct bole_err *err);

/* A condition whose timed waits go by a clock that nobody sets. */
void thread_cond_init(pthread_cond_t *cond);
struct timespec thread_deadline(uint64_t in_ns); /* for pthread_cond_timedwait on such a condition */

/* The calling thread gives way to others, of the processor and of the disk, from now on. */
void thread_step_back(void);

/* True when half of the processors had nothing to do during the last minute. */
bool thread_machine_is_idle(void);

unsigned thread_cpu_count(void); /* processors this process may use; at least 1 */

#endif
