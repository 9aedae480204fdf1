#include "os/memory.h"

#include <malloc.h>

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
    malloc_trim(0);
#endif
}
