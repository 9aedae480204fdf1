/*
 * RELP, the reliable event logging protocol: https://www.rsyslog.com/doc/relp.html
 *
 * A frame is "TXNR COMMAND LEN[ DATA]\n"; each is answered by "TXNR rsp LEN 200 OK\n", those of command syslog when the
 * message is durable. What is not answered the sender sends again to its next connection.
 */
#include "receive/socket.h"
#include "receive/syslog.h"

enum { MESSAGE_MAX = RECORD_LINE_MAX, DIGITS_MAX = 9, COMMAND_MAX = 32, HEAD_MAX = 2 * DIGITS_MAX + COMMAND_MAX + 3 };

#define OFFERS S("200 OK\nrelp_version=0\nrelp_software=bole\ncommands=syslog")

struct relp_session {
    uint64_t skip; /* bytes of a message that is too long, still to come, with the end of its frame */
    bool     open;
};

struct frame {
    bole_slice number, command, data;
    size_t     len;  /* of the frame, as far as it is taken */
    uint64_t   skip; /* bytes of it that are still to come */
};

enum parse { PARSE_WHOLE, PARSE_MORE, PARSE_BAD };

/* A word of the head and the byte behind it, which goes to *ret_end. */
static enum parse take_word(bole_slice *rest, size_t max, bole_slice *ret_word, uint8_t *ret_end)
{
    size_t n = 0;
    while (n < rest->len && n <= max && rest->ptr[n] != ' ' && rest->ptr[n] != '\n')
        n++;
    if (n > max || (n == 0 && rest->len))
        return PARSE_BAD;
    if (n == rest->len)
        return PARSE_MORE;
    *ret_word = bole_slice_from(rest->ptr, n);
    *ret_end = rest->ptr[n];
    *rest = bole_slice_sub(*rest, n + 1);
    return PARSE_WHOLE;
}

static bool read_number(bole_slice word, uint64_t *ret_value)
{
    *ret_value = 0;
    for (size_t i = 0; i < word.len; i++) {
        if (word.ptr[i] < '0' || word.ptr[i] > '9')
            return false;
        *ret_value = *ret_value * 10 + (word.ptr[i] - '0');
    }
    return word.len > 0;
}

/* *ret_wanted: bytes that there must be at least, for MORE. */
static enum parse next_frame(bole_slice body, struct frame *f, size_t *ret_wanted)
{
    bole_slice rest = body, length;
    uint8_t end = ' ';
    uint64_t number, len;
    enum parse p = take_word(&rest, DIGITS_MAX, &f->number, &end);
    *ret_wanted = 0;
    if (p == PARSE_WHOLE)
        p = end == ' ' ? take_word(&rest, COMMAND_MAX, &f->command, &end) : PARSE_BAD;
    if (p == PARSE_WHOLE)
        p = end == ' ' ? take_word(&rest, DIGITS_MAX, &length, &end) : PARSE_BAD;
    if (p != PARSE_WHOLE)
        return p;
    if (!read_number(f->number, &number) || !read_number(length, &len) || (end == '\n' && len != 0))
        return PARSE_BAD;
    size_t head = (size_t)(length.ptr + length.len + 1 - body.ptr), kept = len > MESSAGE_MAX ? MESSAGE_MAX : (size_t)len;
    bool ended = end == '\n'; /* an empty frame may have no blank in front of its end */
    if (body.len - head < kept + (kept == len && !ended)) {
        *ret_wanted = head + kept + (kept == len && !ended);
        return PARSE_MORE;
    }
    f->data = bole_slice_from(body.ptr + head, kept);
    f->len = head + kept;
    f->skip = kept < len ? len - kept + 1 : 0;
    if (kept == len && !ended && body.ptr[f->len++] != '\n')
        return PARSE_BAD;
    return PARSE_WHOLE;
}

static void answer(struct buf *out, bole_slice number, bole_slice text)
{
    buf_put(out, number);
    buf_printf(out, " rsp %zu", text.len);
    buf_put(out, text.len ? S(" ") : S(""));
    buf_put(out, text);
    buf_put(out, S("\n"));
}

/* False: the connection, or the call, is over. */
static bool take_frame(struct door *d, const struct socket_input *in, const struct frame *f, struct buf *replies,
                       struct socket_result *result)
{
    struct relp_session *session = in->session;
    if (bole_slice_eq(f->command, S("open"))) {
        session->open = true;
        answer(replies, f->number, OFFERS);
    } else if (bole_slice_eq(f->command, S("close"))) {
        answer(replies, f->number, (bole_slice){0});
        buf_put(replies, S("0 serverclose 0\n"));
        result->over = true;
        return false;
    } else if (!session->open || !bole_slice_eq(f->command, S("syslog"))) {
        answer(replies, f->number, session->open ? S("500 unsupported command") : S("500 the session is not open"));
    } else {
        if (!d->result->request && !door_begin(d, in->in.body.len))
            return false;
        result->cut += f->skip > 0;
        if (f->data.len && !syslog_store(d, f->data, in->sender, f->skip > 0))
            return false;
        session->skip = f->skip;
        answer(replies, f->number, S("200 OK"));
    }
    return true;
}

static void relp_take(struct receiver *r, const struct socket_input *in, struct socket_result *ret_result)
{
    *ret_result = (struct socket_result){0};
    struct door d = door_open(r, &in->in, &ret_result->records);
    d.name = "relp";
    struct relp_session *session = in->session;
    bole_slice body = in->in.body;
    struct buf replies;
    buf_init(&replies, r->options.budget);
    ret_result->records.status = 204;
    for (size_t at = 0;;) {
        struct frame f = {0};
        size_t gap = session->skip < body.len - at ? (size_t)session->skip : body.len - at;
        session->skip -= gap;
        ret_result->used = at += gap;
        if (at == body.len)
            break;
        enum parse p = next_frame(bole_slice_from(body.ptr + at, body.len - at), &f, &ret_result->wanted);
        if (p == PARSE_BAD) {
            d.suspect = bole_slice_from(body.ptr + at, body.len - at);
            door_reject(&d, RECEIVE_MALFORMED, 1, "no frame of RELP");
            ret_result->over = true;
        }
        if (p != PARSE_WHOLE || !take_frame(&d, in, &f, &replies, ret_result))
            break;
        at += f.len;
    }
    if (replies.failed && !d.over)
        door_no_memory(&d, "answers");
    else
        ret_result->reply = arena_copy(in->in.arena, buf_slice(&replies));
    buf_deinit(&replies);
    door_close(&d);
}

const struct socket_protocol relp_protocol = {
    .name = "relp",
    .opening = "1 open 0\n",
    .session_size = sizeof(struct relp_session),
    .message_max = MESSAGE_MAX + HEAD_MAX + 1,
    .take = relp_take,
};
