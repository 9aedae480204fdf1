#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/random.h"
#include "base/test.h"
#include "base/timefmt.h"
#include "store/codec/datetime.h"

static uint64_t seed_of_test(void)
{
    uint64_t seed = getenv("SEED") ? strtoull(getenv("SEED"), NULL, 0) : (uint64_t)time(NULL);
    printf("seed %" PRIu64 "\n", seed);
    return seed;
}

TEST(points_in_time_are_read_as_what_they_say)
{
    static const struct {
        const char *text;
        int64_t year;
        unsigned month, day, hour, minute, second, digits, fraction, zone;
    } cases[] = {
        {"2016-02-29T23:59:58Z", 2016, 2, 29, 23, 59, 58, 0, 0, 1},
        {"2015-10-17 15:37:57,036", 2015, 10, 17, 15, 37, 57, 3, 36, 0},
        {"2025-01-01T00:00:00.066264+00:00", 2025, 1, 1, 0, 0, 0, 6, 66264, 6},
        {"2025-01-01T00:00:00.066264001Z", 2025, 1, 1, 0, 0, 0, 9, 66264001, 1},
        {"20/Feb/2016:00:02:13 -0500", 2016, 2, 20, 0, 2, 13, 0, 0, 6},
        {"Dec 31 23:59:59", 2024, 12, 31, 23, 59, 59, 0, 0, 0}, /* the year that is nearest to 2025-01-01 */
        {"Jan  9 06:06:20", 2025, 1, 9, 6, 6, 20, 0, 0, 0},
        {"Sun Dec 04 04:47:44 2005", 2005, 12, 4, 4, 47, 44, 0, 0, 0},
        {"Sun Dec  4 04:47:44.123456 2005", 2005, 12, 4, 4, 47, 44, 6, 123456, 0},
        {"Wed, 21 Oct 2015 07:28:00 GMT", 2015, 10, 21, 7, 28, 0, 0, 0, 4},
        {"2005-06-03-15.42.50.363779", 2005, 6, 3, 15, 42, 50, 6, 363779, 0},
        {"081109 203615", 2008, 11, 9, 20, 36, 15, 0, 0, 0},
        {"17/06/09 20:10:40", 2017, 6, 9, 20, 10, 40, 0, 0, 0},
        {"03-17 16:13:38.811", 2025, 3, 17, 16, 13, 38, 3, 811, 0},
        {"20171223-22:15:29:606", 2017, 12, 23, 22, 15, 29, 3, 606, 0},
        {"0102 15:04:05.123456", 2025, 1, 2, 15, 4, 5, 6, 123456, 0},
        {"23:59:59.5", 2024, 12, 31, 23, 59, 59, 1, 5, 0}, /* of the nearest day */
        {"1451606400", 2016, 1, 1, 0, 0, 0, 0, 0, 0},
        {"1451606400.25", 2016, 1, 1, 0, 0, 0, 2, 25, 0},
        {"1451606400123", 2016, 1, 1, 0, 0, 0, 3, 123, 0},
        {"1451606400123456789", 2016, 1, 1, 0, 0, 0, 9, 123456789, 0},
    };
    int64_t near_ns = 1735689600000000000; /* 2025-01-01 */
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct datetime_format f;
        struct datetime_cache cache = {0};
        bole_slice text = bole_slice_str(cases[i].text);
        size_t len;
        int64_t stamp, unit = 1, want;
        CHECK(datetime_detect(text, 0, near_ns, &f, &len));
        CHECK_EQ_U64(len + cases[i].zone, text.len);
        CHECK_EQ_U64(f.digits, cases[i].digits);
        text.len = len;
        CHECK(datetime_parse(&f, text, near_ns, &cache, &stamp));
        for (unsigned k = 0; k < f.digits; k++)
            unit *= 10;
        want = time_from_civil(cases[i].year, cases[i].month, cases[i].day, cases[i].hour, cases[i].minute,
                               cases[i].second) *
               unit;
        CHECK_EQ_I64(stamp, want + cases[i].fraction);
    }
}

TEST(patterns_keep_their_numbers)
{
    static const char *const texts[] = {
        "2001-02-03T04:05:06", "2001-02-03 04:05:06", "2001/02/03 04:05:06", "03/Feb/2001:04:05:06", "Feb  3 04:05:06",
        "Sat Feb  3 04:05:06 2001", "Sat Feb 03 04:05:06 2001", "Sat, 03 Feb 2001 04:05:06", "03 Feb 2001 04:05:06",
        "03-Feb-2001 04:05:06", "02/03/2001 04:05:06", "03/02/2001 04:05:06", "03.02.2001 04:05:06",
        "2001.02.03 04:05:06", "02-03 04:05:06", "02/03 04:05:06", "02.03 04:05:06", "2001-02-03-04.05.06",
        "2001-02-03_04:05:06", "20010203-04:05:06", "20010203 04:05:06", "20010203T040506", "20010203040506",
        "010203 04:05:06", "010203 040506", "01/02/03 04:05:06", "Feb 03 04:05:06", "Feb 03 2001 04:05:06",
        "Feb  3 2001 04:05:06", "Feb 03, 2001 04:05:06", "0203 04:05:06", "2001-02-03T04:05", "2001-02-03 04:05",
        "2001-02-03", "2001/02/03", "03/Feb/2001", "03-Feb-2001", "03.02.2001", "04:05:06", "1981173106",
    };
    CHECK_EQ_U64(datetime_pattern_count, sizeof texts / sizeof texts[0]);
    for (unsigned p = 0; p < datetime_pattern_count; p++) {
        struct datetime_format f = {.pattern = (uint8_t)p};
        uint8_t text[DATETIME_LEN_MAX + 16];
        int64_t seconds = 981173106, stamp; /* 2001-02-03 04:05:06 */
        datetime_of_ns(&f, &(int64_t){(p == 39 ? seconds + 1000000000 : seconds) * 1000000000}, 1, &stamp);
        uint8_t *end = datetime_print(&f, stamp, text);
        CHECK_EQ_SLICE(bole_slice_from(text, (size_t)(end - text)), bole_slice_str(texts[p]));
    }
}

TEST(what_is_not_a_point_in_time_is_not_read_as_one)
{
    static const char *const cases[] = {
        "", "2", "2025-02-29T00:00:00Z", "2025-13-01 00:00:00", "2025-00-01 00:00:00", "2025-01-32 00:00:00",
        "2025-01-00 00:00:00", "1900-02-29 00:00:00", "Foo  1 00:00:00", "jan  1 00:00:00", "Jan 0 00:00:00",
        "Feb 30 00:00:00", "Mon Dec 04 04:47:44 2005", "9999-01-01 00:00:00", "0000-01-01 00:00:00", "24:00:00",
        "23:60:00", "23:59:60", "0999999999", "9999999999", "12345678901234567890",
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct datetime_format f;
        size_t len;
        bool found = datetime_detect(bole_slice_str(cases[i]), 0, 1735689600000000000, &f, &len);
        CHECK(!found || len < strlen(cases[i])); /* a date in front of a time that is none */
    }
}

TEST(times_of_a_few_days_print_as_all_times_do)
{
    static const char *const cases[] = {"2025-01-01T00:00:00Z",
                                        "[20/Feb/2016:00:02:13 -0500]", "Feb 28 06:06:20", "23:59:59.5",
                                        "2015-10-17 15:37:57,036", "1999-12-31 23:59:59.123456",
                                        "1969-12-31T00:00:00.000000001Z", "Sun Dec  4 04:47:44.123456 2005",
                                        "1451606400123",
                                        "2199-12-30 10:00:00"};
    struct random r;
    random_seed(&r, seed_of_test());
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bole_slice text = bole_slice_str(cases[i]), prefix = {text.ptr, text.ptr[0] == '['};
        struct datetime_format f;
        struct datetime_cache cache = {0};
        struct datetime_days days;
        size_t len;
        int64_t lowest;
        CHECK(datetime_detect(bole_slice_sub(text, prefix.len), 0, 1735689600000000000, &f, &len));
        CHECK(datetime_parse(&f, bole_slice_from(text.ptr + prefix.len, len), 1735689600000000000, &cache, &lowest));
        datetime_days_init(&days, &f, lowest, prefix, bole_slice_sub(text, prefix.len + len));
        CHECK(days.end > 0 || text.ptr[1] == '4'); /* seconds since 1970 have no days */
        for (int k = 0; k < 1000 && days.end; k++) {
            uint8_t fast[128], slow[128];
            int64_t stamp = days.first + (int64_t)random_below(&r, days.end);
            CHECK(datetime_days_has(&days, stamp));
            bole_slice got = {fast, (size_t)(datetime_days_print(&days, stamp, fast) - fast)};
            memcpy(slow, text.ptr, prefix.len);
            uint8_t *end = datetime_print(&f, stamp, slow + prefix.len);
            bole_slice suffix = bole_slice_sub(text, prefix.len + len);
            if (suffix.len)
                memcpy(end, suffix.ptr, suffix.len);
            CHECK_EQ_SLICE(got, bole_slice_from(slow, (size_t)(end - slow) + suffix.len));
        }
        CHECK(!datetime_days_has(&days, days.first - 1));
        CHECK(!datetime_days_has(&days, days.first + (int64_t)days.end));
    }
}
