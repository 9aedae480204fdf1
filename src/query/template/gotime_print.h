/* gotime_print.h - a time as Go's time.Format prints it by a layout: base/gotime.h. */
#ifndef QUERY_GOTIME_PRINT_H
#define QUERY_GOTIME_PRINT_H

#include "base/gotime.h"
#include "query/text.h"

void gotime_print(const struct gotime *t, bole_slice layout, struct text *out);

#endif
