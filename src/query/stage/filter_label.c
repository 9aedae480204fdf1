/*
 * filter_label.c - label filters.
 *
 * An absent label reads "" for text filters; number, duration, bytes and ip filters drop the row without an error. A
 * value that cannot be read passes and is the row's error, unless it has one. A row with an error passes every ip filter.
 */
#include "query/pipeline.h"
#include "query/stage/ip.h"
#include "query/units.h"

static bool compare_double(enum compare_op op, double a, double b)
{
    switch (op) {
    case COMPARE_EQ: return a == b;
    case COMPARE_NE: return a != b;
    case COMPARE_GT: return a > b;
    case COMPARE_GE: return a >= b;
    case COMPARE_LT: return a < b;
    case COMPARE_LE: return a <= b;
    }
    return false;
}

static bool compare_order(enum compare_op op, int order)
{
    return compare_double(op, order, 0);
}

static bool compare_value(const struct label_filter *f, bole_slice value, struct row *r)
{
    struct bole_err err;
    double number;
    int64_t ns;
    uint64_t bytes;
    switch (f->kind) {
    case LABEL_FILTER_NUMBER:
        if (units_float(value, &number, &err) == BOLE_OK)
            return compare_double(f->compare, number, f->number);
        break;
    case LABEL_FILTER_DURATION:
        if (units_go_duration(value, &ns, &err) == BOLE_OK)
            return compare_order(f->compare, (ns > f->duration_ns) - (ns < f->duration_ns));
        break;
    default:
        if (units_bytes(value, &bytes, &err) == BOLE_OK)
            return compare_order(f->compare, (bytes > f->size_bytes) - (bytes < f->size_bytes));
    }
    if (!row_has_error(r))
        row_fail(r, ERROR_FILTER, row_copy(r, bole_slice_str(err.msg)), false);
    return true;
}

static bool filter_value(const struct label_filter *f, struct row *r)
{
    if (f->kind == LABEL_FILTER_IP && row_has_error(r))
        return true;
    const struct row_label *label = row_find(r, f->name);
    if (!label)
        return false;
    if (f->kind == LABEL_FILTER_IP)
        return f->ip && ip_find(f->ip, label->value) == (f->match == MATCH_EQ);
    return compare_value(f, label->value, r);
}

bool filter_label(const struct label_filter *f, struct row *r)
{
    bool result = f->kind == LABEL_FILTER_AND;
    switch (f->kind) {
    case LABEL_FILTER_TEXT: return f->passes_all || match_text(f->match, f->text, f->regex, row_filtered_text(r, f->name));
    case LABEL_FILTER_AND: /* every side is evaluated: an error on the right counts, too */
        for (const struct label_filter *child = f->children; child; child = child->next)
            result &= filter_label(child, r);
        return result;
    case LABEL_FILTER_OR: /* stops at the first true side */
        for (const struct label_filter *child = f->children; child && !result; child = child->next)
            result = filter_label(child, r);
        return result;
    default: return filter_value(f, r);
    }
}
