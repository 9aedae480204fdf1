/*
 * A program's lines are formats with slots in braces; the slots are a table. JSON and key=value programs draw their
 * keys, and what each holds, once, and stray from that shape in a few lines of a hundred.
 */
#include "lines.h"

#include <assert.h>
#include <stdlib.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static uint64_t below(struct line_program *p, uint64_t n)
{
    return random_below(p->random, n);
}
static bool chance(struct line_program *p, unsigned percent)
{
    return below(p, 100) < percent;
}

/* ---- slots ---- */

/* Signs whose other case is more than a bit away stand among the words: K (Kelvin) and long s fold to ASCII. */
static const char *const words[] = {
    "error", "Error", "ERROR", "timeout", "connection", "refused", "from", "to", "user", "root", "admin",
    "session", "opened", "closed", "block", "task", "attempt", "retry", "GET", "POST", "index", "html", "php",
    "failed", "password", "for", "invalid", "port", "ssh2", "kernel", "a", "b", "x", "naïve", "Straße", "日本語",
    "Ωmega", "ok", "null", "true", "-", "\u212Aelvin", "lo\u017Fs", "é", "e\u0301", "🙂", "_", "__", "isn't",
    "100%", "C:\\Windows\\System32", "org.apache.hadoop.ipc.Client",
};

static void put_word(struct line_program *p, struct buf *b)
{
    buf_put_str(b, words[below(p, COUNT(words))]);
}
static void put_int(struct line_program *p, struct buf *b)
{
    buf_put_uint(b, below(p, chance(p, 20) ? 10000000 : 1000));
}
static void put_seq(struct line_program *p, struct buf *b)
{
    buf_put_uint(b, p->counter);
}
static void put_big(struct line_program *p, struct buf *b)
{
    buf_printf(b, "%llu%010llu", (unsigned long long)random_next(p->random), (unsigned long long)below(p, 10000000000));
}
static void put_zeros(struct line_program *p, struct buf *b)
{
    buf_printf(b, "%0*u", (int)(2 + below(p, 8)), (unsigned)below(p, 2000));
}
static void put_signed(struct line_program *p, struct buf *b)
{
    buf_printf(b, "%s%u", chance(p, 50) ? "-" : "+", (unsigned)below(p, 300));
}
static void put_limit(struct line_program *p, struct buf *b)
{
    static const char *const limits[] = {
        "9223372036854775807", "9223372036854775808", "18446744073709551615", "18446744073709551616",
        "-9223372036854775808", "4294967295", "00", "0", "-0", "65536",
    };
    buf_put_str(b, limits[below(p, COUNT(limits))]);
}
static void put_float(struct line_program *p, struct buf *b)
{
    switch (below(p, 6)) {
    case 0: buf_printf(b, "%u.0", (unsigned)below(p, 100)); break;
    case 1: buf_printf(b, "%ue%s%u", (unsigned)below(p, 9), chance(p, 50) ? "+" : "", (unsigned)below(p, 9)); break;
    case 2: buf_printf(b, "-0.%03u", (unsigned)below(p, 1000)); break;
    case 3: buf_printf(b, "%u.%u0", (unsigned)below(p, 100), (unsigned)below(p, 10)); break;
    default: buf_printf(b, "%u.%06u", (unsigned)below(p, 10000), (unsigned)below(p, 1000000)); break;
    }
}
static void put_hex8(struct line_program *p, struct buf *b)
{
    buf_printf(b, "%08x", (unsigned)random_next(p->random));
}
static void put_hex16(struct line_program *p, struct buf *b)
{
    buf_printf(b, "%016llx", (unsigned long long)random_next(p->random));
}
static void put_hex32(struct line_program *p, struct buf *b)
{
    put_hex16(p, b);
    put_hex16(p, b);
}
static void put_upper_hex(struct line_program *p, struct buf *b)
{
    buf_printf(b, "0x%X", (unsigned)random_next(p->random));
}
static void put_uuid(struct line_program *p, struct buf *b)
{
    uint64_t x = random_next(p->random), y = random_next(p->random);
    buf_printf(b, chance(p, 5) ? "%08X-%04X-%04X-%04X-%012llX" : "%08x-%04x-%04x-%04x-%012llx", (unsigned)x,
               (unsigned)(x >> 48), (unsigned)(x >> 32 & 0xffff), (unsigned)(y >> 48),
               (unsigned long long)(y & 0xffffffffffff));
}
static void put_ip(struct line_program *p, struct buf *b)
{
    buf_printf(b, chance(p, 3) ? "%03u.%u.%u.%u" : "%u.%u.%u.%u", (unsigned)(10 + below(p, 3)), (unsigned)below(p, 3),
               (unsigned)below(p, 256), (unsigned)below(p, chance(p, 3) ? 400 : 256));
}
static void put_ip6(struct line_program *p, struct buf *b)
{
    buf_printf(b, "2001:db8::%x:%x", (unsigned)below(p, 65536), (unsigned)below(p, 16));
}
static void put_mac(struct line_program *p, struct buf *b)
{
    for (unsigned i = 0; i < 6; i++)
        buf_printf(b, "%s%02x", i ? ":" : "", (unsigned)below(p, 256));
}

static int64_t program_time(struct line_program *p)
{
    return 1790000000ll * 1000 + (int64_t)(p->counter * 37) + (int64_t)below(p, 30);
}
static void put_iso(struct line_program *p, struct buf *b)
{
    int64_t ms = program_time(p), s = ms / 1000 % 86400;
    buf_printf(b, "2026-09-%02u%c%02u:%02u:%02u%c%03u", (unsigned)(1 + ms / 86400000 % 28), p->style & 1 ? 'T' : ' ',
               (unsigned)(s / 3600), (unsigned)(s / 60 % 60), (unsigned)(s % 60), p->style & 2 ? ',' : '.',
               (unsigned)(ms % 1000));
    if (p->style & 4)
        buf_put_str(b, "Z");
}
static void put_clf(struct line_program *p, struct buf *b)
{
    int64_t s = program_time(p) / 1000;
    buf_printf(b, "%02u/Sep/2026:%02u:%02u:%02u +0%u00", (unsigned)(1 + s / 86400 % 28), (unsigned)(s / 3600 % 24),
               (unsigned)(s / 60 % 60), (unsigned)(s % 60), p->style % 3);
}
static void put_syslog(struct line_program *p, struct buf *b)
{
    int64_t s = program_time(p) / 1000;
    buf_printf(b, "Sep %2u %02u:%02u:%02u", (unsigned)(1 + s / 86400 % 28), (unsigned)(s / 3600 % 24),
               (unsigned)(s / 60 % 60), (unsigned)(s % 60));
}
static void put_epoch(struct line_program *p, struct buf *b)
{
    buf_put_int(b, program_time(p));
}
static void put_duration(struct line_program *p, struct buf *b)
{
    static const char *const units[] = {"ms", "s", "us", "µs", "m", "h"};
    buf_printf(b, chance(p, 50) ? "%u%s" : "%u.5%s", (unsigned)below(p, 1000), units[below(p, COUNT(units))]);
}
static void put_size(struct line_program *p, struct buf *b)
{
    static const char *const units[] = {"B", "kB", "KiB", "MB", "GB", " bytes"};
    buf_printf(b, "%u%s", (unsigned)below(p, 5000), units[below(p, COUNT(units))]);
}
static void put_method(struct line_program *p, struct buf *b)
{
    buf_put_str(b, ((const char *const[]){"GET", "GET", "GET", "POST", "HEAD", "get"})[below(p, 6)]);
}
static void put_status(struct line_program *p, struct buf *b)
{
    buf_put_str(b, ((const char *const[]){"200", "200", "200", "301", "404", "500", "-"})[below(p, 7)]);
}
static void put_level(struct line_program *p, struct buf *b)
{
    buf_put_str(b, ((const char *const[]){"INFO", "INFO", "INFO", "WARN", "ERROR", "debug"})[below(p, 6)]);
}
static void put_path(struct line_program *p, struct buf *b)
{
    for (unsigned i = 0, n = 1 + (unsigned)below(p, 4); i < n; i++) {
        buf_put_u8(b, '/');
        chance(p, 30) ? put_int(p, b) : put_word(p, b);
    }
    if (chance(p, 20))
        buf_printf(b, "?id=%u&q=%%20%s", (unsigned)below(p, 1000), words[below(p, COUNT(words))]);
}
static void put_agent(struct line_program *p, struct buf *b)
{
    buf_put_str(b, ((const char *const[]){
                       "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)",
                       "curl/7.88.1", "-", "Feedbin feed-id:1015889 - 1 subscribers", "jetmon/1.0"})[below(p, 5)]);
}
static void put_base64(struct line_program *p, struct buf *b)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0, n = chance(p, 10) ? 50 + below(p, 400) : 8 + below(p, 20); i < n; i++)
        buf_put_u8(b, (uint8_t)digits[below(p, 64)]);
    buf_put_str(b, chance(p, 50) ? "==" : "");
}
static void put_long(struct line_program *p, struct buf *b)
{
    for (size_t i = 0, n = 10 + below(p, chance(p, 10) ? 2000 : 40); i < n; i++)
        buf_put_u8(b, (uint8_t)("abcdefghij0123456789_"[below(p, 21)]));
}
static void put_user(struct line_program *p, struct buf *b)
{
    buf_printf(b, "user%u", (unsigned)below(p, 50));
}
static void put_mail(struct line_program *p, struct buf *b)
{
    buf_printf(b, "user%u@host%u.example.com", (unsigned)below(p, 50), (unsigned)below(p, 3));
}
static void put_block(struct line_program *p, struct buf *b)
{
    buf_printf(b, "blk_%s%llu", chance(p, 50) ? "-" : "", (unsigned long long)random_next(p->random));
}
static void put_task(struct line_program *p, struct buf *b)
{
    buf_printf(b, "attempt_1445062781478_%04u_r_%06u_%u", (unsigned)below(p, 20), (unsigned)below(p, 100),
               (unsigned)below(p, 3));
}
static void put_bytes(struct line_program *p, struct buf *b)
{
    for (size_t i = 0, n = below(p, 12); i < n; i++)
        buf_put_u8(b, (uint8_t)random_next(p->random));
}
static void put_blank(struct line_program *p, struct buf *b)
{
    buf_put_str(b, ((const char *const[]){" ", "  ", "\t", "", " \t "})[below(p, 5)]);
}
static void put_enum(struct line_program *p, struct buf *b)
{
    buf_printf(b, "kind-%c", (char)('a' + below(p, 4)));
}

static const struct slot {
    const char *name;
    void (*put)(struct line_program *p, struct buf *b);
} slots[] = {
    {"word", put_word},         {"int", put_int},       {"seq", put_seq},       {"big", put_big},
    {"zeros", put_zeros},       {"signed", put_signed}, {"limit", put_limit},   {"float", put_float},
    {"hex8", put_hex8},         {"hex16", put_hex16},   {"hex32", put_hex32},   {"HEX", put_upper_hex},
    {"uuid", put_uuid},         {"ip", put_ip},         {"ip6", put_ip6},       {"mac", put_mac},
    {"iso", put_iso},           {"clf", put_clf},       {"syslog", put_syslog}, {"epoch", put_epoch},
    {"duration", put_duration}, {"size", put_size},     {"method", put_method}, {"status", put_status},
    {"level", put_level},       {"path", put_path},     {"agent", put_agent},   {"base64", put_base64},
    {"long", put_long},         {"user", put_user},     {"mail", put_mail},     {"block", put_block},
    {"task", put_task},         {"bytes", put_bytes},   {"blank", put_blank},   {"enum", put_enum},
};

const char *line_slot_random(struct random *random)
{
    return slots[random_below(random, COUNT(slots))].name;
}

static void put_slot(struct line_program *p, bole_slice name, struct buf *b)
{
    for (size_t i = 0; i < COUNT(slots); i++)
        if (bole_slice_eq(name, bole_slice_str(slots[i].name))) {
            slots[i].put(p, b);
            return;
        }
    assert(!"a slot that is in the table");
}

void line_slot_write(struct line_program *p, const char *slot, struct buf *out)
{
    put_slot(p, bole_slice_str(slot), out);
}

/* ---- formats ---- */

static const char *const formats[] = {
    "{ip} - - [{clf}] \"{method} {path} HTTP/1.1\" {status} {int} \"-\" \"{agent}\"",
    "{ip} - {user} [{clf}] \"{method} {path} HTTP/1.0\" {status} - \"http://{word}.example/{path}\" \"{agent}\"",
    "{syslog} host-{int} sshd[{int}]: Failed password for invalid user {user} from {ip} port {int} ssh2",
    "{syslog} host-{int} sshd[{int}]: Connection closed by {ip} port {int} [preauth]",
    "{iso} INFO [IPC Server handler {int} on {int}] org.apache.hadoop.mapred.TaskAttemptListenerImpl: Progress of "
    "TaskAttempt {task} is : {float}",
    "{iso} {level} dfs.DataNode$PacketResponder: Received block {block} of size {int} from /{ip}",
    "[{iso}] TRACE [Controller {int}]: leader imbalance ratio for broker {int} is {float} "
    "(kafka.controller.KafkaController)",
    "{iso} {level} request id={uuid} trace={hex32} took {duration} ({size})",
    "type=AUDIT msg=audit({epoch}.{zeros}:{seq}): pid={int} uid={int} auid={limit} exe=\"/usr/bin/{word}\" res=success",
    "{epoch},{seq},{ip},{int},{float},{word},{enum}",
    "{word}: {word} {word} at {path}:{int}\n\tat org.example.{word}.{word}({word}.java:{int})\n\tat {long}",
    "<{int}>1 {iso} {ip6} {word} {int} ID{int} [ex@{int} iut=\"{int}\" mac=\"{mac}\"] {mail} said {base64}",
    "{seq} {zeros} {signed} {limit} {big} {HEX} {hex8}{hex16}",
    "{word}{int}{word}{int}_{int}-{word}",
    "v{ip}x of 10.{int}.{int}.{int}ms, Chrome/{int}.0.0.0 {word}_{uuid}z 10.2.{int}.{word}",
};

/* Words and slots in any order, also without anything between them. */
static const char *random_template(struct random *random, struct arena *arena)
{
    static const char *const joints[] = {" ", " ", " ", "=",  ":",  ", ", "[", "]",  "\"", "/",
                                         "-", "_", ".", "\t", "  ", "",   "|", "\\", "'",  "("};
    bole_slice text = S("");
    for (uint64_t i = 0, n = 1 + random_below(random, 12); i < n; i++) {
        const char *joint = i ? joints[random_below(random, COUNT(joints))] : "";
        bool is_word = random_below(random, 2);
        text = arena_printf(arena, "%.*s%s%s%s%s", BOLE_SLICE_ARG(text), joint, is_word ? "" : "{",
                            is_word ? words[random_below(random, COUNT(words))] : line_slot_random(random),
                            is_word ? "" : "}");
    }
    char *copy = arena_zalloc(arena, text.len + 1);
    memcpy(copy, text.ptr, text.len);
    return copy;
}

static void write_format(struct line_program *p, const char *format, struct buf *out)
{
    bole_slice rest = bole_slice_str(format);
    while (rest.len) {
        bole_slice after;
        buf_put(out, bole_slice_cut(rest, '{', &after));
        if (after.len)
            put_slot(p, bole_slice_cut(after, '}', &after), out);
        rest = after;
    }
}

/* ---- JSON and key=value ---- */

static const char *const key_names[] = {
    "status", "size", "user", "level", "msg", "duration", "ip", "id", "path", "trace", "count_of", "a.b", "a-b",
    "ünï", "nested", "time",
};

const char *line_key_random(struct random *random)
{
    return key_names[random_below(random, COUNT(key_names))];
}

static void draw_keys(struct line_program *p)
{
    static const char *const numeric[] = {"int", "seq", "float", "epoch", "limit"};
    p->key_count = 1 + below(p, COUNT(p->keys));
    for (size_t i = 0; i < p->key_count; i++) {
        bool is_number = chance(p, 35);
        p->keys[i] =
            (struct line_key){key_names[(i * 7 + p->style) % COUNT(key_names)],
                              is_number ? numeric[below(p, COUNT(numeric))] : line_slot_random(p->random), !is_number};
    }
}

static void put_text(struct line_program *p, struct buf *b, const struct line_key *key)
{
    struct buf value;
    buf_init(&value, NULL);
    line_slot_write(p, key->slot, &value);
    buf_put_json(b, buf_slice(&value), p->style & 8);
    buf_deinit(&value);
}

static void put_json_value(struct line_program *p, struct buf *b, const struct line_key *key, unsigned depth)
{
    static const char *const odd[] = {
        "null", "true", "false", "\"\"", "{}", "[]", "1.0", "1e400", "-0", "[1, 2,3]", "\"\\u00e9\\/\"",
        "{\"x\":[{\"y\":null}]}",
    };
    if (chance(p, 4))
        buf_put_str(b, odd[below(p, COUNT(odd))]);
    else if (depth < 3 && key->name[0] == 'n') {
        buf_put_str(b, p->style & 16 ? "{ \"in\": " : "{\"in\":");
        put_json_value(p, b, key, depth + 1);
        buf_put_str(b, ",\"k\":");
        put_int(p, b);
        buf_put_str(b, "}");
    } else if (key->is_string)
        put_text(p, b, key);
    else
        line_slot_write(p, key->slot, b);
}

static void write_json(struct line_program *p, struct buf *b)
{
    const char *comma = p->style & 16 ? ", " : p->style & 32 ? " ,\n  " : ",", *colon = p->style & 16 ? ": " : ":";
    size_t first = chance(p, 4) ? below(p, p->key_count) : 0; /* another order */
    bool comes_before = false;
    buf_put_str(b, p->style & 64 ? " {" : "{");
    for (size_t i = 0; i < p->key_count; i++) {
        const struct line_key *key = &p->keys[(first + i) % p->key_count];
        if (chance(p, 4))
            continue;
        buf_printf(b, "%s\"%s\"%s", comes_before ? comma : "", key->name, colon);
        put_json_value(p, b, key, 0);
        comes_before = true;
    }
    buf_put_str(b, chance(p, 98) ? "}" : "} {\"trailing\":1}");
}

static void write_logfmt(struct line_program *p, struct buf *b)
{
    for (size_t i = 0; i < p->key_count; i++) {
        const struct line_key *key = &p->keys[i];
        if (i)
            chance(p, 3) ? put_blank(p, b) : buf_put_u8(b, ' ');
        if (chance(p, 4))
            continue;
        buf_put_str(b, key->name);
        if (chance(p, 2))
            continue; /* a bare key */
        buf_put_u8(b, '=');
        if (key->is_string && (p->style & 8 || strcmp(key->slot, "word") == 0))
            put_text(p, b, key);
        else if (!chance(p, 2))
            line_slot_write(p, key->slot, b);
    }
}

/* ---- noise ---- */

static void write_noise(struct line_program *p, struct buf *b)
{
    switch (below(p, 8)) {
    case 0: return;
    case 1: put_bytes(p, b); return;
    case 2:
        for (size_t i = 0, n = below(p, 300); i < n; i++)
            buf_put_u8(b, (uint8_t)random_next(p->random));
        return;
    case 3:
        for (size_t i = 0, n = below(p, 60); i < n; i++)
            buf_put_u8(b, (uint8_t)("0123456789"[below(p, 10)]));
        return;
    case 4:
        for (size_t i = 0, n = below(p, 30); i < n; i++)
            buf_put_u8(b, (uint8_t)(" =:,[]\"/-_.\t|"[below(p, 13)]));
        return;
    case 5:
        for (size_t i = 0, n = below(p, 40); i < n; i++)
            buf_put_u8(b, (uint8_t)below(p, 32));
        return;
    case 6:
        for (size_t i = 0, n = below(p, 10); i < n; i++)
            line_slot_write(p, line_slot_random(p->random), b);
        return;
    default: write_format(p, formats[below(p, COUNT(formats))], b); return;
    }
}

/* A line as no program meant it: cut, flipped, repeated, with control bytes. */
static void mangle(struct line_program *p, struct buf *b, size_t from)
{
    size_t len = b->len - from;
    switch (below(p, 7)) {
    case 0: b->len -= below(p, len + 1); return;
    case 1:
        if (len)
            b->ptr[from + below(p, len)] ^= (uint8_t)(1u << below(p, 8));
        return;
    case 2:
        if (len)
            b->ptr[from + below(p, len)] = 0;
        return;
    case 3: buf_put_str(b, "\r"); return;
    case 4: buf_put_u8(b, (uint8_t)below(p, 256)); return;
    case 5: put_bytes(p, b); return;
    default:
        for (size_t n = chance(p, 5) ? 100000 : 3000; b->len - from < n;)
            line_slot_write(p, chance(p, 50) ? "word" : "hex16", b);
    }
}

struct line_program *line_program_create(struct random *random, struct arena *arena, bole_slice samples)
{
    struct line_program *p = arena_zalloc(arena, sizeof *p);
    assert(p != NULL);
    *p = (struct line_program){.random = random,
                               .style = (unsigned)random_next(random),
                               .samples = samples,
                               .counter = random_below(random, 1000000)};
    p->kind = (enum line_kind)below(p, LINE_KINDS);
    if (p->kind == LINES_SAMPLE && !samples.len)
        p->kind = LINES_FORMAT;
    if (p->kind == LINES_SAMPLE)
        bole_slice_cut(bole_slice_sub(samples, below(p, samples.len)), '\n', &p->rest);
    p->oddity = (unsigned)(chance(p, 30) ? 0 : below(p, 40));
    for (size_t i = 0; i < COUNT(p->formats); i++)
        p->formats[i] = p->kind == LINES_TEMPLATE ? random_template(random, arena) : formats[below(p, COUNT(formats))];
    draw_keys(p);
    return p;
}

void line_program_write(struct line_program *p, struct buf *out)
{
    size_t from = out->len;
    p->counter += 1 + below(p, 3);
    switch (p->kind) {
    case LINES_FORMAT:
    case LINES_TEMPLATE: write_format(p, p->formats[below(p, COUNT(p->formats))], out); break;
    case LINES_JSON: write_json(p, out); break;
    case LINES_LOGFMT: write_logfmt(p, out); break;
    case LINES_SAMPLE:
        if (!p->rest.len)
            p->rest = p->samples;
        buf_put(out, bole_slice_cut(p->rest, '\n', &p->rest));
        break;
    default: write_noise(p, out); break;
    }
    if (below(p, 1000) < p->oddity)
        mangle(p, out, from);
}
