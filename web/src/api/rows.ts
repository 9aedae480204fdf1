/*
 * rows.ts - log entries as the list shows them.
 *
 * A row's id is made of its content (time, labels, metadata, line), so that it stays the same when a page is
 * asked for again: expansion, selection and de-duplication at page borders hang on it. Rows that are equal in
 * everything are told apart by an ordinal.
 */
import { findLevel, type Level } from "@/lib/level";
import { compareNs, isNs, type Ns } from "@/lib/ns";
import { asArray, asObject, asString, asStringMap, ShapeError } from "./check";

export type Fields = Record<string, string>;

export interface Row {
  id: string;
  time: Ns;
  line: string;
  /* Stream labels; with `merged` they may hold metadata and parsed fields too. */
  labels: Fields;
  metadata: Fields;
  parsed: Fields;
  level: Level;
  /* True when the server could not say where a field came from (the form without categories). */
  merged: boolean;
}

export type Direction = "backward" | "forward";

/* Of `data.result` or a tail frame's `streams`. */
export function decodeStreams(streams: unknown): Row[] {
  const rows: Row[] = [];
  const seen = new Map<string, number>();
  for (const item of asArray(streams, "streams")) {
    const stream = asObject(item, "stream");
    const labels = asStringMap(stream["stream"], "stream labels");
    const streamKey = hashOf(JSON.stringify(labels));
    for (const value of asArray(stream["values"], "values")) rows.push(decodeValue(value, labels, streamKey, seen));
  }
  return rows;
}

function decodeValue(value: unknown, labels: Fields, streamKey: string, seen: Map<string, number>): Row {
  const tuple = asArray(value, "entry");
  const time = asString(tuple[0], "entry time");
  if (!isNs(time)) throw new ShapeError("entry time");
  const line = asString(tuple[1], "entry line");
  const merged = tuple.length < 3;
  const categories = merged ? {} : asObject(tuple[2], "entry categories");
  const metadata = asStringMap(categories["structuredMetadata"], "metadata");
  const parsed = asStringMap(categories["parsed"], "parsed fields");
  const key = `${time}-${streamKey}-${hashOf(line + JSON.stringify(metadata))}`;
  const ordinal = seen.get(key) ?? 0;
  seen.set(key, ordinal + 1);
  return {
    id: ordinal === 0 ? key : `${key}-${ordinal}`,
    time,
    line,
    labels,
    metadata,
    parsed,
    merged,
    level: findLevel(metadata, labels, parsed),
  };
}

/* FNV-1a over UTF-16 units, twice with different seeds: 64 bits are plenty for 50,000 rows. */
function hashOf(text: string): string {
  let a = 0x811c9dc5;
  let b = 0x1b873593;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    a = Math.imul(a ^ unit, 0x01000193);
    b = Math.imul(b ^ unit, 0x85ebca6b);
  }
  return (a >>> 0).toString(36) + (b >>> 0).toString(36);
}

/* Entries of several streams in one order; equal times keep the server's order. */
export function sortRows(rows: Row[], direction: Direction): Row[] {
  const sign = direction === "forward" ? 1 : -1;
  return rows.sort((a, b) => sign * compareNs(a.time, b.time));
}

/* Adds a page to what is held; the page may repeat entries of the last moment. */
export function joinPages(pages: readonly (readonly Row[])[]): Row[] {
  const first = pages[0] ?? [];
  if (pages.length < 2) return [...first];
  const ids = new Set(first.map((row) => row.id));
  const rows = [...first];
  for (const page of pages.slice(1)) {
    for (const row of page) {
      if (ids.has(row.id)) continue;
      ids.add(row.id);
      rows.push(row);
    }
  }
  return rows;
}
