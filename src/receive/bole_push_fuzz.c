#include "receive/fuzz_door.h"
#include "receive/fuzz_mutate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_door *d = fuzz_door();
    uint64_t id;
    struct receive_input in = {.tenant = S("default"), .body = bole_slice_from(data, size), .arena = &d->arena};
    receive_bole_push(d->receiver, &in, &id, &d->result);
    fuzz_settle(d);
    return 0;
}

FUZZ_MUTATE(0, fuzz_protobuf);
