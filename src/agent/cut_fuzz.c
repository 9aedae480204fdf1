/* Any bytes are a group of the spool or are refused; what is taken encodes to itself, and its marks are entries or are not. */
#include "agent/cut.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cut cut;
    struct checkpoint marks;
    struct buf bytes;
    if (cut_decode((bole_slice){data, size}, &cut, NULL) != BOLE_OK)
        return 0;
    buf_init(&bytes, NULL);
    cut_encode_head(&cut, &bytes);
    for (size_t i = 0; i < cut.batch_count; i++)
        buf_put(&bytes, cut.batches[i].bytes);
    if (bytes.failed || bytes.len != size || memcmp(bytes.ptr, data, size) != 0)
        __builtin_trap();
    buf_deinit(&bytes);
    checkpoint_init(&marks);
    checkpoint_decode_entries(cut.marks, &marks, NULL);
    checkpoint_deinit(&marks);
    return 0;
}
