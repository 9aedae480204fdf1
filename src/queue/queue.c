#include "queue/queue.h"

#include <stdio.h>

#include "base/err.h"
#include "queue/mem.h"
#include "queue/wal.h"

/* Backends that are not part of the core keep their row, so that the message says what is missing instead of "unknown".
 */
static bole_status not_built(const struct queue_options *options, const char *scheme, const char *what,
                             struct bole_err *err)
{
    return bole_fail(err, BOLE_E_UNSUPPORTED,
                     "queue %.*s: %s needs the module %s.so, which this bole does not have yet; "
                     "use wal:DIRECTORY",
                     BOLE_SLICE_ARG(options->uri), what, scheme);
}

static bole_status kafka_open(const struct queue_options *options, struct queue **ret_queue, struct bole_err *err)
{
    return not_built(options, "kafka", "Kafka", err);
}

static bole_status redis_open(const struct queue_options *options, struct queue **ret_queue, struct bole_err *err)
{
    return not_built(options, "redis", "Redis Streams", err);
}

static bole_status sqs_open(const struct queue_options *options, struct queue **ret_queue, struct bole_err *err)
{
    return not_built(options, "sqs", "Amazon SQS", err);
}

static const struct queue_ops kafka_ops = {.scheme = "kafka", .open = kafka_open};
static const struct queue_ops redis_ops = {.scheme = "redis", .open = redis_open};
static const struct queue_ops sqs_ops = {.scheme = "sqs", .open = sqs_open};

static const struct queue_ops *const backends[] = {&queue_wal_ops, &queue_mem_ops, &kafka_ops, &redis_ops, &sqs_ops};
enum { BACKEND_COUNT = sizeof backends / sizeof *backends };

bole_status queue_open(const struct queue_options *options, struct queue **ret_queue, struct bole_err *err)
{
    bole_slice rest, scheme = bole_slice_cut(options->uri, ':', &rest);
    for (size_t i = 0; i < BACKEND_COUNT; i++)
        if (scheme.len < options->uri.len && bole_slice_eq(scheme, bole_slice_str(backends[i]->scheme)))
            return backends[i]->open(options, ret_queue, err);

    char known[128];
    size_t len = 0;
    for (size_t i = 0; i < BACKEND_COUNT; i++)
        len += (size_t)snprintf(known + len, sizeof known - len, "%s%s:", i ? ", " : "", backends[i]->scheme);
    return bole_fail(err, BOLE_E_INVALID, "queue \"%.*s\": the scheme is none of %s", BOLE_SLICE_ARG(options->uri),
                     known);
}

bole_status queue_group_size(const bole_slice *parts, size_t part_count, uint64_t *ret_bytes, struct bole_err *err)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < part_count; i++) {
        sum += parts[i].len;
        if (parts[i].len > QUEUE_GROUP_SIZE_MAX || sum > QUEUE_GROUP_SIZE_MAX)
            return bole_fail(err, BOLE_E_LIMIT, "queue: a group of more than %u bytes", QUEUE_GROUP_SIZE_MAX);
    }
    if (sum == 0)
        return bole_fail(err, BOLE_E_INVALID, "queue: a group without bytes");
    *ret_bytes = sum;
    return BOLE_OK;
}
