/* TLS with a certificate made here: a round trip through the server, and what must be refused. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "base/test.h"
#include "serve/http_testing.h"

static void echo(struct http_exchange *x, void *ctx)
{
    (void)ctx;
    http_reply(x, &(struct http_reply){.body = http_body(x)});
}

static const struct http_route routes[] = {{.methods = HTTP_POST, .path = "/echo", .handler = echo}};

struct pem { char dir[64], cert[96], key[96]; };

static struct pem make_certificate(void)
{
    struct pem p;
    snprintf(p.dir, sizeof p.dir, "%s/bole-tls-XXXXXX", getenv("TMPDIR") && strlen(getenv("TMPDIR")) < 40 ? getenv("TMPDIR") : "/tmp");
    CHECK(mkdtemp(p.dir) != NULL);
    snprintf(p.cert, sizeof p.cert, "%s/cert.pem", p.dir);
    snprintf(p.key, sizeof p.key, "%s/key.pem", p.dir);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    CHECK(key && cert);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -60);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1, 0);
    X509_set_issuer_name(cert, X509_get_subject_name(cert));
    CHECK(X509_sign(cert, key, EVP_sha256()) > 0);
    FILE *f = fopen(p.cert, "w");
    CHECK(f && PEM_write_X509(f, cert) == 1);
    fclose(f);
    f = fopen(p.key, "w");
    CHECK(f && PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) == 1);
    fclose(f);
    X509_free(cert);
    EVP_PKEY_free(key);
    return p;
}

static void remove_certificate(const struct pem *p)
{
    unlink(p->cert);
    unlink(p->key);
    rmdir(p->dir);
}

static struct http_server *start(const struct pem *p)
{
    return testing_server(&(struct http_options){.routes = routes, .route_count = 1, .tls_cert_path = p->cert,
                                                 .tls_key_path = p->key, .header_timeout_ns = 300 * NS_PER_MS});
}

static void round_trip(const struct http_server *s, int max_version, size_t body_size)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_max_proto_version(ctx, max_version);
    SSL *ssl = SSL_new(ctx);
    int fd = client_connect(s);
    SSL_set_fd(ssl, fd);
    SSL_set_alpn_protos(ssl, (const unsigned char *)"\x02h2\x08http/1.1", 12);
    CHECK_EQ_I64(SSL_connect(ssl), 1);
    const unsigned char *protocol;
    unsigned protocol_len;
    SSL_get0_alpn_selected(ssl, &protocol, &protocol_len);
    CHECK_EQ_SLICE(bole_slice_from(protocol, protocol_len), S("http/1.1"));
    char *request = malloc(body_size + 256), *answer = malloc(body_size + 4096);
    for (int round = 0; round < 3; round++) {
        int n = snprintf(request, 256, "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n\r\n", body_size);
        memset(request + n, 'a' + round, body_size);
        CHECK(SSL_write(ssl, request, n + (int)body_size) == n + (int)body_size);
        size_t at = 0, want = SIZE_MAX;
        while (at < want) {
            int got = SSL_read(ssl, answer + at, (int)(body_size + 4095 - at));
            CHECK(got > 0);
            at += (size_t)got;
            answer[at] = 0;
            char *end = strstr(answer, "\r\n\r\n");
            if (end)
                want = (size_t)(end + 4 - answer) + body_size;
        }
        CHECK(strncmp(answer, "HTTP/1.1 200 ", 13) == 0);
        CHECK(memcmp(answer + want - body_size, request + n, body_size) == 0);
    }
    static const char last[] = "POST /echo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    CHECK_EQ_I64(SSL_write(ssl, last, sizeof last - 1), sizeof last - 1);
    int n;
    while ((n = SSL_read(ssl, answer, (int)body_size + 4095)) > 0)
        ;
    CHECK_EQ_I64(SSL_get_error(ssl, n), SSL_ERROR_ZERO_RETURN); /* told, not cut off */
    free(request);
    free(answer);
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    close(fd);
}

TEST(tls_carries_requests)
{
    struct pem p = make_certificate();
    struct http_server *s = start(&p);
    round_trip(s, TLS1_3_VERSION, 10);
    round_trip(s, TLS1_2_VERSION, 10);
    round_trip(s, TLS1_3_VERSION, 3000000);
    http_server_destroy(s);
    remove_certificate(&p);
}

TEST(tls_refuses_old_versions_and_plain_text)
{
    struct pem p = make_certificate();
    struct http_server *s = start(&p);
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_security_level(ctx, 0);
    SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(ctx, TLS1_1_VERSION);
    SSL *ssl = SSL_new(ctx);
    int fd = client_connect(s);
    SSL_set_fd(ssl, fd);
    CHECK(SSL_connect(ssl) != 1);
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    close(fd);

    fd = client_connect(s);
    client_send_str(fd, "GET /echo HTTP/1.1\r\nHost: localhost\r\n\r\n");
    char text[256];
    size_t n = client_answer(fd, text, sizeof text);
    CHECK(n < 64 && strncmp(text, "HTTP", 4) != 0); /* an alert at most */
    close(fd);

    fd = client_connect(s); /* says nothing */
    CHECK(client_is_closed(fd));
    close(fd);
    http_server_destroy(s);
    remove_certificate(&p);
}

TEST(tls_names_the_file_that_is_wrong)
{
    struct pem p = make_certificate(), other = make_certificate();
    struct http_server *s = NULL;
    struct bole_err err;
    struct http_options o = {.listen = S("127.0.0.1:0"), .tls_cert_path = "/nonexistent/cert.pem", .tls_key_path = p.key};
    CHECK_EQ_STATUS(http_server_create(&o, &s, &err), BOLE_E_INVALID);
    CHECK(strstr(err.msg, "/nonexistent/cert.pem"));
    o.tls_cert_path = p.cert;
    o.tls_key_path = other.key;
    CHECK_EQ_STATUS(http_server_create(&o, &s, &err), BOLE_E_INVALID);
    CHECK(s == NULL);
    remove_certificate(&p);
    remove_certificate(&other);
}
