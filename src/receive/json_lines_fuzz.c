/* Any body with parameters that give every kind of role. */
#include "receive/fuzz_door.h"
#include "receive/fuzz_mutate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_door *d = fuzz_door();
    static const struct json_lines_params params[] = {
        {0},
        {.stream_fields = S("s,o.s"), .time_field = S("t,_time"), .msg_field = S("m,_msg"), .ignore_fields = S("i"),
         .extra_fields = S("e=x,s=y")},
    };
    if (size == 0)
        return 0;
    struct receive_input in = {.tenant = S("default"), .body = bole_slice_from(data + 1, size - 1), .arena = &d->arena};
    receive_json_lines(d->receiver, &in, &params[data[0] % 2], &d->result);
    fuzz_settle(d);
    return 0;
}

FUZZ_MUTATE(1, fuzz_json);
