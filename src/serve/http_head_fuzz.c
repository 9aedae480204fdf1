/* Any bytes as a request's head, whole and cut at a place that the input chooses: the same decision, spans inside. */
#include <assert.h>
#include <stdlib.h>

#include "serve/http_head.h"
#include "serve/http_host.h"
#include "serve/http_route.h"

enum { HEAD_MAX = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_span(struct http_span s, size_t used)
{
    assert(s.len == 0 || ((size_t)s.at + s.len <= used));
}

static void use(const uint8_t *bytes, const struct http_head *h)
{
    static const struct http_hosts hosts;
    struct arena a;
    struct http_form_pair *pairs = NULL;
    size_t count = 0;
    bole_slice path, authority = http_span_slice(bytes, h->authority);
    arena_init(&a, NULL);
    (void)http_host_is_ours(&hosts, authority);
    (void)http_origin_is_ours(&hosts, http_head_known(h, bytes, HTTP_FIELD_ORIGIN), authority);
    if (http_decode(&a, http_span_slice(bytes, h->path), false, &path))
        (void)http_path_ok(path);
    (void)http_form_parse(&a, http_span_slice(bytes, h->query), &pairs, &count);
    arena_deinit(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct http_head whole, cut;
    size_t whole_used = 0, cut_used = 0, at = len ? bytes[len - 1] % len : 0;
    http_head_reset(&whole);
    http_head_reset(&cut);
    enum http_parse want = http_head_parse(&whole, bytes, len, HEAD_MAX, &whole_used);
    enum http_parse got = http_head_parse(&cut, bytes, at, HEAD_MAX, &cut_used);
    if (got == HTTP_PARSE_MORE)
        got = http_head_parse(&cut, bytes, len, HEAD_MAX, &cut_used);
    assert(got == want && cut_used == whole_used && cut.status == whole.status);
    if (want != HTTP_PARSE_DONE)
        return 0;
    assert(whole_used <= len && whole_used <= HEAD_MAX);
    check_span(whole.path, whole_used);
    check_span(whole.query, whole_used);
    check_span(whole.authority, whole_used);
    for (unsigned i = 0; i < whole.field_count; i++) {
        check_span(whole.fields[i].name, whole_used);
        check_span(whole.fields[i].value, whole_used);
    }
    use(bytes, &whole);
    return 0;
}
