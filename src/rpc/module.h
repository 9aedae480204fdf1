/*
 * module.h - what Bole and its gRPC module agree on: calls over HTTP/2, without a word about what they are for.
 *
 * The module (grpc.c, built as grpc.so beside the program, or in lib/bole) is the only thing that knows gRPC's library. It is
 * loaded when the gRPC door is opened, or a client asks for gRPC: whoever does not use it pays nothing for it.
 *
 * Server: Bole's threads run the module's workers; everything that happens to a call is told on the thread of its worker, in
 * the order in which it happens:
 *
 *   begin, { message | sent }..., read_end, cancelled (at any time), and when `finish` was called and all is over: ended
 *
 * A call lives until `ended`; whoever takes it must call `finish` once, also after `cancelled`.
 *
 * Owner:   slices that are told or given are borrowed for the length of the call.
 * Threads: operations on a call: any, also several at a time. The rest: see there.
 */
#ifndef RPC_MODULE_H
#define RPC_MODULE_H

#include "base/slice.h"
#include "bole/types.h"

#define RPC_MODULE_ABI    2u
#define RPC_MODULE_SYMBOL "bole_rpc_module"

struct rpc_wire;      /* a call of a client, the module's */
struct rpc_transport; /* a door, the module's */
struct rpc_dial;      /* a call to a server, the module's */

enum rpc_code { /* https://grpc.github.io/grpc/core/md_doc_statuscodes.html */
    RPC_OK = 0, RPC_CANCELLED = 1, RPC_INVALID_ARGUMENT = 3, RPC_DEADLINE_EXCEEDED = 4, RPC_NOT_FOUND = 5,
    RPC_PERMISSION_DENIED = 7, RPC_RESOURCE_EXHAUSTED = 8, RPC_ABORTED = 10, RPC_UNIMPLEMENTED = 12, RPC_INTERNAL = 13,
    RPC_UNAVAILABLE = 14, RPC_DATA_LOSS = 15,
};

enum rpc_coding { RPC_IDENTITY, RPC_GZIP, RPC_DEFLATE };

struct rpc_end {
    enum rpc_code code;
    bole_slice    text;    /* for people */
    bole_slice    details; /* google.rpc.Status, or empty */
    bole_slice    message; /* the last message; ptr NULL: none */
};

struct rpc_events { /* Bole's */
    /* False: there is no such method, and the call is not taken. path: "/bole.v1.Logs/Push". */
    bool (*begin)(void *ctx, unsigned worker, struct rpc_wire *wire, bole_slice path, void **ret_call);
    void (*message)(void *call, const bole_slice *parts, size_t part_count, enum rpc_coding coding); /* answers one `read` */
    void (*read_end)(void *call);         /* instead: nothing more will come */
    void (*sent)(void *call, bool ok);    /* answers one `send` */
    void (*cancelled)(void *call);        /* the client is gone, or does not wait any longer */
    void (*ended)(void *call);
    void (*log)(const char *text);        /* what the library has to say; any thread */
};

struct rpc_open {
    const char *address;        /* "127.0.0.1:4317" */
    const char *tls_cert, *tls_key; /* PEM, the text itself; NULL: none */
    unsigned    worker_count;
    size_t      message_max;    /* bytes of one message as it is sent */
    size_t      memory_max;     /* of what the library holds: it ends calls rather than take more */
    const struct rpc_events *events;
    void       *ctx;            /* of events->begin */
};

struct rpc_dial_options {
    const char *address, *path;
    const char *tls_roots;      /* PEM; NULL: those of the machine. Only with tls */
    bool        tls;
    const char *tenant, *token; /* NULL: none */
};

struct rpc_module {
    uint32_t abi;
    const char *(*version)(void); /* of the library */

    /* ---- a server ---- */
    bole_status (*open)(const struct rpc_open *options, struct rpc_transport **ret_transport, unsigned *ret_port,
                        struct bole_err *err);
    void (*run)(struct rpc_transport *t, unsigned worker); /* returns when the door is shut and its last call ended */
    void (*shut)(struct rpc_transport *t);   /* no new calls */
    void (*cancel)(struct rpc_transport *t); /* after shut: ends all calls */
    void (*close)(struct rpc_transport *t);  /* after all `run` have returned, or none was called; NULL is fine */

    /* ---- a call ---- */
    bole_slice (*metadata)(struct rpc_wire *w, bole_slice name, size_t *at); /* the next one at or behind *at; ptr NULL: none */
    void (*greet)(struct rpc_wire *w);                        /* tells the client at once that the call was taken */
    void (*read)(struct rpc_wire *w);                         /* one message, please; one at a time */
    void (*send)(struct rpc_wire *w, bole_slice message);     /* copied; one at a time */
    void (*finish)(struct rpc_wire *w, const struct rpc_end *end); /* not while something is being sent */
    /* Ends it for the client, with this code, as if it had gone: `cancelled` comes, `finish` is still due. `text` is static. */
    void (*break_off)(struct rpc_wire *w, enum rpc_code code, const char *text);
    void (*peer)(struct rpc_wire *w, char *ret_text, size_t size); /* "10.0.0.1", "[::1]"; ends with NUL */

    /* ---- a client: one call with one message, answered by many. One thread ---- */
    bole_status (*dial)(const struct rpc_dial_options *options, bole_slice message, struct rpc_dial **ret_dial,
                        struct bole_err *err);
    /* BOLE_END: that was all. BOLE_AGAIN: nothing came for a moment. The message lives until the next call. */
    bole_status (*next)(struct rpc_dial *d, bole_slice *ret_message, struct bole_err *err);
    void (*hang_up)(struct rpc_dial *d); /* NULL is fine */
};

/* The module, loaded once; its program may stay. BOLE_E_UNSUPPORTED says what to install. Any thread. */
bole_status rpc_module_load(const struct rpc_module **ret_module, struct bole_err *err);

#endif
