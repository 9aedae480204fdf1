/*
 * memory.h - how much of freed memory malloc keeps for the next request, and when the rest goes back to the machine.
 *
 * Memory that comes fresh from the machine is cleared and mapped page by page, which costs more than what is then done
 * with it: so what records on their way free is kept as long as others take it again.
 */
#ifndef OS_MEMORY_H
#define OS_MEMORY_H

#include <stddef.h>

/* Starts the program anew with pages of 2 MB for malloc, where the machine gives them to whoever asks: a twelfth of the CPU of
 * full ingest went into mapping 4 KB at a time. glibc takes that setting from the environment only, before main. Comes back
 * when there is nothing to do, nothing can be done, or GLIBC_TUNABLES says something already. First thing in main. */
void memory_ask_huge_pages(char **argv);

/* Fewer arenas than glibc's eight per core: what one thread frees can be used by another. Once, at the start. */
void memory_set_up(void);

#define MEMORY_LOOKS 10u

struct memory_watch { /* starts as zeros */
    size_t   least_free;
    unsigned looks;
};

/* Gives back what malloc holds, a few milliseconds, when much of it was free at each of the last MEMORY_LOOKS calls. For a
 * housekeeping thread, about once a second. */
void memory_return(struct memory_watch *w);

#endif
