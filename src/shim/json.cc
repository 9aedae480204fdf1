/*
 * json.cc - drives stage 1 of simdjson's parser implementation for this CPU.
 *
 * stage1() copies the last, partial block before reading it, so a text needs no padding behind it. It reports invalid
 * UTF-8 after the index is complete; that one error is passed on as a flag.
 */
#include "shim/json.h"

#include <memory>
#include <new>

#include <simdjson.h>

extern "C" {
#include "base/err.h"
}

struct json_index {
    std::unique_ptr<simdjson::internal::dom_parser_implementation> impl;
    size_t capacity;
};

namespace {

constexpr size_t CAPACITY_MIN = 64 * 1024;

bole_status reserve(struct json_index *x, size_t size, struct bole_err *err)
{
    if (x->impl && x->capacity >= size)
        return BOLE_OK;
    size_t capacity = CAPACITY_MIN;
    while (capacity < size)
        capacity *= 2;
    x->capacity = 0;
    /* Depth 1: the stacks of the second stage are never used. */
    auto code = simdjson::get_active_implementation()->create_dom_parser_implementation(capacity, 1, x->impl);
    if (code != simdjson::SUCCESS)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for the index of a JSON text of %zu bytes", size);
    x->capacity = capacity;
    return BOLE_OK;
}

/* Where the first string of a refused text is wrong: at a control character, else where it began. */
size_t bad_string(bole_slice text)
{
    size_t start = 0;
    bool inside = false;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (inside && c < 0x20)
            return i;
        if (inside && c == '\\')
            i++;
        else if (c == '"') {
            inside = !inside;
            start = i;
        }
    }
    return start;
}

} // namespace

extern "C" struct json_index *json_index_create(void)
{
    return new (std::nothrow) json_index{nullptr, 0};
}

extern "C" void json_index_destroy(struct json_index *x)
{
    delete x;
}

extern "C" bole_status json_index_build(struct json_index *x, bole_slice text, struct json_positions *ret_positions,
                                        struct bole_err *err)
{
    if (text.len == 0)
        return bole_fail(err, BOLE_E_INVALID, "empty JSON text");
    if (text.len > JSON_INDEX_TEXT_MAX)
        return bole_fail(err, BOLE_E_LIMIT, "JSON text of %zu bytes, the limit is %u", text.len, JSON_INDEX_TEXT_MAX);
    bole_status st = reserve(x, text.len, err);
    if (st < 0)
        return st;
    x->impl->n_structural_indexes = 0;
    auto code = x->impl->stage1(text.ptr, text.len, simdjson::stage1_mode::regular);
    uint32_t count = x->impl->n_structural_indexes;
    switch (code) {
    case simdjson::SUCCESS: break;
    case simdjson::UTF8_ERROR:
        if (count > 0)
            break;
        return bole_fail(err, BOLE_E_INVALID, "invalid UTF-8");
    case simdjson::UNCLOSED_STRING:
        return bole_fail(err, BOLE_E_INVALID, "a string does not end, which began at byte %zu", bad_string(text));
    case simdjson::UNESCAPED_CHARS:
        return bole_fail(err, BOLE_E_INVALID, "a string holds a control character that is not escaped, at byte %zu", bad_string(text));
    case simdjson::EMPTY: return bole_fail(err, BOLE_E_INVALID, "empty JSON text");
    default: return bole_fail(err, BOLE_E_INVALID, "not JSON: %s", simdjson::error_message(code));
    }
    uint32_t *at = x->impl->structural_indexes.get();
    at[count] = static_cast<uint32_t>(text.len);
    *ret_positions = {at, count, code == simdjson::UTF8_ERROR};
    return BOLE_OK;
}

extern "C" size_t json_index_size(const struct json_index *x)
{
    return x->capacity * sizeof(uint32_t);
}

extern "C" void json_index_trim(struct json_index *x, size_t keep_bytes)
{
    if (json_index_size(x) <= keep_bytes)
        return;
    x->impl.reset();
    x->capacity = 0;
}
