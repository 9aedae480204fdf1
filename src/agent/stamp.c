#include "agent/stamp.h"

#include <time.h>

#include "process/level.h"
#include "receive/text.h"

/* Local time's distance from UTC at a moment, remembered for the hour: lines come in the order of time. */
static int zone_offset(struct tail *t, int64_t at_ns)
{
    int64_t hour = at_ns / (3600 * NS_PER_S);
    if (!t->zone_known || hour != t->zone_hour) {
        time_t at = (time_t)(at_ns / NS_PER_S);
        struct tm local;
        t->zone_offset_s = localtime_r(&at, &local) ? (int)local.tm_gmtoff : 0;
        t->zone_hour = hour;
        t->zone_known = true;
    }
    return t->zone_offset_s;
}

/* Stamps without a zone are this machine's local time, as syslog writes it: with the offset of then, not of now. */
static bool time_of_line(struct tail *t, bole_slice line, int64_t reference_ns, int64_t *ret_ns)
{
    int guess = t->zone_known ? t->zone_offset_s : zone_offset(t, reference_ns);
    if (!text_time_local(line, reference_ns, guess, ret_ns))
        return false;
    int offset = zone_offset(t, *ret_ns);
    return offset == guess || text_time_local(line, reference_ns, offset, ret_ns);
}

/* Of a file that is being caught up with, the last line is as old as the file: a stamp without a year means a time
 * before that, and one that goes on from the line before. */
static int64_t reference_of(const struct tail *t, int64_t now_ns)
{
    if (t->caught_up || t->modified_ns > now_ns)
        return now_ns;
    return text_time_reference(t->line_time_ns, t->modified_ns);
}

int64_t stamp_time(struct tail *t, bole_slice line, int64_t now_ns)
{
    int64_t said;
    if (time_of_line(t, line, reference_of(t, now_ns), &said)) {
        t->line_time_ns = said;
        return said;
    }
    bool carries = t->line_time_ns && (!t->caught_up || now_ns - t->line_time_ns <= STAMP_CARRY_NS);
    if (carries)
        return t->line_time_ns;
    return t->caught_up ? now_ns : t->modified_ns;
}

const struct batch_field *stamp_level(bole_slice line, const struct batch_field *before, struct arena *arena)
{
    bole_slice level = level_of_line(line);
    if (before && bole_slice_eq(before->value, level))
        return before;
    struct batch_field *field = arena_alloc(arena, sizeof *field);
    if (field)
        *field = (struct batch_field){.key = LEVEL_FIELD, .value = level};
    return field;
}
