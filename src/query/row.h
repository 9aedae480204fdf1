/*
 * row.h - one record on its way through a pipeline: its line and its labels, each with where it came from.
 *
 * A name belongs to the stream first, then to the record's fields ("structured metadata"), then to what a parser found.
 * A loser is called `<name>_extracted`; there the parsed value beats the field's. The names of the stream count even
 * after `drop` took the label away.
 *
 * Errors of a stage are data: they set error and details and the row goes on.
 *
 * Owner:   names and values are borrowed from the vector, the query, or the scratch arena, which lives as long as the
 *          row.
 * Threads: one.
 */
#ifndef QUERY_ROW_H
#define QUERY_ROW_H

#include "base/arena.h"
#include "record/batch.h"

#define ROW_LABELS_MAX 2048u /* of one row; more are left out and the row gets an error */

#define LABEL_ERROR         S("__error__")
#define LABEL_ERROR_DETAILS S("__error_details__")
#define LABEL_TENANT_TEXT   "__tenant_id__"
#define LABEL_TENANT        S(LABEL_TENANT_TEXT) /* of streams, where several tenants are asked at once */
#define LABEL_PRESERVE      S("__preserve_error__")

#define ERROR_JSON     S("JSONParserErr")
#define ERROR_LOGFMT   S("LogfmtParserErr")
#define ERROR_SAMPLE   S("SampleExtractionErr")
#define ERROR_FILTER   S("LabelFilterErr")
#define ERROR_TEMPLATE S("TemplateFormatErr")

enum label_origin { ORIGIN_STREAM, ORIGIN_FIELD, ORIGIN_PARSED };

struct row_label {
    bole_slice        name;
    bole_slice        value;
    enum label_origin origin;
};

struct label_filter; /* ast.h */

/* A label filter that a parser asks as soon as it has set the label of that name: hints.h. */
struct early_filter {
    bole_slice                 name;
    const struct label_filter *filter; /* NULL: all pass */
};

/* What a query needs from the parsers: hints.h. */
struct row_hints {
    bool                       no_labels;    /* nothing at all: parsers do not run */
    bool                       keeps_errors; /* the query asks for __error__: a parser's error is part of the answer */
    bool                       some_labels;  /* only these; when they are all there, parsers stop */
    const bole_slice          *names;
    size_t                     name_count;
    const struct early_filter *early;
    size_t                     early_count;
};

#define EXTRACTED_SUFFIX S("_extracted") /* of the name of what has lost its own to another label */

/* The name that such a label has lost; empty when `name` is no such name. */
static inline bole_slice row_lost_name(bole_slice name)
{
    bool lost = name.len > EXTRACTED_SUFFIX.len && bole_slice_ends(name, EXTRACTED_SUFFIX);
    return lost ? (bole_slice){name.ptr, name.len - EXTRACTED_SUFFIX.len} : (bole_slice){0};
}

struct row {
    int64_t                 time_ns;
    bole_slice              line;
    struct row_label       *labels; /* [ROW_LABELS_MAX], in no order */
    size_t                  count;
    const struct row_label *base;   /* the stream's labels, sorted */
    size_t                  base_count;
    bole_slice              error, error_details; /* error.len 0: none */
    struct arena           *scratch;
    const struct row_hints *hints;
    struct row_label       *gone;  /* what drop, keep and label_format took away; in scratch */
    size_t                  gone_count, gone_cap;
    bool                    is_changed; /* a label was set or taken away */
    bool                    is_out; /* an early filter has said so */
    size_t                  template_bytes; /* of text that templates have worked on: template.h */
    bool                    out_of_memory; /* a stage found no room: the query must end */
};

/* Begins a row with its stream's labels. */
void row_begin(struct row *r, int64_t time_ns, bole_slice line, const struct row_label *base, size_t base_count);
void row_add_fields(struct row *r, const struct batch_field *fields, size_t count);

/* NULL: not there. __error__ is not a label here. */
const struct row_label *row_find(const struct row *r, bole_slice name);
/* Invalid UTF-8 and U+FFFD as blanks. */
bole_slice row_valid_text(struct row *r, bole_slice s);

/* The value as templates read it: "" when absent; __error__ and __error_details__ are found, too. */
bole_slice row_text(const struct row *r, bole_slice name);
/* The value as filters read it: "" when absent; __error__ is the row's, but __error_details__ is not found. */
bole_slice row_filtered_text(const struct row *r, bole_slice name);

void row_set(struct row *r, enum label_origin origin, bole_slice name, bole_slice value);
/* What drop, keep and label_format do: the name is remembered. */
void row_delete(struct row *r, bole_slice name);
bool row_is_gone(const struct row *r, bole_slice name);

/* A label that a parser has found, under its settled name, unless it is there already or nobody wants it. False: the parser is to
 * stop, since the row is out (is_out) or there was no room. */
bool row_parsed(struct row *r, bole_slice name, bole_slice value);
/* The early filter of that name, if there is one. */
bool row_passes_early(struct row *r, bole_slice name);
/* All labels that the query needs have been parsed, so that nothing needs to be looked for. */
bool row_has_all(const struct row *r);
/* Parsers have nothing to do. */
bool row_needs_no_parser(const struct row *r);

/* The name under which a parser may set `name`: itself or name_extracted. */
bole_slice row_parsed_name(struct row *r, bole_slice name);
/* True when a parser has set this name already, even if it was taken away since: the first value wins. */
bool row_has_parsed(const struct row *r, bole_slice name);
/* False when the query has no use for a parsed label of this name. */
bool row_wants(const struct row *r, bole_slice name);
/* The same before the name is settled: false when neither `name` nor `name_extracted` is of use. */
bool row_may_want(const struct row *r, bole_slice name);

/* What `| regexp` or `| pattern` has captured, by the name in the expression; as row_parsed. */
bool row_set_capture(struct row *r, bole_slice name, bole_slice value);

/* A later error takes the place of an earlier one; without details (ptr NULL) those of the earlier stay. from_parser marks those
 * that a query may ask for. */
void row_fail(struct row *r, bole_slice kind, bole_slice details, bool from_parser);

/* A copy in scratch; sets out_of_memory and returns an empty slice when there is no room. */
bole_slice row_copy(struct row *r, bole_slice s);

static inline bool row_has_error(const struct row *r) { return r->error.len > 0; }

#endif
