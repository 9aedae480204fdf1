/*
 * Fluent's forward protocol, version 1: https://github.com/fluent/fluentd/wiki/Forward-Protocol-Specification-v1
 *
 * A message is one MessagePack array: [tag, time, record, option?], [tag, [[time, record], ...], option?] or [tag, bytes
 * of such entries, option?], whose bytes may be compressed. Where it ends is found by a scan that goes on with each
 * piece that arrives; it is decoded when it is whole. What is broken ends the connection: behind it nothing is known.
 * The messages in front of it are stored and answered. An event that is wrong by itself is a dead letter, its neighbours are stored
 * and the message is acknowledged: who heard nothing would send all of it again, for ever.
 *
 * Who got no acknowledgement sends a chunk again, usually over another connection. Of chunks that were stored a hash is remembered, for
 * CHUNKS_KNOWN of them: the same bytes are acknowledged again, and not stored. Their name alone would not do: some clients give the
 * same one to all.
 *
 * With a shared key the server says HELO, the client PING with a digest, the server PONG.
 */
#include <stdio.h>
#include <stdlib.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/clock.h"
#include "base/content.h"
#include "base/hash.h"
#include "process/service_name.h"
#include "receive/mapping.h"
#include "receive/msgpack.h"
#include "receive/socket.h"
#include "shim/number.h"

enum {
    MESSAGE_MAX = 32 * 1024 * 1024,  /* bytes; Fluentd's chunks are 8 MiB */
    UNPACKED_MAX = 64 * 1024 * 1024, /* of a compressed one */
    DEPTH_MAX = 32,                  /* of nesting in a record */
    NONCE_SIZE = 16,
    HASH_SIZE = 64,                /* SHA-512 */
    CHUNKS_MAX = 32,               /* of one call */
    CHUNKS_KNOWN = 4096, WAYS = 4,
    WRONG_MAX = 256,               /* entries of one call that are told one by one; what follows is one letter */
};
#define SERVER_NAME S("bole")

struct forward_session {
    struct msgpack_scan scan;
    bool                wants_ping;
    uint8_t             nonce[NONCE_SIZE];
    uint32_t            chunk_count;
    uint64_t            chunks[CHUNKS_MAX]; /* of the last call */
};

struct forward {
    struct mapping m;
    const struct socket_input *in;
    struct forward_session *session;
    struct buf     reply;
    struct buf     text;          /* of a value that has none of its own */
    bole_slice     tag;
    size_t         service_label; /* place of service_name among the labels; label_count: it is none of them */
    unsigned       wrong;         /* events */
    const char    *error;         /* the connection ends for this */
};

static const bole_slice line_names[] = {S("log"), S("message"), S("msg"), S("MESSAGE")};

static bool malformed(struct forward *f, const char *why)
{
    if (!f->error)
        f->error = why;
    return false;
}

/* ---- writing: what answers and dead letters need ---- */

/* `type` has its length in four bytes behind it. */
static void put_bytes(struct buf *out, uint8_t type, bole_slice s)
{
    const uint8_t head[] = {type, (uint8_t)(s.len >> 24), (uint8_t)(s.len >> 16), (uint8_t)(s.len >> 8), (uint8_t)s.len};
    buf_put(out, bole_slice_from(head, sizeof head));
    buf_put(out, s);
}

static void put_str(struct buf *out, bole_slice s)
{
    if (s.len >= 32) {
        put_bytes(out, 0xdb, s);
        return;
    }
    buf_put_u8(out, (uint8_t)(0xa0 | s.len));
    buf_put(out, s);
}

/* ---- the shared key ---- */

static void forward_start(const struct socket_input *in, struct random *random, bole_slice *ret_greeting)
{
    struct forward_session *session = in->session;
    struct buf out;
    if (!in->settings->shared_key.len)
        return;
    session->wants_ping = true;
    for (size_t i = 0; i < NONCE_SIZE; i += sizeof(uint64_t)) {
        uint64_t bits = random_next(random);
        memcpy(session->nonce + i, &bits, sizeof bits);
    }
    buf_init(&out, NULL);
    buf_put_u8(&out, 0x92);
    put_str(&out, S("HELO"));
    buf_put_u8(&out, 0x83);
    put_str(&out, S("nonce"));
    const uint8_t bin[] = {0xc4, NONCE_SIZE};
    buf_put(&out, bole_slice_from(bin, sizeof bin));
    buf_put(&out, bole_slice_from(session->nonce, NONCE_SIZE));
    put_str(&out, S("auth"));
    put_str(&out, S(""));
    put_str(&out, S("keepalive"));
    buf_put_u8(&out, 0xc3);
    *ret_greeting = arena_copy(in->in.arena, buf_slice(&out));
    buf_deinit(&out);
}

/* In hexadecimal, as it is sent. */
static bool digest(bole_slice salt, bole_slice host, const uint8_t nonce[NONCE_SIZE], bole_slice key, char ret_hex[2 * HASH_SIZE])
{
    uint8_t bytes[HASH_SIZE];
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = ctx && EVP_DigestInit_ex(ctx, EVP_sha512(), NULL) && EVP_DigestUpdate(ctx, salt.ptr, salt.len) &&
                EVP_DigestUpdate(ctx, host.ptr, host.len) && EVP_DigestUpdate(ctx, nonce, NONCE_SIZE) &&
                EVP_DigestUpdate(ctx, key.ptr, key.len) && EVP_DigestFinal_ex(ctx, bytes, NULL);
    EVP_MD_CTX_free(ctx);
    for (size_t i = 0; good && i < HASH_SIZE; i++) {
        ret_hex[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
        ret_hex[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
    }
    return good;
}

static bool next_text(struct msgpack *p, bole_slice *ret_text)
{
    struct msgpack_value v;
    if (!msgpack_next(p, &v) || (v.type != MSGPACK_STR && v.type != MSGPACK_BIN))
        return msgpack_fail(p, "expecting a string");
    *ret_text = v.bytes;
    return true;
}

/* ["PING", host, salt, digest, user, password] */
static bool take_ping(struct forward *f, bole_slice message)
{
    struct msgpack p = msgpack_of(message);
    struct msgpack_value head;
    bole_slice word, host, salt, sent, key = f->in->settings->shared_key;
    char hex[2 * HASH_SIZE];
    if (!msgpack_next(&p, &head) || head.type != MSGPACK_ARRAY || head.count != 6 || !next_text(&p, &word) ||
        !next_text(&p, &host) || !next_text(&p, &salt) || !next_text(&p, &sent) || !bole_slice_eq(word, S("PING")))
        return malformed(f, "expecting PING: the door asks for a shared key");
    bool good = digest(salt, host, f->session->nonce, key, hex) && sent.len == sizeof hex &&
                CRYPTO_memcmp(sent.ptr, hex, sizeof hex) == 0;
    buf_put_u8(&f->reply, 0x95);
    put_str(&f->reply, S("PONG"));
    buf_put_u8(&f->reply, good ? 0xc3 : 0xc2);
    put_str(&f->reply, good ? S("") : S("shared_key mismatch"));
    put_str(&f->reply, good ? SERVER_NAME : S(""));
    good = good && digest(salt, SERVER_NAME, f->session->nonce, key, hex);
    put_str(&f->reply, good ? bole_slice_from(hex, sizeof hex) : S(""));
    f->session->wants_ping = false;
    return good || malformed(f, "the shared key is wrong");
}

/* ---- records ---- */

/* Seconds as a number, or EventTime: extension 0 with seconds and nanoseconds. 0: it says nothing. */
static bool read_time(struct msgpack *p, const struct msgpack_value *v, int64_t *ret_ns)
{
    *ret_ns = 0;
    if (v->type == MSGPACK_EXT && v->ext_type == 0 && v->bytes.len == 8) {
        uint64_t nanoseconds = msgpack_be(v->bytes.ptr + 4, 4);
        *ret_ns = (int64_t)msgpack_be(v->bytes.ptr, 4) * NS_PER_S + (int64_t)(nanoseconds < NS_PER_S ? nanoseconds : 0);
    } else if (v->type == MSGPACK_UINT && v->number <= INT64_MAX / NS_PER_S) {
        *ret_ns = (int64_t)v->number * NS_PER_S;
    } else if (v->type == MSGPACK_FLOAT && v->real > 0 && v->real < 9e9) {
        *ret_ns = (int64_t)(v->real * 1e9);
    } else if (v->type != MSGPACK_NIL) {
        return msgpack_fail(p, "a time is expected");
    }
    return true;
}

static void put_hex(struct buf *out, bole_slice bytes)
{
    for (size_t i = 0; i < bytes.len; i++)
        buf_printf(out, "%02x", bytes.ptr[i]);
}

static void put_scalar(struct buf *out, const struct msgpack_value *v)
{
    char number[NUMBER_TEXT_MAX];
    switch (v->type) {
    case MSGPACK_BOOL: buf_put(out, v->truth ? S("true") : S("false")); break;
    case MSGPACK_UINT: buf_put_uint(out, v->number); break;
    case MSGPACK_INT: buf_put_int(out, (int64_t)v->number); break;
    case MSGPACK_FLOAT: buf_put(out, bole_slice_from(number, number_format(v->real, number))); break;
    case MSGPACK_EXT: put_hex(out, v->bytes); break;
    default: break;
    }
}

static bool is_text(const struct msgpack_value *v)
{
    return v->type == MSGPACK_STR || v->type == MSGPACK_BIN;
}

/* As JSON. What JSON has no form for is a string. */
static bool put_json(struct msgpack *p, struct buf *out, const struct msgpack_value *v, unsigned depth)
{
    struct msgpack_value inner;
    bool map = v->type == MSGPACK_MAP;
    if (depth > DEPTH_MAX)
        return msgpack_fail(p, "nested too deeply");
    if (is_text(v)) {
        buf_put_json(out, v->bytes, false);
    } else if (v->type == MSGPACK_NIL) {
        buf_put(out, S("null"));
    } else if (v->type != MSGPACK_ARRAY && !map) {
        bool quoted = v->type == MSGPACK_EXT || (v->type == MSGPACK_FLOAT && !(v->real - v->real == 0));
        buf_put(out, quoted ? S("\"") : S(""));
        put_scalar(out, v);
        buf_put(out, quoted ? S("\"") : S(""));
    } else {
        buf_put_u8(out, map ? '{' : '[');
        for (uint32_t i = 0; i < v->count; i++) {
            buf_put(out, i ? S(",") : S(""));
            if (map) {
                if (!msgpack_next(p, &inner) || !is_text(&inner))
                    return msgpack_fail(p, "the name of a field is no string");
                buf_put_json(out, inner.bytes, false);
                buf_put_u8(out, ':');
            }
            if (!msgpack_next(p, &inner) || !put_json(p, out, &inner, depth + 1))
                return false;
        }
        buf_put_u8(out, map ? '}' : ']');
    }
    return true;
}

/* The text of a value, in the scratch arena when it has none of its own. False: the call, or the message, is over. */
static bool value_text(struct forward *f, struct msgpack *p, const struct msgpack_value *v, bole_slice *ret_text)
{
    if (is_text(v)) {
        *ret_text = v->bytes;
        return true;
    }
    buf_reset(&f->text);
    if (v->type == MSGPACK_ARRAY) {
        if (!put_json(p, &f->text, v, 1))
            return false;
    } else {
        put_scalar(&f->text, v);
    }
    *ret_text = f->text.failed ? (bole_slice){0} : arena_copy(&f->m.d->r->scratch, buf_slice(&f->text));
    return ret_text->ptr || door_no_memory(f->m.d, "a value");
}

/* The pairs of a map, below the path in m->path. */
static bool read_pairs(struct forward *f, struct msgpack *p, uint32_t count, unsigned depth)
{
    struct mapping *m = &f->m;
    size_t parent = m->path.len;
    if (depth > DEPTH_MAX)
        return msgpack_fail(p, "nested too deeply");
    for (uint32_t i = 0; i < count; i++) {
        struct msgpack_value key, value;
        bole_slice text;
        if (!msgpack_next(p, &key) || !is_text(&key))
            return msgpack_fail(p, "the name of a field is no string");
        if (!msgpack_next(p, &value))
            return false;
        buf_put(&m->path, key.bytes);
        if (value.type == MSGPACK_MAP) {
            buf_put_u8(&m->path, '.');
            if (!m->path.failed && !read_pairs(f, p, value.count, depth + 1))
                return false;
        } else if (!value_text(f, p, &value, &text) || (!m->path.failed && !mapping_add(m, buf_slice(&m->path), text))) {
            return false;
        }
        if (m->path.failed)
            return door_no_memory(m->d, "the names of fields");
        m->path.len = parent;
    }
    return true;
}

/* A record without a line has its JSON as one. */
static bool record_json(struct forward *f, bole_slice record, bole_slice *ret_text)
{
    struct msgpack p = msgpack_of(record);
    struct msgpack_value v;
    buf_reset(&f->text);
    if (!msgpack_next(&p, &v) || !put_json(&p, &f->text, &v, 1))
        return false;
    *ret_text = f->text.failed ? (bole_slice){0} : arena_copy(&f->m.d->r->scratch, buf_slice(&f->text));
    return ret_text->ptr || door_no_memory(f->m.d, "a line");
}

/* The record at the cursor. False: the call is over, or p has an error. */
static bool read_record(struct forward *f, struct msgpack *p, int64_t time_ns)
{
    struct mapping *m = &f->m;
    struct msgpack_value v;
    const uint8_t *begin = p->next;
    bole_slice line = {0};
    if (!msgpack_next(p, &v) || v.type != MSGPACK_MAP)
        return msgpack_fail(p, "a record is a map");
    if (!read_pairs(f, p, v.count, 1))
        return false;
    if (m->best_line.rank == MAPPING_NONE && !record_json(f, bole_slice_from(begin, (size_t)(p->next - begin)), &line))
        return false;
    if (f->service_label < m->label_count && m->best_label[f->service_label].rank == MAPPING_NONE && f->tag.len)
        mapping_set_label(m, f->service_label, f->tag);
    return mapping_add(m, S("tag"), f->tag) && mapping_add(m, S("sender"), f->in->sender) && mapping_store(m, line, time_ns);
}

/* time, record; Fluent Bit may send [time, metadata] for the time. */
static bool read_event(struct forward *f, struct msgpack *p)
{
    struct msgpack_value v, metadata;
    int64_t time_ns;
    f->m.number++;
    mapping_begin(&f->m);
    if (!msgpack_next(p, &v))
        return false;
    if (v.type != MSGPACK_ARRAY)
        return read_time(p, &v, &time_ns) && read_record(f, p, time_ns);
    return v.count == 2 && msgpack_next(p, &v) && read_time(p, &v, &time_ns) && msgpack_next(p, &metadata) &&
           metadata.type == MSGPACK_MAP && read_pairs(f, p, metadata.count, 1) && read_record(f, p, time_ns);
}

static bool read_entry(struct forward *f, struct msgpack *p)
{
    struct msgpack_value v;
    if (!msgpack_next(p, &v) || v.type != MSGPACK_ARRAY || v.count != 2)
        return msgpack_fail(p, "an entry is [time, record]");
    return read_event(f, p);
}

/* A dead letter is a message of its own, which is taken as this one would have been. */
static void begin_letter(struct forward *f)
{
    buf_reset(&f->text);
    buf_put_u8(&f->text, 0x92);
    put_str(&f->text, f->tag);
}

static void bury(struct forward *f)
{
    if (!f->text.failed)
        door_bury(f->m.d, DEAD_LETTER_RAW, f->m.d->reject_reason, f->m.d->reject_text, buf_slice(&f->text));
}

/* The rest of the entries of a message. */
static void give_up(struct forward *f, bole_slice rest, const char *why)
{
    door_reject(f->m.d, RECEIVE_MALFORMED, 1, "%s", why);
    begin_letter(f);
    put_bytes(&f->text, 0xc6, rest);
    bury(f);
}

/* The event at the cursor, an entry of a list or what stands in a message itself. What is wrong with it costs it alone. False:
 * the call is over, or p has an error: nothing is known of what follows. */
static bool take_event(struct forward *f, struct msgpack *p, bool is_entry)
{
    struct door *d = f->m.d;
    struct msgpack start = *p;
    uint64_t rejected = d->result->rejected;
    size_t letters = d->dead_count;
    if (!(is_entry ? read_entry(f, p) : read_event(f, p))) {
        const char *why = p->error ? p->error : "an entry is [time, record]";
        if (d->over)
            return false;
        *p = start;
        if (is_entry && f->wrong >= WRONG_MAX)
            return msgpack_fail(p, "too many entries that are wrong");
        if (!msgpack_skip(p) || (!is_entry && !msgpack_skip(p)))
            return false;
        mapping_begin(&f->m);
        door_reject(d, RECEIVE_MALFORMED, 1, "%s", why);
    }
    f->wrong += d->result->rejected > rejected;
    if (d->result->rejected > rejected && d->dead_count == letters) {
        begin_letter(f);
        buf_put(&f->text, is_entry ? S("\x91") : S("\x91\x92"));
        buf_put(&f->text, bole_slice_from(start.next, (size_t)(p->next - start.next)));
        bury(f);
    }
    return true;
}

/* ---- messages ---- */

struct option {
    bole_slice          chunk;
    enum content_coding coding; /* of packed entries */
};

static bool read_option(struct forward *f, struct msgpack *p, struct option *ret_option)
{
    struct msgpack_value head, v;
    *ret_option = (struct option){0};
    if (!msgpack_next(p, &head) || head.type == MSGPACK_NIL)
        return !p->error;
    if (head.type != MSGPACK_MAP)
        return msgpack_fail(p, "the option is no map");
    for (uint32_t i = 0; i < head.count; i++) {
        bole_slice name;
        if (!next_text(p, &name) || !msgpack_next(p, &v) || !msgpack_skip_rest(p, &v))
            return false;
        if (bole_slice_eq(name, S("chunk")) && is_text(&v))
            ret_option->chunk = v.bytes;
        if (bole_slice_eq(name, S("compressed")) && is_text(&v) && !bole_slice_eq(v.bytes, S("text"))) {
            ret_option->coding = content_coding_of(v.bytes);
            if (ret_option->coding != CONTENT_GZIP && ret_option->coding != CONTENT_ZSTD)
                return malformed(f, "a compression other than gzip and zstd");
        }
    }
    return true;
}

/* Entries one behind the other. */
static bool take_entries(struct forward *f, bole_slice entries)
{
    struct msgpack p = msgpack_of(entries);
    while (p.next < p.end) {
        const uint8_t *at = p.next;
        if (take_event(f, &p, true))
            continue;
        if (f->m.d->over)
            return false;
        give_up(f, bole_slice_sub(entries, (size_t)(at - entries.ptr)), p.error);
    }
    return true;
}

static bool read_packed(struct forward *f, bole_slice entries, enum content_coding coding)
{
    struct bole_err err;
    struct buf *decoded = &f->m.d->r->decoded;
    if (coding != CONTENT_IDENTITY) {
        buf_reset(decoded);
        bole_status st = content_decode(coding, entries, UNPACKED_MAX, decoded, &err);
        if (st == BOLE_E_NOMEM)
            return door_no_memory(f->m.d, "compressed entries");
        if (st < 0)
            return malformed(f, st == BOLE_E_LIMIT ? "too much after decompression" : "compressed entries are broken");
        entries = buf_slice(decoded);
    }
    return take_entries(f, entries);
}

static void acknowledge(struct forward *f, bole_slice chunk)
{
    buf_put_u8(&f->reply, 0x81);
    put_str(&f->reply, S("ack"));
    put_str(&f->reply, chunk);
}

static bool is_in(const uint64_t *hashes, size_t count, uint64_t hash)
{
    for (size_t i = 0; i < count; i++)
        if (hashes[i] == hash)
            return true;
    return false;
}

/* Stored already, or with this call's records. */
static bool is_known(const struct forward *f, uint64_t hash)
{
    const uint64_t *known = f->m.d->r->chunks;
    return is_in(f->session->chunks, f->session->chunk_count, hash) ||
           (known && is_in(known + hash % (CHUNKS_KNOWN / WAYS) * WAYS, WAYS, hash));
}

static void forward_stored(struct receiver *r, const void *session)
{
    const struct forward_session *s = session;
    if (s->chunk_count && !r->chunks)
        r->chunks = calloc(CHUNKS_KNOWN, sizeof *r->chunks);
    for (uint32_t i = 0; r->chunks && i < s->chunk_count; i++) { /* the oldest of its place goes */
        uint64_t *place = r->chunks + s->chunks[i] % (CHUNKS_KNOWN / WAYS) * WAYS;
        memmove(place + 1, place, (WAYS - 1) * sizeof *place);
        place[0] = s->chunks[i];
    }
}

/* The option stands behind the records, and says how to read them. */
static bool find_option(struct forward *f, struct msgpack p, uint32_t values_before, bool there, struct option *ret_option)
{
    *ret_option = (struct option){0};
    if (!there)
        return true;
    for (uint32_t i = 0; i < values_before; i++)
        if (!msgpack_skip(&p))
            return false;
    return read_option(f, &p, ret_option);
}

static bool take_message(struct forward *f, bole_slice message)
{
    struct msgpack p = msgpack_of(message), ahead;
    struct msgpack_value head, second;
    struct option option;
    if (f->session->wants_ping)
        return take_ping(f, message);
    if (!msgpack_next(&p, &head) || head.type == MSGPACK_NIL)
        return true; /* a heartbeat */
    if (head.type != MSGPACK_ARRAY || head.count < 2 || head.count > 4 || !next_text(&p, &f->tag))
        return malformed(f, "a message is [tag, ...]");
    ahead = p;
    if (!msgpack_next(&ahead, &second))
        return malformed(f, "a message is [tag, ...]");
    bool packed = is_text(&second), list = second.type == MSGPACK_ARRAY;
    uint32_t values = packed || list ? 1 : 2;
    if (head.count < 1 + values || !find_option(f, p, values, head.count > 1 + values, &option))
        return malformed(f, "the message is too short, or its option cannot be read");
    uint64_t hash = option.chunk.len ? hash64(message) : 0;
    if (option.chunk.len && is_known(f, hash)) {
        acknowledge(f, option.chunk);
        return true;
    }
    bool good;
    if (packed) {
        good = read_packed(f, second.bytes, option.coding);
    } else if (list) {
        msgpack_skip(&p); /* the scan has seen that it is whole */
        good = take_entries(f, bole_slice_from(ahead.next, (size_t)(p.next - ahead.next)));
    } else {
        good = take_event(f, &p, false);
    }
    if (good && option.chunk.len) {
        acknowledge(f, option.chunk);
        f->session->chunks[f->session->chunk_count++] = hash;
    }
    return good;
}

static bool begin(struct forward *f, struct door *d)
{
    struct mapping *m = &f->m;
    if (!d->result->request && !door_begin(d, d->in->body.len))
        return false;
    if (m->d)
        return true;
    mapping_init(m, d, "record");
    m->line = MAPPING_NAMES(line_names);
    for (f->service_label = 0; f->service_label < m->label_count; f->service_label++)
        if (bole_slice_eq(m->labels[f->service_label].name, SERVICE_NAME_LABEL))
            break;
    return mapping_ready(m);
}

static void take_messages(struct forward *f, struct door *d, struct socket_result *result)
{
    bole_slice body = f->in->in.body;
    struct msgpack_scan *scan = &f->session->scan;
    size_t at = 0;
    f->session->chunk_count = 0;
    while (at < body.len && !d->over && f->session->chunk_count < CHUNKS_MAX) {
        bole_slice rest = bole_slice_from(body.ptr + at, body.len - at);
        enum msgpack_end end = msgpack_scan(scan, rest, MESSAGE_MAX, &result->wanted);
        if (end == MSGPACK_MORE)
            break;
        bole_slice message = bole_slice_from(rest.ptr, scan->at);
        size_t len = scan->at;
        *scan = (struct msgpack_scan){0};
        result->wanted = 0;
        if (end == MSGPACK_BAD)
            malformed(f, "no MessagePack, or too large");
        if (f->error || !begin(f, d) || !take_message(f, message))
            break;
        at += len;
    }
    result->used = at;
}

static void forward_take(struct receiver *r, const struct socket_input *in, struct socket_result *ret_result)
{
    *ret_result = (struct socket_result){0};
    struct door d = door_open(r, &in->in, &ret_result->records);
    d.name = "forward";
    struct forward *f = calloc(1, sizeof *f);
    ret_result->records.status = 204;
    if (!f) {
        door_no_memory(&d, "a message");
        return;
    }
    f->in = in;
    f->session = in->session;
    buf_init(&f->reply, r->options.budget);
    buf_init(&f->text, r->options.budget);
    take_messages(f, &d, ret_result);
    if (f->error) {
        d.suspect = bole_slice_sub(in->in.body, ret_result->used);
        door_reject(&d, RECEIVE_MALFORMED, 1, "%s", f->error);
        ret_result->over = true;
    }
    if (f->reply.failed && !d.over)
        door_no_memory(&d, "the reply");
    else
        ret_result->reply = arena_copy(in->in.arena, buf_slice(&f->reply));
    if (f->m.d)
        mapping_deinit(&f->m);
    buf_deinit(&f->reply);
    buf_deinit(&f->text);
    free(f);
    door_close(&d);
}

const struct socket_protocol forward_protocol = {
    .name = "forward",
    .session_size = sizeof(struct forward_session),
    .message_max = MESSAGE_MAX,
    .start = forward_start,
    .take = forward_take,
    .stored = forward_stored,
};
