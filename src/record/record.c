#include "record/record.h"

bool tenant_valid(bole_slice name)
{
    if (name.len == 0 || name.len > TENANT_MAX || bole_slice_eq(name, S(".")) || bole_slice_eq(name, S("..")))
        return false;
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.ptr[i], lower = c | 32;
        bool plain = (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9');
        if (!plain && (c == 0 || !strchr("!-_.*'()", c)))
            return false;
    }
    return true;
}
