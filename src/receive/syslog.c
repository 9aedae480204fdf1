/*
 * A message is read by small steps over what is left of it; a step that does not fit leaves that alone.
 *
 * RFC 3164 is a description of what was seen in 2001. What is looked for, each part missing or not:
 *
 *   <PRI> [seq:] [origin:] [*|.]stamp [zone:] host tag[pid]: text
 *
 * A stamp without a zone is local time of this machine; one that would then lie in the future comes from a sender
 * further east, whose distance is a multiple of a quarter of an hour.
 */
#include "receive/syslog.h"

#include <time.h>

#include "process/level.h"
#include "process/service_name.h"
#include "receive/text.h"

enum {
    WORD_MAX = 255,       /* bytes of a host, tag, process or message id (RFC 5424, 6: none has more) */
    FIELDS_KEPT = 16,     /* places for what is not structured data */
    AHEAD_MAX_S = 300,    /* a stamp without zone that lies further ahead is from another zone */
    ZONE_STEP_S = 900,
    ZONES_S = 26 * 3600,  /* from the first zone of the earth to the last */
};

struct message {
    struct door *d;
    bole_slice   rest;   /* what is not read yet; in the end the line */
    bole_slice   sender;
    unsigned     priority; /* PRIORITY_NONE: not said */
    int64_t      time_ns;
    bole_slice   host, app, proc_id, msg_id;
    bool         cut;
    size_t       field_count;
};

#define PRIORITY_NONE 192u

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* ---- steps over m->rest; one that does not fit leaves it alone ---- */

static void step(struct message *m, size_t bytes)
{
    m->rest = bole_slice_sub(m->rest, bytes);
}

static bool take_byte(struct message *m, uint8_t c)
{
    if (!m->rest.len || m->rest.ptr[0] != c)
        return false;
    step(m, 1);
    return true;
}

static bool at_word_end(const struct message *m)
{
    return !m->rest.len || m->rest.ptr[0] == ' ';
}

/* Printable ASCII, as RFC 5424 wants its header; tags and hosts are checked more narrowly. */
static bool is_printable(bole_slice word)
{
    for (size_t i = 0; i < word.len; i++)
        if (word.ptr[i] <= ' ' || word.ptr[i] >= 127)
            return false;
    return true;
}

/* Up to the next blank, which goes, too. */
static bool take_word(struct message *m, bole_slice *ret_word)
{
    bole_slice rest, word = bole_slice_cut(m->rest, ' ', &rest);
    if (word.len == 0 || word.len > WORD_MAX)
        return false;
    m->rest = rest;
    *ret_word = word;
    return true;
}

static void read_priority(struct message *m)
{
    bole_slice s = m->rest;
    size_t at = 1;
    unsigned value = 0;
    m->priority = PRIORITY_NONE;
    if (s.len < 3 || s.ptr[0] != '<')
        return;
    while (at < s.len && at < 4 && is_digit(s.ptr[at]))
        value = value * 10 + (s.ptr[at++] - '0');
    if (at == 1 || at == s.len || s.ptr[at] != '>' || value >= PRIORITY_NONE)
        return;
    m->priority = value;
    step(m, at + 1);
}

/* ---- time ---- */

/* Seconds east of UTC at that time, where this program runs. */
static int local_offset(struct receiver *r, int64_t at_ns)
{
    int64_t quarter = at_ns / (ZONE_STEP_S * NS_PER_S);
    if (!r->zone_known || quarter != r->zone_quarter) {
        time_t at = (time_t)(at_ns / NS_PER_S);
        struct tm local;
        r->zone_offset_s = localtime_r(&at, &local) ? (int)local.tm_gmtoff : 0;
        r->zone_quarter = quarter;
        r->zone_known = true;
    }
    return r->zone_offset_s;
}

static bool read_stamp(struct message *m)
{
    struct text_stamp stamp;
    int64_t now_ns = m->d->now_ns;
    int guess = local_offset(m->d->r, now_ns);
    if (!text_stamp(m->rest, now_ns, guess, &stamp))
        return false;
    if (!stamp.has_zone) {
        int offset = local_offset(m->d->r, stamp.ns);
        if (offset != guess)
            text_stamp(m->rest, now_ns, offset, &stamp);
        int64_t ahead_s = (stamp.ns - now_ns) / NS_PER_S;
        if (ahead_s > AHEAD_MAX_S && ahead_s <= ZONES_S)
            stamp.ns -= (ahead_s - AHEAD_MAX_S + ZONE_STEP_S - 1) / ZONE_STEP_S * ZONE_STEP_S * NS_PER_S;
    }
    m->time_ns = stamp.ns;
    step(m, stamp.len);
    return true;
}

/* ---- fields ---- */

static void add_field(struct message *m, bole_slice key, bole_slice value)
{
    if (value.len)
        m->d->r->fields[m->field_count++] = (struct batch_field){key, value};
}

static bool has_field(const struct message *m, bole_slice key)
{
    for (size_t i = 0; i < m->field_count; i++)
        if (bole_slice_eq(m->d->r->fields[i].key, key))
            return true;
    return false;
}

/* ---- RFC 5424 ---- */

/* id_name, as a label's name. ptr NULL: no memory. */
static bole_slice sd_key(struct message *m, bole_slice id, bole_slice name)
{
    struct arena *scratch = &m->d->r->scratch;
    uint8_t *joined = arena_alloc(scratch, id.len + 1 + name.len);
    if (!joined)
        return (bole_slice){0};
    memcpy(joined, id.ptr, id.len);
    joined[id.len] = '_';
    if (name.len)
        memcpy(joined + id.len + 1, name.ptr, name.len);
    return label_name_clean(bole_slice_from(joined, name.len ? id.len + 1 + name.len : id.len), scratch);
}

/* The value behind an opening quote, up to the closing one. A backslash in front of anything but " \ ] is text (6.3.3). */
static bool take_value(struct message *m, bole_slice *ret_value)
{
    bole_slice s = m->rest;
    size_t at = 0, escapes = 0;
    while (at < s.len && s.ptr[at] != '"') {
        bool escape = s.ptr[at] == '\\' && at + 1 < s.len && memchr("\"\\]", s.ptr[at + 1], 3);
        escapes += escape;
        at += escape ? 2 : 1;
    }
    if (at >= s.len)
        return false;
    step(m, at + 1);
    *ret_value = bole_slice_from(s.ptr, at);
    if (!escapes)
        return true;
    uint8_t *plain = arena_alloc(&m->d->r->scratch, at - escapes);
    size_t len = 0;
    if (!plain)
        return false;
    for (size_t i = 0; i < at; i++) {
        i += s.ptr[i] == '\\' && i + 1 < at && memchr("\"\\]", s.ptr[i + 1], 3);
        plain[len++] = s.ptr[i];
    }
    *ret_value = bole_slice_from(plain, len);
    return true;
}

static size_t sd_name_len(bole_slice s)
{
    size_t n = 0;
    while (n < s.len && s.ptr[n] > ' ' && s.ptr[n] < 127 && !memchr("=]\"", s.ptr[n], 3))
        n++;
    return n;
}

/* [id name="value" ...], behind its bracket. */
static bool take_element(struct message *m)
{
    bole_slice id = bole_slice_from(m->rest.ptr, sd_name_len(m->rest)), value;
    step(m, id.len);
    if (!id.len)
        return false;
    if (take_byte(m, ']')) {
        add_field(m, sd_key(m, id, (bole_slice){0}), S("true"));
        return true;
    }
    while (take_byte(m, ' ')) {
        bole_slice name = bole_slice_from(m->rest.ptr, sd_name_len(m->rest));
        step(m, name.len);
        if (!name.len || m->field_count >= RECORD_FIELDS_MAX - FIELDS_KEPT || !take_byte(m, '=') || !take_byte(m, '"') ||
            !take_value(m, &value))
            return false;
        bole_slice key = sd_key(m, id, name);
        if (!key.ptr)
            return false;
        if (!has_field(m, key))
            add_field(m, key, value);
    }
    return take_byte(m, ']');
}

/* Structured data that cannot be read stays in the line, in front of the text. */
static void read_structured_data(struct message *m)
{
    bole_slice before = m->rest;
    size_t fields_before = m->field_count;
    bool good = true;
    if (take_byte(m, '-'))
        good = at_word_end(m);
    else if (m->rest.len && m->rest.ptr[0] == '[')
        while (good && m->field_count < RECORD_FIELDS_MAX - FIELDS_KEPT && take_byte(m, '['))
            good = take_element(m);
    else
        good = !m->rest.len;
    if (good && at_word_end(m)) {
        take_byte(m, ' ');
        return;
    }
    m->rest = before;
    m->field_count = fields_before;
}

static bole_slice unless_nil(bole_slice word)
{
    return bole_slice_eq(word, S("-")) ? (bole_slice){0} : word;
}

/* VERSION TIMESTAMP HOSTNAME APP-NAME PROCID MSGID. False: it is something else, and nothing was read. */
static bool read_header_5424(struct message *m)
{
    struct message before = *m;
    bole_slice words[4];
    if (!take_byte(m, '1') || !take_byte(m, ' '))
        goto other;
    if (!take_byte(m, '-') && !read_stamp(m))
        goto other;
    if (!take_byte(m, ' '))
        goto other;
    for (size_t i = 0; i < 4; i++)
        if (!take_word(m, &words[i]) || !is_printable(words[i]))
            goto other;
    m->host = unless_nil(words[0]);
    m->app = unless_nil(words[1]);
    m->proc_id = unless_nil(words[2]);
    m->msg_id = unless_nil(words[3]);
    return true;
other:
    *m = before;
    return false;
}

/* ---- RFC 3164 ---- */

/* Letters, digits and .-_:@/ as hosts, and addresses, have them. */
static bool is_host(bole_slice word)
{
    for (size_t i = 0; i < word.len; i++) {
        uint8_t c = word.ptr[i];
        if (!is_digit(c) && ((c | 0x20) < 'a' || (c | 0x20) > 'z') && !memchr(".-_:@/", c, 6))
            return false;
    }
    return word.len > 0 && word.ptr[word.len - 1] != ':';
}

static bool is_number(bole_slice word)
{
    size_t i = 0;
    while (i < word.len && is_digit(word.ptr[i]))
        i++;
    return word.len && i == word.len;
}

/* Words that stand in front of a colon without being a program: levels, numbers, the names of CEF and LEEF. */
static bool is_tag(bole_slice word)
{
    bole_slice level = level_normalize(word);
    return word.len && word.len <= WORD_MAX && word.ptr[0] != '%' && level.ptr == word.ptr && !is_number(word) &&
           !bole_slice_eq(word, S("CEF")) && !bole_slice_eq(word, S("LEEF"));
}

static size_t tag_len(bole_slice s)
{
    size_t n = 0;
    while (n < s.len && s.ptr[n] > ' ' && s.ptr[n] < 127 && !memchr(":[]{}\"'<>=,;|", s.ptr[n], 13))
        n++;
    return n;
}

/* [pid]. False: there is something else. */
static bool take_pid(struct message *m, bole_slice *ret_pid)
{
    bole_slice rest, pid = bole_slice_cut(bole_slice_sub(m->rest, 1), ']', &rest);
    if (m->rest.len < 2 || pid.len > WORD_MAX || pid.len + 2 > m->rest.len || (pid.len && memchr(pid.ptr, ' ', pid.len)))
        return false;
    step(m, pid.len + 2);
    *ret_pid = pid;
    return true;
}

/* tag: or tag[pid]: or tag[pid], and the blank behind it. */
static void read_tag(struct message *m)
{
    bole_slice before = m->rest, tag = bole_slice_from(m->rest.ptr, tag_len(m->rest)), pid = {0};
    if (!is_tag(tag))
        return;
    step(m, tag.len);
    bool numbered = m->rest.len && m->rest.ptr[0] == '[';
    bool good = !numbered || take_pid(m, &pid);
    if (!good || !(take_byte(m, ':') || numbered) || !at_word_end(m)) {
        m->rest = before;
        return;
    }
    m->app = tag;
    m->proc_id = pid;
    take_byte(m, ' ');
}

/* "45: " of Cisco, and what stands in front of a stamp there. */
static void skip_sequence(struct message *m)
{
    bole_slice rest, number = bole_slice_cut(m->rest, ':', &rest);
    take_byte(m, ':');
    if (number.len <= 10 && is_number(number) && rest.len && rest.ptr[0] == ' ')
        m->rest = bole_slice_sub(rest, 1);
}

static bool read_marked_stamp(struct message *m)
{
    bole_slice before = m->rest;
    if (!take_byte(m, '*'))
        take_byte(m, '.');
    if (read_stamp(m))
        return true;
    m->rest = before;
    return false;
}

/* "router1: *Mar  1 18:46:11" */
static bool read_origin_and_stamp(struct message *m)
{
    bole_slice before = m->rest, word;
    if (take_word(m, &word) && word.len > 1 && word.ptr[word.len - 1] == ':' && read_marked_stamp(m)) {
        m->host = bole_slice_from(word.ptr, word.len - 1);
        return true;
    }
    m->rest = before;
    return false;
}

/* " UTC:", " CEST:" or ":" behind the stamp: then no host follows. The names of zones are ambiguous; only UTC is not. */
static bool take_colon(struct message *m, bole_slice stamp)
{
    bole_slice before = m->rest;
    size_t n = 0;
    take_byte(m, ' ');
    while (n < m->rest.len && n < 6 && m->rest.ptr[n] >= 'A' && m->rest.ptr[n] <= 'Z')
        n++;
    bole_slice zone = bole_slice_from(m->rest.ptr, n);
    step(m, n);
    if (!take_byte(m, ':') || !at_word_end(m) || n == 1) {
        m->rest = before;
        return false;
    }
    struct text_stamp utc;
    if ((bole_slice_eq(zone, S("UTC")) || bole_slice_eq(zone, S("GMT"))) && text_stamp(stamp, m->d->now_ns, 0, &utc))
        m->time_ns = utc.ns;
    take_byte(m, ' ');
    return true;
}

static void read_host(struct message *m)
{
    take_byte(m, ' ');
    bole_slice before = m->rest, word;
    if (!take_word(m, &word) || !m->rest.len || !is_host(word)) {
        m->rest = before;
        return;
    }
    m->host = word;
    if (bole_slice_starts(m->rest, S(": "))) /* "asa : %ASA-..." */
        step(m, 2);
}

static void read_header_3164(struct message *m)
{
    bole_slice begin = m->rest;
    skip_sequence(m);
    bole_slice stamp = m->rest;
    if (stamp.len && (stamp.ptr[0] == '*' || stamp.ptr[0] == '.'))
        stamp = bole_slice_sub(stamp, 1);
    bool dated = read_marked_stamp(m) || read_origin_and_stamp(m);
    if (!dated && m->priority == PRIORITY_NONE) {
        m->rest = begin; /* plain text */
        return;
    }
    if (dated && !take_colon(m, stamp))
        read_host(m);
    if (m->rest.len && m->rest.ptr[0] == '%') { /* %ASA-6-302013: stays in the line, too */
        bole_slice rest, id = bole_slice_cut(bole_slice_sub(m->rest, 1), ':', &rest);
        if (id.len <= WORD_MAX && rest.ptr && !memchr(id.ptr, ' ', id.len))
            m->msg_id = id;
        return;
    }
    read_tag(m);
}

/* ---- one message ---- */

static const bole_slice facilities[] = {
    S("kern"), S("user"), S("mail"), S("daemon"), S("auth"), S("syslog"), S("lpr"), S("news"), S("uucp"), S("cron"),
    S("authpriv"), S("ftp"), S("ntp"), S("audit"), S("alert"), S("clock"), S("local0"), S("local1"), S("local2"),
    S("local3"), S("local4"), S("local5"), S("local6"), S("local7")};
static const bole_slice severities[] = {S("emerg"), S("alert"), S("crit"), S("err"),
                                        S("warning"), S("notice"), S("info"), S("debug")};
static const bole_slice levels[] = {S("critical"), S("critical"), S("critical"), S("error"),
                                    S("warn"), S("info"), S("info"), S("debug")};

bole_slice syslog_severity(unsigned severity)
{
    return severities[severity];
}

bole_slice syslog_level(unsigned severity)
{
    return levels[severity];
}

static void add_fields(struct message *m)
{
    if (m->priority != PRIORITY_NONE) {
        add_field(m, S("facility"), facilities[m->priority / 8]);
        add_field(m, S("severity"), severities[m->priority % 8]);
        if (m->d->r->options.detect_level)
            add_field(m, LEVEL_FIELD, levels[m->priority % 8]);
    }
    add_field(m, S("proc_id"), m->proc_id);
    add_field(m, S("msg_id"), m->msg_id);
    add_field(m, S("sender"), m->sender);
    if (m->cut)
        add_field(m, S("truncated"), S("true"));
}

static struct stream_entry *find_stream(struct message *m)
{
    uint8_t bytes[2 * WORD_MAX + 1];
    bole_slice host = m->host.len && m->host.len <= WORD_MAX ? m->host : m->sender;
    memcpy(bytes, host.ptr ? host.ptr : bytes, host.len);
    bytes[host.len] = ' '; /* is in neither */
    memcpy(bytes + host.len + 1, m->app.ptr ? m->app.ptr : bytes, m->app.len);
    bole_slice key = bole_slice_from(bytes, host.len + 1 + m->app.len);
    struct stream_entry *s = door_find_stream(m->d, DOOR_SYSLOG, key);
    if (s)
        return s;
    struct label labels[] = {{S("job"), S("syslog")}, {S("host"), host}, {SERVICE_NAME_LABEL, m->app}};
    return door_make_stream(m->d, DOOR_SYSLOG, key, S("syslog"), labels, sizeof labels / sizeof *labels, 0);
}

bool syslog_store(struct door *d, bole_slice text, bole_slice sender, bool cut)
{
    text.len -= text.len && text.ptr[text.len - 1] == '\n'; /* rsyslog counts the line feed of its templates, too */
    text.len -= text.len && text.ptr[text.len - 1] == '\r';
    struct message m = {.d = d, .rest = text, .sender = sender, .time_ns = d->now_ns, .cut = cut};
    arena_reset(&d->r->scratch);
    read_priority(&m);
    if (m.priority != PRIORITY_NONE && read_header_5424(&m))
        read_structured_data(&m);
    else
        read_header_3164(&m);
    if (bole_slice_starts(m.rest, S("\xef\xbb\xbf")))
        step(&m, 3);
    add_fields(&m);
    struct stream_entry *s = find_stream(&m);
    if (!s)
        return false;
    if (s->refused.ptr) {
        door_reject(d, s->reason, 1, "%.*s", BOLE_SLICE_ARG(s->refused));
        return true;
    }
    return door_add(d, s, m.time_ns, m.rest, d->r->fields, m.field_count);
}
