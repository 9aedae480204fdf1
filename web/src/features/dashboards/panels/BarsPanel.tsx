import type { Series } from "@/api/loki";
import type { Unit } from "../model";
import { formatUnit, seriesName } from "../names";

const BARS_MAX = 50;

/* One bar per series, the longest first. */
export function BarsPanel({ title, series, unit }: { title: string; series: readonly Series[]; unit: Unit }) {
  const bars = series
    .map((one) => ({ name: seriesName(one.labels, title), value: one.points.at(-1)?.[1] ?? NaN }))
    .sort((a, b) => b.value - a.value)
    .slice(0, BARS_MAX);
  const most = Math.max(...bars.map(({ value }) => (Number.isFinite(value) ? value : 0)), 0);
  return (
    <ul className="panel-bars panel-scroll" tabIndex={0} aria-label={title}>
      {bars.map(({ name, value }) => (
        <li key={name}>
          <span title={name}>{name}</span>
          <b>{formatUnit(value, unit)}</b>
          <i style={{ width: `${most > 0 && value > 0 ? (100 * value) / most : 0}%` }} />
        </li>
      ))}
    </ul>
  );
}
