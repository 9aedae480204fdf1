/*
 * loki_json.c - see loki_json.h.
 */
#include "serve/loki_json.h"

#include "base/clock.h"
#include "base/timefmt.h"
#include "record/labels.h"
#include "shim/number.h"

void loki_put_number(struct buf *b, double v)
{
    if (buf_reserve(b, NUMBER_TEXT_MAX))
        b->len += number_format(v, (char *)b->ptr + b->len);
}

void loki_put_stamp(struct buf *b, int64_t ns)
{
    int64_t ms = ns / NS_PER_MS - (ns % NS_PER_MS < 0);
    uint64_t magnitude = ms < 0 ? 0 - (uint64_t)ms : (uint64_t)ms;
    if (ms < 0)
        buf_put_u8(b, '-');
    buf_put_uint(b, magnitude / 1000);
    unsigned rest = (unsigned)(magnitude % 1000);
    if (rest) {
        uint8_t text[4] = {'.', (uint8_t)('0' + rest / 100), (uint8_t)('0' + rest / 10 % 10), (uint8_t)('0' + rest % 10)};
        size_t len = sizeof text;
        while (text[len - 1] == '0')
            len--;
        buf_put(b, bole_slice_from(text, len));
    }
}

void loki_put_labels(struct buf *b, bole_slice canonical)
{
    struct reader r = reader_of(canonical);
    struct label label;
    buf_put_u8(b, '{');
    for (bool first = true; labels_next(&r, &label); first = false) {
        if (!first)
            buf_put_u8(b, ',');
        buf_put_json(b, label.name, true);
        buf_put_u8(b, ':');
        buf_put_json(b, label.value, true);
    }
    buf_put_u8(b, '}');
}

void loki_put_row_labels(struct buf *b, const struct row_label *labels, size_t count, unsigned origins)
{
    bool first = true;
    buf_put_u8(b, '{');
    for (size_t i = 0; i < count; i++) {
        if (!(origins >> labels[i].origin & 1))
            continue;
        if (!first)
            buf_put_u8(b, ',');
        buf_put_json(b, labels[i].name, true);
        buf_put_u8(b, ':');
        buf_put_json(b, labels[i].value, true);
        first = false;
    }
    buf_put_u8(b, '}');
}

void loki_print_labels(struct buf *b, const struct row_label *labels, size_t count, unsigned origins)
{
    const char *between = "";
    buf_put_u8(b, '{');
    for (size_t i = 0; i < count; i++) {
        if (!(origins & 1u << labels[i].origin))
            continue;
        buf_put_str(b, between);
        buf_put(b, labels[i].name);
        buf_put_u8(b, '=');
        buf_put_json(b, labels[i].value, false); /* the same as Go's %q but for control characters and bad UTF-8 */
        between = ", ";
    }
    buf_put_u8(b, '}');
}

static bool has_origin(const struct query_entry *e, enum label_origin origin)
{
    for (size_t i = 0; i < e->label_count; i++)
        if (e->labels[i].origin == origin)
            return true;
    return false;
}

static void put_categories(struct buf *b, const struct query_entry *e)
{
    bool fields = has_origin(e, ORIGIN_FIELD), parsed = has_origin(e, ORIGIN_PARSED);
    buf_put(b, S(",{"));
    if (fields) {
        buf_put(b, S("\"structuredMetadata\":"));
        loki_put_row_labels(b, e->labels, e->label_count, 1u << ORIGIN_FIELD);
    }
    if (parsed) {
        buf_put_str(b, fields ? ",\"parsed\":" : "\"parsed\":");
        loki_put_row_labels(b, e->labels, e->label_count, 1u << ORIGIN_PARSED);
    }
    buf_put_u8(b, '}');
}

void loki_put_entry(struct buf *b, const struct query_entry *e, bool categorize)
{
    buf_put(b, S("[\""));
    buf_put_int(b, e->time_ns);
    buf_put(b, S("\","));
    buf_put_json(b, e->line, true);
    if (categorize)
        put_categories(b, e);
    buf_put_u8(b, ']');
}

void loki_put_legacy_entry(struct buf *b, int64_t time_ns, bole_slice line)
{
    char time[TIME_TEXT_MAX];
    time_format_rfc3339(time_ns, -1, time);
    buf_printf(b, "{\"ts\":\"%s\",\"line\":", time);
    buf_put_json(b, line, true);
    buf_put_u8(b, '}');
}

void loki_put_sample(struct buf *b, int64_t time_ns, double value)
{
    buf_put_u8(b, '[');
    loki_put_stamp(b, time_ns);
    buf_put(b, S(",\""));
    loki_put_number(b, value);
    buf_put(b, S("\"]"));
}

static uint64_t per_second(uint64_t amount, uint64_t ns)
{
    return ns ? (uint64_t)((double)amount * 1e9 / (double)ns) : 0;
}

static void put_summary(struct buf *b, const struct loki_stats *s)
{
    buf_printf(b,
               "{\"bytesProcessedPerSecond\":%llu,\"linesProcessedPerSecond\":%llu,\"totalBytesProcessed\":%llu,"
               "\"totalLinesProcessed\":%llu,\"execTime\":",
               (unsigned long long)per_second(s->bytes_scanned, s->exec_ns),
               (unsigned long long)per_second(s->lines_scanned, s->exec_ns), (unsigned long long)s->bytes_scanned,
               (unsigned long long)s->lines_scanned);
    loki_put_number(b, (double)s->exec_ns / 1e9);
    buf_put(b, S(",\"queueTime\":"));
    loki_put_number(b, (double)s->queue_ns / 1e9);
    buf_printf(b,
               ",\"subqueries\":0,\"totalEntriesReturned\":%llu,\"splits\":0,\"shards\":0,\"totalPostFilterLines\":%llu,"
               "\"totalStructuredMetadataBytesProcessed\":0}",
               (unsigned long long)s->entries_returned, (unsigned long long)s->lines_passed);
}

/* Bole has one store where Loki has a store and an ingester that holds one of its own. */
static void put_store(struct buf *b, const struct loki_stats *s)
{
    buf_printf(
        b,
        "{\"totalChunksRef\":%llu,\"totalChunksDownloaded\":%llu,\"chunksDownloadTime\":0,"
        "\"queryReferencedStructuredMetadata\":false,\"queryUsedV2Engine\":false,\"chunk\":{\"headChunkBytes\":0,"
        "\"headChunkLines\":0,"
        "\"decompressedBytes\":%llu,\"decompressedLines\":%llu,\"compressedBytes\":0,\"totalDuplicates\":0,"
        "\"postFilterLines\":%llu,\"headChunkStructuredMetadataBytes\":0,\"decompressedStructuredMetadataBytes\":0},"
        "\"chunkRefsFetchTime\":0,\"congestionControlLatency\":0,\"pipelineWrapperFilteredLines\":0,"
        "\"dataobj\":{\"prePredicateDecompressedRows\":0,\"prePredicateDecompressedBytes\":0,"
        "\"prePredicateDecompressedStructuredMetadataBytes\":0,\"postPredicateRows\":0,\"postPredicateDecompressedBytes\":0,"
        "\"postPredicateStructuredMetadataBytes\":0,\"postFilterRows\":0,\"pagesScanned\":0,\"pagesDownloaded\":0,"
        "\"pagesDownloadedBytes\":0,\"pageBatches\":0,\"totalRowsAvailable\":0,\"totalPageDownloadTime\":0}}",
        (unsigned long long)s->parts_total, (unsigned long long)(s->parts_total - s->parts_pruned),
        (unsigned long long)s->bytes_scanned, (unsigned long long)s->lines_scanned, (unsigned long long)s->lines_passed);
}

static void put_caches(struct buf *b)
{
    static const char *const names[] = {"chunk",        "index",        "result",      "statsResult",
                                        "volumeResult", "seriesResult", "labelResult", "instantMetricResult"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        buf_printf(b,
                   "%c\"%s\":{\"entriesFound\":0,\"entriesRequested\":0,\"entriesStored\":0,\"bytesReceived\":0,"
                   "\"bytesSent\":0,\"requests\":0,\"downloadTime\":0,\"queryLengthServed\":0}",
                   i ? ',' : '{', names[i]);
    buf_put_u8(b, '}');
}

void loki_put_stats(struct buf *b, const struct loki_stats *s)
{
    buf_put(b, S("{\"summary\":"));
    put_summary(b, s);
    buf_put(b, S(",\"querier\":{\"store\":"));
    put_store(b, s);
    buf_put(b, S(",\"querierExecTime\":"));
    loki_put_number(b, (double)s->exec_ns / 1e9);
    buf_put(b, S("},\"ingester\":{\"totalReached\":0,\"totalChunksMatched\":0,\"totalBatches\":0,\"totalLinesSent\":0,"
                 "\"store\":"));
    put_store(b, &(struct loki_stats){0});
    buf_put(b, S("},\"cache\":"));
    put_caches(b);
    buf_printf(b, ",\"index\":{\"totalChunks\":%llu,\"postFilterChunks\":%llu,\"shardsDuration\":0,\"usedBloomFilters\":false,"
               "\"totalStreams\":0,\"chunkRefsLookupTime\":0,\"bloomFilterTime\":0}}",
               (unsigned long long)s->parts_total, (unsigned long long)(s->parts_total - s->parts_pruned));
}
