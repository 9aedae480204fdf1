/* AddToBoard.tsx - the query that is shown becomes a panel of a dashboard, which is opened to be looked at and saved. */
import { useState } from "react";
import { getSaved } from "@/api/saved";
import type { ChangeView, View } from "@/app/view";
import { Button } from "@/components/Button";
import { useSavedLists } from "@/features/saved/useSaved";
import { bottom } from "@/lib/grid";
import { isMetricQuery, isSetQuery } from "@/logql/shape";
import { later } from "@/stringsLater";
import { drafts } from "./drafts";
import { freshId, PANELS_MAX, readDashboard, type Dashboard, type PanelKind } from "./model";
import { empty, NEW } from "./useBoard";

const text = later.addToBoard;
const SIZES: Partial<Record<PanelKind, { w: number; h: number }>> = { logs: { w: 12, h: 6 }, table: { w: 12, h: 6 } };

function kindOf({ query, instant }: View): PanelKind {
  if (isMetricQuery(query)) return instant ? "bars" : "series";
  return isSetQuery(query) ? "table" : "logs";
}

function withPanel(board: Dashboard, view: View): Dashboard {
  if (board.panels.length >= PANELS_MAX) throw new Error(text.full);
  const kind = kindOf(view);
  const panel = {
    id: freshId(board.panels),
    title: later.panelEditor.kinds[kind],
    kind,
    query: view.query,
    unit: "number" as const,
    stacked: false,
    at: { x: 0, y: bottom(board.panels), ...(SIZES[kind] ?? { w: 6, h: 5 }) },
  };
  return { ...board, panels: [...board.panels, panel] };
}

interface Props {
  view: View;
  onChange: ChangeView;
  onDone: () => void;
}

export function AddToBoard({ view, onChange, onDone }: Props) {
  const { all } = useSavedLists(["dashboard"]);
  const [id, setId] = useState<string>(NEW);
  const [problem, setProblem] = useState<string>();
  const add = async () => {
    try {
      const board = drafts.get(id) ?? (id === NEW ? empty : readDashboard((await getSaved("dashboard", id)).body));
      drafts.set(id, withPanel(board, view));
    } catch (why) {
      setProblem(why instanceof Error ? why.message : String(why));
      return;
    }
    onChange({ screen: "dashboards", board: id, variables: {} });
    onDone();
  };
  return (
    <section className="saved-board" aria-label={text.title}>
      <span className="saved-name">
        <select aria-label={text.board} value={id} onChange={(event) => setId(event.target.value)}>
          <option value={NEW}>{text.fresh}</option>
          {all.map((one) => (
            <option key={one.id} value={one.id}>
              {one.name}
            </option>
          ))}
        </select>
        <Button icon="dashboards" disabled={view.query.trim() === ""} onClick={() => void add()}>
          {text.add}
        </Button>
      </span>
      {problem && (
        <p className="hint problem" role="alert">
          {problem}
        </p>
      )}
    </section>
  );
}
