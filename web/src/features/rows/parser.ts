/* parser.ts - which stage finds the fields of a line. */
import { appendStage } from "@/logql/edit";
import { findStages } from "@/logql/shape";

const LOOKED_AT_CHARS = 2_000;
const LOOKED_AT_LINES = 20;
const PARSERS = new Set(["json", "logfmt", "regexp", "pattern", "unpack"]);

/* At least two pairs, so that a sentence with one `=` is not taken for logfmt. */
export function parserFor(line: string): "| json" | "| logfmt" | undefined {
  const head = line.slice(0, LOOKED_AT_CHARS).trim();
  if (/^\{\s*"/.test(head)) return "| json";
  return (head.match(/(?:^|\s)[A-Za-z_][\w.]*=(?:"|\S)/g)?.length ?? 0) >= 2 ? "| logfmt" : undefined;
}

/* The query with a parser that most of these rows need, unless it has one. */
export function withParser(query: string, rows: readonly { line: string }[]): string {
  if (findStages(query).some((stage) => PARSERS.has(stage.tokens[1]?.text ?? ""))) return query;
  const found = rows.slice(0, LOOKED_AT_LINES).map((row) => parserFor(row.line));
  const json = found.filter((one) => one === "| json").length;
  const logfmt = found.filter((one) => one === "| logfmt").length;
  return json + logfmt === 0 ? query : appendStage(query, json >= logfmt ? "| json" : "| logfmt");
}
