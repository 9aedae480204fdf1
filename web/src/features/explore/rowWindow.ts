/*
 * rowWindow.ts - the part of a result that is held: a run of rows without holes, in the order of the list.
 *
 * A result may have millions of rows; ROWS_HELD_MAX of them are held. Pages are added at either end, behind the cursor of
 * the row that stands there, and what is then too much is let go at the other end, from where it can be fetched again.
 */
import type { Row } from "@/api/rows";
import { ROWS_HELD_MAX } from "@/limits";

export interface RowWindow {
  rows: readonly Row[];
  /* Whether the result goes on above the first row, and below the last. */
  above: boolean;
  below: boolean;
}

export const EMPTY_WINDOW: RowWindow = { rows: [], above: false, below: false };

export type Side = "above" | "below";

export function addBelow(window: RowWindow, page: readonly Row[], more: boolean): RowWindow {
  const rows = [...window.rows, ...page];
  const spare = Math.max(0, rows.length - ROWS_HELD_MAX);
  return { rows: rows.slice(spare), above: window.above || spare > 0, below: more };
}

/* `page` stands in the order in which it was found: away from the window. */
export function addAbove(window: RowWindow, page: readonly Row[], more: boolean): RowWindow {
  const rows = [...[...page].reverse(), ...window.rows];
  return { rows: rows.slice(0, ROWS_HELD_MAX), above: more, below: window.below || rows.length > ROWS_HELD_MAX };
}

const SEQ_DIGITS = 16;

/* The place right before a row: what comes behind it, forward, begins with the row itself. */
export function placeBefore(id: string): string {
  const dash = id.lastIndexOf("-");
  const place = (BigInt(id.slice(0, dash)) << 64n) + BigInt(`0x${id.slice(dash + 1)}`) - 1n;
  return `${place >> 64n}-${BigInt.asUintN(64, place).toString(16).padStart(SEQ_DIGITS, "0")}`;
}

/* The place before everything of a moment. */
export function placeAt(ns: string): string {
  return `${ns}-${"0".repeat(SEQ_DIGITS)}`;
}

export function isRowId(text: string): boolean {
  return /^-?\d{1,19}-[0-9a-f]{16}$/.test(text);
}
