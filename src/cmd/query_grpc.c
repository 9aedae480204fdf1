/*
 * Records come as protobuf and are handed to the printer as the lines of JSON that it knows, so that both ways print the same.
 */
#include "cmd/query_grpc.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/timefmt.h"
#include "receive/wire.h"
#include "rpc/module.h"
#include "rpc/wire_out.h"
#include "serve/loki_json.h"
#include "serve/native_row.h"

enum { PEM_MAX = 1024 * 1024 };

/* ---- the request ---- */

static void put_request(const struct query_grpc *q, struct buf *out)
{
    wire_put_bytes(out, 1, bole_slice_str(q->argument->text));
    wire_put_fixed64(out, 2, (uint64_t)q->start_ns);
    wire_put_fixed64(out, 3, (uint64_t)q->end_ns);
    wire_put_number(out, 4, q->limit ? q->limit : UINT32_MAX);
    wire_put_number(out, 5, q->forward);
    wire_put_number(out, 7, (uint64_t)q->step_ns);
    wire_put_number(out, 8, q->instant);
}

/* ---- the answer ---- */

struct answer {
    const struct query_grpc *q;
    struct printer *printer;
    struct json_doc *doc;   /* of labels of series */
    struct buf      text;   /* NDJSON, or labels */
    struct buf      columns, out;
    uint64_t        points;
};

struct pair {
    bole_slice name, value;
};

static struct pair read_pair(bole_slice message)
{
    struct wire w = wire_of(message);
    struct pair p = {S(""), S("")};
    for (uint32_t field; (field = wire_field(&w));) {
        switch (field) {
        case 1: p.name = wire_bytes(&w); break;
        case 2: p.value = wire_bytes(&w); break;
        default: wire_skip(&w);
        }
    }
    return p;
}

/* The map as a JSON object. */
static void put_map(struct buf *out, bole_slice message, uint32_t wanted)
{
    struct wire w = wire_of(message);
    bool any = false;
    buf_put_u8(out, '{');
    for (uint32_t field; (field = wire_field(&w));) {
        if (field != wanted) {
            wire_skip(&w);
            continue;
        }
        struct pair p = read_pair(wire_bytes(&w));
        buf_put_str(out, any ? "," : "");
        buf_put_json(out, p.name, false);
        buf_put_u8(out, ':');
        buf_put_json(out, p.value, false);
        any = true;
    }
    buf_put_u8(out, '}');
}

static void put_row(struct buf *out, bole_slice message)
{
    struct wire w = wire_of(message);
    bole_slice line = S(""), id = S("");
    int64_t time_ns = 0;
    for (uint32_t field; (field = wire_field(&w));) {
        switch (field) {
        case 1: time_ns = (int64_t)wire_i64(&w); break;
        case 2: line = wire_bytes(&w); break;
        case 5: id = wire_bytes(&w); break;
        default: wire_skip(&w);
        }
    }
    buf_put_str(out, "{\"id\":");
    buf_put_json(out, id, false);
    buf_put_str(out, ",\"time\":");
    native_put_time(out, time_ns);
    buf_put_str(out, ",\"labels\":");
    put_map(out, message, 4);
    buf_put_str(out, ",\"line\":");
    buf_put_json(out, line, false);
    buf_put_str(out, ",\"fields\":");
    put_map(out, message, 3);
    buf_put_str(out, "}\n");
}

static void put_point(struct answer *a, bole_slice message, struct json_value labels)
{
    struct wire w = wire_of(message);
    uint64_t bits = 0;
    double value;
    struct buf text;
    struct print_point p = {.labels = labels};
    for (uint32_t field; (field = wire_field(&w));) {
        switch (field) {
        case 1: p.time_ns = (int64_t)wire_i64(&w); break;
        case 2: bits = wire_i64(&w); break;
        default: wire_skip(&w);
        }
    }
    memcpy(&value, &bits, sizeof value);
    buf_init(&text, NULL);
    loki_put_number(&text, value);
    p.value = buf_slice(&text);
    print_point(&p, a->q->argument->print.format, &a->out);
    buf_deinit(&text);
    a->points++;
}

static bole_status put_series(struct answer *a, bole_slice message, struct bole_err *err)
{
    struct json_value labels;
    buf_reset(&a->text);
    put_map(&a->text, message, 1);
    if (a->text.failed)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for a series");
    bole_status st = json_doc_parse(a->doc, buf_slice(&a->text), &labels, err);
    struct wire w = wire_of(message);
    for (uint32_t field; st == BOLE_OK && (field = wire_field(&w));)
        if (field == 2)
            put_point(a, wire_bytes(&w), labels);
        else
            wire_skip(&w);
    return st;
}

static void tell_stats(bole_slice message)
{
    static const char *const names[] = {NULL, "lines returned", "lines scanned", "bytes scanned", "time, ns"};
    struct wire w = wire_of(message);
    for (uint32_t field; (field = wire_field(&w));)
        if (field < sizeof names / sizeof *names && w.type == WIRE_VARINT)
            fprintf(stderr, "%-16s %llu\n", names[field], (unsigned long long)wire_number(&w));
        else
            wire_skip(&w);
}

static void put_column(struct answer *a, bole_slice name)
{
    buf_put_str(&a->columns, a->columns.len ? "," : "{\"columns\":[");
    buf_put_json(&a->columns, name, false);
}

static bole_status take_rows(struct answer *a, struct bole_err *err)
{
    if (a->text.failed || a->columns.failed)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for rows");
    bole_status st = BOLE_OK;
    if (a->columns.len) {
        buf_put_str(&a->columns, "]}\n");
        st = printer_take_rows(buf_slice(&a->columns), a->printer, err);
        buf_reset(&a->columns);
    }
    return st == BOLE_OK ? printer_take_rows(buf_slice(&a->text), a->printer, err) : st;
}

/* One QueryResponse. */
static bole_status take_message(struct answer *a, bole_slice message, struct bole_err *err)
{
    struct wire w = wire_of(message);
    bole_status st = BOLE_OK;
    bole_slice text;
    buf_reset(&a->text);
    for (uint32_t field; st == BOLE_OK && (field = wire_field(&w));) {
        switch (field) {
        case 1: put_row(&a->text, wire_bytes(&w)); break;
        case 2: st = put_series(a, wire_bytes(&w), err); buf_reset(&a->text); break;
        case 3: put_column(a, wire_bytes(&w)); break;
        case 4:
            text = wire_bytes(&w);
            fprintf(stderr, "warning: %.*s\n", BOLE_SLICE_ARG(text));
            break;
        case 5:
            text = wire_bytes(&w);
            if (a->q->stats)
                tell_stats(text);
            break;
        default: wire_skip(&w);
        }
    }
    if (st == BOLE_OK && w.error)
        st = bole_fail(err, BOLE_E_IO, "the server's answer cannot be read: %s", w.error);
    if (st == BOLE_OK && (a->text.len || a->columns.len))
        st = take_rows(a, err);
    if (st == BOLE_OK && a->out.len)
        st = print_flush(&a->out, err);
    return st;
}

/* ---- the call ---- */

static const char *or_environment(const char *value, const char *name)
{
    const char *found = value ? value : getenv(name);
    return found && *found ? found : NULL;
}

static bole_status read_pem(const char *path, struct buf *out, struct bole_err *err)
{
    FILE *f = fopen(path, "re");
    if (!f)
        return bole_fail(err, BOLE_E_INVALID, "--ca-cert: %s cannot be read", path);
    if (buf_reserve(out, PEM_MAX))
        out->len = fread(out->ptr, 1, PEM_MAX - 1, f);
    fclose(f);
    buf_put_u8(out, 0);
    return out->failed ? bole_fail(err, BOLE_E_NOMEM, "no memory for %s", path) : BOLE_OK;
}

static bole_status dial(const struct rpc_module *m, const struct query_grpc *q, bole_slice message, struct rpc_dial **ret_dial,
                        struct bole_err *err)
{
    const struct connection_options *c = &q->argument->connection;
    const char *scheme = strstr(q->address, "://"), *ca_cert = or_environment(c->ca_cert, "BOLE_CA_CERT");
    struct buf roots;
    buf_init(&roots, NULL);
    bole_status st = ca_cert ? read_pem(ca_cert, &roots, err) : BOLE_OK;
    struct rpc_dial_options o = {.address = scheme ? scheme + 3 : q->address,
                                 .path = "/bole.v1.Logs/Query",
                                 .tls = !strncmp(q->address, "https://", 8),
                                 .tls_roots = ca_cert ? (const char *)roots.ptr : NULL,
                                 .tenant = or_environment(c->tenant, "BOLE_TENANT"),
                                 .token = or_environment(c->token, "BOLE_TOKEN")};
    if (st == BOLE_OK)
        st = m->dial(&o, message, ret_dial, err);
    buf_deinit(&roots);
    return st;
}

static bole_status take_all(const struct rpc_module *m, struct rpc_dial *d, struct answer *a, struct bole_err *err)
{
    bole_slice message;
    for (;;) {
        bole_status st = m->next(d, &message, err);
        if (cmd_stopped)
            return bole_fail(err, BOLE_E_CANCELLED, "stopped");
        if (st == BOLE_OK)
            st = take_message(a, message, err);
        else if (st == BOLE_AGAIN)
            st = printer_flush(a->printer, err);
        if (st != BOLE_OK)
            return st;
    }
}

bole_status query_grpc_run(const struct query_grpc *q, struct printer *printer, uint64_t *ret_points, struct bole_err *err)
{
    const struct rpc_module *m;
    struct rpc_dial *d = NULL;
    struct answer a = {.q = q, .printer = printer, .doc = json_doc_create()};
    struct buf request;
    buf_init(&request, NULL);
    buf_init(&a.text, NULL);
    buf_init(&a.columns, NULL);
    buf_init(&a.out, NULL);
    put_request(q, &request);
    bole_status st = rpc_module_load(&m, err);
    if (st == BOLE_OK && (request.failed || !a.doc))
        st = bole_fail(err, BOLE_E_NOMEM, "no memory for a query");
    if (st == BOLE_OK)
        st = dial(m, q, buf_slice(&request), &d, err);
    if (st == BOLE_OK)
        st = take_all(m, d, &a, err);
    if (d)
        m->hang_up(d);
    *ret_points = a.points;
    buf_deinit(&request);
    buf_deinit(&a.text);
    buf_deinit(&a.columns);
    buf_deinit(&a.out);
    json_doc_destroy(a.doc);
    return st == BOLE_END ? BOLE_OK : st;
}
