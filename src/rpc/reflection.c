/*
 * reflection.c - grpc.reflection.v1.ServerReflection, also by its older name: which services there are, and the files that
 * describe Bole's. https://github.com/grpc/grpc/blob/master/doc/server-reflection.md
 *
 *   ServerReflectionRequest   1: host, 3: file_by_filename, 4: file_containing_symbol, 7: list_services; others: not known here
 *   ServerReflectionResponse  1: valid_host, 2: original_request, 4: { 1: repeated bytes file }, 6: { 1: repeated { 1: name } },
 *                             7: { 1: error_code, 2: error_message }
 *   FileDescriptorProto       1: name, 2: package, 4: message, 5: enum, 6: service; each of these 1: name
 */
#include "receive/wire.h"
#include "rpc/descriptors.h"
#include "rpc/rpc.h"
#include "rpc/wire_out.h"

enum { BY_NAME = 3, BY_SYMBOL = 4, LIST = 7 };

/* The field's first value in a message; ptr NULL: none. */
static bole_slice member(bole_slice message, uint32_t wanted)
{
    struct wire w = wire_of(message);
    bole_slice found = {0};
    for (uint32_t field; (field = wire_field(&w)) && !found.ptr;)
        if (field == wanted && w.type == WIRE_LEN)
            found = wire_bytes(&w);
        else
            wire_skip(&w);
    return found;
}

/* "bole.v1.Logs.Push" is in a file of the package bole.v1 that has a Logs. */
static bool holds_symbol(bole_slice file, bole_slice symbol)
{
    bole_slice package = member(file, 2), rest;
    if (!bole_slice_starts(symbol, package) || symbol.len <= package.len || symbol.ptr[package.len] != '.')
        return false;
    bole_slice name = bole_slice_cut(bole_slice_sub(symbol, package.len + 1), '.', &rest);
    struct wire w = wire_of(file);
    for (uint32_t field; (field = wire_field(&w));)
        if (field >= 4 && field <= 6 && w.type == WIRE_LEN) {
            if (bole_slice_eq(member(wire_bytes(&w), 1), name))
                return true;
        } else {
            wire_skip(&w);
        }
    return false;
}

static bole_slice find_file(uint32_t kind, bole_slice wanted)
{
    struct wire w = wire_of(bole_slice_from(rpc_descriptors, rpc_descriptors_size));
    while (wire_field(&w) == 1) {
        bole_slice file = wire_bytes(&w);
        if (kind == BY_NAME ? bole_slice_eq(member(file, 1), wanted) : holds_symbol(file, wanted))
            return file;
    }
    return (bole_slice){0};
}

static void put_services(struct buf *out)
{
    size_t list = wire_open(out, 6), count;
    const struct rpc_service *const *services = rpc_services(&count);
    for (size_t i = 0; i < count; i++) {
        size_t at = wire_open(out, 1);
        wire_put_bytes(out, 1, bole_slice_str(services[i]->name));
        wire_close(out, at);
    }
    wire_close(out, list);
}

static void put_error(struct buf *out, enum rpc_code code, const char *text)
{
    size_t at = wire_open(out, 7);
    wire_put_number(out, 1, code);
    wire_put_bytes(out, 2, bole_slice_str(text));
    wire_close(out, at);
}

static void put_file(struct buf *out, bole_slice file)
{
    size_t at = wire_open(out, 4);
    wire_put_bytes(out, 1, file);
    wire_close(out, at);
}

/* The last member of the one-of counts. False: the request cannot be read. */
static bool read_question(bole_slice request, uint32_t *ret_kind, bole_slice *ret_wanted)
{
    struct wire w = wire_of(request);
    *ret_kind = 0;
    for (uint32_t field; (field = wire_field(&w));) {
        if (field < BY_NAME || field > LIST || w.type != WIRE_LEN) {
            wire_skip(&w);
            continue;
        }
        *ret_kind = field;
        *ret_wanted = wire_bytes(&w);
    }
    return !w.error;
}

static void reflect(struct rpc_call *call, bole_slice request)
{
    struct buf out;
    bole_slice wanted = S(""), file = {0};
    uint32_t kind;
    if (!read_question(request, &kind, &wanted)) {
        rpc_finish(call, &(struct rpc_end){.code = RPC_INVALID_ARGUMENT, .text = S("the request cannot be read")});
        return;
    }
    buf_init(&out, rpc_budget(call->rpc));
    wire_put_bytes(&out, 2, request);
    if (kind == BY_NAME || kind == BY_SYMBOL)
        file = find_file(kind, wanted);
    if (kind == LIST)
        put_services(&out);
    else if (file.ptr)
        put_file(&out, file);
    else
        put_error(&out, kind == BY_NAME || kind == BY_SYMBOL ? RPC_NOT_FOUND : RPC_UNIMPLEMENTED, "not known here");
    if (out.failed || !rpc_write(call, buf_slice(&out)))
        rpc_finish_later(call, RPC_UNAVAILABLE, S("no memory for the answer"));
    buf_deinit(&out);
}

static void reflection_end(struct rpc_call *call)
{
    rpc_finish(call, &(struct rpc_end){.code = RPC_OK});
}

/* Question by question: a client that does not take its answers asks no more. */
#define METHOD(path_)                                                                                                            \
    {                                                                                                                            \
        .path = path_, .begin = rpc_read, .message = reflect, .drained = rpc_read, .read_end = reflection_end,                   \
        .stop = reflection_end                                                                                                   \
    }

static const struct rpc_method reflect_v1 = METHOD("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"),
                               reflect_v1alpha = METHOD("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo");
static const struct rpc_method *const v1[] = {&reflect_v1}, *const v1alpha[] = {&reflect_v1alpha};
const struct rpc_service rpc_reflection_service = {"grpc.reflection.v1.ServerReflection", v1, 1},
                         rpc_old_reflection_service = {"grpc.reflection.v1alpha.ServerReflection", v1alpha, 1};
