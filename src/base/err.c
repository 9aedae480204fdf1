#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool continues_character(char c)
{
    return (c & 0xc0) == 0x80; /* UTF-8 */
}

/* Fits text into `size` bytes with its NUL. What is said first is where, what is said last is why: the middle goes. */
static size_t squeeze(const char *text, size_t len, char *ret_text, size_t size)
{
    static const char gap[] = "…";
    if (len >= size) {
        size_t room = size - sizeof gap, head = room * 3 / 5, tail = len - (room - head);
        while (head && continues_character(text[head]))
            head--;
        while (tail < len && continues_character(text[tail]))
            tail++;
        memcpy(ret_text, text, head);
        memcpy(ret_text + head, gap, sizeof gap - 1);
        memcpy(ret_text + head + sizeof gap - 1, text + tail, len - tail);
        len = head + sizeof gap - 1 + len - tail;
    } else {
        memcpy(ret_text, text, len);
    }
    ret_text[len] = 0;
    return len;
}

size_t err_vprint(char *ret_text, size_t size, const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(ret_text, size, fmt, args);
    size_t len = n < 0 ? 0 : (size_t)n;
    char *whole = len >= size ? malloc(len + 1) : NULL;
    if (whole) {
        vsnprintf(whole, len + 1, fmt, again);
        len = squeeze(whole, len, ret_text, size);
        free(whole);
    }
    va_end(again);
    return len < size ? len : size - 1;
}

size_t err_print(char *ret_text, size_t size, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    size_t len = err_vprint(ret_text, size, fmt, args);
    va_end(args);
    return len;
}

bole_status bole_fail(struct bole_err *err, bole_status code, const char *fmt, ...)
{
    if (err) {
        va_list ap;
        va_start(ap, fmt);
        err_vprint(err->msg, sizeof err->msg, fmt, ap);
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
        char what[sizeof err->msg], text[128];
        err_vprint(what, sizeof what, fmt, ap);
        va_end(ap);
        err_print(err->msg, sizeof err->msg, "%s: %s", what, strerror_r(sys_errno, text, sizeof text));
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
    old[sizeof old - 1] = 0;
    va_list ap;
    va_start(ap, fmt);
    err_vprint(context, sizeof context, fmt, ap);
    va_end(ap);
    err_print(err->msg, sizeof err->msg, "%s: %s", context, old);
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
