/*
 * parse_json.h - `| json`, `| json a="x.y[0]"` and `| unpack`.
 *
 * The reader is lenient exactly where Loki's is: text after the object, trailing commas and numbers such as 01 pass,
 * values keep their spelling. simdjson, being strict, would refuse such lines.
 *
 * Threads: any; a path is read-only.
 */
#ifndef QUERY_PARSE_JSON_H
#define QUERY_PARSE_JSON_H

#include "query/ast.h"
#include "query/row.h"

#define JSON_DEPTH_MAX 128u /* nested objects that are flattened; deeper ones are an error of the row */

struct json_path;

/* a.b[0]["c d"]. Error: `cannot parse expression [a-b]: unexpected char -` */
bole_status json_path_compile(bole_slice text, struct arena *arena, struct json_path **ret_path, struct bole_err *err);

/* Every leaf of the line's object becomes a label; nested keys join with `_`. */
void parse_json(struct row *r);
/* One label for each pair, empty where its path leads nowhere. */
void parse_json_paths(struct row *r, const struct ast_pair *pairs);
/* Strings of the top level become labels; "_entry" becomes the line. */
void parse_unpack(struct row *r);

#endif
