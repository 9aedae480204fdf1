/*
 * find_bytes.h - the first place of a needle in bytes, for scanning columns: several times as fast as memmem.
 *
 * Positions are sifted by the needle's first and last byte, 64 at a time, by plain loops that compilers turn into the
 * vectors of the machine (SSE2 and NEON reach 17 GB/s; AVX2 gave a quarter more and was not worth a second path). Work
 * stays linear: when too many positions pass the sieve in vain, memmem's two-way search takes over.
 *
 * Threads: a pure function.
 */
#ifndef STORE_CODEC_FIND_BYTES_H
#define STORE_CODEC_FIND_BYTES_H

#include "base/slice.h"

/* NULL when it is not there. An empty needle is at the front. */
const uint8_t *find_bytes(bole_slice hay, bole_slice needle);

#endif
