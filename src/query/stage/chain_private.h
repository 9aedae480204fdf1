/* chain_private.h - a chain as chain.c has read it: what chain.c and chain_cells.c search with. */
#ifndef QUERY_CHAIN_PRIVATE_H
#define QUERY_CHAIN_PRIVATE_H

#include "query/stage/chain.h"

enum { CHAIN_LINKS_MAX = 48, CHAIN_GROUPS_MAX = 16, CHAIN_ASCII = 128 };
enum { CHAIN_STEPS_PER_BYTE = 16, CHAIN_STEPS_MIN = 256 }; /* of a search */

struct chain_link {
    uint8_t  has[256]; /* nothing above ASCII */
    uint64_t low[2];   /* the same, a bit per byte */
    uint32_t min, max; /* UINT32_MAX: no limit */
    int      only;     /* the one byte of the set, or -1 */
    int      except;   /* the one byte that is not in it, or -1 */
    bool     is_lazy;
    bool     is_sure;  /* what follows cannot match where this could have gone on: no other length need be tried */
};

struct chain {
    struct chain_link links[CHAIN_LINKS_MAX];
    unsigned          link_count;
    struct { unsigned from, to; } groups[CHAIN_GROUPS_MAX + 1]; /* links; 0: the whole */
    unsigned          group_count;
    bool              at_begin, at_end; /* ^, $ */
    bool              is_backward;      /* seen from the end of the line there is one way only */
};

#endif
