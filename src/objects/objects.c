#include "objects/objects.h"

#include <ctype.h>

#include "base/err.h"

static const struct objects_ops *const backends[] = {&objects_file_ops, &objects_mem_ops};

bole_status objects_open(const struct objects_options *options, struct objects **ret_objects, struct bole_err *err)
{
    bole_slice rest, scheme = bole_slice_cut(options->uri, ':', &rest);
    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++)
        if (bole_slice_eq(scheme, bole_slice_str(backends[i]->scheme)))
            return backends[i]->open(options, ret_objects, err);
    return bole_fail(err, BOLE_E_INVALID, "objects: \"%.*s\" has no known scheme (file:DIR, mem:)",
                     BOLE_SLICE_ARG(options->uri));
}

bole_status objects_put(struct objects *o, bole_slice key, const bole_slice *parts, size_t part_count, struct bole_err *err)
{
    struct object_writer *w;
    bole_status st = objects_create(o, key, &w, err);
    if (st < 0)
        return st;
    for (size_t i = 0; st >= 0 && i < part_count; i++)
        if (parts[i].len)
            st = object_writer_write(w, parts[i], err);
    if (st >= 0)
        st = object_writer_finish(w, err);
    object_writer_destroy(w);
    return st;
}

static bool part_valid(bole_slice part)
{
    for (size_t i = 0; i < part.len; i++)
        if (part.ptr[i] >= 0x80 || !(isalnum(part.ptr[i]) || strchr("-_.", part.ptr[i])))
            return false;
    return part.len > 0 && !bole_slice_eq(part, S(".")) && !bole_slice_eq(part, S(".."));
}

bole_status objects_check_key(bole_slice key, struct bole_err *err)
{
    bole_slice rest = key;
    bool valid =
        key.len > 0 && key.len <= OBJECTS_KEY_MAX && key.ptr[key.len - 1] != '/' && !memchr(key.ptr, 0, key.len);
    while (valid && rest.len)
        valid = part_valid(bole_slice_cut(rest, '/', &rest));
    return valid ? BOLE_OK
                 : bole_fail(err, BOLE_E_INVALID, "objects: \"%.*s\" is not a valid key", BOLE_SLICE_ARG(key));
}
