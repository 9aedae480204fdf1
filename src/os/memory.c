#include "os/memory.h"

#include <malloc.h>

#define FREE_MAX   ((size_t)16 << 20) /* bytes that malloc may hold for ever */
#define TOP_MAX    (64 << 20)         /* the same, of one arena, before it gives back what is at its end by itself */
#define MAPPED_MIN (4 << 20)          /* smaller blocks come from arenas, and are there for the next one */

enum { ARENAS_MAX = 4 };

void memory_set_up(void)
{
#ifdef __GLIBC__
    mallopt(M_ARENA_MAX, ARENAS_MAX);
    mallopt(M_TRIM_THRESHOLD, TOP_MAX);
    mallopt(M_MMAP_THRESHOLD, MAPPED_MIN);
#endif
}

void memory_return(struct memory_watch *w)
{
#ifdef __GLIBC__
    size_t free_bytes = mallinfo2().fordblks;
    w->least_free = w->looks && w->least_free < free_bytes ? w->least_free : free_bytes;
    if (++w->looks < MEMORY_LOOKS)
        return;
    if (w->least_free > FREE_MAX)
        malloc_trim(0);
    w->looks = 0;
#else
    (void)w;
#endif
}
