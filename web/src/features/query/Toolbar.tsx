import type { ReactNode } from "react";
import type { ChangeView, View } from "@/app/view";
import { Button } from "@/components/Button";
import { formatBytes, formatMillis } from "@/lib/format";
import { strings } from "@/strings";

const text = strings.rows;

/* What was found, and what it cost. */
export function Statistics({ found, bytes, elapsedMs }: { found: string; bytes: number; elapsedMs: number }) {
  return (
    <p className="statistics" role="status">
      <b>{found}</b>
      {bytes > 0 && <span>{text.read(formatBytes(bytes))}</span>}
      {elapsedMs > 0 && <span>{formatMillis(elapsedMs)}</span>}
    </p>
  );
}

export function Toolbar({ children, actions }: { children: ReactNode; actions?: ReactNode }) {
  return (
    <div className="toolbar">
      {children}
      <span className="spacer" />
      {actions}
    </div>
  );
}

export function RowOptions({ view, onChange, ordered }: { view: View; onChange: ChangeView; ordered: boolean }) {
  const newest = view.direction === "backward";
  return (
    <>
      {ordered && (
        <Button
          kind="quiet"
          icon={newest ? "newest" : "oldest"}
          title={text.orderTitle}
          onClick={() => onChange({ direction: newest ? "forward" : "backward" }, "replace")}
        >
          {newest ? text.newest : text.oldest}
        </Button>
      )}
      <Button
        kind="quiet"
        icon="wrap"
        pressed={view.wrap}
        title={text.wrapTitle}
        onClick={() => onChange({ wrap: !view.wrap }, "replace")}
      >
        {text.wrap}
      </Button>
    </>
  );
}
