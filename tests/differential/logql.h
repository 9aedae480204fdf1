/* logql.h - a random LogQL query on both stores: what LogQL makes of the engine's columns must be what it makes of
 * rows. */
#ifndef DIFFERENTIAL_LOGQL_H
#define DIFFERENTIAL_LOGQL_H

#include "world.h"

/* Fails the test, with the query's text, when the two answers differ. True when there was something in them. */
bool logql_ask(struct world *w, struct world_view *view);

#endif
