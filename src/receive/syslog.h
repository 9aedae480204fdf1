/*
 * syslog.h - one syslog message as a record: RFC 5424, RFC 3164 as it is really sent, and whatever else comes in. Nothing
 * is refused for its form: what is not understood stays in the line. docs/receivers/syslog.md
 */
#ifndef RECEIVE_SYSLOG_H
#define RECEIVE_SYSLOG_H

#include "receive/door.h"

/* The text without what frames it, but for a line end, which goes; `cut` when it is only the beginning of one. The sender's address may be empty. False:
 * the request is over. */
bool syslog_store(struct door *d, bole_slice text, bole_slice sender, bool cut);

/* Of a severity, 0 to 7: its name, and the level that it is. */
bole_slice syslog_severity(unsigned severity);
bole_slice syslog_level(unsigned severity);

#endif
