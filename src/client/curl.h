/* curl.h - libcurl, loaded at the first use: it brings some thirty libraries, which an idle server must not carry. */
#ifndef CLIENT_CURL_H
#define CLIENT_CURL_H

#include <curl/curl.h>

#include "bole/types.h"

/* The calls that Bole uses, by their names without "curl_". */
struct curl_api {
    CURLcode (*global_init)(long flags);
    CURL *(*easy_init)(void);
    CURLcode (*easy_setopt)(CURL *handle, CURLoption option, ...);
    CURLcode (*easy_perform)(CURL *handle);
    CURLcode (*easy_getinfo)(CURL *handle, CURLINFO info, ...);
    CURLcode (*easy_send)(CURL *handle, const void *bytes, size_t len, size_t *ret_sent);
    CURLcode (*easy_recv)(CURL *handle, void *bytes, size_t len, size_t *ret_received);
    const char *(*easy_strerror)(CURLcode code);
    void (*easy_reset)(CURL *handle);
    void (*easy_cleanup)(CURL *handle);
    struct curl_slist *(*slist_append)(struct curl_slist *list, const char *text);
    void (*slist_free_all)(struct curl_slist *list);
};

/* BOLE_E_UNSUPPORTED names the missing package. Threads: any. */
bole_status curl_load(const struct curl_api **ret_api, struct bole_err *err);

#endif
