/* The first byte picks the form: JSON, a raw body, or a message that is packed first, so that the protobuf decoder and
 * not only snappy is reached. */
#include <snappy-c.h>

#include "receive/fuzz_door.h"
#include "receive/fuzz_mutate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_door *d = fuzz_door();
    if (size == 0 || size > 1 << 20)
        return 0;
    bole_slice body = bole_slice_from(data + 1, size - 1);
    struct receive_input in = {.tenant = S("default"), .body = body, .arena = &d->arena};
    if (data[0] % 3 == 0)
        in.content_type = S("application/json");
    if (data[0] % 3 == 1) {
        size_t len = snappy_max_compressed_length(body.len);
        char *packed = arena_alloc(&d->arena, len);
        if (!packed || snappy_compress((const char *)body.ptr, body.len, packed, &len) != SNAPPY_OK)
            abort();
        in.body = bole_slice_from(packed, len);
    }
    receive_loki_push(d->receiver, &in, &d->result);
    fuzz_settle(d);
    return 0;
}

FUZZ_MUTATE(1, data[0] % 3 ? fuzz_protobuf : fuzz_json);
