/* usePanel.ts - the questions of panels. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useState, type RefObject } from "react";
import { queryInstant, queryMetric } from "@/api/loki";
import type { Row } from "@/api/rows";
import { search } from "@/api/search";
import { nsFromMs } from "@/lib/ns";
import { formatDuration, niceStep, roundSteps, type ResolvedRange } from "@/lib/timeRange";
import { substitute, VariableError, type Values } from "./variables";

const SERIES_POINTS = 90;
export const HEAT_POINTS = 60;
export const PANEL_ROWS_MAX = 100;

/* Variables and durations put in. */
export function panelQuery(query: string, values: Values, range: ResolvedRange, points = SERIES_POINTS): string | VariableError {
  const lengthMs = range.endMs - range.startMs;
  const durations = {
    __range: [formatDuration(Math.max(1_000, Math.round(lengthMs / 1_000) * 1_000))],
    __step: [formatDuration(niceStep(lengthMs, points))],
  };
  try {
    return substitute(query, { ...values, ...durations });
  } catch (why) {
    if (why instanceof VariableError) return why;
    throw why;
  }
}

/* The step that has only begun is asked for, too: what came just now is seen. */
function wholeSteps(range: ResolvedRange, points: number) {
  const steps = roundSteps(range, points);
  return { ...steps, end: nsFromMs(Math.ceil(range.endMs / steps.stepMs) * steps.stepMs) };
}

export function usePanelSeries(query: string, range: ResolvedRange, enabled: boolean, points = SERIES_POINTS) {
  return useQuery({
    queryKey: ["panel", "series", query, range, points],
    queryFn: ({ signal }) => queryMetric({ query, ...wholeSteps(range, points) }, signal),
    enabled,
    placeholderData: keepPreviousData,
  });
}

export function usePanelInstant(query: string, range: ResolvedRange, enabled: boolean) {
  return useQuery({
    queryKey: ["panel", "instant", query, range],
    queryFn: ({ signal }) => queryInstant(query, range.end, signal),
    enabled,
    placeholderData: keepPreviousData,
  });
}

/* Of a query that gives a table, its columns too. */
export function usePanelRows(query: string, { start, end }: ResolvedRange, enabled: boolean) {
  return useQuery({
    queryKey: ["panel", "rows", query, start, end],
    queryFn: async ({ signal }) => {
      const rows: Row[] = [];
      let columns: string[] | undefined;
      const request = { query, start, end, direction: "backward" as const, limit: PANEL_ROWS_MAX };
      for await (const event of search(request, "page", 1_000, signal)) {
        if (event.type === "row") rows.push(event.row);
        else if (event.type === "columns") columns = event.columns;
      }
      return { rows, columns };
    },
    enabled,
    placeholderData: keepPreviousData,
  });
}

/* True once the element was in the window: panels below it cost nothing until somebody scrolls there. */
export function useSeen(element: RefObject<HTMLElement | null>): boolean {
  const [seen, setSeen] = useState(false);
  useEffect(() => {
    if (!element.current || seen) return;
    const observer = new IntersectionObserver(
      (entries) => {
        if (entries.some((entry) => entry.isIntersecting)) setSeen(true);
      },
      { rootMargin: "200px" },
    );
    observer.observe(element.current);
    return () => observer.disconnect();
  }, [element, seen]);
  return seen;
}
