#include "agent/line_taker.h"

#include "agent/stamp.h"

/* What every record of the file carries beside its level. NULL: no memory. */
static struct batch_field *copy_fields(struct arena *arena, const struct file_labels *labels)
{
    struct batch_field *fields = arena_array(arena, labels->field_count, sizeof *fields);
    for (size_t i = 0; fields && i < labels->field_count; i++)
        fields[i] = (struct batch_field){.key = arena_copy(arena, labels->fields[i].key),
                                         .value = arena_copy(arena, labels->fields[i].value)};
    return fields;
}

bool line_taker_begin(struct line_taker *taker, struct gather *g, const struct tail *t, int64_t now_ns)
{
    *taker = (struct line_taker){.gather = g, .now_ns = now_ns};
    struct arena *arena = &taker->gather->fields;
    taker->labels[0] = arena_copy(arena, t->labels->streams[0]);
    taker->labels[1] = t->labels->is_container ? arena_copy(arena, t->labels->streams[1]) : taker->labels[0];
    taker->texts = copy_fields(arena, t->labels);
    return taker->labels[0].ptr && taker->labels[1].ptr && taker->texts;
}

/* The texts and the level, in an array of their own: the lines before have theirs. NULL: no memory. */
static struct batch_field *with_level(struct line_taker *taker, const struct file_labels *labels)
{
    size_t count = labels->field_count;
    struct batch_field *fields = arena_array(&taker->gather->fields, count + 1, sizeof *fields);
    if (!fields)
        return NULL;
    memcpy(fields, taker->texts, count * sizeof *fields);
    fields[count] = *taker->level;
    return fields;
}

bool line_taker_take(struct tail *t, const struct tail_line *line, void *ctx)
{
    struct line_taker *taker = ctx;
    const struct batch_field *level = stamp_level(line->text, taker->level, &taker->gather->fields);
    if (level && level != taker->level) {
        taker->level = level;
        taker->fields = with_level(taker, t->labels);
    }
    struct tail_record record = {.time_ns = line->time_ns ? line->time_ns : stamp_time(t, line->text, taker->now_ns),
                                 .labels = taker->labels[line->stream],
                                 .line = line->text,
                                 .fields = taker->fields,
                                 .field_count = taker->fields ? t->labels->field_count + 1 : 0};
    return gather_add(taker->gather, &record);
}
