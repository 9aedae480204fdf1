#include "base/err.h"
#include "receive/receive.h"

/* Under these names the common agents and libraries send what a person asks for first: OpenTelemetry's conventions (also
 * Elastic's common schema), Fluent Bit's and Filebeat's Kubernetes filters, plain JSON. */
static const bole_slice service[] = {S("service_name"), S("service.name"), S("service"), S("app"), S("application"),
                                     S("app_name"), S("kubernetes.labels.app_kubernetes_io/name"),
                                     S("kubernetes.labels.app")};
static const bole_slice host[] = {S("host"), S("host.name"), S("host.hostname"), S("hostname")};
static const bole_slice namespace[] = {S("namespace"), S("k8s.namespace.name"), S("kubernetes.namespace"),
                                       S("kubernetes.namespace_name")};
static const bole_slice container[] = {S("container"), S("k8s.container.name"), S("kubernetes.container.name"),
                                       S("kubernetes.container_name"), S("container.name"), S("container_name")};
static const bole_slice env[] = {S("env"), S("deployment.environment.name"), S("deployment.environment"),
                                 S("service.environment"), S("environment")};

#define ROW(name, list) {S(name), list, sizeof list / sizeof *list}
const struct receive_label receive_stream_labels[] = {
    ROW("service_name", service), ROW("host", host), ROW("namespace", namespace), ROW("container", container), ROW("env", env),
};
const size_t receive_stream_label_count = sizeof receive_stream_labels / sizeof *receive_stream_labels;

static size_t count_of(bole_slice text, uint8_t sep)
{
    size_t n = 1;
    for (size_t i = 0; i < text.len; i++)
        n += text.ptr[i] == sep;
    return n;
}

/* One row: "label" or "label=name|name". Its own name comes first: a field that is called like a label and is none would
 * hide behind it. */
static bole_status parse_row(bole_slice text, struct arena *arena, struct receive_label *ret_label, struct bole_err *err)
{
    bole_slice rest;
    bole_slice label = bole_slice_trim(bole_slice_cut(text, '=', &rest));
    bole_slice *from = arena_array(arena, 1 + count_of(rest, '|'), sizeof *from);
    if (!from)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for stream labels");
    if (label.len == 0 || label.len > LABEL_NAME_MAX || label_name_clean(label, arena).ptr != label.ptr)
        return bole_fail(err, BOLE_E_INVALID, "\"%.*s\" is no name of a label: letters, digits and _", BOLE_SLICE_ARG(label));
    *ret_label = (struct receive_label){label, from, 1};
    from[0] = label;
    while (rest.len) {
        bole_slice name = bole_slice_trim(bole_slice_cut(rest, '|', &rest));
        if (name.len && !bole_slice_eq(name, label))
            from[ret_label->from_count++] = name;
    }
    return BOLE_OK;
}

bole_status receive_labels_parse(bole_slice text, struct arena *arena, const struct receive_label **ret_labels,
                                 size_t *ret_count, struct bole_err *err)
{
    size_t count = 0;
    struct receive_label *labels = arena_array(arena, count_of(text, ','), sizeof *labels);
    if (!labels)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for stream labels");
    while (text.len) {
        bole_slice row = bole_slice_trim(bole_slice_cut(text, ',', &text));
        if (row.len == 0)
            continue;
        if (count == RECEIVE_STREAM_LABELS_MAX)
            return bole_fail(err, BOLE_E_LIMIT, "more than %u stream labels", RECEIVE_STREAM_LABELS_MAX);
        bole_status st = parse_row(row, arena, &labels[count], err);
        if (st < 0)
            return st;
        for (size_t i = 0; i < count; i++)
            if (bole_slice_eq(labels[i].name, labels[count].name))
                return bole_fail(err, BOLE_E_INVALID, "stream label \"%.*s\" stands twice", BOLE_SLICE_ARG(labels[i].name));
        count++;
    }
    *ret_labels = labels;
    *ret_count = count;
    return BOLE_OK;
}
