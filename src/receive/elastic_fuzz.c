/* The first byte says whether the body is a _bulk request or one document. */
#include "receive/fuzz_door.h"
#include "receive/fuzz_mutate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_door *d = fuzz_door();
    if (size == 0)
        return 0;
    struct receive_input in = {.tenant = S("default"), .body = bole_slice_from(data + 1, size - 1), .arena = &d->arena};
    if (data[0] % 2)
        receive_elastic_bulk(d->receiver, &in, S("index"), &d->result);
    else
        receive_elastic_doc(d->receiver, &in, S("index"), S("1"), &d->result);
    fuzz_settle(d);
    return 0;
}

FUZZ_MUTATE(1, fuzz_json);
