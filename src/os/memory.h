/* memory.h - what malloc has kept of freed memory goes back to the machine. */
#ifndef OS_MEMORY_H
#define OS_MEMORY_H

/* Fewer arenas than glibc's eight per core: what one thread frees can be used by another. Once, at the start. */
void memory_limit_arenas(void);

/* Does nothing while malloc holds little that is free, else takes a few milliseconds. For a housekeeping thread, about
 * once a second. */
void memory_return(void);

#endif
