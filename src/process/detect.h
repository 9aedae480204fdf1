/*
 * detect.h - finds what should not lie in a log: e-mail addresses, card numbers, IBANs, keys and passwords, IP addresses.
 *
 * What is checked: cards by brand, length and the Luhn sum (ISO/IEC 7812-1), IBANs by country, length and mod 97 (ISO
 * 13616), addresses by their grammar, keys by the forms that their issuers give them, passwords by the name that stands
 * in front (password=..., "api_key": "...", Authorization: ..., user:...@ in a URL). Text is bytes: NUL and bad UTF-8 are
 * ordinary.
 *
 * Threads: a detector is read-only once made.
 */
#ifndef PROCESS_DETECT_H
#define PROCESS_DETECT_H

#include "base/slice.h"

enum detect_kind {
    DETECT_EMAIL, DETECT_CARD, DETECT_IBAN, DETECT_AWS_KEY, DETECT_JWT, DETECT_BEARER, DETECT_PRIVATE_KEY, DETECT_TOKEN,
    DETECT_PASSWORD, DETECT_IPV4, DETECT_IPV6, DETECT_COUNT
};

struct detector {
    unsigned kinds;                   /* bit 1 << enum detect_kind */
    uint8_t  low[3][16], high[3][16]; /* of each of three bytes in a row, by its halves: which beginnings it may be in */
    uint32_t exact[3][256];           /* of each of three bytes in a row: bits of the beginnings that it fits */
};

struct detect_hit {
    size_t from, to; /* bytes of the text */
    enum detect_kind kind;
};

const char *detect_kind_name(enum detect_kind kind);
/* The kinds of a name: of one, or of the groups "secret", "ip", "all". 0: unknown. */
unsigned detect_kinds(bole_slice name);
extern const char *const detect_names[]; /* all of those, for "did you mean"; ends with NULL */

void detector_init(struct detector *d, unsigned kinds);

/* The first hit that begins at `from` or later. Linear in the length of the text, taken over all calls for it. */
bool detect_next(const struct detector *d, bole_slice text, size_t from, struct detect_hit *ret_hit);

/* A field of this name holds a secret: password, db_password, X-Api-Key, accessToken. */
bool detect_secret_name(bole_slice name);

/* ---- a gate: what a text holds of the kinds of many detectors and of many literals, found in one pass ---- */

#define GATE_LITERALS_MAX 32u
#define GATE_PIECE_MAX    16u /* bytes of a literal that are looked for */

struct gate {
    struct detector any;                 /* its first step knows the literals, too */
    uint32_t   literal_exact[3][256];    /* as in a detector: bits of literals */
    uint32_t   literals;                 /* bits of those that there are */
    struct gate_literal {
        uint8_t bytes[GATE_PIECE_MAX], len, at; /* at: where the three bytes stand that are looked for first */
    } pieces[GATE_LITERALS_MAX];
};

struct gate_found {
    uint32_t kinds, literals; /* of a kind: that detect_next would find one; of a literal: that its piece is there */
};

void gate_init(struct gate *g);
void gate_add_kinds(struct gate *g, unsigned kinds);
/* Its bit; 0 when it is empty or there is no room: then nothing can be said about it. */
uint32_t gate_add_literal(struct gate *g, bole_slice literal);
struct gate_found gate_look(const struct gate *g, bole_slice text);

/* Without vectors of the machine: for tests. */
bool detect_next_portable(const struct detector *d, bole_slice text, size_t from, struct detect_hit *ret_hit);
struct gate_found gate_look_portable(const struct gate *g, bole_slice text);

#endif
