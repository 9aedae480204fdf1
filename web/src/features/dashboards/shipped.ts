/* shipped.ts - the dashboards that come with the program. Who changes one saves a copy. */
import type { Dashboard, Panel } from "./model";

const panel = (id: number, kind: Panel["kind"], title: string, at: [number, number, number, number], query: string, more: Partial<Panel> = {}): Panel => {
  const [x, y, w, h] = at;
  return { id: String(id), title, kind, query, unit: "number", stacked: false, at: { x, y, w, h }, ...more };
};

const LINES = '{service_name=~"$service"} |= "$text"';
const BAD = `${LINES} | detected_level=~"error|critical|fatal"`;

const overview: Dashboard = {
  title: "Overview",
  description: "How much is logged, how much of it is trouble, and by whom",
  variables: [
    { name: "service", kind: "label", source: "service_name", several: true },
    { name: "text", kind: "text", source: "", several: false },
  ],
  panels: [
    panel(0, "stat", "Lines", [0, 0, 3, 2], `sum(count_over_time(${LINES} [$__range]))`),
    panel(1, "stat", "Share of errors", [3, 0, 3, 2], `(sum(count_over_time(${BAD} [$__range])) or vector(0)) / sum(count_over_time(${LINES} [$__range]))`, { unit: "percent" }),
    panel(2, "stat", "Services", [6, 0, 3, 2], `count(sum by (service_name) (count_over_time(${LINES} [$__range])))`),
    panel(3, "stat", "Bytes of lines", [9, 0, 3, 2], `sum(bytes_over_time(${LINES} [$__range]))`, { unit: "bytes" }),
    panel(4, "series", "Lines by level", [0, 2, 8, 5], `sum by (detected_level) (count_over_time(${LINES} [$__step]))`, { stacked: true }),
    panel(5, "alerts", "Active alerts", [8, 2, 4, 5], ""),
    panel(6, "bars", "Most lines", [0, 7, 4, 5], `topk(10, sum by (service_name) (count_over_time(${LINES} [$__range])))`),
    panel(7, "series", "Errors by service", [4, 7, 8, 5], `topk(8, sum by (service_name) (count_over_time(${BAD} [$__step])))`, { stacked: true }),
    panel(8, "table", "Most frequent patterns", [0, 12, 12, 6], `${LINES} | patterns`),
    panel(9, "logs", "Latest errors", [0, 18, 12, 6], BAD),
  ],
};

const ingestion: Dashboard = {
  title: "Ingestion health",
  description: "What arrives, what is refused, and how durable it is made. Live figures begin when this page is opened.",
  variables: [],
  panels: [
    panel(0, "live", "Records per second", [0, 0, 3, 3], "ingest.rows_total"),
    panel(1, "live", "Bytes per second", [3, 0, 3, 3], "ingest.bytes_total", { unit: "bytes" }),
    panel(2, "live", "Refused as malformed, per second", [6, 0, 3, 3], "receive.rejected_malformed_total"),
    panel(3, "live", "Dead letters", [9, 0, 3, 3], "dead_letters.count"),
    panel(4, "heat", "Lines by service", [0, 3, 8, 6], "sum by (service_name) (count_over_time({service_name=~\".+\"} [$__step]))"),
    panel(5, "bars", "Bytes by service", [8, 3, 4, 6], "topk(10, sum by (service_name) (bytes_over_time({service_name=~\".+\"} [$__range])))", { unit: "bytes" }),
    panel(6, "live", "Refused by rate limits, per second", [0, 9, 3, 3], "receive.rejected_rate_limited_total"),
    panel(7, "live", "Commit groups per second", [3, 9, 3, 3], "ingest.groups_total"),
    panel(8, "live", "Log ahead of the segments", [6, 9, 3, 3], "queue.disk_bytes", { unit: "bytes" }),
    panel(9, "live", "Rows in the head", [9, 9, 3, 3], "store.head_rows"),
    panel(10, "series", "Bytes of lines", [0, 12, 12, 5], "sum(bytes_over_time({service_name=~\".+\"} [$__step]))", { unit: "bytes", stacked: true }),
  ],
};

const bole: Dashboard = {
  title: "Bole itself",
  description: "The figures of /metrics, live since this page was opened. Bole keeps no history of them: let Prometheus do that.",
  variables: [],
  panels: [
    panel(0, "live", "CPU, share of one core", [0, 0, 3, 3], "process.cpu_seconds_total", { unit: "percent" }),
    panel(1, "live", "Memory of the process", [3, 0, 3, 3], "process.resident_memory_bytes", { unit: "bytes" }),
    panel(2, "live", "Memory drawn on the limit", [6, 0, 3, 3], "memory.budget_used_bytes", { unit: "bytes" }),
    panel(3, "live", "HTTP requests per second", [9, 0, 3, 3], "http.requests_total"),
    panel(4, "live", "Queries per second", [0, 3, 3, 3], "query.requests_total"),
    panel(5, "live", "Rows scanned per second", [3, 3, 3, 3], "query.rows_scanned_total"),
    panel(6, "live", "Failed queries per second", [6, 3, 3, 3], "query.errors_total"),
    panel(7, "live", "Live tails", [9, 3, 3, 3], "tail.clients"),
    panel(8, "live", "Segments", [0, 6, 3, 3], "store.segments"),
    panel(9, "live", "Stored in segments", [3, 6, 3, 3], "store.segment_bytes", { unit: "bytes" }),
    panel(10, "live", "Time in sync, share", [6, 6, 3, 3], "queue.sync_seconds_total", { unit: "percent" }),
    panel(11, "live", "Damaged chunks met, per second", [9, 6, 3, 3], "store.bad_chunks_total"),
    panel(12, "logs", "Bole's own log, if it is sent here with service_name=bole", [0, 9, 12, 5], '{service_name="bole"}'),
  ],
};

export const SHIPPED: readonly { id: string; board: Dashboard }[] = [
  { id: "overview", board: overview },
  { id: "ingestion", board: ingestion },
  { id: "bole", board: bole },
];
