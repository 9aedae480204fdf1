/*
 * tls.h - TLS 1.2 and 1.3 for connections that do not block, through OpenSSL.
 *
 * The bytes go through the same net seam as plain ones. Nothing outside tls.c sees a type of OpenSSL's.
 *
 * Threads: a context is shared by all; a session belongs to one thread at a time.
 */
#ifndef SERVE_TLS_H
#define SERVE_TLS_H

#include "os/net.h"

#define TLS_NAME_MAX 256 /* bytes of a client's name, with a NUL */

struct tls_context;
struct tls_session;

/* PEM files; the certificate's file may hold its chain. BOLE_E_INVALID names what OpenSSL did not like. */
bole_status tls_context_create(const char *cert_path, const char *key_path, struct tls_context **ret_context,
                               struct bole_err *err);
/* Clients show a certificate that one of these (PEM) has signed; with `optional` they may also show none. Before the
 * first session. */
bole_status tls_context_ask_clients(struct tls_context *c, const char *ca_path, bool optional, struct bole_err *err);
/* For clients that only send: no tickets to resume a session with, since who ends a connection in which something is left
 * unread resets it, and the kernel then drops what we have not read yet. Before the first session. */
void tls_context_one_way(struct tls_context *c);
void tls_context_destroy(struct tls_context *c); /* NULL is fine */

struct tls_session *tls_session_create(struct tls_context *c, struct net *net, int fd); /* NULL: no memory */
void tls_session_destroy(struct tls_session *s); /* NULL is fine; the descriptor stays open */

/* 0 when done, -EAGAIN, or -EPROTO. */
int tls_handshake(struct tls_session *s);

/* The common name of the certificate that the client has shown; empty: none. */
bole_slice tls_client_name(const struct tls_session *s, char ret_name[TLS_NAME_MAX]);

/* As net_recv and net_send. What is sent again after -EAGAIN must begin with the same bytes. */
ssize_t tls_recv(struct tls_session *s, void *ret_bytes, size_t len);
ssize_t tls_send(struct tls_session *s, const struct iovec *iov, int iov_count);
void tls_close_notify(struct tls_session *s); /* tells the peer that nothing follows; does not wait */

#endif
