import { useMemo, useRef, useState } from "react";
import uPlot from "uplot";
import { cssToken, usePaintedTheme } from "@/app/theme";
import { timeAxis, valueAxis, zonedDate } from "@/components/timeAxis";
import { useChart, type ChartOptions } from "@/components/useChart";
import { formatSpan, type Zone } from "@/lib/clock";
import { formatCount } from "@/lib/format";
import type { Level } from "@/lib/level";
import { formatDuration } from "@/lib/timeRange";
import { strings } from "@/strings";
import { brushedRange, stack, type Bars, type Volume } from "./histogramData";

const HEIGHT_PX = 96;
const BRUSH_MIN_PX = 4;
const TOOLTIP_WIDTH_PX = 190;
/* Lines are counted: no half ones on the axis. */
const WHOLE_STEPS = Array.from({ length: 12 }, (_, power) => [1, 2, 5].map((n) => n * 10 ** power)).flat();
const text = strings.histogram;

interface Props {
  volume: Volume;
  zone: Zone;
  /* Levels that the query is limited to; none means all. */
  chosen: readonly string[];
  stale: boolean;
  onZoom: (startMs: number, endMs: number) => void;
  /* A click: to the lines of this bar. */
  onJump: (startMs: number) => void;
  onChoose: (levels: string[]) => void;
}

export function LevelHistogram({ volume, zone, chosen, stale, onZoom, onJump, onChoose }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const [hover, setHover] = useState<{ index: number; left: number }>();
  const pressedAt = useRef(0);
  const theme = usePaintedTheme();
  const { bars } = volume;
  const isChosen = (level: Level) => chosen.length === 0 || chosen.includes(level);
  const drawn = volume.levels.filter((one) => isChosen(one.level));
  const key = drawn.map((one) => one.level).join();

  const zoom = useRef(onZoom);
  zoom.current = onZoom;

  /* Drawn from the tallest sum to the smallest, each over the one before. */
  const data = useMemo<uPlot.AlignedData>(() => {
    const counts = volume.levels.filter((one) => key.split(",").includes(one.level)).map((one) => one.counts);
    const times = Array.from({ length: bars.count }, (_, i) => (bars.startMs + i * bars.stepMs) / 1_000);
    return [times, ...stack(counts).reverse()];
  }, [volume, bars, key]);

  const options = useMemo<ChartOptions>(() => {
    const startS = bars.startMs / 1_000;
    const endS = (bars.startMs + bars.stepMs * bars.count) / 1_000;
    const paths = uPlot.paths.bars?.({ size: [1, 40], align: 1, gap: 1 });
    return {
      ms: 1e-3,
      tzDate: zonedDate(zone),
      padding: [8, 20, 0, 0],
      legend: { show: false },
      scales: { x: { time: true, range: [startS, endS] }, y: { range: (_, __, max) => [0, Math.max(1, max * 1.06)] } },
      cursor: {
        y: false,
        points: { show: false },
        drag: { x: true, y: false, setScale: false, dist: BRUSH_MIN_PX },
        /* The bar below the pointer, not the one whose left edge is nearest. */
        dataIdx: (_, __, ___, at) =>
          Math.min(bars.count - 1, Math.max(0, Math.floor((at - startS) / (bars.stepMs / 1_000)))),
      },
      series: [
        {},
        ...key
          .split(",")
          .filter((name) => name !== "")
          .reverse()
          .map((name) => ({
            fill: cssToken(`--level-${name}`),
            width: 0,
            points: { show: false },
            ...(paths && { paths }),
          })),
      ],
      axes: [timeAxis(zone), { ...valueAxis(), incs: WHOLE_STEPS }],
      hooks: {
        setCursor: [
          (chart) => {
            const { left, idx } = chart.cursor;
            setHover(
              left === undefined || left < 0 || idx === null || idx === undefined
                ? undefined
                : { index: idx, left: left + chart.bbox.left / uPlot.pxRatio },
            );
          },
        ],
        setSelect: [
          (chart) => {
            const { left, width } = chart.select;
            if (width < BRUSH_MIN_PX) return;
            const range = brushedRange(
              bars,
              chart.posToVal(left, "x") * 1_000,
              chart.posToVal(left + width, "x") * 1_000,
            );
            chart.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
            zoom.current(range.startMs, range.endMs);
          },
        ],
      },
    };
    // eslint-disable-next-line react-hooks/exhaustive-deps -- the theme changes what cssToken answers
  }, [bars.startMs, bars.stepMs, bars.count, zone, key, theme]);

  useChart(host, options, data, HEIGHT_PX);

  const choose = (level: Level, add: boolean) => {
    if (!add) return onChoose(chosen.length === 1 && chosen[0] === level ? [] : [level]);
    onChoose(chosen.includes(level) ? chosen.filter((one) => one !== level) : [...chosen, level]);
  };

  return (
    <section className={`histogram${stale ? " stale" : ""}`} aria-label={text.label}>
      <div className="legend">
        {volume.levels.map(({ level, total }) => (
          <button
            key={level}
            type="button"
            className={`legend-item level-${level}${isChosen(level) ? "" : " legend-off"}`}
            aria-pressed={chosen.includes(level)}
            title={text.showOnly(level)}
            onClick={(event) => choose(level, event.shiftKey)}
          >
            <i className="swatch" aria-hidden="true" />
            {level}
            <b>{formatCount(total)}</b>
          </button>
        ))}
        {chosen.length > 0 && (
          <button type="button" className="legend-item" onClick={() => onChoose([])}>
            {text.showAll}
          </button>
        )}
        <span className="spacer" />
        <span className="dim">{volume.total === 0 ? text.empty : text.perBar(formatDuration(bars.stepMs))}</span>
      </div>
      <div
        className="chart"
        ref={host}
        role="img"
        aria-label={text.summary(volume.total)}
        style={{ height: HEIGHT_PX }}
        onClick={(event) => {
          const brushed = Math.abs(event.clientX - pressedAt.current) >= BRUSH_MIN_PX;
          if (hover && !brushed) onJump(bars.startMs + hover.index * bars.stepMs);
        }}
        onPointerDown={(event) => {
          pressedAt.current = event.clientX;
        }}
      >
        {hover && (
          <BarTip
            bars={bars}
            drawn={drawn}
            index={hover.index}
            left={hover.left}
            zone={zone}
            width={host.current?.clientWidth ?? 0}
          />
        )}
      </div>
    </section>
  );
}

function BarTip({
  bars,
  drawn,
  index,
  left,
  zone,
  width,
}: {
  bars: Bars;
  drawn: Volume["levels"];
  index: number;
  left: number;
  zone: Zone;
  width: number;
}) {
  const from = bars.startMs + index * bars.stepMs;
  const levels = drawn.filter((one) => (one.counts[index] ?? 0) > 0);
  const flip = left + TOOLTIP_WIDTH_PX + 24 > width;
  return (
    <div className="bar-tip" style={{ left: flip ? left - TOOLTIP_WIDTH_PX - 12 : left + 12, width: TOOLTIP_WIDTH_PX }}>
      <div className="dim">{formatSpan(from, from + bars.stepMs, zone)}</div>
      {levels.map(({ level, counts }) => (
        <div key={level} className={`bar-tip-row level-${level}`}>
          <i className="swatch" />
          {level}
          <b>{formatCount(counts[index] ?? 0)}</b>
        </div>
      ))}
      {levels.length !== 1 && (
        <div className="bar-tip-row">
          <i />
          {text.total}
          <b>{formatCount(levels.reduce((sum, one) => sum + (one.counts[index] ?? 0), 0))}</b>
        </div>
      )}
    </div>
  );
}
