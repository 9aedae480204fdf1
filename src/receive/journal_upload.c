/*
 * What systemd-journal-upload sends: the journal export format (https://systemd.io/JOURNAL_EXPORT_FORMATS). Fields are
 * lines NAME=VALUE, or NAME, a 64-bit length in little endian and the bytes, each ended by a newline; an empty line ends
 * an entry.
 *
 * An entry becomes the record that the agent makes of it (agent/journal.h). An upload may go on for as long as its sender likes, so
 * it is taken in pieces; what a piece has of its last entry comes again with the next one.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "process/journal_name.h"
#include "process/level.h"
#include "receive/mapping.h"

enum {
    VALUE_MAX = 16 * 1024,         /* bytes of a field; longer ones (core dumps) are left out */
    FIELD_MAX = 256 * 1024 * 1024, /* and those are waited for */
};

enum { LABEL_HOST, LABEL_JOB, LABEL_SERVICE, LABEL_COUNT };
static const struct receive_label labels[LABEL_COUNT] = {{S("host"), NULL, 0}, {S("job"), NULL, 0}, {S("service_name"), NULL, 0}};

struct upload {
    struct mapping m; /* first */
    const struct journal_piece *piece;
    bole_slice start, rest;
    const uint8_t *entry; /* where the next one begins, or has begun */
    bool       open; /* an entry has begun */
    char       place[48]; /* what messages call an entry */
    bool       torn; /* the piece ends within a field */
    bole_slice message, host, unit, identifier, command, priority;
};

static bool malformed(struct upload *u, const uint8_t *at, const char *what)
{
    return door_refuse(u->m.d, 400, "journal export: %s, at byte %llu", what,
                       (unsigned long long)(u->piece->offset + (uint64_t)(at - u->start.ptr)));
}

/* The bytes end within a field. */
static bool ends(struct upload *u, const uint8_t *at, const char *what)
{
    u->torn = u->piece->more;
    return !u->torn && malformed(u, at, what);
}

/* The next field, without its newline; an empty name ends an entry. */
static bool next_field(struct upload *u, bole_slice *ret_name, bole_slice *ret_value)
{
    const uint8_t *at = u->rest.ptr, *end = u->start.ptr + u->start.len;
    bole_slice line = bole_slice_cut(u->rest, '\n', &u->rest);
    if (u->piece->more && line.ptr + line.len == end)
        return ends(u, at, "");
    const uint8_t *equals = line.len ? memchr(line.ptr, '=', line.len) : NULL;
    if (line.len == 0 || equals) {
        *ret_name = bole_slice_from(line.ptr, equals ? (size_t)(equals - line.ptr) : 0);
        *ret_value = equals ? bole_slice_sub(line, ret_name->len + 1) : S("");
        return !equals || ret_name->len || malformed(u, at, "a field without a name");
    }
    if (u->rest.len < 8)
        return ends(u, at, "a field ends too early");
    uint64_t len = load_u64(u->rest.ptr);
    const char *longer = "a field is longer than the request";
    if (len < FIELD_MAX && u->rest.len - 8 < len + 1)
        return ends(u, at, longer);
    if (len >= FIELD_MAX || u->rest.ptr[8 + len] != '\n')
        return malformed(u, at, longer);
    *ret_name = line;
    *ret_value = bole_slice_from(u->rest.ptr + 8, (size_t)len);
    u->rest = bole_slice_sub(u->rest, 9 + (size_t)len);
    return true;
}

static void begin_entry(struct upload *u)
{
    u->m.number++;
    mapping_begin(&u->m);
    u->message = u->host = u->unit = u->identifier = u->command = u->priority = (bole_slice){0};
    u->open = true;
}

static bool add_field(struct upload *u, bole_slice name, bole_slice value)
{
    struct { bole_slice name, *to; } kept[] = {
        {S("_HOSTNAME"), &u->host},        {S("_SYSTEMD_UNIT"), &u->unit}, {S("SYSLOG_IDENTIFIER"), &u->identifier},
        {S("_COMM"), &u->command},         {S("PRIORITY"), &u->priority},
    };
    if (bole_slice_eq(name, S("MESSAGE"))) {
        u->message = value;
        return true;
    }
    if (value.len > VALUE_MAX)
        return true;
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        if (bole_slice_eq(name, kept[i].name) && value.len)
            *kept[i].to = value;
    /* Addresses of the entry in that journal; of them only the time says something elsewhere. */
    if (bole_slice_starts(name, S("__")) && !bole_slice_eq(name, S("__REALTIME_TIMESTAMP")))
        return true;
    struct mapping_key *k = mapping_next_key(&u->m, name);
    if (k)
        (void)mapping_add_key(&u->m, k, value);
    return k != NULL;
}

static bole_slice cut(bole_slice s)
{
    return bole_slice_from(s.ptr, s.len < LABEL_VALUE_MAX ? s.len : LABEL_VALUE_MAX);
}

static bool end_entry(struct upload *u)
{
    static const bole_slice levels[] = {S("critical"), S("critical"), S("critical"), S("error"),
                                        S("warn"),     S("info"),     S("info"),     S("debug")};
    struct mapping *m = &u->m;
    bool ranked = u->priority.len == 1 && u->priority.ptr[0] >= '0' && u->priority.ptr[0] <= '7';
    u->open = false;
    if (ranked && m->d->r->options.detect_level && !mapping_add(m, LEVEL_FIELD, levels[u->priority.ptr[0] - '0']))
        return false;
    if (u->host.len)
        mapping_set_label(m, LABEL_HOST, cut(u->host));
    mapping_set_label(m, LABEL_JOB, S("systemd-journal"));
    mapping_set_label(m, LABEL_SERVICE, cut(journal_service_name(u->unit, u->identifier, u->command)));
    const uint8_t *end = u->rest.ptr ? u->rest.ptr : u->start.ptr + u->start.len;
    m->d->suspect = bole_slice_from(u->entry, (size_t)(end - u->entry));
    bool going_on = mapping_store(m, u->message, 0);
    m->d->suspect = (bole_slice){0};
    return going_on;
}

static bool read_entries(struct upload *u)
{
    bole_slice name, value;
    while (u->rest.len) {
        if (!next_field(u, &name, &value))
            return u->torn;
        if (name.len == 0) {
            if (u->open && !end_entry(u))
                return false;
            u->entry = u->rest.ptr;
            continue;
        }
        if (!u->open)
            begin_entry(u);
        if (!add_field(u, name, value))
            return false;
    }
    return u->piece->more || !u->open || end_entry(u);
}

/* A refused entry must not keep the uploader from the ones behind it: it sends the same again until it hears 2xx. */
static void answer(struct door *d)
{
    struct receive_result *result = d->result;
    result->status = 202;
    result->content_type = "text/plain; charset=utf-8";
    bole_slice told = S("OK.\n");
    if (result->rejected)
        told = arena_printf(d->in->arena, "%llu refused: %.*s\n", (unsigned long long)result->rejected,
                            BOLE_SLICE_ARG(door_error_text(d)));
    result->body = told;
}

void receive_journal_upload(struct receiver *r, const struct receive_input *in, struct journal_piece *piece,
                            struct receive_result *ret_result)
{
    static const bole_slice time_names[] = {S("__REALTIME_TIMESTAMP")};
    struct door d = door_open(r, in, ret_result);
    d.name = "journald";
    struct upload *u = calloc(1, sizeof *u);
    if (!u) {
        door_no_memory(&d, "a request");
    } else {
        snprintf(u->place, sizeof u->place, "entry");
        mapping_init(&u->m, &d, u->place);
        if (piece->offset)
            snprintf(u->place, sizeof u->place, "from byte %llu on, entry", (unsigned long long)piece->offset);
        u->piece = piece;
        u->start = u->rest = in->body;
        u->entry = u->start.ptr;
        u->m.time = MAPPING_NAMES(time_names);
        u->m.labels = labels;
        u->m.label_count = LABEL_COUNT;
        if (door_begin(&d, in->body.len) && mapping_ready(&u->m) && read_entries(u))
            answer(&d);
        piece->taken = (size_t)(u->entry - u->start.ptr);
        mapping_deinit(&u->m);
        free(u);
    }
    door_close(&d);
}
