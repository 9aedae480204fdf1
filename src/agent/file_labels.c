#include "agent/file_labels.h"

#include "record/record.h"

static bool ends_with(bole_slice s, bole_slice end)
{
    return s.len >= end.len && memcmp(s.ptr + s.len - end.len, end.ptr, end.len) == 0;
}

static bole_slice last_component(bole_slice path, bole_slice *ret_before)
{
    const uint8_t *slash = path.len ? memrchr(path.ptr, '/', path.len) : NULL;
    *ret_before = slash ? (bole_slice){path.ptr, (size_t)(slash - path.ptr)} : (bole_slice){0};
    return slash ? bole_slice_sub(path, (size_t)(slash - path.ptr) + 1) : path;
}

static bole_slice without_ending(bole_slice name)
{
    static const bole_slice endings[] = {{(const uint8_t *)".log", 4}, {(const uint8_t *)".txt", 4},
                                         {(const uint8_t *)".out", 4}, {(const uint8_t *)".err", 4},
                                         {(const uint8_t *)".json", 5}};
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++)
        if (name.len > endings[i].len && ends_with(name, endings[i]))
            return (bole_slice){name.ptr, name.len - endings[i].len};
    return name;
}

/* Digits behind a separator, as often as they come: "-2026-11-21", ".1", "_3". */
static bole_slice without_number(bole_slice name)
{
    for (;;) {
        size_t n = name.len;
        while (n > 0 && name.ptr[n - 1] >= '0' && name.ptr[n - 1] <= '9')
            n--;
        if (n == name.len || n < 2 || !memchr("-._", name.ptr[n - 1], 3))
            return name;
        name.len = n - 1;
    }
}

static bool says_nothing(bole_slice name)
{
    static const char *const common[] = {"access", "error", "errors", "out", "stdout", "stderr",
                                         "log",    "main",  "debug",  "info", "warn",  "current"};
    for (size_t i = 0; i < sizeof common / sizeof common[0]; i++)
        if (bole_slice_eq_nocase(name, bole_slice_str(common[i])))
            return true;
    return false;
}

bole_slice file_service_name(bole_slice path)
{
    bole_slice before, ignored;
    bole_slice name = last_component(path, &before);
    /* Twice: "app.log.1" has its number behind the ending, "app-1.log" in front of it. */
    bole_slice stem = without_number(without_ending(without_number(name)));
    bole_slice directory = last_component(before, &ignored);
    if (says_nothing(stem) && directory.len && !bole_slice_eq(directory, S("log")))
        return directory;
    return stem.len ? stem : name;
}

static bole_slice cut(bole_slice s)
{
    return (bole_slice){s.ptr, s.len < LABEL_VALUE_MAX ? s.len : LABEL_VALUE_MAX};
}

bole_status file_labels(bole_slice path, bole_slice host, bole_slice job, struct buf *out, struct bole_err *err)
{
    struct label labels[] = {
        {S("filename"), cut(path)},
        {S("host"), cut(host)},
        {S("job"), cut(job)},
        {S("service_name"), cut(file_service_name(path))},
    };
    return labels_encode(labels, sizeof labels / sizeof labels[0], out, err);
}
