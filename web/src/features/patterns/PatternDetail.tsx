import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { Row } from "@/api/rows";
import { search } from "@/api/search";
import { Line } from "@/features/rows/Line";
import { formatRowTime, type Zone } from "@/lib/clock";
import type { ResolvedRange } from "@/lib/timeRange";
import { PATTERN_EXAMPLES, ROW_LINE_CHARS_MAX } from "@/limits";
import { strings } from "@/strings";

const NO_NEEDLES: readonly RegExp[] = [];

interface Props {
  /* With the pattern as a filter. */
  query: string;
  range: ResolvedRange;
  zone: Zone;
  actions: ReactNode;
}

/* The newest lines of a pattern. */
export function PatternDetail({ query, range: { start, end }, zone, actions }: Props) {
  const answer = useQuery({
    queryKey: ["examples", query, start, end],
    queryFn: async ({ signal }) => {
      const rows: Row[] = [];
      const request = { query, start, end, direction: "backward" as const, limit: PATTERN_EXAMPLES };
      for await (const event of search(request, "page", 1_000, signal)) if (event.type === "row") rows.push(event.row);
      return rows;
    },
  });
  return (
    <div className="pattern-detail">
      <p className="pattern-actions">{actions}</p>
      {answer.isPending && <p className="hint">{strings.labels.loading}</p>}
      {answer.isError && <p className="hint problem">{answer.error.message}</p>}
      <ul className="mono">
        {answer.data?.map((row) => (
          <li key={row.id}>
            <span className="row-time">{formatRowTime(row.time, zone)}</span>
            <span className="context-line">
              <Line line={row.line} needles={NO_NEEDLES} charsMax={ROW_LINE_CHARS_MAX} />
            </span>
          </li>
        ))}
      </ul>
      {answer.data?.length === 0 && <p className="hint">{strings.patterns.noExample}</p>}
    </div>
  );
}
