/*
 * rpc.h - the gRPC door: services over calls, whoever carries them (module.h).
 *
 * A method is a row of callbacks. Those that happen to a call come on the thread of its worker, one at a time; a worker is one
 * of ingest's, too. A method that has taken a call must finish it, whatever happens; the first time counts.
 *
 * Owner:   everything in the options is borrowed and outlives the door.
 * Threads: create, start, drain, destroy: one thread.
 */
#ifndef RPC_RPC_H
#define RPC_RPC_H

#include <pthread.h>

#include "base/arena.h"
#include "base/buf.h"
#include "receive/receive.h"
#include "rpc/module.h"
#include "serve/metrics.h"

#define RPC_MESSAGE_MAX (32u * 1024 * 1024)  /* bytes of one message as it is sent; less where memory is short */
#define RPC_DECODED_MAX (128u * 1024 * 1024) /* bytes of one that was compressed */
#define RPC_WORKERS_MAX 2u
#define RPC_READS_MAX   64u   /* messages on their way at once; fewer where memory is short */
#define RPC_CALLS_MAX   4096u /* likewise */
#define RPC_BLOCKED_MAX 16u /* functions of rpc_block at once */
#define RPC_PATIENCE_NS (60ull * 1000000000)
#define RPC_READ_PATIENCE_NS (10ull * 1000000000) /* a message that is read may take as long when others wait to be */
#define RPC_ADDRESS_MAX 48u /* bytes of a client's address */

struct api;
struct rpc;
struct rpc_call;

struct rpc_method {
    const char *path;        /* "/bole.v1.Logs/Push" */
    size_t      state_size;  /* of call->state, which starts as zeros */
    /* All but `message` may be NULL. Without `begin` one message is asked for; a call without one is refused. */
    void (*begin)(struct rpc_call *call);
    void (*message)(struct rpc_call *call, bole_slice bytes); /* borrowed for the call */
    /* A message cannot be unpacked; NULL: the call is finished so. */
    void (*broken)(struct rpc_call *call, const struct rpc_end *end);
    void (*read_end)(struct rpc_call *call);  /* the client has sent everything */
    void (*drained)(struct rpc_call *call);   /* everything that was written has left */
    void (*cancelled)(struct rpc_call *call); /* nobody waits for the answer any longer; call->cancelled is set */
    void (*stop)(struct rpc_call *call);      /* the server ends: so should a call that would go on for ever. Any thread */
    void (*ended)(struct rpc_call *call);     /* frees what the state holds */
};

struct rpc_call {
    struct rpc              *rpc;
    const struct rpc_method *method;
    struct rpc_wire         *wire;
    unsigned                 worker;
    atomic_bool              cancelled;
    bool                     has_message;
    pthread_mutex_t          lock;
    pthread_cond_t           moved;       /* less is unsent, or the client is gone */
    struct rpc_unsent       *first, **last; /* guarded by lock: messages behind the one being sent */
    size_t                   unsent_bytes; /* guarded by lock: of all of them */
    bool                     is_sending, is_over, is_finished; /* guarded by lock */
    struct rpc_end           end;         /* guarded by lock: where is_over; in end_text */
    struct buf               end_text;
    struct arena             arena; /* worker's thread until `message` returns, then the method's */
    void                    *state;
    struct rpc_call         *prev, *next; /* guarded by rpc->lock */
    enum {
        RPC_NO_READ,
        RPC_READ_WAITS,
        RPC_READ_UNDER_WAY,
        RPC_READ_DONE
    } read;                               /* guarded by rpc->reads.lock; DONE: its message is being taken */
    bool                     reads_again; /* guarded by it: behind that message */
    uint64_t                 read_ns;     /* guarded by it: when it began */
    struct rpc_call         *read_prev, *read_next; /* guarded by it: of those waiting, or under way */
};

struct rpc_unsent {
    struct rpc_unsent *next;
    struct buf         bytes;
};

struct rpc_service {
    const char              *name; /* "bole.v1.Logs" */
    const struct rpc_method *const *methods;
    size_t                   method_count;
};
extern const struct rpc_service rpc_otlp_service, rpc_bole_service, rpc_health_service, rpc_reflection_service,
    rpc_old_reflection_service;
extern const struct rpc_method rpc_push_method, rpc_query_method, rpc_tail_method;

struct rpc_task { /* zeroed, then run is set; belongs to whoever posts it */
    struct rpc_task *next;
    void (*run)(struct rpc_task *task);
};

struct rpc_options {
    const char     *listen;
    const char     *tls_cert_path, *tls_key_path; /* NULL: none */
    struct api     *api;
    struct ingest  *ingest;
    unsigned        first_worker;  /* of ingest; there are rpc_worker_count() of them */
    struct receive_options receive; /* its clock and budget are set here */
    struct budget  *budget;
    const struct clock *clock;
    const struct rpc_module *module; /* NULL: it is loaded */
};

unsigned rpc_worker_count(void);
/* Loads the module, listens. */
bole_status rpc_create(const struct rpc_options *options, struct rpc **ret_rpc, struct bole_err *err);
bole_status rpc_start(struct rpc *r, struct bole_err *err);
unsigned rpc_port(const struct rpc *r);
bool rpc_has_tls(const struct rpc *r);
/* No new calls; endless ones are asked to end, the others have grace_ns. NULL is fine. */
void rpc_drain(struct rpc *r, uint64_t grace_ns);
void rpc_destroy(struct rpc *r); /* drained or not; NULL is fine */

/* ---- for methods ---- */

struct api *rpc_api(const struct rpc *r);
struct budget *rpc_budget(const struct rpc *r);
struct receiver *rpc_receiver(const struct rpc_call *call); /* of the call's worker: on its thread */
struct process *rpc_process(const struct rpc *r); /* NULL: no rules */
const struct rpc_service *const *rpc_services(size_t *ret_count);
bool rpc_has_service(bole_slice name);

/* Who called: the address, and what it calls itself. */
void rpc_client(const struct rpc_call *call, char ret_address[RPC_ADDRESS_MAX], struct receive_input *in);
/* X-Scope-OrgID, else "default". False: it is no valid name, or there twice; *ret_end says so. */
bool rpc_tenant(const struct rpc_call *call, bole_slice *ret_tenant, struct rpc_end *ret_end);
/* The same for a query, which may name several with '|' between. */
bool rpc_tenants(const struct rpc_call *call, bole_slice *ret_tenants, struct rpc_end *ret_end);

/* One message, when there is room for it: no more are on their way at once than fit into memory. */
void rpc_read(struct rpc_call *call);
void rpc_greet(struct rpc_call *call);
/* Sends it when what came before has left; copied. Any thread. False: no memory, or the call is over. */
bool rpc_write(struct rpc_call *call, bole_slice message);
size_t rpc_unsent_bytes(struct rpc_call *call);
/* Blocks until everything has left; false when nobody is there any more, or takes nothing for RPC_PATIENCE_NS: then the call is
 * broken off. Only in rpc_block's functions. */
bool rpc_wait(struct rpc_call *call);
/* Runs a function that may block on a thread of its own; the call must not end before it has. False: there are too many. */
bool rpc_block(struct rpc_call *call, void (*run)(struct rpc_call *call));
/* When everything has left. Copied. Without details these are made where the client should come again. Any thread; the call may
 * be gone when it returns. */
void rpc_finish(struct rpc_call *call, const struct rpc_end *end);
void rpc_finish_later(struct rpc_call *call, enum rpc_code code, bole_slice text); /* come again */
void rpc_fail(struct rpc_call *call, const struct bole_err *err);                  /* the code is err's */
enum rpc_code rpc_code_of(bole_status status);

/* Runs on the door's own thread: for what the committer has no time for. Any thread. */
void rpc_post(struct rpc *r, struct rpc_task *task);

void rpc_count(struct rpc *r, const struct receive_result *result);
void rpc_count_durable(struct rpc *r, enum metrics_door door, uint64_t records, uint64_t bytes);

#endif
