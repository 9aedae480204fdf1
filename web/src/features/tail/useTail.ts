import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { queryRows } from "@/api/loki";
import type { Row } from "@/api/rows";
import { openTail, type TailHandle, type TailState } from "@/api/tail";
import { nsFromMs } from "@/lib/ns";
import { TAIL_FLUSH_MS } from "@/limits";
import { allowance, clear, EMPTY_BUFFER, isFull, pause, receive, resume } from "./tailBuffer";

const BACKLOG_MS = 60_000;
const RATE_WINDOW_MS = 5_000;

/* What was stored while the tail was away comes all at once, and is no matter of speed. */
const CATCH_UP_MS = 1_500;

/*
 * Frames are collected and drawn a few times a second, however fast they come. `speed`: lines shown per second at most.
 */
export function useTail(query: string, run: number, enabled: boolean, speed: number) {
  const [buffer, setBuffer] = useState(EMPTY_BUFFER);
  const [state, setState] = useState<TailState>({ kind: "connecting" });
  const [rate, setRate] = useState(0);
  const pending = useRef({ rows: [] as Row[], dropped: 0 });
  const handle = useRef<TailHandle>(undefined);
  const opened = useRef(0);
  const limit = useRef(speed);
  useEffect(() => {
    limit.current = speed;
  }, [speed]);

  /* A browser hides why a WebSocket was refused: the query is tried out first, to have the server's own words. */
  const probe = useQuery({
    queryKey: ["tail-probe", query, run],
    enabled,
    retry: false,
    queryFn: ({ signal }) => {
      const now = Date.now();
      return queryRows(
        { query, start: nsFromMs(now - 1_000), end: nsFromMs(now), limit: 1, direction: "backward" },
        signal,
      ).then(() => true);
    },
  });

  const accepted = enabled && probe.isSuccess;
  useEffect(() => {
    setBuffer(clear);
    if (!accepted) return;
    pending.current = { rows: [], dropped: 0 };
    const arrivals: [at: number, count: number][] = [];
    handle.current = openTail(query, nsFromMs(Date.now() - BACKLOG_MS), {
      rows: (rows) => {
        pending.current.rows.push(...rows);
        arrivals.push([performance.now(), rows.length]);
      },
      dropped: (count) => {
        pending.current.dropped += count;
      },
      state: (next) => {
        if (next.kind === "open") opened.current = performance.now();
        setState(next);
      },
    });
    let allowed = 0;
    let last = performance.now();
    const timer = window.setInterval(() => {
      const { rows, dropped } = pending.current;
      pending.current = { rows: [], dropped: 0 };
      const now = performance.now();
      allowed = allowance(allowed, limit.current, now - last);
      last = now;
      const most = now - opened.current < CATCH_UP_MS ? Infinity : Math.floor(allowed);
      allowed = Math.max(0, allowed - rows.length);
      if (rows.length > 0 || dropped > 0) setBuffer((before) => receive(before, rows, dropped, most));
      const since = now - RATE_WINDOW_MS;
      while (arrivals[0] && arrivals[0][0] < since) arrivals.shift();
      setRate(Math.round(arrivals.reduce((sum, [, count]) => sum + count, 0) / (RATE_WINDOW_MS / 1_000)));
    }, TAIL_FLUSH_MS);
    return () => {
      window.clearInterval(timer);
      handle.current?.close();
    };
  }, [query, run, accepted]);

  /* Rows on their way are still taken; the server keeps the rest until the tail goes on behind its cursor. */
  const held = buffer.paused && isFull(buffer);
  useEffect(() => {
    if (held) handle.current?.hold();
  }, [held]);

  return {
    buffer,
    state,
    rate,
    held,
    error: probe.error,
    pause: () => setBuffer(pause),
    resume: () => {
      setBuffer(resume);
      handle.current?.resume();
    },
    clear: () => setBuffer(clear),
  };
}
