#include "cmd/import.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/err.h"
#include "cmd/cmd.h"
#include "cmd/csv.h"
#include "cmd/dating.h"
#include "cmd/import_state.h"
#include "cmd/lines.h"
#include "cmd/progress.h"
#include "cmd/url.h"
#include "record/record.h"
#include "shim/json_doc.h"

enum {
    REQUEST_SIZE_TARGET = 1 << 20, /* bytes */
    REASONS_MAX = 8,               /* of one file that are told */
    WAIT_MIN_S = 1,                /* before a busy server that names no time is asked again; doubles */
    WAIT_MAX_S = 10,
    STREAM_DELAY_MAX_NS = 300 * 1000 * 1000, /* lines of a pipe wait no longer for others to go with them */
    JOURNAL_VALUE_MAX = 64 * 1024, /* bytes; the server keeps no longer ones either */
    WAIT_STEP_NS = 100 * 1000 * 1000, /* cmd_stopped is looked at this often */
};

static const char usual_time_fields[] = "_time,time,timestamp,@timestamp,ts,eventTime";
static const char usual_msg_fields[] = "_msg,message,msg,log,line,MESSAGE";
static const char usual_stream_fields[] = "service_name,service,app,host,level";

/* The lines, records or entries between two answers. */
struct request {
    uint64_t begin_ns;   /* monotonic */
    uint64_t first_line; /* its number in the file, from 1 */
    uint64_t lines, bytes;
};

struct import {
    struct bole_client *client;
    const char *path, *absolute; /* absolute NULL: not a file */
    const struct import_options *options;
    struct import_result *result;
    struct lines *lines;
    enum import_format format;
    struct progress progress;
    struct buf labels; /* text */
    struct bole_push *push;
    struct dating dating;
    struct csv *csv;
    struct buf body, url, answer; /* JSON lines, the journal */
    size_t entry_begin;           /* in body: of the journal's entry that is being read */
    uint64_t skip;                /* so many are stored already */
    struct json_doc *doc;         /* the answer */
    bole_slice json_label_lost;   /* name of a label that JSON lines cannot have */
    struct request request;
    unsigned reasons_told;
    bool waiting_told;
};

static bool has_ending(const char *path, const char *ending)
{
    const char *name = strrchr(path, '/'), *hit = strcasestr(name ? name : path, ending);
    return hit && (!hit[strlen(ending)] || hit[strlen(ending)] == '.'); /* a.csv, a.csv.gz */
}

/* By the first line, or the name: separated values look like any text, and what is called JSON lines and begins otherwise is
 * broken, which the door then says line by line. */
static enum import_format guess_format(const char *path, bole_slice line)
{
    line = bole_slice_trim(line);
    if (line.len >= 2 && line.ptr[0] == '{' && line.ptr[line.len - 1] == '}')
        return IMPORT_JSON;
    if (bole_slice_starts(line, S("__CURSOR=")) || bole_slice_starts(line, S("__REALTIME_TIMESTAMP=")))
        return IMPORT_JOURNAL;
    if (has_ending(path, ".ndjson") || has_ending(path, ".jsonl"))
        return IMPORT_JSON;
    return has_ending(path, ".csv") || has_ending(path, ".tsv") ? IMPORT_CSV : IMPORT_TEXT;
}

static const char *unit_of(const struct import *i, bool many)
{
    if (i->format == IMPORT_JOURNAL)
        return many ? "entries" : "entry";
    return i->format == IMPORT_CSV ? (many ? "records" : "record") : many ? "lines" : "line";
}

/* All labels of the file's lines: those that were asked for, then job and filename unless they are among them. */
static size_t gather_labels(const struct import *i, const char *path, struct label *ret_labels)
{
    const struct import_options *o = i->options;
    const struct label own[] = {{S("job"), bole_slice_str(o->job)}, {S("filename"), bole_slice_str(path)}};
    size_t count = 0;
    for (; count < o->label_count; count++)
        ret_labels[count] = o->labels[count];
    for (size_t k = 0; k < (strcmp(path, "-") != 0 ? 2 : 1); k++) {
        size_t at = 0;
        while (at < o->label_count && !bole_slice_eq(o->labels[at].name, own[k].name))
            at++;
        if (at == o->label_count)
            ret_labels[count++] = own[k];
    }
    return count;
}

static void put_labels(struct import *i, const struct label *labels, size_t count)
{
    for (size_t k = 0; k < count; k++) {
        buf_printf(&i->labels, "%c%.*s=", k ? ',' : '{', BOLE_SLICE_ARG(labels[k].name));
        buf_put_json(&i->labels, labels[k].value, false);
    }
    buf_put_u8(&i->labels, '}');
}

/* ---- the answer to JSON lines: docs/receivers/jsonline.md ---- */

static void tell_reason(struct import *i, bole_slice reason)
{
    static const bole_slice prefix = S("line ");
    uint64_t line = 0;
    size_t at = prefix.len;
    if (i->reasons_told++ >= REASONS_MAX)
        return;
    progress_end(&i->progress);
    if (bole_slice_starts(reason, prefix))
        for (; at < reason.len && reason.ptr[at] >= '0' && reason.ptr[at] <= '9' && line <= i->request.lines; at++)
            line = 10 * line + (uint64_t)(reason.ptr[at] - '0');
    /* The server counts from the beginning of the request. */
    if (line >= 1 && line <= i->request.lines)
        fprintf(stderr, "%s: %s %llu%.*s\n", i->path, unit_of(i, false), (unsigned long long)(i->request.first_line + line - 1),
                BOLE_SLICE_ARG(bole_slice_sub(reason, at)));
    else
        fprintf(stderr, "%s: %.*s\n", i->path, BOLE_SLICE_ARG(reason));
}

static bool on_reason(bole_slice name, struct json_value value, void *ctx)
{
    tell_reason(ctx, json_doc_string(value));
    return true;
}

static bool whole_number(struct json_value answer, const char *name, uint64_t max, uint64_t *ret_number)
{
    struct json_value value;
    double number;
    if (!json_doc_member(answer, name, &value) || !json_doc_number(value, &number) ||
        !(number >= 0 && number <= (double)max))
        return false;
    *ret_number = (uint64_t)number;
    return true;
}

/* False: the answer says nothing about lines. */
static bool count_answer(struct import *i, bole_slice text)
{
    struct json_value answer, reasons;
    uint64_t accepted, refused;
    if (json_doc_parse(i->doc, text, &answer, NULL) != BOLE_OK ||
        !whole_number(answer, "accepted", i->request.lines, &accepted) ||
        !whole_number(answer, "rejected", i->request.lines, &refused))
        return false;
    i->result->lines += accepted;
    i->result->refused += refused;
    i->result->bytes += i->request.bytes;
    if (refused && json_doc_member(answer, "errors", &reasons))
        json_doc_each(reasons, on_reason, i);
    return true;
}

/* ---- requests ---- */

static void count_request(struct import *i)
{
    i->result->lines += i->request.lines;
    i->result->bytes += i->request.bytes;
}

static bole_status send_json(struct import *i, struct bole_err *err)
{
    buf_reset(&i->answer);
    bole_status st = bole_client_post(i->client, (const char *)i->url.ptr, "application/x-ndjson", buf_slice(&i->body),
                                      cmd_keep_bytes, &i->answer, err);
    if (st == BOLE_E_INVALID && count_answer(i, bole_client_refusal(i->client)))
        st = BOLE_OK; /* every line was refused; the next ones may be better */
    else if (st == BOLE_OK && !count_answer(i, buf_slice(&i->answer)))
        count_request(i); /* another server than Bole */
    return st;
}

/* "2 refused: entry 1: ...": docs/receivers/journald.md. */
static bole_status send_journal(struct import *i, struct bole_err *err)
{
    buf_reset(&i->answer);
    bole_status st = bole_client_post(i->client, "/upload", "application/vnd.fdo.journal", buf_slice(&i->body), cmd_keep_bytes,
                                      &i->answer, err);
    if (st < 0)
        return st;
    bole_slice told = bole_slice_trim(buf_slice(&i->answer));
    uint64_t refused = 0;
    for (size_t at = 0; at < told.len && told.ptr[at] >= '0' && told.ptr[at] <= '9' && refused < i->request.lines; at++)
        refused = 10 * refused + (uint64_t)(told.ptr[at] - '0');
    if (refused)
        tell_reason(i, told);
    i->result->refused += refused;
    i->result->lines -= refused;
    count_request(i);
    return BOLE_OK;
}

static bole_status send_text(struct import *i, struct bole_err *err)
{
    bole_status st = bole_push_flush(i->push, err);
    if (st == BOLE_OK)
        count_request(i);
    return st;
}

static bole_status send_request(struct import *i, struct bole_err *err)
{
    switch (i->format) {
    case IMPORT_JSON:
    case IMPORT_CSV: return send_json(i, err);
    case IMPORT_JOURNAL: return send_journal(i, err);
    case IMPORT_AUTO:
    case IMPORT_TEXT: break;
    }
    return send_text(i, err);
}

static void wait_for_server(struct import *i, unsigned seconds, const struct bole_err *why)
{
    const struct timespec step = {.tv_nsec = WAIT_STEP_NS};
    if (!i->waiting_told) {
        progress_end(&i->progress);
        fprintf(stderr, "%s: the server is busy, waiting: %s\n", i->path, why->msg);
        i->waiting_told = true;
    }
    uint64_t until_ns = clock_mono_ns(&clock_system) + seconds * (uint64_t)NS_PER_S;
    while (!cmd_stopped && clock_mono_ns(&clock_system) < until_ns)
        nanosleep(&step, NULL);
}

/* Sends what waits, the same again as long as the server is busy. */
static bole_status flush(struct import *i, struct bole_err *err)
{
    bole_status st = BOLE_OK;
    struct bole_err why;
    if (i->request.lines == 0)
        return BOLE_OK;
    for (unsigned wait_s = WAIT_MIN_S;; wait_s = 2 * wait_s < WAIT_MAX_S ? 2 * wait_s : WAIT_MAX_S) {
        st = send_request(i, &why);
        if (st != BOLE_E_LIMIT && st != BOLE_E_FULL)
            break;
        unsigned asked_s = bole_client_retry_after_s(i->client);
        wait_for_server(i, asked_s ? asked_s : wait_s, &why);
        if (cmd_stopped)
            return bole_fail(err, BOLE_E_CANCELLED, "stopped");
    }
    if (st < 0)
        return bole_fail(err, st, "%s: %s %llu to %llu: %s", i->path, unit_of(i, true), (unsigned long long)i->request.first_line,
                         (unsigned long long)(i->request.first_line + i->request.lines - 1), why.msg);
    uint64_t done = i->request.first_line + i->request.lines - 1;
    i->request = (struct request){.first_line = done + 1};
    buf_reset(&i->body);
    i->entry_begin = 0;
    return i->options->state && i->absolute ? import_state_set(i->options->state, i->absolute, lines_stat(i->lines), done, err)
                                            : BOLE_OK;
}

/* The door for JSON lines takes them as fields that are added to each line; a comma stands between two of them, so that a
 * file with a comma in its name goes without it. */
static void put_json_url(struct import *i, const struct label *labels, size_t count)
{
    const struct import_options *o = i->options;
    struct buf extra, streams;
    buf_init(&extra, NULL);
    buf_init(&streams, NULL);
    buf_put_str(&streams, o->stream_fields ? o->stream_fields : usual_stream_fields);
    for (size_t k = 0; k < count; k++) {
        if (memchr(labels[k].value.ptr, ',', labels[k].value.len)) {
            if (k < o->label_count)
                i->json_label_lost = labels[k].name;
            continue;
        }
        buf_printf(&extra, "%s%.*s=", extra.len ? "," : "", BOLE_SLICE_ARG(labels[k].name));
        buf_put(&extra, labels[k].value);
        buf_printf(&streams, ",%.*s", BOLE_SLICE_ARG(labels[k].name));
    }
    buf_put_str(&i->url, "/insert/jsonline");
    url_param(&i->url, "_time_field", bole_slice_str(o->time_fields ? o->time_fields : usual_time_fields));
    url_param(&i->url, "_msg_field", bole_slice_str(o->msg_fields ? o->msg_fields : usual_msg_fields));
    url_param(&i->url, "_stream_fields", buf_slice(&streams));
    url_param(&i->url, "extra_fields", buf_slice(&extra));
    buf_put_u8(&i->url, 0);
    buf_deinit(&extra);
    buf_deinit(&streams);
}

/* ---- formats. Each adds a line; BOLE_AGAIN: that was not yet all of a record. What is skipped is read, and not sent. ---- */

static bole_status add_text(struct import *i, bole_slice line, struct bole_err *err)
{
    int64_t time;
    if (i->dating.latest_ns == 0)
        i->dating = dating_begin(i->path, i->lines);
    /* A line that says no time belongs to the one before it: the rest of a stack trace. */
    if (!dating_time(&i->dating, line, &time))
        time = clock_now_ns(&clock_system);
    return i->skip ? BOLE_OK : bole_push_add(i->push, buf_slice(&i->labels), time, line, NULL, 0, err);
}

static bole_status add_json(struct import *i, bole_slice line, struct bole_err *err)
{
    if (i->json_label_lost.len)
        return bole_fail(err, BOLE_E_INVALID, "%s: the label %.*s holds a comma, which cannot go along with JSON lines; give "
                         "another with --labels", i->path, BOLE_SLICE_ARG(i->json_label_lost));
    if (i->skip)
        return BOLE_OK;
    buf_put(&i->body, line);
    buf_put_u8(&i->body, '\n');
    return i->body.failed ? bole_fail(err, BOLE_E_NOMEM, "no memory for a request") : BOLE_OK;
}

static bole_status add_csv(struct import *i, bole_slice line, struct bole_err *err)
{
    bole_slice json;
    if (!i->csv && !(i->csv = csv_create()))
        return bole_fail(err, BOLE_E_NOMEM, "no memory to read %s", i->path);
    bole_status st = csv_take(i->csv, line, &json, err);
    return st == BOLE_OK ? add_json(i, json, err) : st;
}

/* A value behind its name: eight bytes of length, the bytes, a line end. One that is too long goes, with its name. */
static bole_status add_journal_value(struct import *i, size_t name_begin, struct bole_err *err)
{
    uint64_t left = 8;
    size_t at = i->body.len;
    bole_status st;
    while ((st = lines_bytes(i->lines, &left, &i->body, err)) == BOLE_AGAIN && !cmd_stopped)
        ;
    if (st != BOLE_OK || i->body.failed)
        return st;
    left = load_u64(i->body.ptr + at);
    bool is_kept = left <= JOURNAL_VALUE_MAX;
    if (!is_kept)
        i->body.len = name_begin;
    left += left < UINT64_MAX;
    while ((st = lines_bytes(i->lines, &left, is_kept ? &i->body : NULL, err)) == BOLE_AGAIN && !cmd_stopped)
        ;
    return st;
}

static bole_status end_journal_entry(struct import *i)
{
    if (i->body.len == i->entry_begin)
        return BOLE_AGAIN;
    buf_put_u8(&i->body, '\n');
    if (i->skip)
        i->body.len = i->entry_begin;
    i->entry_begin = i->body.len;
    return BOLE_OK;
}

static bole_status add_journal(struct import *i, bole_slice line, struct bole_err *err)
{
    size_t begin = i->body.len;
    if (line.len == 0)
        return end_journal_entry(i);
    buf_put(&i->body, line);
    buf_put_u8(&i->body, '\n');
    bole_status st = memchr(line.ptr, '=', line.len) ? BOLE_OK : add_journal_value(i, begin, err);
    if (st == BOLE_OK && i->body.failed)
        st = bole_fail(err, BOLE_E_NOMEM, "no memory for a request");
    if (st == BOLE_OK || st == BOLE_AGAIN)
        return BOLE_AGAIN;
    i->body.len = i->entry_begin; /* what came before the damage counts */
    flush(i, NULL);
    return st < 0 ? st
                  : bole_fail(err, BOLE_E_INVALID, "%s: ends in the middle of a field: is it `journalctl -o export`?", i->path);
}

static bole_status count_record(struct import *i, size_t size_bytes, struct bole_err *err)
{
    if (i->skip) {
        i->skip--;
        i->result->skipped++;
        i->request.first_line++;
        return BOLE_OK;
    }
    uint64_t now_ns = clock_mono_ns(&clock_system);
    if (i->request.lines++ == 0)
        i->request.begin_ns = now_ns;
    i->request.bytes += size_bytes;
    bool is_stream = lines_size(i->lines) == 0, late = is_stream && now_ns - i->request.begin_ns >= STREAM_DELAY_MAX_NS;
    return late || i->body.len + bole_push_size(i->push) > REQUEST_SIZE_TARGET ? flush(i, err) : BOLE_OK;
}

static bole_status add(struct import *i, bole_slice line, struct bole_err *err)
{
    static bole_status (*const adders[])(struct import *i, bole_slice line, struct bole_err *err) = {
        [IMPORT_TEXT] = add_text, [IMPORT_JSON] = add_json, [IMPORT_CSV] = add_csv, [IMPORT_JOURNAL] = add_journal};
    size_t before = i->format == IMPORT_JOURNAL ? i->entry_begin : i->body.len;
    if (i->format == IMPORT_AUTO)
        i->format = guess_format(i->path, line);
    bole_status st = adders[i->format](i, line, err);
    if (st != BOLE_OK)
        return st == BOLE_AGAIN ? BOLE_OK : st;
    return count_record(i, i->format == IMPORT_TEXT ? line.len : i->body.len - before, err);
}

/* What the end of the file leaves open. */
static bole_status finish(struct import *i, struct bole_err *err)
{
    bole_slice json;
    bole_status st = BOLE_END;
    if (i->format == IMPORT_CSV && i->csv && (st = csv_finish(i->csv, &json, err)) == BOLE_OK)
        st = add_json(i, json, err);
    else if (i->format == IMPORT_JOURNAL && end_journal_entry(i) == BOLE_OK)
        st = BOLE_OK;
    if (st == BOLE_OK)
        st = count_record(i, 0, err);
    return st < 0 ? st : flush(i, err);
}

static bole_status run(struct import *i, struct bole_err *err)
{
    bole_slice line;
    bole_status read, st = BOLE_OK;
    uint64_t read_bytes = 0;
    progress_begin(&i->progress, i->path, lines_size(i->lines));
    while ((read = lines_next(i->lines, &line, err)) == BOLE_OK || read == BOLE_AGAIN) {
        if (cmd_stopped) {
            st = bole_fail(err, BOLE_E_CANCELLED, "stopped");
            break;
        }
        /* BOLE_AGAIN: nothing more comes just now */
        st = read == BOLE_OK                                                ? add(i, line, err)
             : i->body.len == i->entry_begin || i->format != IMPORT_JOURNAL ? flush(i, err)
                                                                            : BOLE_OK;
        if (st < 0)
            break;
        read_bytes += read == BOLE_OK ? line.len : 0;
        progress_update(&i->progress, lines_size(i->lines) ? lines_consumed(i->lines) : read_bytes);
    }
    if (st == BOLE_OK) /* also after a failure of the file: what came before it counts */
        st = finish(i, read < 0 ? NULL : err);
    progress_end(&i->progress);
    i->result->cut_lines += lines_cut(i->lines);
    return read < 0 ? read : st;
}

bole_status import_file(struct bole_client *client, const char *path, const struct import_options *options,
                        struct import_result *result, struct bole_err *err)
{
    struct import i = {.client = client, .path = path, .options = options, .result = result, .format = options->format,
                       .request.first_line = 1};
    char *absolute = strcmp(path, "-") != 0 ? realpath(path, NULL) : NULL;
    i.absolute = absolute && !strchr(absolute, '\n') ? absolute : NULL;
    struct label labels[LABELS_MAX + 2];
    size_t count = gather_labels(&i, absolute ? absolute : path, labels);
    put_labels(&i, labels, count);
    put_json_url(&i, labels, count);
    bole_status st = lines_open(path, &i.lines, err);
    if (st == BOLE_OK)
        st = bole_push_create(client, &i.push, err);
    if (st == BOLE_OK)
        st = (i.doc = json_doc_create()) ? BOLE_OK : bole_fail(err, BOLE_E_NOMEM, "no memory for an answer");
    if (st == BOLE_OK && options->state && i.absolute)
        i.skip = import_state_get(options->state, i.absolute, lines_stat(i.lines));
    if (st == BOLE_OK)
        st = run(&i, err);
    json_doc_destroy(i.doc);
    csv_destroy(i.csv);
    bole_push_destroy(i.push);
    lines_close(i.lines);
    buf_deinit(&i.labels);
    buf_deinit(&i.body);
    buf_deinit(&i.answer);
    buf_deinit(&i.url);
    free(absolute);
    return st;
}
