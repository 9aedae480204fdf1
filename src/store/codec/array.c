#include "store/codec/array.h"

#include <stdlib.h>
#include <string.h>

bool array_reserve(void *array, uint32_t *cap, size_t need, size_t element_size)
{
    if (need <= *cap)
        return true;
    size_t more = *cap ? (size_t)*cap * 2 : 64, size;
    if (more < need)
        more = need;
    if (more > UINT32_MAX || __builtin_mul_overflow(more, element_size, &size))
        return false;
    void *old, *grown;
    memcpy(&old, array, sizeof old);
    grown = realloc(old, size);
    if (!grown)
        return false;
    memcpy(array, &grown, sizeof grown);
    *cap = (uint32_t)more;
    return true;
}
