/*
 * sink_spool.c - the sink of `bole agent`: records become batches of the spool, one for each lane, all of one cut.
 *
 * A stream always goes over the same lane, so that its lines reach the server in their order.
 */
#include <stdlib.h>

#include "agent/sink.h"
#include "agent/spool.h"
#include "base/err.h"
#include "base/hash.h"
#include "process/pipeline.h"

#define ROOM_WAIT_NS (500 * (uint64_t)NS_PER_MS) /* of the agent's thread, which has names to look after */

struct lane_builder {
    struct batch_builder *builder;
    bole_slice labels;  /* the stream of ... */
    uint32_t   stream;  /* ... this number in the builder; labels.ptr NULL: none yet */
};

struct spool_sink {
    struct tail_sink base;
    struct spool *spool;
    struct sink_spool_options options;
    char        tenant[TENANT_MAX];
    struct lane_builder lanes[CUT_LANES_MAX];
    struct buf  bytes;                           /* of the encoded batches */
    size_t      ends[CUT_BATCHES_MAX];           /* of each in `bytes` */
    uint64_t    refused;
    struct process_run run;
    struct batch_field *fields;                  /* of one record: rules change them in place */
};

static bole_slice tenant(const struct spool_sink *s)
{
    return bole_slice_from(s->tenant, s->options.tenant.len);
}

/* ---- a cut being made ---- */

struct making {
    struct spool_sink *sink;
    struct cut cut;
    struct batch_stamp next[CUT_LANES_MAX]; /* .sequence 0: not asked for yet */
    int64_t now_ns;
    uint32_t pipeline_version;
};

static void forget_labels(struct spool_sink *s)
{
    for (uint32_t lane = 0; lane < s->options.lane_count; lane++)
        s->lanes[lane].labels = (bole_slice){0};
}

/* A batch has room for half of the version's digits. */
static uint32_t version_number(const struct pipeline *p)
{
    char digits[9] = "";
    memcpy(digits, pipeline_version(p).ptr, sizeof digits - 1);
    return (uint32_t)strtoul(digits, NULL, 16);
}

/* What the lane's builder holds becomes a batch of the cut. */
static bole_status seal(struct making *m, uint32_t lane, struct bole_err *err)
{
    struct spool_sink *s = m->sink;
    struct batch_stamp *next = &m->next[lane];
    struct batch *batch = NULL;
    if (batch_builder_rows(s->lanes[lane].builder) == 0)
        return BOLE_OK;
    if (m->cut.batch_count == CUT_BATCHES_MAX)
        return bole_fail(err, BOLE_E_LIMIT, "a cut of more than %u batches", CUT_BATCHES_MAX);
    bole_status st = batch_builder_seal(s->lanes[lane].builder, m->now_ns, NULL, &batch, err);
    if (st < 0)
        return st;
    s->lanes[lane].labels = (bole_slice){0};
    if (next->sequence == 0)
        *next = spool_next_stamp(s->spool, lane);
    batch->pipeline_version = m->pipeline_version;
    memcpy(batch->producer, next->producer, sizeof batch->producer);
    batch->producer_sequence = next->sequence++;
    st = batch_encode(batch, BATCH_ZSTD, &s->bytes, err);
    batch_unref(batch);
    m->cut.batches[m->cut.batch_count].lane = lane;
    s->ends[m->cut.batch_count++] = s->bytes.len;
    return st;
}

static bole_status add_to(struct making *m, uint32_t lane, const struct tail_record *r, struct bole_err *err)
{
    struct spool_sink *s = m->sink;
    struct lane_builder *l = &s->lanes[lane];
    if (l->labels.ptr != r->labels.ptr || l->labels.len != r->labels.len) {
        bole_status st = batch_builder_stream(l->builder, tenant(s), r->labels, 0, &l->stream, err);
        if (st != BOLE_OK)
            return st;
        l->labels = r->labels;
    }
    return batch_builder_add(l->builder, r->time_ns, l->stream, r->line, r->fields, r->field_count, err);
}

static bole_status add(struct making *m, const struct tail_record *r, struct bole_err *err)
{
    struct spool_sink *s = m->sink;
    if (r->line.len > RECORD_LINE_MAX || r->field_count > RECORD_FIELDS_MAX) {
        s->refused++;
        return BOLE_OK;
    }
    uint32_t lane = s->options.lane_count > 1 ? (uint32_t)(hash64(r->labels) % s->options.lane_count) : 0;
    bole_status st = add_to(m, lane, r, err);
    if (st == BOLE_AGAIN) {
        st = seal(m, lane, err);
        if (st == BOLE_OK)
            st = add_to(m, lane, r, err);
    }
    if (st == BOLE_E_LIMIT) {
        s->refused++;
        return BOLE_OK;
    }
    return st;
}

/* Through the rules. What they change lives until the next record; labels that they have made may be others at an address
 * that is known. */
static bole_status add_processed(struct making *m, const struct tail_record *r, struct bole_err *err)
{
    struct spool_sink *s = m->sink;
    if (r->field_count > RECORD_FIELDS_MAX)
        return add(m, r, err);
    if (r->field_count)
        memcpy(s->fields, r->fields, r->field_count * sizeof *s->fields);
    struct process_record rec = {r->time_ns, tenant(s), r->labels, r->line, s->fields, r->field_count};
    enum process_outcome outcome = process_run_record(&s->run, &rec);
    if (outcome == PROCESS_NO_MEMORY)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for a record's rules");
    s->refused += outcome == PROCESS_REFUSED_SCHEMA || outcome == PROCESS_REFUSED_RATE;
    if (outcome > PROCESS_CHANGED)
        return BOLE_OK;
    struct tail_record processed = {rec.time_ns, rec.labels, rec.line, rec.fields, rec.field_count};
    bole_status st = add(m, &processed, err);
    if (rec.labels.ptr != r->labels.ptr)
        forget_labels(s);
    return st;
}

static bole_status make(struct making *m, const struct tail_batch *batch, struct bole_err *err)
{
    struct spool_sink *s = m->sink;
    bole_status st = BOLE_OK;
    forget_labels(s); /* another batch: the same address may be another text */
    if (process_run_begin(&s->run, s->options.process, &clock_system))
        m->pipeline_version = version_number(s->run.pipeline);
    for (size_t i = 0; i < batch->record_count && st == BOLE_OK; i++)
        st = (s->run.pipeline ? add_processed : add)(m, &batch->records[i], err);
    process_run_end(&s->run);
    for (uint32_t lane = 0; lane < s->options.lane_count && st == BOLE_OK; lane++)
        st = seal(m, lane, err);
    for (size_t i = 0, from = 0; i < m->cut.batch_count && st == BOLE_OK; from = s->ends[i++])
        m->cut.batches[i].bytes = (bole_slice){s->bytes.ptr + from, s->ends[i] - from};
    return st;
}

/* Half of a batch that failed must not pass for the beginning of the next. */
static void clear(struct spool_sink *s)
{
    static const struct batch_mark empty = {.min_time_ns = INT64_MAX, .max_time_ns = INT64_MIN};
    for (uint32_t lane = 0; lane < s->options.lane_count; lane++)
        batch_builder_rollback(s->lanes[lane].builder, &empty);
}

static bole_status sink_send(struct tail_sink *self, const struct tail_batch *batch, uint64_t *ret_refused, struct bole_err *err)
{
    struct spool_sink *s = (struct spool_sink *)self;
    bole_status st = spool_wait_room(s->spool, s->options.no_wait ? 0 : ROOM_WAIT_NS, err);
    if (st != BOLE_OK)
        return BOLE_AGAIN;
    struct making m = {.sink = s, .now_ns = clock_now_ns(s->options.clock), .cut = {.marks = batch->marks}};
    s->refused = 0;
    buf_reset(&s->bytes);
    spool_begin(s->spool);
    st = make(&m, batch, err);
    bole_status appended = spool_append(s->spool, st == BOLE_OK && m.cut.batch_count ? &m.cut : NULL, err);
    if (st == BOLE_OK)
        st = appended;
    if (st != BOLE_OK) {
        clear(s);
        process_forget(s->options.process); /* what passed comes again */
    }
    *ret_refused = s->refused;
    return st == BOLE_OK ? BOLE_OK : BOLE_AGAIN;
}

static bole_status sink_restore(struct tail_sink *self, const struct checkpoint *c, void (*fn)(void *ctx, bole_slice marks),
                                void *ctx, struct bole_err *err)
{
    return spool_restore(((struct spool_sink *)self)->spool, c, fn, ctx, err);
}

static void sink_checkpoint(struct tail_sink *self, struct checkpoint *c)
{
    spool_checkpoint(((struct spool_sink *)self)->spool, c);
}

static void sink_saved(struct tail_sink *self)
{
    spool_saved(((struct spool_sink *)self)->spool);
}

static void sink_destroy(struct tail_sink *self)
{
    struct spool_sink *s = (struct spool_sink *)self;
    for (size_t i = 0; i < CUT_LANES_MAX; i++)
        batch_builder_destroy(s->lanes[i].builder);
    process_run_deinit(&s->run);
    buf_deinit(&s->bytes);
    free(s->fields);
    free(s);
}

static const struct tail_sink_ops spool_sink_ops = {.send = sink_send, .restore = sink_restore, .checkpoint = sink_checkpoint,
                                                    .saved = sink_saved, .destroy = sink_destroy};

bole_status tail_sink_spool(struct spool *spool, const struct sink_spool_options *options, struct tail_sink **ret_sink,
                            struct bole_err *err)
{
    if (!tenant_valid(options->tenant))
        return bole_fail(err, BOLE_E_INVALID, "not a tenant's name: %.*s", BOLE_SLICE_ARG(options->tenant));
    struct spool_sink *s = calloc(1, sizeof *s);
    if (!s || !(s->fields = calloc(RECORD_FIELDS_MAX, sizeof *s->fields))) {
        free(s);
        return bole_fail(err, BOLE_E_NOMEM, "no memory for the agent's sink");
    }
    process_run_init(&s->run, NULL);
    s->base.ops = &spool_sink_ops;
    s->spool = spool;
    s->options = *options;
    memcpy(s->tenant, options->tenant.ptr, options->tenant.len);
    buf_init(&s->bytes, NULL);
    for (uint32_t i = 0; i < options->lane_count; i++)
        if (!(s->lanes[i].builder = batch_builder_create(NULL))) {
            sink_destroy(&s->base);
            return bole_fail(err, BOLE_E_NOMEM, "no memory for the agent's sink");
        }
    *ret_sink = &s->base;
    return BOLE_OK;
}
