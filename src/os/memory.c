#include "os/memory.h"

#include <malloc.h>

#define FREE_MAX ((size_t)16 << 20) /* bytes that malloc may hold for the next request */

enum { ARENAS_MAX = 4 };

void memory_limit_arenas(void)
{
#ifdef M_ARENA_MAX
    mallopt(M_ARENA_MAX, ARENAS_MAX);
#endif
}

void memory_return(void)
{
#ifdef __GLIBC__
    if (mallinfo2().fordblks > FREE_MAX)
        malloc_trim(0);
#endif
}
