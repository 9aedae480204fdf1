/*
 * tailBuffer.ts - the lines of a live tail: what is shown, and what waits while it is paused.
 *
 * What is shown is bounded, and grows no faster than a person's limit: what is left out is counted, so that nothing
 * disappears unsaid. What waits is kept whole: when it is much, the connection is closed and goes on at its cursor later.
 */
import type { Row } from "@/api/rows";
import { TAIL_PAUSED_ROWS_MAX, TAIL_ROWS_MAX } from "@/limits";

export interface TailBuffer {
  shown: readonly Row[];
  waiting: readonly Row[];
  paused: boolean;
  /* Not sent by the server, because we were too slow for it. */
  dropped: number;
  /* Sent, but more than the speed limit. */
  leftOut: number;
}

export const EMPTY_BUFFER: TailBuffer = { shown: [], waiting: [], paused: false, dropped: 0, leftOut: 0 };

/* `most`: rows that may be shown of these; the newest are. */
export function receive(buffer: TailBuffer, rows: readonly Row[], dropped: number, most = Infinity): TailBuffer {
  const counted = { ...buffer, dropped: buffer.dropped + dropped };
  if (buffer.paused) return { ...counted, waiting: [...buffer.waiting, ...rows] };
  const leftOut = Math.max(0, rows.length - most);
  return {
    ...counted,
    shown: bounded(buffer.shown, rows.slice(leftOut)),
    leftOut: buffer.leftOut + leftOut,
  };
}

/* What the speed limit allows now: `left` of before and the lines of the time since, those of a second at most. */
export function allowance(left: number, perSecond: number, sinceMs: number): number {
  return Math.min(perSecond, left + (perSecond * sinceMs) / 1_000);
}

/* Enough waits: the rest is left on the server. */
export function isFull(buffer: TailBuffer): boolean {
  return buffer.waiting.length >= TAIL_PAUSED_ROWS_MAX;
}

export function pause(buffer: TailBuffer): TailBuffer {
  return buffer.paused ? buffer : { ...buffer, paused: true };
}

export function resume(buffer: TailBuffer): TailBuffer {
  return { ...buffer, paused: false, waiting: [], shown: bounded(buffer.shown, buffer.waiting) };
}

export function clear(buffer: TailBuffer): TailBuffer {
  return { ...EMPTY_BUFFER, paused: buffer.paused };
}

function bounded(held: readonly Row[], added: readonly Row[]): Row[] {
  return [...held, ...added].slice(-TAIL_ROWS_MAX);
}
