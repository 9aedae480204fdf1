#include "store/segment/family.h"

#include "base/hash.h"
#include "record/labels.h"

/* ptr NULL: none of the labels is there. */
static bole_slice generator(bole_slice labels)
{
    static const char *const names[] = {"service_name", "service", "app", "job", "container"};
    bole_slice value = {0};
    for (size_t i = 0; !value.ptr && i < sizeof names / sizeof *names; i++)
        value = labels_find(labels, bole_slice_str(names[i]));
    return value;
}

bole_slice family_text(bole_slice labels)
{
    bole_slice value = generator(labels);
    return value.ptr ? value : labels;
}

uint64_t family_hash(bole_slice text)
{
    uint64_t hash = hash64(text);
    return hash ? hash : 1;
}

bole_slice family_name(bole_slice labels, struct buf *scratch)
{
    bole_slice name = generator(labels);
    if (!name.ptr) {
        buf_reset(scratch);
        labels_print(labels, scratch);
        name = buf_slice(scratch);
    }
    name.len = name.len < FAMILY_NAME_MAX ? name.len : FAMILY_NAME_MAX;
    return name;
}
