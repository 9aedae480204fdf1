/*
 * A custom BIO carries the ciphertext through the net seam: OpenSSL's own socket BIO would call write(2), which raises
 * SIGPIPE, and would go around the seam.
 */
#include "serve/tls.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/err.h"

struct tls_context {
    SSL_CTX    *ssl;
    BIO_METHOD *bio;
};

struct tls_session {
    SSL        *ssl;
    struct net *net;
    int         fd;
};

/* ---- the BIO ---- */

static int bio_result(BIO *bio, ssize_t n, int retry_flag)
{
    BIO_clear_retry_flags(bio);
    if (n == -EAGAIN)
        BIO_set_flags(bio, retry_flag | BIO_FLAGS_SHOULD_RETRY);
    return n < 0 ? -1 : (int)n;
}

static int bio_read(BIO *bio, char *ret_bytes, int len)
{
    struct tls_session *s = BIO_get_data(bio);
    return len <= 0 ? 0 : bio_result(bio, net_recv(s->net, s->fd, ret_bytes, (size_t)len), BIO_FLAGS_READ);
}

static int bio_write(BIO *bio, const char *bytes, int len)
{
    struct tls_session *s = BIO_get_data(bio);
    struct iovec iov = {(void *)bytes, len > 0 ? (size_t)len : 0};
    return len <= 0 ? 0 : bio_result(bio, net_send(s->net, s->fd, &iov, 1), BIO_FLAGS_WRITE);
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH; /* nothing is buffered here */
}

static int bio_create(BIO *bio)
{
    BIO_set_init(bio, 1);
    return 1;
}

/* ---- the context ---- */

static bole_status fail_ssl(struct bole_err *err, const char *what, const char *path)
{
    char reason[160];
    unsigned long code = ERR_peek_last_error();
    ERR_error_string_n(code, reason, sizeof reason);
    ERR_clear_error();
    return bole_fail(err, BOLE_E_INVALID, "tls: %s %s: %s", what, path, code ? reason : "unknown error");
}

/* Plain HTTP/1.1 is the only thing spoken here: a client that offers only others goes on without ALPN. */
static int select_protocol(SSL *ssl, const unsigned char **ret_name, unsigned char *ret_len, const unsigned char *offered,
                           unsigned offered_len, void *ctx)
{
    static const unsigned char ours[] = "\x08http/1.1";
    unsigned char *name;
    (void)ssl, (void)ctx;
    if (SSL_select_next_proto(&name, ret_len, ours, sizeof ours - 1, offered, offered_len) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_NOACK;
    *ret_name = name;
    return SSL_TLSEXT_ERR_OK;
}

bole_status tls_context_create(const char *cert_path, const char *key_path, struct tls_context **ret_context,
                               struct bole_err *err)
{
    struct tls_context *c = calloc(1, sizeof *c);
    bole_status st = BOLE_OK;
    if (!c)
        return bole_fail(err, BOLE_E_NOMEM, "tls");
    c->ssl = SSL_CTX_new(TLS_server_method());
    c->bio = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "bole net");
    if (!c->ssl || !c->bio) {
        st = bole_fail(err, BOLE_E_NOMEM, "tls");
        goto cleanup;
    }
    BIO_meth_set_read(c->bio, bio_read);
    BIO_meth_set_write(c->bio, bio_write);
    BIO_meth_set_ctrl(c->bio, bio_ctrl);
    BIO_meth_set_create(c->bio, bio_create);
    SSL_CTX_set_min_proto_version(c->ssl, TLS1_2_VERSION);
    SSL_CTX_set_options(c->ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    /* Idle sessions give their buffers back: 34 KB each. */
    SSL_CTX_set_mode(c->ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_alpn_select_cb(c->ssl, select_protocol, NULL);
    if (SSL_CTX_use_certificate_chain_file(c->ssl, cert_path) != 1)
        st = fail_ssl(err, "certificate", cert_path);
    else if (SSL_CTX_use_PrivateKey_file(c->ssl, key_path ? key_path : cert_path, SSL_FILETYPE_PEM) != 1)
        st = fail_ssl(err, "key", key_path ? key_path : cert_path);
    else if (SSL_CTX_check_private_key(c->ssl) != 1)
        st = fail_ssl(err, "the key does not belong to certificate", cert_path);
    if (st == BOLE_OK) {
        *ret_context = c;
        c = NULL;
    }
cleanup:
    tls_context_destroy(c);
    return st;
}

bole_status tls_context_ask_clients(struct tls_context *c, const char *ca_path, bool optional, struct bole_err *err)
{
    static const unsigned char scope[] = "bole"; /* resumed sessions are bound to it, as OpenSSL wants with certificates */
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(ca_path);
    if (!names || SSL_CTX_load_verify_locations(c->ssl, ca_path, NULL) != 1) {
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        return fail_ssl(err, "certificates of authorities", ca_path);
    }
    SSL_CTX_set_client_CA_list(c->ssl, names);
    SSL_CTX_set_session_id_context(c->ssl, scope, sizeof scope - 1);
    SSL_CTX_set_verify(c->ssl, SSL_VERIFY_PEER | (optional ? 0 : SSL_VERIFY_FAIL_IF_NO_PEER_CERT), NULL);
    return BOLE_OK;
}

void tls_context_one_way(struct tls_context *c)
{
    SSL_CTX_set_num_tickets(c->ssl, 0);
}

void tls_context_destroy(struct tls_context *c)
{
    if (!c)
        return;
    SSL_CTX_free(c->ssl);
    BIO_meth_free(c->bio);
    free(c);
}

/* ---- sessions ---- */

struct tls_session *tls_session_create(struct tls_context *c, struct net *net, int fd)
{
    struct tls_session *s = calloc(1, sizeof *s);
    SSL *ssl = SSL_new(c->ssl);
    BIO *bio = BIO_new(c->bio);
    if (!s || !ssl || !bio) {
        free(s);
        SSL_free(ssl);
        BIO_free(bio);
        return NULL;
    }
    *s = (struct tls_session){ssl, net, fd};
    BIO_set_data(bio, s);
    SSL_set_bio(ssl, bio, bio);
    SSL_set_accept_state(ssl);
    return s;
}

void tls_session_destroy(struct tls_session *s)
{
    if (!s)
        return;
    SSL_free(s->ssl);
    free(s);
}

static int error_of(struct tls_session *s, int rc)
{
    int cause = SSL_get_error(s->ssl, rc);
    ERR_clear_error(); /* the queue belongs to the thread: the next session must not find our errors */
    switch (cause) {
    case SSL_ERROR_WANT_READ: case SSL_ERROR_WANT_WRITE: return -EAGAIN;
    case SSL_ERROR_ZERO_RETURN: return 0;
    default: return -EPROTO;
    }
}

int tls_handshake(struct tls_session *s)
{
    int rc = SSL_do_handshake(s->ssl);
    if (rc == 1)
        return 0;
    rc = error_of(s, rc);
    return rc == 0 ? -EPROTO : rc;
}

bole_slice tls_client_name(const struct tls_session *s, char ret_name[TLS_NAME_MAX])
{
    X509 *cert = SSL_get0_peer_certificate(s->ssl);
    int len = cert ? X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, ret_name, TLS_NAME_MAX) : 0;
    return bole_slice_from(ret_name, len > 0 ? (size_t)len : 0);
}

ssize_t tls_recv(struct tls_session *s, void *ret_bytes, size_t len)
{
    int rc = SSL_read(s->ssl, ret_bytes, len > INT_MAX ? INT_MAX : (int)len);
    return rc > 0 ? rc : error_of(s, rc);
}

ssize_t tls_send(struct tls_session *s, const struct iovec *iov, int iov_count)
{
    /* One record per call: head and a small body share it, so that a short answer is one packet. */
    uint8_t joined[4096];
    size_t len = 0;
    for (int i = 0; i < iov_count && len < sizeof joined; i++) {
        size_t n = iov[i].iov_len < sizeof joined - len ? iov[i].iov_len : sizeof joined - len;
        memcpy(joined + len, iov[i].iov_base, n);
        len += n;
    }
    bool large = iov[0].iov_len >= sizeof joined;
    const void *from = large ? iov[0].iov_base : joined;
    size_t size = large ? iov[0].iov_len : len;
    int rc = SSL_write(s->ssl, from, size > INT_MAX ? INT_MAX : (int)size);
    if (rc > 0)
        return rc;
    rc = error_of(s, rc);
    return rc == 0 ? -EPIPE : rc;
}

void tls_close_notify(struct tls_session *s)
{
    (void)SSL_shutdown(s->ssl);
    ERR_clear_error();
}
