/*
 * rows.ts - log entries as the list shows them.
 *
 * Bole's own API gives each row its id. The frames of a live tail have none: there it is made of the content (time,
 * labels, metadata, line), and rows that are equal in everything are told apart by an ordinal.
 */
import { findLevel, type Level } from "@/lib/level";
import { compareNs, isNs, type Ns } from "@/lib/ns";
import { asArray, asObject, asString, asStringMap, asStrings, ShapeError } from "./check";

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

/* What a parser found goes before metadata and labels of the same name. */
export function fieldOf(row: Row, name: string): string | undefined {
  const group = [row.parsed, row.metadata, row.labels].find((fields) => Object.hasOwn(fields, name));
  return group?.[name];
}

/* A row of Bole's own API: its id is its place in the order of everything, the time in nanoseconds first. */
export function decodeRow(event: Record<string, unknown>): Row {
  const id = asString(event["id"], "row id");
  const time = id.slice(0, id.lastIndexOf("-"));
  if (!isNs(time)) throw new ShapeError("row id");
  const labels = asStringMap(event["labels"], "labels");
  const fields = asStringMap(event["fields"], "fields");
  const names = event["parsed"] === undefined ? [] : asStrings(event["parsed"], "parsed names");
  const metadata = names.length === 0 ? fields : { ...fields };
  const parsed: Fields = {};
  for (const name of names) {
    if (!Object.hasOwn(fields, name)) throw new ShapeError("parsed names");
    Object.defineProperty(parsed, name, { value: fields[name], enumerable: true });
    delete metadata[name];
  }
  const line = asString(event["line"], "line");
  return { id, time, line, labels, metadata, parsed, merged: false, level: findLevel(metadata, labels, parsed) };
}

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
