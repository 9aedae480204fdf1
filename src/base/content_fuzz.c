/* Any bytes in any coding (the first byte chooses): at most the cap comes out, within the budget. */
#include <assert.h>

#include "base/content.h"

enum { CAP = 256 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct buf out;
    struct budget budget;
    struct bole_err err;
    if (len == 0)
        return 0;
    budget_init(&budget, NULL, 4 * CAP);
    buf_init(&out, &budget);
    bole_status st = content_decode((enum content_coding)(bytes[0] % (CONTENT_UNKNOWN + 1)), (bole_slice){bytes + 1, len - 1}, CAP, &out, &err);
    assert(st != BOLE_OK || out.len <= CAP);
    buf_deinit(&out);
    assert(budget.used_bytes == 0);
    return 0;
}
