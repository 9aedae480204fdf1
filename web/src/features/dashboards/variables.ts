/*
 * variables.ts - `$name` and `${name}` in the queries of panels.
 *
 * Inside a string the value is escaped as that string needs it: behind =~, !~ and |~ it stands for itself, not for a
 * regular expression. All values, or several, can only be a regular expression: in front of a string that names them
 * `=`, `!=` and `|=` become =~, !~ and |~. Outside of strings several values have commas between, as `by ($name)` wants
 * them. Where neither is possible the query is refused here. `$__range` and `$__step` are durations.
 */
import { lex, quote, unquote } from "@/logql/lex";
import { later } from "@/stringsLater";
import type { Variable } from "./model";

export const ALL = "$__all";
const REFERENCE = /\$(?:\{(\w+)\}|(\w+))/g;
const PATTERN_OPS = new Set(["=~", "!~", "|~"]);
const AS_PATTERN: Readonly<Record<string, string>> = { "=": "=~", "!=": "!~", "|=": "|~" };

/* More than one value only of a variable that has `several`. */
export type Values = Readonly<Record<string, readonly string[]>>;

/* What is chosen stands where only one value can. */
export class VariableError extends Error {}

export function defaultOf({ kind, source }: Variable): string {
  if (kind === "label") return ALL;
  return kind === "custom" ? (customValues(source)[0] ?? "") : source;
}

export function customValues(source: string): string[] {
  return source
    .split(",")
    .map((one) => one.trim())
    .filter((one) => one !== "");
}

export function valuesOf(variables: readonly Variable[], chosen: Values): Values {
  return Object.fromEntries(
    variables.map((one) => {
      const values = Object.hasOwn(chosen, one.name) ? (chosen[one.name] ?? []) : [];
      if (values.length === 0) return [one.name, [defaultOf(one)]];
      if (values.includes(ALL)) return [one.name, [ALL]];
      return [one.name, one.several ? values : values.slice(0, 1)];
    }),
  );
}

const isMany = (values: readonly string[]) => values.length !== 1 || values[0] === ALL;
const escapeRegex = (text: string) => text.replace(/[\\^$.|?*+()[\]{}]/g, "\\$&");
const escapeQuoted = (text: string) => text.replace(/["\\]/g, "\\$&").replace(/\n/g, "\\n");

function asPattern(values: readonly string[], alone: boolean): string {
  const parts = values.map((value) => (value === ALL ? ".+" : escapeRegex(value)));
  return alone || parts.length === 1 ? parts.join("|") : `(?:${parts.join("|")})`;
}

type Write = (values: readonly string[], name: string, whole: string) => string;

/* Puts values in the place of references; `rest` is what becomes of the text between them. */
function replaced(text: string, values: Values, write: Write, rest = (part: string) => part): string {
  let out = "";
  let from = 0;
  for (const found of text.matchAll(REFERENCE)) {
    const name = found[1] ?? found[2] ?? "";
    if (!Object.hasOwn(values, name)) continue;
    out += rest(text.slice(from, found.index)) + write(values[name] ?? [], name, found[0]);
    from = found.index + found[0].length;
  }
  return out + rest(text.slice(from));
}

const onlyOne = (values: readonly string[], name: string) => {
  if (isMany(values)) throw new VariableError(later.boards.onlyOne(name));
  return values[0] ?? "";
};

const namesMany = (text: string, values: Values) =>
  [...text.matchAll(REFERENCE)].some(([, braced, bare]) => isMany(values[braced ?? bare ?? ""] ?? [""]));

/* Comments are left out. Throws a VariableError. */
export function substitute(query: string, values: Values): string {
  let out = "";
  let plain: string[] = [];
  let operator: { text: string; at: number } | undefined;
  const endPlain = () => {
    out += replaced(plain.join(""), values, (all, name) => (all.includes(ALL) ? onlyOne(all, name) : all.join(", ")));
    plain = [];
  };
  for (const token of lex(query)) {
    if (token.kind === "comment") continue;
    if (token.kind === "string") {
      const made = operator && namesMany(token.text, values) ? AS_PATTERN[operator.text] : undefined;
      if (operator && made !== undefined) plain[operator.at] = made;
      endPlain();
      out += made === undefined ? inString(token.text, PATTERN_OPS.has(operator?.text ?? ""), values) : stringAsPattern(token.text, values);
    } else plain.push(token.text);
    if (token.kind !== "space") operator = { text: token.text, at: plain.length - 1 };
  }
  endPlain();
  return out;
}

function inString(text: string, isPattern: boolean, values: Values): string {
  const raw = text.startsWith("`");
  return replaced(text, values, (all, name, whole) => {
    const value = isPattern ? asPattern(all, whole.length === text.length - 2) : onlyOne(all, name);
    return raw ? value.replace(/`/g, "") : escapeQuoted(value);
  });
}

function stringAsPattern(text: string, values: Values): string {
  const inner = unquote(text);
  return quote(replaced(inner, values, (all, _, whole) => asPattern(all, whole === inner), escapeRegex));
}
