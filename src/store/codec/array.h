/*
 * array.h - growing arrays of scratch memory that an encoder keeps from one row group to the next.
 */
#ifndef STORE_CODEC_ARRAY_H
#define STORE_CODEC_ARRAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Makes room for `need` elements in the array that *(void **)array points to. False: no memory, the array is as it was. */
bool array_reserve(void *array, uint32_t *cap, size_t need, size_t element_size);

#endif
