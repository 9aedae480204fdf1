#include "shim/json_doc.h"

#include <new>
#include <simdjson.h>

extern "C" {
#include "base/err.h"
}

using simdjson::dom::element;

struct json_doc {
    simdjson::dom::parser parser;
    simdjson::padded_string text;
};

static_assert(sizeof(element) == sizeof(json_value), "an element is a document and a place in it");

static json_value to_value(element e)
{
    json_value v;
    __builtin_memcpy(&v, &e, sizeof v);
    return v;
}

static element to_element(json_value v)
{
    element e;
    __builtin_memcpy(static_cast<void *>(&e), &v, sizeof v);
    return e;
}

static bole_slice to_slice(std::string_view s)
{
    return bole_slice{reinterpret_cast<const uint8_t *>(s.data()), s.size()};
}

json_doc *json_doc_create(void)
{
    return new (std::nothrow) json_doc;
}

void json_doc_destroy(json_doc *d)
{
    delete d;
}

bole_status json_doc_parse(json_doc *d, bole_slice text, json_value *ret_root, bole_err *err)
{
    d->text = simdjson::padded_string(reinterpret_cast<const char *>(text.ptr), text.len);
    element root;
    if (auto error = d->parser.parse(d->text).get(root))
        return bole_fail(err, BOLE_E_INVALID, "no valid JSON: %s", simdjson::error_message(error));
    *ret_root = to_value(root);
    return BOLE_OK;
}

bool json_doc_member(json_value v, const char *name, json_value *ret_value)
{
    element found;
    if (!to_element(v).is_object() || to_element(v)[name].get(found))
        return false;
    *ret_value = to_value(found);
    return true;
}

bole_slice json_doc_string(json_value v)
{
    std::string_view text;
    return to_element(v).get(text) ? bole_slice{nullptr, 0} : to_slice(text);
}

bool json_doc_number(json_value v, double *ret_number)
{
    return !to_element(v).get(*ret_number);
}

bool json_doc_each(json_value v, bool (*fn)(bole_slice name, json_value value, void *ctx), void *ctx)
{
    simdjson::dom::array array;
    simdjson::dom::object object;
    if (!to_element(v).get(array)) {
        for (element e : array)
            if (!fn(bole_slice{nullptr, 0}, to_value(e), ctx))
                break;
        return true;
    }
    if (to_element(v).get(object))
        return false;
    for (auto member : object)
        if (!fn(to_slice(member.key), to_value(member.value), ctx))
            break;
    return true;
}
