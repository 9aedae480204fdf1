/* explain.h - what a query did, as /api/v1/query tells it with explain=1, for people. */
#ifndef CMD_EXPLAIN_H
#define CMD_EXPLAIN_H

#include "base/buf.h"
#include "shim/json_doc.h"

/* root: the whole answer. False: it is no explanation. */
bool explain_print(struct json_value root, struct buf *out);

#endif
