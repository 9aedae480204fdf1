/* Board.tsx - one dashboard: looked at, or being changed. */
import { useEffect, useState } from "react";
import { ApiError } from "@/api/http";
import { deleteSaved, isConflict, newId, type Saved } from "@/api/saved";
import { useQueryClient } from "@tanstack/react-query";
import { useShortcuts } from "@/app/shortcuts";
import { formatView, type ChangeView, type View } from "@/app/view";
import { Button } from "@/components/Button";
import { Banner, Notice } from "@/components/Notice";
import { saveAs } from "@/components/saveAs";
import { useRun } from "@/features/explore/useExplore";
import { RangePicker } from "@/features/query/RangePicker";
import { useSavedChanges } from "@/features/saved/useSaved";
import { bottom } from "@/lib/grid";
import { shift, zoomOut, type ResolvedRange } from "@/lib/timeRange";
import { later } from "@/stringsLater";
import { BoardSettings } from "./BoardSettings";
import { drafts } from "./drafts";
import { Grid } from "./Grid";
import { freshId, PANELS_MAX, writeDashboard, type Dashboard, type Panel } from "./model";
import { PanelEditor } from "./PanelEditor";
import { NEW, useBoard } from "./useBoard";
import { VariableBar } from "./VariableBar";
import { valuesOf, type Values } from "./variables";

const text = later.boards;
const ALWAYS = () => true;

interface Props {
  id: string;
  view: View;
  onChange: ChangeView;
}

export function Board({ id, view, onChange }: Props) {
  const loaded = useBoard(id);
  const [draft, setDraft] = useDraft(id, loaded.board);
  const [run, again] = useRun(view, ALWAYS);
  const board = draft ?? loaded.board;
  useShortcuts({
    r: again,
    i: () => setDraft(draft ? undefined : loaded.board),
    z: () => onChange({ zone: view.zone === "utc" ? "local" : "utc" }, "replace"),
    "[": () => onChange({ range: shift(view.range, -1, Date.now()) }),
    "]": () => onChange({ range: shift(view.range, 1, Date.now()) }),
    "-": () => onChange({ range: zoomOut(view.range, Date.now()) }),
  });
  if (!board)
    return (
      <main className="screen page">
        {loaded.error ? (
          <Notice icon="dashboards" kind="error" title={text.missing}>
            <p>{loaded.error.message}</p>
            <p className="notice-actions">
              <a className="button" href={formatView({ ...view, board: undefined })}>
                {text.back}
              </a>
            </p>
          </Notice>
        ) : (
          <Notice icon="dashboards" title={text.loading} />
        )}
      </main>
    );
  const values = valuesOf(board.variables, view.variables);
  return (
    <main className="screen page">
      <div className="page-head board-head">
        <a className="button button-bare" href={formatView({ ...view, board: undefined, variables: {} })} aria-label={text.back} title={text.back}>
          ‹
        </a>
        <h1>{board.title}</h1>
        {draft && id === NEW && <span className="dim">{text.notSaved}</span>}
        <span className="spacer" />
        {draft ? (
          <EditTools id={id} saved={loaded.saved} draft={draft} values={values} view={view} range={run.range} onDraft={setDraft} onChange={onChange} />
        ) : (
          <LookTools board={board} saved={loaded.saved} onEdit={() => setDraft(board)} onChange={onChange} />
        )}
        <RangePicker view={view} onChange={onChange} refreshable />
      </div>
      {board.variables.length > 0 && (
        <VariableBar
          variables={board.variables}
          values={values}
          range={view.range}
          onChange={(name, chosen) => onChange({ variables: { ...view.variables, [name]: chosen } })}
        />
      )}
      <div className="board">
        {board.panels.length === 0 && <p className="hint">{text.empty}</p>}
        <Grid
          panels={board.panels}
          values={values}
          view={view}
          range={run.range}
          onChange={onChange}
          onPanels={draft && ((panels) => setDraft({ ...draft, panels }))}
        />
      </div>
    </main>
  );
}

function useDraft(id: string, loaded: Dashboard | undefined) {
  const [draft, setDraft] = useState(() => drafts.get(id) ?? (id === NEW ? loaded : undefined));
  const keep = (next: Dashboard | undefined) => {
    if (next) drafts.set(id, next);
    else drafts.delete(id);
    setDraft(next);
  };
  return [draft, keep] as const;
}

interface LookProps {
  board: Dashboard;
  saved: Saved | undefined;
  onEdit: () => void;
  onChange: ChangeView;
}

function LookTools({ board, saved, onEdit, onChange }: LookProps) {
  const [asking, setAsking] = useState(false);
  const client = useQueryClient();
  const [problem, setProblem] = useState<string>();
  const remove = async (one: Saved) => {
    setAsking(false);
    try {
      await deleteSaved(one);
    } catch (why) {
      const isGone = why instanceof ApiError && why.status === 404;
      if (!isGone) {
        const reason = why instanceof Error ? why.message : String(why);
        setProblem(text.removeFailed(isConflict(why) ? text.changed : reason));
        await client.invalidateQueries({ queryKey: ["saved", "dashboard", one.id] });
        return;
      }
    }
    onChange({ board: undefined });
    /* The list alone: what is gone is not asked for again. */
    await client.invalidateQueries({ queryKey: ["saved", "dashboard"], exact: true });
  };
  const name = `${board.title.replace(/[^\w-]+/g, "-").slice(0, 60) || "dashboard"}.json`;
  const file = async function* () {
    yield `${JSON.stringify(writeDashboard(board), null, 2)}\n`;
  };
  if (asking && saved)
    return (
      <>
        <Button className="problem" autoFocus onClick={() => void remove(saved)}>
          {text.reallyRemove}
        </Button>
        <Button onClick={() => setAsking(false)}>{text.keep}</Button>
      </>
    );
  return (
    <>
      {problem && <Banner icon="warning">{problem}</Banner>}
      {saved && <Button icon="trash" title={text.remove} onClick={() => setAsking(true)} />}
      <Button icon="download" title={text.export} onClick={() => void saveAs(name, "application/json", file())} />
      <Button icon="pencil" title={text.editTitle} onClick={onEdit}>
        {text.edit}
      </Button>
    </>
  );
}

interface EditProps {
  id: string;
  saved: Saved | undefined;
  draft: Dashboard;
  values: Values;
  view: View;
  range: ResolvedRange;
  onDraft: (draft: Dashboard | undefined) => void;
  onChange: ChangeView;
}

function EditTools({ id, saved, draft, values, view, range, onDraft, onChange }: EditProps) {
  const { put } = useSavedChanges();
  const [window, setWindow] = useState<"settings" | "panel">();
  const [problem, setProblem] = useState<string>();
  useEffect(() => setProblem(undefined), [draft]);
  const save = (copy: boolean) => {
    const place = saved && !copy ? saved : { id: newId(), version: 0 };
    const title = copy ? text.copyOf(draft.title) : draft.title;
    const one = { kind: "dashboard" as const, id: place.id, version: place.version, name: title };
    put.mutate(
      { one, body: writeDashboard({ ...draft, title }) },
      {
        onSuccess: () => {
          onDraft(undefined);
          if (place.id !== id) onChange({ board: place.id }, "replace");
        },
        onError: (why) => setProblem(isConflict(why) ? text.conflict : why.message),
      },
    );
  };
  const add = (panel: Panel) => onDraft({ ...draft, panels: [...draft.panels, panel] });
  return (
    <>
      {problem && <Banner icon="warning">{problem}</Banner>}
      <Button icon="plus" disabled={draft.panels.length >= PANELS_MAX} onClick={() => setWindow("panel")}>
        {text.addPanel}
      </Button>
      <Button icon="tag" title={text.settings} onClick={() => setWindow("settings")} />
      <Button
        onClick={() => {
          onDraft(undefined);
          if (id === NEW) onChange({ board: undefined });
        }}
      >
        {text.discard}
      </Button>
      {(saved || id !== NEW) && <Button onClick={() => save(true)}>{text.saveCopy}</Button>}
      {(saved || id === NEW) && (
        <Button kind="primary" disabled={put.isPending} onClick={() => save(false)}>
          {text.save}
        </Button>
      )}
      {window === "settings" && <BoardSettings board={draft} onChange={onDraft} onClose={() => setWindow(undefined)} />}
      {window === "panel" && (
        <PanelEditor
          values={values}
          view={view}
          range={range}
          panel={{
            id: freshId(draft.panels),
            title: "",
            kind: "series",
            query: "",
            unit: "number",
            stacked: false,
            at: { x: 0, y: bottom(draft.panels), w: 6, h: 5 },
          }}
          onDone={(panel) => {
            add(panel);
            setWindow(undefined);
          }}
          onClose={() => setWindow(undefined)}
        />
      )}
    </>
  );
}
