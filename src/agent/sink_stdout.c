/* sink_stdout.c - records as lines of JSON on standard output, as `bole query -o json` writes them. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/sink.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/timefmt.h"
#include "process/pipeline.h"
#include "record/labels.h"

struct stdout_sink {
    struct tail_sink base;
    struct process *process;
    struct process_run run;
    struct buf out;
    size_t written;             /* of `out`, in a call that failed */
    struct batch_field *fields; /* of one record: rules change them in place */
};

static void put_pair(struct buf *out, bool first, bole_slice name, bole_slice value)
{
    if (!first)
        buf_put_u8(out, ',');
    buf_put_json(out, name, false);
    buf_put_u8(out, ':');
    buf_put_json(out, value, false);
}

static void put_record(struct buf *out, const struct process_record *r)
{
    char time[TIME_TEXT_MAX];
    struct reader labels = reader_of(r->labels);
    struct label l;
    bool first = true;
    time_format_rfc3339(r->time_ns, 9, time);
    buf_printf(out, "{\"time\":\"%s\",\"labels\":{", time);
    for (; labels_next(&labels, &l); first = false)
        put_pair(out, first, l.name, l.value);
    buf_put_str(out, "},\"line\":");
    buf_put_json(out, r->line, false);
    buf_put_str(out, ",\"fields\":{");
    for (size_t i = 0; i < r->field_count; i++)
        put_pair(out, i == 0, r->fields[i].key, r->fields[i].value);
    buf_put_str(out, "}}\n");
}

/* All of it, however slowly it is read. */
static bole_status write_out(struct stdout_sink *s, struct bole_err *err)
{
    while (s->written < s->out.len) {
        ssize_t n = write(STDOUT_FILENO, s->out.ptr + s->written, s->out.len - s->written);
        if (n < 0 && errno == EAGAIN)
            poll(&(struct pollfd){.fd = STDOUT_FILENO, .events = POLLOUT}, 1, -1);
        else if (n < 0 && errno != EINTR)
            return bole_fail_errno(err, errno, "writing to standard output");
        s->written += n > 0 ? (size_t)n : 0;
    }
    return BOLE_OK;
}

static bole_status stdout_send(struct tail_sink *self, const struct tail_batch *batch, uint64_t *ret_refused,
                               struct bole_err *err)
{
    struct stdout_sink *s = (struct stdout_sink *)self;
    *ret_refused = 0;
    if (s->out.len && s->written < s->out.len) /* the same batch again: only its rest */
        return write_out(s, err);
    buf_reset(&s->out);
    s->written = 0;
    process_run_begin(&s->run, s->process, &clock_system);
    for (size_t i = 0; i < batch->record_count; i++) {
        const struct tail_record *r = &batch->records[i];
        size_t count = r->field_count < RECORD_FIELDS_MAX ? r->field_count : RECORD_FIELDS_MAX;
        if (count)
            memcpy(s->fields, r->fields, count * sizeof *s->fields);
        struct process_record rec = {r->time_ns, S("default"), r->labels, r->line, s->fields, count};
        enum process_outcome outcome = s->run.pipeline ? process_run_record(&s->run, &rec) : PROCESS_KEPT;
        *ret_refused += outcome == PROCESS_REFUSED_SCHEMA || outcome == PROCESS_REFUSED_RATE;
        if (outcome <= PROCESS_CHANGED)
            put_record(&s->out, &rec);
    }
    process_run_end(&s->run);
    return s->out.failed ? bole_fail(err, BOLE_E_NOMEM, "no memory for the output") : write_out(s, err);
}

static void stdout_destroy(struct tail_sink *self)
{
    struct stdout_sink *s = (struct stdout_sink *)self;
    process_run_deinit(&s->run);
    buf_deinit(&s->out);
    free(s->fields);
    free(s);
}

static const struct tail_sink_ops stdout_sink_ops = {.send = stdout_send, .destroy = stdout_destroy};

bole_status tail_sink_stdout(struct process *process, struct tail_sink **ret_sink, struct bole_err *err)
{
    struct stdout_sink *s = calloc(1, sizeof *s);
    if (!s || !(s->fields = calloc(RECORD_FIELDS_MAX, sizeof *s->fields))) {
        free(s);
        return bole_fail(err, BOLE_E_NOMEM, "no memory for the agent's sink");
    }
    s->base.ops = &stdout_sink_ops;
    s->process = process;
    process_run_init(&s->run, NULL);
    buf_init(&s->out, NULL);
    *ret_sink = &s->base;
    return BOLE_OK;
}
