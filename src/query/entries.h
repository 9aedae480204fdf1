/*
 * entries.h - rows that are kept: their lines and their labels, equal label sets once.
 *
 * Owner:   a log_entries owns what its entries point to; each entry is made and dropped by itself.
 * Threads: one.
 */
#ifndef QUERY_ENTRIES_H
#define QUERY_ENTRIES_H

#include "query/query.h"

struct label_block;

struct log_entries {
    struct budget       *budget;
    struct query_entry  *at;      /* the caller puts entries there, log_entries_destroy drops them */
    size_t               count, cap;
    struct label_block **buckets; /* [bucket_count], a power of two or 0 */
    size_t               bucket_count, block_count;
};

struct log_entries *log_entries_create(struct budget *budget); /* NULL: no memory */
void log_entries_destroy(struct log_entries *kept);            /* NULL is fine */

/* Room for one entry more in `at`; never for more than max. */
bool log_entries_grow(struct log_entries *kept, size_t max);

/* A copy of the row. room: for ROW_LABELS_MAX + 2 labels. False: no memory. */
bool log_entry_make(struct log_entries *kept, const struct row *r, uint64_t seq, struct row_label *room, struct query_entry *ret);
void log_entry_drop(struct log_entries *kept, const struct query_entry *e);

/* Turns `at`, which is in the order of the answer, into the streams of a result, parting them in place. With `ordered` these
 * stand in the order of their first entries, not of their labels, and the result also has the order itself. False: no memory. */
bool log_entries_part(struct log_entries *kept, bool categorize, bool ordered, struct query_result *result);

/* NULL: no memory or no room in the budget. */
void *budget_alloc(struct budget *budget, size_t size);

#endif
