import { useEffect, useMemo, useRef, useState } from "react";
import type { Series } from "@/api/loki";
import { cssToken, usePaintedTheme } from "@/app/theme";
import { formatInputTime, type Zone } from "@/lib/clock";
import { niceStep, type ResolvedRange } from "@/lib/timeRange";
import { later } from "@/stringsLater";
import type { Unit } from "../model";
import { formatUnit, seriesName } from "../names";
import { HEAT_POINTS } from "../usePanel";

const ROWS_MAX = 24;
const ROW_MAX_PX = 28;

interface Props {
  title: string;
  series: readonly Series[];
  unit: Unit;
  range: ResolvedRange;
  zone: Zone;
  height: number;
}

/* A row per series, the darker the more; the scale is that of square roots, so that little is still seen. */
export function HeatPanel({ title, series, unit, range, zone, height }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const theme = usePaintedTheme();
  const [hover, setHover] = useState<{ row: number; column: number; left: number; top: number }>();
  const stepMs = niceStep(range.endMs - range.startMs, HEAT_POINTS);
  const first = Math.floor(range.startMs / stepMs);
  const count = Math.max(1, Math.ceil(range.endMs / stepMs) - first);
  const rows = useMemo(() => rowsOf(series, title, stepMs, first, count), [series, title, stepMs, first, count]);
  const most = Math.max(...rows.flatMap((row) => row.cells), 0);
  const rowPx = Math.min(ROW_MAX_PX, Math.floor((height - 4) / Math.max(1, rows.length)));

  useEffect(() => {
    const element = canvas.current;
    const paint = element?.getContext("2d");
    if (!element || !paint) return;
    element.width = count;
    element.height = Math.max(1, rows.length);
    paint.fillStyle = cssToken("--accent");
    rows.forEach((row, y) =>
      row.cells.forEach((value, x) => {
        if (value <= 0) return;
        paint.globalAlpha = 0.12 + 0.88 * Math.sqrt(value / most);
        paint.fillRect(x, y, 1, 1);
      }),
    );
  }, [rows, count, most, theme]);

  const cell = hover && rows[hover.row]?.cells[hover.column];
  return (
    <div className="panel-heat">
      <ul style={{ lineHeight: `${rowPx}px` }}>
        {rows.map(({ name }) => (
          <li key={name} title={name}>
            {name}
          </li>
        ))}
      </ul>
      <div className="panel-heat-map">
        <canvas
          ref={canvas}
          role="img"
          aria-label={`${title}: ${later.panel.heat(series.length)}`}
          style={{ height: rowPx * rows.length }}
          onPointerLeave={() => setHover(undefined)}
          onPointerMove={(event) => {
            const box = event.currentTarget.getBoundingClientRect();
            const [left, top] = [event.clientX - box.left, event.clientY - box.top];
            setHover({ row: Math.floor(top / rowPx), column: Math.floor((left / box.width) * count), left, top });
          }}
        />
        {hover && cell !== undefined && (
          <div className="bar-tip bar-tip-left" style={{ left: hover.left, top: hover.top + 8 }}>
            <p className="dim">{formatInputTime((first + hover.column) * stepMs, zone)}</p>
            <p className="bar-tip-row">
              <i />
              <span>{rows[hover.row]?.name}</span>
              <b>{formatUnit(cell, unit)}</b>
            </p>
          </div>
        )}
      </div>
    </div>
  );
}

/* A sample at a time covers the step before it. */
function rowsOf(series: readonly Series[], title: string, stepMs: number, first: number, count: number) {
  return series
    .map((one) => {
      const cells = new Array<number>(count).fill(0);
      for (const [seconds, value] of one.points) {
        const at = Math.round((seconds * 1_000) / stepMs) - 1 - first;
        if (at >= 0 && at < count && Number.isFinite(value)) cells[at] = value;
      }
      return { name: seriesName(one.labels, title), cells, total: cells.reduce((sum, n) => sum + n, 0) };
    })
    .sort((a, b) => b.total - a.total)
    .slice(0, ROWS_MAX);
}
