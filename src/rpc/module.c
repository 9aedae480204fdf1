#include "rpc/module.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"

enum { PATH_MAX_LEN = 4096 };

static const struct rpc_module *module;
static char problem[600]; /* why there is none */
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* The module lies beside the program that was built, and in the library folder of the one that was installed. */
static void *open_library(void)
{
    static const char *const places[] = {"grpc.so", "../lib/bole/grpc.so", "../" BOLE_LIBDIR "/bole/grpc.so"};
    char program[PATH_MAX_LEN], path[PATH_MAX_LEN + 64];
    ssize_t len = readlink("/proc/self/exe", program, sizeof program - 1);
    if (len < 0)
        len = 0;
    program[len] = 0;
    char *slash = strrchr(program, '/');
    if (slash)
        slash[1] = 0;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        snprintf(path, sizeof path, "%s%s", program, places[i]);
        if (access(path, R_OK) != 0)
            continue;
        void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        if (!library)
            snprintf(problem, sizeof problem, "%s: install the package libgrpc29, or build again where libgrpc-dev is",
                     dlerror());
        return library;
    }
    snprintf(problem, sizeof problem,
             "the module grpc.so is not beside the program: it is built where the package libgrpc-dev is installed");
    return NULL;
}

static void load(void)
{
    void *library = open_library();
    const struct rpc_module *found = library ? dlsym(library, RPC_MODULE_SYMBOL) : NULL;
    if (found && found->abi == RPC_MODULE_ABI)
        module = found;
    else if (library)
        snprintf(problem, sizeof problem, "the module grpc.so is of another version of Bole");
}

bole_status rpc_module_load(const struct rpc_module **ret_module, struct bole_err *err)
{
    pthread_once(&once, load);
    if (!module)
        return bole_fail(err, BOLE_E_UNSUPPORTED, "gRPC: %s", problem);
    *ret_module = module;
    return BOLE_OK;
}
