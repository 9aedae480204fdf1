/*
 * loki_meta.c - what clients ask about the server itself.
 */
#include "base/timefmt.h"
#include "serve/api_internal.h"
#include "serve/loki_json.h"

/* Flat, without an envelope, as Loki's. */
static void buildinfo(struct http_exchange *x, void *ctx)
{
    (void)ctx;
    struct buf body;
    buf_init(&body, NULL);
    buf_put_str(&body,
                "{\"version\":\"" BOLE_VERSION "\",\"revision\":\"\",\"branch\":\"\",\"buildUser\":\"\",\"buildDate\":\"\","
                "\"goVersion\":\"\"}");
    api_reply_json(x, &body);
}

static void put_names(struct buf *b, const bole_slice *names, size_t count)
{
    buf_put_u8(b, '[');
    for (size_t i = 0; i < count; i++) {
        if (i)
            buf_put_u8(b, ',');
        buf_put_json(b, names[i], true);
    }
    buf_put_u8(b, ']');
}

/* Logs Drilldown reads what it may show from here: volumes and patterns. */
static void drilldown_limits(struct http_exchange *x, void *ctx)
{
    struct api *a = ctx;
    char timeout[TIME_TEXT_MAX];
    duration_format((int64_t)a->options.query_timeout_ns, timeout);
    struct buf body;
    buf_init(&body, NULL);
    buf_printf(&body, "{\"limits\":{\"discover_log_levels\":%s,\"discover_service_name\":",
               a->options.receive.detect_level ? "true" : "false");
    put_names(&body, a->options.receive.service_names, a->options.receive.service_name_count);
    buf_printf(&body,
               ",\"log_level_fields\":[\"level\",\"LEVEL\",\"Level\",\"severity\"],\"max_entries_limit_per_query\":%llu,"
               "\"max_line_size_truncate\":false,\"max_query_length\":\"0s\",\"max_query_lookback\":\"0s\","
               "\"max_query_range\":\"0s\",\"max_query_series\":0,\"metric_aggregation_enabled\":false,"
               "\"pattern_persistence_enabled\":false,\"query_timeout\":\"%s\",\"retention_period\":\"0s\","
               "\"volume_enabled\":true,\"volume_max_series\":1000},\"pattern_ingester_enabled\":true,"
               "\"version\":\"" BOLE_VERSION "\"}",
               (unsigned long long)a->options.entries_max, timeout);
    api_reply_json(x, &body);
}

static const struct http_route routes[] = {
    {HTTP_GET, "/loki/api/v1/status/buildinfo", buildinfo, .flags = HTTP_NO_HEAD},
    {HTTP_GET, "/loki/api/v1/drilldown-limits", drilldown_limits, .flags = HTTP_NO_HEAD},
};

const struct api_table loki_meta_table = {routes, sizeof routes / sizeof *routes};
