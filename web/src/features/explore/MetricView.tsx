import { useMemo, useRef, useState } from "react";
import type uPlot from "uplot";
import type { Metric, Series } from "@/api/loki";
import type { Fields } from "@/api/rows";
import { cssToken, usePaintedTheme } from "@/app/theme";
import { timeAxis, valueAxis, zonedDate } from "@/components/timeAxis";
import { useChart, type ChartOptions } from "@/components/useChart";
import { formatInputTime, type Zone } from "@/lib/clock";
import { formatValue } from "@/lib/format";
import { METRIC_SERIES_DRAWN_MAX, METRIC_TABLE_ROWS_MAX } from "@/limits";
import { quote } from "@/logql/lex";
import { strings } from "@/strings";

const HEIGHT_PX = 260;
const BRUSH_MIN_PX = 4;
const COLOURS = 10;
const text = strings.metric;

interface Props {
  metric: Metric;
  zone: Zone;
  instant: boolean;
  stale: boolean;
  range: [number, number];
  onZoom: (startMs: number, endMs: number) => void;
}

export function MetricView({ metric, zone, instant, stale, range, onZoom }: Props) {
  const [only, setOnly] = useState<string>();
  const named = useMemo(() => metric.series.map((series) => ({ name: seriesName(series.labels), series })), [metric]);
  const drawn = named.slice(0, METRIC_SERIES_DRAWN_MAX);
  return (
    <div className={`metric${stale ? " stale" : ""}`}>
      {!instant && <MetricChart series={drawn} only={only} zone={zone} range={range} onZoom={onZoom} />}
      <MetricTable named={named} instant={instant} only={only} onOnly={setOnly} />
      {!instant && drawn.length < named.length && <p className="hint">{text.drawn(drawn.length)}</p>}
      {named.length > METRIC_TABLE_ROWS_MAX && <p className="hint">{text.tableCut(METRIC_TABLE_ROWS_MAX)}</p>}
    </div>
  );
}

interface Named {
  name: string;
  series: Series;
}

function seriesName(labels: Fields): string {
  const names = Object.keys(labels);
  return names.length === 0
    ? text.noLabels
    : `{${names.map((name) => `${name}=${quote(labels[name] ?? "")}`).join(", ")}}`;
}

const colourOf = (index: number) => `--series-${index % COLOURS}`;

function MetricChart({
  series,
  only,
  zone,
  range,
  onZoom,
}: {
  series: Named[];
  only: string | undefined;
  zone: Zone;
  range: [number, number];
  onZoom: Props["onZoom"];
}) {
  const host = useRef<HTMLDivElement>(null);
  const [hover, setHover] = useState<number>();
  const theme = usePaintedTheme();
  const zoom = useRef(onZoom);
  zoom.current = onZoom;
  const data = useMemo(() => align(series.map((one) => one.series)), [series]);
  const names = series.map((one) => one.name).join("\n");
  const [startMs, endMs] = range;

  const options = useMemo<ChartOptions>(
    () => ({
      ms: 1e-3,
      tzDate: zonedDate(zone),
      padding: [10, 20, 0, 0],
      legend: { show: false },
      scales: { x: { time: true, range: [startMs / 1_000, endMs / 1_000] } },
      cursor: { y: false, drag: { x: true, y: false, setScale: false, dist: BRUSH_MIN_PX }, points: { size: 6 } },
      series: [
        {},
        ...names.split("\n").map((name, i) => ({
          stroke: cssToken(only === undefined || only === name ? colourOf(i) : "--level-off"),
          width: only === name ? 2 : 1.25,
          spanGaps: false,
          points: { size: 4 },
        })),
      ],
      axes: [timeAxis(zone), valueAxis()],
      hooks: {
        setCursor: [(chart) => setHover(chart.cursor.idx ?? undefined)],
        setSelect: [
          (chart) => {
            const { left, width } = chart.select;
            if (width < BRUSH_MIN_PX) return;
            const edges = [chart.posToVal(left, "x") * 1_000, chart.posToVal(left + width, "x") * 1_000] as const;
            chart.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
            zoom.current(...edges);
          },
        ],
      },
    }),
    // eslint-disable-next-line react-hooks/exhaustive-deps -- the theme changes what cssToken answers
    [zone, names, only, startMs, endMs, theme],
  );

  useChart(host, options, data, HEIGHT_PX);
  const at = hover === undefined ? undefined : data[0][hover];
  return (
    <>
      <div
        className="chart"
        ref={host}
        role="img"
        aria-label={`${text.label}: ${text.series(series.length)}`}
        style={{ height: HEIGHT_PX }}
      />
      <p className="chart-cursor mono" aria-hidden="true">
        {at !== undefined && hover !== undefined && (
          <>
            <span className="dim">{formatInputTime(at * 1_000, zone)}</span>
            {series.slice(0, 6).map((one, i) => {
              const value = data[i + 1]?.[hover];
              return (
                typeof value === "number" && (
                  <span key={one.name}>
                    <i className="swatch" style={{ background: `var(${colourOf(i)})` }} />
                    {formatValue(value)}
                  </span>
                )
              );
            })}
          </>
        )}
      </p>
    </>
  );
}

/* All series over one list of times; where a series has no sample the line has a gap. */
function align(series: readonly Series[]): uPlot.AlignedData {
  const times = [...new Set(series.flatMap((one) => one.points.map(([at]) => at)))].sort((a, b) => a - b);
  const index = new Map(times.map((at, i) => [at, i]));
  const columns = series.map((one) => {
    const column = new Array<number | null>(times.length).fill(null);
    for (const [at, value] of one.points) column[index.get(at) ?? 0] = Number.isFinite(value) ? value : null;
    return column;
  });
  return [times, ...columns];
}

function MetricTable({
  named,
  instant,
  only,
  onOnly,
}: {
  named: Named[];
  instant: boolean;
  only: string | undefined;
  onOnly: (name: string | undefined) => void;
}) {
  const columns = instant
    ? [text.columns.value]
    : [text.columns.last, text.columns.min, text.columns.avg, text.columns.max];
  return (
    <div className="table-scroll">
      <table className="metric-table">
        <thead>
          <tr>
            <th scope="col">{text.columns.series}</th>
            {columns.map((name) => (
              <th key={name} scope="col" className="number">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {named.slice(0, METRIC_TABLE_ROWS_MAX).map(({ name, series }, i) => (
            <tr key={name} className={only !== undefined && only !== name ? "legend-off" : undefined}>
              <td className="mono">
                <button
                  type="button"
                  aria-pressed={only === name}
                  onClick={() => onOnly(only === name ? undefined : name)}
                >
                  {!instant && i < METRIC_SERIES_DRAWN_MAX && (
                    <i className="swatch" style={{ background: `var(${colourOf(i)})` }} />
                  )}
                  {name}
                </button>
              </td>
              {summary(series, instant).map((value, column) => (
                <td key={column} className="number mono">
                  {formatValue(value)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function summary(series: Series, instant: boolean): number[] {
  const values = series.points.map(([, value]) => value);
  const last = values.at(-1) ?? NaN;
  if (instant) return [last];
  const [min, max, sum] = values.reduce(
    ([lo, hi, total], value) => [Math.min(lo, value), Math.max(hi, value), total + value],
    [Infinity, -Infinity, 0] as [number, number, number],
  );
  return [last, min, sum / values.length, max];
}
