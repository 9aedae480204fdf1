/* url.h - paths with query parameters. */
#ifndef CMD_URL_H
#define CMD_URL_H

#include "base/buf.h"

/* Appends `?name=value` or `&name=value`, percent-encoded; `out` holds the path so far. */
void url_param(struct buf *out, const char *name, bole_slice value);
void url_param_i64(struct buf *out, const char *name, int64_t value);
/* Appends a path segment, percent-encoded. */
void url_segment(struct buf *out, bole_slice segment);
/* The text with its NUL; "" when memory ran out. */
const char *url_text(struct buf *out);

#endif
