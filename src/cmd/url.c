#include "cmd/url.h"

#include <stdio.h>

void url_segment(struct buf *out, bole_slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.ptr[i], lower = c | 32;
        if ((lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '~')
            buf_put_u8(out, c);
        else
            buf_printf(out, "%%%02X", c);
    }
}

void url_param(struct buf *out, const char *name, bole_slice value)
{
    bool first = !memchr(out->ptr, '?', out->len);
    buf_put_u8(out, first ? '?' : '&');
    buf_put_str(out, name);
    buf_put_u8(out, '=');
    url_segment(out, value);
}

void url_param_i64(struct buf *out, const char *name, int64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)value);
    url_param(out, name, bole_slice_str(text));
}

const char *url_text(struct buf *out)
{
    buf_put_u8(out, 0);
    return out->failed ? "" : (const char *)out->ptr;
}
