/* useLabels.ts - label names and values of a range: for the label browser, for completion, for empty states. */
import { queryOptions, useQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo } from "react";
import { labelNames, labelValues } from "@/api/loki";
import { resolveRange, type TimeRange } from "@/lib/timeRange";

const FRESH_MS = 30_000;

function namesOf(range: TimeRange) {
  return queryOptions({
    queryKey: ["labels", range],
    staleTime: FRESH_MS,
    queryFn: ({ signal }) => {
      const { start, end } = resolveRange(range, Date.now());
      return labelNames(start, end, signal);
    },
  });
}

function valuesOf(range: TimeRange, name: string) {
  return queryOptions({
    queryKey: ["labels", range, name],
    staleTime: FRESH_MS,
    queryFn: ({ signal }) => {
      const { start, end } = resolveRange(range, Date.now());
      return labelValues(name, start, end, signal);
    },
  });
}

export const useLabelNames = (range: TimeRange) => useQuery(namesOf(range));
export const useLabelValues = (range: TimeRange, name: string, enabled = true) =>
  useQuery({ ...valuesOf(range, name), enabled });

/* For completion, where a failure only means that nothing is offered. */
export function useLabelSource(range: TimeRange) {
  const client = useQueryClient();
  return useMemo(
    () => ({
      names: () => client.fetchQuery(namesOf(range)).catch(() => []),
      values: (name: string) => client.fetchQuery(valuesOf(range, name)).catch(() => []),
    }),
    [client, range],
  );
}
