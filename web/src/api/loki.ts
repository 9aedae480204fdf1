/*
 * loki.ts - the requests of the interface, one function each, answers checked.
 *
 * The server speaks Loki's HTTP API. Rows are asked for with their fields kept apart by origin
 * ("categorize-labels").
 */
import type { Ns } from "@/lib/ns";
import { asArray, asNumber, asObject, asString, asStringMap, asStrings, ShapeError } from "./check";
import { apiUrl, checked, getJson, type Answer } from "./http";
import { decodeStreams, sortRows, type Direction, type Fields, type Row } from "./rows";

const ROOT = "loki/api/v1";
const CATEGORIES = { "X-Loki-Response-Encoding-Flags": "categorize-labels" };

export interface QueryStats {
  bytes: number;
  lines: number;
  elapsedMs: number;
}
export interface RowPage {
  rows: Row[];
  full: boolean;
  stats: QueryStats;
}
export interface Series {
  labels: Fields;
  points: [seconds: number, value: number][];
}
export interface Metric {
  series: Series[];
  stats: QueryStats;
}
export interface BuildInfo {
  version: string;
  revision: string;
}

function dataOf(answer: Answer): Record<string, unknown> {
  return asObject(asObject(answer.body, "answer")["data"], "data");
}

function statsOf(data: Record<string, unknown>, elapsedMs: number): QueryStats {
  const summary = data["stats"] === undefined ? {} : (asObject(data["stats"], "stats")["summary"] ?? {});
  const { totalBytesProcessed: bytes, totalLinesProcessed: lines } = asObject(summary, "stats.summary");
  return { bytes: typeof bytes === "number" ? bytes : 0, lines: typeof lines === "number" ? lines : 0, elapsedMs };
}

export interface RowsRequest {
  query: string;
  start: Ns;
  end: Ns;
  limit: number;
  direction: Direction;
}

export async function queryRows(request: RowsRequest, signal?: AbortSignal): Promise<RowPage> {
  const { limit, direction, ...rest } = request;
  const answer = await getJson(
    apiUrl(`${ROOT}/query_range`, { ...rest, limit: String(limit), direction }),
    signal,
    CATEGORIES,
  );
  return checked(() => {
    const data = dataOf(answer);
    if (data["resultType"] !== "streams") throw new ShapeError("resultType");
    const rows = sortRows(decodeStreams(data["result"]), direction);
    return { rows, full: rows.length >= limit, stats: statsOf(data, answer.elapsedMs) };
  });
}

export interface MetricRequest {
  query: string;
  start: Ns;
  end: Ns;
  stepMs: number;
}

export async function queryMetric(request: MetricRequest, signal?: AbortSignal): Promise<Metric> {
  const { query, start, end, stepMs } = request;
  const answer = await getJson(apiUrl(`${ROOT}/query_range`, { query, start, end, step: `${stepMs}ms` }), signal);
  return checked(() => decodeMetric(dataOf(answer), answer.elapsedMs));
}

export async function queryInstant(query: string, time: Ns, signal?: AbortSignal): Promise<Metric> {
  const answer = await getJson(apiUrl(`${ROOT}/query`, { query, time }), signal);
  return checked(() => decodeMetric(dataOf(answer), answer.elapsedMs));
}

function decodeMetric(data: Record<string, unknown>, elapsedMs: number): Metric {
  const stats = statsOf(data, elapsedMs);
  const type = data["resultType"];
  if (type === "scalar") return { series: [{ labels: {}, points: [readPoint(data["result"])] }], stats };
  if (type !== "matrix" && type !== "vector") throw new ShapeError("resultType");
  const series = asArray(data["result"], "result").map((item) => {
    const one = asObject(item, "series");
    const points = type === "matrix" ? asArray(one["values"], "values").map(readPoint) : [readPoint(one["value"])];
    return { labels: asStringMap(one["metric"], "metric"), points };
  });
  return { series, stats };
}

function readPoint(point: unknown): [number, number] {
  const pair = asArray(point, "sample");
  const value = asString(pair[1], "sample value");
  return [asNumber(pair[0], "sample time"), value === "+Inf" ? Infinity : value === "-Inf" ? -Infinity : Number(value)];
}

/* Nothing found is an answer without `data`. */
async function getNames(path: string, start: Ns, end: Ns, signal?: AbortSignal): Promise<string[]> {
  const answer = await getJson(apiUrl(`${ROOT}/${path}`, { start, end }), signal);
  return checked(() => {
    const data = asObject(answer.body, "answer")["data"];
    return data === undefined || data === null ? [] : asStrings(data, "names");
  });
}

/* Made by the server for its own use; shown by no client. */
const HIDDEN_LABELS = new Set(["__stream_shard__", "__tenant_id__", "__aggregated_metric__"]);

export async function labelNames(start: Ns, end: Ns, signal?: AbortSignal): Promise<string[]> {
  const names = await getNames("labels", start, end, signal);
  return names.filter((name) => !HIDDEN_LABELS.has(name));
}

export function labelValues(name: string, start: Ns, end: Ns, signal?: AbortSignal): Promise<string[]> {
  return getNames(`label/${encodeURIComponent(name)}/values`, start, end, signal);
}

export async function buildInfo(signal?: AbortSignal): Promise<BuildInfo> {
  const answer = await getJson(apiUrl(`${ROOT}/status/buildinfo`), signal);
  return checked(() => {
    const info = asObject(answer.body, "build info");
    const text = (name: string) => (typeof info[name] === "string" ? info[name] : "");
    return { version: text("version"), revision: text("revision") };
  });
}
