/*
 * api_elastic.c - Elasticsearch's API as far as senders of logs need it: _bulk and single documents, and what agents and
 * libraries ask a server before they send (docs/receivers/elasticsearch.md lists who asks what).
 *
 * All of it is below /elasticsearch, and what no other API could mean also at the root, for clients that know only host
 * and port.
 */
#include <stdio.h>

#include "serve/api_push.h"
#include "serve/web.h"

/* Beats refuse a server older than themselves, when they are told to be strict. */
#define ELASTIC_VERSION "8.19.0"
#define PRODUCT "X-Elastic-Product: Elasticsearch\r\n"

#define INFO(distribution)                                                                                                       \
    "{\"name\":\"bole\",\"cluster_name\":\"bole\",\"cluster_uuid\":\"AAAAAAAAAAAAAAAAAAAAAA\",\"version\":{" distribution            \
    "\"number\":\"" ELASTIC_VERSION "\",\"build_flavor\":\"default\",\"build_type\":\"tar\",\"build_hash\":\"unknown\",\"build_date\":" \
    "\"2025-07-23T22:10:18.138215839Z\",\"build_snapshot\":false,\"lucene_version\":\"9.12.2\","                                \
    "\"minimum_wire_compatibility_version\":\"7.17.0\",\"minimum_index_compatibility_version\":\"7.0.0\"},\"tagline\":\"You Know, " \
    "for Search\"}"

static const char info_json[] = INFO("");

/* OpenSearch's client for Java cannot do without. */
static const char opensearch_info_json[] = INFO("\"distribution\":\"opensearch\",");

#define LICENSE                                                                                                                  \
    "{\"status\":\"active\",\"uid\":\"00000000-0000-0000-0000-000000000000\",\"type\":\"basic\",\"mode\":\"basic\",\"issued_"    \
    "to\":\"bole\"}"

static const char license_json[] = "{\"license\":" LICENSE "}";

/* Index life cycle: its policies are accepted below and mean nothing here; a client that can do without is told to. */
static const char xpack_json[] =
    "{\"build\":{\"hash\":\"unknown\",\"date\":\"2025-07-23T22:10:18.138215839Z\"},\"license\":" LICENSE
    ",\"features\":{\"ilm\":{\"available\":false,\"enabled\":false},\"data_streams\":{\"available\":true,\"enabled\":true},"
    "\"security\":{\"available\":true,\"enabled\":false}},\"tagline\":\"You know, for X\"}";

static const char health_json[] =
    "{\"cluster_name\":\"bole\",\"status\":\"green\",\"timed_out\":false,\"number_of_nodes\":1,\"number_of_data_nodes\":1,"
    "\"active_primary_shards\":1,\"active_shards\":1,\"relocating_shards\":0,\"initializing_shards\":0,\"unassigned_shards\":0,"
    "\"delayed_unassigned_shards\":0,\"number_of_pending_tasks\":0,\"number_of_in_flight_fetch\":0,"
    "\"task_max_waiting_in_queue_millis\":0,\"active_shards_percent_as_number\":100.0}";

/* Without addresses: a client that looks for more nodes ("sniffing") would lose the path that it was given. */
static const char nodes_json[] =
    "{\"_nodes\":{\"total\":1,\"successful\":1,\"failed\":0},\"cluster_name\":\"bole\",\"nodes\":{\"bole\":{\"name\":\"bole\","
    "\"version\":\"" ELASTIC_VERSION
    "\",\"build_flavor\":\"default\",\"roles\":[\"data\",\"ingest\"],\"ingest\":{\"processors\":[]},\"plugins\":[]}}}";

static const char acknowledged_json[] = "{\"acknowledged\":true}";

/* ---- answers ---- */

/* The number behind compatible-with= in a header, digits only; empty when there is none. */
static bole_slice compatible_with(bole_slice header)
{
    static const char key[] = "compatible-with=";
    const uint8_t *hit = header.len ? memmem(header.ptr, header.len, key, sizeof key - 1) : NULL;
    if (!hit)
        return (bole_slice){0};
    bole_slice n = {hit + sizeof key - 1, 0};
    while (n.ptr + n.len < header.ptr + header.len && n.len < 4 && n.ptr[n.len] >= '0' && n.ptr[n.len] <= '9')
        n.len++;
    return n;
}

/* A client of 8.x and later names its own media type, and wants to read it again: whatever its number is. */
static const char *json_type(struct http_exchange *x)
{
    bole_slice n = compatible_with(http_header(x, S("accept")));
    if (!n.len && !http_header(x, S("accept")).ptr)
        n = compatible_with(http_header(x, S("content-type")));
    if (!n.len)
        return "application/json";
    bole_slice type = arena_printf(http_arena(x), "application/vnd.elasticsearch+json;compatible-with=%.*s", BOLE_SLICE_ARG(n));
    return type.ptr ? (const char *)type.ptr : "application/json";
}

static void reply(struct http_exchange *x, unsigned status, const char *json)
{
    http_reply(x, &(struct http_reply){.status = status, .content_type = json_type(x), .body = bole_slice_str(json),
                                       .body_static = true, .headers = PRODUCT});
}

static void reply_error(struct http_exchange *x, unsigned status, const char *type, const char *reason)
{
    http_reply(x, &(struct http_reply){
                      .status = status, .content_type = json_type(x), .headers = PRODUCT,
                      .body = receive_elastic_error(http_arena(x), status, type, bole_slice_str(reason))});
}

static bool is_opensearch(struct http_exchange *x)
{
    return bole_slice_starts(http_header(x, S("user-agent")), S("opensearch"));
}

static void info(struct http_exchange *x, void *ctx)
{
    (void)ctx;
    reply(x, 200, is_opensearch(x) ? opensearch_info_json : info_json);
}

static void license(struct http_exchange *x, void *ctx)
{
    (void)ctx;
    reply(x, 200, license_json);
}

static void xpack(struct http_exchange *x, void *ctx)
{
    (void)ctx;
    reply(x, 200, xpack_json);
}

static void health(struct http_exchange *x, void *ctx)
{
    (void)ctx;
    reply(x, 200, health_json);
}

static void nodes(struct http_exchange *x, void *ctx)
{
    (void)ctx;
    reply(x, 200, nodes_json);
}

/* Tables of indices, shards and so on: there are none, and no line says so. */
static void cat(struct http_exchange *x, void *ctx)
{
    (void)ctx;
    bool json = bole_slice_eq(http_param(x, S("format")), S("json"));
    http_reply(x, &(struct http_reply){.content_type = json ? "application/json" : "text/plain; charset=UTF-8",
                                       .body = json ? S("[]") : S(""), .body_static = true, .headers = PRODUCT});
}

/* Templates, policies, pipelines, indices: how documents would be kept. Nothing of it is needed here, so it is taken and
 * forgotten, and who asks hears that it is not there. */
static void settings_put(struct http_exchange *x, void *ctx)
{
    (void)ctx;
    reply(x, 200, acknowledged_json);
}

static void settings_get(struct http_exchange *x, void *ctx)
{
    (void)ctx;
    reply_error(x, 404, "resource_not_found_exception", "templates, policies and pipelines are taken and not kept");
}

static void unknown(struct http_exchange *x, void *ctx)
{
    (void)ctx;
    reply_error(x, 400, "illegal_argument_exception", "no handler found: this server takes logs, it is asked with LogQL");
}

/* What names an index: it is there as soon as something is sent to it. */
static void index_put(struct http_exchange *x, void *ctx)
{
    if (bole_slice_starts(http_path_param(x, S("index")), S("_")))
        unknown(x, ctx);
    else
        reply(x, 200, acknowledged_json);
}

static void index_get(struct http_exchange *x, void *ctx)
{
    if (bole_slice_starts(http_path_param(x, S("index")), S("_")))
        unknown(x, ctx);
    else
        reply_error(x, 404, "index_not_found_exception", "no such index: documents are records here, asked for by LogQL");
}

/* Nothing is left to do: what was acknowledged can be asked for. */
static void refresh(struct http_exchange *x, void *ctx)
{
    (void)ctx;
    reply(x, 200, "{\"_shards\":{\"total\":1,\"successful\":1,\"failed\":0}}");
}

/* ---- documents ---- */

static void finish(struct push *p)
{
    if (p->result.content_type)
        p->result.content_type = json_type(p->x);
    push_finish(p, DOOR_HTTP_ELASTIC, PRODUCT);
}

static void bulk(struct http_exchange *x, void *ctx)
{
    struct push p;
    if (!push_begin(&p, x, ctx))
        return;
    receive_elastic_bulk(p.receiver, &p.in, http_path_param(x, S("index")), &p.result);
    finish(&p);
}

static void document(struct http_exchange *x, void *ctx)
{
    struct push p;
    if (!push_begin(&p, x, ctx))
        return;
    receive_elastic_doc(p.receiver, &p.in, http_path_param(x, S("index")), http_path_param(x, S("id")), &p.result);
    finish(&p);
}

/* A mapping type, as until 7.x. What begins with an underscore is an action: a search is no document. */
static void typed_document(struct http_exchange *x, void *ctx)
{
    if (bole_slice_starts(http_path_param(x, S("type")), S("_")))
        unknown(x, ctx);
    else
        document(x, ctx);
}

/* `/` is the UI's, and what a client that knows only host and port asks first. A browser wants HTML. */
static void root(struct http_exchange *x, void *ctx)
{
    bole_slice agent = http_header(x, S("user-agent")), accept = http_header(x, S("accept"));
    bool html = accept.ptr && memmem(accept.ptr, accept.len, "text/html", 9);
    bool json = accept.ptr && memmem(accept.ptr, accept.len, "json", 4);
    bool known = bole_slice_starts(agent, S("Elastic")) || bole_slice_starts(agent, S("elastic")) || is_opensearch(x);
    if (!html && (json || known))
        info(x, ctx);
    else
        api_fallback(x, ctx);
}

#define KEPT_NOWHERE(path) \
    {HTTP_POST | HTTP_PUT, path, settings_put, .flags = HTTP_WRITE | HTTP_NO_FORM}, {HTTP_GET | HTTP_DELETE, path, settings_get}

/* What starts with an underscore is nobody else's. */
#define EVERYWHERE(prefix) \
    {HTTP_POST | HTTP_PUT, prefix "/_bulk", bulk, .flags = HTTP_WRITE | HTTP_NO_FORM}, \
    {HTTP_POST | HTTP_PUT, prefix "/{index}/_bulk", bulk, .flags = HTTP_WRITE | HTTP_NO_FORM}, \
    {HTTP_POST, prefix "/{index}/_doc", document, .flags = HTTP_WRITE | HTTP_NO_FORM}, \
    {HTTP_POST | HTTP_PUT, prefix "/{index}/_doc/{id}", document, .flags = HTTP_WRITE | HTTP_NO_FORM}, \
    {HTTP_POST | HTTP_PUT, prefix "/{index}/_create/{id}", document, .flags = HTTP_WRITE | HTTP_NO_FORM}, \
    {HTTP_GET | HTTP_POST, prefix "/_refresh", refresh}, \
    {HTTP_GET | HTTP_POST, prefix "/{index}/_refresh", refresh}, \
    {HTTP_GET | HTTP_POST, prefix "/_flush", refresh}, \
    {HTTP_GET | HTTP_POST, prefix "/{index}/_flush", refresh}, \
    {HTTP_GET, prefix "/_license", license}, \
    {HTTP_GET, prefix "/_xpack", xpack}, \
    {HTTP_GET, prefix "/_cluster/health", health}, \
    {HTTP_GET, prefix "/_nodes", nodes}, \
    {HTTP_GET, prefix "/_nodes/{rest*}", nodes}, \
    {HTTP_GET, prefix "/_cat/{rest*}", cat}, \
    KEPT_NOWHERE(prefix "/_index_template/{rest*}"), \
    KEPT_NOWHERE(prefix "/_component_template/{rest*}"), \
    KEPT_NOWHERE(prefix "/_template/{rest*}"), \
    KEPT_NOWHERE(prefix "/_ilm/policy/{rest*}"), \
    KEPT_NOWHERE(prefix "/_ingest/pipeline/{rest*}"), \
    KEPT_NOWHERE(prefix "/_data_stream/{rest*}")

static const struct http_route routes[] = {
    EVERYWHERE("/elasticsearch"),
    {HTTP_GET, "/elasticsearch", info},
    {HTTP_GET, "/elasticsearch/", info},
    {HTTP_PUT, "/elasticsearch/{index}", index_put, .flags = HTTP_WRITE | HTTP_NO_FORM},
    {HTTP_GET | HTTP_DELETE, "/elasticsearch/{index}", index_get},
    {HTTP_POST, "/elasticsearch/{index}/{type}", typed_document, .flags = HTTP_WRITE | HTTP_NO_FORM}, /* mapping types, until 7.x; rsyslog */
    {HTTP_GET | HTTP_POST | HTTP_PUT | HTTP_DELETE, "/elasticsearch/{rest*}", unknown},
    {HTTP_GET, "/", root},
    EVERYWHERE(""),
};

const struct api_table elastic_table = {routes, sizeof routes / sizeof *routes};
