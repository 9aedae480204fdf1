/*
 * api_out.c - see api_out.h.
 */
#include "serve/api_out.h"

void api_out_init(struct api_out *o, struct http_exchange *x, const char *content_type, struct budget *budget, bool at_once)
{
    *o = (struct api_out){.x = x, .content_type = content_type, .hold_max = at_once ? API_OUT_CHUNK : API_OUT_WHOLE_MAX};
    buf_init(&o->buf, budget);
}

bool api_out_flush(struct api_out *o)
{
    if (o->gone || o->buf.failed)
        return false;
    if (!o->streaming) {
        if (http_stream_begin(o->x, 200, o->content_type) != BOLE_OK) {
            o->buf.failed = true;
            return false;
        }
        o->streaming = true;
        o->hold_max = API_OUT_CHUNK;
    }
    if (!o->gone && o->buf.len)
        o->gone = http_stream_write(o->x, buf_slice(&o->buf)) != BOLE_OK;
    buf_reset(&o->buf);
    return !o->gone;
}

bool api_out_flow(struct api_out *o)
{
    if (o->buf.len < o->hold_max && !o->buf.failed)
        return !o->gone;
    return api_out_flush(o);
}

void api_out_end(struct api_out *o)
{
    if (o->streaming) {
        api_out_flush(o);
        http_stream_end(o->x);
    } else if (o->buf.failed) {
        http_reply_text(o->x, 503, "no memory for the answer: try again");
    } else {
        http_reply_buf(o->x, 200, o->content_type, &o->buf);
    }
    buf_deinit(&o->buf);
}

void api_out_drop(struct api_out *o)
{
    buf_deinit(&o->buf);
}
