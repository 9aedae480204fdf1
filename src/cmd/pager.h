/*
 * pager.h - long answers on a terminal, shown through $BOLE_PAGER, $PAGER or `less`, which ends by itself when all fits.
 *
 * Threads: the main one.
 */
#ifndef CMD_PAGER_H
#define CMD_PAGER_H

#include <stdbool.h>

/* Puts a pager behind standard output when that is a terminal. False: it is none, nobody wants one ("" or "cat"), or none
 * could be started: output goes where it went. */
bool pager_start(void);
void pager_end(void); /* waits until it is closed; nothing to do is fine */

#endif
