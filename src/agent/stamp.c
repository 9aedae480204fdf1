#include "agent/stamp.h"

#include "process/level.h"

static bool time_of_line(bole_slice line, int64_t now_ns, int64_t *ret_ns)
{
    (void)line, (void)now_ns, (void)ret_ns;
    return false;
}

int64_t stamp_time(struct tail *t, bole_slice line, int64_t now_ns)
{
    int64_t said;
    if (time_of_line(line, now_ns, &said)) {
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
