#include "query/stage/label_name.h"

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

/* How long the blank is that s begins with, by Unicode; 0: none. */
static size_t blank_length(bole_slice s)
{
    static const char *const blanks[] = {"\xc2\x85", "\xc2\xa0", "\xe1\x9a\x80", "\xe2\x80\xa8", "\xe2\x80\xa9",
                                         "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80"};
    if (s.len == 0 || s.ptr[0] < 0x80)
        return s.len && (s.ptr[0] == ' ' || (s.ptr[0] >= '\t' && s.ptr[0] <= '\r'));
    for (size_t i = 0; i < sizeof blanks / sizeof *blanks; i++)
        if (bole_slice_starts(s, bole_slice_str(blanks[i])))
            return strlen(blanks[i]);
    return bole_slice_starts(s, S("\xe2\x80")) && s.len > 2 && s.ptr[2] <= 0x8a ? 3 : 0;
}

bole_slice label_name_trim(bole_slice key)
{
    for (size_t n; (n = blank_length(key)) > 0;)
        key = bole_slice_sub(key, n);
    for (size_t n = 1; key.len && n <= 3;) {
        bool is_blank = n <= key.len && blank_length((bole_slice){key.ptr + key.len - n, n}) == n;
        key.len -= is_blank ? n : 0;
        n = is_blank ? 1 : n + 1;
    }
    return key;
}

bole_slice label_name_from_key(struct row *r, bole_slice key)
{
    key = label_name_trim(key);
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
