/* Any line and any now; what is found does not depend on what lies behind the line. */
#include <stdlib.h>

#include "base/bytes.h"
#include "receive/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 8)
        return 0;
    int64_t now = load_i64(data), first = 0, second = 0;
    uint8_t *exact = malloc(size - 8 ? size - 8 : 1);
    if (!exact)
        return 0;
    memcpy(exact, data + 8, size - 8);
    bool a = text_time(bole_slice_from(data + 8, size - 8), now, &first);
    bool b = text_time(bole_slice_from(exact, size - 8), now, &second);
    if (a != b || first != second)
        abort();
    time_value_parse(bole_slice_from(exact, size - 8), &first);
    unix_time_parse(bole_slice_from(exact, size - 8), &first);
    free(exact);
    return 0;
}
