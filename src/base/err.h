/*
 * err.h - filling a caller-owned error.
 *
 * `err` may be NULL everywhere: the status alone is then the answer.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdarg.h>

#include "bole/types.h"

/* As vsnprintf into `size` bytes (32 at least), but returns what is there, and a text that is too long loses its middle, for
 * which a "…" stands: a message says where at its beginning and why at its end. All messages below are printed so. */
size_t err_vprint(char *ret_text, size_t size, const char *fmt, va_list args) __attribute__((format(printf, 3, 0)));
size_t err_print(char *ret_text, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Writes the message and returns `code`: `return bole_fail(err, BOLE_E_INVALID, "...")`. */
bole_status bole_fail(struct bole_err *err, bole_status code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for a failed system call: appends strerror(sys_errno). ENOSPC, EDQUOT and EFBIG become BOLE_E_FULL,
 * ENOENT BOLE_E_NOTFOUND, ENOMEM BOLE_E_NOMEM, everything else BOLE_E_IO. */
bole_status bole_fail_errno(struct bole_err *err, int sys_errno, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "context: " in front of the message that is there. */
void bole_err_context(struct bole_err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

const char *bole_status_name(bole_status status);

#endif
