/*
 * edit.ts - changes that a click makes to the text of a query.
 *
 * The text stays the user's own: spacing, order and comments are kept, only the needed piece is replaced.
 */
import { LEVEL_FIELD, LEVELS, levelOf, storedNames } from "@/lib/level";
import { lex, quote, unquote } from "./lex";
import { findSelector, findStages, isPlainWords, type Matcher, type MatchOp, type Stage } from "./shape";

const SERIES_COUNTED = 10;
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/* Only a name that LogQL can spell can be filtered on. */
export function isFieldName(name: string): boolean {
  return NAME.test(name);
}

function formatSelector(matchers: readonly Matcher[]): string {
  return `{${matchers.map((m) => `${m.name}${m.op}${quote(m.value)}`).join(", ")}}`;
}

/* A selector needs one matcher that does not also match the absence of its label. */
function selects(matcher: Matcher): boolean {
  if (matcher.op === "=") return matcher.value !== "";
  if (matcher.op !== "=~") return false;
  try {
    return !new RegExp(`^(?:${matcher.value})$`).test("");
  } catch {
    return true;
  }
}

const isAny = (m: Matcher) => m.op === "=~" && (m.value === ".+" || m.value === ".*");

/* Puts a matcher on a stream label into the first selector, in place of one that it contradicts or narrows. */
export function addMatcher(query: string, name: string, op: MatchOp, value: string): string {
  const added: Matcher = { name, op, value };
  const selector = findSelector(query);
  if (!selector && isPlainWords(query) && (op === "=" || op === "!=")) return addFilter(query, name, op, value);
  if (!selector) return query.trim() === "" ? formatSelector(guarded([added])) : query;
  if (selector.matchers.some((m) => m.name === name && m.op === op && m.value === value)) return query;
  const replaced = (m: Matcher) =>
    m.name === name && (op === "=" ? isAny(m) || m.op === "=" || m.value === value : m.op === "=" && m.value === value);
  const kept = selector.matchers.filter((m) => !replaced(m));
  const at = selector.matchers.findIndex(replaced);
  const matchers = [...kept];
  matchers.splice(at < 0 ? kept.length : Math.min(at, kept.length), 0, added);
  return query.slice(0, selector.from) + formatSelector(guarded(matchers)) + query.slice(selector.to);
}

function guarded(matchers: Matcher[]): Matcher[] {
  const first = matchers[0];
  if (first === undefined || matchers.some(selects)) return matchers;
  return [{ name: first.name, op: "=~", value: ".+" }, ...matchers];
}

/* Appends ` | name="value"` to the pipeline; takes away the opposite filter, and is made only once. */
export function addFilter(query: string, name: string, op: "=" | "!=", value: string): string {
  const opposite = op === "=" ? "!=" : "=";
  let text = query;
  for (const stage of findStages(query).reverse()) {
    if (isSimpleFilter(stage, name, op, value)) return query;
    if (isSimpleFilter(stage, name, opposite, value)) text = removeStage(text, stage);
  }
  return appendStage(text, `| ${name}${op}${quote(value)}`);
}

/* A log query's lines counted per step, by the values of a field of which there are most. */
export function countBy(query: string, name: string, step: string): string {
  const text = query.trim();
  const end = lex(text).at(-1)?.kind === "comment" ? "\n" : " ";
  return `topk(${SERIES_COUNTED}, sum by (${name}) (count_over_time(${text}${end}[${step}])))`;
}

/* Appends a stage such as `| json`, unless it is the last one already. */
export function appendStage(query: string, stage: string): string {
  const stages = findStages(query);
  const last = stages.at(-1);
  const end = last?.to ?? (isPlainWords(query) ? query.trimEnd().length : findSelector(query)?.to);
  if (end === undefined) return query;
  if (last && query.slice(last.from, last.to) === stage) return query;
  /* Behind a comment on the same line the stage would be part of the comment. */
  const comment = lex(query).find((token) => token.kind === "comment" && token.from >= end);
  if (comment && !query.slice(end, comment.from).includes("\n")) {
    return `${query.slice(0, comment.to)}\n${stage}${query.slice(comment.to)}`;
  }
  return `${query.slice(0, end)} ${stage}${query.slice(end)}`;
}

export type Order = "asc" | "desc";

/* Bole's `| sort by name desc` at the end of the query, if it is there. */
export function sortOf(query: string): { name: string; order: Order } | undefined {
  const [, , by, name, order] = sortStage(query)?.tokens ?? [];
  return by && name ? { name: name.text, order: order?.text === "desc" ? "desc" : "asc" } : undefined;
}

function sortStage(query: string): Stage | undefined {
  const stage = findStages(query).at(-1);
  const [, sort, by, name, order, more] = stage?.tokens ?? [];
  const isSort = sort?.text === "sort" && by?.text === "by" && name?.kind === "word" && more === undefined;
  return isSort && (order === undefined || order.kind === "word") ? stage : undefined;
}

/* Sets, changes or (without an order) takes away the order of the answer. */
export function withSort(query: string, name: string, order: Order | undefined): string {
  const stage = sortStage(query);
  const base = stage ? removeStage(query, stage) : query;
  return order === undefined ? base : appendStage(base, `| sort by ${name}${order === "desc" ? " desc" : ""}`);
}

function removeStage(query: string, stage: Stage): string {
  const before = query.slice(0, stage.from).replace(/[ \t]+$/, "");
  const after = query.slice(stage.to);
  return before + (after === "" || /^[\s)[]/.test(after) ? after : ` ${after}`);
}

function isSimpleFilter(stage: Stage, name: string, op: string, value: string): boolean {
  const [bar, field, operator, text] = stage.tokens;
  return (
    stage.tokens.length === 4 &&
    bar?.text === "|" &&
    field?.text === name &&
    operator?.text === op &&
    text?.kind === "string" &&
    unquote(text.text) === value
  );
}

/* The level filter that the histogram's legend makes: `| detected_level="error"` or `=~"error|warn"`. */
export interface LevelSplit {
  base: string;
  levels: string[];
}

export function splitLevels(query: string): LevelSplit {
  const stage = findStages(query).find(isLevelStage);
  const text = stage?.tokens[3]?.text;
  if (!stage || text === undefined) return { base: query, levels: [] };
  return { base: removeStage(query, stage), levels: [...new Set(unquote(text).split("|").map(levelOf))] };
}

export function withLevels(query: string, levels: readonly string[]): string {
  const { base } = splitLevels(query);
  if (levels.length === 0) return base;
  const names = levels.flatMap(storedNames);
  const op = names.length === 1 ? "=" : "=~";
  return appendStage(base, `| ${LEVEL_FIELD}${op}${quote(names.join("|"))}`);
}

const LEVEL_WORDS = new Set(LEVELS.flatMap(storedNames));

function isLevelStage(stage: Stage): boolean {
  const [bar, field, op, value] = stage.tokens;
  return (
    stage.tokens.length === 4 &&
    bar?.text === "|" &&
    field?.text === LEVEL_FIELD &&
    (op?.text === "=" || op?.text === "=~") &&
    value?.kind === "string" &&
    unquote(value.text)
      .split("|")
      .every((word) => LEVEL_WORDS.has(word))
  );
}
