#include "process/service_name.h"

const bole_slice service_name_candidates[] = {
    S("service"),   S("app"),            S("application"),        S("app_name"),  S("name"),
    S("app_kubernetes_io_name"),
    S("container"), S("container_name"), S("k8s_container_name"), S("component"), S("workload"), S("job"),
    S("k8s_job_name"),
};
const size_t service_name_candidate_count = sizeof service_name_candidates / sizeof *service_name_candidates;

static bole_slice value_of(const struct label *labels, size_t count, bole_slice name)
{
    for (size_t i = 0; i < count; i++)
        if (labels[i].value.len && bole_slice_eq(labels[i].name, name))
            return labels[i].value;
    return (bole_slice){0};
}

struct label service_name_discover(const struct label *labels, size_t label_count, const bole_slice *candidates,
                                   size_t candidate_count)
{
    if (candidate_count == 0 || value_of(labels, label_count, SERVICE_NAME_LABEL).ptr)
        return (struct label){0};
    for (size_t i = 0; i < candidate_count; i++) {
        bole_slice value = value_of(labels, label_count, candidates[i]);
        if (value.ptr)
            return (struct label){SERVICE_NAME_LABEL, value};
    }
    return (struct label){SERVICE_NAME_LABEL, SERVICE_NAME_UNKNOWN};
}
