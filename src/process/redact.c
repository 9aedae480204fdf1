/*
 * redact: what detectors and patterns find in line, fields and labels is masked, hashed, or takes the record with it. A
 * field that is named like a secret (password, api_key...) is one as a whole.
 *
 * A hash is HMAC-SHA-256 under the key of the file, cut to 64 bits: the same person is the same text again, and who has
 * only the log cannot try names out.
 */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>

#include "base/err.h"
#include "base/unset.h"
#include "process/detect.h"
#include "process/rule.h"
#include "record/labels.h"

enum { IN_LINE = 1, IN_FIELDS = 2, IN_LABELS = 4 };
enum { PATTERN = DETECT_COUNT, KINDS }; /* what may be found: enum detect_kind, or a pattern of one's own */
enum { KEEP_MAX = 16, REPLACED_MAX = 64 }; /* bytes */

struct redact {
    struct detector detector;
    struct regex  **patterns;
    uint32_t       *literals; /* of each pattern: rule_literal */
    size_t          pattern_count;
    unsigned        in;
    enum { MASK, HASH, DROP } action;
    size_t          keep;
    bole_slice      key; /* the pipeline's */
};

/* ---- compiling ---- */

static bole_status compile_detectors(struct pipeline *p, const struct config_node *node, struct redact *t, struct bole_err *err)
{
    bole_slice *names = NULL;
    size_t count = 0, known = 0;
    unsigned kinds = 0;
    while (detect_names[known])
        known++;
    bole_status st = rule_texts(p, node, "the name of a detector", &names, &count, err);
    const struct config_node *n = node->kind == CONFIG_LIST ? node->first : node;
    for (size_t i = 0; i < count && st >= 0; i++, n = n->next) {
        unsigned more = detect_kinds(names[i]);
        const char *near = config_nearest(names[i], detect_names, known);
        if (!more)
            return config_fail(p->config, n, err, "unknown detector \"%.*s\"%s%s%s", BOLE_SLICE_ARG(names[i]),
                               near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
        kinds |= more;
    }
    detector_init(&t->detector, kinds);
    return st;
}

static bole_status compile_patterns(struct pipeline *p, const struct config_node *node, struct redact *t, struct bole_err *err)
{
    bole_slice *texts = NULL;
    bole_status st = rule_texts(p, node, "a regular expression", &texts, &t->pattern_count, err);
    if (st >= 0 && (!(t->patterns = arena_array(&p->arena, t->pattern_count, sizeof(struct regex *))) ||
                    !(t->literals = arena_array(&p->arena, t->pattern_count, sizeof *t->literals))))
        st = rule_no_memory(err);
    const struct config_node *n = node->kind == CONFIG_LIST ? node->first : node;
    for (size_t i = 0; st >= 0 && i < t->pattern_count; i++, n = n->next) {
        st = rule_regex(p, n, texts[i], 0, &t->patterns[i], err);
        if (st >= 0 && regex_match(t->patterns[i], S("")))
            st = config_fail(p->config, n, err, "the pattern matches an empty text, so it would everywhere");
    }
    return st;
}

static bole_status compile_word(struct pipeline *p, const struct config_node *node, const char *const *words, size_t count,
                                size_t *ret_index, struct bole_err *err)
{
    for (*ret_index = 0; *ret_index < count; ++*ret_index)
        if (node->kind == CONFIG_SCALAR && bole_slice_eq(node->text, bole_slice_str(words[*ret_index])))
            return BOLE_OK;
    return config_fail(p->config, node, err, "%.*s is one of %s, %s, %s", BOLE_SLICE_ARG(node->key.len ? node->key : S("this")),
                       words[0], words[1], words[2]);
}

static bole_status compile_places(struct pipeline *p, const struct config_node *node, struct redact *t, struct bole_err *err)
{
    static const char *const places[] = {"line", "fields", "labels"};
    const struct config_node *n = node->kind == CONFIG_LIST ? node->first : node;
    for (t->in = 0; n; n = node->kind == CONFIG_LIST ? n->next : NULL) {
        size_t index;
        bole_status st = compile_word(p, n, places, 3, &index, err);
        if (st < 0)
            return st;
        t->in |= 1u << index;
    }
    return t->in ? BOLE_OK : config_fail(p->config, node, err, "in is a list of line, fields, labels");
}

static bole_status redact_compile(struct pipeline *p, const struct config_node *node, struct process_rule *rule,
                                  struct bole_err *err)
{
    static const char *const keys[] = {"detect", "patterns", "in", "action", "keep"}, *const actions[] = {"mask", "hash", "drop"};
    struct redact *t = arena_zalloc(&p->arena, sizeof *t);
    double keep = 0;
    size_t action = 0;
    if (!t)
        return rule_no_memory(err);
    t->in = IN_LINE | IN_FIELDS | IN_LABELS;
    bole_status st = rule_check_keys(p, node, keys, sizeof keys / sizeof *keys, err);
    for (const struct config_node *n = node->first; n && st >= 0; n = n->next) {
        if (bole_slice_eq(n->key, S("detect")))
            st = compile_detectors(p, n, t, err);
        else if (bole_slice_eq(n->key, S("patterns")))
            st = compile_patterns(p, n, t, err);
        else if (bole_slice_eq(n->key, S("in")))
            st = compile_places(p, n, t, err);
        else if (bole_slice_eq(n->key, S("action")))
            st = compile_word(p, n, actions, 3, &action, err);
        else
            st = rule_number(p, n, "keep", 0, KEEP_MAX, &keep, err);
    }
    if (st < 0)
        return st;
    t->action = action;
    t->keep = (size_t)keep;
    t->key = p->key;
    if (!t->detector.kinds && !t->pattern_count)
        return config_fail(p->config, node, err, "redact needs something to look for: detect, patterns");
    if (t->action == HASH && !p->key.len)
        return config_fail(p->config, node, err, "hashes need a key that nobody can guess: key_file, in front of the rules");
    for (size_t i = 0; (t->in & IN_LINE) && i < t->pattern_count; i++)
        t->literals[i] = rule_literal(p, t->patterns[i]);
    if (t->in & IN_LINE)
        gate_add_kinds(&p->gate, t->detector.kinds);
    rule->step = t;
    return BOLE_OK;
}

/* ---- one text ---- */

struct cut {
    size_t   from, to;
    unsigned kind;
};

struct search {
    const struct redact *redact;
    struct process_run  *run;
    bole_slice           text;
    struct cut          *cuts; /* in the run's arena */
    size_t               count, room;
    bool                 failed;
    unsigned             found; /* bits of kinds, over all texts of the record */
};

static const char *kind_name(unsigned kind)
{
    return kind == PATTERN ? "pattern" : detect_kind_name(kind);
}

static bool add_cut(struct search *s, size_t from, size_t to, unsigned kind)
{
    enum { FEW = 8 };
    if (s->count == s->room) {
        size_t room = s->room ? 2 * s->room : FEW;
        struct cut *more = arena_grow(&s->run->arena, s->cuts, s->room * sizeof *more, room * sizeof *more);
        s->failed = !more;
        if (!more)
            return false;
        s->cuts = more;
        s->room = room;
    }
    s->cuts[s->count++] = (struct cut){from, to, kind};
    s->found |= 1u << kind;
    return true;
}

/* Bad UTF-8 is U+FFFD to a pattern; groups are slices of the text all the same. */
static bool on_match(const bole_slice *groups, void *ctx)
{
    struct search *s = ctx;
    bole_slice hit = groups[1].ptr ? groups[1] : groups[0];
    size_t from = (size_t)(hit.ptr - s->text.ptr);
    return !hit.len || add_cut(s, from, from + hit.len, PATTERN);
}

/* What stands for a hit. */
static size_t replace(const struct search *s, bole_slice hit, unsigned kind, char ret_text[REPLACED_MAX])
{
    const struct redact *t = s->redact;
    if (t->action == HASH) {
        uint8_t sum[EVP_MAX_MD_SIZE] = {0};
        unsigned len = 0;
        HMAC(EVP_sha256(), t->key.ptr, (int)t->key.len, hit.ptr, hit.len, sum, &len);
        return (size_t)snprintf(ret_text, REPLACED_MAX, "[%s:%02x%02x%02x%02x%02x%02x%02x%02x]", kind_name(kind), sum[0], sum[1],
                                sum[2], sum[3], sum[4], sum[5], sum[6], sum[7]);
    }
    if (!t->keep || hit.len < 3 * t->keep) /* of a short secret its end is too much already */
        return (size_t)snprintf(ret_text, REPLACED_MAX, "[%s]", kind_name(kind));
    memcpy(ret_text, "****", 4);
    memcpy(ret_text + 4, hit.ptr + hit.len - t->keep, t->keep);
    return 4 + t->keep;
}

/* A JSON line stays one: what stands for a number gets quotes. `inside` a string is known at `at`; then at `to`. */
static bool is_inside(bole_slice text, bool inside, size_t at, size_t to)
{
    for (; at < to; at++) {
        if (inside && text.ptr[at] == '\\')
            at++;
        else if (text.ptr[at] == '"')
            inside = !inside;
    }
    return inside;
}

static bole_slice apply_cuts(struct search *s)
{
    enum { QUOTES = 2 };
    size_t len = s->text.len + s->count * (REPLACED_MAX + QUOTES), at = 0;
    char with[REPLACED_MAX];
    bool json = s->text.ptr[0] == '{', inside = false;
    uint8_t *out = arena_bytes(&s->run->arena, len), *next = out;
    if (!out) {
        s->failed = true;
        return s->text;
    }
    for (size_t i = 0; i < s->count; i++) {
        const struct cut *c = &s->cuts[i];
        memcpy(next, s->text.ptr + at, c->from - at);
        next += c->from - at;
        size_t n = replace(s, bole_slice_from(s->text.ptr + c->from, c->to - c->from), c->kind, with);
        inside = json && is_inside(s->text, inside, at, c->from);
        if (json && !inside)
            *next++ = '"';
        memcpy(next, with, n);
        next += n;
        if (json && !inside)
            *next++ = '"';
        at = c->to;
    }
    memcpy(next, s->text.ptr + at, s->text.len - at);
    return bole_slice_from(out, (size_t)(next - out) + s->text.len - at);
}

static void begin_text(struct search *s, bole_slice text)
{
    s->text = text;
    s->cuts = NULL;
    s->count = s->room = 0;
}

/* True when *text is another now, or (action drop) would be. `found`: what it holds; NULL: that is not known. */
static bool redact_text(struct search *s, bole_slice *text, const struct gate_found *found)
{
    const struct redact *t = s->redact;
    struct detect_hit hit;
    bool changed = false;
    begin_text(s, *text);
    if (t->detector.kinds & (found ? found->kinds : t->detector.kinds))
        for (size_t at = 0; detect_next(&t->detector, s->text, at, &hit) && add_cut(s, hit.from, hit.to, hit.kind); at = hit.to)
            ;
    for (size_t i = 0; i <= t->pattern_count && !s->failed; i++) {
        if (s->count) {
            changed = true;
            if (t->action == DROP)
                return true;
            *text = apply_cuts(s);
            begin_text(s, *text);
            found = NULL;
        }
        if (i == t->pattern_count || (found && t->literals[i] && !(found->literals & t->literals[i])))
            continue;
        if (regex_match(t->patterns[i], s->text))
            regex_each(t->patterns[i], s->text, 2, on_match, s);
    }
    return changed;
}

/* ---- a record ---- */

static bool redact_fields(struct search *s, struct process_record *r)
{
    bool names = s->redact->detector.kinds >> DETECT_PASSWORD & 1, changed = false;
    for (size_t i = 0; i < r->field_count && !s->failed; i++) {
        bole_slice *value = &r->fields[i].value;
        if (!value->len)
            continue;
        if (names && detect_secret_name(r->fields[i].key)) {
            begin_text(s, *value);
            if (add_cut(s, 0, value->len, DETECT_PASSWORD) && s->redact->action != DROP)
                *value = apply_cuts(s);
            changed = true;
        } else {
            changed |= redact_text(s, value, NULL);
        }
    }
    return changed;
}

static bool redact_labels(struct search *s, struct process_record *r)
{
    struct reader own = reader_of(r->labels);
    struct label labels[LABELS_MAX] UNSET;
    size_t count = 0;
    bool changed = false;
    while (count < LABELS_MAX && labels_next(&own, &labels[count]) && !s->failed)
        changed |= redact_text(s, &labels[count++].value, NULL);
    if (!changed) {
        s->run->labels_clean |= rule_bit(s->run->rule);
        return false;
    }
    if (s->redact->action == DROP)
        return true;
    struct buf out;
    buf_init(&out, NULL);
    bole_status st = labels_encode(labels, count, &out, NULL);
    bole_slice copy = st < 0 ? (bole_slice){0} : arena_copy(&s->run->arena, buf_slice(&out));
    buf_deinit(&out);
    s->failed |= !copy.ptr;
    if (copy.ptr)
        record_set_labels(s->run, r, copy);
    return true;
}

static bole_slice say_found(struct process_run *run, unsigned found)
{
    bole_slice text = S("found");
    for (unsigned kind = 0; kind < KINDS; kind++)
        if (found >> kind & 1)
            text = arena_printf(&run->arena, "%.*s%s %s", BOLE_SLICE_ARG(text), text.len > 5 ? "," : "", kind_name(kind));
    return text;
}

static enum process_outcome redact_run(const struct process_rule *rule, struct process_run *run, struct process_record *r)
{
    struct search s = {.redact = rule->step, .run = run};
    bool changed = false;
    if (s.redact->in & IN_LINE)
        changed |= redact_text(&s, &r->line, line_found(run, r));
    if (s.redact->in & IN_FIELDS)
        changed |= redact_fields(&s, r);
    if ((s.redact->in & IN_LABELS) && !(run->labels_clean & rule_bit(rule)))
        changed |= redact_labels(&s, r);
    if (s.failed)
        return PROCESS_NO_MEMORY; /* never half redacted */
    if (!changed)
        return PROCESS_KEPT;
    if (run->explain || s.redact->action == DROP)
        run->why = say_found(run, s.found);
    return s.redact->action == DROP ? PROCESS_DROPPED : PROCESS_CHANGED;
}

const struct rule_ops redact_ops = {"redact", redact_compile, redact_run, NULL};
