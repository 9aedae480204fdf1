/*
 * retention.h - how long records stay, as the flags of `bole serve` say it.
 *
 * Owner:   the object owns what store_retention points to, and must outlive the store.
 * Threads: one until the store is opened, then read-only.
 */
#ifndef CMD_RETENTION_H
#define CMD_RETENTION_H

#include "query/query.h"

enum { RETENTION_RULES_MAX = 64 };

struct retention {
    struct store_retention store; /* for the store's options */
    struct store_keep_rule rules[RETENTION_RULES_MAX];
    struct query_selector *selectors[RETENTION_RULES_MAX];
    const char *rule_texts[RETENTION_RULES_MAX]; /* as they were given */
};

/* "30d", "1d12h", "0" (for ever). BOLE_E_INVALID. */
bole_status retention_parse_time(bole_slice text, int64_t *ret_ns, struct bole_err *err);

/* One more rule behind those that are there: "{app=\"debug\"}=7d", "acme:=90d", "acme:{app=~\"web.*\"}=0". The text is
 * borrowed. BOLE_E_INVALID; BOLE_E_LIMIT. */
bole_status retention_add_rule(struct retention *r, const char *rule_text, struct bole_err *err);

void retention_deinit(struct retention *r); /* all zero is fine */

#endif
