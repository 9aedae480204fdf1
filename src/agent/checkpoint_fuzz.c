/* Any bytes are a checkpoint or are refused; what is taken encodes to something that is taken again. */
#include "agent/checkpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct checkpoint first, second;
    struct buf bytes;
    checkpoint_init(&first);
    checkpoint_init(&second);
    buf_init(&bytes, NULL);
    if (checkpoint_decode((bole_slice){data, size}, &first, NULL) == BOLE_OK) {
        checkpoint_encode(&first, &bytes);
        if (checkpoint_decode(buf_slice(&bytes), &second, NULL) != BOLE_OK || second.file_count != first.file_count)
            __builtin_trap();
    }
    buf_deinit(&bytes);
    checkpoint_deinit(&second);
    checkpoint_deinit(&first);
    return 0;
}
