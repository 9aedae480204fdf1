/*
 * A file becomes an array of rules, which a record passes in order. Most rules do not touch most records: what a rule's
 * condition says about the stream is remembered between records of a stream (a bit per rule), and each step looks for a
 * reason to do nothing first.
 */
#include "process/pipeline.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/random.h"
#include "process/rule.h"
#include "record/labels.h"

enum { KEY_MIN = 16, KEY_MAX = 4096 }; /* bytes of a key file */

static const struct rule_ops rules_ops;
static const struct rule_ops *const steps[] = {
    &require_ops, &types_ops,  &allowed_ops, &set_ops,  &rename_ops, &remove_ops, &derive_ops, &json_ops,  &logfmt_ops, &line_ops,
    &replace_ops, &time_ops,   &redact_ops,  &sample_ops, &rate_ops, &dedupe_ops, &route_ops,  &drop_ops,  &rules_ops,
};
enum { STEPS = sizeof steps / sizeof *steps };

const char *process_outcome_name(enum process_outcome outcome)
{
    static const char *const names[PROCESS_OUTCOME_COUNT] = {
        [PROCESS_KEPT] = "kept", [PROCESS_CHANGED] = "changed", [PROCESS_DROPPED] = "dropped",
        [PROCESS_REFUSED_SCHEMA] = "refused_schema", [PROCESS_REFUSED_RATE] = "refused_rate", [PROCESS_NO_MEMORY] = "no_memory"};
    return names[outcome];
}

/* ---- what compiling needs ---- */

bole_status rule_no_memory(struct bole_err *err)
{
    return bole_fail(err, BOLE_E_NOMEM, "no memory for the rules");
}

bole_status rule_check_keys(struct pipeline *p, const struct config_node *map, const char *const *names, size_t count,
                            struct bole_err *err)
{
    if (map->kind != CONFIG_MAP)
        return config_fail(p->config, map, err, "a map is expected here");
    return config_check_keys(p->config, map, names, count, err);
}

bole_status rule_text(struct pipeline *p, const struct config_node *node, const char *what, bole_slice *ret_text,
                      struct bole_err *err)
{
    if (node->kind != CONFIG_SCALAR)
        return config_fail(p->config, node, err, "%s is a text", what);
    *ret_text = arena_copy(&p->arena, node->text);
    return ret_text->ptr ? BOLE_OK : rule_no_memory(err);
}

size_t rule_member_count(const struct config_node *list)
{
    size_t count = 0;
    for (const struct config_node *n = list->first; n; n = n->next)
        count++;
    return count;
}

bole_status rule_texts(struct pipeline *p, const struct config_node *node, const char *what, bole_slice **ret_texts,
                       size_t *ret_count, struct bole_err *err)
{
    size_t count = node->kind == CONFIG_LIST ? rule_member_count(node) : 1, i = 0;
    bole_slice *texts = arena_array(&p->arena, count + 1, sizeof *texts);
    if (!texts)
        return rule_no_memory(err);
    if (node->kind != CONFIG_SCALAR && (node->kind != CONFIG_LIST || !count))
        return config_fail(p->config, node, err, "%s, or a list of them, is expected here", what);
    bole_status st = BOLE_OK;
    for (const struct config_node *n = node->kind == CONFIG_LIST ? node->first : node; i < count && st >= 0; n = n->next)
        st = rule_text(p, n, what, &texts[i++], err);
    *ret_texts = texts;
    *ret_count = count;
    return st;
}

bole_status rule_number(struct pipeline *p, const struct config_node *node, const char *what, double min, double max,
                        double *ret_number, struct bole_err *err)
{
    char *end = NULL;
    double v = node->kind == CONFIG_SCALAR && node->text.len ? strtod((const char *)node->text.ptr, &end) : NAN;
    bool percent = end && *end == '%';
    if (!end || end[percent] || !(v / (percent ? 100 : 1) >= min && v / (percent ? 100 : 1) <= max))
        return config_fail(p->config, node, err, "%s is a number from %g to %g", what, min, max);
    *ret_number = v / (percent ? 100 : 1);
    return BOLE_OK;
}

bole_status rule_regex(struct pipeline *p, const struct config_node *node, bole_slice pattern, unsigned flags,
                       struct regex **ret_regex, struct bole_err *err)
{
    struct bole_err why;
    if (p->regex_count == p->regex_room) {
        size_t room = p->regex_room ? 2 * p->regex_room : 8;
        struct regex **more = realloc(p->regexes, room * sizeof *more);
        if (!more)
            return rule_no_memory(err);
        p->regexes = more;
        p->regex_room = room;
    }
    bole_status st = regex_compile(pattern, flags, NULL, ret_regex, &why);
    if (st < 0)
        return config_fail(p->config, node, err, "%s", why.msg);
    p->regexes[p->regex_count++] = *ret_regex;
    return BOLE_OK;
}

uint32_t rule_literal(struct pipeline *p, const struct regex *regex)
{
    return gate_add_literal(&p->gate, regex_needle(regex));
}

/* ---- reading the file ---- */

static bole_status compile_rule(struct pipeline *p, const struct config_node *node, struct process_rule *rule,
                                struct bole_err *err)
{
    const char *keys[STEPS + 2];
    const struct config_node *step = NULL;
    size_t count = 0;
    for (; count < STEPS; count++)
        keys[count] = steps[count]->name;
    keys[count++] = "match";
    keys[count++] = "name";
    bole_status st = rule_check_keys(p, node, keys, count, err);
    for (const struct config_node *n = node->first; n && st >= 0; n = n->next) {
        if (bole_slice_eq(n->key, S("match"))) {
            st = match_compile(p, n, &rule->match, err);
            rule->of_streams = rule->match.stream.count || rule->match.tenant_count;
            rule->of_records = rule->match.line || rule->match.fields.count || rule->match.level_count || rule->match.longer ||
                               rule->match.older;
        } else if (bole_slice_eq(n->key, S("name"))) {
            st = rule_text(p, n, "a name", &rule->name, err);
        } else if (step) {
            st = config_fail_key(p->config, n, err, "a rule has one step, and this is its second: write a rule of its own");
        } else {
            step = n;
            for (size_t i = 0; i < STEPS; i++)
                if (bole_slice_eq(n->key, bole_slice_str(steps[i]->name)))
                    rule->ops = steps[i];
        }
    }
    if (st >= 0 && !step)
        st = config_fail(p->config, node, err,
                         "a rule without a step: require, types, allowed, set, rename, remove, derive, json, logfmt, line, "
                         "replace, time, redact, sample, rate, dedupe, route, drop or rules");
    return st < 0 ? st : rule->ops->compile(p, step, rule, err);
}

static bole_status compile_rules(struct pipeline *p, const struct config_node *list, struct bole_err *err)
{
    if (list->kind != CONFIG_LIST)
        return config_fail(p->config, list, err, "rules is a list");
    for (const struct config_node *n = list->first; n; n = n->next) {
        if (p->rule_count == PROCESS_RULES_MAX)
            return config_fail(p->config, n, err, "more than %u rules", PROCESS_RULES_MAX);
        struct process_rule *rule = arena_zalloc(&p->arena, sizeof *rule);
        if (!rule)
            return rule_no_memory(err);
        rule->number = (unsigned)p->rule_count + 1;
        rule->line = n->line;
        p->rules[p->rule_count++] = rule;
        bole_status st = compile_rule(p, n, rule, err);
        if (st < 0)
            return st;
    }
    return BOLE_OK;
}

/* ---- rules below a rule: its condition is looked at once, in front of them ---- */

static bole_status rules_compile(struct pipeline *p, const struct config_node *node, struct process_rule *rule, struct bole_err *err)
{
    bole_status st = compile_rules(p, node, err);
    rule->end = (unsigned)p->rule_count;
    return st;
}

static enum process_outcome rules_run(const struct process_rule *rule, struct process_run *run, struct process_record *r)
{
    return PROCESS_KEPT;
}

static const struct rule_ops rules_ops = {"rules", rules_compile, rules_run, NULL};

/* The whole file; BOLE_E_LIMIT over max. */
static bole_status read_file(const char *path, size_t max, struct buf *out, struct bole_err *err)
{
    FILE *f = fopen(path, "rbe");
    if (!f)
        return bole_fail_errno(err, errno, "reading %s", path);
    bole_status st = BOLE_OK;
    if (!buf_reserve(out, max + 1))
        st = rule_no_memory(err);
    else
        out->len = fread(out->ptr, 1, max + 1, f);
    if (st >= 0 && ferror(f))
        st = bole_fail_errno(err, errno, "reading %s", path);
    else if (st >= 0 && out->len > max)
        st = bole_fail(err, BOLE_E_LIMIT, "%s has more than %zu bytes", path, max);
    fclose(f);
    return st;
}

static bole_status read_key(struct pipeline *p, const struct config_node *node, struct bole_err *err)
{
    struct buf text;
    struct bole_err why;
    buf_init(&text, NULL);
    bole_status st = node->kind == CONFIG_SCALAR ? read_file((const char *)node->text.ptr, KEY_MAX, &text, &why)
                                                 : bole_fail(&why, BOLE_E_INVALID, "key_file is the name of a file");
    bole_slice key = st < 0 ? (bole_slice){0} : bole_slice_trim(buf_slice(&text));
    if (st >= 0 && key.len < KEY_MIN)
        st = bole_fail(&why, BOLE_E_INVALID, "%.*s holds a key of less than %d bytes", BOLE_SLICE_ARG(node->text), KEY_MIN);
    if (st < 0)
        st = config_fail(p->config, node, err, "%s", why.msg);
    else if (!(p->key = arena_copy(&p->arena, key)).ptr)
        st = rule_no_memory(err);
    buf_deinit(&text);
    return st;
}

static bole_status parse(bole_slice text, const char *name, bool is_part, struct pipeline **ret_pipeline, struct bole_err *err)
{
    static const char *const keys[] = {"rules", "key_file"};
    struct pipeline *p = calloc(1, sizeof *p);
    if (!p)
        return rule_no_memory(err);
    atomic_init(&p->refs, 1);
    arena_init(&p->arena, NULL);
    gate_init(&p->gate);
    bole_status st = config_parse(text, name, &p->config, err);
    const struct config_node *root = st < 0 ? NULL : config_root(p->config), *node;
    if (st >= 0 && !is_part)
        st = rule_check_keys(p, root, keys, 2, err);
    if (st >= 0 && (node = config_get(root, S("key_file"))))
        st = read_key(p, node, err);
    snprintf(p->version, sizeof p->version, "%016llx", (unsigned long long)hash64_seed(text, p->key.len ? hash64(p->key) : 0));
    if (st >= 0 && (node = config_get(root, S("rules"))) && node->kind != CONFIG_NULL)
        st = compile_rules(p, node, err);
    config_destroy(p->config);
    p->config = NULL;
    if (st < 0) {
        pipeline_unref(p);
        return st;
    }
    *ret_pipeline = p;
    return BOLE_OK;
}

bole_status pipeline_parse(bole_slice text, const char *name, struct pipeline **ret_pipeline, struct bole_err *err)
{
    return parse(text, name, false, ret_pipeline, err);
}

bole_status pipeline_parse_part(bole_slice text, const char *name, struct pipeline **ret_pipeline, struct bole_err *err)
{
    return parse(text, name, true, ret_pipeline, err);
}

bole_status pipeline_read_file(const char *path, struct buf *out, struct bole_err *err)
{
    return read_file(path, CONFIG_SIZE_MAX, out, err);
}

bole_status pipeline_load(const char *path, struct pipeline **ret_pipeline, struct bole_err *err)
{
    struct buf text;
    buf_init(&text, NULL);
    bole_status st = pipeline_read_file(path, &text, err);
    if (st >= 0)
        st = pipeline_parse(buf_slice(&text), path, ret_pipeline, err);
    buf_deinit(&text);
    return st;
}

struct pipeline *pipeline_ref(struct pipeline *p)
{
    atomic_fetch_add(&p->refs, 1);
    return p;
}

void pipeline_unref(struct pipeline *p)
{
    if (!p || atomic_fetch_sub(&p->refs, 1) != 1)
        return;
    for (size_t i = 0; i < p->rule_count; i++)
        if (p->rules[i]->step && p->rules[i]->ops->destroy)
            p->rules[i]->ops->destroy(p->rules[i]);
    for (size_t i = 0; i < p->regex_count; i++)
        regex_destroy(p->regexes[i]);
    free(p->regexes);
    arena_deinit(&p->arena);
    free(p);
}

bole_slice pipeline_version(const struct pipeline *p)
{
    return bole_slice_str(p->version);
}

size_t pipeline_rule_count(const struct pipeline *p)
{
    return p->rule_count;
}

/* ---- what steps do to a record ---- */

struct batch_field *record_field(const struct process_record *r, bole_slice name)
{
    for (size_t i = 0; i < r->field_count; i++)
        if (bole_slice_eq(r->fields[i].key, name) && r->fields[i].value.len)
            return &r->fields[i];
    return NULL;
}

bole_slice record_value(const struct process_record *r, bole_slice name)
{
    const struct batch_field *f = record_field(r, name);
    return f ? f->value : labels_find(r->labels, name);
}

void record_remove(struct process_record *r, bole_slice name)
{
    size_t kept = 0;
    for (size_t i = 0; i < r->field_count; i++)
        if (!bole_slice_eq(r->fields[i].key, name))
            r->fields[kept++] = r->fields[i];
    r->field_count = kept;
}

bool record_set(struct process_run *run, struct process_record *r, bole_slice name, bole_slice value)
{
    enum { MORE = 8 };
    struct batch_field *f = record_field(r, name);
    if (!value.len) {
        record_remove(r, name);
        return true;
    }
    if (f) {
        f->value = value;
        return true;
    }
    if (r->field_count >= run->field_room) { /* whose room is not known is moved once */
        size_t room = 2 * r->field_count + MORE;
        struct batch_field *fields = arena_alloc(&run->arena, room * sizeof *fields);
        if (!fields)
            return false;
        if (r->field_count)
            memcpy(fields, r->fields, r->field_count * sizeof *fields);
        r->fields = fields;
        run->field_room = room;
    }
    r->fields[r->field_count++] = (struct batch_field){name, value};
    return true;
}

void record_set_labels(struct process_run *run, struct process_record *r, bole_slice labels)
{
    r->labels = labels;
    run->labels_clean = 0;
    run->labels_known = NULL; /* whoever comes next looks anew */
}

const struct gate_found *line_found(struct process_run *run, const struct process_record *r)
{
    if (run->looked_at.ptr != r->line.ptr || run->looked_at.len != r->line.len) {
        run->looked_at = r->line;
        run->found = gate_look(&run->pipeline->gate, r->line);
    }
    return &run->found;
}

uint64_t run_random(struct process_run *run)
{
    uint64_t z = run->random += 0x9e3779b97f4a7c15ull; /* splitmix64 (Steele, Lea, Flood 2014) */
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

uint64_t stream_hash(const struct process_record *r)
{
    return hash64_seed(r->labels, hash64(r->tenant));
}

/* ---- running ---- */

void process_run_init(struct process_run *run, struct budget *budget)
{
    *run = (struct process_run){.random = random_next(&random_system)};
    arena_init(&run->arena, budget);
}

void process_run_deinit(struct process_run *run)
{
    process_run_end(run);
    arena_deinit(&run->arena);
}

static void put_labels(struct buf *out, bole_slice encoded)
{
    struct reader labels = reader_of(encoded);
    struct label label;
    for (bool first = true; labels_next(&labels, &label); first = false) {
        buf_put_str(out, first ? "" : ",");
        buf_put_json(out, label.name, false);
        buf_put_u8(out, ':');
        buf_put_json(out, label.value, false);
    }
}

void process_put_record(struct buf *out, const struct process_record *r)
{
    bool first = true;
    buf_put_str(out, "{\"tenant\":");
    buf_put_json(out, r->tenant, false);
    buf_put_str(out, ",\"stream\":{");
    put_labels(out, r->labels);
    buf_put_str(out, "},\"line\":");
    buf_put_json(out, r->line, false);
    buf_put_str(out, ",\"fields\":{");
    for (size_t i = 0; i < r->field_count; i++) {
        if (!r->fields[i].value.len)
            continue;
        buf_put_str(out, first ? "" : ",");
        buf_put_json(out, r->fields[i].key, false);
        buf_put_u8(out, ':');
        buf_put_json(out, r->fields[i].value, false);
        first = false;
    }
    buf_put_str(out, "}}");
}

/* What the rule did, with the record before and after. */
static void explain(struct process_run *run, const struct process_record *before, const struct process_record *after,
                    enum process_outcome outcome)
{
    struct buf *out = run->explain;
    const struct process_rule *rule = run->rule;
    buf_printf(out, "%s{\"rule\":%u,\"line\":%u,\"name\":", out->len ? "," : "", rule->number, rule->line);
    buf_put_json(out, rule->name, false);
    buf_printf(out, ",\"step\":\"%s\",\"outcome\":\"%s\",\"why\":", rule->ops->name, process_outcome_name(outcome));
    buf_put_json(out, run->why, false);
    buf_put_str(out, ",\"before\":");
    process_put_record(out, before);
    if (outcome == PROCESS_CHANGED) {
        buf_put_str(out, ",\"after\":");
        process_put_record(out, after);
    }
    buf_put_u8(out, '}');
}

static enum process_outcome apply_explained(struct process_run *run, struct process_record *r)
{
    struct process_record before = *r;
    if (r->field_count) {
        before.fields = arena_alloc(&run->arena, r->field_count * sizeof *r->fields);
        if (!before.fields)
            return PROCESS_NO_MEMORY;
        memcpy(before.fields, r->fields, r->field_count * sizeof *r->fields);
    }
    enum process_outcome outcome = run->rule->ops->run(run->rule, run, r);
    if (outcome != PROCESS_KEPT)
        explain(run, &before, r, outcome);
    return outcome;
}

static enum process_outcome apply(struct process_run *run, struct process_record *r)
{
    const struct process_rule *rule = run->rule;
    run->why = (bole_slice){0};
    enum process_outcome outcome = run->explain ? apply_explained(run, r) : rule->ops->run(rule, run, r);
    run->counts[rule->number - 1][outcome]++;
    return outcome;
}

/* The rules from `first` on whose conditions on the stream hold. */
static uint64_t rules_of_stream(struct process_run *run, const struct process_record *r, size_t first)
{
    const struct pipeline *p = run->pipeline;
    if (run->labels_known != r->labels.ptr || run->tenant_known != r->tenant.ptr || !r->labels.ptr) {
        run->labels_clean = run->stream_holds = 0;
        run->labels_known = r->labels.ptr;
        run->tenant_known = r->tenant.ptr;
        for (size_t i = 0; i < p->rule_count;) {
            const struct process_rule *rule = p->rules[i];
            bool is_inside = i < first && rule->end > first; /* of the rules below it the first is one: it did hold */
            bool holds = is_inside || !rule->of_streams || match_stream(&rule->match, r);
            run->stream_holds |= (uint64_t)holds << i;
            i = holds || !rule->end ? i + 1 : rule->end;
        }
    }
    return first < PROCESS_RULES_MAX ? run->stream_holds >> first << first : 0;
}

enum process_outcome process_run_record(struct process_run *run, struct process_record *r)
{
    enum process_outcome result = PROCESS_KEPT;
    arena_reset(&run->arena);
    run->field_room = 0;
    run->rule = NULL;
    run->looked_at = (bole_slice){0};
    for (uint64_t left = rules_of_stream(run, r, 0); left; left &= left - 1) {
        size_t i = (size_t)__builtin_ctzll(left);
        run->rule = run->pipeline->rules[i];
        if (run->rule->of_records && !match_record(&run->rule->match, run, r)) {
            if (run->rule->end)
                left &= run->rule->end < PROCESS_RULES_MAX ? ~0ull << run->rule->end | 1ull << i : 1ull << i;
            continue;
        }
        enum process_outcome outcome = apply(run, r);
        if (outcome > PROCESS_CHANGED)
            return outcome;
        if (outcome == PROCESS_CHANGED) {
            result = outcome;
            if (run->labels_known != r->labels.ptr || run->tenant_known != r->tenant.ptr)
                left = rules_of_stream(run, r, i) | 1ull << i; /* it is of another stream now */
        }
    }
    return result;
}

bole_slice process_run_reason(struct process_run *run)
{
    const struct process_rule *rule = run->rule;
    bole_slice text = arena_printf(&run->arena, "rule %u%s%.*s%s (%s), line %u: %.*s", rule->number, rule->name.len ? " \"" : "",
                                   BOLE_SLICE_ARG(rule->name), rule->name.len ? "\"" : "", rule->ops->name, rule->line,
                                   BOLE_SLICE_ARG(run->why));
    return text.ptr ? text : S("refused by a rule");
}

/* ---- the pipeline in force ---- */

struct process {
    const char      *path;
    process_load_fn *load; /* NULL: the file at path is of rules alone */
    void            *load_ctx;
    atomic_uint_fast64_t epoch;
    pthread_mutex_t  lock;
    struct pipeline *pipeline; /* guarded by lock */
    uint64_t         reloads_total, reload_errors_total; /* guarded by lock */
};

static bole_status load(const struct process *p, struct pipeline **ret_pipeline, struct bole_err *err)
{
    struct buf text;
    if (!p->load)
        return pipeline_load(p->path, ret_pipeline, err);
    buf_init(&text, NULL);
    bole_status st = p->load(p->load_ctx, &text, err);
    if (st >= 0)
        st = text.failed ? rule_no_memory(err) : pipeline_parse_part(buf_slice(&text), p->path, ret_pipeline, err);
    buf_deinit(&text);
    return st;
}

bole_status process_create(const char *path, struct process **ret_process, struct bole_err *err)
{
    return process_create_part(path, NULL, NULL, ret_process, err);
}

bole_status process_create_part(const char *path, process_load_fn *load_fn, void *ctx, struct process **ret_process, struct bole_err *err)
{
    struct process *p = calloc(1, sizeof *p);
    if (!p || !(p->path = strdup(path))) {
        free(p);
        return rule_no_memory(err);
    }
    p->load = load_fn;
    p->load_ctx = ctx;
    pthread_mutex_init(&p->lock, NULL);
    bole_status st = load(p, &p->pipeline, err);
    if (st < 0) {
        process_destroy(p);
        return st;
    }
    *ret_process = p;
    return BOLE_OK;
}

void process_destroy(struct process *p)
{
    if (!p)
        return;
    pipeline_unref(p->pipeline);
    pthread_mutex_destroy(&p->lock);
    free((char *)(uintptr_t)p->path);
    free(p);
}

bole_status process_reload(struct process *p, bool *ret_changed, struct bole_err *err)
{
    struct pipeline *fresh = NULL, *old = NULL;
    bole_status st = load(p, &fresh, err);
    pthread_mutex_lock(&p->lock);
    if (st < 0) {
        p->reload_errors_total++;
    } else {
        *ret_changed = strcmp(fresh->version, p->pipeline->version) != 0;
        if (*ret_changed) { /* else what rate and dedupe know, and the figures, stay */
            old = p->pipeline;
            p->pipeline = fresh;
            fresh = NULL;
        }
        p->reloads_total++;
    }
    pthread_mutex_unlock(&p->lock);
    pipeline_unref(old);
    pipeline_unref(fresh);
    return st;
}

void process_forget(struct process *p)
{
    if (p)
        atomic_fetch_add(&p->epoch, 1);
}

static struct pipeline *hold(struct process *p)
{
    pthread_mutex_lock(&p->lock);
    struct pipeline *held = pipeline_ref(p->pipeline);
    pthread_mutex_unlock(&p->lock);
    return held;
}

bool process_run_begin(struct process_run *run, struct process *p, const struct clock *clock)
{
    process_run_end(run);
    if (!p)
        return false;
    run->pipeline = hold(p);
    run->clock = clock;
    run->now_ns = clock_mono_ns(clock);
    run->epoch = atomic_load(&p->epoch);
    run->labels_known = run->tenant_known = NULL;
    run->dry = false;
    run->explain = NULL;
    return true;
}

/* Once per request, not per record: all workers write to the same place. */
static void publish_counts(struct process_run *run)
{
    for (size_t i = 0; i < run->pipeline->rule_count; i++)
        for (size_t k = 0; k < PROCESS_OUTCOME_COUNT && !run->dry; k++)
            if (run->counts[i][k])
                atomic_fetch_add_explicit(&run->pipeline->rules[i]->outcomes[k], run->counts[i][k], memory_order_relaxed);
    memset(run->counts, 0, run->pipeline->rule_count * sizeof *run->counts);
}

void process_run_end(struct process_run *run)
{
    if (run->pipeline)
        publish_counts(run);
    pipeline_unref(run->pipeline);
    run->pipeline = NULL;
    arena_reset(&run->arena);
}

void process_get_figures(struct process *p, struct process_figures *ret_figures, struct pipeline **ret_pipeline)
{
    struct process_figures *f = ret_figures;
    *f = (struct process_figures){0};
    pthread_mutex_lock(&p->lock);
    struct pipeline *held = pipeline_ref(p->pipeline);
    f->reloads_total = p->reloads_total;
    f->reload_errors_total = p->reload_errors_total;
    pthread_mutex_unlock(&p->lock);
    memcpy(f->version, held->version, sizeof f->version);
    f->path = p->path;
    f->rule_count = held->rule_count;
    for (size_t i = 0; i < held->rule_count; i++) {
        const struct process_rule *rule = held->rules[i];
        f->rules[i] = (struct process_rule_figures){rule->name, rule->ops->name, rule->number, rule->line, {0}};
        for (size_t k = 0; k < PROCESS_OUTCOME_COUNT; k++)
            f->rules[i].outcomes[k] = atomic_load_explicit(&rule->outcomes[k], memory_order_relaxed);
    }
    *ret_pipeline = held;
}
