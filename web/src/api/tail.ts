/*
 * tail.ts - new lines as they arrive, over a WebSocket.
 *
 * Frames carry a cursor. A connection that is made anew begins behind the last one: nothing is missed or comes twice.
 */
import { TAIL_BACKLOG_ROWS, TAIL_RETRY_MS } from "@/limits";
import type { Ns } from "@/lib/ns";
import { strings } from "@/strings";
import { asArray, asObject, asString } from "./check";
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

export interface TailHandle {
  close(): void;
  /* Closes the connection and keeps the place; `resume` gets what was stored in between. */
  hold(): void;
  resume(): void;
}

export function openTail(query: string, start: Ns, events: TailEvents): TailHandle {
  let socket: WebSocket | undefined;
  let timer: number | undefined;
  let attempt = 0;
  let ended = false;
  let cursor = "";
  let count = 0;

  function receive(data: unknown): void {
    const frame = asObject(JSON.parse(String(data)), "tail frame");
    const rows = sortRows(decodeStreams(frame["streams"] ?? []), "forward");
    /* Equal lines of different frames are different rows. */
    for (const row of rows) row.id = `tail-${count++}`;
    if (rows.length > 0) events.rows(rows);
    const dropped = droppedIn(frame);
    if (dropped > 0) events.dropped(dropped);
    if (frame["cursor"] !== undefined) cursor = asString(frame["cursor"], "cursor");
  }

  function connect(): void {
    events.state({ kind: "connecting" });
    const url = apiUrl("loki/api/v1/tail", {
      query,
      cursor,
      ...(cursor === "" && { start, limit: String(TAIL_BACKLOG_ROWS) }),
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
    window.clearTimeout(timer);
    timer = undefined;
    if (!socket) return;
    socket.onclose = socket.onmessage = socket.onopen = null;
    socket.close();
    socket = undefined;
  }

  connect();
  return {
    close: () => {
      ended = true;
      drop();
    },
    hold: drop,
    resume: () => {
      if (!ended && !socket && timer === undefined) connect();
    },
  };
}
