/*
 * GELF's doors without HTTP.
 *
 * A datagram is a message as JSON, gzip or zlib, or one chunk of such: 1e 0f, eight bytes of id, number, count, data.
 * Chunks wait for their neighbours for five seconds. On TCP a message is JSON and ends with NUL.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/content.h"
#include "base/hash.h"
#include "receive/gelf.h"
#include "receive/socket.h"

enum {
    MESSAGE_MAX = 2 * 1024 * 1024,  /* bytes of JSON */
    CHUNKS_MAX = 128,               /* of one message */
    CHUNK_HEAD = 12,
    WAITING_MAX = 256,              /* messages that are not whole */
    WAITING_SIZE_MAX = 16 * 1024 * 1024, /* bytes of them all */
};
#define WAIT_NS (5 * NS_PER_S)

struct gelf_stream { /* a TCP connection's session */
    size_t searched;    /* bytes at the beginning of the body without a NUL */
    bool   in_long;     /* everything up to the next NUL is the rest of a message that is too long */
};

struct waiting { /* a message of which chunks are missing; count 0: a free place */
    uint8_t  id[8];
    uint64_t sender;    /* hash of it */
    int64_t  since_ns;
    uint8_t  count, have;
    bool     come[CHUNKS_MAX];
    bole_slice chunks[CHUNKS_MAX]; /* owned */
    size_t   size;
};

struct gelf_chunks { /* the UDP door's session */
    struct waiting *waiting; /* [WAITING_MAX], NULL before the first */
    size_t          size;
};

/* False: the call is over. */
static bool store_message(struct mapping *m, bole_slice text, bole_slice sender)
{
    struct json_positions positions;
    struct bole_err why;
    m->number++;
    m->d->suspect = text;
    if (!door_index(m->d, text, &positions, &why))
        return false;
    if (why.msg[0]) {
        door_reject(m->d, RECEIVE_MALFORMED, 1, "message %llu: invalid JSON: %s", (unsigned long long)m->number, why.msg);
        return true;
    }
    m->j = json_of(text, &positions);
    mapping_document(m, text);
    if (gelf_store_from(m, sender) || m->d->over)
        return !m->d->over;
    if (m->j.no_memory)
        return door_no_memory(m->d, "a string");
    door_reject(m->d, RECEIVE_MALFORMED, 1, "message %llu: invalid JSON: %s", (unsigned long long)m->number,
                m->j.error ? m->j.error : "expecting an object");
    return true;
}

static bool store_packet(struct mapping *m, bole_slice packet, bole_slice sender)
{
    struct door *d = m->d;
    struct buf *decoded = &d->r->decoded;
    struct bole_err err;
    enum content_coding coding = content_coding_guess(packet);
    if (coding != CONTENT_IDENTITY) {
        buf_reset(decoded);
        d->suspect = packet;
        bole_status st = content_decode(coding, packet, MESSAGE_MAX, decoded, &err);
        if (st == BOLE_E_NOMEM)
            return door_no_memory(d, "a message");
        if (st < 0) {
            door_reject(d, st == BOLE_E_LIMIT ? RECEIVE_LINE_TOO_LONG : RECEIVE_MALFORMED, 1, "%s", err.msg);
            return true;
        }
        packet = buf_slice(decoded);
    }
    return store_message(m, packet, sender);
}

static struct mapping *begin(struct door *d)
{
    struct mapping *m = calloc(1, sizeof *m);
    if (!m) {
        door_no_memory(d, "messages");
        return NULL;
    }
    mapping_init(m, d, "message");
    (void)gelf_ready(m); /* else the call is over, which everybody sees */
    return m;
}

static void end(struct mapping *m)
{
    if (m)
        mapping_deinit(m);
    free(m);
}

/* ---- TCP ---- */

/* The message at the beginning of s, without its NUL. False: it is not whole. *ret_len: bytes that go. */
static bool next_message(struct gelf_stream *stream, bole_slice s, bool at_end, bole_slice *ret_message, size_t *ret_len)
{
    size_t from = stream->searched < s.len ? stream->searched : 0;
    const uint8_t *end = memchr(s.ptr + from, 0, s.len - from);
    *ret_message = (bole_slice){0};
    *ret_len = end ? (size_t)(end - s.ptr) + 1 : s.len;
    stream->searched = 0;
    if (stream->in_long) {
        stream->in_long = !end;
        return true;
    }
    if (!end && !at_end && s.len <= MESSAGE_MAX) {
        stream->searched = s.len;
        *ret_len = 0;
        return false;
    }
    *ret_message = bole_slice_from(s.ptr, end ? *ret_len - 1 : s.len);
    stream->in_long = !end && !at_end;
    return true;
}

static void gelf_take(struct receiver *r, const struct socket_input *in, struct socket_result *ret_result)
{
    *ret_result = (struct socket_result){0};
    struct door d = door_open(r, &in->in, &ret_result->records);
    d.name = "gelf";
    bole_slice body = in->in.body, message;
    struct mapping *m = NULL;
    size_t len = 0;
    ret_result->records.status = 204;
    for (size_t at = 0; at < body.len && !d.over; at += len) {
        bool whole = next_message(in->session, bole_slice_from(body.ptr + at, body.len - at), in->at_end, &message, &len);
        ret_result->used = at + len;
        if (!whole)
            break;
        message = bole_slice_trim(message);
        if (!message.len)
            continue;
        if (!m && (!door_begin(&d, body.len) || !(m = begin(&d)) || d.over))
            break;
        if (message.len > MESSAGE_MAX)
            door_reject(&d, RECEIVE_LINE_TOO_LONG, 1, "a message of more than %d bytes", MESSAGE_MAX);
        else
            store_message(m, message, in->sender);
    }
    end(m);
    door_close(&d);
}

/* ---- chunks ---- */

static void forget(struct gelf_chunks *all, struct waiting *w)
{
    for (size_t i = 0; i < w->count; i++)
        free((void *)w->chunks[i].ptr);
    all->size -= w->size;
    *w = (struct waiting){0};
}

static void forget_counted(struct gelf_chunks *all, struct waiting *w, struct socket_result *result)
{
    forget(all, w);
    result->incomplete++;
}

/* The place of this message, or a free one; the oldest goes when there is none. Old ones go anyway. */
static struct waiting *find_waiting(struct gelf_chunks *all, const uint8_t id[8], uint64_t sender, int64_t now_ns,
                                    struct socket_result *result)
{
    struct waiting *found = NULL, *free_one = NULL, *oldest = NULL;
    for (size_t i = 0; i < WAITING_MAX; i++) {
        struct waiting *w = &all->waiting[i];
        if (w->count && (now_ns - w->since_ns > WAIT_NS || now_ns < w->since_ns))
            forget_counted(all, w, result);
        if (!w->count)
            free_one = w;
        else if (memcmp(w->id, id, 8) == 0 && w->sender == sender)
            found = w;
        else if (!oldest || w->since_ns < oldest->since_ns)
            oldest = w;
    }
    if (found)
        return found;
    if (!free_one || all->size > WAITING_SIZE_MAX) {
        if (!oldest)
            return NULL;
        forget_counted(all, oldest, result);
        free_one = oldest;
    }
    return free_one;
}

/* All chunks in one piece, which the caller frees; ptr NULL: no memory. */
static bole_slice join(const struct waiting *w)
{
    uint8_t *whole = malloc(w->size ? w->size : 1);
    size_t len = 0;
    for (size_t i = 0; whole && i < w->count; i++) {
        if (w->chunks[i].len)
            memcpy(whole + len, w->chunks[i].ptr, w->chunks[i].len);
        len += w->chunks[i].len;
    }
    return bole_slice_from(whole, len);
}

/* False: the call is over. */
static bool take_chunk(struct mapping *m, struct gelf_chunks *all, bole_slice packet, bole_slice sender,
                       struct socket_result *result)
{
    struct door *d = m->d;
    uint8_t number = packet.len >= CHUNK_HEAD ? packet.ptr[10] : 0, count = packet.len >= CHUNK_HEAD ? packet.ptr[11] : 0;
    if (number >= count || count > CHUNKS_MAX) {
        door_reject(d, RECEIVE_MALFORMED, 1, "a chunk that is none");
        return true;
    }
    if (!all->waiting && !(all->waiting = calloc(WAITING_MAX, sizeof *all->waiting)))
        return door_no_memory(d, "chunks");
    struct waiting *w = find_waiting(all, packet.ptr + 2, hash64(sender), d->now_ns, result);
    if (!w || (w->count && w->count != count)) {
        door_reject(d, RECEIVE_MALFORMED, 1, "a chunk that does not fit its neighbours");
        return true;
    }
    if (w->come[number])
        return true; /* UDP may deliver twice */
    bole_slice data = bole_slice_sub(packet, CHUNK_HEAD);
    uint8_t *copy = malloc(data.len ? data.len : 1);
    if (!copy)
        return door_no_memory(d, "chunks");
    if (data.len)
        memcpy(copy, data.ptr, data.len);
    if (!w->count) {
        memcpy(w->id, packet.ptr + 2, sizeof w->id);
        w->sender = hash64(sender);
        w->since_ns = d->now_ns;
        w->count = count;
    }
    w->come[number] = true;
    w->chunks[number] = bole_slice_from(copy, data.len);
    w->size += data.len;
    all->size += data.len;
    if (++w->have < w->count)
        return true;
    bole_slice whole = join(w);
    forget(all, w);
    bool good = whole.ptr ? store_packet(m, whole, sender) : door_no_memory(d, "chunks");
    free((void *)whole.ptr);
    return good;
}

static void gelf_take_datagrams(struct receiver *r, const struct socket_input *in,
                                const struct socket_datagram *datagrams, size_t count, struct socket_result *ret_result)
{
    *ret_result = (struct socket_result){0};
    struct door d = door_open(r, &in->in, &ret_result->records);
    d.name = "gelf";
    ret_result->records.status = 204;
    struct mapping *m = door_begin(&d, in->in.body.len) ? begin(&d) : NULL;
    bool going_on = m && !d.over;
    ret_result->used = going_on ? count : 0;
    for (size_t i = 0; going_on && i < count; i++) {
        bole_slice packet = datagrams[i].bytes;
        bool chunk = packet.len > 1 && packet.ptr[0] == 0x1e && packet.ptr[1] == 0x0f;
        door_sender(m->d, datagrams[i].sender);
        going_on = chunk ? take_chunk(m, in->session, packet, datagrams[i].sender, ret_result)
                         : store_packet(m, packet, datagrams[i].sender);
    }
    end(m);
    door_close(&d);
}

static void gelf_end_datagrams(void *session)
{
    struct gelf_chunks *all = session;
    for (size_t i = 0; all->waiting && i < WAITING_MAX; i++)
        forget(all, &all->waiting[i]);
    free(all->waiting);
    *all = (struct gelf_chunks){0};
}

const struct socket_protocol gelf_protocol = {
    .name = "gelf",
    .session_size = sizeof(struct gelf_chunks) > sizeof(struct gelf_stream) ? sizeof(struct gelf_chunks)
                                                                             : sizeof(struct gelf_stream),
    .message_max = MESSAGE_MAX + 1,
    .take = gelf_take,
    .take_datagrams = gelf_take_datagrams,
    .end_datagrams = gelf_end_datagrams,
};
