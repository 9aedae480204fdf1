#include "agent/sink.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "ingest/ingest.h"
#include "process/pipeline.h"

struct ingest_sink {
    struct tail_sink base;
    struct ingest   *in;
    unsigned         worker;
    uint8_t          tenant[TENANT_MAX];
    size_t           tenant_len;
    struct process  *process;
    struct process_run run;
    struct batch_field *fields; /* of one record: rules change them in place */

    pthread_mutex_t lock;
    pthread_cond_t  answered;
    bool            has_answer; /* guarded by lock */
    bole_status     answer;     /* guarded by lock */
    struct bole_err answer_err; /* guarded by lock */
};

static void on_done(bole_status status, const struct bole_err *err, void *ctx)
{
    struct ingest_sink *s = ctx;
    pthread_mutex_lock(&s->lock);
    s->answer = status;
    s->answer_err = err ? *err : (struct bole_err){0};
    s->has_answer = true;
    pthread_cond_signal(&s->answered);
    pthread_mutex_unlock(&s->lock);
}

/* ingest says BOLE_E_LIMIT for a record over a limit and for full memory alike; only the first may be given up. */
static bool breaks_a_limit(const struct tail_record *record)
{
    size_t size = 0;
    for (size_t i = 0; i < record->field_count; i++)
        size += record->fields[i].key.len + record->fields[i].value.len;
    return record->line.len > RECORD_LINE_MAX || record->field_count > RECORD_FIELDS_MAX ||
           size > RECORD_FIELDS_SIZE_MAX;
}

/* The record after the rules. KEPT or CHANGED: it is to be stored. */
static enum process_outcome process(struct ingest_sink *s, const struct tail_record *record, struct ingest_stream *stream,
                                    struct process_record *rec)
{
    const bole_slice tenant = {s->tenant, s->tenant_len};
    if (record->field_count)
        memcpy(s->fields, record->fields, record->field_count * sizeof *s->fields);
    *rec = (struct process_record){record->time_ns, tenant, record->labels, record->line, s->fields, record->field_count};
    enum process_outcome outcome = process_run_record(&s->run, rec);
    if (rec->labels.ptr != stream->labels.ptr || rec->tenant.ptr != stream->tenant.ptr)
        *stream = (struct ingest_stream){.tenant = rec->tenant, .labels = rec->labels};
    return outcome;
}

static bole_status add_records(struct ingest_sink *s, struct ingest_request *r, const struct tail_batch *batch,
                               uint64_t *ret_refused, struct bole_err *err)
{
    struct ingest_stream stream = {.tenant = {s->tenant, s->tenant_len}};
    uint64_t refused = 0;
    for (size_t i = 0; i < batch->record_count; i++) {
        const struct tail_record *record = &batch->records[i];
        if (record->labels.ptr != stream.labels.ptr || record->labels.len != stream.labels.len)
            stream = (struct ingest_stream){.tenant = {s->tenant, s->tenant_len}, .labels = record->labels};
        if (breaks_a_limit(record)) {
            refused++;
            continue;
        }
        struct process_record rec = {.time_ns = record->time_ns, .line = record->line, .field_count = record->field_count};
        enum process_outcome outcome = s->run.pipeline ? process(s, record, &stream, &rec) : PROCESS_KEPT;
        if (outcome == PROCESS_NO_MEMORY)
            return bole_fail(err, BOLE_E_NOMEM, "no memory for a record's rules");
        refused += outcome == PROCESS_REFUSED_SCHEMA || outcome == PROCESS_REFUSED_RATE;
        if (outcome > PROCESS_CHANGED)
            continue;
        const struct batch_field *fields = s->run.pipeline ? rec.fields : record->fields;
        bole_status st = ingest_add(r, rec.time_ns, &stream, rec.line, fields, rec.field_count, err);
        if (st != BOLE_OK)
            return st;
    }
    *ret_refused = refused;
    return BOLE_OK;
}

static bole_status wait_for_answer(struct ingest_sink *s, struct bole_err *err)
{
    pthread_mutex_lock(&s->lock);
    while (!s->has_answer)
        pthread_cond_wait(&s->answered, &s->lock);
    bole_status st = s->answer;
    if (st != BOLE_OK && err)
        *err = s->answer_err;
    pthread_mutex_unlock(&s->lock);
    return st;
}

/* No room on the disk or in memory: nothing is wrong with the batch, it waits. */
static bole_status later(bole_status st)
{
    return st == BOLE_E_LIMIT || st == BOLE_E_FULL || st == BOLE_E_NOMEM ? BOLE_AGAIN : st;
}

static bole_status ingest_send(struct tail_sink *self, const struct tail_batch *batch, uint64_t *ret_refused,
                               struct bole_err *err)
{
    struct ingest_sink *s = (struct ingest_sink *)self;
    struct ingest_request *r = NULL;
    uint64_t refused = 0;
    bole_status st = ingest_begin(s->in, s->worker, batch->size_bytes, &r, err);
    if (st != BOLE_OK)
        return later(st);
    process_run_begin(&s->run, s->process, &clock_system);
    st = add_records(s, r, batch, &refused, err);
    process_run_end(&s->run);
    if (st != BOLE_OK) {
        ingest_rollback(r);
        process_forget(s->process);
        return later(st);
    }
    s->has_answer = false; /* no lock: nobody else looks before the commit is handed over */
    ingest_commit(r, on_done, s);
    st = wait_for_answer(s, err);
    if (st == BOLE_OK)
        *ret_refused = refused;
    else
        process_forget(s->process);
    return later(st);
}

static void ingest_sink_destroy(struct tail_sink *self)
{
    struct ingest_sink *s = (struct ingest_sink *)self;
    pthread_cond_destroy(&s->answered);
    pthread_mutex_destroy(&s->lock);
    process_run_deinit(&s->run);
    free(s->fields);
    free(s);
}

static const struct tail_sink_ops ingest_sink_ops = {.send = ingest_send, .destroy = ingest_sink_destroy};

bole_status tail_sink_ingest(struct ingest *in, unsigned worker, bole_slice tenant, struct process *process,
                             struct tail_sink **ret_sink, struct bole_err *err)
{
    if (!tenant_valid(tenant))
        return bole_fail(err, BOLE_E_INVALID, "not a tenant's name: %.*s", BOLE_SLICE_ARG(tenant));
    struct ingest_sink *s = calloc(1, sizeof *s);
    if (!s || !(s->fields = calloc(RECORD_FIELDS_MAX, sizeof *s->fields))) {
        free(s);
        return bole_fail(err, BOLE_E_NOMEM, "no memory for the agent's sink");
    }
    process_run_init(&s->run, NULL);
    s->process = process;
    s->base.ops = &ingest_sink_ops;
    s->in = in;
    s->worker = worker;
    memcpy(s->tenant, tenant.ptr, tenant.len);
    s->tenant_len = tenant.len;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->answered, NULL);
    *ret_sink = &s->base;
    return BOLE_OK;
}
