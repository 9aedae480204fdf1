/*
 * timeRange.ts - the range of time that is looked at.
 *
 * A side is `now`, `now-90m` or an absolute moment, kept as an ISO string in UTC. Relative sides are resolved
 * when a query runs, so a link to "the last hour" stays one.
 */
import { formatInputTime, parseClock, type Zone } from "./clock";
import { nsFromMs, type Ns } from "./ns";

export interface TimeRange {
  from: string;
  to: string;
}
export interface ResolvedRange {
  start: Ns;
  end: Ns;
  startMs: number;
  endMs: number;
}

export const DEFAULT_RANGE: TimeRange = { from: "now-1h", to: "now" };

export const QUICK_RANGES = ["5m", "15m", "30m", "1h", "3h", "6h", "12h", "24h", "2d", "7d", "14d", "30d"] as const;

const UNIT_MS: Record<string, number> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};
const UNIT_NAMES: Record<string, string> = {
  ms: "millisecond",
  s: "second",
  m: "minute",
  h: "hour",
  d: "day",
  w: "week",
};
const SHORTEST_RANGE_MS = 1;

/* `1h30m` in milliseconds. */
export function parseDuration(text: string): number | undefined {
  if (!/^(\d+(ms|[smhdw]))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)(ms|[smhdw])/g))
    total += Number(count) * (UNIT_MS[unit ?? ""] ?? 0);
  return total;
}

/* The largest whole unit: 5400000 -> `90m`. */
export function formatDuration(ms: number): string {
  for (const unit of ["w", "d", "h", "m", "s"]) {
    const size = UNIT_MS[unit] ?? 1;
    if (ms >= size && ms % size === 0) return `${ms / size}${unit}`;
  }
  return `${Math.max(1, Math.round(ms))}ms`;
}

function relativeMs(side: string): number | undefined {
  if (side === "now") return 0;
  const match = /^now-(.+)$/.exec(side);
  return match?.[1] === undefined ? undefined : parseDuration(match[1]);
}

function sideMs(side: string, nowMs: number): number | undefined {
  const back = relativeMs(side);
  if (back !== undefined) return nowMs - back;
  const at = Date.parse(side);
  return Number.isNaN(at) ? undefined : at;
}

/* What a person typed: `now-2h`, `2h` (ago), a date and time in the zone, or seconds, ms or ns since 1970. */
export function readSide(text: string, zone: Zone): string | undefined {
  const trimmed = text.trim();
  if (relativeMs(trimmed) !== undefined) return trimmed;
  if (parseDuration(trimmed) !== undefined) return `now-${trimmed}`;
  if (/^\d{9,11}$/.test(trimmed)) return new Date(Number(trimmed) * 1_000).toISOString();
  if (/^\d{12,14}$/.test(trimmed)) return new Date(Number(trimmed)).toISOString();
  if (/^\d{18,19}$/.test(trimmed)) return new Date(Number(BigInt(trimmed) / 1_000_000n)).toISOString();
  const at = parseClock(trimmed, zone);
  return at === undefined ? undefined : new Date(at).toISOString();
}

export function isRange(range: TimeRange): boolean {
  const start = sideMs(range.from, 0);
  return start !== undefined && sideMs(range.to, 0) !== undefined;
}

export function resolveRange(range: TimeRange, nowMs: number): ResolvedRange {
  const endMs = sideMs(range.to, nowMs) ?? nowMs;
  const startMs = Math.min(sideMs(range.from, nowMs) ?? endMs - UNIT_MS["h"]!, endMs - SHORTEST_RANGE_MS);
  return { start: nsFromMs(startMs), end: nsFromMs(endMs), startMs, endMs };
}

export function absoluteRange(startMs: number, endMs: number): TimeRange {
  return { from: new Date(startMs).toISOString(), to: new Date(endMs).toISOString() };
}

/* Twice as wide. A range that ends now stays relative and grows into the past. */
export function zoomOut(range: TimeRange, nowMs: number): TimeRange {
  const back = relativeMs(range.from);
  if (back !== undefined && range.to === "now") return { from: `now-${formatDuration(back * 2)}`, to: "now" };
  const { startMs, endMs } = resolveRange(range, nowMs);
  const half = (endMs - startMs) / 2;
  return absoluteRange(startMs - half, Math.min(endMs + half, Math.max(endMs, nowMs)));
}

/* Half a width earlier (-1) or later (+1), never past now. */
export function shift(range: TimeRange, direction: -1 | 1, nowMs: number): TimeRange {
  const { startMs, endMs } = resolveRange(range, nowMs);
  const by = direction * Math.max(SHORTEST_RANGE_MS, Math.round((endMs - startMs) / 2));
  const newEnd = direction > 0 ? Math.min(endMs + by, Math.max(endMs, nowMs)) : endMs + by;
  return absoluteRange(newEnd - (endMs - startMs), newEnd);
}

export function describeRange(range: TimeRange, zone: Zone): string {
  const back = relativeMs(range.from);
  if (back !== undefined && range.to === "now") {
    const short = formatDuration(back);
    const count = parseInt(short, 10);
    const unit = UNIT_NAMES[short.replace(/^\d+/, "")] ?? "";
    return `Last ${count === 1 ? "" : `${count} `}${unit}${count === 1 ? "" : "s"}`;
  }
  const side = (text: string) => (relativeMs(text) === undefined ? formatInputTime(Date.parse(text), zone) : text);
  const from = side(range.from);
  const to = side(range.to);
  const sameDay = from.slice(0, 10) === to.slice(0, 10) && from.length > 10;
  return `${from} → ${sameDay ? to.slice(11) : to}`;
}

const NICE_STEPS_MS = [
  1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000,
  900_000, 1_800_000, 3_600_000, 7_200_000, 10_800_000, 21_600_000, 43_200_000, 86_400_000,
];

/* The smallest round step that gives at most `points` of them. */
export function niceStep(spanMs: number, points: number): number {
  const wanted = spanMs / points;
  const day = 86_400_000;
  return NICE_STEPS_MS.find((step) => step >= wanted) ?? Math.ceil(wanted / day) * day;
}

/* Samples at multiples of the step: the line stands still while a relative range moves on. */
export function roundSteps({ startMs, endMs }: ResolvedRange, points: number) {
  const stepMs = niceStep(endMs - startMs, points);
  const round = (ms: number) => nsFromMs(Math.floor(ms / stepMs) * stepMs);
  return { start: round(startMs + stepMs - 1), end: round(endMs), stepMs };
}
