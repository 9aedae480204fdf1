/* ip.c - addresses are compared as 128-bit numbers, IPv4 in its own family: a v4 pattern never finds a v6 address. */
#include "query/stage/ip.h"

#include <arpa/inet.h>

#include "base/err.h"

struct address {
    uint8_t bytes[16]; /* big endian; IPv4 in the last four */
    bool    is_v4;
};

struct ip_pattern {
    struct address low, high; /* both inclusive */
};

enum { ADDRESS_TEXT_MAX = 64 };

static bool parse_address(bole_slice text, struct address *ret)
{
    char copy[ADDRESS_TEXT_MAX];
    if (text.len == 0 || text.len >= sizeof copy || memchr(text.ptr, 0, text.len))
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = 0;
    *ret = (struct address){.is_v4 = !memchr(copy, ':', text.len)};
    return ret->is_v4 ? inet_pton(AF_INET, copy, ret->bytes + 12) == 1 : inet_pton(AF_INET6, copy, ret->bytes) == 1;
}

static bool parse_block(bole_slice text, const uint8_t *slash, struct ip_pattern *ret)
{
    bole_slice address = {text.ptr, (size_t)(slash - text.ptr)}, bits_text = bole_slice_sub(text, address.len + 1);
    unsigned bits = 0;
    if (!parse_address(address, &ret->low) || bits_text.len == 0 || bits_text.len > 3)
        return false;
    for (size_t i = 0; i < bits_text.len; i++) {
        if (bits_text.ptr[i] < '0' || bits_text.ptr[i] > '9')
            return false;
        bits = bits * 10 + (bits_text.ptr[i] - '0');
    }
    if (bits > (ret->low.is_v4 ? 32u : 128u))
        return false;
    bits += ret->low.is_v4 ? 96 : 0;
    ret->high = ret->low;
    for (unsigned i = bits; i < 128; i++) {
        uint8_t mask = (uint8_t)(0x80 >> (i % 8));
        ret->low.bytes[i / 8] &= (uint8_t)~mask;
        ret->high.bytes[i / 8] |= mask;
    }
    return true;
}

static bool parse_range(bole_slice text, const uint8_t *dash, struct ip_pattern *ret)
{
    bole_slice low = {text.ptr, (size_t)(dash - text.ptr)};
    return parse_address(low, &ret->low) && parse_address(bole_slice_sub(text, low.len + 1), &ret->high) &&
           ret->low.is_v4 == ret->high.is_v4 && memcmp(ret->low.bytes, ret->high.bytes, 16) <= 0;
}

bole_status ip_compile(bole_slice text, struct arena *arena, struct ip_pattern **ret_ip, struct bole_err *err)
{
    struct ip_pattern p = {0};
    const uint8_t *slash = text.len ? memchr(text.ptr, '/', text.len) : NULL;
    const uint8_t *dash = text.len ? memchr(text.ptr, '-', text.len) : NULL;
    const uint8_t *percent = text.len > 1 ? memchr(text.ptr, '%', text.len - 1) : NULL;
    bool zone = percent && !slash && !dash && memchr(text.ptr, ':', (size_t)(percent - text.ptr));
    bool ok = zone ? parse_address((bole_slice){text.ptr, (size_t)(percent - text.ptr)}, &p.low) : slash ? parse_block(text, slash, &p) : dash ? parse_range(text, dash, &p) : parse_address(text, &p.low);
    if (!ok)
        return bole_fail(err, BOLE_E_INVALID, "ip: invalid pattern: \"%.*s\"", BOLE_SLICE_ARG(text));
    if (!slash && !dash)
        p.high = p.low;
    if (zone) /* no address in a line has one */
        memset(&p.low.bytes, 0xff, sizeof p.low.bytes), memset(&p.high.bytes, 0, sizeof p.high.bytes);
    *ret_ip = arena_alloc(arena, sizeof p);
    if (!*ret_ip)
        return bole_fail(err, BOLE_E_LIMIT, "memory limit of the query reached");
    **ret_ip = p;
    return BOLE_OK;
}

static bool is_v4_char(uint8_t c)
{
    return (c >= '0' && c <= '9') || c == '.';
}

static bool is_v6_char(uint8_t c)
{
    return is_v4_char(c) || c == ':' || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_inside(const struct ip_pattern *ip, bole_slice run)
{
    struct address a;
    return parse_address(run, &a) && a.is_v4 == ip->low.is_v4 && memcmp(a.bytes, ip->low.bytes, 16) >= 0 &&
           memcmp(a.bytes, ip->high.bytes, 16) <= 0;
}

bool ip_find(const struct ip_pattern *ip, bole_slice text)
{
    bool (*belongs)(uint8_t) = ip->low.is_v4 ? is_v4_char : is_v6_char;
    for (size_t i = 0; i < text.len; i++) {
        size_t from = i;
        while (i < text.len && belongs(text.ptr[i]))
            i++;
        if (i > from && is_inside(ip, (bole_slice){text.ptr + from, i - from}))
            return true;
    }
    return false;
}
