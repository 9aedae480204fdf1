/*
 * line_kind.h - what kind of line it is, at a glance: a service may print several that have little in common, and each is
 * stored smaller among its like.
 *
 * Lines of one source have one kind or a few: of a JSON object it is its first key, of other lines how they begin, with
 * words and numbers alike. Nothing depends on it but how well lines compress: not part of any format.
 *
 * Threads: a pure function.
 */
#ifndef STORE_CODEC_LINE_KIND_H
#define STORE_CODEC_LINE_KIND_H

#include "base/slice.h"

uint64_t line_kind(bole_slice line);

#endif
