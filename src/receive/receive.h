/*
 * receive.h - the doors: bytes of one request in, records in an ingest request and the answer for the client out.
 *
 * A decoder does not know HTTP: it is given the body and the headers it cares for, and says which status and text to
 * answer once the records are durable. Records are added while the body is read; a body that turns out to be malformed
 * takes all its records back, an entry that is wrong by itself is refused and named while its neighbours are stored.
 *
 * Owner:   everything in a result lives in the input's arena (the request's). Nothing of the input is kept.
 * Threads: a receiver belongs to one worker, as ingest's requests do: one call at a time, and the request it returns
 *          must be committed or rolled back before the next call.
 * Errors:  always in the result; ingest's refusals (429, 503) too.
 */
#ifndef RECEIVE_RECEIVE_H
#define RECEIVE_RECEIVE_H

#include "base/arena.h"
#include "base/clock.h"
#include "ingest/ingest.h"
#include "process/dead_letters.h"
#include "process/pipeline.h"
#include "receive/limits.h"
#include "receive/sources.h"

#define RECEIVE_DECODED_MAX (128u * 1024 * 1024) /* bytes of a decompressed body, when the options name no limit */
#define RECEIVE_ERRORS_MAX  8u                   /* different errors of one request that are told */
#define RECEIVE_STREAM_LABELS_MAX 32u

/* A label of streams and the names under which records carry it; the first one that a record has is taken. */
struct receive_label {
    bole_slice        name;
    const bole_slice *from;
    size_t            from_count;
};

/* The default of receive.stream_labels: service_name, host, namespace, container, env. docs/receivers/README.md */
extern const struct receive_label receive_stream_labels[];
extern const size_t receive_stream_label_count;

/* The setting: "service_name=service.name|app,host=host.name,region". A label's own name is always its first candidate.
 * What is returned lives in the arena and points into text. BOLE_E_INVALID, BOLE_E_LIMIT, BOLE_E_NOMEM. */
bole_status receive_labels_parse(bole_slice text, struct arena *arena, const struct receive_label **ret_labels,
                                 size_t *ret_count, struct bole_err *err);

struct receive_options {
    const struct clock *clock;
    struct budget      *budget;            /* for what a request is unpacked into; or NULL */
    bool                detect_level;      /* receive.detect_level: add detected_level */
    const bole_slice   *service_names;     /* receive.discover_service_name; borrowed for the receiver's life */
    size_t              service_name_count; /* 0: off */
    const struct receive_label *stream_labels; /* receive.stream_labels; NULL: the default. Borrowed as well */
    size_t              stream_label_count;
    struct process     *process;           /* what records pass before they are encoded; NULL: nothing. Borrowed */
    struct sources     *sources;           /* who sends is counted there; NULL: nowhere. Borrowed */
    struct limits      *limits;            /* of tenants; NULL: none. Borrowed */
    struct dead_letters *dead_letters;     /* what cannot be processed goes there; NULL: nowhere. Borrowed */
    size_t              decoded_max_bytes; /* 0: RECEIVE_DECODED_MAX */
};

struct receiver;

/* For records of `worker` of `ingest`. */
bole_status receiver_create(const struct receive_options *options, struct ingest *ingest, unsigned worker,
                            struct receiver **ret_receiver, struct bole_err *err);
void receiver_destroy(struct receiver *r); /* NULL is fine */

/* Why records were refused; the names are values of the metric's label `reason`. */
enum receive_reason {
    RECEIVE_MALFORMED,      /* the body, or one line of it, cannot be parsed */
    RECEIVE_BAD_LABELS,
    RECEIVE_MISSING_LABELS,
    RECEIVE_LABEL_LIMIT,
    RECEIVE_BAD_TIMESTAMP,
    RECEIVE_BAD_ENTRY,      /* parsed, but not of the shape that the protocol asks for */
    RECEIVE_LINE_TOO_LONG,
    RECEIVE_FIELD_LIMIT,
    RECEIVE_SCHEMA,         /* a rule of the pipeline asks for something else: process/pipeline.h */
    RECEIVE_RATE,           /* more than a rule of the pipeline lets through */
    RECEIVE_REASON_COUNT,
};
const char *receive_reason_name(enum receive_reason reason);

struct receive_input {
    bole_slice    tenant;           /* valid: record/record.h */
    bole_slice    body;
    bole_slice    client, agent;    /* who sends: address, User-Agent; may be empty */
    bole_slice    content_type;     /* as sent, parameters and all; may be empty */
    bole_slice    content_encoding; /* of `body` as it is given: empty, or "snappy" */
    bool          redriven;         /* it is a dead letter already: what is refused makes no other one */
    bool          debug;            /* nothing is stored, the answer shows what would have been */
    struct arena *arena;            /* for the result */
};

struct receive_error {
    bole_slice text;  /* names what and where */
    uint64_t   count; /* how often */
};

struct receive_result {
    struct ingest_lane    *lane;    /* that the request is of (ingest/ingest.h), in the arena; or NULL */
    struct ingest_request *request; /* holds the accepted records: commit it, then answer. NULL: answer at once */
    unsigned    status;             /* HTTP */
    unsigned    retry_after_s;      /* with 429; 0: not known */
    const char *content_type;       /* of body; NULL: none */
    bole_slice  body;
    uint64_t    accepted, accepted_bytes; /* records; bytes of lines and fields */
    uint64_t    rejected;                 /* records, by reason: */
    uint64_t    rejected_by[RECEIVE_REASON_COUNT];
    uint64_t    utf8_replaced;            /* accepted records in which invalid UTF-8 became U+FFFD */
    struct receive_error errors[RECEIVE_ERRORS_MAX];
    size_t      error_count;
};

/* POST /loki/api/v1/push and /api/prom/push: application/json in both its forms; any other type is protobuf in a snappy
 * block. docs/receivers/loki-push.md */
void receive_loki_push(struct receiver *r, const struct receive_input *in, struct receive_result *ret_result);

/* The query parameters of /insert/jsonline, decoded; lists are separated by commas. Empty: the default. The headers
 * VL-Stream-Fields, VL-Time-Field, VL-Msg-Field, VL-Ignore-Fields and VL-Extra-Fields mean the same. */
struct json_lines_params {
    bole_slice stream_fields;
    bole_slice time_field; /* default _time */
    bole_slice msg_field;  /* default _msg */
    bole_slice ignore_fields;
    bole_slice extra_fields; /* name=value,... */
};

/* POST /insert/jsonline. docs/receivers/jsonline.md */
void receive_json_lines(struct receiver *r, const struct receive_input *in, const struct json_lines_params *params,
                        struct receive_result *ret_result);

/* POST _bulk: actions and documents line by line. index: from the path, may be empty. docs/receivers/elasticsearch.md */
void receive_elastic_bulk(struct receiver *r, const struct receive_input *in, bole_slice index,
                          struct receive_result *ret_result);

/* One document, POST INDEX/_doc: the body is it. id may be empty. */
void receive_elastic_doc(struct receiver *r, const struct receive_input *in, bole_slice index, bole_slice id,
                         struct receive_result *ret_result);

/* POST /v1/logs: OTLP over HTTP, application/json or (also without a type) protobuf. docs/receivers/otlp.md */
void receive_otlp_logs(struct receiver *r, const struct receive_input *in, struct receive_result *ret_result);

/* POST /gelf: one message, or several. docs/receivers/gelf.md */
void receive_gelf(struct receiver *r, const struct receive_input *in, struct receive_result *ret_result);

/* POST /api/v2/logs, or with v1 /v1/input. docs/receivers/datadog.md */
void receive_datadog(struct receiver *r, const struct receive_input *in, bool v1, struct receive_result *ret_result);

struct splunk_params {
    bool       raw; /* lines, not events; what names them is below */
    bool       acknowledge;
    uint64_t   ack_id; /* told to the client when everything was taken */
    bole_slice host, source, sourcetype, index;
};

/* POST /services/collector. docs/receivers/splunk.md */
void receive_splunk(struct receiver *r, const struct receive_input *in, const struct splunk_params *params,
                    struct receive_result *ret_result);

struct journal_piece {
    uint64_t offset; /* of the body, in all that is uploaded */
    bool     more;   /* will follow */
    size_t   taken;  /* bytes of it that need not come again: all, or entries up to the one that is not whole */
};

/* POST /upload: what systemd-journal-upload sends, all of it or a piece. docs/receivers/journald.md */
void receive_journal_upload(struct receiver *r, const struct receive_input *in, struct journal_piece *piece,
                            struct receive_result *ret_result);

/* bole.v1.PushRequest: what comes over gRPC (docs/grpc.md). The result's body is text: what is wrong with some records, or with
 * all. ret_id is that of the message, 0 when it cannot be read. */
void receive_bole_push(struct receiver *r, const struct receive_input *in, uint64_t *ret_id, struct receive_result *ret_result);

/* POST /api/v1/push: one encoded batch (record/batch.h). The commit of one of a lane may be BOLE_E_CONFLICT, see
 * result->lane. docs/receivers/push.md */
void receive_push(struct receiver *r, const struct receive_input *in, struct receive_result *ret_result);

struct firehose_params { /* headers of X-Amz-Firehose-*, as sent; may be empty */
    bole_slice request_id, source_arn, common_attributes;
};

/* POST /firehose: a delivery of AWS Firehose. docs/receivers/aws.md */
void receive_firehose(struct receiver *r, const struct receive_input *in, const struct firehose_params *params,
                      struct receive_result *ret_result);

/* A dead letter of the doors for AWS: a record's text as it came, or JSON of one. */
void receive_firehose_letter(struct receiver *r, const struct receive_input *in, struct receive_result *ret_result);

/* POST /cloudwatch: a payload of a CloudWatch subscription, plain, with gzip, or as Lambda has it. docs/receivers/aws.md */
void receive_cloudwatch(struct receiver *r, const struct receive_input *in, struct receive_result *ret_result);

/* The body of an error in Elasticsearch's form, in the arena. */
bole_slice receive_elastic_error(struct arena *arena, unsigned status, const char *type, bole_slice reason);

#endif
