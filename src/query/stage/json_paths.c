#include "query/stage/json_paths.h"

#include "query/stage/json_cursor.h"

struct walk {
    struct row         row; /* for its scratch memory */
    struct json_cursor cursor;
    bole_slice         keys[JSON_PATH_KEYS_MAX];
    void (*fn)(bole_slice name, const bole_slice *keys, size_t key_count, void *ctx);
    void              *ctx;
};

/* The cursor stands on `{`. False: the end of what can be read. */
static bool walk_object(struct walk *w, bole_slice prefix, size_t depth)
{
    bool is_first = true, more;
    bole_slice key;
    if (depth == JSON_PATH_KEYS_MAX)
        return false;
    for (w->cursor.next++; json_take_key(&w->cursor, is_first, &key, &more); is_first = false) {
        if (!more)
            return true;
        struct json_value v;
        bole_slice text = json_string_text(&w->row, key), name = json_label_name(&w->row, prefix, text);
        w->keys[depth] = text;
        if (w->row.out_of_memory)
            return false;
        if (json_peek(&w->cursor) == '{' && name.len) {
            if (!walk_object(w, name, depth + 1))
                return false;
            continue;
        }
        if (!json_take_value(&w->cursor, &v))
            return false;
        if (name.len && v.kind != JSON_NULL && v.kind != JSON_ARRAY)
            w->fn(name, w->keys, depth + 1, w->ctx);
    }
    return false;
}

void json_paths_each(bole_slice line, struct arena *scratch,
                     void (*fn)(bole_slice name, const bole_slice *keys, size_t key_count, void *ctx), void *ctx)
{
    struct walk w = {.row.scratch = scratch, .cursor = {line.ptr, line.ptr + line.len, NULL}, .fn = fn, .ctx = ctx};
    if (json_peek(&w.cursor) == '{')
        walk_object(&w, (bole_slice){0}, 0);
}
