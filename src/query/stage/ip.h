/*
 * ip.h - ip("..."): one address, a CIDR block or a range `a-b`, IPv4 or IPv6, found anywhere in a text.
 *
 * Threads: a compiled pattern is read-only.
 */
#ifndef QUERY_IP_H
#define QUERY_IP_H

#include "base/arena.h"

struct ip_pattern;

bole_status ip_compile(bole_slice text, struct arena *arena, struct ip_pattern **ret_ip, struct bole_err *err);

/* True when the text holds an address of the pattern. An address is a whole run of its characters: 1.2.3.4 is not found
 * in 1.2.3.4.5. */
bool ip_find(const struct ip_pattern *ip, bole_slice text);

#endif
