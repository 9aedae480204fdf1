/*
 * record.h - limits and identity of a record, the unit of everything: one log line with its time, stream and fields.
 */
#ifndef RECORD_RECORD_H
#define RECORD_RECORD_H

#include "base/slice.h"

/* A record's identity, unique for ever: the LSN of the group that made it durable and its row in that group. Order
 * everywhere is (time, seq). */
#define SEQ_ROW_BITS 20
#define SEQ_ROWS_MAX (1u << SEQ_ROW_BITS) /* rows of one group */

static inline uint64_t seq_make(uint64_t lsn, uint32_t row) { return lsn << SEQ_ROW_BITS | row; }
static inline uint64_t seq_lsn(uint64_t seq) { return seq >> SEQ_ROW_BITS; }
static inline uint32_t seq_row(uint64_t seq) { return (uint32_t)(seq & (SEQ_ROWS_MAX - 1)); }

#define RECORD_LINE_MAX        (768u * 1024) /* bytes of one line */
#define RECORD_FIELDS_MAX      1024u         /* fields of one record */
#define RECORD_FIELDS_SIZE_MAX (128u * 1024) /* bytes of all names and values of one record's fields */
#define LABELS_MAX             64u           /* labels of one stream */
#define LABEL_NAME_MAX         1024u         /* bytes */
#define LABEL_VALUE_MAX        4096u         /* bytes */
#define LABELS_SIZE_MAX        (64u * 1024)  /* bytes of one encoded label set */
#define TENANT_MAX             150u          /* bytes of a tenant's name, as in Loki */

/* Letters, digits and !-_.*'() as Loki allows, 1..TENANT_MAX bytes, not "." or "..". */
bool tenant_valid(bole_slice name);

#endif
