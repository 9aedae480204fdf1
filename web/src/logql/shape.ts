/* shape.ts - where the parts of a LogQL query are: selectors, matchers, the stages of a pipeline. */
import { lex, significant, unquote, type Token } from "./lex";

export type MatchOp = "=" | "!=" | "=~" | "!~";
export interface Matcher {
  name: string;
  op: MatchOp;
  value: string;
}

/* From `{` to behind `}`. */
export interface Selector {
  from: number;
  to: number;
  matchers: Matcher[];
}

/* One stage with its leading operator, e.g. `|= "x"` or `| json`; `tokens` are the significant ones. */
export interface Stage {
  from: number;
  to: number;
  tokens: Token[];
}

/*
 * A query whose answer is log lines starts with a selector, perhaps in parentheses, or is plain words, perhaps with a
 * pipeline behind them. What calls something or is only numbers gives numbers.
 */
export function isMetricQuery(query: string): boolean {
  const tokens = significant(lex(query));
  const first = tokens.find((token) => token.text !== "(");
  if (first === undefined || first.text === "{") return false;
  return beforePipeline(tokens).some((token) => token.kind === "bracket") || isNumbers(tokens);
}

/* `payment -timeout user:ann | logfmt`, which the server searches for in every stream. */
export function isPlainWords(query: string): boolean {
  const tokens = significant(lex(query));
  return tokens.length > 0 && !isMetricQuery(query) && !beforePipeline(tokens).some((token) => token.text === "{");
}

function beforePipeline(tokens: readonly Token[]): readonly Token[] {
  const bar = tokens.findIndex((token) => token.kind === "operator" && token.text.startsWith("|"));
  return bar < 0 ? tokens : tokens.slice(0, bar);
}

const isNumbers = (tokens: readonly Token[]) =>
  tokens.every((token) => token.kind === "number" || token.kind === "operator") &&
  tokens.some((token) => token.kind === "number");

const SET_STAGES = new Set(["distinct", "dedup", "sort", "top", "stats", "patterns", "context", "join"]);

/* Bole's stages that look at many rows: the answer comes at once, and has no pages. */
export function isSetQuery(query: string): boolean {
  return findStages(query).some((stage) => {
    const [, word, next] = stage.tokens;
    return SET_STAGES.has(word?.text ?? "") && !/^([=!<>]=?|[=!]~)$/.test(next?.text ?? "");
  });
}

export function findSelector(query: string): Selector | undefined {
  const tokens = significant(lex(query));
  const open = tokens.findIndex((token) => token.text === "{");
  if (open < 0) return undefined;
  const close = tokens.findIndex((token, i) => i > open && token.text === "}");
  if (close < 0) return undefined;
  const matchers: Matcher[] = [];
  const inner = tokens.slice(open + 1, close);
  for (let i = 0; i + 2 < inner.length; i++) {
    const [name, op, value] = [inner[i]!, inner[i + 1]!, inner[i + 2]!];
    if (name.kind === "word" && isMatchOp(op.text) && value.kind === "string") {
      matchers.push({ name: name.text, op: op.text, value: unquote(value.text) });
    }
  }
  return { from: tokens[open]!.from, to: tokens[close]!.to, matchers };
}

function isMatchOp(text: string): text is MatchOp {
  return text === "=" || text === "!=" || text === "=~" || text === "!~";
}

const LINE_FILTERS = new Set(["|=", "!=", "|~", "!~", "|>", "!>"]);

export function isLineFilter(stage: Stage): boolean {
  return LINE_FILTERS.has(stage.tokens[0]?.text ?? "");
}

/* The pipeline behind the first selector of a log query, up to whatever ends it. */
export function findStages(query: string): Stage[] {
  const begin = isPlainWords(query)
    ? beforePipeline(significant(lex(query))).at(-1)?.to
    : findSelector(query)?.to;
  if (begin === undefined) return [];
  const tokens = significant(lex(query)).filter((token) => token.from >= begin);
  const stages: Stage[] = [];
  let depth = 0;
  for (const token of tokens) {
    if (token.text === ")" && depth === 0) break;
    if (token.text === "[" && depth === 0) break;
    if (token.text === "(") depth++;
    if (token.text === ")") depth--;
    const last = stages.at(-1);
    if (depth === 0 && startsStage(token, last)) stages.push({ from: token.from, to: token.to, tokens: [token] });
    else if (last) {
      last.tokens.push(token);
      last.to = token.to;
    } else break;
  }
  return stages;
}

/* `!=` starts a line filter, but inside `| status != 200` it is a comparison: there a word stands before it. */
function startsStage(token: Token, last: Stage | undefined): boolean {
  if (token.kind !== "operator") return false;
  if (token.text.startsWith("|")) return true;
  if (token.text !== "!=" && token.text !== "!~" && token.text !== "!>") return false;
  return last?.tokens.at(-1)?.kind !== "word" || isBareParser(last);
}

/* `| json != "x"` is a parser followed by a line filter. */
function isBareParser(stage: Stage): boolean {
  return stage.tokens.length === 2 && ["json", "logfmt", "unpack", "decolorize"].includes(stage.tokens[1]?.text ?? "");
}
