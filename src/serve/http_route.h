/*
 * http_route.h - from a request's path to its route, and the decoding of paths and form parameters.
 *
 * Owner:   the table borrows the routes; matches point into the path that was given.
 * Threads: read-only after http_routes_create.
 */
#ifndef SERVE_HTTP_ROUTE_H
#define SERVE_HTTP_ROUTE_H

#include "serve/http.h"

#define HTTP_PATH_PARAM_MAX 4 /* "{name}" segments of a route */

struct http_routes;

struct http_match {
    const struct http_route *route;  /* NULL: none for this path and method */
    unsigned allowed, flags;         /* methods and flags of all routes of this path: what a 405 names */
    unsigned param_count;
    struct { bole_slice name, value; } params[HTTP_PATH_PARAM_MAX]; /* values still encoded */
};

bole_status http_routes_create(const struct http_route *routes, size_t count, struct http_routes **ret_routes,
                               struct bole_err *err);
void http_routes_destroy(struct http_routes *r); /* NULL is fine */

/* path: raw, begins with '/'. A route without parameters wins over one with. */
void http_routes_match(const struct http_routes *r, bole_slice path, unsigned method, struct http_match *ret_match);

/* Percent-decoding into the arena; s itself when there is nothing to decode. plus: '+' is a blank, as in forms. False
 * with ret_text untouched when an escape is malformed or there is no room. */
bool http_decode(struct arena *a, bole_slice s, bool plus, bole_slice *ret_text);
bool http_escapes_ok(bole_slice s);

struct http_form_pair { bole_slice name, value; };

/* Splits "a=1&b=2" and appends the decoded pairs to the arena-owned array. BOLE_E_INVALID for a malformed escape. */
bole_status http_form_parse(struct arena *a, bole_slice text, struct http_form_pair **pairs, size_t *pair_count);

/* No empty segment but the last, no "." and "..". */
bool http_path_is_clean(bole_slice path);
/* A raw path that begins with '/' without those; a last '/' stays. ptr NULL: no memory. */
bole_slice http_path_clean(struct arena *a, bole_slice path);

/* Whether a decoded path is safe to look up: no "." or ".." segment, no NUL. */
bool http_path_ok(bole_slice decoded);

#endif
