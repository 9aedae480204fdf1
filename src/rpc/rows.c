#include "rpc/rows.h"

#include <stdio.h>

#include "serve/api_internal.h"

enum { TIME = 1, LINE = 2, FIELDS = 3, LABELS = 4, ID = 5, ID_MAX = 48 };

void rows_put_id(struct buf *out, unsigned field, struct query_place place)
{
    char text[ID_MAX];
    int len = snprintf(text, sizeof text, "%lld-%016llx", (long long)place.time_ns, (unsigned long long)place.seq);
    wire_put_bytes(out, field, bole_slice_from(text, (size_t)len));
}

void rows_put(struct buf *out, unsigned field, const struct query_entry *e)
{
    size_t at = wire_open(out, field);
    wire_put_fixed64(out, TIME, (uint64_t)e->time_ns);
    wire_put_bytes(out, LINE, e->line);
    for (size_t i = 0; i < e->label_count; i++)
        wire_put_pair(out, e->labels[i].origin == ORIGIN_STREAM ? LABELS : FIELDS, e->labels[i].name, e->labels[i].value);
    rows_put_id(out, ID, (struct query_place){e->time_ns, e->seq});
    wire_close(out, at);
}

enum rpc_code rows_code_of(const struct budget *budget, struct bole_err *err)
{
    api_explain_memory(budget, err);
    switch (err->code) {
    case BOLE_E_LIMIT: /* the query's own fault, as over HTTP */
    case BOLE_E_UNSUPPORTED: return RPC_INVALID_ARGUMENT;
    case BOLE_E_NOMEM: return RPC_RESOURCE_EXHAUSTED;
    case BOLE_E_CANCELLED: return RPC_DEADLINE_EXCEEDED;
    default: return rpc_code_of(err->code);
    }
}
