/* sample: a part of the records stays; each that does says how many it stands for. */
#include <stdio.h>

#include "base/err.h"
#include "base/hash.h"
#include "process/rule.h"

#define SAMPLE_FIELD S("sample_rate")

struct sample {
    uint64_t   below; /* of 2^32 */
    bole_slice by;    /* records with the same value share their fate; empty: at random */
    bole_slice rate;  /* text of SAMPLE_FIELD */
};

static bole_status sample_compile(struct pipeline *p, const struct config_node *node, struct process_rule *rule,
                                  struct bole_err *err)
{
    static const char *const keys[] = {"keep", "by"};
    struct sample *s = arena_zalloc(&p->arena, sizeof *s);
    const struct config_node *keep = node, *by = NULL;
    double part = 0;
    bole_status st = BOLE_OK;
    if (!s)
        return rule_no_memory(err);
    if (node->kind != CONFIG_SCALAR) {
        st = rule_check_keys(p, node, keys, 2, err);
        keep = st < 0 ? NULL : config_get(node, S("keep"));
        by = st < 0 ? NULL : config_get(node, S("by"));
        if (st >= 0 && !keep)
            st = config_fail(p->config, node, err, "sample needs what to keep: keep: 10%%");
    }
    if (st >= 0 && by)
        st = rule_text(p, by, "by", &s->by, err);
    if (st >= 0)
        st = rule_number(p, keep, "the part to keep", 1e-6, 1, &part, err);
    if (st < 0)
        return st;
    s->below = (uint64_t)(part * 4294967296.0);
    s->rate = arena_printf(&p->arena, "%.6g", 1 / part);
    rule->step = s;
    return s->rate.ptr ? BOLE_OK : rule_no_memory(err);
}

static enum process_outcome sample_run(const struct process_rule *rule, struct process_run *run, struct process_record *r)
{
    const struct sample *s = rule->step;
    bole_slice value = s->by.len ? record_value(r, s->by) : (bole_slice){0};
    uint64_t draw = value.len ? hash64(value) : run_random(run);
    if (draw >> 32 >= s->below) {
        run->why = S("not in the sample");
        return PROCESS_DROPPED;
    }
    return record_set(run, r, SAMPLE_FIELD, s->rate) ? PROCESS_CHANGED : PROCESS_NO_MEMORY;
}

const struct rule_ops sample_ops = {"sample", sample_compile, sample_run, NULL};

/* ---- drop: true ---- */

static bole_status drop_compile(struct pipeline *p, const struct config_node *node, struct process_rule *rule,
                                struct bole_err *err)
{
    bool value = false;
    (void)rule;
    if (node->kind == CONFIG_SCALAR && config_truth(node->text, &value) && value)
        return BOLE_OK;
    return config_fail(p->config, node, err, "write drop: true");
}

static enum process_outcome drop_run(const struct process_rule *rule, struct process_run *run, struct process_record *r)
{
    (void)rule;
    (void)r;
    run->why = S("the rule says so");
    return PROCESS_DROPPED;
}

const struct rule_ops drop_ops = {"drop", drop_compile, drop_run, NULL};
