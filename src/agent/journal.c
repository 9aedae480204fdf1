#include "agent/journal.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/log.h"
#include "process/journal_name.h"
#include "process/level.h"
#include "record/record.h"

enum { FIELDS_MAX = 256 }; /* of one entry; the journal itself allows 1024, real entries have about 30 */

struct journal {
    const struct journal_api *api;
    struct journal_api  loaded;
    void               *library;
    const struct clock *clock;
    uint64_t            first_entries, retry_ns;
    struct sd_journal  *handle;      /* NULL: not open */
    struct journal_status status;
    char               *host;
    char               *taken;       /* cursor of the last entry in the batch; from malloc; NULL: none */
    char               *durable;     /* the same for the last durable one */
    bool                at_entry;    /* stands on an entry that has not been taken */
    bool                has_work;
    uint64_t            retry_at_ns;
};

/* ---- the library ---- */

static bole_status load_api(struct journal_api *ret_api, void **ret_library, struct bole_err *err)
{
    void *library = dlopen("libsystemd.so.0", RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return bole_fail(err, BOLE_E_NOTFOUND, "libsystemd is not installed");
    const struct {
        const char *name;
        void *to;
    } calls[] = {
        {"sd_journal_open", &ret_api->open},
        {"sd_journal_close", &ret_api->close},
        {"sd_journal_set_data_threshold", &ret_api->set_data_threshold},
        {"sd_journal_seek_tail", &ret_api->seek_tail},
        {"sd_journal_seek_cursor", &ret_api->seek_cursor},
        {"sd_journal_test_cursor", &ret_api->test_cursor},
        {"sd_journal_next", &ret_api->next},
        {"sd_journal_previous_skip", &ret_api->previous_skip},
        {"sd_journal_get_cursor", &ret_api->get_cursor},
        {"sd_journal_get_realtime_usec", &ret_api->get_realtime_usec},
        {"sd_journal_restart_data", &ret_api->restart_data},
        {"sd_journal_enumerate_available_data", &ret_api->enumerate_available_data},
        {"sd_journal_get_fd", &ret_api->get_fd},
        {"sd_journal_get_events", &ret_api->get_events},
        {"sd_journal_get_timeout", &ret_api->get_timeout},
        {"sd_journal_process", &ret_api->process},
    };
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        void *call = dlsym(library, calls[i].name);
        if (!call) {
            dlclose(library);
            return bole_fail(err, BOLE_E_UNSUPPORTED, "libsystemd is too old: no %s", calls[i].name);
        }
        memcpy(calls[i].to, &call, sizeof call); /* POSIX: an object pointer from dlsym holds a function */
    }
    *ret_library = library;
    return BOLE_OK;
}

static bool machine_has_journal(void)
{
    struct stat st;
    return stat("/run/log/journal", &st) == 0 || stat("/var/log/journal", &st) == 0;
}

/* ---- opening ---- */

static void set_state(struct journal *j, enum journal_state state, const char *reason)
{
    j->status.state = state;
    snprintf(j->status.reason, sizeof j->status.reason, "%.*s", (int)sizeof j->status.reason - 1, reason);
}

static void close_journal(struct journal *j)
{
    if (j->handle)
        j->api->close(j->handle);
    j->handle = NULL;
    j->at_entry = j->has_work = false;
}

static void fail_journal(struct journal *j, const char *call, int code)
{
    char reason[96];
    snprintf(reason, sizeof reason, "%s: %s", call, strerrordesc_np(-code) ? strerrordesc_np(-code) : "unknown error");
    LOG(WARN, "journal cannot be read", " reason=%s", LOGQS(reason));
    close_journal(j);
    set_state(j, JOURNAL_FAILED, reason);
    j->status.errors++;
    j->retry_at_ns = clock_mono_ns(j->clock) + j->retry_ns;
}

/* Stands before, or on, the first entry that has not been taken. A cursor whose entry has been vacuumed away leads to
 * the next one that is left. */
static int seek(struct journal *j, const char **ret_call)
{
    int rc;
    if (j->taken) {
        *ret_call = "sd_journal_seek_cursor";
        rc = j->api->seek_cursor(j->handle, j->taken);
        if (rc >= 0) {
            *ret_call = "sd_journal_next";
            rc = j->api->next(j->handle);
        }
        if (rc > 0)
            j->at_entry = j->api->test_cursor(j->handle, j->taken) <= 0;
        return rc;
    }
    *ret_call = "sd_journal_seek_tail";
    rc = j->api->seek_tail(j->handle);
    if (rc >= 0 && j->first_entries) {
        *ret_call = "sd_journal_previous_skip";
        rc = j->api->previous_skip(j->handle, j->first_entries);
        j->at_entry = rc > 0;
    }
    return rc;
}

static void open_journal(struct journal *j)
{
    enum { LOCAL_ONLY = 1 }; /* SD_JOURNAL_LOCAL_ONLY */
    const char *call = "sd_journal_open";
    int rc = j->api->open(&j->handle, LOCAL_ONLY);
    if (rc < 0)
        j->handle = NULL;
    if (rc >= 0) {
        call = "sd_journal_get_fd";
        rc = j->api->get_fd(j->handle); /* before the seek: from now on it tells of changes */
    }
    if (rc >= 0)
        rc = seek(j, &call);
    if (rc < 0) {
        fail_journal(j, call, rc);
        return;
    }
    j->api->set_data_threshold(j->handle, RECORD_LINE_MAX + sizeof "MESSAGE=");
    set_state(j, JOURNAL_READING, "");
    j->has_work = true;
}

bole_status journal_create(const struct journal_options *options, struct journal **ret_journal, struct bole_err *err)
{
    struct journal *j = calloc(1, sizeof *j);
    if (!j)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for the journal");
    j->clock = options->clock;
    j->first_entries = options->first_entries;
    j->retry_ns = options->retry_ns;
    j->host = strndup((const char *)options->host.ptr, options->host.len);
    if (options->cursor.len) {
        j->taken = strndup((const char *)options->cursor.ptr, options->cursor.len);
        j->durable = strndup((const char *)options->cursor.ptr, options->cursor.len);
    }
    if (!j->host || (options->cursor.len && (!j->taken || !j->durable))) {
        journal_destroy(j);
        return bole_fail(err, BOLE_E_NOMEM, "no memory for the journal");
    }
    struct bole_err why = {0};
    j->api = options->api;
    if (!j->api && !machine_has_journal())
        set_state(j, JOURNAL_ABSENT, "this machine has no journal");
    else if (!j->api && load_api(&j->loaded, &j->library, &why) < 0)
        set_state(j, JOURNAL_ABSENT, why.msg);
    else {
        if (!j->api)
            j->api = &j->loaded;
        open_journal(j);
    }
    *ret_journal = j;
    return BOLE_OK;
}

void journal_destroy(struct journal *j)
{
    if (!j)
        return;
    close_journal(j);
    if (j->library)
        dlclose(j->library);
    free(j->host);
    free(j->taken);
    free(j->durable);
    free(j);
}

/* ---- waiting ---- */

int journal_fd(const struct journal *j)
{
    return j->handle ? j->api->get_fd(j->handle) : -1;
}

short journal_poll_events(const struct journal *j)
{
    int events = j->handle ? j->api->get_events(j->handle) : 0;
    return events > 0 ? (short)events : 0;
}

uint64_t journal_tick(struct journal *j)
{
    if (j->status.state == JOURNAL_ABSENT)
        return UINT64_MAX;
    if (!j->handle) {
        if (clock_mono_ns(j->clock) < j->retry_at_ns)
            return j->retry_at_ns;
        open_journal(j);
        return j->handle ? 0 : j->retry_at_ns;
    }
    int rc = j->api->process(j->handle);
    if (rc < 0)
        fail_journal(j, "sd_journal_process", rc);
    else if (rc > 0)
        j->has_work = true;
    uint64_t usec = UINT64_MAX;
    if (!j->handle || j->api->get_timeout(j->handle, &usec) < 0 || usec > UINT64_MAX / 1000)
        return j->handle ? UINT64_MAX : j->retry_at_ns;
    return usec * 1000; /* of CLOCK_MONOTONIC, as is mono_ns */
}

/* ---- entries ---- */

struct entry {
    bole_slice line;
    bole_slice host, unit, identifier, command, priority;
    struct batch_field fields[FIELDS_MAX]; /* the first is detected_level; texts are in the batch's arena */
    size_t field_count;
    size_t fields_size;
    bool   has_line;
};

static bole_slice level_of_priority(bole_slice priority)
{
    /* syslog(3): 0 emergency .. 7 debug */
    static const char *const levels[] = {"critical", "critical", "critical", "error", "warn", "info", "info", "debug"};
    if (priority.len != 1 || priority.ptr[0] < '0' || priority.ptr[0] > '7')
        return S("unknown");
    return bole_slice_str(levels[priority.ptr[0] - '0']);
}

static void keep_if(bole_slice name, bole_slice wanted, bole_slice value, bole_slice *ret_value)
{
    if (bole_slice_eq(name, wanted))
        *ret_value = value;
}

/* A field of the entry; false when the batch has no memory for it. */
static bool add_field(struct journal *j, struct entry *e, bole_slice data, struct gather *g)
{
    bole_slice value;
    bole_slice name = bole_slice_cut(data, '=', &value);
    if (bole_slice_eq(name, S("MESSAGE")) && !e->has_line) { /* a field may come more than once */
        e->has_line = true;
        if (value.len > RECORD_LINE_MAX)
            value.len = RECORD_LINE_MAX;
        e->line = gather_copy(g, value);
        return e->line.ptr != NULL;
    }
    if (name.len == data.len || value.len > JOURNAL_VALUE_MAX || e->field_count == FIELDS_MAX ||
        e->fields_size + data.len > RECORD_FIELDS_SIZE_MAX) {
        j->status.left_out_fields++;
        return true;
    }
    bole_slice copy = arena_copy(&g->fields, data);
    if (!copy.ptr) {
        g->full = true;
        return false;
    }
    name.ptr = copy.ptr;
    value.ptr = copy.ptr + name.len + 1;
    e->fields[e->field_count++] = (struct batch_field){name, value};
    e->fields_size += data.len;
    keep_if(name, S("_HOSTNAME"), value, &e->host);
    keep_if(name, S("_SYSTEMD_UNIT"), value, &e->unit);
    keep_if(name, S("SYSLOG_IDENTIFIER"), value, &e->identifier);
    keep_if(name, S("_COMM"), value, &e->command);
    keep_if(name, S("PRIORITY"), value, &e->priority);
    return true;
}

static bole_slice cut(bole_slice s)
{
    return (bole_slice){s.ptr, s.len < LABEL_VALUE_MAX ? s.len : LABEL_VALUE_MAX};
}

static bole_slice entry_labels(const struct journal *j, const struct entry *e, struct gather *g)
{
    struct label labels[] = {
        {S("host"), cut(e->host.len ? e->host : bole_slice_str(j->host))},
        {S("job"), JOURNAL_JOB},
        {S("service_name"), cut(journal_service_name(e->unit, e->identifier, e->command))},
    };
    struct buf encoded;
    buf_init(&encoded, NULL);
    bole_slice copy = {0};
    if (labels_encode(labels, sizeof labels / sizeof labels[0], &encoded, NULL) == BOLE_OK)
        copy = arena_copy(&g->fields, buf_slice(&encoded));
    buf_deinit(&encoded);
    return copy;
}

/* Takes the entry that the journal stands on; false: the batch has no room for it. */
static bool take_entry(struct journal *j, struct gather *g)
{
    struct entry e = {.line = S(""), .field_count = 1};
    uint64_t usec = 0;
    size_t used_before = g->used;
    const void *data;
    size_t len;
    j->api->restart_data(j->handle);
    while (j->api->enumerate_available_data(j->handle, &data, &len) > 0)
        if (!add_field(j, &e, bole_slice_from(data, len), g))
            goto refused;
    e.fields[0] = (struct batch_field){LEVEL_FIELD, level_of_priority(e.priority)};
    bool has_time = j->api->get_realtime_usec(j->handle, &usec) >= 0 && usec <= INT64_MAX / 1000;
    struct tail_record record = {.time_ns = has_time ? (int64_t)usec * 1000 : clock_now_ns(j->clock),
                                 .labels = entry_labels(j, &e, g),
                                 .line = e.line,
                                 .field_count = e.field_count};
    struct batch_field *fields = arena_alloc(&g->fields, e.field_count * sizeof *fields);
    if (!fields || !record.labels.ptr)
        goto refused;
    memcpy(fields, e.fields, e.field_count * sizeof *fields);
    record.fields = fields;
    if (!gather_add(g, &record))
        goto refused;
    j->status.entries++;
    j->status.bytes += e.line.len;
    return true;
refused:
    g->used = used_before;
    g->full = true;
    return false;
}

bool journal_has_work(const struct journal *j)
{
    return j->has_work;
}

void journal_gather(struct journal *j, struct gather *g)
{
    while (j->has_work && !g->full) {
        int rc = j->at_entry ? 1 : j->api->next(j->handle);
        if (rc < 0) {
            fail_journal(j, "sd_journal_next", rc);
            return;
        }
        if (rc == 0) {
            j->has_work = false;
            set_state(j, JOURNAL_FOLLOWING, "");
            return;
        }
        j->at_entry = true;
        if (!take_entry(j, g)) {
            /* A message longer than an empty batch has room for gets a batch of its own size, once. */
            if (g->record_count || g->cap > RECORD_LINE_MAX || gather_prepare(g, RECORD_LINE_MAX + 1, NULL) < 0)
                return;
            g->full = false;
            continue;
        }
        j->at_entry = false;
        char *cursor = NULL;
        if (j->api->get_cursor(j->handle, &cursor) >= 0) {
            free(j->taken);
            j->taken = cursor;
        }
    }
}

void journal_commit(struct journal *j)
{
    if (!j->taken || (j->durable && strcmp(j->taken, j->durable) == 0))
        return;
    char *copy = strdup(j->taken);
    if (!copy)
        return; /* the older one stays: at worst these entries come again */
    free(j->durable);
    j->durable = copy;
}

bole_slice journal_taken(const struct journal *j)
{
    bool is_durable = !j->taken || (j->durable && strcmp(j->taken, j->durable) == 0);
    return is_durable ? (bole_slice){0} : bole_slice_str(j->taken);
}

bole_slice journal_cursor(const struct journal *j)
{
    return bole_slice_str(j->durable);
}

void journal_get_status(const struct journal *j, struct journal_status *ret_status)
{
    *ret_status = j->status;
}
