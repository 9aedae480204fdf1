/* clock.ts - how points in time are written, in the browser's zone, in UTC or in a zone that has a name. */
import { msOfNs, type Ns } from "./ns";

export type Zone = string;

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

interface Parts {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
  ms: number;
}

function partsOf(ms: number, zone: Zone): Parts {
  const d = new Date(zone === "local" || zone === "utc" ? ms : ms + offsetMs(ms, zone));
  return zone === "local"
    ? {
        year: d.getFullYear(),
        month: d.getMonth(),
        day: d.getDate(),
        hour: d.getHours(),
        minute: d.getMinutes(),
        second: d.getSeconds(),
        ms: d.getMilliseconds(),
      }
    : {
        year: d.getUTCFullYear(),
        month: d.getUTCMonth(),
        day: d.getUTCDate(),
        hour: d.getUTCHours(),
        minute: d.getUTCMinutes(),
        second: d.getUTCSeconds(),
        ms: d.getUTCMilliseconds(),
      };
}

const QUARTER_MS = 15 * 60_000;
const offsets = new Map<Zone, { format: Intl.DateTimeFormat; known: Map<number, number> }>();

/* How far a named zone is ahead of UTC. Asked for once per quarter of an hour: zones change at none other. */
function offsetMs(ms: number, zone: Zone): number {
  let one = offsets.get(zone);
  if (!one) {
    const format = new Intl.DateTimeFormat("en", { timeZone: zone, timeZoneName: "longOffset" });
    offsets.set(zone, (one = { format, known: new Map() }));
  }
  const quarter = Math.floor(ms / QUARTER_MS);
  let offset = one.known.get(quarter);
  if (offset === undefined) {
    const name = one.format.formatToParts(quarter * QUARTER_MS).find((part) => part.type === "timeZoneName")?.value;
    const [, sign, hours = "0", minutes = "0"] = /GMT([+-])(\d\d):(\d\d)/.exec(name ?? "") ?? [];
    offset = (sign === "-" ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
    one.known.set(quarter, offset);
  }
  return offset;
}

/* `local`, `utc`, or a name of the time zone database that the browser knows. */
export function isZone(name: string): boolean {
  if (name === "local" || name === "utc") return true;
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
}

const pad = (n: number, width = 2) => String(n).padStart(width, "0");

/* `Nov 21 05:23:01.123`: a row of the list. */
export function formatRowTime(ns: Ns, zone: Zone): string {
  const p = partsOf(msOfNs(ns), zone);
  return `${MONTHS[p.month]} ${pad(p.day)} ${pad(p.hour)}:${pad(p.minute)}:${pad(p.second)}.${pad(p.ms, 3)}`;
}

/* `2026-11-21 05:23:01.123456789 UTC`: every digit, for the detail and tool tips. */
export function formatFullTime(ns: Ns, zone: Zone): string {
  const p = partsOf(msOfNs(ns), zone);
  const fraction = pad(Number(((BigInt(ns) % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n), 9);
  return `${p.year}-${pad(p.month + 1)}-${pad(p.day)} ${pad(p.hour)}:${pad(p.minute)}:${pad(p.second)}.${fraction} ${zoneName(msOfNs(ns), zone)}`;
}

/* `UTC` or the offset that held at that moment, as `UTC+02:00`. */
export function zoneName(atMs: number, zone: Zone): string {
  if (zone === "utc") return "UTC";
  const minutes = zone === "local" ? -new Date(atMs).getTimezoneOffset() : offsetMs(atMs, zone) / 60_000;
  if (minutes === 0) return "UTC";
  const size = Math.abs(minutes);
  return `UTC${minutes < 0 ? "-" : "+"}${pad(Math.floor(size / 60))}:${pad(size % 60)}`;
}

/* `2026-11-21 05:23:01`, with milliseconds only where they are not zero: what the range inputs show and read. */
export function formatInputTime(atMs: number, zone: Zone): string {
  const p = partsOf(atMs, zone);
  const fraction = p.ms === 0 ? "" : `.${pad(p.ms, 3)}`;
  return `${p.year}-${pad(p.month + 1)}-${pad(p.day)} ${pad(p.hour)}:${pad(p.minute)}:${pad(p.second)}${fraction}`;
}

/* A label on a time axis whose marks are `stepMs` apart. */
export function formatAxisTime(atMs: number, stepMs: number, zone: Zone): string {
  const p = partsOf(atMs, zone);
  const midnight = p.hour === 0 && p.minute === 0 && p.second === 0 && p.ms === 0;
  if (stepMs >= 86_400_000 || midnight) return `${MONTHS[p.month]} ${p.day}`;
  if (stepMs >= 60_000) return `${pad(p.hour)}:${pad(p.minute)}`;
  if (stepMs >= 1_000) return `${pad(p.hour)}:${pad(p.minute)}:${pad(p.second)}`;
  return `${pad(p.minute)}:${pad(p.second)}.${pad(p.ms, 3)}`;
}

/* `05:23:00 – 05:23:30`, with the day when asked for: the span of one bar. */
export function formatSpan(fromMs: number, toMs: number, zone: Zone): string {
  const a = partsOf(fromMs, zone);
  const b = partsOf(toMs, zone);
  const fine = toMs - fromMs < 1_000;
  const clock = (p: Parts) => `${pad(p.hour)}:${pad(p.minute)}:${pad(p.second)}${fine ? `.${pad(p.ms, 3)}` : ""}`;
  const day = (p: Parts) => `${MONTHS[p.month]} ${p.day}`;
  const sameDay = a.year === b.year && a.month === b.month && a.day === b.day;
  return sameDay ? `${day(a)} ${clock(a)} – ${clock(b)}` : `${day(a)} ${clock(a)} – ${day(b)} ${clock(b)}`;
}

/* Reads `2026-11-21`, `2026-11-21 05:23[:01[.123]]`, with `T`, `Z` or an offset, in the given zone. */
export function parseClock(text: string, zone: Zone): number | undefined {
  const match =
    /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?)?\s*(Z|[+-]\d{2}:\d{2})?$/.exec(
      text.trim(),
    );
  if (!match) return undefined;
  const [, year, month, day, hour = "00", minute = "00", second = "00", fraction = "0", offset] = match;
  const millis = Math.floor(Number(`0.${fraction}`) * 1000);
  const numbers = [
    Number(year),
    Number(month) - 1,
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
    millis,
  ] as const;
  const utc = Date.UTC(...numbers);
  const check = new Date(utc);
  if (
    check.getUTCMonth() !== numbers[1] ||
    check.getUTCDate() !== numbers[2] ||
    numbers[3] > 23 ||
    numbers[4] > 59 ||
    numbers[5] > 59
  ) {
    return undefined;
  }
  if (offset === "Z" || (offset === undefined && zone === "utc")) return utc;
  if (offset === undefined && zone === "local") return new Date(...numbers).getTime();
  /* The offset is that of the moment itself, which a first guess is close to. */
  if (offset === undefined) return utc - offsetMs(utc - offsetMs(utc, zone), zone);
  const sign = offset.startsWith("-") ? -1 : 1;
  return utc - sign * (Number(offset.slice(1, 3)) * 60 + Number(offset.slice(4, 6))) * 60_000;
}
