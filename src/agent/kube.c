#include "agent/kube.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "client/curl.h"
#include "os/thread.h"
#include "shim/json_doc.h"

enum { PODS_MAX = 4096, ANSWER_MAX = 64 * 1024 * 1024, URL_SIZE = 2048, TOKEN_SIZE = 8192, WATCH_S = 300, TEXT_SIZE = 512 };
enum { SERVICE_NAMES = 2 };
static const char *const service_names[SERVICE_NAMES] = {"app.kubernetes.io/name", "app"};

struct pod {
    struct arena arena;
    bole_slice namespace, name, uid;
    bole_slice values[SERVICE_NAMES + 2 * KUBE_NAMES_MAX]; /* of service_names, labels, annotations; ptr NULL: it has none */
};

struct kube {
    struct kube_options options;
    const struct curl_api *curl;
    pthread_t thread;
    bool      runs;
    atomic_bool stop;
    pthread_mutex_t lock;
    struct pod *pods[PODS_MAX];   /* guarded by lock */
    size_t      pod_count;        /* guarded by lock */
    bool        answers;          /* guarded by lock: the last list came */
    bool        told;             /* guarded by lock: the log has said that it does not */

    /* of the thread */
    struct json_doc *doc;
    struct buf answer;            /* of a list; the line of a watch that is not whole yet */
    bool       is_watch;
    char       version[64];       /* of the last list or event */
    bool       gone;              /* the watch says that it cannot go on */
};

/* ---- pods ---- */

static void drop_pod(struct pod *p)
{
    if (p)
        arena_deinit(&p->arena);
    free(p);
}

static bole_slice text_of(struct json_value map, const char *name)
{
    struct json_value v;
    return json_doc_member(map, name, &v) ? json_doc_string(v) : (bole_slice){0};
}

static void take_values(struct pod *p, bole_slice *to, struct json_value metadata, const char *map, const char *const *names,
                        size_t count)
{
    struct json_value texts;
    bool known = json_doc_member(metadata, map, &texts);
    for (size_t i = 0; i < count && known; i++) {
        bole_slice value = text_of(texts, names[i]);
        to[i] = value.ptr ? arena_copy(&p->arena, value) : value;
    }
}

static struct pod *read_pod(struct kube *k, struct json_value object)
{
    struct json_value metadata;
    struct pod *p = json_doc_member(object, "metadata", &metadata) ? calloc(1, sizeof *p) : NULL;
    if (!p)
        return NULL;
    arena_init(&p->arena, NULL);
    p->namespace = arena_copy(&p->arena, text_of(metadata, "namespace"));
    p->name = arena_copy(&p->arena, text_of(metadata, "name"));
    p->uid = arena_copy(&p->arena, text_of(metadata, "uid"));
    take_values(p, p->values, metadata, "labels", service_names, SERVICE_NAMES);
    take_values(p, p->values + SERVICE_NAMES, metadata, "labels", k->options.labels, k->options.label_count);
    take_values(p, p->values + SERVICE_NAMES + KUBE_NAMES_MAX, metadata, "annotations", k->options.annotations,
                k->options.annotation_count);
    return p;
}

/* Its index, or pod_count. */
static size_t find_pod(const struct kube *k, bole_slice namespace, bole_slice name)
{
    size_t i = 0;
    while (i < k->pod_count && !(bole_slice_eq(k->pods[i]->namespace, namespace) && bole_slice_eq(k->pods[i]->name, name)))
        i++;
    return i;
}

/* Takes the pod over, in the place of one of the same name. */
static void put_pod(struct kube *k, struct pod *p)
{
    size_t i = find_pod(k, p->namespace, p->name);
    if (i == PODS_MAX) {
        drop_pod(p);
        return;
    }
    drop_pod(i < k->pod_count ? k->pods[i] : NULL);
    k->pod_count += i == k->pod_count;
    k->pods[i] = p;
}

static void drop_pods(struct kube *k)
{
    while (k->pod_count)
        drop_pod(k->pods[--k->pod_count]);
}

/* ---- answers ---- */

static bool take_item(bole_slice name, struct json_value item, void *ctx)
{
    struct kube *k = ctx;
    struct pod *p = read_pod(k, item);
    (void)name;
    if (p)
        put_pod(k, p);
    return true;
}

static void note_version(struct kube *k, struct json_value object)
{
    struct json_value metadata;
    bole_slice version = json_doc_member(object, "metadata", &metadata) ? text_of(metadata, "resourceVersion") : (bole_slice){0};
    for (size_t i = 0; i < version.len; i++)
        if (version.ptr[i] < '0' || version.ptr[i] > '9') /* it goes into an address */
            return;
    if (version.len && version.len < sizeof k->version)
        snprintf(k->version, sizeof k->version, "%.*s", BOLE_SLICE_ARG(version));
}

static bole_status take_list(struct kube *k, struct bole_err *err)
{
    struct json_value root, items;
    bole_status st = json_doc_parse(k->doc, buf_slice(&k->answer), &root, err);
    if (st == BOLE_OK && !json_doc_member(root, "items", &items))
        st = bole_fail(err, BOLE_E_INVALID, "the answer is no list of pods");
    if (st < 0)
        return st;
    note_version(k, root);
    pthread_mutex_lock(&k->lock);
    drop_pods(k);
    json_doc_each(items, take_item, k);
    if (k->told)
        LOG(INFO, "pods are known again");
    k->answers = true;
    k->told = false;
    pthread_mutex_unlock(&k->lock);
    return BOLE_OK;
}

static void take_event(struct kube *k, bole_slice line)
{
    struct json_value root, object;
    if (json_doc_parse(k->doc, line, &root, NULL) < 0 || !json_doc_member(root, "object", &object))
        return;
    bole_slice type = text_of(root, "type");
    k->gone |= bole_slice_eq(type, S("ERROR"));
    if (k->gone)
        return;
    note_version(k, object);
    if (bole_slice_eq(type, S("ADDED")) || bole_slice_eq(type, S("MODIFIED"))) { /* of a deleted one there are files to read */
        pthread_mutex_lock(&k->lock);
        take_item((bole_slice){0}, object, k);
        pthread_mutex_unlock(&k->lock);
    }
}

static size_t on_bytes(char *bytes, size_t size, size_t count, void *ctx)
{
    struct kube *k = ctx;
    bole_slice rest = {(const uint8_t *)bytes, size * count};
    if (k->answer.len + rest.len > ANSWER_MAX)
        return 0;
    for (const uint8_t *end; k->is_watch && rest.len && (end = memchr(rest.ptr, '\n', rest.len));) {
        size_t len = (size_t)(end - rest.ptr);
        buf_put(&k->answer, (bole_slice){rest.ptr, len});
        take_event(k, buf_slice(&k->answer));
        buf_reset(&k->answer);
        rest = bole_slice_sub(rest, len + 1);
    }
    buf_put(&k->answer, rest);
    return k->answer.failed || k->gone ? 0 : size * count;
}

static int on_progress(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    (void)a, (void)b, (void)c, (void)d;
    return atomic_load(&((struct kube *)ctx)->stop);
}

/* ---- requests ---- */

static struct curl_slist *make_headers(struct kube *k)
{
    char token[TOKEN_SIZE], header[TOKEN_SIZE + 32];
    FILE *in = k->options.token_file ? fopen(k->options.token_file, "re") : NULL;
    size_t n = in ? fread(token, 1, sizeof token - 1, in) : 0;
    if (in)
        fclose(in);
    bole_slice text = bole_slice_trim((bole_slice){(const uint8_t *)token, n});
    snprintf(header, sizeof header, "Authorization: Bearer %.*s", (int)text.len, (const char *)text.ptr);
    return text.len ? k->curl->slist_append(NULL, header) : NULL;
}

static bole_status get(struct kube *k, const char *more, bool is_watch, struct bole_err *err)
{
    char url[URL_SIZE];
    long code = 0;
    const struct curl_api *c = k->curl;
    CURL *h = c->easy_init();
    struct curl_slist *headers = make_headers(k);
    snprintf(url, sizeof url, "%s/api/v1/pods?fieldSelector=spec.nodeName%%3D%s%s", k->options.url, k->options.node, more);
    buf_reset(&k->answer);
    k->is_watch = is_watch;
    k->gone = false;
    if (!h) {
        c->slist_free_all(headers);
        return bole_fail(err, BOLE_E_NOMEM, "no memory for a request");
    }
    c->easy_setopt(h, CURLOPT_URL, url);
    c->easy_setopt(h, CURLOPT_HTTPHEADER, headers);
    c->easy_setopt(h, CURLOPT_WRITEFUNCTION, on_bytes);
    c->easy_setopt(h, CURLOPT_WRITEDATA, k);
    c->easy_setopt(h, CURLOPT_XFERINFOFUNCTION, on_progress);
    c->easy_setopt(h, CURLOPT_XFERINFODATA, k);
    c->easy_setopt(h, CURLOPT_NOPROGRESS, 0L);
    c->easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    c->easy_setopt(h, CURLOPT_CONNECTTIMEOUT, 10L);
    c->easy_setopt(h, CURLOPT_TIMEOUT, is_watch ? WATCH_S + 30L : 60L);
    c->easy_setopt(h, CURLOPT_FAILONERROR, 1L);
    if (k->options.ca_cert)
        c->easy_setopt(h, CURLOPT_CAINFO, k->options.ca_cert);
    CURLcode rc = c->easy_perform(h);
    c->easy_getinfo(h, CURLINFO_RESPONSE_CODE, &code);
    bole_status st = rc == CURLE_OK || k->gone ? BOLE_OK : bole_fail(err, BOLE_E_IO, "%s%s%.0ld", c->easy_strerror(rc),
                                                                     code >= 400 ? ", status " : "", code >= 400 ? code : 0L);
    c->easy_cleanup(h);
    c->slist_free_all(headers);
    return st;
}

/* A list, then what changes. */
static bole_status follow(struct kube *k, struct bole_err *err)
{
    char more[160];
    bole_status st = get(k, "", false, err);
    if (st == BOLE_OK)
        st = take_list(k, err);
    if (st < 0)
        return st;
    snprintf(more, sizeof more, "&watch=1&allowWatchBookmarks=true&timeoutSeconds=%d&resourceVersion=%s", WATCH_S, k->version);
    return get(k, more, true, err);
}

static void note_failure(struct kube *k, const struct bole_err *err)
{
    pthread_mutex_lock(&k->lock);
    if (!k->told)
        LOG(WARN, "the Kubernetes API tells nothing of pods: it is asked again", " url=%s reason=%s", LOGQS(k->options.url),
            LOGQS(err->msg));
    k->told = true;
    k->answers = false;
    pthread_mutex_unlock(&k->lock);
}

static void *run(void *arg)
{
    struct kube *k = arg;
    unsigned wait_s = 1;
    while (!atomic_load(&k->stop)) {
        struct bole_err err = {0};
        bole_status st = follow(k, &err);
        wait_s = st == BOLE_OK ? 1 : wait_s < 30 ? wait_s * 2 : 30;
        if (st < 0 && !atomic_load(&k->stop))
            note_failure(k, &err);
        for (unsigned i = 0; i < wait_s * 10 && !atomic_load(&k->stop); i++)
            nanosleep(&(struct timespec){.tv_nsec = 100 * NS_PER_MS}, NULL);
    }
    return NULL;
}

/* ---- questions ---- */

static bole_slice label_name(const char *name, struct arena *arena)
{
    return label_name_clean(bole_slice_str(name), arena);
}

bool kube_find(struct kube *k, const struct container_name *name, struct arena *arena, struct file_labels_options *ret_options)
{
    const struct kube_options *o = &k->options;
    struct label *labels = arena_array(arena, 1 + o->label_count, sizeof *labels);
    struct batch_field *fields = arena_array(arena, o->annotation_count + 1, sizeof *fields);
    pthread_mutex_lock(&k->lock);
    size_t at = find_pod(k, name->namespace, name->pod);
    const struct pod *p = at < k->pod_count ? k->pods[at] : NULL;
    size_t n = 0, f = 0;
    for (size_t i = 0; p && labels && i < SERVICE_NAMES && n == 0; i++)
        if (p->values[i].len)
            labels[n++] = (struct label){S("service_name"), arena_copy(arena, p->values[i])};
    for (size_t i = 0; p && labels && i < o->label_count; i++)
        if (p->values[SERVICE_NAMES + i].len)
            labels[n++] = (struct label){label_name(o->labels[i], arena), arena_copy(arena, p->values[SERVICE_NAMES + i])};
    for (size_t i = 0; p && fields && i < o->annotation_count; i++) {
        bole_slice value = p->values[SERVICE_NAMES + KUBE_NAMES_MAX + i];
        if (value.len)
            fields[f++] = (struct batch_field){.key = label_name(o->annotations[i], arena), .value = arena_copy(arena, value)};
    }
    pthread_mutex_unlock(&k->lock);
    if (!p || !labels || !fields)
        return false;
    ret_options->extra = labels;
    ret_options->extra_count = n;
    ret_options->fields = fields;
    ret_options->field_count = f;
    return true;
}

bool kube_may_know_more(struct kube *k)
{
    pthread_mutex_lock(&k->lock);
    bool more = k->answers || !k->told;
    pthread_mutex_unlock(&k->lock);
    return more;
}

/* ---- life ---- */

bole_status kube_create(const struct kube_options *options, struct kube **ret_kube, struct bole_err *err)
{
    struct kube *k = calloc(1, sizeof *k);
    if (!k)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for pods");
    k->options = *options;
    pthread_mutex_init(&k->lock, NULL);
    buf_init(&k->answer, NULL);
    k->doc = json_doc_create();
    bole_status st = k->doc ? curl_load(&k->curl, err) : bole_fail(err, BOLE_E_NOMEM, "no memory for pods");
    if (st == BOLE_OK)
        st = thread_start("agent-kube", run, k, &k->thread, err);
    k->runs = st == BOLE_OK;
    if (st == BOLE_OK)
        *ret_kube = k;
    else
        kube_destroy(k);
    return st;
}

void kube_destroy(struct kube *k)
{
    if (!k)
        return;
    atomic_store(&k->stop, true);
    if (k->runs)
        pthread_join(k->thread, NULL);
    drop_pods(k);
    json_doc_destroy(k->doc);
    buf_deinit(&k->answer);
    pthread_mutex_destroy(&k->lock);
    free(k);
}
