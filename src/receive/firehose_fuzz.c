/* A delivery of Firehose, or what a CloudWatch forwarder sends: the first byte picks. */
#include "receive/fuzz_door.h"
#include "receive/fuzz_mutate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_door *d = fuzz_door();
    if (size == 0)
        return 0;
    bole_slice rest, head, body = bole_slice_from(data + 1, size - 1);
    head = bole_slice_cut(body, 0, &rest); /* the header with the attributes is in front of a NUL */
    struct receive_input in = {.tenant = S("default"), .body = body, .arena = &d->arena};
    struct firehose_params params = {.request_id = S("r"), .source_arn = S("a/s")};
    if (data[0] % 4 == 1) {
        params.common_attributes = head;
        in.body = rest;
    }
    if (data[0] % 4 < 2)
        receive_firehose(d->receiver, &in, &params, &d->result);
    else
        receive_cloudwatch(d->receiver, &in, &d->result);
    fuzz_settle(d);
    return 0;
}

FUZZ_MUTATE(1, fuzz_json);
