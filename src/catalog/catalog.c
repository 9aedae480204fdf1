#include "catalog/catalog.h"

#include "base/err.h"

static const struct catalog_ops *const backends[] = {&catalog_sqlite_ops};

bole_status catalog_open(const struct catalog_options *options, struct catalog **ret_catalog, struct bole_err *err)
{
    bole_slice rest, scheme = bole_slice_cut(options->uri, ':', &rest);
    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++)
        if (bole_slice_eq(scheme, bole_slice_str(backends[i]->scheme)))
            return backends[i]->open(options, ret_catalog, err);
    return bole_fail(err, BOLE_E_INVALID, "catalogue: \"%.*s\" has no known scheme (sqlite:FILE)",
                     BOLE_SLICE_ARG(options->uri));
}
