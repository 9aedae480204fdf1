/* useExplore.ts - the questions of the Explore screen and the state of their answers. */
import { keepPreviousData, useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { ApiError } from "@/api/http";
import { queryInstant, queryMetric, type Metric } from "@/api/loki";
import type { View } from "@/app/view";
import { resolveRange, roundSteps, type ResolvedRange } from "@/lib/timeRange";
import { AWAY_RETRY_MS, METRIC_POINTS } from "@/limits";
import { splitLevels } from "@/logql/edit";
import { isMetricQuery, isSetQuery } from "@/logql/shape";
import { barsFor } from "./histogramData";
import { isRowId } from "./rowWindow";
import { SearchSession } from "./searchSession";

/* One run of a query: `now` is fixed when it starts. */
export interface Run {
  /* Another question (not a repetition of the same): the list starts at its top again. */
  key: string;
  number: number;
  range: ResolvedRange;
}

/* `mayRefresh`: a list that is being read is not pulled away by the auto refresh. */
export function useRun(view: View, mayRefresh: () => boolean): [Run, () => void] {
  const [number, setNumber] = useState(0);
  const run = useMemo(
    () => ({
      key: JSON.stringify([view.query, view.range, view.direction, view.row]),
      number,
      range: resolveRange(view.range, Date.now()),
    }),
    // eslint-disable-next-line react-hooks/exhaustive-deps -- another query is another run
    [number, view.range, view.query, view.direction, view.instant, view.row],
  );
  const again = useCallback(() => setNumber((n) => n + 1), []);
  useEffect(() => {
    if (view.refreshSeconds === 0) return;
    const timer = window.setInterval(() => {
      if (!document.hidden && mayRefresh()) again();
    }, view.refreshSeconds * 1_000);
    return () => window.clearInterval(timer);
  }, [view.refreshSeconds, mayRefresh, again]);
  return [run, again];
}

/* A server that is away is asked again until it is back. */
export function useRetryWhileAway(error: Error | null, again: () => void): void {
  useEffect(() => {
    if (!(error instanceof ApiError) || error.kind !== "network") return;
    const timer = window.setTimeout(again, AWAY_RETRY_MS);
    return () => window.clearTimeout(timer);
  }, [error, again]);
}

function whileAway({ state }: { state: { error: Error | null; data: unknown } }): number | false {
  return state.data === undefined && state.error instanceof ApiError && state.error.kind === "network"
    ? AWAY_RETRY_MS
    : false;
}

/* What arrived last stays on the screen when the next answer fails. */
function useLast<T>(value: T | undefined): T | undefined {
  const [last, setLast] = useState(value);
  if (value !== undefined && value !== last) setLast(value);
  return value ?? last;
}

export function useSearch(view: View, run: Run) {
  const [session] = useState(() => new SearchSession());
  const state = useSyncExternalStore(session.subscribe, session.snapshot);
  const enabled = view.query.trim() !== "" && !isMetricQuery(view.query);
  const lastKey = useRef<string>(undefined);
  const { base, levels } = useMemo(() => splitLevels(view.query), [view.query]);
  useEffect(() => {
    if (!enabled) return;
    const { start, end, startMs, endMs } = run.range;
    const question = {
      query: view.query,
      base,
      start,
      end,
      direction: view.direction,
      bars: barsFor(startMs, endMs),
      isSet: isSetQuery(view.query),
      row: view.row !== undefined && isRowId(view.row) ? view.row : undefined,
    };
    void session.run(question, lastKey.current === run.key);
    lastKey.current = run.key;
    return () => session.stop();
    // eslint-disable-next-line react-hooks/exhaustive-deps -- the run changes with the rest
  }, [session, run, enabled]);
  return { ...state, session, enabled, levels };
}

/* `instant` is how it was asked: the answer may be that of the question before. */
type MetricAnswer = Metric & { instant: boolean };

export function useMetric(view: View, run: Run) {
  const enabled = view.query.trim() !== "" && isMetricQuery(view.query);
  const { range } = run;
  const answer = useQuery<MetricAnswer>({
    queryKey: ["metric", view.query, run, view.instant],
    queryFn: async ({ signal }) => {
      const metric = await (view.instant
        ? queryInstant(view.query, range.end, signal)
        : queryMetric({ query: view.query, ...roundSteps(range, METRIC_POINTS) }, signal));
      return { ...metric, instant: view.instant };
    },
    enabled,
    placeholderData: keepPreviousData,
    refetchInterval: whileAway,
  });
  const metric = useLast(answer.data);
  return {
    metric,
    enabled,
    running: answer.fetchStatus === "fetching",
    error: answer.error,
    stale: answer.isPlaceholderData,
    answered: metric !== undefined,
  };
}

export function useCancelMetric(): () => void {
  const client = useQueryClient();
  return useCallback(() => {
    void client.cancelQueries({ queryKey: ["metric"] });
  }, [client]);
}
