/* Any body. */
#include "receive/fuzz_door.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_door *d = fuzz_door();
    struct receive_input in = {.tenant = S("default"), .body = bole_slice_from(data, size), .arena = &d->arena};
    receive_journal_upload(d->receiver, &in, &d->result);
    fuzz_settle(d);
    return 0;
}
