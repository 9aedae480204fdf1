#include "query/label_name.h"

#include "base/utf8.h"

static bool is_name_char(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

size_t label_name_write(bole_slice key, uint8_t *out)
{
    size_t n = 0;
    for (size_t i = 0; i < key.len;) {
        size_t len = utf8_length(key.ptr + i, key.len - i);
        out[n++] = is_name_char(key.ptr[i]) ? key.ptr[i] : '_';
        i += len ? len : 1;
    }
    return n;
}

bole_slice label_name_from_key(struct row *r, bole_slice key)
{
    key = bole_slice_trim(key);
    if (key.len == 0)
        return key;
    bool digit = key.ptr[0] >= '0' && key.ptr[0] <= '9', clean = !digit;
    for (size_t i = 0; i < key.len && clean; i++)
        clean = is_name_char(key.ptr[i]);
    if (clean)
        return key;
    uint8_t *out = arena_bytes(r->scratch, key.len + 1);
    if (!out) {
        r->out_of_memory = true;
        return (bole_slice){0};
    }
    out[0] = '_';
    return (bole_slice){out, digit + label_name_write(key, out + digit)};
}
