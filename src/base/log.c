#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/timefmt.h"

static _Atomic int threshold = LOG_LEVEL_INFO;

static const char *const level_names[] = {"debug", "info", "warn", "error"};

void log_set_level(enum log_level level)
{
    threshold = level;
}

enum log_level log_get_level(void)
{
    return (enum log_level)threshold;
}

const char *log_level_name(enum log_level level)
{
    return level_names[level];
}

int log_parse_level(bole_slice text, enum log_level *ret_level)
{
    for (int i = 0; i < 4; i++)
        if (text.len == strlen(level_names[i]) && memcmp(text.ptr, level_names[i], text.len) == 0) {
            *ret_level = (enum log_level)i;
            return 0;
        }
    return -1;
}

const char *log_quote(char *dst, size_t dst_size, bole_slice value)
{
    size_t at = 0;
    dst[at++] = '"';
    for (size_t i = 0; i < value.len && at + 6 < dst_size; i++) {
        uint8_t c = value.ptr[i];
        if (c == '"' || c == '\\') {
            dst[at++] = '\\';
            dst[at++] = (char)c;
        } else if (c < 0x20 || c == 0x7f) {
            at += (size_t)snprintf(dst + at, dst_size - at, "\\x%02x", c);
        } else {
            dst[at++] = (char)c;
        }
    }
    dst[at++] = '"';
    dst[at] = 0;
    return dst;
}

/* True when this line may pass; *ret_held is what was held back since the last one that did. */
static bool site_admits(struct log_site *site, uint64_t now_s, uint32_t *ret_held)
{
    *ret_held = 0;
    if (atomic_exchange(&site->window_s, now_s) != now_s) {
        site->in_window = 0;
        *ret_held = atomic_exchange(&site->held_back, 0);
    }
    if (atomic_fetch_add(&site->in_window, 1) < LOG_BURST)
        return true;
    atomic_fetch_add(&site->held_back, 1 + *ret_held);
    return false;
}

void log_write(struct log_site *site, enum log_level level, const char *msg, const char *fmt, ...)
{
    int64_t now = clock_now_ns(&clock_system);
    uint32_t held;
    if (!site_admits(site, (uint64_t)(now / NS_PER_S), &held))
        return;
    char line[2048], stamp[TIME_TEXT_MAX], quoted[512];
    time_format_rfc3339(now, 3, stamp);
    int n = snprintf(line, sizeof line - 1, "ts=%s level=%s msg=%s", stamp, level_names[level],
                     log_quote(quoted, sizeof quoted, bole_slice_str(msg)));
    va_list ap;
    va_start(ap, fmt);
    if ((size_t)n < sizeof line - 1)
        n += vsnprintf(line + n, sizeof line - 1 - (size_t)n, fmt, ap);
    va_end(ap);
    if ((size_t)n < sizeof line - 1 && held)
        n += snprintf(line + n, sizeof line - 1 - (size_t)n, " held_back=%u", held);
    if ((size_t)n > sizeof line - 2)
        n = sizeof line - 2;
    line[n++] = '\n';
    /* One write, so that lines of several threads never mix. Nobody is left to tell when stderr itself fails. */
    ssize_t ignored = write(STDERR_FILENO, line, (size_t)n);
    (void)ignored;
}
