/*
 * Syslog's doors: messages out of a connection's bytes, or one from each datagram.
 *
 * A connection carries messages in two framings (RFC 6587), and which one is told by each message's first bytes: "LEN <"
 * is counted octets, all else ends with a line feed, or with a NUL when that is what the connection's first message ends
 * with (Python's SysLogHandler). A message without priority that begins with a number and a blank is a line.
 */
#include "receive/socket.h"
#include "receive/syslog.h"

enum { MESSAGE_MAX = RECORD_LINE_MAX, COUNT_DIGITS_MAX = 9 };

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

struct syslog_session {
    uint64_t skip;        /* bytes of a counted message that is too long, still to come */
    size_t   searched;    /* bytes at the beginning of the body in which no end of a message is */
    bool     in_cut_line; /* everything up to the next end is the rest of a line that was too long */
    bool     ends_known;  /* one line has been taken: its end is the end of all others */
    bool     ends_with_nul;
};

struct frame {
    bole_slice message;
    size_t     len;    /* with all that frames it */
    size_t     wanted; /* no message yet: bytes there must be; 0: any more */
    bool       cut;
};

/* "LEN <": the length of the number and its blank, 0: it is none, SIZE_MAX: not known yet. */
static size_t count_len(bole_slice s, bool at_end, uint64_t *ret_count)
{
    size_t at = 0;
    uint64_t count = 0;
    if (!s.len || s.ptr[0] < '1' || s.ptr[0] > '9')
        return 0;
    while (at < s.len && at < COUNT_DIGITS_MAX && is_digit(s.ptr[at]))
        count = count * 10 + (s.ptr[at++] - '0');
    if (at < s.len && s.ptr[at] != ' ')
        return 0;
    if (at + 1 >= s.len)
        return at_end ? 0 : SIZE_MAX;
    *ret_count = count;
    return s.ptr[at + 1] == '<' ? at + 1 : 0;
}

static bool counted_frame(struct syslog_session *session, bole_slice s, size_t head, uint64_t count, bool at_end,
                          struct frame *f)
{
    size_t len = count > MESSAGE_MAX ? MESSAGE_MAX : (size_t)count;
    f->cut = count > MESSAGE_MAX;
    if (s.len - head < len) {
        f->wanted = head + len;
        if (!at_end)
            return false;
        len = s.len - head;
        f->cut = true;
    }
    session->skip = at_end ? 0 : count - len;
    f->message = bole_slice_from(s.ptr + head, len);
    f->len = head + len;
    return true;
}

/* The first message decides what ends all of its connection: a NUL, when one is the last byte there is or has the next
 * message behind it, and no line feed has that before. */
static bool ends_with_nul(bole_slice s)
{
    if (!s.len || !s.ptr || s.ptr[0] != '<')
        return false;
    const uint8_t *nul = memmem(s.ptr, s.len, "\0<", 2), *line = memmem(s.ptr, s.len, "\n<", 2);
    if (!nul && s.ptr[s.len - 1] == 0)
        nul = s.ptr + s.len - 1;
    return nul && (!line || nul < line);
}

static bool line_frame(struct syslog_session *session, bole_slice s, bool at_end, struct frame *f)
{
    if (!session->ends_known)
        session->ends_with_nul = ends_with_nul(s);
    size_t from = session->searched < s.len ? session->searched : 0;
    const uint8_t *end = memchr(s.ptr + from, session->ends_with_nul ? 0 : '\n', s.len - from);
    size_t len = end ? (size_t)(end - s.ptr) : s.len;
    session->searched = 0;
    if (len > MESSAGE_MAX) {
        session->in_cut_line = !end;
        f->message = bole_slice_from(s.ptr, MESSAGE_MAX);
        f->len = end ? len + 1 : s.len;
        f->cut = true;
    } else if (end || at_end) {
        f->message = bole_slice_from(s.ptr, len);
        f->len = end ? len + 1 : len;
    } else {
        session->searched = s.len;
        return false;
    }
    session->ends_known = true;
    return true;
}

/* What stands between messages: the rest of one that was too long, empty lines. Returns its length. */
static size_t gap_len(struct syslog_session *session, bole_slice s)
{
    size_t at = session->skip < s.len ? (size_t)session->skip : s.len;
    session->skip -= at;
    if (session->in_cut_line && at < s.len) {
        const uint8_t *end = memchr(s.ptr + at, session->ends_with_nul ? 0 : '\n', s.len - at);
        at = end ? (size_t)(end - s.ptr) : s.len;
        session->in_cut_line = !end;
    }
    while (at < s.len && (s.ptr[at] == '\n' || s.ptr[at] == '\r' || s.ptr[at] == 0))
        at++;
    if (at)
        session->searched = 0;
    return at;
}

static bool next_frame(struct syslog_session *session, bole_slice s, bool at_end, struct frame *f)
{
    uint64_t count;
    *f = (struct frame){0};
    if (!s.len)
        return false;
    size_t head = count_len(s, at_end, &count);
    if (head == SIZE_MAX)
        return false;
    return head ? counted_frame(session, s, head, count, at_end, f) : line_frame(session, s, at_end, f);
}

static bole_slice behind(bole_slice s, size_t at)
{
    return bole_slice_from(s.ptr + at, s.len - at);
}

static void syslog_take(struct receiver *r, const struct socket_input *in, struct socket_result *ret_result)
{
    *ret_result = (struct socket_result){0};
    struct door d = door_open(r, &in->in, &ret_result->records);
    d.name = "syslog";
    struct syslog_session *session = in->session;
    struct frame f;
    ret_result->records.status = 204;
    for (size_t at = 0; in->in.body.len && !d.over; at += f.len) {
        at += gap_len(session, behind(in->in.body, at));
        ret_result->used = at;
        if (!next_frame(session, behind(in->in.body, at), in->at_end, &f)) {
            ret_result->wanted = f.wanted;
            break;
        }
        if (!ret_result->records.request && !door_begin(&d, in->in.body.len - at))
            break;
        ret_result->cut += f.cut;
        syslog_store(&d, f.message, in->sender, f.cut);
    }
    door_close(&d);
}

static void syslog_take_datagrams(struct receiver *r, const struct socket_input *in,
                                  const struct socket_datagram *datagrams, size_t count,
                                  struct socket_result *ret_result)
{
    *ret_result = (struct socket_result){0};
    struct door d = door_open(r, &in->in, &ret_result->records);
    d.name = "syslog";
    ret_result->records.status = 204;
    bool going_on = door_begin(&d, in->in.body.len);
    ret_result->used = going_on ? count : 0;
    for (size_t i = 0; going_on && i < count; i++) {
        bole_slice text = datagrams[i].bytes;
        while (text.len && (text.ptr[text.len - 1] == '\n' || text.ptr[text.len - 1] == '\r' || text.ptr[text.len - 1] == 0))
            text.len--;
        door_sender(&d, datagrams[i].sender);
        if (text.len)
            going_on = syslog_store(&d, text, datagrams[i].sender, false);
        else
            door_reject(&d, RECEIVE_MALFORMED, 1, "an empty datagram");
    }
    door_close(&d);
}

const struct socket_protocol syslog_protocol = {
    .name = "syslog",
    .session_size = sizeof(struct syslog_session),
    .message_max = MESSAGE_MAX + COUNT_DIGITS_MAX + 1,
    .take = syslog_take,
    .take_datagrams = syslog_take_datagrams,
};
