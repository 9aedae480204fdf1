/*
 * server.h - a whole Bole in one struct: what `bole serve` runs, and `bole open` on a scratch directory. Two fit in one
 * process.
 *
 * Threads: create, stop and destroy on one thread.
 */
#ifndef CMD_SERVER_H
#define CMD_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include "bole/types.h"

struct retention; /* cmd/retention.h */

#define DATA_LOCK_NAME "lock" /* in the data directory: held while a server has it */

/* Doors that are not HTTP. */
enum server_door {
    DOOR_SYSLOG_PLAIN,
    DOOR_SYSLOG_TLS,
    DOOR_GELF,
    DOOR_FORWARD,
    DOOR_FORWARD_TLS,
    DOOR_RELP,
    DOOR_RELP_TLS,
    SERVER_DOORS
};

enum { SERVER_HOST_NAMES_MAX = 64 };

struct server;

struct server_options {
    const char *data_dir;
    bool        scratch;          /* nothing need outlive the process: no write-ahead log */
    const char *listen;           /* "127.0.0.1:3100" */
    const char *tls_cert, *tls_key;
    const char *const *host_names; /* besides its address and the machine's own name; "*": any */
    size_t      host_name_count;  /* at most SERVER_HOST_NAMES_MAX */
    bool        insecure;         /* beyond loopback without authentication */
    size_t      memory_limit_bytes; /* 0: a quarter of the machine, at most 4 GB */
    uint64_t    max_query_bytes;  /* of lines that one query may look at; 0: no limit */
    uint64_t    disk_reserve_bytes;
    int64_t     delete_delay_ns;  /* before a request to delete begins */
    const struct retention *retention; /* outlives the server; NULL: everything stays */
    bool        tail_system;      /* /var/log and the journal */
    const char *const *tail_globs;
    size_t      tail_glob_count;
    bool        no_detect_level;  /* receive.detect_level off */
    const char *grpc;             /* address of the gRPC door; NULL: closed */
    const char *doors[SERVER_DOORS]; /* addresses by enum server_door; NULL: closed */
    const char *forward_key_path; /* a file with the shared key of DOOR_FORWARD and DOOR_FORWARD_TLS; NULL: none is asked for */
    const char *door_tenant;      /* of what comes in there */
    const char *door_tls_cert, *door_tls_key; /* NULL: those of HTTP. gRPC speaks TLS when there are any */
    const char *door_client_ca; /* clients of the doors with TLS show a certificate that it has signed; NULL: none */
    bool        door_client_optional;
    const char *const *limits; /* of tenants: receive/limits.h */
    size_t      limit_count;
    uint64_t    dead_letters_size; /* bytes of files; 0: what cannot be processed is not kept */
    const char *process_file;     /* rules that records pass; NULL: none */
    const char *service_names;    /* receive.discover_service_name, separated by commas; "" off, NULL Loki's list */
    const char *stream_labels;    /* receive.stream_labels; NULL: the default */
};

bole_status server_create(const struct server_options *options, struct server **ret_server, struct bole_err *err);
/* "http://127.0.0.1:3100", of what was bound. */
const char *server_url(const struct server *s);
/* Reads process_file again; when it is wrong, what it said before stays in force. Both are told in the log. Any thread. */
void server_reload(struct server *s);
/* Finishes requests in flight, commits what was handed over, ends all threads. */
void server_destroy(struct server *s);

#endif
