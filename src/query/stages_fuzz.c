/*
 * A line of any bytes through every parser and a few templates: no stage may read past it, loop, or need more than its
 * budget. The first byte picks the pipeline.
 */
#include <stdlib.h>

#include "query/parser.h"
#include "query/pipeline.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const pipelines[] = {
    "{a=\"b\"} | json",
    "{a=\"b\"} | json x=\"a.b[0]\", y=\"[\\\"c\\\"]\", z",
    "{a=\"b\"} | logfmt --keep-empty",
    "{a=\"b\"} | logfmt --strict",
    "{a=\"b\"} | unpack",
    "{a=\"b\"} | regexp `(?P<x>\\w+)\\s(?P<y>.)`",
    "{a=\"b\"} | pattern `<x> <_>,<y>`",
    "{a=\"b\"} | decolorize",
    "{a=\"b\"} |= ip(\"10.0.0.0/8\") or ip(\"::1\") |> \"a<_>b<_>\" |~ \"x.*y\" or \"é\"",
    "{a=\"b\"} | logfmt | x > 1s or y > 1KB or z > 5 or w = ip(\"1.2.3.4\")",
    "{a=\"b\"} | logfmt | line_format `{{.x | trunc 3}}{{printf .y .z}}{{regexReplaceAll \"a*\" .w \"$1\"}}{{add .x "
    ".y}}{{date .x __timestamp__}}`",
    "{a=\"b\"} | line_format `{{__line__ | alignLeft 5 | b64enc | b64dec | urlencode | urldecode | title | nindent "
    "2}}`",
    "{a=\"b\"} | line_format `{{range $i, $v := fromJson __line__}}{{$i}}{{printf \"%v %#v %q %08.3d\" $v $v $i $v}}{{end}}`",
    "{a=\"b\"} | logfmt | line_format `{{printf .x .y .z 1 2.5}}{{toDate .x .y}}{{toDateInZone .x .z .y}}{{divf .x .y}}"
    "{{bytes .x}}`",
    "{a=\"b\"} | logfmt | label_format u=`{{index . .x}}{{js .y}}{{html .z}}`, v=`{{slice .x 1}}{{regexReplaceAll .y .x .z}}`, "
    "w=`{{title .x | upper | lower | trimAll .y | alignRight 7}}{{unixToTime .x | date .y}}`",
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { COUNT = sizeof pipelines / sizeof pipelines[0] };
    static struct ast *asts[COUNT];
    static struct row_label labels[ROW_LABELS_MAX + 2];
    struct budget budget;
    struct arena scratch;
    if (size == 0)
        return 0;
    struct ast **ast = &asts[data[0] % COUNT];
    if (!*ast && ast_parse(bole_slice_str(pipelines[data[0] % COUNT]), NULL, ast, NULL) < 0)
        abort();
    budget_init(&budget, NULL, 32u << 20);
    arena_init(&scratch, &budget);
    const struct ast_stage *stages[16];
    struct pipeline p = {.stages = stages};
    for (const struct ast_stage *s = (*ast)->root->log.stages; s; s = s->next)
        stages[p.count++] = s;
    struct row_label base = {S("a"), S("b"), ORIGIN_STREAM};
    struct row row = {.labels = labels, .scratch = &scratch};
    row_begin(&row, 0, (bole_slice){data + 1, size - 1}, &base, 1);
    pipeline_run(&p, &row);
    for (size_t i = 0; i < row.count; i++) /* every slice must be readable */
        for (size_t k = 0; k < row.labels[i].value.len; k++)
            labels[ROW_LABELS_MAX].origin ^= row.labels[i].value.ptr[k] & 1;
    arena_deinit(&scratch);
    return 0;
}
