/* parse_fuzz.c - what rules take out of lines: values are of lines that are whole JSON, times and replacements of any. */
#include <stdlib.h>

#include "process/json_path.h"
#include "process/pipeline.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char rules[] = "rules:\n"
                            "- json: {fields: {a: , b: b.c, c: 'd[1].\"e f\"', ts: }}\n"
                            "- logfmt: {fields: {a: , f: g, ts: }}\n"
                            "- time: {from: ts, format: [rfc3339, unix, unix_ns, 'Jan _2 15:04:05', '2006-01-02 15:04:05.999 MST']}\n"
                            "- replace: {pattern: '(a+)b|(c)', with: xy}\n"
                            "- {match: {longer: 10, older: 1h}, rules: [{line: '${a}-${b}'}, {route: {labels: {l: '${c}'}, keep: [s]}}]}\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct pipeline *pipeline;
    static struct process_run run;
    static const uint8_t labels[] = {1, 's', 1, 't'};
    struct json_path path;
    if (!pipeline) {
        if (pipeline_parse(S(rules), "rules", &pipeline, NULL) < 0)
            abort();
        process_run_init(&run, NULL);
        run.clock = &clock_system;
        run.pipeline = pipeline;
    }
    bole_slice line = bole_slice_from(data, size);
    struct process_record r = {.labels = bole_slice_from(labels, sizeof labels), .line = line};
    if (process_run_record(&run, &r) == PROCESS_NO_MEMORY)
        abort();
    json_path_parse(line, &path);
    return 0;
}
