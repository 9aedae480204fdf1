/* memory.h - what malloc has kept of freed memory goes back to the machine. */
#ifndef OS_MEMORY_H
#define OS_MEMORY_H

/* Fewer arenas than glibc's eight per core: what one thread frees can be used by another. Once, at the start. */
void memory_limit_arenas(void);

/* After something large was freed. Takes up to a few milliseconds; any thread. */
void memory_return(void);

#endif
