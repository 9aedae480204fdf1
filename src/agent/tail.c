/*
 * One turn is one pread of [guard | new bytes], so memory is the caller's buffer and nothing else. An unfinished line
 * is read again when the file has grown; from SKIM_MIN bytes on only the new bytes are looked through for the line's
 * end, so that a line that grows byte by byte does not cost its square.
 */
#include "agent/tail.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/event.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/utf8.h"

enum { SKIM_MIN = 64 * 1024 };

struct tail *tail_create(const char *path, struct file_labels *labels)
{
    struct tail *t = calloc(1, sizeof *t);
    if (!t) {
        free(labels);
        return NULL;
    }
    t->fd = -1;
    t->labels = labels;
    t->path = strdup(path);
    if (!t->path) {
        tail_destroy(t);
        return NULL;
    }
    return t;
}

void tail_destroy(struct tail *t)
{
    if (!t)
        return;
    source_close(t->fd);
    free(t->labels);
    free(t->path);
    free(t);
}

void tail_attach(struct tail *t, int fd, const struct source_info *info, uint64_t now_ns)
{
    source_close(t->fd);
    t->fd = fd;
    t->id = info->id;
    t->size = info->size_bytes;
    t->modified_ns = info->modified_ns;
    t->links = info->links;
    t->is_link = info->is_link;
    t->state = TAIL_READING;
    t->reason[0] = 0;
    t->grown_ns = now_ns;
}

void tail_detach(struct tail *t)
{
    source_close(t->fd);
    t->fd = -1;
}

struct tail_mark tail_mark(const struct tail *t)
{
    return (struct tail_mark){.offset = t->offset,
                              .guard_hash = hash64((bole_slice){t->guard, t->guard_len}),
                              .guard_len = (uint8_t)t->guard_len,
                              .ahead = t->ahead,
                              .ahead_stream = t->ahead_stream,
                              .in_cut_line = t->in_cut_line};
}

bool tail_is_at(const struct tail *t, const struct tail_mark *mark)
{
    return t->offset == mark->offset && t->ahead == mark->ahead && t->in_cut_line == mark->in_cut_line &&
           (t->ahead == 0 || t->ahead_stream == mark->ahead_stream);
}

/* Puts the tail at an offset and reads the guard in front of it. */
static bole_status place(struct tail *t, uint64_t offset, struct bole_err *err)
{
    uint32_t want = offset < TAIL_GUARD_MAX ? (uint32_t)offset : TAIL_GUARD_MAX;
    size_t n = 0;
    bole_status st = want ? source_read(t->fd, offset - want, t->guard, want, &n, err) : BOLE_OK;
    if (st < 0)
        return st;
    t->guard_len = n == want ? want : 0;
    t->offset = offset;
    t->partial = 0;
    t->event_bytes = 0;
    t->ahead = 0;
    t->in_cut_line = false;
    return BOLE_OK;
}

/* Back to the beginning: what is there now is sniffed again. */
static bole_status rewind_file(struct tail *t, struct bole_err *err)
{
    t->count.truncations++;
    t->print = (struct source_print){0};
    t->caught_up = false;
    t->sniffed = false;
    return place(t, 0, err);
}

/* ---- line ends ---- */

size_t tail_unit_size(const struct tail *t)
{
    return t->encoding == SOURCE_BYTES ? 1 : 2;
}

const uint8_t *tail_line_end(const struct tail *t, bole_slice bytes)
{
    const uint8_t *p = bytes.ptr;
    size_t len = bytes.len;
    if (len == 0 || t->encoding == SOURCE_BYTES)
        return len ? memchr(p, '\n', len) : NULL;
    size_t low = t->encoding == SOURCE_UTF16BE; /* where in a unit the low byte is */
    for (const uint8_t *at = p; (at = memchr(at, '\n', (size_t)(p + len - at))); at++) {
        const uint8_t *unit = at - low;
        if ((size_t)(at - p) % 2 == low && unit + 2 <= p + len && unit[1 - low] == 0)
            return unit;
    }
    return NULL;
}

bool tail_is_inside_line(const struct tail *t)
{
    size_t unit = tail_unit_size(t);
    return t->guard_len >= unit && tail_line_end(t, (bole_slice){t->guard + t->guard_len - unit, unit}) == NULL;
}

static bole_status find_encoding(struct tail *t, struct bole_err *err)
{
    uint8_t bytes[4];
    size_t n = 0, mark;
    bole_status st = source_read(t->fd, 0, bytes, sizeof bytes, &n, err);
    t->encoding = st == BOLE_OK ? source_encoding((bole_slice){bytes, n}, &mark) : SOURCE_BYTES;
    return st;
}

bole_status tail_seek_last(struct tail *t, uint64_t last_bytes, struct bole_err *err)
{
    if (t->size <= last_bytes)
        return BOLE_OK;
    bole_status st = find_encoding(t, err);
    if (st == BOLE_OK)
        st = place(t, t->size - last_bytes - (t->size - last_bytes) % tail_unit_size(t), err);
    /* The line that begins before is skipped like the rest of a cut one, unless a line begins exactly here. */
    if (st == BOLE_OK)
        t->in_cut_line = tail_is_inside_line(t);
    return st;
}

bole_status tail_resume(struct tail *t, const struct tail_mark *mark, const struct source_print *print,
                        struct bole_err *err)
{
    struct source_print now;
    bole_status st = source_print(t->fd, print->len, &now, err);
    if (st < 0)
        return st;
    /* A mark of a file that was never read has no hashes: there was nothing to hash. */
    bool same = now.len == print->len && (now.len == 0 || now.hash == print->hash) && mark->offset <= t->size;
    if (same) {
        st = place(t, mark->offset, err);
        if (st < 0)
            return st;
        t->in_cut_line = mark->in_cut_line;
        t->ahead = mark->ahead;
        t->ahead_stream = mark->ahead_stream;
        same = t->guard_len == mark->guard_len &&
               (t->guard_len == 0 || hash64((bole_slice){t->guard, t->guard_len}) == mark->guard_hash);
    }
    if (!same) {
        st = place(t, 0, err);
        return st < 0 ? st : bole_fail(err, BOLE_E_CONFLICT, "%s: is not the file that was read before", t->path);
    }
    t->print = now;
    t->sniffed = mark->offset > 0;
    return find_encoding(t, err);
}

/* The bytes in front of the new offset, out of a buffer that begins with the old guard. */
static void move_guard(struct tail *t, const uint8_t *bytes, size_t consumed)
{
    size_t have = t->guard_len + consumed;
    size_t keep = have < TAIL_GUARD_MAX ? have : TAIL_GUARD_MAX;
    memcpy(t->guard, bytes + have - keep, keep);
    t->guard_len = (uint32_t)keep;
    t->offset += consumed;
    t->partial = 0;
}

/* Does the file still begin as it did, and is what stands in front of the offset what stood there? The guard alone does
 * not tell: lines of one length that end alike are in a new file where they were in the old one. */
static bole_status check_same(struct tail *t, bole_slice guard, bool *ret_same, struct bole_err *err)
{
    struct source_print now;
    *ret_same = guard.len == t->guard_len && memcmp(guard.ptr, t->guard, guard.len) == 0;
    if (!*ret_same || t->print.len == 0)
        return BOLE_OK;
    bole_status st = source_print(t->fd, t->print.len, &now, err);
    *ret_same = now.len == t->print.len && now.hash == t->print.hash;
    return st;
}

static bole_status check_written_over(struct tail *t, bool *ret_same, struct bole_err *err)
{
    uint8_t bytes[TAIL_GUARD_MAX];
    size_t n = 0;
    bole_status st = t->guard_len ? source_read(t->fd, t->offset - t->guard_len, bytes, t->guard_len, &n, err) : BOLE_OK;
    return st < 0 ? st : check_same(t, (bole_slice){bytes, n}, ret_same, err);
}

static bole_status look(struct tail *t, struct tail_turn *turn, struct bole_err *err)
{
    struct source_info info;
    bole_status st = source_stat_fd(t->fd, &info, err);
    if (st < 0)
        return st;
    if (info.size_bytes != t->size) {
        t->grown_ns = turn->now_ns;
        turn->flush = false; /* it is not quiet after all */
    }
    /* Written to, and nothing new behind the offset: truncated, and as long as before by now? (What is longer is compared
     * when it is read.) */
    bool same = true, is_written_over = info.size_bytes == t->offset && info.modified_ns != t->modified_ns;
    t->size = info.size_bytes;
    t->modified_ns = info.modified_ns;
    t->links = info.links;
    if (is_written_over && (st = check_written_over(t, &same, err)) < 0)
        return st;
    return t->size < t->offset || !same ? rewind_file(t, err) : BOLE_OK;
}

/* The first bytes decide once whether this is text; from then on only a truncation asks again. A hole in front of them
 * is stepped over: a writer without O_APPEND leaves one when its file is truncated. With no bytes there, nothing is
 * decided. */
static bole_status sniff(struct tail *t, struct bole_err *err)
{
    uint8_t bytes[SOURCE_PRINT_MAX];
    uint64_t start = 0;
    size_t n = 0;
    bole_status st = t->offset == 0 ? source_skip_hole(t->fd, 0, t->size, &start, err) : BOLE_OK;
    if (st == BOLE_OK)
        st = source_read(t->fd, start, bytes, sizeof bytes, &n, err);
    if (st < 0 || n == 0)
        return st;
    size_t mark_len;
    t->encoding = source_encoding((bole_slice){bytes, n}, &mark_len);
    const char *what = source_sniff((bole_slice){bytes, n});
    if (what) {
        t->state = TAIL_SKIPPED;
        snprintf(t->reason, sizeof t->reason, "%s", what);
        tail_detach(t);
        return BOLE_OK;
    }
    t->sniffed = true;
    if (start == 0 && t->offset == 0 && mark_len)
        return place(t, mark_len, err);
    if (start > t->offset) {
        t->count.skipped_bytes += start - t->offset;
        return place(t, start, err);
    }
    return BOLE_OK;
}

/* Goes on looking for the end of a long line in the new bytes only. */
static bole_status skim(struct tail *t, struct tail_turn *turn, bool *ret_wait, struct bole_err *err)
{
    size_t n;
    bole_status st = source_read(t->fd, t->offset + t->partial, turn->bytes, turn->room, &n, err);
    if (st < 0)
        return st;
    *ret_wait = false;
    if (n && memchr(turn->bytes, '\n', n)) {
        turn->want = TAIL_ROOM_MAX;
        return BOLE_OK;
    }
    uint64_t partial = (uint64_t)t->partial + n;
    if (partial > RECORD_LINE_MAX) {
        turn->want = TAIL_ROOM_MAX;
        return BOLE_OK;
    }
    t->partial = (uint32_t)partial;
    turn->more = n == turn->room;
    *ret_wait = true;
    return BOLE_OK;
}

/* Hands out the complete lines of `data`; the result is how many bytes they and their ends took. */
static size_t take_lines(struct tail *t, struct tail_turn *turn, bole_slice data)
{
    size_t at = 0;
    while (at < data.len) {
        const uint8_t *end = tail_line_end(t, bole_slice_sub(data, at));
        if (!end)
            break;
        size_t len = (size_t)(end - data.ptr) - at;
        if (t->in_cut_line) {
            t->count.skipped_bytes += len;
        } else if (len > 0 || at > 0 || !tail_is_inside_line(t)) { /* else the end of a line that was taken without it */
            size_t kept = len < RECORD_LINE_MAX ? len : RECORD_LINE_MAX;
            struct tail_line line = {.text = tail_text(t, (bole_slice){data.ptr + at, kept}, turn->arena)};
            if (!line.text.ptr || !turn->take(t, &line, turn->ctx)) {
                turn->more = true;
                break;
            }
            t->count.lines++;
            t->count.bytes += kept;
            t->count.cut_lines += kept < len;
            t->count.skipped_bytes += len - kept;
        }
        t->in_cut_line = false;
        at += len + tail_unit_size(t);
    }
    return at;
}

size_t tail_take_rest(struct tail *t, struct tail_turn *turn, bole_slice rest, bool at_end)
{
    rest.len -= rest.len % tail_unit_size(t);
    if (t->in_cut_line) {
        t->count.skipped_bytes += rest.len;
        return rest.len;
    }
    bool too_long = rest.len > RECORD_LINE_MAX;
    size_t len = too_long ? RECORD_LINE_MAX : rest.len;
    if (len == 0 || (!too_long && !(turn->flush && at_end)))
        return 0;
    struct tail_line line = event_unwrap(t, (bole_slice){rest.ptr, len}, turn->arena);
    if (!line.text.ptr || !turn->take(t, &line, turn->ctx)) {
        turn->more = true;
        return 0;
    }
    t->count.lines++;
    t->count.bytes += len;
    t->count.cut_lines += too_long;
    t->count.split_lines += !too_long;
    t->in_cut_line = too_long;
    return len;
}

size_t tail_take(struct tail *t, struct tail_turn *turn, bole_slice data, bool full)
{
    size_t taken = event_is_wanted(t) ? event_take(t, turn, data, full) : take_lines(t, turn, data);
    if (!turn->more) {
        if (!event_is_wanted(t))
            taken += tail_take_rest(t, turn, bole_slice_sub(data, taken), !full);
        turn->more = full;
    }
    return taken;
}

static bole_status read_lines(struct tail *t, struct tail_turn *turn, struct bole_err *err)
{
    size_t n, guard_len = t->guard_len;
    bole_status st = source_read(t->fd, t->offset - guard_len, turn->bytes, turn->room, &n, err);
    if (st < 0)
        return st;
    /* After the read: what is truncated before is seen, so bytes of a new file are not taken for those of the old one. */
    bool same;
    st = check_same(t, (bole_slice){turn->bytes, n < guard_len ? n : guard_len}, &same, err);
    if (st < 0)
        return st;
    if (!same) {
        turn->more = true;
        return rewind_file(t, err);
    }
    bool full = n == turn->room;
    n -= (n - guard_len) % tail_unit_size(t);
    bole_slice data = {turn->bytes + guard_len, n - guard_len};
    size_t taken = tail_take(t, turn, data, full);
    bole_slice rest = bole_slice_sub(data, taken);
    if (taken || turn->used)
        turn->used = guard_len + (taken > turn->used ? taken : turn->used);
    if (taken)
        move_guard(t, turn->bytes, taken);
    if (turn->used)
        turn->want = 0;
    if (!full && !turn->more && rest.len > t->partial)
        t->partial = (uint32_t)rest.len;
    if (full && !turn->used && turn->room < TAIL_ROOM_MAX) {
        turn->want = TAIL_ROOM_MAX;
        t->partial = (uint32_t)rest.len;
    }
    return BOLE_OK;
}

bole_status tail_turn(struct tail *t, struct tail_turn *turn, struct bole_err *err)
{
    assert(t->fd >= 0 && turn->room > 2 * TAIL_GUARD_MAX);
    turn->used = turn->want = 0;
    turn->more = false;
    t->looked_ns = turn->now_ns;
    bole_status st = look(t, turn, err);
    if (st < 0 || t->size == t->offset)
        return st;
    if (!t->sniffed) {
        st = sniff(t, err);
        if (st < 0 || !t->sniffed)
            return st;
    }
    if (t->partial >= SKIM_MIN && !turn->flush && !t->in_cut_line && !event_is_wanted(t)) {
        bool wait;
        st = skim(t, turn, &wait, err);
        if (st < 0 || wait)
            return st;
        if (turn->room < turn->want) {
            turn->more = true;
            return BOLE_OK;
        }
    }
    st = read_lines(t, turn, err);
    if (st == BOLE_OK && t->print.len < SOURCE_PRINT_MAX && t->print.len < t->size)
        st = source_print(t->fd, SOURCE_PRINT_MAX, &t->print, err);
    return st;
}

bole_slice tail_text(const struct tail *t, bole_slice line, struct arena *arena)
{
    if (t->encoding == SOURCE_BYTES)
        return line;
    size_t low = t->encoding == SOURCE_UTF16BE, units = line.len / 2, used = 0;
    uint8_t *out = arena_bytes(arena, units * 3 + 1); /* a surrogate pair is 4 bytes for 2 units */
    for (size_t i = 0; out && i < units && used + 4 <= RECORD_LINE_MAX; i++) {
        const uint8_t *p = line.ptr + 2 * i;
        uint32_t c = (uint32_t)p[1 - low] << 8 | p[low];
        if (c >= 0xd800 && c < 0xdc00 && i + 1 < units) {
            uint32_t next = (uint32_t)p[3 - low] << 8 | p[2 + low];
            if (next >= 0xdc00 && next < 0xe000) {
                c = 0x10000 + ((c - 0xd800) << 10) + (next - 0xdc00);
                i++;
            }
        }
        used += utf8_encode(c, out + used);
    }
    return (bole_slice){out, used};
}

const char *tail_state_name(enum tail_state state)
{
    static const char *const names[] = {"reading", "following", "rotated", "deleted", "parked", "skipped",
                                        "unreadable"};
    return names[state];
}
