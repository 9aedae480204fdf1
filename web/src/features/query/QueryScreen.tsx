import type { ReactNode } from "react";
import type { ChangeView, View } from "@/app/view";
import { Button } from "@/components/Button";
import { LabelBrowser } from "@/features/labels/LabelBrowser";
import { addMatcher } from "@/logql/edit";
import { strings } from "@/strings";
import { FieldsPanel, type FieldsProps } from "@/features/fields/FieldsPanel";
import { QueryBar } from "./QueryBar";
import { PANELS, SidePanel, type Panel } from "./SidePanel";

interface Props {
  view: View;
  onChange: ChangeView;
  panel: Panel | undefined;
  onPanel: (panel: Panel | undefined) => void;
  /* Where there are rows whose fields can be counted. */
  fields?: FieldsProps | undefined;
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
  panel,
  onPanel,
  fields,
  running,
  done,
  error,
  onRun,
  onCancel,
  controls,
  children,
}: Props) {
  const shownPanel = panel === "fields" && !fields ? "labels" : (panel ?? "labels");
  return (
    <main className="screen">
      <h1 className="unseen">{strings.nav[view.screen]}</h1>
      <div className="screen-head">
        <Button
          icon="fields"
          title={strings.panels.open}
          pressed={panel !== undefined}
          onClick={() => onPanel(panel === undefined ? "fields" : undefined)}
        />
        <QueryBar
          view={view}
          onChange={onChange}
          error={error}
          running={running}
          onRun={onRun}
          onCancel={onCancel}
        >
          {controls}
        </QueryBar>
      </div>
      <div className="screen-body">
        {panel && (
          <SidePanel panel={shownPanel} panels={fields ? PANELS : ["labels"]} onPanel={onPanel}>
            {shownPanel === "fields" && fields ? (
              <FieldsPanel {...fields} />
            ) : (
              <LabelBrowser
                range={view.range}
                query={view.query}
                onMatch={(name, op, value) => onChange({ query: addMatcher(view.query, name, op, value) })}
              />
            )}
          </SidePanel>
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
