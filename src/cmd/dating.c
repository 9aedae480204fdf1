/*
 * A stamp without a year goes on from the line before it (text_time_reference), so one year must be known: that of the
 * last line, by the file's time of modification. A first pass dates the first line as if it were in that year, goes on
 * from there to the end without a bound, and sees by how much it went too far: so many years earlier the file begins.
 *
 * A machine that has lost its clock writes "Jan  1" for a while and then the date again. That is no New Year: where
 * lines come back to a time from which they jumped shortly before, the year is that of then.
 */
#include "cmd/dating.h"

#include <string.h>

#include "base/clock.h"
#include "cmd/cmd.h"
#include "cmd/progress.h"
#include "receive/text.h"

#define DAY_NS (86400 * NS_PER_S)

bool dating_time(struct dating *d, bole_slice line, int64_t *ret_ns)
{
    int64_t at_ns, back_ns, before_ns = d->previous_ns;
    if (text_time(line, before_ns ? text_time_reference(before_ns, d->latest_ns) : d->first_ns, &at_ns)) {
        bool far = before_ns && at_ns / DAY_NS - before_ns / DAY_NS > 180;
        if (far && d->jump_to_ns && before_ns / DAY_NS - d->jump_to_ns / DAY_NS < 7 &&
            text_time(line, text_time_reference(d->jump_from_ns, d->latest_ns), &back_ns) &&
            back_ns / DAY_NS - d->jump_from_ns / DAY_NS < 31)
            at_ns = back_ns;
        if (before_ns && at_ns / DAY_NS - before_ns / DAY_NS > 7) {
            d->jump_from_ns = before_ns;
            d->jump_to_ns = at_ns;
        }
        d->previous_ns = at_ns;
    }
    *ret_ns = d->previous_ns;
    return d->previous_ns != 0;
}

/* A year earlier it would be another time: the line has none of its own. */
static bool has_no_year(bole_slice line, int64_t at_ns, int64_t latest_ns)
{
    int64_t earlier_ns;
    return text_time(line, latest_ns - 366 * DAY_NS, &earlier_ns) && earlier_ns != at_ns;
}

/* The bound for the first line: such that the last one is the latest that `latest_ns` allows. */
static int64_t find_first(struct lines *lines, int64_t latest_ns)
{
    struct dating d = {.latest_ns = INT64_MAX, .first_ns = latest_ns};
    bole_slice line;
    struct progress progress;
    int64_t at_ns, first_ns = 0, alone_ns = 0;
    progress_begin(&progress, "working out the years", lines_size(lines));
    while (!cmd_stopped && lines_next(lines, &line, NULL) == BOLE_OK) {
        if (!dating_time(&d, line, &at_ns))
            continue;
        if (!first_ns && !has_no_year(line, at_ns, latest_ns))
            return latest_ns;
        first_ns = first_ns ? first_ns : at_ns;
        text_time(line, latest_ns, &alone_ns);
        progress_update(&progress, lines_consumed(lines));
    }
    progress_end(&progress);
    int64_t too_far_ns;
    if (__builtin_sub_overflow(d.previous_ns, alone_ns, &too_far_ns) || too_far_ns <= 0)
        return latest_ns;
    return first_ns - too_far_ns + 180 * DAY_NS; /* half a year behind what it must become: no other year fits */
}

struct dating dating_begin(const char *path, const struct lines *lines)
{
    int64_t now_ns = clock_now_ns(&clock_system), modified_ns = lines_modified_ns(lines);
    struct dating d = {.latest_ns = modified_ns > 0 && modified_ns < now_ns ? modified_ns : now_ns};
    struct lines *again = NULL;
    d.first_ns = d.latest_ns;
    if (lines_size(lines) && strcmp(path, "-") != 0 && lines_open(path, &again, NULL) == BOLE_OK)
        d.first_ns = find_first(again, d.latest_ns);
    lines_close(again);
    return d;
}
