/* useStatus.ts - the server's figures, asked for every five seconds while somebody looks. */
import { useQuery } from "@tanstack/react-query";
import { getStatus } from "@/api/status";
import { addSample, type Sample } from "@/lib/liveFigures";

const EVERY_MS = 5_000;
/* Kept for the life of the page: a panel that is opened again goes on. */
let samples: readonly Sample[] = [];

export function useStatus(enabled = true) {
  return useQuery({
    queryKey: ["status"],
    queryFn: async ({ signal }) => {
      const status = await getStatus(signal);
      samples = addSample(samples, { atMs: Date.now(), figures: status.figures });
      return { ...status, samples };
    },
    enabled,
    refetchInterval: EVERY_MS,
    staleTime: EVERY_MS,
    retry: false,
  });
}
