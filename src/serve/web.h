/*
 * web.h - the UI's files, embedded in the program by web_embed.py.
 *
 * The meson option `web` names the folder of the built UI; without it the table is empty and `/` is a page that says how
 * to build it. Threads: any; all of it is constant.
 */
#ifndef SERVE_WEB_H
#define SERVE_WEB_H

#include "serve/http.h"

struct web_file {
    const char    *path;         /* "/assets/index-I45Pk_1h.js" */
    const char    *content_type;
    const char    *etag;         /* with its quotes */
    const uint8_t *bytes;
    size_t         size;
    const uint8_t *gzip_bytes;
    size_t         gzip_size;    /* 0: it would not be smaller */
    bool           hashed;       /* the name changes with the content: may be kept for ever */
};

extern const struct web_file web_files[]; /* sorted by path; made at build time */
extern const size_t web_file_count;

/* The file at a path, NULL when there is none; "/" is "/index.html". */
const struct web_file *web_find(bole_slice path);

/* True when the value of an Accept-Encoding header allows gzip. */
bool web_accepts_gzip(bole_slice accept_encoding);

/* Answers a GET that no route took: a file of the UI, or index.html for a page load of one of its views (the client
 * accepts text/html and the last part of the path has no dot). False: nothing was answered. */
bool web_serve(struct http_exchange *x);

#endif
