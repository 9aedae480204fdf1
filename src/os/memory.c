#include "os/memory.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FREE_MAX   ((size_t)16 << 20) /* bytes that malloc may hold for ever */
#define TOP_MAX    (64 << 20)         /* the same, of one arena, before it gives back what is at its end by itself */
#define MAPPED_MIN (4 << 20)          /* smaller blocks come from arenas, and are there for the next one */

enum { ARENAS_MAX = 4 };

#ifdef __GLIBC__
/* "always [madvise] never": the one in brackets is how it is. */
static bool is_on_request(void)
{
    char text[128] = "";
    int fd = open("/sys/kernel/mm/transparent_hugepage/enabled", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    return n > 0 && strstr(text, "[madvise]");
}
#endif

void memory_ask_huge_pages(char **argv)
{
#ifdef __GLIBC__
    char path[4096]; /* its own name: /proc/self/exe would become that of the process */
    ssize_t n = !getenv("GLIBC_TUNABLES") && is_on_request() ? readlink("/proc/self/exe", path, sizeof path - 1) : -1;
    if (n <= 0 || setenv("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1", 1) < 0)
        return;
    path[n] = 0;
    execv(path, argv);
#else
    (void)argv;
#endif
}

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
