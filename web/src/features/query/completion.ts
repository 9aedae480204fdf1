/* completion.ts - what can be written at the cursor: labels and values from the live data, stages, functions. */
import type { Completion, CompletionContext, CompletionResult } from "@codemirror/autocomplete";
import { COMPLETIONS_MAX } from "@/limits";
import { lex, quote, significant, type Token } from "@/logql/lex";

/* Where names and values come from; the editor does not know the API. */
export interface LabelSource {
  names(): Promise<string[]>;
  values(name: string): Promise<string[]>;
}

const STAGES: Completion[] = [
  ["json", "fields from JSON"],
  ["logfmt", "fields from key=value"],
  ["pattern", "fields by a pattern"],
  ["regexp", "fields by a regular expression"],
  ["unpack", "fields packed by the agent"],
  ["line_format", "rewrite the line"],
  ["label_format", "rename or set fields"],
  ["decolorize", "take out terminal colours"],
  ["drop", "leave out fields"],
  ["keep", "keep only these fields"],
  ["unwrap", "a field as the sample"],
  ["detected_level", "filter by level"],
  ["sort by", "in the order of a field"],
  ["top", "the most frequent values, or highest"],
  ["stats", "a table of counts, sums, quantiles"],
  ["distinct", "one line for each value"],
  ["dedup", "repeated lines once"],
  ["patterns", "what the lines look like"],
  ["context", "lines around each match"],
].map(([label, detail]) => ({ label: label!, detail: detail!, type: "keyword" }));

const FUNCTIONS: Completion[] = [
  ...[
    "rate",
    "count_over_time",
    "bytes_rate",
    "bytes_over_time",
    "sum_over_time",
    "avg_over_time",
    "max_over_time",
    "min_over_time",
    "quantile_over_time",
    "first_over_time",
    "last_over_time",
    "stddev_over_time",
    "absent_over_time",
  ].map((label) => ({ label, type: "function", detail: "over a range" })),
  ...["sum", "avg", "min", "max", "count", "topk", "bottomk", "stddev", "sort", "sort_desc"].map((label) => ({
    label,
    type: "function",
    detail: "over series",
  })),
];

type Place =
  | { kind: "name"; from: number }
  | { kind: "value"; name: string; from: number }
  | { kind: "stage"; from: number }
  | { kind: "function"; from: number };

/* Reads the tokens before the cursor only: what follows is often not written yet. */
export function placeAt(before: string): Place | undefined {
  const all = lex(before);
  const tokens = significant(all);
  const last = tokens.at(-1);
  if (all.at(-1)?.kind === "comment") return undefined;
  if (!last) return { kind: "function", from: before.length };
  const touching = last.to === before.length;
  const word = touching && last.kind === "word" ? last : undefined;
  const string = touching && last.kind === "bad" && /^["`]/.test(last.text) ? last : undefined;
  const previous = word || string ? tokens.at(-2) : last;
  const from = word?.from ?? string?.from ?? before.length;
  if (string || isMatchOperator(previous)) {
    const name = tokens.at(word || string ? -3 : -2);
    return inSelector(tokens) && isMatchOperator(previous) && name?.kind === "word"
      ? { kind: "value", name: name.text, from }
      : undefined;
  }
  if (inSelector(tokens))
    return previous?.text === "{" || previous?.kind === "comma" ? { kind: "name", from } : undefined;
  if (previous?.text === "|") return { kind: "stage", from };
  return word && (previous === undefined || previous.text === "(") ? { kind: "function", from } : undefined;
}

function isMatchOperator(token: Token | undefined): boolean {
  return token !== undefined && ["=", "!=", "=~", "!~"].includes(token.text);
}

function inSelector(tokens: readonly Token[]): boolean {
  const open = tokens.findLastIndex((token) => token.text === "{");
  return open >= 0 && tokens.findIndex((token, i) => i > open && token.text === "}") < 0;
}

export function completeWith(source: LabelSource) {
  return async (context: CompletionContext): Promise<CompletionResult | null> => {
    const place = placeAt(context.state.sliceDoc(0, context.pos));
    if (!place) return null;
    const typed = context.pos > place.from;
    if (place.kind === "function")
      return typed || context.explicit ? { from: place.from, options: FUNCTIONS, validFor: /^\w*$/ } : null;
    if (place.kind === "stage") return { from: place.from, options: STAGES, validFor: /^\w*$/ };
    if (place.kind === "name") {
      const names = await source.names();
      return {
        from: place.from,
        validFor: /^\w*$/,
        options: names.map((label) => ({ label, type: "property", apply: `${label}=` })),
      };
    }
    const values = await source.values(place.name);
    return {
      from: place.from,
      validFor: /^["`]?[^"`]*$/,
      options: values.slice(0, COMPLETIONS_MAX).map((value) => valueOption(value)),
    };
  };
}

/* The label carries the quote that has been typed or will be, so that both ways of starting match. */
function valueOption(value: string): Completion {
  return {
    label: quote(value),
    displayLabel: value,
    type: "text",
    apply: (view, _, from, to) => {
      const closed = view.state.sliceDoc(to, to + 1) === '"' ? 1 : 0;
      const text = quote(value);
      view.dispatch({ changes: { from, to: to + closed, insert: text }, selection: { anchor: from + text.length } });
    },
  };
}
