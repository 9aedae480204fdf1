/* needles.ts - what the line filters of a query look for, as expressions that mark it in the lines shown. */
import { unquote } from "./lex";
import { findStages, isLineFilter, type Stage } from "./shape";

/* Only positive filters: what `!=` names is not in the lines. */
export function findNeedles(query: string): RegExp[] {
  return findStages(query)
    .filter((stage) => isLineFilter(stage) && (stage.tokens[0]?.text === "|=" || stage.tokens[0]?.text === "|~"))
    .flatMap(stageNeedles);
}

function stageNeedles(stage: Stage): RegExp[] {
  const isRegex = stage.tokens[0]?.text === "|~";
  const needles: RegExp[] = [];
  stage.tokens.forEach((token, i) => {
    if (token.kind !== "string" || stage.tokens[i - 1]?.text === "(") return;
    const value = unquote(token.text);
    const needle = value === "" ? undefined : isRegex ? fromRe2(value) : literal(value);
    if (needle) needles.push(needle);
  });
  return needles;
}

function literal(value: string, flags = "g"): RegExp {
  return new RegExp(value.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), flags);
}

/* What a person types to find it, in any letter case; undefined for nothing. */
export function literalNeedle(typed: string, flags = "gi"): RegExp | undefined {
  return typed === "" ? undefined : literal(typed, flags);
}

const REPEATS_MAX = 2;

/*
 * RE2 takes linear time for any expression, JavaScript's engine does not: a repeated group, or many unbounded
 * repeats, could freeze the page. Such an expression marks nothing.
 */
function isSlow(source: string): boolean {
  const plain = source.replace(/\\./g, "x").replace(/\[[^\]]*\]/g, "x");
  return /\)[*+{]/.test(plain) || (plain.match(/[*+]|\{\d+,\}/g) ?? []).length > REPEATS_MAX;
}

/* RE2 and JavaScript agree on most of their syntax; where they do not, nothing is marked. */
function fromRe2(value: string): RegExp | undefined {
  const flags = /^\(\?([imsU]+)\)/.exec(value);
  const source = (flags ? value.slice(flags[0].length) : value).replace(/\(\?P</g, "(?<");
  if (isSlow(source)) return undefined;
  const own = [...(flags?.[1] ?? "")].filter((flag) => "ims".includes(flag)).join("");
  try {
    return new RegExp(source, `g${own}`);
  } catch {
    return undefined;
  }
}
