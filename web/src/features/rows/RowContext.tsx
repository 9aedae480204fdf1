import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import type { Row } from "@/api/rows";
import { isGone, rowContext } from "@/api/search";
import { Button } from "@/components/Button";
import { formatRowTime, type Zone } from "@/lib/clock";
import { CONTEXT_ROWS, CONTEXT_ROWS_MAX, ROW_LINE_CHARS_MAX } from "@/limits";
import { strings } from "@/strings";
import { Line } from "./Line";

const text = strings.context;
const NO_NEEDLES: readonly RegExp[] = [];

/* What stands around a row in its own stream, oldest first, whatever the query leaves out. */
export function RowContext({ row, zone }: { row: Row; zone: Zone }) {
  const [before, setBefore] = useState(CONTEXT_ROWS);
  const [after, setAfter] = useState(CONTEXT_ROWS);
  const answer = useQuery({
    queryKey: ["context", row.id, before, after],
    queryFn: ({ signal }) => rowContext({ id: row.id, before, after }, signal),
    placeholderData: keepPreviousData,
    retry: (_, error) => !isGone(error),
  });
  const here = useRef<HTMLLIElement>(null);
  const arrived = answer.data !== undefined;
  useEffect(() => {
    if (arrived) here.current?.scrollIntoView({ block: "nearest" });
  }, [arrived]);
  if (answer.isPending) return <p className="hint">{strings.labels.loading}</p>;
  if (!answer.data)
    return <p className="hint problem">{isGone(answer.error) ? text.gone : answer.error?.message}</p>;
  const context = answer.data;
  const more = (title: string, shown: number, wanted: number, set: (n: number) => void) =>
    shown >= wanted && wanted < CONTEXT_ROWS_MAX ? (
      <Button kind="quiet" onClick={() => set(Math.min(wanted * 4, CONTEXT_ROWS_MAX))}>
        {title}
      </Button>
    ) : (
      <p className="dim">{text.end}</p>
    );
  return (
    <div className="context" aria-busy={answer.isFetching}>
      {more(text.before, context.before.length, before, setBefore)}
      <ol className="mono" tabIndex={0} aria-label={text.label}>
        {[...context.before, context.row, ...context.after].map((one) => (
          <li
            key={one.id}
            ref={one.id === row.id ? here : undefined}
            className={`level-${one.level}${one.id === row.id ? " context-here" : ""}`}
            aria-current={one.id === row.id}
          >
            <span className="row-time">{formatRowTime(one.time, zone)}</span>
            <span className="context-line">
              <Line line={one.line} needles={NO_NEEDLES} charsMax={ROW_LINE_CHARS_MAX} />
            </span>
          </li>
        ))}
      </ol>
      {more(text.after, context.after.length, after, setAfter)}
    </div>
  );
}
