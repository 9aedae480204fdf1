#include "os/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"

enum { LISTEN_BACKLOG = 4096, PORT_MAX = 65535 };

union sockaddr_any {
    struct sockaddr     base;
    struct sockaddr_in  v4;
    struct sockaddr_in6 v6;
};

static struct net_addr addr_from_socket(const union sockaddr_any *sa)
{
    struct net_addr a = {.family = sa->base.sa_family};
    if (a.family == AF_INET) {
        a.port = ntohs(sa->v4.sin_port);
        memcpy(a.ip, &sa->v4.sin_addr, 4);
    } else if (a.family == AF_INET6) {
        a.port = ntohs(sa->v6.sin6_port);
        memcpy(a.ip, &sa->v6.sin6_addr, 16);
    }
    return a;
}

static socklen_t addr_to_socket(const struct net_addr *a, union sockaddr_any *ret_sa)
{
    memset(ret_sa, 0, sizeof *ret_sa);
    if (a->family == AF_INET) {
        ret_sa->v4.sin_family = AF_INET;
        ret_sa->v4.sin_port = htons(a->port);
        memcpy(&ret_sa->v4.sin_addr, a->ip, 4);
        return sizeof ret_sa->v4;
    }
    ret_sa->v6.sin6_family = AF_INET6;
    ret_sa->v6.sin6_port = htons(a->port);
    memcpy(&ret_sa->v6.sin6_addr, a->ip, 16);
    return sizeof ret_sa->v6;
}

static int posix_accept(struct net *self, int listener, struct net_addr *ret_peer)
{
    (void)self;
    union sockaddr_any sa = {0};
    socklen_t sa_len = sizeof sa;
    int fd = accept4(listener, &sa.base, &sa_len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return -errno;
    *ret_peer = addr_from_socket(&sa);
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* only a matter of latency */
    return fd;
}

static ssize_t posix_recv(struct net *self, int fd, void *ret_bytes, size_t len)
{
    (void)self;
    for (;;) {
        ssize_t n = recv(fd, ret_bytes, len, 0);
        if (n >= 0)
            return n;
        if (errno != EINTR)
            return -errno;
    }
}

static ssize_t posix_send(struct net *self, int fd, const struct iovec *iov, int iov_count)
{
    (void)self;
    struct msghdr msg = {.msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)iov_count};
    for (;;) {
        ssize_t n = iov_count == 1 ? send(fd, iov[0].iov_base, iov[0].iov_len, MSG_NOSIGNAL)
                                   : sendmsg(fd, &msg, MSG_NOSIGNAL);
        if (n >= 0)
            return n;
        if (errno != EINTR)
            return -errno;
    }
}

static const struct net_ops posix_ops = {.accept = posix_accept, .recv = posix_recv, .send = posix_send};
struct net net_posix = {.ops = &posix_ops, .short_is_empty = true};

bool net_ip_parse(bole_slice text, struct net_addr *ret_addr)
{
    char literal[INET6_ADDRSTRLEN];
    if (text.len == 0 || text.len >= sizeof literal || memchr(text.ptr, 0, text.len))
        return false;
    memcpy(literal, text.ptr, text.len);
    literal[text.len] = 0;
    struct net_addr a = {.family = AF_INET};
    if (inet_pton(AF_INET, literal, a.ip) != 1) {
        a.family = AF_INET6;
        if (inet_pton(AF_INET6, literal, a.ip) != 1)
            return false;
    }
    *ret_addr = a;
    return true;
}

static bool parse_port(bole_slice text, uint16_t *ret_port)
{
    uint32_t port = 0;
    if (text.len == 0 || text.len > 5)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        port = port * 10 + (uint32_t)(text.ptr[i] - '0');
    }
    *ret_port = (uint16_t)port;
    return port <= PORT_MAX;
}

bole_status net_addr_parse(bole_slice text, struct net_addr *ret_addr, struct bole_err *err)
{
    const uint8_t *colon = text.len ? memrchr(text.ptr, ':', text.len) : NULL;
    if (!colon)
        return bole_fail(err, BOLE_E_INVALID, "listen address \"%.*s\": no port", BOLE_SLICE_ARG(text));
    bole_slice host = {text.ptr, (size_t)(colon - text.ptr)};
    struct net_addr a = {.family = AF_INET6};
    if (!parse_port(bole_slice_sub(text, host.len + 1), &a.port))
        return bole_fail(err, BOLE_E_INVALID, "listen address \"%.*s\": the port is not a number up to %d",
                         BOLE_SLICE_ARG(text), PORT_MAX);
    uint16_t port = a.port;
    bool bracketed = host.len >= 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
    if (bracketed)
        host = (bole_slice){host.ptr + 1, host.len - 2};
    if (bole_slice_eq_nocase(host, S("localhost")))
        host = S("127.0.0.1");
    if (host.len && (!net_ip_parse(host, &a) || bracketed != (a.family == AF_INET6)))
        return bole_fail(err, BOLE_E_INVALID, "listen address \"%.*s\": not an IP address (IPv6 stands in brackets)",
                         BOLE_SLICE_ARG(text));
    a.port = port;
    *ret_addr = a;
    return BOLE_OK;
}

/* True for one that is written as IPv6 is: an IPv4 peer of a socket that speaks both is not. */
static bool format_ip(const struct net_addr *addr, char ret_ip[INET6_ADDRSTRLEN])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    bool v6 = addr->family == AF_INET6 && memcmp(addr->ip, mapped, sizeof mapped) != 0;
    const uint8_t *bytes = addr->family == AF_INET6 && !v6 ? addr->ip + 12 : addr->ip;
    strcpy(ret_ip, "unknown");
    if (addr->family == AF_INET || addr->family == AF_INET6)
        inet_ntop(v6 ? AF_INET6 : AF_INET, bytes, ret_ip, INET6_ADDRSTRLEN);
    return v6;
}

size_t net_addr_format(const struct net_addr *addr, char ret_text[NET_ADDR_TEXT_MAX])
{
    char ip[INET6_ADDRSTRLEN];
    bool v6 = format_ip(addr, ip);
    int n = snprintf(ret_text, NET_ADDR_TEXT_MAX, v6 ? "[%s]:%u" : "%s:%u", ip, addr->port);
    return n > 0 ? (size_t)n : 0;
}

size_t net_ip_format(const struct net_addr *addr, char ret_text[NET_ADDR_TEXT_MAX])
{
    format_ip(addr, ret_text);
    return strlen(ret_text);
}

bool net_addr_is_loopback(const struct net_addr *a)
{
    static const uint8_t mapped_127[13] = {[10] = 0xff, [11] = 0xff, [12] = 127};
    static const uint8_t one[16] = {[15] = 1};
    if (a->family == AF_INET)
        return a->ip[0] == 127;
    return a->family == AF_INET6 && (memcmp(a->ip, one, 16) == 0 || memcmp(a->ip, mapped_127, 13) == 0);
}

bool net_addr_is_any(const struct net_addr *a)
{
    static const uint8_t zero[16];
    return memcmp(a->ip, zero, a->family == AF_INET ? 4 : 16) == 0;
}

bool net_addr_same_ip(const struct net_addr *a, const struct net_addr *b)
{
    return a->family == b->family && memcmp(a->ip, b->ip, a->family == AF_INET ? 4 : 16) == 0;
}

/* A socket of this kind, bound. */
static bole_status open_bound(const struct net_addr *addr, int type, int *ret_fd, struct net_addr *ret_bound,
                              struct bole_err *err)
{
    char text[NET_ADDR_TEXT_MAX];
    net_addr_format(addr, text);
    struct net_addr wanted = *addr;
    type |= SOCK_NONBLOCK | SOCK_CLOEXEC;
    int fd = socket(wanted.family, type, 0);
    if (fd < 0 && errno == EAFNOSUPPORT && net_addr_is_any(&wanted)) { /* a kernel without IPv6 */
        wanted.family = AF_INET;
        fd = socket(AF_INET, type, 0);
    }
    if (fd < 0)
        return bole_fail_errno(err, errno, "listening on %s", text);
    int on = 1, off = 0;
    if (type & SOCK_STREAM) /* for UDP it would let two programs share the port */
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (wanted.family == AF_INET6 && net_addr_is_any(&wanted))
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off); /* ":3100" means IPv4, too */
    union sockaddr_any sa;
    socklen_t sa_len = addr_to_socket(&wanted, &sa);
    bool listens = type & SOCK_STREAM;
    if (bind(fd, &sa.base, sa_len) != 0 || (listens && listen(fd, LISTEN_BACKLOG) != 0) ||
        getsockname(fd, &sa.base, &sa_len) != 0) {
        int cause = errno;
        close(fd);
        return bole_fail_errno(err, cause, "listening on %s", text);
    }
    *ret_bound = addr_from_socket(&sa);
    *ret_fd = fd;
    return BOLE_OK;
}

bole_status net_listen(const struct net_addr *addr, int *ret_fd, struct net_addr *ret_bound, struct bole_err *err)
{
    return open_bound(addr, SOCK_STREAM, ret_fd, ret_bound, err);
}

void net_keep_alive(int fd)
{
    int on = 1, idle_s = 120, interval_s = 30, count = 4;
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
}

/* ---- datagrams ---- */

struct net_datagrams {
    unsigned           count;
    struct mmsghdr    *headers; /* [count], as all below */
    struct iovec      *iov;
    union sockaddr_any *from;
    union {
        struct cmsghdr head;
        uint8_t        bytes[CMSG_SPACE(sizeof(uint32_t))];
    } *control;
    uint8_t           *bytes;
};

struct net_datagrams *net_datagrams_create(unsigned count)
{
    struct net_datagrams *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    d->count = count;
    d->headers = calloc(count, sizeof *d->headers);
    d->iov = calloc(count, sizeof *d->iov);
    d->from = calloc(count, sizeof *d->from);
    d->control = calloc(count, sizeof *d->control);
    d->bytes = malloc((size_t)count * NET_DATAGRAM_MAX);
    if (d->headers && d->iov && d->from && d->control && d->bytes)
        return d;
    net_datagrams_destroy(d);
    return NULL;
}

void net_datagrams_destroy(struct net_datagrams *d)
{
    if (!d)
        return;
    free(d->headers);
    free(d->iov);
    free(d->from);
    free(d->control);
    free(d->bytes);
    free(d);
}

bole_status net_open_udp(const struct net_addr *addr, size_t buffer_bytes, int *ret_fd, struct net_addr *ret_bound,
                         struct bole_err *err)
{
    bole_status st = open_bound(addr, SOCK_DGRAM, ret_fd, ret_bound, err);
    int size = (int)buffer_bytes, on = 1;
    if (st < 0)
        return st;
    if (setsockopt(*ret_fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) != 0) /* only root may go over rmem_max */
        (void)setsockopt(*ret_fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    (void)setsockopt(*ret_fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on);
    return BOLE_OK;
}

int net_recv_datagrams(int fd, struct net_datagrams *d, uint32_t *ret_dropped)
{
    for (unsigned i = 0; i < d->count; i++) {
        d->iov[i] = (struct iovec){d->bytes + (size_t)i * NET_DATAGRAM_MAX, NET_DATAGRAM_MAX};
        d->headers[i].msg_hdr = (struct msghdr){.msg_name = &d->from[i], .msg_namelen = sizeof d->from[i],
                                                .msg_iov = &d->iov[i], .msg_iovlen = 1, .msg_control = &d->control[i],
                                                .msg_controllen = sizeof d->control[i]};
    }
    int n;
    do
        n = recvmmsg(fd, d->headers, d->count, 0, NULL);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    for (int i = 0; i < n; i++) {
        struct msghdr *h = &d->headers[i].msg_hdr;
        for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c))
            if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL)
                memcpy(ret_dropped, CMSG_DATA(c), sizeof *ret_dropped);
    }
    return n;
}

bole_slice net_datagram(const struct net_datagrams *d, unsigned index, struct net_addr *ret_from)
{
    *ret_from = addr_from_socket(&d->from[index]);
    return bole_slice_from(d->bytes + (size_t)index * NET_DATAGRAM_MAX, d->headers[index].msg_len);
}
