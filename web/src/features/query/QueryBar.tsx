import { lazy, Suspense, useEffect, useState, type ReactNode } from "react";
import type { ChangeView, View } from "@/app/view";
import { readStored, writeStored } from "@/app/stored";
import { Button } from "@/components/Button";
import { Popover } from "@/components/Popover";
import { useLabelSource } from "@/features/labels/useLabels";
import { readQueryError } from "@/logql/queryError";
import { strings } from "@/strings";
import { clearHistory, neighbour, readHistory, remember } from "./history";

/* A third of the program: fetched while the first query already runs. */
const CodeEditor = lazy(() => import("./CodeEditor"));

const Builder = lazy(() => import("./Builder").then(({ Builder }) => ({ default: Builder })));
const SavedMenu = lazy(() => import("@/features/saved/SavedMenu").then(({ SavedMenu }) => ({ default: SavedMenu })));
const BUILDER_KEY = "bole.builder";

interface Props {
  view: View;
  onChange: ChangeView;
  /* The server's refusal of the query. */
  error: string | undefined;
  running: boolean;
  onRun: (query: string) => void;
  onCancel: () => void;
  children: ReactNode;
}

export function QueryBar({ view, onChange, error, running, onRun, onCancel, children }: Props) {
  const { query, range } = view;
  const [draft, setDraft] = useState(query);
  const [building, setBuilding] = useState(() => readStored(BUILDER_KEY, false));
  const labels = useLabelSource(range);
  useEffect(() => setDraft(query), [query]);
  const errorAt = error === undefined || draft !== query ? undefined : readQueryError(error, query).at;

  const run = () => {
    remember(draft);
    onRun(draft);
  };
  const toggleBuilder = () => {
    writeStored(BUILDER_KEY, !building);
    setBuilding(!building);
  };
  const leave = () => {
    if (running) onCancel();
    else if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
  };
  const editor = {
    value: draft,
    errorAt,
    labels,
    onChange: setDraft,
    onRun: run,
    onLeave: leave,
    onHistory: (steps: 1 | -1) => setDraft((shown) => neighbour(readHistory(), shown, steps) ?? shown),
  };

  return (
    <div className="query-bar">
      <div className={`query-box${errorAt === undefined ? "" : " query-box-error"}`}>
        <Suspense fallback={<PlainEditor {...editor} />}>
          <CodeEditor {...editor} />
        </Suspense>
        <Button
          kind="quiet"
          className="query-tool"
          icon="builder"
          title={strings.builder.open}
          pressed={building}
          onClick={toggleBuilder}
        />
        <HistoryButton
          onPick={(picked) => {
            setDraft(picked);
            remember(picked);
            onRun(picked);
          }}
        />
        <Popover icon="bookmark" title={strings.saved.title} className="saved">
          {(close) => (
            <Suspense fallback={<p className="hint">{strings.saved.loading}</p>}>
              <SavedMenu view={{ ...view, query: draft }} onChange={onChange} onClose={close} />
            </Suspense>
          )}
        </Popover>
      </div>
      {children}
      {running ? (
        <Button className="run" icon="stop" title={strings.query.cancelTitle} onClick={onCancel}>
          {strings.query.cancel}
        </Button>
      ) : (
        <Button className="run" kind="primary" icon="play" title={strings.query.runTitle} onClick={run}>
          {strings.query.run}
        </Button>
      )}
      {building && (
        <Suspense>
          <Builder query={draft} range={range} onChange={setDraft} onRun={run} />
        </Suspense>
      )}
    </div>
  );
}

/* Until the editor has arrived. */
function PlainEditor({
  value,
  onChange,
  onRun,
}: {
  value: string;
  onChange: (value: string) => void;
  onRun: () => void;
}) {
  return (
    <textarea
      className="editor editor-plain"
      rows={1}
      value={value}
      aria-label={strings.query.label}
      spellCheck={false}
      onChange={(event) => onChange(event.target.value)}
      onKeyDown={(event) => {
        if (event.key === "Enter" && !event.shiftKey) {
          event.preventDefault();
          onRun();
        }
      }}
    />
  );
}

function HistoryButton({ onPick }: { onPick: (query: string) => void }) {
  return (
    <Popover icon="history" title={strings.query.history} className="history">
      {(close) => (
        <HistoryList
          onPick={(query) => {
            close();
            onPick(query);
          }}
        />
      )}
    </Popover>
  );
}

function HistoryList({ onPick }: { onPick: (query: string) => void }) {
  const [entries, setEntries] = useState(readHistory);
  if (entries.length === 0) return <p className="hint">{strings.query.historyEmpty}</p>;
  return (
    <>
      <ul className="menu">
        {entries.map((entry) => (
          <li key={entry}>
            <button type="button" className="mono" title={entry} onClick={() => onPick(entry)}>
              {entry}
            </button>
          </li>
        ))}
      </ul>
      <Button
        kind="quiet"
        onClick={() => {
          clearHistory();
          setEntries([]);
        }}
      >
        {strings.query.clearHistory}
      </Button>
    </>
  );
}
