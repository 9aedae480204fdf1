/*
 * datetime.h - points in time as logs write them: which of the usual forms a text has, its stamp, and the same text
 * again.
 *
 * A stamp counts the smallest unit that the form shows (days to nanoseconds) since 1970, as if the text were UTC: a
 * zone is not part of a form. Where a form leaves out the year or the day, it is the one that brings the stamp nearest
 * to a given time; printing does not need it. Reading is strict: whatever is read prints back to the same bytes.
 *
 * Threads: pure functions; a cache one at a time.
 */
#ifndef STORE_CODEC_DATETIME_H
#define STORE_CODEC_DATETIME_H

#include "base/slice.h"

#define DATETIME_LEN_MAX 48u

/* How a fraction of a second is written. */
enum datetime_fraction {
    DATETIME_FIXED = 0,    /* always all digits */
    DATETIME_TRIMMED = 1,  /* without zeros at the end; nothing for 0 (Go) */
    DATETIME_GROUPS = 2,   /* 0, 3, 6 or 9 digits, as few as will do (Java) */
    DATETIME_OPTIONAL = 3, /* all digits, but nothing for 0 (Python) */
};

struct datetime_format {
    uint8_t pattern;   /* below datetime_pattern_count */
    uint8_t digits;    /* of the fraction, 0 .. 9 */
    uint8_t fraction;  /* enum datetime_fraction */
    uint8_t separator; /* byte before the fraction; 0: none */
};

extern const unsigned datetime_pattern_count; /* patterns keep their numbers: they are part of the format */

/* The first pattern, from number `from` on, that the front of text has; its length goes to *ret_len. */
bool datetime_detect(bole_slice text, unsigned from, int64_t near_ns, struct datetime_format *ret_format,
                     size_t *ret_len);

struct datetime_cache { /* of the texts before; starts zeroed, for texts that stay where they are */
    int64_t    year, days;
    unsigned   month, day;
    bole_slice text;              /* the last one read in full */
    uint8_t    second_at, end_at; /* in it; what is read from other texts that are the same outside */
    int64_t    minute;            /* stamp of its minute */
    int64_t    near_s;
};

/* The stamp of a text that is of this form throughout. */
bool datetime_parse(const struct datetime_format *f, bole_slice text, int64_t near_ns, struct datetime_cache *cache,
                    int64_t *ret_stamp);

/* For formats that were stored: all fields as they can be. */
bool datetime_format_valid(const struct datetime_format *f);
/* The stamps of times, rounded down. */
void datetime_of_ns(const struct datetime_format *f, const int64_t *time_ns, uint32_t count, int64_t *ret_stamps);
/* What can be printed: years 1700 to 2199. */
void datetime_range(const struct datetime_format *f, int64_t *ret_lowest, int64_t *ret_highest);
bool datetime_is_whole(const struct datetime_format *f); /* one text has one stamp, whatever it is near to */

/* Of a stamp in range. */
unsigned datetime_len(const struct datetime_format *f, int64_t stamp);
unsigned datetime_len_min(const struct datetime_format *f);
unsigned datetime_len_max(const struct datetime_format *f);
unsigned datetime_word_max(const struct datetime_format *f); /* no run of letters and digits is longer */
uint8_t *datetime_print(const struct datetime_format *f, int64_t stamp, uint8_t *out); /* may write 16 bytes more */

/* The texts of a few days, in which only the time of day is filled in: printing in a third of the time. */
#define DATETIME_DAYS 4u
struct datetime_days {
    int64_t  first;      /* stamp at which the first day begins */
    uint64_t end;        /* units from there on for which there are texts; 0: none */
    uint8_t  digits, len, hour_at, minute_at, second_at, fraction_at;
    uint8_t  text[DATETIME_DAYS][64];
};

/* For stamps from `lowest` on, between prefix and suffix; end is 0 for forms and lengths that are not fixed. */
void datetime_days_init(struct datetime_days *d, const struct datetime_format *f, int64_t lowest, bole_slice prefix,
                        bole_slice suffix);
/* Prints prefix, stamp and suffix; there must be a text for it. May write 16 bytes more. */
uint8_t *datetime_days_print(const struct datetime_days *d, int64_t stamp, uint8_t *out);

static inline bool datetime_days_has(const struct datetime_days *d, int64_t stamp)
{
    return (uint64_t)stamp - (uint64_t)d->first < d->end;
}

/* A text of this form with every byte that can occur in any. For class masks. */
bole_slice datetime_alphabet(const struct datetime_format *f, uint8_t ret_text[128]);

#endif
