/*
 * histogramData.ts - the volume by level: which question is asked, and its answer as stacked bars.
 *
 * A sample at T counts (T-step, T], while a search takes its start and leaves out its end. Asking one nanosecond
 * earlier makes the bars [T-step, T), so that a bar has exactly the lines that a zoom into it shows.
 */
import type { Metric } from "@/api/loki";
import { levelOf, LEVEL_FIELD, LEVELS, type Level } from "@/lib/level";
import { addNs, nsFromMs } from "@/lib/ns";
import { niceStep } from "@/lib/timeRange";
import { HISTOGRAM_BARS } from "@/limits";
import { findStages } from "@/logql/shape";

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

export function volumeRequest(query: string, bars: Bars) {
  const firstEnd = bars.startMs + bars.stepMs;
  const lastEnd = bars.startMs + bars.stepMs * bars.count;
  return {
    query: volumeQuery(query, bars.stepMs),
    stepMs: bars.stepMs,
    start: addNs(nsFromMs(firstEnd), -1n),
    end: addNs(nsFromMs(lastEnd), -1n),
  };
}

/* Part of a bar. */
const BARELY = 0.15;

const CAN_FAIL = new Set(["json", "logfmt", "regexp", "pattern", "unpack", "label_format", "line_format"]);

/* A metric query is refused if a line could not be parsed, unless the error is taken away. */
export function volumeQuery(query: string, stepMs: number): string {
  const risky = findStages(query).some((stage) => CAN_FAIL.has(stage.tokens[1]?.text ?? ""));
  const window = stepMs % 1_000 === 0 ? `${stepMs / 1_000}s` : `${stepMs}ms`;
  const body = query.trim().replace(/^\(+|\)+$/g, "");
  return `sum by (${LEVEL_FIELD}) (count_over_time(${body}${risky ? " | drop __error__, __error_details__" : ""} [${window}]))`;
}

export interface Volume {
  bars: Bars;
  levels: { level: Level; counts: number[]; total: number }[];
  total: number;
}

export function readVolume(metric: Metric, bars: Bars): Volume {
  const counts = new Map<Level, number[]>();
  for (const series of metric.series) {
    const level = levelOf(series.labels[LEVEL_FIELD]);
    const row = counts.get(level) ?? new Array<number>(bars.count).fill(0);
    counts.set(level, row);
    for (const [seconds, value] of series.points) {
      const index = Math.round((seconds * 1_000 - bars.startMs) / bars.stepMs) - 1;
      if (index >= 0 && index < bars.count) row[index] = (row[index] ?? 0) + value;
    }
  }
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
