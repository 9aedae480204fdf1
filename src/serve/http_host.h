/*
 * http_host.h - is this request meant for us, and does it come from our own pages?
 *
 * A page of a foreign site can make a browser send requests to a server on the same machine, and by re-pointing its DNS
 * name ("DNS rebinding") even read the answers. Both are told by two header fields the page cannot forge: Host names the
 * server that the browser believes it talks to, Origin the site whose script is asking.
 *
 * Ours are: localhost and names below it, literal loopback addresses, the address we listen on (with a wildcard address,
 * any literal address: rebinding needs a name), and configured names, of which "*" is any Host, but not any Origin. Ports
 * are not compared in Host.
 */
#ifndef SERVE_HTTP_HOST_H
#define SERVE_HTTP_HOST_H

#include "os/net.h"

struct http_hosts {
    struct net_addr   listen;
    const bole_slice *names;  /* borrowed */
    size_t            name_count;
    bool              tls;    /* how we are reached: https or http */
};

/* authority: "host" or "host:port". */
bool http_host_is_ours(const struct http_hosts *h, bole_slice authority);

/* origin: "scheme://host[:port]", or "null". Ours when it is the authority of the request itself with our scheme, or a
 * configured name with any scheme and port (a proxy in front may speak TLS for us and rewrite Host). */
bool http_origin_is_ours(const struct http_hosts *h, bole_slice origin, bole_slice authority);

#endif
