/* The first byte picks the form. */
#include "receive/fuzz_door.h"
#include "receive/fuzz_mutate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_door *d = fuzz_door();
    if (size == 0)
        return 0;
    struct receive_input in = {.tenant = S("default"), .body = bole_slice_from(data + 1, size - 1), .arena = &d->arena,
                               .content_type = data[0] % 2 ? S("application/json") : S("application/x-protobuf")};
    receive_otlp_logs(d->receiver, &in, &d->result);
    fuzz_settle(d);
    return 0;
}

FUZZ_MUTATE(1, data[0] % 2 ? fuzz_json : fuzz_protobuf);
