#include "cmd/post_http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/slice.h"

enum { ANSWER_MAX = 4096 }; /* bytes of an answer that are looked at */

struct post_http {
    struct poster base;
    struct bole_client *client;
    char   answer[ANSWER_MAX + 1];
    size_t answer_len;
};

static bole_status keep(bole_slice bytes, void *ctx, struct bole_err *err)
{
    struct post_http *p = ctx;
    size_t room = ANSWER_MAX - p->answer_len;
    size_t n = bytes.len < room ? bytes.len : room;
    if (n)
        memcpy(p->answer + p->answer_len, bytes.ptr, n);
    p->answer_len += n;
    return BOLE_OK;
}

/* The value behind a key of a flat object that this program's own server has written. NULL: it is not there. */
static const char *value_of(const char *json, const char *key)
{
    char quoted[32];
    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    const char *at = json[0] == '{' ? strstr(json, quoted) : NULL;
    return at ? at + strlen(quoted) : NULL;
}

static uint64_t number_of(const char *json, const char *key)
{
    const char *value = value_of(json, key);
    return value ? strtoull(value, NULL, 10) : 0;
}

/* 200 is not enough: a proxy says it too, for a page of its own. */
static bole_status read_answer(struct post_http *p, uint64_t sequence, struct poster_answer *ret_answer, struct bole_err *err)
{
    p->answer[p->answer_len] = 0;
    const char *duplicate = value_of(p->answer, "duplicate"), *errors = value_of(p->answer, "errors");
    if (!duplicate || number_of(p->answer, "sequence") != sequence)
        return bole_fail(err, BOLE_E_IO, "%s: the answer is not a Bole's", bole_client_url(p->client));
    ret_answer->duplicate = strncmp(duplicate, "true", 4) == 0;
    ret_answer->rejected = number_of(p->answer, "rejected");
    if (errors && errors[0] == '[' && errors[1] == '"')
        snprintf(ret_answer->reason, sizeof ret_answer->reason, "%.*s", (int)strcspn(errors + 2, "\""), errors + 2);
    return BOLE_OK;
}

static bole_status post(struct poster *self, bole_slice batch, uint64_t sequence, struct poster_answer *ret_answer,
                        struct bole_err *err)
{
    struct post_http *p = (struct post_http *)self;
    p->answer_len = 0;
    bole_status st = bole_client_post(p->client, "/api/v1/push", "application/vnd.bole.batch", batch, keep, p, err);
    unsigned status = bole_client_http_status(p->client);
    ret_answer->retry_after_s = bole_client_retry_after_s(p->client);
    if (st == BOLE_OK)
        return read_answer(p, sequence, ret_answer, err);
    if (status == 404 || status == 405)
        return bole_fail(err, BOLE_E_IO, "%s takes no batches (%u for /api/v1/push): is it a Bole, and not an old one?",
                         bole_client_url(p->client), status);
    if (status != 409)
        return st == BOLE_E_CONFLICT ? BOLE_E_IO : st;
    keep(bole_client_refusal(p->client), p, err);
    p->answer[p->answer_len] = 0;
    ret_answer->wanted = number_of(p->answer, "wanted");
    if (ret_answer->wanted == 0)
        return bole_fail(err, BOLE_E_IO, "%s: the answer is not a Bole's", bole_client_url(p->client));
    return bole_fail(err, BOLE_E_CONFLICT, "the server wants sequence %llu, not %llu", (unsigned long long)ret_answer->wanted,
                     (unsigned long long)sequence);
}

static void destroy(struct poster *self)
{
    struct post_http *p = (struct post_http *)self;
    bole_client_destroy(p->client);
    free(p);
}

static const struct poster_ops post_http_ops = {.post = post, .destroy = destroy};

bole_status post_http_create(struct bole_client *client, struct poster **ret_poster, struct bole_err *err)
{
    struct post_http *p = calloc(1, sizeof *p);
    if (!p) {
        bole_client_destroy(client);
        return bole_fail(err, BOLE_E_NOMEM, "no memory for the connection to the server");
    }
    p->base.ops = &post_http_ops;
    p->client = client;
    *ret_poster = &p->base;
    return BOLE_OK;
}
