/* promtail_fuzz.c - whatever is made of a file of promtail's, it is a file that we can read. */
#include <stdlib.h>

#include "agent/promtail.h"
#include "config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *no_env(const char *name)
{
    return *name == 'A' ? "value" : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct promtail p = {0};
    struct config *c = NULL;
    if (promtail_convert(bole_slice_from(data, size), "p.yml", &(struct promtail_options){size % 2, no_env}, &p, NULL) == BOLE_OK &&
        p.yaml.len < CONFIG_SIZE_MAX && config_parse(buf_slice(&p.yaml), "a.yml", &c, NULL) < 0)
        abort();
    config_destroy(c);
    promtail_deinit(&p);
    return 0;
}
