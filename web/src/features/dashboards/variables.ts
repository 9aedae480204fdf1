/*
 * variables.ts - `$name` and `${name}` in the queries of panels.
 *
 * Inside a string the value is escaped as that string needs it: behind =~, !~ and |~ it stands for itself, not for a
 * regular expression. ALL matches anything there. `$__range` and `$__step` are durations.
 */
import { lex, type Token } from "@/logql/lex";
import type { Variable } from "./model";

export const ALL = "$__all";
const REFERENCE = /\$(?:\{(\w+)\}|(\w+))/g;
const PATTERN_OPS = new Set(["=~", "!~", "|~"]);

export type Values = Readonly<Record<string, string>>;

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
    variables.map((one) => [one.name, Object.hasOwn(chosen, one.name) ? (chosen[one.name] ?? "") : defaultOf(one)]),
  );
}

const escapeRegex = (text: string) => text.replace(/[\\^$.|?*+()[\]{}]/g, "\\$&");
const escapeQuoted = (text: string) => text.replace(/["\\]/g, "\\$&").replace(/\n/g, "\\n");

export function substitute(query: string, values: Values): string {
  const replaced = (text: string, escape: (value: string) => string) =>
    text.replace(REFERENCE, (whole, braced?: string, bare?: string) => {
      const name = braced ?? bare ?? "";
      return Object.hasOwn(values, name) ? escape(values[name] ?? "") : whole;
    });
  let out = "";
  let plain = "";
  let before: Token | undefined;
  for (const token of lex(query)) {
    if (token.kind === "string") {
      out += replaced(plain, (value) => value);
      plain = "";
      const isPattern = PATTERN_OPS.has(before?.text ?? "");
      const asPattern = (value: string) => (value === ALL ? ".+" : escapeRegex(value));
      const inPattern = (value: string) => (isPattern ? asPattern(value) : value);
      out += replaced(token.text, (value) =>
        token.text.startsWith("`") ? inPattern(value).replace(/`/g, "") : escapeQuoted(inPattern(value)),
      );
    } else plain += token.text;
    if (token.kind !== "space" && token.kind !== "comment") before = token;
  }
  return out + replaced(plain, (value) => value);
}
