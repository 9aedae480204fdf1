/* dedupe.ts - lines that follow each other and say the same, told once. */

export const DEDUPES = ["none", "exact", "numbers", "signature"] as const;
export type Dedupe = (typeof DEDUPES)[number];

/* A line is compared by its head: long ones differ early or hardly. */
const COMPARED_CHARS_MAX = 2_000;

const REDUCE: Record<Exclude<Dedupe, "none">, (line: string) => string> = {
  exact: (line) => line,
  /* Digits aside: counters, ports, times, hexadecimal ids. */
  numbers: (line) => line.slice(0, COMPARED_CHARS_MAX).replace(/\b0x[0-9a-f]+\b|\d+/gi, "0"),
  /* Only what stands between the words. */
  signature: (line) => line.slice(0, COMPARED_CHARS_MAX).replace(/[\p{L}\p{N}_]+/gu, ""),
};

export interface Deduped<T> {
  rows: T[];
  /* Of a row that stands for others: how many lines it is, itself included. */
  counts: ReadonlyMap<T, number>;
}

/* Each line is reduced once, though lists grow by a page at a time. */
const memo = new WeakMap<object, Map<Dedupe, string>>();

function reduced<T extends { line: string }>(row: T, how: Exclude<Dedupe, "none">): string {
  let known = memo.get(row);
  if (!known) memo.set(row, (known = new Map()));
  let text = known.get(how);
  if (text === undefined) known.set(how, (text = REDUCE[how](row.line)));
  return text;
}

export function dedupe<T extends { line: string }>(rows: readonly T[], how: Dedupe): Deduped<T> {
  if (how === "none") return { rows: rows as T[], counts: new Map() };
  const kept: T[] = [];
  const counts = new Map<T, number>();
  let last: string | undefined;
  for (const row of rows) {
    const text = reduced(row, how);
    const head = kept.at(-1);
    if (head !== undefined && text === last) counts.set(head, (counts.get(head) ?? 1) + 1);
    else kept.push(row);
    last = text;
  }
  return { rows: kept, counts };
}
