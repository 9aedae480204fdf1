#include "store/store.h"

#include "base/err.h"
#include "shim/regex.h"
#include "store/backends.h"

static const struct store_ops *const backends[] = {&store_segments_ops, &store_mem_ops};

bole_status store_open(const struct store_options *options, struct store **ret_store, struct bole_err *err)
{
    bole_slice rest, scheme = bole_slice_cut(options->uri, ':', &rest);
    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++)
        if (bole_slice_eq(scheme, bole_slice_str(backends[i]->scheme)))
            return backends[i]->open(options, ret_store, err);
    return bole_fail(err, BOLE_E_INVALID, "store: \"%.*s\" has no known scheme (segments:DIR, mem:)",
                     BOLE_SLICE_ARG(options->uri));
}

bole_status store_backup(struct store *s, struct store_backup **ret_backup, struct bole_err *err)
{
    if (!s->ops->backup)
        return bole_fail(err, BOLE_E_UNSUPPORTED, "the store %s: has no files that could be saved", s->ops->scheme);
    return s->ops->backup(s, ret_backup, err);
}

static bool matcher_passes(const struct store_matcher *m, bole_slice value)
{
    switch (m->op) {
    case MATCH_EQ: return bole_slice_eq(value, m->value);
    case MATCH_NE: return !bole_slice_eq(value, m->value);
    case MATCH_RE: return regex_match(m->regex, value);
    case MATCH_NRE: return !regex_match(m->regex, value);
    }
    return false;
}

bool store_matches(bole_slice labels, const struct store_matcher *matchers, size_t matcher_count)
{
    for (size_t i = 0; i < matcher_count; i++)
        if (!matcher_passes(&matchers[i], labels_find(labels, matchers[i].name)))
            return false;
    return true;
}

void vector_select_all(struct vector *v)
{
    for (uint32_t word = 0; word < VECTOR_ROWS_MAX / 64; word++) {
        uint32_t from = word * 64;
        uint32_t rows = v->row_count > from ? v->row_count - from : 0;
        v->selected[word] = rows >= 64 ? ~0ull : (1ull << rows) - 1;
    }
}
