import type { ReactNode } from "react";
import type { ChangeView, View } from "@/app/view";
import { Button } from "@/components/Button";
import { Icon } from "@/components/Icon";
import { DEDUPES, type Dedupe } from "@/lib/dedupe";
import { formatBytes, formatCompact, formatMillis } from "@/lib/format";
import { strings } from "@/strings";

const text = strings.rows;

interface Found {
  found: string;
  rowsScanned?: number;
  bytes: number;
  elapsedMs: number;
}

/* What was found, and what it cost. */
export function Statistics({ found, rowsScanned = 0, bytes, elapsedMs }: Found) {
  return (
    <p className="statistics" role="status">
      <b>{found}</b>
      {rowsScanned > 0 && <span>{text.looked(formatCompact(rowsScanned))}</span>}
      {bytes > 0 && <span>{text.read(formatBytes(bytes))}</span>}
      {elapsedMs > 0 && <span>{formatMillis(elapsedMs)}</span>}
    </p>
  );
}

/* Lines that say the same and follow each other are shown once. */
export function DedupeChoice({ view, onChange }: { view: View; onChange: ChangeView }) {
  return (
    <label className="choice" title={strings.dedupe.title}>
      <Icon name="same" />
      <select
        aria-label={strings.dedupe.label}
        value={view.dedupe}
        onChange={(event) => onChange({ dedupe: event.target.value as Dedupe }, "replace")}
      >
        {DEDUPES.map((how) => (
          <option key={how} value={how}>
            {strings.dedupe.kinds[how]}
          </option>
        ))}
      </select>
    </label>
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
