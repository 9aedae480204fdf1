/* One connection whose bytes come in two parts; the first byte says where. */
#include "receive/fuzz_mutate.h"
#include "receive/fuzz_socket.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_socket(&gelf_protocol, data, size);
}

FUZZ_MUTATE(1, fuzz_json);
