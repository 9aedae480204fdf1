#include "cmd/import.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "cmd/cmd.h"
#include "cmd/lines.h"
#include "cmd/progress.h"
#include "cmd/url.h"
#include "receive/text.h"

enum { REQUEST_SIZE_TARGET = 1 << 20 };

static const char usual_time_fields[] = "_time,time,timestamp,@timestamp,ts,eventTime";
static const char usual_msg_fields[] = "_msg,message,msg,log,line,MESSAGE";
static const char usual_stream_fields[] = "service_name,service,app,host,level";

struct import {
    struct bole_client *client;
    const struct import_options *options;
    struct import_result *result;
    struct lines *lines;
    struct progress progress;
    struct buf labels; /* text */
    struct bole_push *push;
    int64_t line_time_ns; /* of the last line that said one */
    struct buf body, url; /* JSON lines */
};

static bool looks_like_json(bole_slice line)
{
    line = bole_slice_trim(line);
    return line.len >= 2 && line.ptr[0] == '{' && line.ptr[line.len - 1] == '}';
}

static void put_labels(struct import *i, const char *path)
{
    buf_put_str(&i->labels, "{job=");
    buf_put_json(&i->labels, bole_slice_str(i->options->job), false);
    if (strcmp(path, "-") != 0) {
        buf_put_str(&i->labels, ", filename=");
        buf_put_json(&i->labels, bole_slice_str(path), false);
    }
    if (i->options->labels)
        buf_printf(&i->labels, ", %s", i->options->labels);
    buf_put_u8(&i->labels, '}');
}

static bole_status send_json(struct import *i, struct bole_err *err)
{
    if (i->body.len == 0)
        return BOLE_OK;
    bole_status st = bole_client_post(i->client, (const char *)i->url.ptr, "application/x-ndjson", buf_slice(&i->body), NULL, NULL, err);
    buf_reset(&i->body);
    return st;
}

static void put_json_url(struct import *i, const char *path)
{
    const struct import_options *o = i->options;
    struct buf extra;
    buf_init(&extra, NULL);
    buf_printf(&extra, "job=%s", o->job);
    if (strcmp(path, "-") != 0 && !strpbrk(path, ",="))
        buf_printf(&extra, ",filename=%s", path);
    struct buf streams;
    buf_init(&streams, NULL);
    buf_printf(&streams, "%s,job,filename", o->stream_fields ? o->stream_fields : usual_stream_fields);
    buf_put_str(&i->url, "/insert/jsonline");
    url_param(&i->url, "_time_field", bole_slice_str(o->time_fields ? o->time_fields : usual_time_fields));
    url_param(&i->url, "_msg_field", bole_slice_str(o->msg_fields ? o->msg_fields : usual_msg_fields));
    url_param(&i->url, "_stream_fields", buf_slice(&streams));
    url_param(&i->url, "extra_fields", buf_slice(&extra));
    buf_put_u8(&i->url, 0);
    buf_deinit(&extra);
    buf_deinit(&streams);
}

static bole_status add_text(struct import *i, bole_slice line, struct bole_err *err)
{
    int64_t now = clock_now_ns(&clock_system), time;
    if (text_time(line, now, &time))
        i->line_time_ns = time;
    /* A line that says no time belongs to the one before it: the rest of a stack trace. */
    bole_status st = bole_push_add(i->push, buf_slice(&i->labels), i->line_time_ns ? i->line_time_ns : now, line, NULL, 0, err);
    return st == BOLE_OK && bole_push_size(i->push) > REQUEST_SIZE_TARGET ? bole_push_flush(i->push, err) : st;
}

static bole_status add_json(struct import *i, bole_slice line, struct bole_err *err)
{
    buf_put(&i->body, line);
    buf_put_u8(&i->body, '\n');
    if (i->body.failed)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for a request");
    return i->body.len > REQUEST_SIZE_TARGET ? send_json(i, err) : BOLE_OK;
}

static bole_status run(struct import *i, const char *path, struct bole_err *err)
{
    bole_slice line;
    bole_status st;
    enum import_format format = i->options->format;
    progress_begin(&i->progress, path, lines_size(i->lines));
    while ((st = lines_next(i->lines, &line, err)) == BOLE_OK) {
        if (cmd_stopped) {
            st = bole_fail(err, BOLE_E_CANCELLED, "stopped");
            break;
        }
        if (format == IMPORT_AUTO)
            format = looks_like_json(line) ? IMPORT_JSON : IMPORT_TEXT;
        st = format == IMPORT_JSON ? add_json(i, line, err) : add_text(i, line, err);
        if (st < 0)
            break;
        i->result->lines++;
        i->result->bytes += line.len;
        progress_update(&i->progress, lines_size(i->lines) ? lines_consumed(i->lines) : i->result->bytes);
    }
    if (st == BOLE_END)
        st = bole_push_flush(i->push, err);
    if (st == BOLE_OK)
        st = send_json(i, err);
    progress_end(&i->progress);
    i->result->cut_lines += lines_cut(i->lines);
    return st;
}

bole_status import_file(struct bole_client *client, const char *path, const struct import_options *options,
                        struct import_result *result, struct bole_err *err)
{
    struct import i = {.client = client, .options = options, .result = result};
    char *absolute = strcmp(path, "-") != 0 ? realpath(path, NULL) : NULL;
    put_labels(&i, absolute ? absolute : path);
    put_json_url(&i, absolute ? absolute : path);
    bole_status st = lines_open(path, &i.lines, err);
    if (st == BOLE_OK)
        st = bole_push_create(client, &i.push, err);
    if (st == BOLE_OK)
        st = run(&i, path, err);
    bole_push_destroy(i.push);
    lines_close(i.lines);
    buf_deinit(&i.labels);
    buf_deinit(&i.body);
    buf_deinit(&i.url);
    free(absolute);
    return st;
}
