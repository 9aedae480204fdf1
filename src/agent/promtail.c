/*
 * promtail.c - the file as a whole: clients, scrape_configs, positions.
 *
 * Files have the labels of their static_configs, as relabel_configs leave them, and no others, so that queries and alerts find the
 * streams they know. The stages of a scrape config are one rule with rules below it, whose condition is the label `job` where no
 * other scrape config has the same, else a label made for it, which the first rule takes away.
 */
#include "agent/promtail.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/promtail_impl.h"
#include "agent/source.h"
#include "base/err.h"
#include "base/hash.h"
#include "shim/regex.h"

#define MARK "promtail_scrape"
enum {
    GLOBS_MAX = 64,
    GLOB_SIZE_MAX = 4096, /* bytes: as a path's; each { in it costs a copy */
};

/* ---- for all parts ---- */

bool promtail_names_has(const struct promtail_names *n, bole_slice name)
{
    for (size_t i = 0; i < n->count; i++)
        if (bole_slice_eq(n->items[i], name))
            return true;
    return false;
}

bool promtail_names_add(struct promtail_names *n, bole_slice name)
{
    if (promtail_names_has(n, name))
        return true;
    if (n->count == PROMTAIL_NAMES_MAX)
        return false;
    n->items[n->count++] = name;
    return true;
}

void promtail_note(struct promtail_making *m, const struct config_node *at, const char *fmt, ...)
{
    char text[256];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    buf_printf(&m->out->notes, "%u: %.*s%s%s\n", at->key_line ? at->key_line : at->line, BOLE_SLICE_ARG(at->key), at->key.len ? ": " : "",
               text);
}

bole_status promtail_refuse(struct promtail_making *m, const struct config_node *at, const char *fmt, ...)
{
    char text[256];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return at->key_line ? config_fail_key(m->file, at, m->err, "%s", text) : config_fail(m->file, at, m->err, "%s", text);
}

bole_status promtail_keys(struct promtail_making *m, const struct config_node *map, const char *what, const struct promtail_key *keys,
                          size_t count)
{
    const char *names[64];
    if (map->kind != CONFIG_MAP)
        return map->kind == CONFIG_NULL ? BOLE_OK : promtail_refuse(m, map, "%s is a map", what);
    for (size_t i = 0; i < count; i++)
        names[i] = keys[i].name;
    bole_status st = config_check_keys(m->file, map, names, count, m->err);
    for (const struct config_node *n = map->first; n && st == BOLE_OK; n = n->next)
        for (size_t i = 0; i < count && st == BOLE_OK; i++) {
            if (!bole_slice_eq(n->key, bole_slice_str(keys[i].name)))
                continue;
            if (keys[i].fate == PROMTAIL_NOTE)
                promtail_note(m, n, "%s", keys[i].text);
            else if (keys[i].fate == PROMTAIL_REFUSED)
                st = promtail_refuse(m, n, "%s", keys[i].text);
        }
    return st;
}

bole_status promtail_text(struct promtail_making *m, const struct config_node *map, const char *key, bole_slice *ret_text)
{
    const struct config_node *n = map->kind == CONFIG_MAP ? config_get(map, bole_slice_str(key)) : NULL;
    *ret_text = n && n->kind == CONFIG_SCALAR ? n->text : (bole_slice){0};
    return n && n->kind != CONFIG_SCALAR && n->kind != CONFIG_NULL ? promtail_refuse(m, n, "a text is expected here") : BOLE_OK;
}

bole_status promtail_regex(struct promtail_making *m, const struct config_node *at, bole_slice pattern)
{
    struct bole_err why;
    struct regex *re = NULL;
    bole_status st = pattern.ptr ? regex_compile(pattern, 0, NULL, &re, &why) : bole_fail(&why, BOLE_E_INVALID, "an expression is missing");
    regex_destroy(re);
    return st < 0 ? promtail_refuse(m, at, "%s", why.msg) : BOLE_OK;
}

void promtail_put(struct buf *out, bole_slice text)
{
    bool is_plain = true;
    for (size_t i = 0; i < text.len && is_plain; i++)
        is_plain = text.ptr[i] >= 0x20 && text.ptr[i] != 0x7f;
    if (!is_plain) {
        buf_put_json(out, text, false);
        return;
    }
    buf_put_u8(out, '\'');
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\'')
            buf_put_u8(out, '\'');
        buf_put_u8(out, text.ptr[i]);
    }
    buf_put_u8(out, '\'');
}

void promtail_line(struct buf *out, unsigned indent, const char *fmt, ...)
{
    char text[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    buf_printf(out, "\n%*s%s", (int)indent, "", text);
}

/* ---- clients ---- */

/* What a file holds, without the line end. */
static bole_status read_secret(struct promtail_making *m, const struct config_node *map, const char *key, bole_slice *ret_text)
{
    char text[4096];
    bole_slice path;
    bole_status st = promtail_text(m, map, key, &path);
    if (st < 0 || !path.len)
        return st;
    FILE *f = fopen((const char *)path.ptr, "rbe");
    size_t n = f ? fread(text, 1, sizeof text, f) : 0;
    if (f)
        fclose(f);
    *ret_text = arena_copy(m->arena, bole_slice_trim(bole_slice_from(text, n)));
    return f ? BOLE_OK : promtail_refuse(m, config_get(map, bole_slice_str(key)), "%s: %s", (const char *)path.ptr, strerror(errno));
}

static void put_server(struct buf *out, const char *name, bole_slice value)
{
    if (!value.len)
        return;
    promtail_line(out, 2, "%s: ", name);
    promtail_put(out, value);
}

/* scheme://[user:password@]host[:port]/loki/api/v1/push: only the path of Loki's push is taken away. */
static bole_status put_url(struct promtail_making *m, const struct config_node *n, bole_slice url)
{
    static const char *const paths[] = {"/loki/api/v1/push", "/api/prom/push", "/", ""};
    const uint8_t *scheme = url.len ? memmem(url.ptr, url.len, "://", 3) : NULL;
    if (!scheme)
        return promtail_refuse(m, n, "a client needs the url of a Bole server: http://host:3100/loki/api/v1/push");
    bole_slice rest = bole_slice_sub(url, (size_t)(scheme - url.ptr) + 3);
    const uint8_t *slash = rest.len ? memchr(rest.ptr, '/', rest.len) : NULL;
    bole_slice host = slash ? bole_slice_from(rest.ptr, (size_t)(slash - rest.ptr)) : rest, path = bole_slice_sub(rest, host.len);
    size_t i = 0;
    while (i < 4 && !bole_slice_eq(path, bole_slice_str(paths[i])))
        i++;
    if (i == 4)
        return promtail_refuse(m, n, "only /loki/api/v1/push is known as the path of a server");
    const uint8_t *at = host.len ? memrchr(host.ptr, '@', host.len) : NULL;
    if (at) {
        bole_slice password, user = bole_slice_cut(bole_slice_from(host.ptr, (size_t)(at - host.ptr)), ':', &password);
        put_server(&m->out->yaml, "username", user);
        put_server(&m->out->yaml, "password", password);
        host = bole_slice_sub(host, (size_t)(at - host.ptr) + 1);
    }
    put_server(&m->out->yaml, "url", arena_printf(m->arena, "%.*s%.*s", (int)(scheme - url.ptr) + 3, (const char *)url.ptr,
                                                  BOLE_SLICE_ARG(host)));
    return BOLE_OK;
}

static bole_status put_auth(struct promtail_making *m, const struct config_node *client)
{
    static const struct promtail_key basic_keys[] = {{"username", PROMTAIL_TAKEN, NULL}, {"password", PROMTAIL_TAKEN, NULL},
                                                     {"password_file", PROMTAIL_TAKEN, NULL}};
    static const struct promtail_key tls_keys[] = {{"ca_file", PROMTAIL_TAKEN, NULL}, {"cert_file", PROMTAIL_TAKEN, NULL},
        {"key_file", PROMTAIL_TAKEN, NULL}, {"server_name", PROMTAIL_REFUSED, "the name in the url is the one that is checked: take it out"},
        {"insecure_skip_verify", PROMTAIL_TAKEN, NULL}, {"min_version", PROMTAIL_NOTE, "TLS 1.2 and later"}};
    const struct config_node *basic = config_get(client, S("basic_auth")), *tls = config_get(client, S("tls_config"));
    bole_slice user = {0}, password = {0}, token = {0}, text = {0};
    struct buf *out = &m->out->yaml;
    bole_status st = promtail_text(m, client, "bearer_token", &token);
    if (st == BOLE_OK)
        st = read_secret(m, client, "bearer_token_file", &token);
    if (st == BOLE_OK && basic)
        st = promtail_keys(m, basic, "basic_auth", basic_keys, 3);
    if (st == BOLE_OK && basic)
        st = promtail_text(m, basic, "username", &user);
    if (st == BOLE_OK && basic)
        st = promtail_text(m, basic, "password", &password);
    if (st == BOLE_OK && basic)
        st = read_secret(m, basic, "password_file", &password);
    put_server(out, "token", token);
    put_server(out, "username", user);
    put_server(out, "password", password);
    if (st == BOLE_OK && tls)
        st = promtail_keys(m, tls, "tls_config", tls_keys, sizeof tls_keys / sizeof *tls_keys);
    static const char *const files[][2] = {{"ca_file", "ca_cert"}, {"cert_file", "cert"}, {"key_file", "key"}};
    for (size_t i = 0; i < 3 && tls && st == BOLE_OK; i++) {
        st = promtail_text(m, tls, files[i][0], &text);
        put_server(out, files[i][1], text);
    }
    if (st == BOLE_OK && tls)
        st = promtail_text(m, tls, "insecure_skip_verify", &text);
    return st == BOLE_OK && tls && bole_slice_eq(text, S("true"))
               ? promtail_refuse(m, config_get(tls, S("insecure_skip_verify")), "name the server's certificate instead: ca_file")
               : st;
}

static bole_status put_client(struct promtail_making *m, const struct config_node *client, const struct config_node **ret_labels)
{
    static const char pace[] = "the agent finds sizes and intervals by itself, and tries again without end";
    static const struct promtail_key keys[] = {
        {"url", PROMTAIL_TAKEN, NULL}, {"tenant_id", PROMTAIL_TAKEN, NULL}, {"external_labels", PROMTAIL_TAKEN, NULL},
        {"basic_auth", PROMTAIL_TAKEN, NULL}, {"bearer_token", PROMTAIL_TAKEN, NULL}, {"bearer_token_file", PROMTAIL_TAKEN, NULL},
        {"tls_config", PROMTAIL_TAKEN, NULL}, {"name", PROMTAIL_NOTE, "there is one client"}, {"batchwait", PROMTAIL_NOTE, pace},
        {"batchsize", PROMTAIL_NOTE, pace}, {"backoff_config", PROMTAIL_NOTE, pace}, {"timeout", PROMTAIL_NOTE, pace},
        {"drop_rate_limited_batches", PROMTAIL_NOTE, "nothing is dropped: what the server refuses for a while is sent again"},
        {"follow_redirects", PROMTAIL_NOTE, "redirects are not followed"}, {"stream_lag_labels", PROMTAIL_NOTE, "lag is told by file"},
        {"enable_http2", PROMTAIL_NOTE, "HTTP/1.1"}, {"proxy_url", PROMTAIL_REFUSED, "a proxy has no equal"},
        {"headers", PROMTAIL_REFUSED, "headers have no equal"}, {"oauth2", PROMTAIL_REFUSED, "OAuth 2 has no equal: bearer_token"},
        {"authorization", PROMTAIL_REFUSED, "write bearer_token"}};
    bole_slice url = {0}, tenant = {0};
    bole_status st = promtail_keys(m, client, "a client", keys, sizeof keys / sizeof *keys);
    if (st == BOLE_OK)
        st = promtail_text(m, client, "url", &url);
    if (st == BOLE_OK)
        st = promtail_text(m, client, "tenant_id", &tenant);
    promtail_line(&m->out->yaml, 0, "server:");
    if (st == BOLE_OK)
        st = put_url(m, config_get(client, S("url")) ? config_get(client, S("url")) : client, url);
    put_server(&m->out->yaml, "tenant", tenant);
    *ret_labels = config_get(client, S("external_labels"));
    return st == BOLE_OK ? put_auth(m, client) : st;
}

static bole_status put_clients(struct promtail_making *m, const struct config_node *root, const struct config_node **ret_labels)
{
    const struct config_node *list = config_get(root, S("clients")), *one = config_get(root, S("client"));
    const struct config_node *first = list && list->kind == CONFIG_LIST ? list->first : NULL;
    *ret_labels = NULL;
    if (first && (first->next || one))
        return promtail_refuse(m, first->next ? first->next : first, "one client: run an agent for each, with its own --state and --listen");
    if (!first && !one) {
        promtail_note(m, root, "no client: --addr names the server");
        return BOLE_OK;
    }
    return put_client(m, first ? first : one, ret_labels);
}

/* ---- files ---- */

struct target {
    const struct config_node *at;
    struct promtail_labels labels;
    const struct config_node *scrape;
    size_t scrape_index;
};

struct targets {
    struct target *items;
    size_t         count, room;
};

/* {a,b} becomes a glob for each, [^x] is [!x] here. */
static bole_status expand_glob(struct promtail_making *m, const struct config_node *at, bole_slice glob, bole_slice *globs, size_t *count)
{
    const uint8_t *open = glob.len ? memchr(glob.ptr, '{', glob.len) : NULL;
    const uint8_t *close = open ? memchr(open, '}', (size_t)(glob.ptr + glob.len - open)) : NULL;
    if (*count == GLOBS_MAX || (open && !close))
        return promtail_refuse(m, at, open && !close ? "a { without }" : "more than %d globs", (int)GLOBS_MAX);
    if (!open) {
        bole_slice copy = arena_copy(m->arena, glob);
        for (size_t i = 0; i + 1 < copy.len; i++)
            if (copy.ptr[i] == '[' && copy.ptr[i + 1] == '^')
                ((uint8_t *)(uintptr_t)copy.ptr)[i + 1] = '!';
        globs[(*count)++] = copy;
        return BOLE_OK;
    }
    bole_status st = BOLE_OK;
    for (bole_slice rest = bole_slice_from(open + 1, (size_t)(close - open - 1)); st == BOLE_OK;) {
        bole_slice item = bole_slice_cut(rest, ',', &rest);
        bole_slice tail = bole_slice_from(close + 1, (size_t)(glob.ptr + glob.len - close - 1));
        st = expand_glob(m, at, arena_printf(m->arena, "%.*s%.*s%.*s", (int)(open - glob.ptr), (const char *)glob.ptr,
                                             BOLE_SLICE_ARG(item), BOLE_SLICE_ARG(tail)), globs, count);
        if (!rest.ptr)
            break;
    }
    return st;
}

static bole_status put_globs(struct promtail_making *m, const struct config_node *at, bole_slice glob, struct buf *out)
{
    bole_slice globs[GLOBS_MAX];
    size_t count = 0;
    if (glob.len > GLOB_SIZE_MAX)
        return promtail_refuse(m, at, "a path with more than %d bytes", (int)GLOB_SIZE_MAX);
    bole_status st = expand_glob(m, at, glob, globs, &count);
    buf_put_u8(out, '[');
    for (size_t i = 0; i < count && st == BOLE_OK; i++) {
        buf_put_str(out, i ? ", " : "");
        promtail_put(out, globs[i]);
    }
    buf_put_u8(out, ']');
    return st;
}

static bole_status add_target(struct promtail_making *m, const struct config_node *scrape, const struct config_node *config,
                              const struct config_node *external, size_t scrape_index, struct targets *all)
{
    static const struct promtail_key keys[] = {{"targets", PROMTAIL_TAKEN, NULL}, {"labels", PROMTAIL_TAKEN, NULL}};
    const struct config_node *labels = NULL, *list = NULL;
    bole_status st = promtail_keys(m, config, "static_configs", keys, 2);
    if (st < 0)
        return st;
    if (all->count == all->room) {
        size_t room = all->room ? 2 * all->room : 16;
        struct target *more = realloc(all->items, room * sizeof *more);
        if (!more)
            return bole_fail(m->err, BOLE_E_NOMEM, "no memory for promtail's targets");
        all->items = more;
        all->room = room;
    }
    struct target *t = &all->items[all->count];
    *t = (struct target){.at = config, .scrape = scrape, .scrape_index = scrape_index};
    list = config_get(config, S("targets"));
    if (list && list->kind == CONFIG_LIST && list->first)
        st = promtail_label_set(m, config, &t->labels, S("__address__"), list->first->text);
    labels = config_get(config, S("labels"));
    for (const struct config_node *n = labels && labels->kind == CONFIG_MAP ? labels->first : NULL; n && st == BOLE_OK; n = n->next)
        st = promtail_label_set(m, n, &t->labels, n->key, n->text);
    if (st == BOLE_OK)
        st = promtail_relabel(m, config_get(scrape, S("relabel_configs")), &t->labels);
    if (st < 0)
        return st;
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    bole_slice wanted = promtail_label(&t->labels, S("__host__"));
    if (t->labels.dropped || (wanted.len && !bole_slice_eq(wanted, bole_slice_str(host)))) {
        promtail_note(m, config, t->labels.dropped ? "relabel_configs drop these files" : "__host__ is another host");
        return BOLE_OK;
    }
    if (!promtail_label(&t->labels, S("__path__")).len)
        return promtail_refuse(m, config, "the label __path__ is missing: which files?");
    for (const struct config_node *n = external && external->kind == CONFIG_MAP ? external->first : NULL; n && st == BOLE_OK; n = n->next)
        if (!promtail_label(&t->labels, n->key).len)
            st = promtail_label_set(m, n, &t->labels, n->key, n->text);
    all->count++;
    return st;
}

static bole_status put_target(struct promtail_making *m, const struct target *t, const struct promtail_stages *s, bool is_marked)
{
    struct buf *out = &m->out->yaml;
    const char *sep = "";
    bole_slice exclude = promtail_label(&t->labels, S("__path_exclude__"));
    promtail_line(out, 2, "- files: ");
    bole_status st = put_globs(m, t->at, promtail_label(&t->labels, S("__path__")), out);
    if (exclude.len && st == BOLE_OK) {
        promtail_line(out, 4, "exclude: ");
        st = put_globs(m, t->at, exclude, out);
    }
    promtail_line(out, 4, "labels: {");
    for (size_t i = 0; i < t->labels.count; i++) {
        const struct label *l = &t->labels.items[i];
        if (bole_slice_starts(l->name, S("__")) || !l->value.len)
            continue;
        buf_put_str(out, sep);
        promtail_put(out, l->name);
        buf_put_str(out, ": ");
        promtail_put(out, l->value);
        sep = ", ";
    }
    if (is_marked)
        buf_printf(out, "%s" MARK ": '%zu'", sep, t->scrape_index);
    buf_put_u8(out, '}');
    promtail_line(out, 4, "auto_labels: false");
    promtail_line(out, 4, "container: %s", s->is_wrapped ? "true" : "false");
    return st;
}

static bole_status put_multiline(struct promtail_making *m, const struct target *t, const struct promtail_stages *s, struct buf *multiline)
{
    if (!s->multiline.len)
        return BOLE_OK;
    promtail_line(multiline, 2, "- {files: ");
    bole_status st = put_globs(m, t->at, promtail_label(&t->labels, S("__path__")), multiline);
    buf_put_str(multiline, ", ");
    buf_put(multiline, buf_slice(&s->multiline));
    buf_put_u8(multiline, '}');
    return st;
}

/* The files of one scrape config can be told by their job: no others have it, and no stage of any changes it. */
static bool job_tells(const struct targets *all, size_t scrape_index)
{
    for (size_t i = 0; i < all->count; i++) {
        bole_slice job = promtail_label(&all->items[i].labels, S("job"));
        if (all->items[i].scrape_index != scrape_index)
            continue;
        for (size_t k = 0; k < all->count; k++)
            if (!job.len || (all->items[k].scrape_index != scrape_index &&
                             bole_slice_eq(job, promtail_label(&all->items[k].labels, S("job")))))
                return false;
    }
    return true;
}

static void put_condition(const struct targets *all, size_t scrape_index, bool is_marked, struct buf *out)
{
    struct promtail_names jobs = {0};
    if (is_marked) {
        buf_printf(out, "{" MARK "=\"%zu\"}", scrape_index);
        return;
    }
    for (size_t i = 0; i < all->count; i++)
        if (all->items[i].scrape_index == scrape_index)
            promtail_names_add(&jobs, promtail_label(&all->items[i].labels, S("job")));
    buf_printf(out, "{job%s`", jobs.count > 1 ? "=~" : "=");
    for (size_t i = 0; i < jobs.count; i++) {
        buf_put_str(out, i ? "|" : "");
        for (size_t k = 0; k < jobs.items[i].len; k++) {
            uint8_t c = jobs.items[i].ptr[k];
            if (jobs.count > 1 && c < 0x80 && !isalnum(c))
                buf_put_u8(out, '\\');
            buf_put_u8(out, c);
        }
    }
    buf_put_str(out, "`, filename!=``}"); /* another job's rule may have given the journal the same job */
}

/* ---- one scrape config ---- */

struct scraping {
    struct targets targets;
    struct buf     inputs_multiline, rules;
    bool           has_journal, changes_job;
    const struct config_node *external;
};

static void stages_init(struct promtail_stages *s, struct buf *rules)
{
    *s = (struct promtail_stages){.rules = rules, .indent = 4};
    buf_init(rules, NULL);
    buf_init(&s->multiline, NULL);
}

/* A rule with the stages below it. */
static void put_rules(struct promtail_making *m, const struct config_node *scrape, bole_slice condition, const char *first,
                      const struct promtail_stages *s, struct buf *out)
{
    bole_slice name = {0};
    const char *sep = "";
    promtail_text(m, scrape, "job_name", &name);
    if (!s->rules->len && !*first)
        return;
    promtail_line(out, 2, "- name: ");
    promtail_put(out, name.len ? name : S("scrape config"));
    promtail_line(out, 4, "match: ");
    promtail_put(out, condition);
    promtail_line(out, 4, "rules:");
    if (*first)
        promtail_line(out, 4, "%s", first);
    buf_put(out, buf_slice(s->rules));
    for (size_t i = 0; i < s->extracted.count; i++) {
        if (promtail_names_has(&s->kept, s->extracted.items[i]))
            continue;
        if (!*sep)
            promtail_line(out, 4, "- remove: [");
        buf_put_str(out, sep);
        promtail_put(out, s->extracted.items[i]);
        sep = ", ";
    }
    buf_put_str(out, *sep ? "]" : "");
}

static bole_status put_journal(struct promtail_making *m, const struct config_node *scrape, const struct config_node *journal,
                               struct scraping *all)
{
    static const struct promtail_key keys[] = {{"labels", PROMTAIL_TAKEN, NULL}, {"path", PROMTAIL_TAKEN, NULL},
        {"max_age", PROMTAIL_NOTE, "at first sight the newest 50,000 entries are read, whatever their age"},
        {"json", PROMTAIL_TAKEN, NULL}, {"matches", PROMTAIL_REFUSED, "write relabel_configs with action: keep instead"}};
    struct promtail_stages s;
    struct buf rules;
    bole_slice path = {0}, json = {0};
    bole_status st = promtail_keys(m, journal, "journal", keys, sizeof keys / sizeof *keys);
    if (st == BOLE_OK)
        st = promtail_text(m, journal, "path", &path);
    if (st == BOLE_OK)
        st = promtail_text(m, journal, "json", &json);
    if (st == BOLE_OK && path.len && !bole_slice_starts(path, S("/var/log/journal")) && !bole_slice_starts(path, S("/run/log/journal")))
        st = promtail_refuse(m, config_get(journal, S("path")), "only this machine's journal is read");
    if (st == BOLE_OK && bole_slice_eq(json, S("true")))
        st = promtail_refuse(m, config_get(journal, S("json")), "the line is the message here, and all other fields are fields of the record: take it out");
    if (st == BOLE_OK && all->has_journal)
        st = promtail_refuse(m, journal, "the journal is read once: put what both jobs do into one");
    if (st < 0)
        return st;
    all->has_journal = true;
    stages_init(&s, &rules);
    promtail_line(&rules, 4, "- route: {labels: {host: , service_name: , job: ");
    const struct config_node *labels = config_get(journal, S("labels"));
    struct promtail_labels known = {0};
    for (const struct config_node *n = labels && labels->kind == CONFIG_MAP ? labels->first : NULL; n && st == BOLE_OK; n = n->next)
        st = promtail_label_set(m, n, &known, n->key, n->text);
    for (const struct config_node *n = all->external && all->external->kind == CONFIG_MAP ? all->external->first : NULL; n && st == BOLE_OK;
         n = n->next)
        if (!promtail_label(&known, n->key).len)
            st = promtail_label_set(m, n, &known, n->key, n->text);
    bole_slice name = {0};
    promtail_text(m, scrape, "job_name", &name);
    bole_slice job = promtail_label(&known, S("job"));
    promtail_put(&rules, job.len ? job : name.len ? name : S("systemd-journal"));
    if (!job.len)
        promtail_note(m, journal, "a stream needs a label: job is the name of this one");
    for (size_t i = 0; i < known.count; i++) {
        if (bole_slice_eq(known.items[i].name, S("job")) || !known.items[i].value.len)
            continue;
        buf_put_str(&rules, ", ");
        promtail_put(&rules, known.items[i].name);
        buf_put_str(&rules, ": ");
        promtail_put(&rules, known.items[i].value);
    }
    buf_put_str(&rules, "}}");
    if (st == BOLE_OK)
        st = promtail_relabel_journal(m, config_get(scrape, S("relabel_configs")), &rules, 4);
    if (st == BOLE_OK)
        st = promtail_stages(m, config_get(scrape, S("pipeline_stages")), 0, &s);
    if (st == BOLE_OK)
        put_rules(m, scrape, S("{job=\"systemd-journal\", filename=\"\"}"), "", &s, &all->rules);
    buf_put(&m->out->journal_job, name);
    buf_deinit(&rules);
    buf_deinit(&s.multiline);
    return st;
}

static bole_status put_files(struct promtail_making *m, const struct config_node *scrape, size_t index, struct scraping *all)
{
    struct promtail_stages s;
    struct buf rules, condition;
    stages_init(&s, &rules);
    buf_init(&condition, NULL);
    bole_status st = promtail_stages(m, config_get(scrape, S("pipeline_stages")), 0, &s);
    bool is_marked = (all->changes_job || !job_tells(&all->targets, index)) && rules.len;
    size_t count = 0;
    for (size_t i = 0; i < all->targets.count && st == BOLE_OK; i++) {
        const struct target *t = &all->targets.items[i];
        if (t->scrape_index != index)
            continue;
        count++;
        st = put_target(m, t, &s, is_marked);
        if (st == BOLE_OK)
            st = put_multiline(m, t, &s, &all->inputs_multiline);
    }
    put_condition(&all->targets, index, is_marked, &condition);
    if (st == BOLE_OK && count)
        put_rules(m, scrape, buf_slice(&condition), is_marked ? "- route: {labels: {" MARK ": }}" : "", &s, &all->rules);
    buf_deinit(&condition);
    buf_deinit(&rules);
    buf_deinit(&s.multiline);
    return st;
}

/* Does a stage of the list, or below it, give streams another job? */
static bool list_changes_job(const struct config_node *n)
{
    for (const struct config_node *x = n ? n->first : NULL; x; x = x->next) {
        bool is_labels = bole_slice_eq(x->key, S("labels")) || bole_slice_eq(x->key, S("static_labels"));
        if ((is_labels && x->kind == CONFIG_MAP && config_get(x, S("job"))) || list_changes_job(x))
            return true;
    }
    return false;
}

static bole_status check_scrape(struct promtail_making *m, const struct config_node *scrape)
{
    static const char kubernetes[] = "in a pod `bole agent` reads /var/log and asks the API of Kubernetes by itself: run it without this file (docs/agent.md, Containers)";
    static const struct promtail_key keys[] = {
        {"job_name", PROMTAIL_TAKEN, NULL}, {"static_configs", PROMTAIL_TAKEN, NULL}, {"pipeline_stages", PROMTAIL_TAKEN, NULL},
        {"relabel_configs", PROMTAIL_TAKEN, NULL}, {"journal", PROMTAIL_TAKEN, NULL},
        {"decompression", PROMTAIL_REFUSED, "compressed files are copies of files that were read: bole import reads others"},
        {"encoding", PROMTAIL_REFUSED, "UTF-8, and UTF-16 with its mark, are known by themselves: take it out for these"},
        {"kubernetes_sd_configs", PROMTAIL_REFUSED, kubernetes},
        {"docker_sd_configs", PROMTAIL_REFUSED, "read /var/lib/docker/containers/*/*-json.log with a docker stage instead"},
        {"file_sd_configs", PROMTAIL_REFUSED, "write the files into static_configs"},
        {"consul_sd_configs", PROMTAIL_REFUSED, "write the files into static_configs"},
        {"consulagent_sd_configs", PROMTAIL_REFUSED, "write the files into static_configs"},
        {"syslog", PROMTAIL_REFUSED, "the server takes syslog itself (docs/receivers/syslog.md): take this job out"},
        {"gelf", PROMTAIL_REFUSED, "the server takes GELF itself (docs/receivers/gelf.md): take this job out"},
        {"loki_push_api", PROMTAIL_REFUSED, "the server takes Loki's push itself: send there"},
        {"kafka", PROMTAIL_REFUSED, "Kafka is not read"}, {"windows_events", PROMTAIL_REFUSED, "Windows' event log is not read"},
        {"gcplog", PROMTAIL_REFUSED, "Google's logs are not read"}, {"azure_event_hubs", PROMTAIL_REFUSED, "Azure's event hubs are not read"},
        {"cloudflare", PROMTAIL_REFUSED, "Cloudflare's logs are not read"}, {"heroku_drain", PROMTAIL_REFUSED, "the server takes syslog itself"}};
    bole_status st = promtail_keys(m, scrape, "a scrape config", keys, sizeof keys / sizeof *keys);
    if (st == BOLE_OK && !config_get(scrape, S("static_configs")) && !config_get(scrape, S("journal")))
        st = promtail_refuse(m, scrape, "a scrape config needs static_configs or journal");
    return st;
}

static bole_status put_scrapes(struct promtail_making *m, const struct config_node *list, struct scraping *all)
{
    size_t index = 0;
    bole_status st = BOLE_OK;
    if (!list || list->kind != CONFIG_LIST || !list->first)
        return promtail_refuse(m, list ? list : config_root(m->file), "scrape_configs is missing: nothing would be read");
    for (const struct config_node *n = list->first; n && st == BOLE_OK; n = n->next) {
        st = check_scrape(m, n);
        const struct config_node *configs = st == BOLE_OK ? config_get(n, S("static_configs")) : NULL;
        all->changes_job |= st == BOLE_OK && list_changes_job(config_get(n, S("pipeline_stages")));
        index++;
        for (const struct config_node *c = configs && configs->kind == CONFIG_LIST ? configs->first : NULL; c && st == BOLE_OK; c = c->next)
            st = add_target(m, n, c, all->external, index, &all->targets);
    }
    if (st == BOLE_OK && all->targets.count)
        promtail_line(&m->out->yaml, 0, "inputs:");
    else if (st == BOLE_OK)
        promtail_line(&m->out->yaml, 0, "files: {exclude: ['*']} # no files");
    index = 0;
    for (const struct config_node *n = list->first; n && st == BOLE_OK; n = n->next) {
        const struct config_node *journal = config_get(n, S("journal"));
        index++;
        if (journal)
            st = put_journal(m, n, journal, all);
        if (st == BOLE_OK && config_get(n, S("static_configs")))
            st = put_files(m, n, index, all);
    }
    return st;
}

/* ---- the whole ---- */

static void put_section(struct buf *out, const char *name, const struct buf *members)
{
    if (!members->len)
        return;
    promtail_line(out, 0, "%s:", name);
    buf_put(out, buf_slice(members));
}

static bole_status convert(struct promtail_making *m)
{
    static const struct promtail_key keys[] = {
        {"clients", PROMTAIL_TAKEN, NULL}, {"client", PROMTAIL_TAKEN, NULL}, {"positions", PROMTAIL_TAKEN, NULL},
        {"scrape_configs", PROMTAIL_TAKEN, NULL}, {"server", PROMTAIL_NOTE, "metrics and status are at --listen (127.0.0.1:3101)"},
        {"target_config", PROMTAIL_NOTE, "files are looked for every 15 seconds, and seen at once where the system tells of them"},
        {"limits_config", PROMTAIL_NOTE, "lines over 768 KiB are cut and counted; rates are rules (docs/process.md)"},
        {"options", PROMTAIL_NOTE, "streams are not counted here"}, {"tracing", PROMTAIL_NOTE, "there is no tracing"},
        {"global", PROMTAIL_NOTE, "nothing of it is needed"}, {"wal", PROMTAIL_NOTE, "the spool is always there"}};
    const struct config_node *root = config_root(m->file), *positions;
    struct scraping all = {0};
    buf_init(&all.inputs_multiline, NULL);
    buf_init(&all.rules, NULL);
    buf_put_str(&m->out->yaml, "# Made from promtail's configuration; see docs/agent.md and docs/process.md.");
    bole_status st = promtail_keys(m, root, "the file", keys, sizeof keys / sizeof *keys);
    if (st == BOLE_OK)
        st = put_clients(m, root, &all.external);
    if (st == BOLE_OK)
        st = put_scrapes(m, config_get(root, S("scrape_configs")), &all);
    promtail_line(&m->out->yaml, 0, "journal: %s", all.has_journal ? "true" : "false");
    put_section(&m->out->yaml, "multiline", &all.inputs_multiline);
    put_section(&m->out->yaml, "rules", &all.rules);
    buf_put_u8(&m->out->yaml, '\n');
    positions = config_get(root, S("positions"));
    bole_slice path = {0};
    if (st == BOLE_OK && positions)
        st = promtail_text(m, positions, "filename", &path);
    buf_put(&m->out->positions, path.len ? path : S("/var/log/positions.yaml"));
    buf_put_u8(&m->out->positions, 0);
    buf_put_u8(&m->out->notes, 0);
    m->out->notes.len--;
    free(all.targets.items);
    buf_deinit(&all.inputs_multiline);
    buf_deinit(&all.rules);
    return st;
}

/* ${NAME}, ${NAME:-default}, ${NAME:default}; $$ is $. */
static void expand_env(bole_slice text, const struct promtail_options *o, struct buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        const uint8_t *close = NULL;
        if (text.ptr[i] == '$' && i + 1 < text.len && text.ptr[i + 1] == '$') {
            i++;
        } else if (text.ptr[i] == '$' && i + 1 < text.len && text.ptr[i + 1] == '{') {
            close = memchr(text.ptr + i, '}', text.len - i);
        }
        if (!close) {
            buf_put_u8(out, text.ptr[i]);
            continue;
        }
        char name[256];
        bole_slice fallback, whole = bole_slice_from(text.ptr + i + 2, (size_t)(close - text.ptr) - i - 2);
        bole_slice variable = bole_slice_cut(whole, ':', &fallback);
        if (fallback.len && (fallback.ptr[0] == '-' || fallback.ptr[0] == '='))
            fallback = bole_slice_sub(fallback, 1);
        snprintf(name, sizeof name, "%.*s", BOLE_SLICE_ARG(variable));
        const char *value = o->env ? o->env(name) : getenv(name);
        buf_put(out, value && *value ? bole_slice_str(value) : fallback);
        i = (size_t)(close - text.ptr);
    }
}

bole_status promtail_convert(bole_slice text, const char *name, const struct promtail_options *options, struct promtail *ret_promtail,
                             struct bole_err *err)
{
    struct promtail p = {0};
    struct config *file = NULL;
    struct arena arena;
    struct buf expanded;
    arena_init(&arena, NULL);
    buf_init(&expanded, NULL);
    struct buf *const all[] = {&p.yaml, &p.notes, &p.positions, &p.journal_job};
    for (size_t i = 0; i < 4; i++)
        buf_init(all[i], NULL);
    if (options->expand_env)
        expand_env(text, options, &expanded);
    bole_status st = config_parse(options->expand_env ? buf_slice(&expanded) : text, name, &file, err);
    if (st == BOLE_OK)
        st = convert(&(struct promtail_making){file, &p, &arena, err});
    if (st == BOLE_OK && (expanded.failed || p.yaml.failed || p.notes.failed || p.positions.failed || p.journal_job.failed))
        st = bole_fail(err, BOLE_E_NOMEM, "no memory for promtail's configuration");
    config_destroy(file);
    arena_deinit(&arena);
    buf_deinit(&expanded);
    if (st == BOLE_OK)
        *ret_promtail = p;
    else
        promtail_deinit(&p);
    return st;
}

bole_status promtail_load(const char *path, const struct promtail_options *options, struct promtail *ret_promtail, struct bole_err *err)
{
    bole_status st;
    char *text = malloc(CONFIG_SIZE_MAX + 1);
    FILE *f = text ? fopen(path, "rbe") : NULL;
    if (f) {
        size_t len = fread(text, 1, CONFIG_SIZE_MAX + 1, f);
        st = ferror(f) ? bole_fail_errno(err, errno, "configuration %s", path)
                       : promtail_convert(bole_slice_from(text, len), path, options, ret_promtail, err);
        fclose(f);
    } else {
        st = bole_fail_errno(err, text ? errno : ENOMEM, "configuration %s", path);
    }
    free(text);
    return st;
}

void promtail_deinit(struct promtail *p)
{
    buf_deinit(&p->yaml);
    buf_deinit(&p->notes);
    buf_deinit(&p->positions);
    buf_deinit(&p->journal_job);
}

/* ---- positions ---- */

/* As the tail itself would remember it there: tail.h. */
static bole_status mark_at(int fd, uint64_t offset, struct tail_mark *ret_mark, struct bole_err *err)
{
    uint8_t guard[TAIL_GUARD_MAX];
    size_t n = 0, want = offset < TAIL_GUARD_MAX ? offset : TAIL_GUARD_MAX;
    bole_status st = want ? source_read(fd, offset - want, guard, want, &n, err) : BOLE_OK;
    *ret_mark = (struct tail_mark){.offset = offset, .guard_hash = hash64((bole_slice){guard, n}), .guard_len = (uint8_t)n};
    return st;
}

static bole_status add_position(const struct config_node *n, struct checkpoint *c, struct bole_err *err)
{
    struct checkpoint_file *f = &c->files[c->file_count];
    struct source_info info;
    int fd = -1;
    char *end;
    uint64_t offset = n->text.len ? strtoull((const char *)n->text.ptr, &end, 10) : 0;
    if (!n->text.len || *end || source_open((const char *)n->key.ptr, &fd, &info, NULL) < 0)
        return BOLE_OK; /* gone, or a count of lines: it is read as on first sight */
    *f = (struct checkpoint_file){.id = info.id, .seen_ns = clock_now_ns(&clock_system)};
    f->path = arena_printf(&c->arena, "%.*s", BOLE_SLICE_ARG(n->key));
    bole_status st = f->path.ptr ? source_print(fd, SOURCE_PRINT_MAX, &f->print, err) : bole_fail(err, BOLE_E_NOMEM, "no memory for positions");
    if (st == BOLE_OK)
        st = mark_at(fd, offset <= info.size_bytes ? offset : 0, &f->mark, err);
    source_close(fd);
    c->file_count += st == BOLE_OK;
    return st;
}

bole_status promtail_positions(const char *path, bole_slice journal_job, struct checkpoint *c, struct bole_err *err)
{
    struct config *file = NULL;
    if (access(path, F_OK) != 0)
        return bole_fail_errno(err, errno, "%s", path);
    bole_status st = config_load(path, &file, err);
    const struct config_node *list = st == BOLE_OK ? config_get(config_root(file), S("positions")) : NULL;
    size_t count = 0;
    for (const struct config_node *n = list ? list->first : NULL; n; n = n->next)
        count++;
    if (st == BOLE_OK && !(c->files = arena_array(&c->arena, count + 1, sizeof *c->files)))
        st = bole_fail(err, BOLE_E_NOMEM, "no memory for positions");
    for (const struct config_node *n = st == BOLE_OK && list ? list->first : NULL; n && st == BOLE_OK; n = n->next) {
        const bole_slice prefix = S("cursor-");
        if (n->key.len && n->key.ptr[0] == '/')
            st = add_position(n, c, err);
        else if (bole_slice_starts(n->key, prefix) && bole_slice_eq(bole_slice_sub(n->key, prefix.len), journal_job))
            c->journal_cursor = arena_copy(&c->arena, n->text);
    }
    config_destroy(file);
    return st;
}
