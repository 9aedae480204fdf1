import type { ReactNode } from "react";
import { ApiError } from "@/api/http";
import { Button } from "@/components/Button";
import { Notice } from "@/components/Notice";
import { useLabelNames } from "@/features/labels/useLabels";
import { describeRange, zoomOut, type TimeRange } from "@/lib/timeRange";
import { readQueryError } from "@/logql/queryError";
import { strings } from "@/strings";

const text = strings.states;

export function LoadingState() {
  return (
    <div className="skeleton" role="status" aria-label={text.loading}>
      {Array.from({ length: 14 }, (_, i) => (
        <i key={i} />
      ))}
    </div>
  );
}

/* A range that ends now can be widened with one click: to four times its width, or to a month. */
export function EmptyState({
  range,
  title,
  onRange,
}: {
  range: TimeRange;
  title: string;
  onRange: (range: TimeRange) => void;
}) {
  const names = useLabelNames(range);
  const nothingStored = names.data?.length === 0;
  const wider = zoomOut(zoomOut(range, Date.now()), Date.now());
  const month = { from: "now-30d", to: "now" };
  return (
    <Notice icon="empty" title={nothingStored ? text.noDataTitle : title}>
      <p>{nothingStored ? text.noData : text.empty}</p>
      <p className="notice-actions">
        {[wider, month].map((one) => (
          <Button key={one.from} onClick={() => onRange(one)}>
            {text.wider(describeRange(one, "local"))}
          </Button>
        ))}
      </p>
    </Notice>
  );
}

export function ErrorState({ error, query, onAgain }: { error: Error; query: string; onAgain: () => void }) {
  const kind = error instanceof ApiError ? error.kind : "server";
  const again = (
    <p className="notice-actions">
      <Button icon="refresh" onClick={onAgain}>
        {text.runAgain}
      </Button>
    </p>
  );
  if (kind === "refused")
    return (
      <Notice kind="error" icon="warning" title={text.errorQuery}>
        <QueryExcerpt query={query} message={error.message} />
      </Notice>
    );
  if (kind === "network")
    return (
      <Notice kind="error" icon="offline" title={text.errorNetwork}>
        <p>{error.message}</p>
        {again}
      </Notice>
    );
  return (
    <Notice kind="error" icon="warning" title={text.errorServer}>
      <p className="mono">{error.message}</p>
      <p>{text.errorServerHelp}</p>
      {again}
    </Notice>
  );
}

/* The message, and the line of the query that it is about with a caret below the place. */
function QueryExcerpt({ query, message }: { query: string; message: string }) {
  const { at } = readQueryError(message, query);
  let excerpt: ReactNode = null;
  if (at !== undefined) {
    const start = query.lastIndexOf("\n", at - 1) + 1;
    const end = query.indexOf("\n", at);
    excerpt = (
      <pre className="mono excerpt">
        {query.slice(start, end < 0 ? undefined : end)}
        {"\n"}
        <b>{" ".repeat(at - start)}^</b>
      </pre>
    );
  }
  return (
    <>
      {excerpt}
      <p className="mono">{message}</p>
    </>
  );
}

export function CancelledState({ onAgain }: { onAgain: () => void }) {
  return (
    <Notice icon="stop" title={text.cancelledTitle}>
      <p>{text.cancelled}</p>
      <p className="notice-actions">
        <Button icon="refresh" onClick={onAgain}>
          {text.runAgain}
        </Button>
      </p>
    </Notice>
  );
}

export function NoQueryState() {
  return (
    <Notice icon="explore" title={text.noQueryTitle}>
      <p>{text.noQuery}</p>
    </Notice>
  );
}
