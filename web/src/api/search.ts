/*
 * search.ts - Bole's own streaming query: rows, counts by level and progress, as they are found.
 *
 * An answer is NDJSON, one event per line. Every event is checked here.
 */
import { asArray, asNumber, asObject, asString, asStrings, ShapeError } from "./check";
import { ApiError, apiUrl, checked, getJson, getLines } from "./http";
import { decodeRow, type Direction, type Row } from "./rows";
import type { Ns } from "@/lib/ns";

export interface SearchRequest {
  query: string;
  start: Ns;
  end: Ns;
  direction: Direction;
  limit?: number;
  /* Goes on behind this row, in `direction`. */
  cursor?: string;
}

/* Counts of the part of the range that was looked at since the last one; a bucket may come twice, to be added. */
export interface HistogramPart {
  buckets: { startMs: number; counts: Record<string, number> }[];
}

export interface SearchStats {
  elapsedMs: number;
  rowsScanned: number;
  bytes: number;
  partsTotal: number;
  partsPruned: number;
}

export type SearchEvent =
  | { type: "row"; row: Row }
  | { type: "columns"; columns: string[] }
  | ({ type: "histogram" } & HistogramPart)
  | { type: "progress"; done: number; rowsScanned: number; bytes: number }
  | { type: "stats"; stats: SearchStats }
  | { type: "warning"; text: string };

/* A page is rows and nothing about the way to them. */
export type Wanted = "page" | "rows" | "histogram" | "both";
const EVENTS: Record<Wanted, string> = {
  page: "rows",
  rows: "rows,progress,stats",
  histogram: "histogram,progress,stats",
  both: "rows,histogram,progress,stats",
};

/* `stepMs`: width of the histogram's bars. Ends when the answer does; an abort of `signal` cancels the query. */
export async function* search(
  request: SearchRequest,
  wanted: Wanted,
  stepMs: number,
  signal: AbortSignal,
): AsyncGenerator<SearchEvent> {
  const { limit, ...rest } = request;
  const url = apiUrl("api/v1/query", {
    ...rest,
    ...(limit !== undefined && { limit: String(limit) }),
    events: EVENTS[wanted],
    step: `${stepMs}ms`,
  });
  for await (const line of getLines(url, signal)) yield checked(() => readEvent(line));
}

/* What a file of all rows is made of: as the query answers them, without types, without a limit. */
export function exportUrl({ query, start, end, direction }: SearchRequest): URL {
  return apiUrl("api/v1/query", { query, start, end, direction });
}

export function exportLines(request: SearchRequest, signal: AbortSignal): AsyncGenerator<string> {
  return getLines(exportUrl(request), signal);
}

function readEvent(line: string): SearchEvent {
  let event: Record<string, unknown>;
  try {
    event = asObject(JSON.parse(line), "event");
  } catch {
    throw new ShapeError("event");
  }
  switch (event["type"]) {
    case "row":
      return { type: "row", row: decodeRow(event) };
    case "columns":
      return { type: "columns", columns: asStrings(event["columns"], "columns") };
    case "histogram":
      return { type: "histogram", buckets: asArray(event["buckets"], "buckets").map(readBucket) };
    case "progress":
      return {
        type: "progress",
        done: asNumber(event["done"], "done"),
        rowsScanned: asNumber(event["rows_scanned"], "rows scanned"),
        bytes: asNumber(event["bytes_scanned"], "bytes scanned"),
      };
    case "stats":
      return { type: "stats", stats: readStats(event) };
    case "warning":
      return { type: "warning", text: asString(event["warning"], "warning") };
    case "error":
      throw new ApiError("server", asString(event["error"], "error"));
    default:
      throw new ShapeError("event type");
  }
}

function readBucket(value: unknown): HistogramPart["buckets"][number] {
  const bucket = asObject(value, "bucket");
  const startMs = Date.parse(asString(bucket["time"], "bucket time"));
  const counts = asObject(bucket["counts"], "counts");
  for (const level in counts) asNumber(counts[level], "count");
  if (Number.isNaN(startMs)) throw new ShapeError("bucket time");
  return { startMs, counts: counts as Record<string, number> };
}

function readStats(event: Record<string, unknown>): SearchStats {
  const number = (name: string) => asNumber(event[name], name);
  return {
    elapsedMs: number("exec_ms"),
    rowsScanned: number("rows_scanned"),
    bytes: number("bytes_scanned"),
    partsTotal: number("parts_total"),
    partsPruned: number("parts_pruned"),
  };
}

export interface Context {
  row: Row;
  /* All oldest first. */
  before: Row[];
  after: Row[];
}

/* A row and its neighbours: those of its own stream, or with `query` those of a query. */
export async function rowContext(
  request: { id: string; before: number; after: number; query?: string },
  signal?: AbortSignal,
): Promise<Context> {
  const { before, after, ...rest } = request;
  const url = apiUrl("api/v1/context", { ...rest, before: String(before), after: String(after) });
  const { body } = await getJson(url, signal);
  return checked(() => {
    const data = asObject(asObject(body, "answer")["data"], "data");
    const rows = (name: string) => asArray(data[name], name).map((row) => decodeRow(asObject(row, "row")));
    return { row: decodeRow(asObject(data["row"], "row")), before: rows("before"), after: rows("after") };
  });
}

/* True: the row is not stored (any more). */
export function isGone(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404;
}

export interface FieldValue {
  value: string;
  rows: number;
}

export interface FieldNumbers {
  rows: number;
  min: number;
  max: number;
  avg: number;
  p25: number;
  p50: number;
  p75: number;
  p90: number;
  p99: number;
}

export type FieldOrigin = "label" | "metadata" | "parsed";

export interface FieldSummary {
  name: string;
  origin: FieldOrigin;
  type: "string" | "number";
  rows: number;
  distinct: number;
  distinctExact: boolean;
  values: FieldValue[];
  /* A count of a value may be too low by as much. */
  valuesError: number;
  numbers: FieldNumbers | undefined;
}

export interface FieldsAnswer {
  rows: number;
  /* False: there are more fields than are named. */
  complete: boolean;
  fields: FieldSummary[];
}

export async function listFields(
  request: { query: string; start: Ns; end: Ns; field?: string; limit?: number },
  signal?: AbortSignal,
): Promise<FieldsAnswer> {
  const { limit, ...rest } = request;
  const url = apiUrl("api/v1/fields", { ...rest, ...(limit !== undefined && { limit: String(limit) }) });
  const { body } = await getJson(url, signal);
  return checked(() => {
    const data = asObject(asObject(body, "answer")["data"], "data");
    return {
      rows: asNumber(data["rows"], "rows"),
      complete: data["complete"] === true,
      fields: asArray(data["fields"], "fields").map((field) => readField(asObject(field, "field"))),
    };
  });
}

const NUMBER_NAMES = ["rows", "min", "max", "avg", "p25", "p50", "p75", "p90", "p99"] as const;

function readField(field: Record<string, unknown>): FieldSummary {
  const origin = field["origin"];
  if (origin !== "label" && origin !== "metadata" && origin !== "parsed") throw new ShapeError("origin");
  const numbers = field["numbers"] === undefined ? undefined : asObject(field["numbers"], "numbers");
  return {
    name: asString(field["name"], "field name"),
    origin,
    type: field["type"] === "number" ? "number" : "string",
    rows: asNumber(field["rows"], "field rows"),
    distinct: asNumber(field["distinct"], "distinct"),
    distinctExact: field["distinct_exact"] === true,
    valuesError: asNumber(field["values_error"], "values error"),
    values: asArray(field["values"], "values").map((item) => {
      const value = asObject(item, "value");
      return { value: asString(value["value"], "value"), rows: asNumber(value["rows"], "value rows") };
    }),
    /* A figure that is no number (an infinite one) is null. */
    numbers:
      numbers && (Object.fromEntries(NUMBER_NAMES.map((n) => [n, Number(numbers[n] ?? NaN)])) as unknown as FieldNumbers),
  };
}

