/* journal_name.h - the service that an entry of the systemd journal is of. Threads: any. */
#ifndef PROCESS_JOURNAL_NAME_H
#define PROCESS_JOURNAL_NAME_H

#include "base/slice.h"

/* The unit's name without ".service" and instance; for what runs outside a service the syslog identifier, then the
 * command. Any of them may be empty; the result points into one of them, or is a constant. */
bole_slice journal_service_name(bole_slice unit, bole_slice identifier, bole_slice command);

#endif
