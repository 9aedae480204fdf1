/*
 * tail.ts - new lines as they arrive, over a WebSocket.
 *
 * Reconnects by itself and asks for what was written in between. The end of one connection and the start of the
 * next overlap by the last moment seen, so those rows are recognised by their id and given out once.
 */
import { TAIL_BACKLOG_ROWS, TAIL_RETRY_MS } from "@/limits";
import { compareNs, type Ns } from "@/lib/ns";
import { strings } from "@/strings";
import { asArray, asObject } from "./check";
import { apiUrl } from "./http";
import { decodeStreams, sortRows, type Row } from "./rows";

export type TailState = { kind: "connecting" } | { kind: "open" } | { kind: "waiting"; message: string };

export interface TailEvents {
  rows(rows: Row[]): void;
  dropped(count: number): void;
  state(state: TailState): void;
}

/* Bole names some of the dropped entries and counts all of them; Loki names all of them. */
export function droppedIn(frame: Record<string, unknown>): number {
  const count = frame["dropped_count"];
  return typeof count === "number" ? count : asArray(frame["dropped_entries"] ?? [], "dropped entries").length;
}

/* Returns the function that ends it. */
export function openTail(query: string, start: Ns, events: TailEvents): () => void {
  let socket: WebSocket | undefined;
  let timer: number | undefined;
  let attempt = 0;
  let ended = false;
  let last: Ns = start;
  let idsAtLast = new Set<string>();

  function fresh(rows: Row[]): Row[] {
    const unseen = rows.filter((row) => compareNs(row.time, last) !== 0 || !idsAtLast.has(row.id));
    for (const row of unseen) {
      const order = compareNs(row.time, last);
      if (order > 0) {
        last = row.time;
        idsAtLast = new Set();
      }
      if (order >= 0) idsAtLast.add(row.id);
    }
    return unseen;
  }

  function receive(data: unknown): void {
    const frame = asObject(JSON.parse(String(data)), "tail frame");
    const rows = fresh(sortRows(decodeStreams(frame["streams"] ?? []), "forward"));
    if (rows.length > 0) events.rows(rows);
    const dropped = droppedIn(frame);
    if (dropped > 0) events.dropped(dropped);
  }

  function connect(): void {
    events.state({ kind: "connecting" });
    const url = apiUrl("loki/api/v1/tail", {
      query,
      start: last,
      limit: String(TAIL_BACKLOG_ROWS),
      /* A browser cannot set headers on a WebSocket; Bole takes the header's name as a parameter too. */
      "X-Loki-Response-Encoding-Flags": "categorize-labels",
    });
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    socket = new WebSocket(url);
    socket.onopen = () => {
      attempt = 0;
      events.state({ kind: "open" });
    };
    socket.onmessage = (message) => {
      try {
        receive(message.data);
      } catch {
        retry(strings.tail.badFrame);
      }
    };
    socket.onclose = (event) => retry(event.reason);
  }

  function retry(reason: string): void {
    if (ended || timer !== undefined) return;
    drop();
    const delay = TAIL_RETRY_MS[Math.min(attempt++, TAIL_RETRY_MS.length - 1)] ?? 0;
    events.state({ kind: "waiting", message: reason === "" ? strings.tail.lost : reason });
    timer = window.setTimeout(() => {
      timer = undefined;
      connect();
    }, delay);
  }

  function drop(): void {
    if (!socket) return;
    socket.onclose = socket.onmessage = socket.onopen = null;
    socket.close();
    socket = undefined;
  }

  connect();
  return () => {
    ended = true;
    window.clearTimeout(timer);
    drop();
  };
}
