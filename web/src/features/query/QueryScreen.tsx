import type { ReactNode } from "react";
import type { ChangeView, View } from "@/app/view";
import { Button } from "@/components/Button";
import { LabelBrowser } from "@/features/labels/LabelBrowser";
import { addMatcher } from "@/logql/edit";
import { strings } from "@/strings";
import { QueryBar } from "./QueryBar";

interface Props {
  view: View;
  onChange: ChangeView;
  labelsOpen: boolean;
  onLabels: (open: boolean) => void;
  running: boolean;
  /* Of a running query, 0 to 1, where it is known. */
  done?: number | undefined;
  error: string | undefined;
  onRun: (query: string) => void;
  onCancel: () => void;
  /* Between the query and the run button. */
  controls: ReactNode;
  children: ReactNode;
}

/* The frame of every screen that stands on a query: the bar, the labels, the answer. */
export function QueryScreen({
  view,
  onChange,
  labelsOpen,
  onLabels,
  running,
  done,
  error,
  onRun,
  onCancel,
  controls,
  children,
}: Props) {
  return (
    <main className="screen">
      <h1 className="unseen">{strings.nav[view.screen]}</h1>
      <div className="screen-head">
        <Button icon="tag" title={strings.query.labels} pressed={labelsOpen} onClick={() => onLabels(!labelsOpen)} />
        <QueryBar
          query={view.query}
          range={view.range}
          error={error}
          running={running}
          onRun={onRun}
          onCancel={onCancel}
        >
          {controls}
        </QueryBar>
      </div>
      <div className="screen-body">
        {labelsOpen && (
          <LabelBrowser
            range={view.range}
            query={view.query}
            onClose={() => onLabels(false)}
            onMatch={(name, op, value) => onChange({ query: addMatcher(view.query, name, op, value) })}
          />
        )}
        <section className="results" aria-busy={running}>
          {running && <Progress done={done} />}
          {children}
        </section>
      </div>
    </main>
  );
}

function Progress({ done }: { done: number | undefined }) {
  const known = done !== undefined && done > 0;
  return (
    <div
      className={`progress${known ? " progress-known" : ""}`}
      role="progressbar"
      aria-label={strings.states.loading}
      {...(known && { "aria-valuenow": Math.round(done * 100) })}
    >
      <i style={known ? { width: `${done * 100}%` } : undefined} />
    </div>
  );
}
