/* unwrap.c - a label's value as the sample of a metric. */
#include "base/clock.h"
#include "query/pipeline.h"
#include "query/units.h"

bool unwrap_value(const struct ast_unwrap *u, struct row *r, double *ret_value)
{
    const struct row_label *label = row_find(r, u->label);
    struct bole_err err;
    bole_status st;
    int64_t ns = 0;
    uint64_t bytes = 0;
    *ret_value = 0;
    if (!label || label->value.len == 0)
        return false;
    switch (u->conversion) {
    case UNWRAP_NUMBER: st = units_float(label->value, ret_value, &err); break;
    case UNWRAP_BYTES:
        st = units_bytes(label->value, &bytes, &err);
        *ret_value = (double)bytes;
        break;
    default:
        st = units_go_duration(label->value, &ns, &err);
        *ret_value = (double)ns / NS_PER_S;
    }
    if (*ret_value == 0)
        *ret_value = 0; /* no -0: it is lost on Loki's way from the ingester */
    if (st < 0)
        row_fail(r, ERROR_SAMPLE, row_copy(r, bole_slice_str(err.msg)), false);
    return true;
}
