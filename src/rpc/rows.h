/* rows.h - rows of queries as bole.v1.Record, and what Query and Tail share. */
#ifndef RPC_ROWS_H
#define RPC_ROWS_H

#include "query/query.h"
#include "rpc/rpc.h"
#include "rpc/wire_out.h"

#define ROWS_TARGET (96u * 1024) /* bytes of rows after which a message is closed */

/* A Record as the given field of the message around it. */
void rows_put(struct buf *out, unsigned field, const struct query_entry *entry);

/* "<time>-<seq>", as native_row.h has it. */
void rows_put_id(struct buf *out, unsigned field, struct query_place place);

/* For what went wrong in a query that drew on the budget; where others hold the memory *err says so from now on. */
enum rpc_code rows_code_of(const struct budget *budget, struct bole_err *err);

#endif
