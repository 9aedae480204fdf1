/* A batch as it came; its checksum is put right, or nothing but the header would ever be seen. */
#include "base/bytes.h"
#include "base/crc32c.h"
#include "receive/fuzz_door.h"
#include "record/batch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { CRC = BATCH_HEADER_SIZE - 4 };
    struct fuzz_door *d = fuzz_door();
    uint8_t *bytes = malloc(size + 1);
    if (!bytes)
        return 0;
    memcpy(bytes, data, size);
    if (size >= BATCH_HEADER_SIZE)
        store_u32(bytes + CRC, crc32c(crc32c(0, bytes, CRC), bytes + BATCH_HEADER_SIZE, size - BATCH_HEADER_SIZE));
    struct receive_input in = {.tenant = S("default"), .body = bole_slice_from(bytes, size), .arena = &d->arena};
    receive_push(d->receiver, &in, &d->result);
    fuzz_settle(d);
    free(bytes);
    return 0;
}
