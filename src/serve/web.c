/*
 * web.c - see web.h. Bodies are sent in place; revalidation is by ETag, and names with a hash are never asked for again.
 */
#include "serve/web.h"

#include <stdio.h>

/* Styles in elements are how the editor brings its theme; scripts come from files only. */
#define SECURITY_HEADERS                                                                                            \
    "Content-Security-Policy: default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "          \
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'\r\n"                              \
    "X-Content-Type-Options: nosniff\r\n"                                                                             \
    "X-Frame-Options: DENY\r\n"                                                                                       \
    "Referrer-Policy: no-referrer\r\n"                                                                                \
    "Cross-Origin-Opener-Policy: same-origin\r\n"

enum { HEADERS_MAX = 1024 };

static const char no_ui_page[] =
    "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Bole</title>\n"
    "<body style=\"font: 16px/1.5 system-ui, sans-serif; max-width: 40em; margin: 4em auto; padding: 0 1em\">\n"
    "<h1>Bole is running</h1>\n"
    "<p>This program was built without its web interface. To build it in:</p>\n"
    "<pre>cd web &amp;&amp; npm ci &amp;&amp; npm run build\nmeson configure build/release -Dweb=web/dist\nninja -C "
    "build/release</pre>\n"
    "<p>or run <code>scripts/build</code>. The API is here all the same: <a href=\"/ready\">/ready</a>, "
    "<a href=\"/metrics\">/metrics</a>, <a href=\"/loki/api/v1/labels\">/loki/api/v1/labels</a>.</p>\n"
    "</body></html>\n";

const struct web_file *web_find(bole_slice path)
{
    if (bole_slice_eq(path, S("/")))
        path = S("/index.html");
    for (size_t i = 0; i < web_file_count; i++)
        if (bole_slice_eq(path, bole_slice_str(web_files[i].path)))
            return &web_files[i];
    return NULL;
}

static bool is_refused(bole_slice parameters)
{
    bole_slice value = bole_slice_trim(parameters);
    if (!bole_slice_starts(value, S("q=0")))
        return false;
    for (size_t i = 3; i < value.len; i++)
        if (value.ptr[i] != '.' && value.ptr[i] != '0')
            return false;
    return true; /* q=0, q=0.0... */
}

bool web_accepts_gzip(bole_slice accept)
{
    while (accept.len) {
        bole_slice parameters, coding = bole_slice_trim(bole_slice_cut(accept, ',', &accept));
        bole_slice name = bole_slice_trim(bole_slice_cut(coding, ';', &parameters));
        if (bole_slice_eq_nocase(name, S("gzip")) || bole_slice_eq(name, S("*")))
            return !is_refused(parameters);
    }
    return false;
}

static bool is_known(bole_slice if_none_match, const char *etag)
{
    while (if_none_match.len) {
        bole_slice one = bole_slice_trim(bole_slice_cut(if_none_match, ',', &if_none_match));
        if (bole_slice_starts(one, S("W/")))
            one = bole_slice_sub(one, 2);
        if (bole_slice_eq(one, S("*")) || bole_slice_eq(one, bole_slice_str(etag)))
            return true;
    }
    return false;
}

static void reply_file(struct http_exchange *x, const struct web_file *f)
{
    bool packed = f->gzip_size && web_accepts_gzip(http_header(x, S("accept-encoding")));
    bool known = is_known(http_header(x, S("if-none-match")), f->etag);
    char headers[HEADERS_MAX];
    snprintf(headers, sizeof headers, "%sETag: %s\r\nCache-Control: %s\r\nVary: Accept-Encoding\r\n%s", SECURITY_HEADERS, f->etag,
             f->hashed ? "public, max-age=31536000, immutable" : "no-cache",
             packed && !known ? "Content-Encoding: gzip\r\n" : "");
    struct http_reply reply = {.status = 200, .content_type = f->content_type, .body_static = true, .headers = headers};
    if (known)
        reply.status = 304;
    else
        reply.body = packed ? bole_slice_from(f->gzip_bytes, f->gzip_size) : bole_slice_from(f->bytes, f->size);
    http_reply(x, &reply);
}

/* A view of the UI, as a browser asks for it: a missing file has a dot in its name and stays missing. */
static bool is_page_load(struct http_exchange *x)
{
    bole_slice path = http_path(x), accept = http_header(x, S("accept"));
    if (!accept.len || !memmem(accept.ptr, accept.len, "text/html", 9))
        return false;
    const uint8_t *slash = memrchr(path.ptr, '/', path.len);
    const uint8_t *name = slash ? slash + 1 : path.ptr;
    return !memchr(name, '.', (size_t)(path.ptr + path.len - name));
}

bool web_serve(struct http_exchange *x)
{
    if (http_method(x) != HTTP_GET)
        return false;
    bole_slice path = http_path(x);
    const struct web_file *f = web_find(path);
    if (!f && is_page_load(x))
        f = web_find(S("/"));
    if (f)
        reply_file(x, f);
    else if (web_file_count == 0 && (bole_slice_eq(path, S("/")) || is_page_load(x)))
        http_reply(x, &(struct http_reply){.content_type = "text/html; charset=utf-8", .body = S(no_ui_page),
                                           .body_static = true, .headers = SECURITY_HEADERS "Cache-Control: no-store\r\n"});
    else
        return false;
    return true;
}
