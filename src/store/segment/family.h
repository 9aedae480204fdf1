/*
 * family.h - what generates the text of a stream. Rows of one family look alike: they share row groups and templates,
 * however many label sets they come under.
 *
 * A family is the value of the first of service_name, service, app, job, container that a label set has; without any of
 * them, the whole set.
 */
#ifndef STORE_FAMILY_H
#define STORE_FAMILY_H

#include "base/buf.h"

#define FAMILY_NAME_MAX 64u /* bytes kept for people to read; the rest is cut off */

/* What is the same for all canonical label sets of one family; part of `labels`. */
bole_slice family_text(bole_slice labels);
uint64_t family_hash(bole_slice text); /* never 0, which stands for several families */

/* Part of `labels` or of scratch. */
bole_slice family_name(bole_slice labels, struct buf *scratch);

#endif
