#include "client/curl.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

#include "base/err.h"

static struct curl_api api;
static const char *missing; /* the first symbol or library that was not found */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void)
{
    void *library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        missing = "libcurl.so.4";
        return;
    }
    const struct {
        const char *name;
        void *slot;
    } symbols[] = {
        {"curl_global_init", &api.global_init},     {"curl_easy_init", &api.easy_init},
        {"curl_easy_setopt", &api.easy_setopt},     {"curl_easy_perform", &api.easy_perform},
        {"curl_easy_getinfo", &api.easy_getinfo},   {"curl_easy_send", &api.easy_send},
        {"curl_easy_recv", &api.easy_recv},         {"curl_easy_strerror", &api.easy_strerror},
        {"curl_easy_reset", &api.easy_reset},       {"curl_easy_cleanup", &api.easy_cleanup},
        {"curl_slist_append", &api.slist_append},   {"curl_slist_free_all", &api.slist_free_all},
    };
    for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++) {
        void *found = dlsym(library, symbols[i].name);
        if (!found) {
            missing = symbols[i].name;
            return;
        }
        *(void **)symbols[i].slot = found; /* as dlsym(3) itself shows */
    }
    api.global_init(CURL_GLOBAL_DEFAULT);
}

bole_status curl_load(const struct curl_api **ret_api, struct bole_err *err)
{
    pthread_once(&once, load);
    if (missing)
        return bole_fail(err, BOLE_E_UNSUPPORTED, "%s was not found: install the package libcurl4", missing);
    *ret_api = &api;
    return BOLE_OK;
}
