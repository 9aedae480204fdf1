/* gelf.h - one GELF message as a record, for all ways that it may come. Not for other modules. */
#ifndef RECEIVE_GELF_H
#define RECEIVE_GELF_H

#include "receive/mapping.h"

/* The names that GELF gives to line and time; call behind mapping_init. */
bool gelf_ready(struct mapping *m);

/* The message at the cursor m->j. False: an error in m->j, or the request is over. */
bool gelf_store(struct mapping *m);
/* The same, with the address that it came from. */
bool gelf_store_from(struct mapping *m, bole_slice sender);

#endif
