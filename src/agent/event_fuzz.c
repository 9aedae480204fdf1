/* Any bytes of a file become the same records in one look and in many, whatever the wrapping of containers and the traces in
 * them. */
#include <stdlib.h>

#include "agent/event.h"
#include "base/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct reading {
    struct arena arena;
    struct buf   got[CONTAINER_STREAMS];
};

static bool take(struct tail *t, const struct tail_line *line, void *ctx)
{
    struct reading *r = ctx;
    (void)t;
    buf_put(&r->got[line->stream], line->text);
    buf_put_u8(&r->got[line->stream], 0);
    return true;
}

/* Looks at `step` more bytes each time; then lets all time pass. */
static void read_file(bole_slice file, bool is_container, const struct multiline_rule *rule, size_t step, struct reading *r)
{
    struct file_labels *labels = NULL;
    bole_slice path = is_container ? S("/var/log/pods/a_b_c/d/0.log") : S("/a.log");
    if (file_labels_create(path, &(struct file_labels_options){0}, &labels, NULL) < 0)
        abort();
    struct tail *t = tail_create("/a.log", labels);
    struct tail_turn turn = {.room = TAIL_ROOM_MAX, .now_ns = 1, .take = take, .arena = &r->arena, .ctx = r};
    t->multiline = rule;
    for (size_t end = 0, idle = 0; idle < 8;) {
        end = file.len - end < step ? file.len : end + step;
        bole_slice window = {file.ptr + t->offset, end - t->offset};
        turn.used = 0;
        size_t taken = event_take(t, &turn, window, false);
        if (taken > window.len)
            __builtin_trap();
        t->offset += taken;
        if (end == file.len && !taken && !turn.used) {
            idle++;
            turn.now_ns += 60 * (uint64_t)NS_PER_S;
        }
    }
    tail_destroy(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct multiline *rules;
    struct reading r[2];
    if (!rules && multiline_create(NULL, NULL, "all", &rules, NULL) < 0)
        abort();
    if (size < 2 || size > 16 * 1024)
        return 0;
    bool is_container = data[0] & 1, has_rule = data[0] & 2;
    bole_slice file = {data + 2, size - 2};
    for (size_t i = 0; i < 2; i++) {
        arena_init(&r[i].arena, NULL);
        for (size_t s = 0; s < CONTAINER_STREAMS; s++)
            buf_init(&r[i].got[s], NULL);
        read_file(file, is_container, has_rule ? multiline_find(rules, S("/a")) : NULL, i ? (size_t)data[1] * 4 + 1 : size,
                  &r[i]);
    }
    for (size_t s = 0; s < CONTAINER_STREAMS && (is_container || has_rule); s++)
        if (!bole_slice_eq(buf_slice(&r[0].got[s]), buf_slice(&r[1].got[s])))
            __builtin_trap();
    for (size_t i = 0; i < 2; i++) {
        for (size_t s = 0; s < CONTAINER_STREAMS; s++)
            buf_deinit(&r[i].got[s]);
        arena_deinit(&r[i].arena);
    }
    return 0;
}
