/* gotime_impl.h - the parts of a layout, for gotime_parse.c that reads and query/template/gotime_print.c that prints. */
#ifndef BASE_GOTIME_IMPL_H
#define BASE_GOTIME_IMPL_H

#include "base/gotime.h"

enum part {
    PART_NONE, YEAR4, YEAR2, MONTH_NAME, MONTH_SHORT, MONTH2, MONTH1, DAY_NAME, DAY_SHORT, DAY2, DAY1, DAY_BLANK,
    YEARDAY, YEARDAY_BLANK, HOUR24, HOUR12_2, HOUR12, MINUTE2, MINUTE1, SECOND2, SECOND1, PM_UPPER, PM_LOWER, ZONE_NAME,
    ZONE_Z, ZONE_Z_COLON, ZONE_Z_HOUR, ZONE_Z_SECOND, ZONE_Z_COLON_SECOND,
    ZONE_PLAIN, ZONE_COLON, ZONE_HOUR, ZONE_SECOND, ZONE_COLON_SECOND, FRACTION_0, FRACTION_9,
};

/* The next part of the layout; the text in front of it goes to *ret_before, and the layout begins behind it. PART_NONE:
 * all is text. *ret_digits: of a fraction. */
enum part gotime_next_part(bole_slice *layout, bole_slice *ret_before, size_t *ret_digits);

#endif
