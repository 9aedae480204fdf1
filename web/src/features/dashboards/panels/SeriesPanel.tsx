import { useMemo, useRef, useState } from "react";
import uPlot from "uplot";
import type { Series } from "@/api/loki";
import { cssToken, usePaintedTheme } from "@/app/theme";
import { timeAxis, valueAxis, zonedDate } from "@/components/timeAxis";
import { useChart, type ChartOptions } from "@/components/useChart";
import { formatInputTime, type Zone } from "@/lib/clock";
import { LEVEL_FIELD, levelOf, LEVELS } from "@/lib/level";
import type { ResolvedRange } from "@/lib/timeRange";
import { later } from "@/stringsLater";
import type { Unit } from "../model";
import { formatUnit, seriesColour, seriesName } from "../names";

const SERIES_MAX = 20;
const LEGEND_MAX = 8;
const LEGEND_PX = 24;
const BRUSH_MIN_PX = 4;

interface Props {
  title: string;
  series: readonly Series[];
  stacked: boolean;
  unit: Unit;
  range: ResolvedRange;
  zone: Zone;
  height: number;
  onZoom: (startMs: number, endMs: number) => void;
}

export function SeriesPanel({ title, series, stacked, unit, range, zone, height, onZoom }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const [hover, setHover] = useState<{ index: number; left: number }>();
  const theme = usePaintedTheme();
  const zoom = useRef(onZoom);
  zoom.current = onZoom;
  const drawn = useMemo(() => ordered(series).slice(0, SERIES_MAX), [series]);
  const columns = useMemo(() => align(drawn, stacked), [drawn, stacked]);
  const data = useMemo<uPlot.AlignedData>(
    () => (stacked ? [columns[0], ...sums(columns.slice(1)).reverse()] : columns),
    [columns, stacked],
  );
  const colours = drawn.map((one, i) => seriesColour(one.labels, i)).join();
  const { startMs } = range;
  const endMs = Math.max(range.endMs, (columns[0].at(-1) ?? 0) * 1_000);

  const options = useMemo<ChartOptions>(() => {
    const paths = stacked ? uPlot.paths.bars?.({ size: [1, 40], align: -1, gap: 1 }) : undefined;
    const names = colours === "" ? [] : colours.split(",");
    return {
      ms: 1e-3,
      tzDate: zonedDate(zone),
      padding: [8, 20, 0, 0],
      legend: { show: false },
      scales: {
        x: { time: true, range: [startMs / 1_000, endMs / 1_000] },
        y: { range: (_, low, high) => [Math.min(0, low ?? 0), high > 0 ? high * 1.08 : 1] },
      },
      cursor: { y: false, drag: { x: true, y: false, setScale: false, dist: BRUSH_MIN_PX }, points: { show: !stacked, size: 6 } },
      series: [
        {},
        ...(stacked ? [...names].reverse() : names).map((name) =>
          paths
            ? { fill: cssToken(name), width: 0, points: { show: false }, paths }
            : { stroke: cssToken(name), width: 1.5, points: { size: 4 } },
        ),
      ],
      axes: [timeAxis(zone), { ...valueAxis(), size: 58, values: (_, splits) => splits.map((at) => formatUnit(at, unit)) }],
      hooks: {
        setCursor: [
          (chart) => {
            const { left, idx } = chart.cursor;
            const over = left !== undefined && left >= 0 && idx !== null && idx !== undefined;
            setHover(over ? { index: idx, left: left + chart.bbox.left / uPlot.pxRatio } : undefined);
          },
        ],
        setSelect: [
          (chart) => {
            const { left, width } = chart.select;
            if (width < BRUSH_MIN_PX) return;
            const edges = [chart.posToVal(left, "x") * 1_000, chart.posToVal(left + width, "x") * 1_000] as const;
            chart.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
            zoom.current(Math.round(edges[0]), Math.round(edges[1]));
          },
        ],
      },
    };
    // eslint-disable-next-line react-hooks/exhaustive-deps -- the theme changes what cssToken answers
  }, [stacked, colours, zone, startMs, endMs, unit, theme]);
  const chartHeight = Math.max(60, height - LEGEND_PX);
  useChart(host, options, data, chartHeight);
  const at = hover && columns[0][hover.index];
  return (
    <>
      <div className="chart" ref={host} role="img" aria-label={`${title}: ${later.panel.chart(series.length)}`} style={{ height: chartHeight }}>
        {hover && at !== undefined && (
          <div className={`bar-tip${hover.left > (host.current?.clientWidth ?? 0) / 2 ? " bar-tip-left" : ""}`} style={{ left: hover.left }}>
            <p className="dim">{formatInputTime(at * 1_000, zone)}</p>
            {drawn.slice(0, LEGEND_MAX).map((one, i) => {
              const value = columns[i + 1]?.[hover.index];
              return (
                typeof value === "number" && (
                  <p key={i} className="bar-tip-row">
                    <i className="swatch" style={{ background: `var(${seriesColour(one.labels, i)})` }} />
                    <span>{seriesName(one.labels, title)}</span>
                    <b>{formatUnit(value, unit)}</b>
                  </p>
                )
              );
            })}
          </div>
        )}
      </div>
      <p className="panel-legend">
        {drawn.slice(0, LEGEND_MAX).map((one, i) => (
          <span key={i} title={seriesName(one.labels, title)}>
            <i className="swatch" style={{ background: `var(${seriesColour(one.labels, i)})` }} />
            {seriesName(one.labels, title)}
          </span>
        ))}
        {series.length > LEGEND_MAX && <span className="dim">{later.panel.more(series.length - LEGEND_MAX)}</span>}
      </p>
    </>
  );
}

/* Levels from the most severe one; what is largest comes first otherwise. */
function ordered(series: readonly Series[]): Series[] {
  const total = (one: Series) => one.points.reduce((sum, [, value]) => sum + (Number.isFinite(value) ? value : 0), 0);
  const rank = (one: Series) => {
    const level = one.labels[LEVEL_FIELD] ?? one.labels["level"];
    return level === undefined ? -1 : LEVELS.indexOf(levelOf(level));
  };
  const known = series.map((one) => ({ one, rank: rank(one), total: total(one) }));
  return known.sort((a, b) => a.rank - b.rank || b.total - a.total).map(({ one }) => one);
}

type Columns = [number[], ...(number | null)[][]];

/* All series over one list of times. A sum has no gaps, a line has. */
function align(series: readonly Series[], stacked: boolean): Columns {
  const times = [...new Set(series.flatMap((one) => one.points.map(([at]) => at)))].sort((a, b) => a - b);
  const index = new Map(times.map((at, i) => [at, i]));
  const columns = series.map((one) => {
    const column = new Array<number | null>(times.length).fill(stacked ? 0 : null);
    for (const [at, value] of one.points) if (Number.isFinite(value)) column[index.get(at) ?? 0] = value;
    return column;
  });
  return [times, ...columns];
}

function sums(columns: readonly (number | null)[][]): number[][] {
  const out: number[][] = [];
  columns.forEach((column, i) => out.push(column.map((n, at) => (n ?? 0) + (out[i - 1]?.[at] ?? 0))));
  return out;
}
