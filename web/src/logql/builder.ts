/*
 * builder.ts - a log query as parts that a form can show, and back.
 *
 * What the form has no words for stays as it is written. A query that is not understood as a whole (a metric, plain words,
 * comments, a selector that is not finished) is left to the editor.
 */
import { lex, quote, unquote } from "./lex";
import { findSelector, findStages, isMetricQuery, isPlainWords, type Matcher, type MatchOp, type Stage } from "./shape";

export const LINE_OPS = ["|=", "!=", "|~", "!~"] as const;
export type LineOp = (typeof LINE_OPS)[number];
export const FILTER_OPS = ["=", "!=", "=~", "!~", ">", ">=", "<", "<="] as const;
export type FilterOp = (typeof FILTER_OPS)[number];
export const MATCH_OPS: readonly MatchOp[] = ["=", "!=", "=~", "!~"];
export const PARSERS = ["json", "logfmt"] as const;
export type Parser = (typeof PARSERS)[number];

export type Part =
  | { kind: "line"; op: LineOp; value: string }
  | { kind: "parser"; parser: Parser }
  | { kind: "filter"; name: string; op: FilterOp; value: string }
  | { kind: "other"; text: string };

export interface Built {
  matchers: Matcher[];
  parts: Part[];
}

export function readBuilt(query: string): Built | undefined {
  if (query.trim() === "") return { matchers: [], parts: [] };
  if (isMetricQuery(query) || isPlainWords(query)) return undefined;
  if (lex(query).some((token) => token.kind === "comment" || token.kind === "bad")) return undefined;
  const selector = findSelector(query);
  if (!selector || query.slice(0, selector.from).trim() !== "") return undefined;
  const stages = findStages(query);
  const end = stages.at(-1)?.to ?? selector.to;
  if (query.slice(end).trim() !== "" || !isWhole(query.slice(selector.from, selector.to), selector.matchers))
    return undefined;
  return { matchers: selector.matchers, parts: stages.map((stage) => readPart(query, stage)) };
}

/* Nothing stands in the braces but the matchers that were read. */
function isWhole(braces: string, matchers: readonly Matcher[]): boolean {
  const words = lex(braces).filter((token) => token.kind !== "space" && token.kind !== "comma");
  return words.length === 2 + 3 * matchers.length;
}

function readPart(query: string, stage: Stage): Part {
  const { tokens } = stage;
  const [first, second, third, fourth] = tokens;
  const lineOp = LINE_OPS.find((op) => op === first?.text);
  if (lineOp && second?.kind === "string" && tokens.length === 2)
    return { kind: "line", op: lineOp, value: unquote(second.text) };
  const parser = PARSERS.find((one) => one === second?.text);
  if (first?.text === "|" && parser && tokens.length === 2) return { kind: "parser", parser };
  const op = FILTER_OPS.find((one) => one === third?.text);
  if (first?.text === "|" && second?.kind === "word" && op && fourth && tokens.length === 4) {
    if (isComparison(op) && fourth.kind === "number") return { kind: "filter", name: second.text, op, value: fourth.text };
    if (!isComparison(op) && fourth.kind === "string")
      return { kind: "filter", name: second.text, op, value: unquote(fourth.text) };
  }
  return { kind: "other", text: query.slice(stage.from, stage.to) };
}

export function isComparison(op: FilterOp): boolean {
  return op.startsWith(">") || op.startsWith("<");
}

/* Parts that are not filled in yet are left out. */
export function writeBuilt({ matchers, parts }: Built): string {
  const named = matchers.filter((one) => one.name !== "");
  const selector = `{${named.map((one) => `${one.name}${one.op}${quote(one.value)}`).join(", ")}}`;
  return [selector, ...parts.flatMap(writePart)].join(" ");
}

function writePart(part: Part): string[] {
  if (part.kind === "other") return [part.text];
  if (part.kind === "parser") return [`| ${part.parser}`];
  if (part.kind === "line") return part.value === "" ? [] : [`${part.op} ${quote(part.value)}`];
  if (part.name === "") return [];
  if (!isComparison(part.op)) return [`| ${part.name}${part.op}${quote(part.value)}`];
  const number = lex(part.value.trim());
  return number.length === 1 && number[0]?.kind === "number" ? [`| ${part.name} ${part.op} ${part.value.trim()}`] : [];
}
