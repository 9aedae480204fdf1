/* GELF, Datadog, Splunk: the first byte picks the door. */
#include "receive/fuzz_door.h"
#include "receive/fuzz_mutate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_door *d = fuzz_door();
    if (size == 0)
        return 0;
    struct receive_input in = {.tenant = S("default"), .body = bole_slice_from(data + 1, size - 1), .arena = &d->arena};
    struct splunk_params params = {.raw = data[0] % 4 == 3, .acknowledge = true, .host = S("h")};
    if (data[0] % 4 == 0)
        receive_gelf(d->receiver, &in, &d->result);
    else if (data[0] % 4 == 1)
        receive_datadog(d->receiver, &in, false, &d->result);
    else
        receive_splunk(d->receiver, &in, &params, &d->result);
    fuzz_settle(d);
    return 0;
}

FUZZ_MUTATE(1, fuzz_json);
