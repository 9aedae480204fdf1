/*
 * tailBuffer.ts - the lines of a live tail: what is shown, and what waits while it is paused.
 *
 * Both are bounded; what falls out at the old end is counted, so that nothing disappears unsaid.
 */
import type { Row } from "@/api/rows";
import { TAIL_PAUSED_ROWS_MAX, TAIL_ROWS_MAX } from "@/limits";

export interface TailBuffer {
  shown: readonly Row[];
  waiting: readonly Row[];
  paused: boolean;
  /* Not sent by the server, which could not keep up with itself or with us. */
  dropped: number;
  /* Arrived while paused and fell out of the waiting rows. */
  skipped: number;
}

export const EMPTY_BUFFER: TailBuffer = { shown: [], waiting: [], paused: false, dropped: 0, skipped: 0 };

export function receive(buffer: TailBuffer, rows: readonly Row[], dropped: number): TailBuffer {
  const counted = { ...buffer, dropped: buffer.dropped + dropped };
  if (!buffer.paused) return { ...counted, shown: bounded(buffer.shown, rows, TAIL_ROWS_MAX) };
  const skipped = Math.max(0, buffer.waiting.length + rows.length - TAIL_PAUSED_ROWS_MAX);
  return {
    ...counted,
    waiting: bounded(buffer.waiting, rows, TAIL_PAUSED_ROWS_MAX),
    skipped: buffer.skipped + skipped,
  };
}

export function pause(buffer: TailBuffer): TailBuffer {
  return buffer.paused ? buffer : { ...buffer, paused: true };
}

export function resume(buffer: TailBuffer): TailBuffer {
  return { ...buffer, paused: false, waiting: [], shown: bounded(buffer.shown, buffer.waiting, TAIL_ROWS_MAX) };
}

export function clear(buffer: TailBuffer): TailBuffer {
  return { ...EMPTY_BUFFER, paused: buffer.paused };
}

function bounded(held: readonly Row[], added: readonly Row[], max: number): Row[] {
  return [...held, ...added].slice(-max);
}
