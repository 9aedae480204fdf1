#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bole_status bole_fail(struct bole_err *err, bole_status code, const char *fmt, ...)
{
    if (err) {
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(err->msg, sizeof err->msg, fmt, ap);
        va_end(ap);
        err->code = code;
        err->sys_errno = 0;
    }
    return code;
}

static bole_status status_of_errno(int sys_errno)
{
    switch (sys_errno) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return BOLE_E_FULL;
    case ENOENT: return BOLE_E_NOTFOUND;
    case EMFILE:
    case ENFILE: return BOLE_E_LIMIT; /* of descriptors: another one may be closed any moment */
    case ENOMEM: return BOLE_E_NOMEM;
    default: return BOLE_E_IO;
    }
}

bole_status bole_fail_errno(struct bole_err *err, int sys_errno, const char *fmt, ...)
{
    bole_status code = status_of_errno(sys_errno);
    if (err) {
        va_list ap;
        va_start(ap, fmt);
        int n = vsnprintf(err->msg, sizeof err->msg, fmt, ap);
        va_end(ap);
        if (n >= 0 && (size_t)n < sizeof err->msg) {
            char text[128];
            snprintf(err->msg + n, sizeof err->msg - (size_t)n, ": %s", strerror_r(sys_errno, text, sizeof text));
        }
        err->code = code;
        err->sys_errno = sys_errno;
    }
    return code;
}

void bole_err_context(struct bole_err *err, const char *fmt, ...)
{
    if (!err)
        return;
    char old[sizeof err->msg], context[sizeof err->msg];
    memcpy(old, err->msg, sizeof old);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(context, sizeof context, fmt, ap);
    va_end(ap);
    /* A message too long for its room loses its end, not its beginning: the context is what the reader needs first. */
    size_t n = strlen(context);
    if (n > sizeof err->msg - 3)
        n = sizeof err->msg - 3;
    memcpy(err->msg, context, n);
    memcpy(err->msg + n, ": ", 2);
    size_t room = sizeof err->msg - n - 3, old_len = strnlen(old, sizeof old - 1);
    memcpy(err->msg + n + 2, old, old_len < room ? old_len : room);
    err->msg[n + 2 + (old_len < room ? old_len : room)] = 0;
}

const char *bole_status_name(bole_status status)
{
    switch (status) {
    case BOLE_OK: return "ok";
    case BOLE_END: return "end";
    case BOLE_AGAIN: return "again";
    case BOLE_E_INVALID: return "invalid";
    case BOLE_E_IO: return "io";
    case BOLE_E_CORRUPT: return "corrupt";
    case BOLE_E_LIMIT: return "limit";
    case BOLE_E_NOMEM: return "nomem";
    case BOLE_E_NOTFOUND: return "notfound";
    case BOLE_E_UNSUPPORTED: return "unsupported";
    case BOLE_E_FULL: return "full";
    case BOLE_E_CANCELLED: return "cancelled";
    case BOLE_E_CONFLICT: return "conflict";
    case BOLE_E_DENIED: return "denied";
    }
    return "unknown";
}
