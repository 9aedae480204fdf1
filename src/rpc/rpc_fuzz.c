/* The first byte picks the method, the rest is its message: every decoder behind the door, and what it does next. */
#include <stdlib.h>
#include <time.h>

#include "rpc/fake_transport.h"
#include "serve/api_testing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct rpc *rpc;

static void open_door(void)
{
    struct bole_err err;
    struct world *world = world_open(NULL);
    struct rpc_options o = {.listen = "", .api = world->api, .ingest = world->ingest, .first_worker = WORLD_LOOPS,
                            .budget = &world->budget, .clock = &clock_system, .module = &fake_module};
    if (rpc_create(&o, &rpc, &err) < 0 || rpc_start(rpc, &err) < 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rpc_wire w = {0};
    size_t count;
    if (!rpc)
        open_door();
    const struct rpc_service *const *services = rpc_services(&count);
    const struct rpc_service *s = size ? services[data[0] % count] : NULL;
    if (!s || !call(&w, s->methods[data[0] / 16 % s->method_count]->path))
        return 0;
    say(&w, bole_slice_from(data + 1, size - 1), RPC_IDENTITY);
    transport.events->read_end(w.call);
    transport.events->cancelled(w.call);
    while (!w.is_finished) {
        if (w.sends)
            left(&w, false);
        else
            nanosleep(&(struct timespec){.tv_nsec = 10000}, NULL);
    }
    transport.events->ended(w.call);
    buf_deinit(&w.sent);
    return 0;
}
