/* names.ts - how series and numbers of panels are written. */
import type { Fields } from "@/api/rows";
import { formatBytes, formatCompact, formatMillis, formatPercent, formatValue } from "@/lib/format";
import { LEVEL_FIELD, levelOf } from "@/lib/level";
import type { Unit } from "./model";

/* One label is its value; several are named. */
export function seriesName(labels: Fields, otherwise: string): string {
  const names = Object.keys(labels);
  const [first] = names;
  if (first === undefined) return otherwise;
  return names.length === 1 ? labels[first] || "–" : names.map((name) => `${name}=${labels[name]}`).join(", ");
}

const COLOURS = 10;

/* Levels have the colour that they have everywhere. */
export function seriesColour(labels: Fields, index: number): string {
  const level = labels[LEVEL_FIELD] ?? labels["level"];
  return level === undefined ? `--series-${index % COLOURS}` : `--level-${levelOf(level)}`;
}

export function formatUnit(value: number, unit: Unit): string {
  if (!Number.isFinite(value)) return String(value);
  if (unit === "bytes") return formatBytes(value);
  if (unit === "percent") return formatPercent(value);
  if (unit === "seconds") return formatMillis(value * 1_000);
  return Math.abs(value) >= 100_000 ? formatCompact(value) : formatValue(Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3)));
}
