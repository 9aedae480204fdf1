import { lazy, Suspense, useEffect, useState } from "react";
import type { View } from "@/app/view";
import { Button } from "@/components/Button";
import { Dialog } from "@/components/Dialog";
import { useLabelSource } from "@/features/labels/useLabels";
import { DEFAULT_RANGE, type ResolvedRange } from "@/lib/timeRange";
import { later } from "@/stringsLater";
import { PANEL_KINDS, UNITS, type Panel } from "./model";
import { PanelView } from "./PanelView";
import { useStatus } from "./useStatus";
import type { Values } from "./variables";

const CodeEditor = lazy(() => import("@/features/query/CodeEditor"));
const text = later.panelEditor;
const TITLE_CHARS_MAX = 100;

const PREVIEW_PX = 200;
const TYPED_MS = 600;

interface Props {
  panel: Panel;
  values: Values;
  view: View;
  range: ResolvedRange;
  onDone: (panel: Panel) => void;
  onClose: () => void;
}

export function PanelEditor({ panel, values, view, range, onDone, onClose }: Props) {
  const [draft, setDraft] = useState(panel);
  const labels = useLabelSource(DEFAULT_RANGE);
  const change = (part: Partial<Panel>) => setDraft((before) => ({ ...before, ...part }));
  const done = () => onDone({ ...draft, title: draft.title.trim() || text.kinds[draft.kind] });
  /* Asked for when the typing pauses; another kind is shown at once. */
  const query = useSettled(draft.query, TYPED_MS);
  const shown = { ...draft, query };
  const asks = draft.kind !== "alerts" && draft.kind !== "live";
  return (
    <Dialog title={text.title} close={text.close} className="editor-dialog" onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          done();
        }}
      >
        <label>
          <span>{text.name}</span>
          <input value={draft.title} maxLength={TITLE_CHARS_MAX} autoFocus onChange={(event) => change({ title: event.target.value })} />
        </label>
        <div className="editor-pair">
          <label>
            <span>{text.kind}</span>
            <select value={draft.kind} onChange={(event) => change({ kind: event.target.value as Panel["kind"] })}>
              {PANEL_KINDS.map((kind) => (
                <option key={kind} value={kind}>
                  {text.kinds[kind]}
                </option>
              ))}
            </select>
          </label>
          <label>
            <span>{text.unit}</span>
            <select value={draft.unit} onChange={(event) => change({ unit: event.target.value as Panel["unit"] })}>
              {UNITS.map((unit) => (
                <option key={unit} value={unit}>
                  {text.units[unit]}
                </option>
              ))}
            </select>
          </label>
        </div>
        {draft.kind === "series" && (
          <label className="check">
            <input type="checkbox" checked={draft.stacked} onChange={(event) => change({ stacked: event.target.checked })} />
            {text.stacked}
          </label>
        )}
        {asks && (
          <div className="editor-query">
            <span>{text.query}</span>
            <Suspense fallback={<div className="query-box" />}>
              <div className="query-box">
                <CodeEditor
                  value={draft.query}
                  errorAt={undefined}
                  labels={labels}
                  onChange={(query) => change({ query })}
                  onRun={done}
                  onHistory={() => undefined}
                  onLeave={() => undefined}
                />
              </div>
            </Suspense>
            <p className="hint">{text.help}</p>
          </div>
        )}
        {draft.kind === "live" && <FigureChoice value={draft.query} onChange={(query) => change({ query })} />}
        <section className="editor-preview" aria-label={text.preview}>
          <h3>{shown.title || text.preview}</h3>
          {asks && shown.query.trim() === "" ? (
            <p className="panel-state">{text.noQuery}</p>
          ) : (
            <PanelView panel={shown} values={values} view={view} range={range} height={PREVIEW_PX} onChange={() => undefined} />
          )}
        </section>
        <footer>
          <Button kind="primary" type="submit">
            {text.done}
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}

function useSettled<T>(value: T, afterMs: number): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = window.setTimeout(() => setSettled(value), afterMs);
    return () => window.clearTimeout(timer);
  }, [value, afterMs]);
  return settled;
}

function FigureChoice({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const status = useStatus();
  const names = Object.keys(status.data?.figures ?? {});
  return (
    <label>
      <span>{text.figure}</span>
      <select value={value} onChange={(event) => onChange(event.target.value)}>
        {[...(names.includes(value) ? [] : [value]), ...names].map((name) => (
          <option key={name}>{name}</option>
        ))}
      </select>
    </label>
  );
}
