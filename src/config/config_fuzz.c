/* Any bytes are a configuration or are refused with a place. */
#include "config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config *c = NULL;
    struct bole_err err = {0};
    bole_status st = config_parse((bole_slice){data, size}, "fuzz", &c, &err);
    if (st == BOLE_OK ? config_root(c)->kind != CONFIG_MAP : !err.msg[0])
        __builtin_trap();
    config_destroy(c);
    return 0;
}
