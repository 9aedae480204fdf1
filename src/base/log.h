/*
 * log.h - Bole's own log: logfmt lines on stderr.
 *
 *   ts=2026-11-21T10:00:00.123Z level=warn msg="segment quarantined" segment=7 reason="checksum"
 *
 * Repeats of one call site are limited to LOG_BURST lines per second; what was held back is counted and said with the
 * next line that passes. Threads: any.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/slice.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

#define LOG_BURST 5 /* lines of one call site per second */

struct log_site { /* one per call site, static */
    _Atomic uint64_t window_s;
    _Atomic uint32_t in_window;
    _Atomic uint32_t held_back;
};

/* Process-wide on purpose: stderr is, too. */
void log_set_level(enum log_level level);
enum log_level log_get_level(void);
int log_parse_level(bole_slice text, enum log_level *ret_level); /* -1: unknown */
const char *log_level_name(enum log_level level);

/* msg is plain text; the rest is a printf format that makes ` key=value` pairs (quote values with log_q when they are
 * not known to be plain): LOG(WARN, "slow sync", " ms=%u path=%s", ms, LOGQ(path)). */
void log_write(struct log_site *site, enum log_level level, const char *msg, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Quotes for logfmt into caller storage; cut at its size. Returns dst. */
const char *log_quote(char *dst, size_t dst_size, bole_slice value);

#define LOGQ(slice) log_quote((char[512]){0}, 512, slice)
#define LOGQS(cstr) LOGQ(bole_slice_str(cstr))

#define LOG(level_, msg_, ...)                                                        \
    do {                                                                              \
        static struct log_site log_site_;                                             \
        if (LOG_LEVEL_##level_ >= log_get_level())                                    \
            log_write(&log_site_, LOG_LEVEL_##level_, msg_, "" __VA_ARGS__);          \
    } while (0)

#endif
