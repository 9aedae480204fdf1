#include "cmd/agent_check.h"

#include <stdlib.h>

#include "agent/agent.h"
#include "base/err.h"
#include "base/timefmt.h"
#include "cmd/print.h"
#include "process/pipeline.h"
#include "record/labels.h"

enum { ROUNDS_MAX = 100000, LINE_SHOWN = 200 };
#define LAST_BYTES (16 * 1024) /* of each input */

/* Keeps the last record of each label set. */
struct sample {
    struct sample *next;
    struct buf     text; /* labels, then the record as it would be sent */
    uint8_t       *labels;
    size_t         labels_len;
};

struct check_sink {
    struct tail_sink base;
    struct process  *process; /* NULL: no rules */
    struct process_run run;
    struct sample   *samples;
};

static struct sample *find_sample(struct check_sink *s, bole_slice labels)
{
    struct sample *x = s->samples;
    while (x && (x->labels_len != labels.len || memcmp(x->labels, labels.ptr, labels.len) != 0))
        x = x->next;
    if (x)
        return x;
    x = calloc(1, sizeof *x);
    if (!x || !(x->labels = malloc(labels.len + 1))) {
        free(x);
        return NULL;
    }
    buf_init(&x->text, NULL);
    memcpy(x->labels, labels.ptr, labels.len);
    x->labels_len = labels.len;
    x->next = s->samples;
    s->samples = x;
    return x;
}

static void put_record(struct buf *out, const struct process_record *r, enum process_outcome outcome)
{
    char time[TIME_TEXT_MAX];
    bole_slice line = r->line;
    buf_reset(out);
    labels_print(r->labels, out);
    if (outcome > PROCESS_CHANGED) {
        buf_printf(out, "\n    %s by the rules: ", process_outcome_name(outcome));
    } else {
        time_format_rfc3339(r->time_ns, 3, time);
        buf_printf(out, "\n    %s  ", time);
    }
    for (size_t i = 0; i < r->field_count && outcome <= PROCESS_CHANGED; i++) {
        print_safe(out, r->fields[i].key);
        buf_put_u8(out, '=');
        print_safe(out, r->fields[i].value);
        buf_put_u8(out, ' ');
    }
    bool cut = line.len > LINE_SHOWN;
    print_safe(out, (bole_slice){line.ptr, cut ? LINE_SHOWN : line.len});
    buf_put_str(out, cut ? "...\n" : "\n");
}

static bole_status check_send(struct tail_sink *self, const struct tail_batch *batch, uint64_t *ret_refused, struct bole_err *err)
{
    struct check_sink *s = (struct check_sink *)self;
    struct batch_field fields[RECORD_FIELDS_MAX];
    process_run_begin(&s->run, s->process, &clock_system);
    for (size_t i = 0; i < batch->record_count; i++) {
        const struct tail_record *r = &batch->records[i];
        struct sample *x = find_sample(s, r->labels);
        size_t count = r->field_count < RECORD_FIELDS_MAX ? r->field_count : RECORD_FIELDS_MAX;
        if (count)
            memcpy(fields, r->fields, count * sizeof *fields);
        struct process_record rec = {r->time_ns, S("default"), r->labels, r->line, fields, count};
        enum process_outcome outcome = s->run.pipeline ? process_run_record(&s->run, &rec) : PROCESS_KEPT;
        if (x)
            put_record(&x->text, &rec, outcome);
    }
    process_run_end(&s->run);
    *ret_refused = 0;
    return BOLE_OK;
}

static const struct tail_sink_ops check_sink_ops = {.send = check_send};

struct printing {
    struct buf *out;
    const struct check_sink *sink;
};

static void put_input(const struct agent_input *in, void *ctx)
{
    struct printing *p = ctx;
    print_safe(p->out, in->path);
    buf_printf(p->out, "  %s", in->state);
    if (*in->reason)
        buf_printf(p->out, " (%s)", in->reason);
    buf_put_u8(p->out, '\n');
    for (const struct sample *x = p->sink->samples; x; x = x->next) {
        bole_slice labels = {x->labels, x->labels_len};
        bool is_its = in->kind == AGENT_FILE ? bole_slice_eq(labels_find(labels, S("filename")), in->path)
                                             : labels_find(labels, S("filename")).ptr == NULL;
        if (is_its)
            buf_printf(p->out, "  %.*s", BOLE_SLICE_ARG(buf_slice(&x->text)));
    }
}

static void drop_samples(struct check_sink *s)
{
    for (struct sample *x = s->samples, *next; x; x = next) {
        next = x->next;
        buf_deinit(&x->text);
        free(x->labels);
        free(x);
    }
}

int agent_check(const struct agent_config *c)
{
    struct bole_err err;
    struct agent *agent = NULL;
    struct buf out;
    struct agent_globs globs;
    struct check_sink sink = {.base = {&check_sink_ops}};
    buf_init(&out, NULL);
    process_run_init(&sink.run, NULL);
    multiline_do_not_wait(c->multiline);
    agent_config_globs(c, &globs);
    struct agent_options options = {.includes = globs.includes,
                                    .include_count = globs.include_count,
                                    .excludes = globs.excludes,
                                    .exclude_count = globs.exclude_count,
                                    .journal = !c->no_journal,
                                    .multiline = c->multiline,
                                    .inputs = c->inputs,
                                    .fs = &fs_posix,
                                    .clock = &clock_system,
                                    .sink = &sink.base,
                                    .first_bytes = LAST_BYTES,
                                    .first_entries = 10,
                                    .linger_ns = 1};
    bole_status st = agent_config_process(c, &sink.process, &err);
    if (st == BOLE_OK)
        st = agent_create(&options, &agent, &err);
    for (int quiet = 0, i = 0; st == BOLE_OK && quiet < 3 && i < ROUNDS_MAX; i++)
        quiet = agent_step(agent, NS_PER_MS) ? 0 : quiet + 1;
    if (st == BOLE_OK) {
        agent_each_input(agent, put_input, &(struct printing){&out, &sink});
        if (out.len == 0)
            buf_put_str(&out, "no file matches\n");
        st = print_flush(&out, &err);
    }
    agent_destroy(agent);
    drop_samples(&sink);
    process_run_deinit(&sink.run);
    process_destroy(sink.process);
    buf_deinit(&out);
    return cmd_end(st, &err);
}
