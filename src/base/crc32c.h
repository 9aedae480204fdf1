/* crc32c.h - CRC-32C (Castagnoli, reflected polynomial 0x82F63B78, RFC 3720 appendix B.4), the checksum of every
 * format. */
#ifndef BASE_CRC32C_H
#define BASE_CRC32C_H

#include "base/slice.h"

/* Continues `crc` (0 at the start) over len bytes: crc32c(crc32c(0, a), b) is the checksum of a followed by b. */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t len);

/* The path without CPU instructions, for the test that compares the two. */
uint32_t crc32c_portable(uint32_t crc, const void *bytes, size_t len);

#endif
