#include "cmd/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"

enum { BAR_WIDTH = 30 };
#define REDRAW_NS (100 * (uint64_t)NS_PER_MS)

void progress_begin(struct progress *p, const char *what, uint64_t total_bytes)
{
    *p = (struct progress){.what = what, .total_bytes = total_bytes, .begin_ns = clock_mono_ns(&clock_system),
                           .shows = isatty(STDERR_FILENO)};
}

void progress_update(struct progress *p, uint64_t done_bytes)
{
    uint64_t now = clock_mono_ns(&clock_system);
    if (!p->shows || now - p->shown_ns < REDRAW_NS)
        return;
    p->shown_ns = now;
    double seconds = (double)(now - p->begin_ns) / 1e9, rate = seconds > 0 ? (double)done_bytes / seconds : 0;
    fprintf(stderr, "\r\033[K%s ", p->what);
    if (p->total_bytes) {
        double share = (double)done_bytes / (double)p->total_bytes;
        share = share > 1 ? 1 : share;
        fputc('[', stderr);
        for (int i = 0; i < BAR_WIDTH; i++)
            fputc(i < share * BAR_WIDTH ? '#' : ' ', stderr);
        fprintf(stderr, "] %3.0f%%  ", share * 100);
    }
    fprintf(stderr, "%.1f MB  %.1f MB/s", (double)done_bytes / 1e6, rate / 1e6);
    if (p->total_bytes > done_bytes && rate > 0)
        fprintf(stderr, "  %.0f s left", (double)(p->total_bytes - done_bytes) / rate);
    fflush(stderr);
}

void progress_end(struct progress *p)
{
    if (p->shows && p->shown_ns)
        fputs("\r\033[K", stderr);
}
