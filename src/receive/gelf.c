/*
 * GELF (https://go2docs.graylog.org, "GELF Payload Specification"): additional fields lose their underscore, as in
 * Graylog; full_message follows the line where it says more.
 */
#include "receive/gelf.h"

#include "base/unset.h"
#include "process/level.h"
#include "process/service_name.h"

bool gelf_ready(struct mapping *m)
{
    static const bole_slice time_names[] = {S("timestamp")};
    m->time = MAPPING_NAMES(time_names);
    return mapping_ready(m);
}

/* RFC 5424's severities, as in syslog.c. */
static bool add_level(struct mapping *m, bole_slice level)
{
    static const bole_slice levels[] = {S("critical"), S("critical"), S("critical"), S("error"),
                                        S("warn"),     S("info"),     S("info"),     S("debug")};
    bool known = level.len == 1 && level.ptr[0] >= '0' && level.ptr[0] <= '7';
    if (known && m->d->r->options.detect_level && !mapping_add(m, LEVEL_FIELD, levels[level.ptr[0] - '0']))
        return false;
    return mapping_add(m, S("level"), level);
}

static bool read_message(struct mapping *m, bole_slice *ret_short, bole_slice *ret_full, bole_slice *ret_level,
                         bole_slice *ret_facility)
{
    struct json *j = &m->j;
    bole_slice name;
    if (!json_open(j, '{'))
        return false;
    for (bool first = true; json_member(j, &first, &name);) {
        bool good = bole_slice_eq(name, S("short_message"))  ? mapping_text(m, ret_short)
                    : bole_slice_eq(name, S("full_message")) ? mapping_text(m, ret_full)
                    : bole_slice_eq(name, S("level"))        ? mapping_text(m, ret_level)
                    : bole_slice_eq(name, S("facility"))     ? mapping_text(m, ret_facility)
                    : bole_slice_eq(name, S("version"))
                        ? json_skip(j, NULL)
                        : mapping_member(m, name.len > 1 && name.ptr[0] == '_' ? bole_slice_sub(name, 1) : name);
        if (!good)
            return false;
    }
    return !j->error;
}

/* A facility, in Python's handlers the logger's name, is a service where nothing better is known. */
static void label_facility(struct mapping *m, bole_slice facility)
{
    for (size_t i = 0; facility.len && facility.len <= LABEL_VALUE_MAX && i < m->label_count; i++)
        if (bole_slice_eq(m->labels[i].name, SERVICE_NAME_LABEL) && m->best_label[i].rank == MAPPING_NONE)
            mapping_set_label(m, i, facility);
}

bool gelf_store(struct mapping *m)
{
    return gelf_store_from(m, (bole_slice){0});
}

/* Logback and Log4j write it by a pattern for files, "%m%n". */
static bole_slice without_line_end(bole_slice full)
{
    full.len -= full.len && full.ptr[full.len - 1] == '\n';
    full.len -= full.len && full.ptr[full.len - 1] == '\r';
    return full;
}

bool gelf_store_from(struct mapping *m, bole_slice sender)
{
    struct door *d = m->d;
    bole_slice text = {0}, full = {0}, level = {0}, facility = {0};
    mapping_begin(m);
    if (!read_message(m, &text, &full, &level, &facility) || (level.len && !add_level(m, level)) ||
        !mapping_add(m, S("facility"), facility) || !mapping_add(m, S("sender"), sender))
        return false;
    label_facility(m, facility);
    full = without_line_end(full);
    if (text.len == 0 && full.len == 0) {
        door_reject(d, RECEIVE_BAD_ENTRY, 1, "%s %llu: there is no short_message", m->unit, (unsigned long long)m->number);
        return true;
    }
    if (text.len == 0 || bole_slice_starts(full, text)) {
        text = full;
    } else if (full.len) {
        uint8_t *both = arena_bytes(&d->r->scratch, text.len + 1 + full.len);
        if (!both)
            return door_no_memory(d, "a line");
        memcpy(both, text.ptr, text.len);
        both[text.len] = '\n';
        memcpy(both + text.len + 1, full.ptr, full.len);
        text = bole_slice_from(both, text.len + 1 + full.len);
    }
    return mapping_store(m, text, 0);
}

void receive_gelf(struct receiver *r, const struct receive_input *in, struct receive_result *ret_result)
{
    struct door d = door_open(r, in, ret_result);
    d.name = "gelf";
    UNSET struct mapping m;
    mapping_init(&m, &d, "message");
    if (door_begin(&d, in->body.len) && gelf_ready(&m) && mapping_each_value(&m, in->body, true, gelf_store)) {
        if (m.number == 0)
            door_refuse(&d, 400, "there is no message");
        else if (ret_result->rejected == 0)
            ret_result->status = 202;
    }
    mapping_deinit(&m);
    if (ret_result->rejected && !d.over) {
        ret_result->status = 400;
        ret_result->content_type = "text/plain; charset=utf-8";
        ret_result->body = door_error_text(&d);
    }
    door_close(&d);
}
