#include "serve/http_host.h"

#include <sys/socket.h>

/* "host:port" or "[v6]:port" into its parts; brackets and one final dot of the name are cut off. */
static bool split_authority(bole_slice authority, bole_slice *ret_host, bole_slice *ret_port)
{
    bole_slice host, rest;
    if (authority.len && authority.ptr[0] == '[') {
        const uint8_t *end = memchr(authority.ptr, ']', authority.len);
        if (!end)
            return false;
        host = (bole_slice){authority.ptr + 1, (size_t)(end - authority.ptr) - 1};
        rest = bole_slice_sub(authority, host.len + 2);
    } else {
        const uint8_t *colon = authority.len ? memchr(authority.ptr, ':', authority.len) : NULL;
        host = (bole_slice){authority.ptr, colon ? (size_t)(colon - authority.ptr) : authority.len};
        rest = bole_slice_sub(authority, host.len);
        if (host.len && host.ptr[host.len - 1] == '.')
            host.len--;
    }
    if (rest.len && rest.ptr[0] != ':')
        return false;
    *ret_port = bole_slice_sub(rest, 1);
    for (size_t i = 0; i < ret_port->len; i++)
        if (ret_port->ptr[i] < '0' || ret_port->ptr[i] > '9')
            return false;
    *ret_host = host;
    return host.len > 0 && ret_port->len <= 5;
}

static bool is_localhost(bole_slice host)
{
    bole_slice dotted = S(".localhost"); /* RFC 6761, 6.3: the whole domain is this machine */
    if (host.len > dotted.len && bole_slice_eq_nocase(bole_slice_sub(host, host.len - dotted.len), dotted))
        return true;
    return bole_slice_eq_nocase(host, S("localhost"));
}

static bool is_name(const struct http_hosts *h, bole_slice host)
{
    for (size_t i = 0; i < h->name_count; i++)
        if (bole_slice_eq_nocase(h->names[i], host))
            return true;
    return false;
}

bool http_host_is_ours(const struct http_hosts *h, bole_slice authority)
{
    bole_slice host, port;
    struct net_addr literal;
    if (!split_authority(authority, &host, &port))
        return false;
    if (is_name(h, host) || is_name(h, S("*")))
        return true;
    if (net_ip_parse(host, &literal))
        return net_addr_is_loopback(&literal) || net_addr_is_any(&h->listen) || net_addr_same_ip(&literal, &h->listen);
    return is_localhost(host);
}

bool http_origin_is_ours(const struct http_hosts *h, bole_slice origin, bole_slice authority)
{
    bole_slice host, port, our_host, our_port;
    bole_slice default_port = h->tls ? S("443") : S("80");
    bool https = origin.len > 8 && bole_slice_eq_nocase((bole_slice){origin.ptr, 8}, S("https://"));
    bool http = origin.len > 7 && bole_slice_eq_nocase((bole_slice){origin.ptr, 7}, S("http://"));
    if ((!https && !http) || !split_authority(bole_slice_sub(origin, https ? 8 : 7), &host, &port))
        return false;
    if (is_name(h, host))
        return true;
    if (https != h->tls || !split_authority(authority, &our_host, &our_port))
        return false;
    port = port.len ? port : default_port;
    our_port = our_port.len ? our_port : default_port;
    return bole_slice_eq_nocase(host, our_host) && bole_slice_eq(port, our_port);
}
