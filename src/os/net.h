/*
 * net.h - sockets: addresses, listening, and the seam through which every received and sent byte goes.
 *
 * The three calls that a server makes all day are an interface, so that a test can deliver one byte at a time, cut a
 * send short or run out of descriptors without asking the kernel for it.
 *
 * Threads: any; one connection is used by one thread at a time.
 */
#ifndef OS_NET_H
#define OS_NET_H

#include <sys/types.h>
#include <sys/uio.h>

#include "base/slice.h"

struct net_addr {
    uint16_t family; /* AF_INET, AF_INET6; 0: unknown */
    uint16_t port;
    uint8_t  ip[16]; /* network order; the first four for AF_INET */
};

#define NET_ADDR_TEXT_MAX 56 /* bytes, with the NUL: "[ffff:...:255.255.255.255]:65535" */

struct net {
    const struct net_ops *ops;
    bool short_is_empty; /* a receive that gives less than was asked for has emptied the socket, as TCP's does */
};

struct net_ops {
    /* A connection that does not block, or a negative errno: -EAGAIN when none is waiting. */
    int (*accept)(struct net *self, int listener, struct net_addr *ret_peer);
    /* Bytes received, 0 when the peer has closed its side, or a negative errno. */
    ssize_t (*recv)(struct net *self, int fd, void *ret_bytes, size_t len);
    /* Bytes sent (maybe fewer than given) or a negative errno. Never raises SIGPIPE. */
    ssize_t (*send)(struct net *self, int fd, const struct iovec *iov, int iov_count);
};

extern struct net net_posix;

static inline int net_accept(struct net *n, int listener, struct net_addr *ret_peer)
{
    return n->ops->accept(n, listener, ret_peer);
}
static inline ssize_t net_recv(struct net *n, int fd, void *ret_bytes, size_t len) { return n->ops->recv(n, fd, ret_bytes, len); }
static inline ssize_t net_send(struct net *n, int fd, const struct iovec *iov, int iov_count)
{
    return n->ops->send(n, fd, iov, iov_count);
}

/* "127.0.0.1:3100", "[::1]:0", "localhost:3100", ":3100" (every address). Names other than localhost are not looked up. */
bole_status net_addr_parse(bole_slice text, struct net_addr *ret_addr, struct bole_err *err);
/* An address alone, without port and without the brackets of IPv6; false when it is not a literal. */
bool   net_ip_parse(bole_slice text, struct net_addr *ret_addr);
size_t net_addr_format(const struct net_addr *addr, char ret_text[NET_ADDR_TEXT_MAX]);
size_t net_ip_format(const struct net_addr *addr, char ret_text[NET_ADDR_TEXT_MAX]); /* without port and brackets */
bool   net_addr_is_loopback(const struct net_addr *addr); /* 127.0.0.0/8, ::1, and the first mapped into IPv6 */
bool   net_addr_is_any(const struct net_addr *addr);
bool   net_addr_same_ip(const struct net_addr *a, const struct net_addr *b);

/* A listening TCP socket that does not block. ret_bound has the port that was taken for port 0. */
bole_status net_listen(const struct net_addr *addr, int *ret_fd, struct net_addr *ret_bound, struct bole_err *err);

/* Asks a connection that is silent for minutes whether its peer is still there, and ends it if not. */
void net_keep_alive(int fd);

/* ---- datagrams ---- */

#define NET_DATAGRAM_MAX 65535u /* bytes */

struct net_datagrams; /* room for some datagrams of any size, and where they come from */

struct net_datagrams *net_datagrams_create(unsigned count); /* NULL: no memory; NET_DATAGRAM_MAX bytes for each */
void net_datagrams_destroy(struct net_datagrams *d);        /* NULL is fine */

/* A UDP socket that does not block; the kernel is asked for a receive buffer of buffer_bytes and gives what it allows. */
bole_status net_open_udp(const struct net_addr *addr, size_t buffer_bytes, int *ret_fd, struct net_addr *ret_bound,
                         struct bole_err *err);
/* Receives what is there, as many as there is room for: how many, or a negative errno. *ret_dropped is what the kernel
 * has dropped on this socket since it was opened, for want of room in its buffer; kept when the kernel does not say. */
int net_recv_datagrams(int fd, struct net_datagrams *d, uint32_t *ret_dropped);
bole_slice net_datagram(const struct net_datagrams *d, unsigned index, struct net_addr *ret_from); /* until the next call */

#endif
