/* histogramData.ts - the volume by level as stacked bars, which grow while the query runs. */
import type { HistogramPart } from "@/api/search";
import { levelOf, LEVELS, type Level } from "@/lib/level";
import { niceStep } from "@/lib/timeRange";
import { HISTOGRAM_BARS } from "@/limits";

export interface Bars {
  startMs: number;
  stepMs: number;
  count: number;
}

/* Bars begin at multiples of the step: they stand still while a relative range moves on. */
export function barsFor(startMs: number, endMs: number): Bars {
  const stepMs = niceStep(endMs - startMs, HISTOGRAM_BARS);
  const first = Math.floor(startMs / stepMs) * stepMs;
  return { startMs: first, stepMs, count: Math.max(1, Math.ceil((endMs - first) / stepMs)) };
}

/* Part of a bar. */
const BARELY = 0.15;

export interface Volume {
  bars: Bars;
  levels: { level: Level; counts: readonly number[]; total: number }[];
  total: number;
}

export type Counts = ReadonlyMap<Level, readonly number[]>;

/* Adds a part of the histogram. The server names levels as they are stored; several may be one here. */
export function addCounts(counts: Counts, part: HistogramPart, bars: Bars): Counts {
  const sums = new Map(counts);
  const own = new Map<Level, number[]>();
  for (const bucket of part.buckets) {
    const index = Math.round((bucket.startMs - bars.startMs) / bars.stepMs);
    if (index < 0 || index >= bars.count) continue;
    for (const name in bucket.counts) {
      const level = levelOf(name);
      const row = own.get(level) ?? [...(counts.get(level) ?? new Array<number>(bars.count).fill(0))];
      own.set(level, row);
      sums.set(level, row);
      row[index] = (row[index] ?? 0) + (bucket.counts[name] ?? 0);
    }
  }
  return sums;
}

export function volumeOf(counts: Counts, bars: Bars): Volume {
  const levels = LEVELS.flatMap((level) => {
    const row = counts.get(level);
    return row ? [{ level, counts: row, total: row.reduce((sum, n) => sum + n, 0) }] : [];
  });
  return { bars, levels, total: levels.reduce((sum, one) => sum + one.total, 0) };
}

/* Running sums, the most severe level at the bottom, where heights can be compared. */
export function stack(rows: readonly (readonly number[])[]): number[][] {
  const sums: number[][] = [];
  rows.forEach((row, i) => sums.push(row.map((n, at) => n + (sums[i - 1]?.[at] ?? 0))));
  return sums;
}

/* The bars that a brush touched, in milliseconds; one that was barely touched is left out. */
export function brushedRange(bars: Bars, fromMs: number, toMs: number): { startMs: number; endMs: number } {
  const index = (ms: number) => (ms - bars.startMs) / bars.stepMs;
  const first = Math.max(0, Math.floor(index(fromMs) + BARELY));
  const last = Math.min(bars.count, Math.max(first + 1, Math.ceil(index(toMs) - BARELY)));
  return { startMs: bars.startMs + first * bars.stepMs, endMs: bars.startMs + last * bars.stepMs };
}
