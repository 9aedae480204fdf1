#include "bole/client.h"

#include <curl/curl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <wslay/wslay.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/random.h"
#include "client/curl.h"

#undef curl_easy_setopt /* the checking macros of curl.h would call the library directly */
#undef curl_easy_getinfo

enum {
    CONNECT_TIMEOUT_S = 10,
    ERROR_TEXT_MAX = 200,       /* bytes of an error answer that are shown */
    RETRY_AFTER_MAX_S = 60,     /* a server may not keep a client waiting for longer without being asked again */
    REFUSAL_MAX = 64 << 10,     /* bytes of it that are kept */
    HANDSHAKE_MAX = 8192,       /* bytes of a WebSocket answer's head, and of a refusal's body */
    ANSWER_TIMEOUT_S = 30,      /* until that head has come */
    REFUSAL_TIMEOUT_S = 2,      /* until that body has */
    POLL_MS = 200,              /* the stop flag is looked at this often */
    MESSAGE_MAX = 64 << 20,     /* bytes of one WebSocket message */
};

struct bole_client {
    const struct curl_api *curl;
    CURL                  *easy;
    char                  *url;
    char                  *ca_cert, *cert, *key; /* NULL: none */
    bool                   tls_skip_verify;
    char                   problem[CURL_ERROR_SIZE]; /* libcurl's own words for the last failure; "" */
    struct curl_slist     *headers; /* token and tenant */
    struct buf             head;    /* the same as text, for the WebSocket handshake */
    struct buf             refusal; /* the body of the last answer that was an error */
    unsigned               retry_after_s;
    unsigned               http_status;
    unsigned               timeout_s;
    char                  *tenant;  /* NULL: none */
    const volatile sig_atomic_t *stop;
};

/* Ours first, then logcli's. */
static const char *or_environment(const char *value, const char *name, const char *loki_name)
{
    const char *const found[] = {value, getenv(name), getenv(loki_name)};
    for (size_t i = value ? 0 : 1; i < sizeof found / sizeof *found; i++)
        if (found[i] && (*found[i] || i == 0))
            return *found[i] ? found[i] : NULL;
    return NULL;
}

static char *copy_path(const char *value, const char *environment_name, const char *loki_name, bool *failed)
{
    value = or_environment(value, environment_name, loki_name);
    char *copy = value ? strdup(value) : NULL;
    *failed |= value && !copy;
    return copy;
}

static bool header_value_is_safe(const char *value)
{
    for (; *value; value++)
        if ((unsigned char)*value < 0x20 || *value == 0x7f)
            return false;
    return true;
}

static bole_status add_header(struct bole_client *c, const char *name, const char *prefix, const char *value,
                              struct bole_err *err)
{
    if (!header_value_is_safe(value))
        return bole_fail(err, BOLE_E_INVALID, "the value for %s holds control characters", name);
    size_t from = c->head.len;
    buf_printf(&c->head, "%s: %s%s", name, prefix, value);
    buf_put_u8(&c->head, 0);
    struct curl_slist *list = c->head.failed ? NULL : c->curl->slist_append(c->headers, (char *)c->head.ptr + from);
    if (!list)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for a client");
    c->headers = list;
    c->head.len--;
    buf_put(&c->head, S("\r\n"));
    return BOLE_OK;
}

/* RFC 7617. */
static bole_status add_basic(struct bole_client *c, const char *username, const char *password, struct bole_err *err)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    struct buf plain, text;
    buf_init(&plain, NULL);
    buf_init(&text, NULL);
    buf_printf(&plain, "%s:%s", username, password);
    for (size_t i = 0; i < plain.len && !plain.failed; i += 3) {
        size_t left = plain.len - i;
        unsigned v =
            (unsigned)plain.ptr[i] << 16 | (left > 1 ? (unsigned)plain.ptr[i + 1] << 8 : 0) | (left > 2 ? plain.ptr[i + 2] : 0u);
        for (size_t k = 0; k < 4; k++)
            buf_put_u8(&text, k <= left ? (uint8_t)digits[v >> (18 - 6 * k) & 63] : '=');
    }
    buf_put_u8(&text, 0);
    bole_status st = plain.failed || text.failed ? bole_fail(err, BOLE_E_NOMEM, "no memory for a client")
                                                 : add_header(c, "Authorization", "Basic ", (const char *)text.ptr, err);
    buf_deinit(&plain);
    buf_deinit(&text);
    return st;
}

bole_status bole_client_create(const struct bole_client_options *options, struct bole_client **ret_client,
                               struct bole_err *err)
{
    const char *url = or_environment(options->url, "BOLE_ADDR", "LOKI_ADDR"),
               *token = or_environment(options->token, "BOLE_TOKEN", "LOKI_BEARER_TOKEN"),
               *tenant = or_environment(options->tenant, "BOLE_TENANT", "LOKI_ORG_ID"),
               *username = or_environment(options->username, "LOKI_USERNAME", "LOKI_USERNAME"),
               *password = or_environment(options->password, "LOKI_PASSWORD", "LOKI_PASSWORD"),
               *skip_verify = getenv("LOKI_TLS_SKIP_VERIFY");
    struct bole_client *c = calloc(1, sizeof *c);
    if (!c)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for a client");
    buf_init(&c->head, NULL);
    buf_init(&c->refusal, NULL);
    c->stop = options->stop;
    c->timeout_s = options->timeout_s;
    bool failed = false;
    c->ca_cert = copy_path(options->ca_cert, "BOLE_CA_CERT", "LOKI_CA_CERT_PATH", &failed);
    c->cert = copy_path(options->cert, "BOLE_CLIENT_CERT", "LOKI_CLIENT_CERT_PATH", &failed);
    c->key = copy_path(options->key, "BOLE_CLIENT_KEY", "LOKI_CLIENT_KEY_PATH", &failed);
    c->tls_skip_verify = options->tls_skip_verify || (skip_verify && !strcmp(skip_verify, "true"));
    bole_status st = curl_load(&c->curl, err);
    if (st == BOLE_OK) {
        c->easy = c->curl->easy_init();
        if (!url)
            url = "http://127.0.0.1:3100";
        if (asprintf(&c->url, "%s%s", strstr(url, "://") ? "" : "http://", url) < 0)
            c->url = NULL;
        if (failed || !c->easy || !c->url)
            st = bole_fail(err, BOLE_E_NOMEM, "no memory for a client");
        else
            for (size_t n = strlen(c->url); n && c->url[n - 1] == '/'; n--)
                c->url[n - 1] = 0;
    }
    if (st == BOLE_OK && token)
        st = add_header(c, "Authorization", "Bearer ", token, err);
    else if (st == BOLE_OK && (username || password))
        st = add_basic(c, username ? username : "", password ? password : "", err);
    if (st == BOLE_OK && tenant)
        st = add_header(c, "X-Scope-OrgID", "", tenant, err);
    if (st == BOLE_OK && tenant && !(c->tenant = strdup(tenant)))
        st = bole_fail(err, BOLE_E_NOMEM, "no memory for a client");
    if (st < 0) {
        bole_client_destroy(c);
        return st;
    }
    *ret_client = c;
    return BOLE_OK;
}

void bole_client_destroy(struct bole_client *c)
{
    if (!c)
        return;
    if (c->easy)
        c->curl->easy_cleanup(c->easy);
    if (c->headers)
        c->curl->slist_free_all(c->headers);
    buf_deinit(&c->head);
    buf_deinit(&c->refusal);
    free(c->tenant);
    free(c->ca_cert);
    free(c->cert);
    free(c->key);
    free(c->url);
    free(c);
}

const char *bole_client_url(const struct bole_client *c)
{
    return c->url;
}

const char *bole_client_tenant(const struct bole_client *c)
{
    return c->tenant;
}

unsigned bole_client_http_status(const struct bole_client *c)
{
    return c->http_status;
}

bole_slice bole_client_refusal(const struct bole_client *c)
{
    return buf_slice(&c->refusal);
}

unsigned bole_client_retry_after_s(const struct bole_client *c)
{
    return c->retry_after_s;
}

static bool stopped(const struct bole_client *c)
{
    return c->stop && *c->stop;
}

/* ---- request and answer ---- */

struct answer {
    struct bole_client *c;
    bole_client_bytes_fn *fn;
    void *ctx;
    struct bole_err *err;
    bole_status status;    /* of fn */
};

static size_t on_body(char *bytes, size_t size, size_t count, void *ctx)
{
    struct answer *a = ctx;
    long code = 0;
    a->c->curl->easy_getinfo(a->c->easy, CURLINFO_RESPONSE_CODE, &code);
    bole_slice s = bole_slice_from(bytes, size * count);
    if (code / 100 != 2) {
        if (a->c->refusal.len + s.len <= REFUSAL_MAX)
            buf_put(&a->c->refusal, s);
        return s.len;
    }
    if (a->fn)
        a->status = a->fn(s, a->ctx, a->err);
    return a->status == BOLE_OK ? s.len : 0; /* another count than asked for ends the transfer */
}

static int on_progress(void *ctx, curl_off_t a, curl_off_t b, curl_off_t d, curl_off_t e)
{
    return stopped(ctx);
}

static bole_status status_of_http(long code)
{
    switch (code) {
    case 401: case 403: case 407: return BOLE_E_DENIED;
    case 404: return BOLE_E_NOTFOUND;
    case 408: return BOLE_E_IO;
    case 429: return BOLE_E_LIMIT;
    case 503: return BOLE_E_FULL;
    default: return code / 100 == 4 ? BOLE_E_INVALID : BOLE_E_IO;
    }
}

/* An answer that is no success: the server's own words, or its number when it said nothing. */
static bole_status refusal(struct bole_client *c, long code, bole_slice body, struct bole_err *err)
{
    bole_slice text = bole_slice_trim(body);
    bole_status st = status_of_http(code);
    if (text.len > ERROR_TEXT_MAX)
        text.len = ERROR_TEXT_MAX;
    const char *hint = code == 401 ? " (a token: --token or BOLE_TOKEN)" : "";
    return text.len ? bole_fail(err, st, "%.*s%s", BOLE_SLICE_ARG(text), hint)
                    : bole_fail(err, st, "%s answered %ld%s", c->url, code, hint);
}

static bole_status curl_failure(struct bole_client *c, CURLcode rc, struct bole_err *err)
{
    if (stopped(c))
        return bole_fail(err, BOLE_E_CANCELLED, "stopped");
    if (rc == CURLE_COULDNT_CONNECT)
        return bole_fail(err, BOLE_E_IO,
                         "%s: nobody listens there. Is `bole serve` running? Another address: --addr or BOLE_ADDR",
                         c->url);
    const char *problem = c->problem[0] ? c->problem : c->curl->easy_strerror(rc);
    if (rc == CURLE_PEER_FAILED_VERIFICATION)
        return bole_fail(err, BOLE_E_IO, "%s: %s. The certificate that signed it: --ca-cert or BOLE_CA_CERT", c->url,
                         problem);
    return bole_fail(err, BOLE_E_IO, "%s: %s", c->url, problem);
}

/* A handle as new, with what every use of it needs. */
static void prepare(struct bole_client *c)
{
    const struct curl_api *curl = c->curl;
    CURL *easy = c->easy;
    curl->easy_reset(easy);
    c->problem[0] = 0;
    curl->easy_setopt(easy, CURLOPT_ERRORBUFFER, c->problem);
    curl->easy_setopt(easy, CURLOPT_URL, c->url);
    curl->easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl->easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl->easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_TIMEOUT_S);
    curl->easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    if (c->timeout_s)
        curl->easy_setopt(easy, CURLOPT_TIMEOUT, (long)c->timeout_s);
    if (c->ca_cert)
        curl->easy_setopt(easy, CURLOPT_CAINFO, c->ca_cert);
    if (c->cert)
        curl->easy_setopt(easy, CURLOPT_SSLCERT, c->cert);
    if (c->key)
        curl->easy_setopt(easy, CURLOPT_SSLKEY, c->key);
    if (c->tls_skip_verify) {
        curl->easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
        curl->easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
}

static bole_status perform(struct bole_client *c, const char *path, struct answer *a, struct bole_err *err)
{
    char *url;
    if (asprintf(&url, "%s%s", c->url, path) < 0)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for a request");
    const struct curl_api *curl = c->curl;
    buf_reset(&c->refusal);
    curl->easy_setopt(c->easy, CURLOPT_URL, url);
    curl->easy_setopt(c->easy, CURLOPT_USERAGENT, "bole/" BOLE_VERSION);
    curl->easy_setopt(c->easy, CURLOPT_WRITEFUNCTION, on_body);
    curl->easy_setopt(c->easy, CURLOPT_WRITEDATA, a);
    curl->easy_setopt(c->easy, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl->easy_setopt(c->easy, CURLOPT_XFERINFODATA, c);
    curl->easy_setopt(c->easy, CURLOPT_NOPROGRESS, 0L);
    CURLcode rc = curl->easy_perform(c->easy);
    long code = 0;
    curl_off_t retry_after_s = 0;
    curl->easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &code);
    curl->easy_getinfo(c->easy, CURLINFO_RETRY_AFTER, &retry_after_s);
    c->http_status = (unsigned)code;
    if (retry_after_s > RETRY_AFTER_MAX_S)
        retry_after_s = RETRY_AFTER_MAX_S;
    c->retry_after_s = retry_after_s < 0 ? 0 : (unsigned)retry_after_s;
    bole_status st = BOLE_OK;
    if (a->status != BOLE_OK)
        st = a->status;
    else if (rc != CURLE_OK)
        st = curl_failure(c, rc, err);
    else if (code / 100 != 2)
        st = refusal(c, code, buf_slice(&c->refusal), err);
    free(url);
    return st;
}

bole_status bole_client_get(struct bole_client *c, const char *path_and_query, bole_client_bytes_fn *fn, void *ctx,
                            struct bole_err *err)
{
    struct answer a = {.c = c, .fn = fn, .ctx = ctx, .err = err};
    prepare(c);
    c->curl->easy_setopt(c->easy, CURLOPT_HTTPHEADER, c->headers);
    return perform(c, path_and_query, &a, err);
}

bole_status bole_client_delete(struct bole_client *c, const char *path_and_query, struct bole_err *err)
{
    struct answer a = {.c = c, .err = err};
    prepare(c);
    c->curl->easy_setopt(c->easy, CURLOPT_HTTPHEADER, c->headers);
    c->curl->easy_setopt(c->easy, CURLOPT_CUSTOMREQUEST, "DELETE");
    return perform(c, path_and_query, &a, err);
}

bole_status bole_client_post(struct bole_client *c, const char *path_and_query, const char *content_type,
                             bole_slice body, bole_client_bytes_fn *fn, void *ctx, struct bole_err *err)
{
    struct answer a = {.c = c, .fn = fn, .ctx = ctx, .err = err};
    char type[128];
    snprintf(type, sizeof type, "Content-Type: %s", content_type);
    struct curl_slist *own = c->curl->slist_append(NULL, type);
    own = c->curl->slist_append(own, "Expect:"); /* no round trip before the body */
    for (const struct curl_slist *h = c->headers; h; h = h->next)
        own = c->curl->slist_append(own, h->data);
    prepare(c);
    c->curl->easy_setopt(c->easy, CURLOPT_HTTPHEADER, own);
    c->curl->easy_setopt(c->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
    c->curl->easy_setopt(c->easy, CURLOPT_POSTFIELDS, body.ptr ? (const void *)body.ptr : "");
    bole_status st = perform(c, path_and_query, &a, err);
    c->curl->slist_free_all(own);
    return st;
}

/* ---- WebSocket: libcurl connects (and does TLS), wslay frames ---- */

struct follow {
    struct bole_client *c;
    bole_client_bytes_fn *fn;
    void *ctx;
    struct bole_err *err;
    bole_status status;
    struct buf early; /* bytes behind the handshake's answer */
    size_t early_at;
};

static uint64_t after_s(unsigned seconds)
{
    return clock_mono_ns(&clock_system) + seconds * (uint64_t)NS_PER_S;
}

/* False: the stop flag was set, or it is later than until_ns. */
static bool wait_socket(struct bole_client *c, short events, uint64_t until_ns)
{
    curl_socket_t fd = CURL_SOCKET_BAD;
    c->curl->easy_getinfo(c->easy, CURLINFO_ACTIVESOCKET, &fd);
    struct pollfd p = {.fd = fd, .events = events};
    while (!stopped(c) && clock_mono_ns(&clock_system) < until_ns)
        if (poll(&p, 1, POLL_MS) > 0)
            return true;
    return false;
}

static ssize_t ws_recv(wslay_event_context_ptr ws, uint8_t *bytes, size_t len, int flags, void *ctx)
{
    struct follow *f = ctx;
    if (f->early_at < f->early.len) {
        size_t n = f->early.len - f->early_at < len ? f->early.len - f->early_at : len;
        memcpy(bytes, f->early.ptr + f->early_at, n);
        f->early_at += n;
        return (ssize_t)n;
    }
    size_t n = 0;
    CURLcode rc = f->c->curl->easy_recv(f->c->easy, bytes, len, &n);
    if (rc == CURLE_OK && n > 0)
        return (ssize_t)n;
    wslay_event_set_error(ws, rc == CURLE_AGAIN ? WSLAY_ERR_WOULDBLOCK : WSLAY_ERR_CALLBACK_FAILURE);
    return -1;
}

static ssize_t ws_send(wslay_event_context_ptr ws, const uint8_t *bytes, size_t len, int flags, void *ctx)
{
    struct follow *f = ctx;
    size_t n = 0;
    CURLcode rc = f->c->curl->easy_send(f->c->easy, bytes, len, &n);
    if (rc == CURLE_OK)
        return (ssize_t)n;
    wslay_event_set_error(ws, rc == CURLE_AGAIN ? WSLAY_ERR_WOULDBLOCK : WSLAY_ERR_CALLBACK_FAILURE);
    return -1;
}

static int ws_mask(wslay_event_context_ptr ws, uint8_t *bytes, size_t len, void *ctx)
{
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)random_next(&random_system);
    return 0;
}

static void ws_message(wslay_event_context_ptr ws, const struct wslay_event_on_msg_recv_arg *message, void *ctx)
{
    struct follow *f = ctx;
    if (message->opcode == WSLAY_TEXT_FRAME && f->status == BOLE_OK)
        f->status = f->fn(bole_slice_from(message->msg, message->msg_length), f->ctx, f->err);
}

static bole_status broken(struct bole_client *c, struct bole_err *err)
{
    return stopped(c) ? bole_fail(err, BOLE_E_CANCELLED, "stopped")
                      : bole_fail(err, BOLE_E_IO, "%s: the connection broke", c->url);
}

static bole_status send_all(struct bole_client *c, bole_slice s, struct bole_err *err)
{
    uint64_t until_ns = after_s(ANSWER_TIMEOUT_S);
    while (s.len) {
        size_t n = 0;
        CURLcode rc = c->curl->easy_send(c->easy, s.ptr, s.len, &n);
        if (rc == CURLE_AGAIN ? !wait_socket(c, POLLOUT, until_ns) : rc != CURLE_OK)
            return broken(c, err);
        s = bole_slice_sub(s, n);
    }
    return BOLE_OK;
}

static bole_status send_upgrade(struct bole_client *c, const char *path, struct bole_err *err)
{
    const char *host = strstr(c->url, "://") + 3;
    int host_len = (int)strcspn(host, "/");
    struct buf request;
    buf_init(&request, NULL);
    /* The key only shows that the server speaks WebSocket, which its 101 says too: any 16 bytes in base64 do. */
    buf_printf(&request,
               "GET %s%s HTTP/1.1\r\nHost: %.*s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               "Sec-WebSocket-Key: Ym9sZS1jb21tYW5kLWxpbg==\r\nSec-WebSocket-Version: 13\r\n"
               "User-Agent: bole/" BOLE_VERSION "\r\n",
               host + host_len, path, host_len, host);
    buf_put(&request, buf_slice(&c->head));
    buf_put(&request, S("\r\n"));
    bole_status st = request.failed ? bole_fail(err, BOLE_E_NOMEM, "no memory for a request")
                                    : send_all(c, buf_slice(&request), err);
    buf_deinit(&request);
    return st;
}

/* Some more of the answer behind f->early; BOLE_END when the server has closed. */
static bole_status receive_more(struct follow *f, uint64_t until_ns)
{
    size_t n = 0;
    struct bole_client *c = f->c;
    if (f->early.len > HANDSHAKE_MAX || !buf_reserve(&f->early, 4096))
        return bole_fail(f->err, BOLE_E_IO, "%s: the answer to the upgrade is too long", c->url);
    CURLcode rc = c->curl->easy_recv(c->easy, f->early.ptr + f->early.len, 4096, &n);
    f->early.len += n;
    if (rc == CURLE_AGAIN && !wait_socket(c, POLLIN, until_ns))
        return stopped(c) ? broken(c, f->err) : bole_fail(f->err, BOLE_E_IO, "%s: no answer to the upgrade", c->url);
    if (rc != CURLE_OK && rc != CURLE_AGAIN)
        return broken(c, f->err);
    return rc == CURLE_OK && n == 0 ? BOLE_END : BOLE_OK;
}

/* Of the answer's body; HANDSHAKE_MAX where the head does not say. */
static size_t content_length(bole_slice head)
{
    static const char name[] = "content-length:";
    while (head.len) {
        bole_slice line = bole_slice_cut(head, '\n', &head);
        if (line.len < sizeof name || strncasecmp((const char *)line.ptr, name, sizeof name - 1) != 0)
            continue;
        size_t length = 0;
        for (size_t i = sizeof name - 1; i < line.len && length < HANDSHAKE_MAX; i++)
            if (line.ptr[i] >= '0' && line.ptr[i] <= '9')
                length = length * 10 + (line.ptr[i] - '0');
        return length;
    }
    return HANDSHAKE_MAX;
}

/* The head of the answer has come: what kind of answer is it? A refusal's body is read, as far as it comes soon. */
static bole_status check_answer(struct follow *f)
{
    bole_slice head = {f->early.ptr, f->early_at};
    long code = 0;
    if (bole_slice_starts(head, S("HTTP/1.")) && head.len > 12)
        code = strtol((const char *)head.ptr + 9, NULL, 10); /* the head ends in a newline */
    if (code == 101)
        return BOLE_OK;
    size_t want = f->early_at + content_length(head);
    uint64_t until_ns = after_s(REFUSAL_TIMEOUT_S);
    struct bole_err *err = f->err, unwanted;
    f->err = &unwanted;
    while (f->early.len < want && receive_more(f, until_ns) == BOLE_OK)
        continue;
    f->err = err;
    if (stopped(f->c))
        return broken(f->c, err);
    return refusal(f->c, code, bole_slice_sub(buf_slice(&f->early), f->early_at), err);
}

/* Sends the upgrade and reads the answer's head; what came behind it stays in f->early. RFC 6455, section 4.1. */
static bole_status handshake(struct follow *f, const char *path)
{
    uint64_t until_ns = after_s(ANSWER_TIMEOUT_S);
    const uint8_t *end = NULL;
    bole_status st = send_upgrade(f->c, path, f->err);
    while (st == BOLE_OK && !end) {
        st = receive_more(f, until_ns);
        end = f->early.len ? memmem(f->early.ptr, f->early.len, "\r\n\r\n", 4) : NULL;
    }
    if (!end)
        return st == BOLE_END ? broken(f->c, f->err) : st;
    f->early_at = (size_t)(end - f->early.ptr) + 4;
    return check_answer(f);
}

bole_status bole_client_follow(struct bole_client *c, const char *path_and_query, bole_client_bytes_fn *fn, void *ctx,
                               struct bole_err *err)
{
    struct follow f = {.c = c, .fn = fn, .ctx = ctx, .err = err};
    const struct wslay_event_callbacks callbacks = {.recv_callback = ws_recv, .send_callback = ws_send,
                                                    .genmask_callback = ws_mask, .on_msg_recv_callback = ws_message};
    wslay_event_context_ptr ws = NULL;
    prepare(c);
    c->curl->easy_setopt(c->easy, CURLOPT_CONNECT_ONLY, 1L);
    CURLcode rc = c->curl->easy_perform(c->easy);
    bole_status st = rc == CURLE_OK ? handshake(&f, path_and_query) : curl_failure(c, rc, err);
    if (st == BOLE_OK && wslay_event_context_client_init(&ws, &callbacks, &f) != 0)
        st = bole_fail(err, BOLE_E_NOMEM, "no memory for a WebSocket");
    if (st == BOLE_OK)
        wslay_event_config_set_max_recv_msg_length(ws, MESSAGE_MAX);
    if (st == BOLE_OK)
        st = fn(S(""), ctx, err);
    while (st == BOLE_OK && (wslay_event_want_read(ws) || wslay_event_want_write(ws))) {
        if (f.early_at >= f.early.len &&
            !wait_socket(c, wslay_event_want_write(ws) ? POLLIN | POLLOUT : POLLIN, UINT64_MAX)) {
            st = broken(c, err);
            break;
        }
        if (wslay_event_recv(ws) != 0 || wslay_event_send(ws) != 0)
            st = broken(c, err);
        if (f.status != BOLE_OK)
            st = f.status;
    }
    if (ws)
        wslay_event_context_free(ws);
    buf_deinit(&f.early);
    return st;
}
