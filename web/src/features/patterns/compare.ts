/* compare.ts - patterns of a range beside those of an earlier one. */
import type { Pattern } from "@/api/patterns";

export type Change = "new" | "gone" | "more" | "less" | "same";

export interface Compared extends Pattern {
  before: number | undefined;
  change: Change | undefined;
}

/* So many times as often, and by enough lines that it is no accident. */
const FACTOR = 3;
const LINES_MIN = 10;

/* Both ranges are equally long. Without `before` there is nothing to compare with. */
export function compare(now: readonly Pattern[], before: readonly Pattern[] | undefined): Compared[] {
  if (!before) return now.map((one) => ({ ...one, before: undefined, change: undefined }));
  const counts = new Map(before.map((one) => [keyOf(one), one]));
  const found = now.map((one): Compared => {
    const old = counts.get(keyOf(one))?.count ?? 0;
    counts.delete(keyOf(one));
    return { ...one, before: old, change: changeOf(one.count, old) };
  });
  const gone = [...counts.values()].map(
    (one): Compared => ({ ...one, count: 0, samples: [], before: one.count, change: "gone" }),
  );
  return [...found, ...gone];
}

export const keyOf = (pattern: Pattern) => `${pattern.level} ${pattern.text}`;

function changeOf(count: number, before: number): Change {
  if (before === 0) return "new";
  if (count >= before * FACTOR && count - before >= LINES_MIN) return "more";
  if (count * FACTOR <= before && before - count >= LINES_MIN) return "less";
  return "same";
}

/* Pattern text as pieces: what is fixed, and the places that differ. */
export function piecesOf(text: string): { text: string; varies: boolean }[] {
  return text
    .split(/(<_>)/)
    .filter((piece) => piece !== "")
    .map((piece) => ({ text: piece, varies: piece === "<_>" }));
}
