/* useExplore.ts - the questions of the Explore screen and the state of their answers. */
import { keepPreviousData, useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useState } from "react";
import { ApiError } from "@/api/http";
import { nextPage, queryInstant, queryMetric, queryRows, type Metric, type RowsRequest } from "@/api/loki";
import { joinPages, type Row } from "@/api/rows";
import type { View } from "@/app/view";
import { nsFromMs } from "@/lib/ns";
import { niceStep, resolveRange, type ResolvedRange } from "@/lib/timeRange";
import { AWAY_RETRY_MS, METRIC_POINTS, PAGE_ROWS, ROWS_HELD_MAX } from "@/limits";
import { splitLevels } from "@/logql/edit";
import { isMetricQuery } from "@/logql/shape";
import { barsFor, readVolume, volumeRequest } from "./histogramData";

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
      key: JSON.stringify([view.query, view.range, view.direction]),
      number,
      range: resolveRange(view.range, Date.now()),
    }),
    // eslint-disable-next-line react-hooks/exhaustive-deps -- another query is another run
    [number, view.range, view.query, view.direction, view.instant],
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

/* A server that is away is asked again until it is back; a page that could not be added is left to the user. */
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

/* A page, or a larger one where more entries than a page share one moment. */
interface PageRequest extends RowsRequest {
  repeat: boolean;
}

export function useRows(view: View, run: Run) {
  const enabled = view.query.trim() !== "" && !isMetricQuery(view.query);
  const first: PageRequest = {
    query: view.query,
    start: run.range.start,
    end: run.range.end,
    limit: PAGE_ROWS,
    direction: view.direction,
    repeat: false,
  };
  const answer = useInfiniteQuery({
    queryKey: ["rows", view.query, run, view.direction],
    queryFn: ({ pageParam, signal }) => queryRows(pageParam, signal),
    initialPageParam: first,
    getNextPageParam: (page, pages, request) => {
      const last = page.rows.at(-1);
      if (!page.full || last === undefined || pages.length * PAGE_ROWS >= ROWS_HELD_MAX) return undefined;
      const sameMoment = page.rows[0]?.time === last.time && request.repeat;
      return { ...nextPage(request, last), limit: sameMoment ? request.limit * 2 : PAGE_ROWS, repeat: true };
    },
    enabled,
    placeholderData: keepPreviousData,
    refetchInterval: whileAway,
  });
  const data = useLast(answer.data);
  const rows = useMemo<Row[]>(() => joinPages(data?.pages.map((page) => page.rows) ?? []), [data]);
  const pages = data?.pages ?? [];
  return {
    rows,
    enabled,
    running: answer.fetchStatus === "fetching" && !answer.isFetchingNextPage,
    error: answer.isFetchNextPageError ? null : answer.error,
    stale: answer.isPlaceholderData,
    more: {
      available: answer.hasNextPage && !answer.isPlaceholderData,
      loading: answer.isFetchingNextPage,
      error: answer.isFetchNextPageError ? answer.error : null,
      load: answer.fetchNextPage,
      heldMax: pages.length * PAGE_ROWS >= ROWS_HELD_MAX && pages.at(-1)?.full === true,
    },
    answered: data !== undefined,
    stats: { bytes: pages.reduce((sum, page) => sum + page.stats.bytes, 0), elapsedMs: pages[0]?.stats.elapsedMs ?? 0 },
  };
}

/* Asked without the level filter, so that the other levels can still be seen and chosen. */
export function useVolume(view: View, run: Run) {
  const { base, levels } = useMemo(() => splitLevels(view.query), [view.query]);
  const answer = useQuery({
    queryKey: ["volume", base, run.range, run.number],
    queryFn: async ({ signal }) => {
      const bars = barsFor(run.range.startMs, run.range.endMs);
      return readVolume(await queryMetric(volumeRequest(base, bars), signal), bars);
    },
    enabled: view.query.trim() !== "" && !isMetricQuery(view.query),
    placeholderData: keepPreviousData,
    refetchInterval: whileAway,
  });
  return { volume: useLast(answer.data), levels, error: answer.error, stale: answer.isPlaceholderData };
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
        : queryMetric({ query: view.query, ...roundSteps(range) }, signal));
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

/* Samples at multiples of the step: the line stands still while a relative range moves on. */
function roundSteps({ startMs, endMs }: ResolvedRange) {
  const stepMs = niceStep(endMs - startMs, METRIC_POINTS);
  const round = (ms: number) => nsFromMs(Math.floor(ms / stepMs) * stepMs);
  return { start: round(startMs + stepMs - 1), end: round(endMs), stepMs };
}

export function useCancel(): () => void {
  const client = useQueryClient();
  return useCallback(() => {
    for (const kind of ["rows", "volume", "metric"]) void client.cancelQueries({ queryKey: [kind] });
  }, [client]);
}
