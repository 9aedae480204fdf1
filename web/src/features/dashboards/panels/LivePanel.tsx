import { course, isCounter } from "@/lib/liveFigures";
import { later } from "@/stringsLater";
import type { Panel } from "../model";
import { formatUnit } from "../names";
import { useStatus } from "../useStatus";
import { PanelState } from "./PanelState";

const WIDTH = 200;
const HEIGHT = 40;

/* A figure of the server now, and how it went since the page began to look. */
export function LivePanel({ panel, seen }: { panel: Panel; seen: boolean }) {
  const status = useStatus(seen);
  const name = panel.query.trim();
  if (!status.data) return <PanelState pending={status.isPending} error={status.error} />;
  if (!Object.hasOwn(status.data.figures, name)) return <p className="panel-state">{later.panel.unknownFigure(name)}</p>;
  const points = course(status.data.samples, name);
  const last = points.at(-1);
  if (!last) return <p className="panel-state">{later.panel.collecting}</p>;
  const perSecond = isCounter(name) && panel.unit !== "percent" && panel.unit !== "seconds";
  return (
    <div className="panel-stat panel-live">
      <p>
        <b>{formatUnit(last.value, panel.unit)}</b>
        {perSecond && <small>{later.panel.perSecond}</small>}
      </p>
      <Trend points={points} />
    </div>
  );
}

function Trend({ points }: { points: readonly { atMs: number; value: number }[] }) {
  const [from, to] = [points[0]?.atMs ?? 0, points.at(-1)?.atMs ?? 0];
  if (to <= from) return null;
  const values = points.map(({ value }) => value);
  const [low, high] = [Math.min(0, ...values), Math.max(...values)];
  const x = (ms: number) => (((ms - from) / (to - from)) * WIDTH).toFixed(1);
  const y = (value: number) => (HEIGHT - 2 - (high > low ? ((value - low) / (high - low)) * (HEIGHT - 4) : 0)).toFixed(1);
  const line = points.map(({ atMs, value }, i) => `${i === 0 ? "M" : "L"}${x(atMs)} ${y(value)}`).join("");
  return (
    <svg className="panel-trend" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      <path className="panel-trend-area" d={`${line}L${WIDTH} ${HEIGHT}L0 ${HEIGHT}z`} />
      <path className="panel-trend-line" d={line} />
    </svg>
  );
}
