/* Grid.tsx - panels in their places; while a dashboard is changed they are moved and resized by pointer and by keys. */
import { useRef, useState, type CSSProperties, type KeyboardEvent, type PointerEvent } from "react";
import { formatView, type ChangeView, type View } from "@/app/view";
import { Button } from "@/components/Button";
import { Icon } from "@/components/Icon";
import { bottom, GRID_COLUMNS, moveTo, nudge, resize, settle, type Place } from "@/lib/grid";
import type { ResolvedRange } from "@/lib/timeRange";
import { later } from "@/stringsLater";
import { freshId, type Panel } from "./model";
import { PanelEditor } from "./PanelEditor";
import { PanelView } from "./PanelView";
import { panelQuery } from "./usePanel";
import type { Values } from "./variables";

const ROW_PX = 44;
const GAP_PX = 10;
const HEAD_PX = 46;
/* Two of these stand beside each other on a phone. */
const SMALL_COLUMNS = 3;
const text = later.panel;
const ARROWS: Record<string, readonly [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

interface Props {
  panels: readonly Panel[];
  values: Values;
  view: View;
  range: ResolvedRange;
  onChange: ChangeView;
  /* Undefined while it is only looked at. */
  onPanels: ((panels: Panel[]) => void) | undefined;
}

interface Drag {
  id: string;
  what: "move" | "resize";
  fromX: number;
  fromY: number;
  at: Place;
  before: readonly Panel[];
}

export function Grid({ panels, values, view, range, onChange, onPanels }: Props) {
  const grid = useRef<HTMLDivElement>(null);
  const drag = useRef<Drag>(undefined);
  const [editing, setEditing] = useState<Panel>();
  /* In reading order, but not while they move: a panel that is moved in the document loses the focus. */
  const shown = onPanels ? panels : [...panels].sort((a, b) => a.at.y - b.at.y || a.at.x - b.at.x);

  const start = (event: PointerEvent, panel: Panel, what: Drag["what"]) => {
    if (!onPanels || event.button !== 0) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    drag.current = { id: panel.id, what, fromX: event.clientX, fromY: event.clientY, at: panel.at, before: panels };
  };
  const dragged = (event: PointerEvent) => {
    const held = drag.current;
    if (!held || !onPanels || !grid.current) return;
    const cell = (grid.current.clientWidth + GAP_PX) / GRID_COLUMNS;
    const dx = Math.round((event.clientX - held.fromX) / cell);
    const dy = Math.round((event.clientY - held.fromY) / (ROW_PX + GAP_PX));
    const { x, y, w, h } = held.at;
    onPanels(
      held.what === "move"
        ? moveTo(held.before, held.id, { x: x + dx, y: y + dy, w, h })
        : resize(held.before, held.id, dx, dy),
    );
  };
  const ended = () => {
    drag.current = undefined;
  };
  const pressed = (event: KeyboardEvent, panel: Panel) => {
    const arrow = Object.hasOwn(ARROWS, event.key) ? ARROWS[event.key] : undefined;
    if (!onPanels || !arrow) return;
    event.preventDefault();
    onPanels((event.shiftKey ? resize : nudge)(panels, panel.id, ...arrow));
  };
  const handlers = { onPointerMove: dragged, onPointerUp: ended, onPointerCancel: ended };

  return (
    <div className={`board-grid${onPanels ? " board-editing" : ""}`} ref={grid}>
      {shown.map((panel) => {
        const { x, y, w, h } = panel.at;
        return (
          <section
            key={panel.id}
            className={`panel${w <= SMALL_COLUMNS ? " panel-small" : ""}`}
            aria-label={panel.title}
            style={{ "--x": x + 1, "--y": y + 1, "--w": w, "--h": h } as CSSProperties}
          >
            <header>
              {onPanels && (
                <button
                  type="button"
                  className="panel-handle"
                  title={text.move(panel.title)}
                  aria-label={text.move(panel.title)}
                  onPointerDown={(event) => start(event, panel, "move")}
                  onKeyDown={(event) => pressed(event, panel)}
                  {...handlers}
                >
                  <Icon name="move" size={14} />
                </button>
              )}
              <h2 title={panel.title}>{panel.title}</h2>
              <PanelTools panel={panel} panels={panels} values={values} view={view} range={range} onPanels={onPanels} onEdit={setEditing} />
            </header>
            <PanelView
              panel={panel}
              values={values}
              view={view}
              range={range}
              height={h * ROW_PX + (h - 1) * GAP_PX - HEAD_PX}
              onChange={onChange}
            />
            {onPanels && (
              <span
                className="panel-corner"
                title={text.resize(panel.title)}
                aria-hidden="true"
                onPointerDown={(event) => start(event, panel, "resize")}
                {...handlers}
              />
            )}
          </section>
        );
      })}
      {editing && onPanels && (
        <PanelEditor
          panel={editing}
          values={values}
          view={view}
          range={range}
          onDone={(next) => {
            onPanels(panels.map((one) => (one.id === next.id ? next : one)));
            setEditing(undefined);
          }}
          onClose={() => setEditing(undefined)}
        />
      )}
    </div>
  );
}

interface ToolsProps extends Omit<Props, "onChange"> {
  panel: Panel;
  onEdit: (panel: Panel) => void;
}

function PanelTools({ panel, panels, values, view, range, onPanels, onEdit }: ToolsProps) {
  if (onPanels)
    return (
      <span className="panel-tools">
        <Button kind="quiet" icon="pencil" title={text.edit(panel.title)} onClick={() => onEdit(panel)} />
        <Button
          kind="quiet"
          icon="copy"
          title={text.copy(panel.title)}
          onClick={() => onPanels([...panels, { ...panel, id: freshId(panels), at: { ...panel.at, y: bottom(panels) } }])}
        />
        <Button
          kind="quiet"
          icon="trash"
          title={text.remove(panel.title)}
          onClick={() => onPanels(settle(panels.filter((one) => one.id !== panel.id)))}
        />
      </span>
    );
  const query = panelQuery(panel.query, values, range);
  if (panel.kind === "live" || panel.kind === "alerts" || query instanceof Error || query.trim() === "") return null;
  return (
    <a
      className="button button-quiet button-bare panel-tools"
      href={formatView({ ...view, screen: "explore", query })}
      title={text.explore(panel.title)}
      aria-label={text.explore(panel.title)}
    >
      <Icon name="explore" size={14} />
    </a>
  );
}
