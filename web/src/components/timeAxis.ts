import type uPlot from "uplot";
import { cssToken } from "@/app/theme";
import { formatAxisTime, type Zone } from "@/lib/clock";
import { formatCompact } from "@/lib/format";
import uPlotClass from "uplot";

/* A canvas does not know CSS variables. */
const font = () => `11px ${cssToken("--sans")}`;

/* Marks fall on round times of the zone that is shown. */
export function zonedDate(zone: Zone): (seconds: number) => Date {
  return (seconds) =>
    zone === "local"
      ? new Date(seconds * 1_000)
      : uPlotClass.tzDate(new Date(seconds * 1_000), zone === "utc" ? "Etc/UTC" : zone);
}

export function timeAxis(zone: Zone): uPlot.Axis {
  return {
    font: font(),
    stroke: cssToken("--text-dim"),
    size: 22,
    gap: 3,
    space: 90,
    grid: { show: false },
    ticks: { stroke: cssToken("--line"), width: 1, size: 4 },
    values: (_, splits, __, ___, step) => splits.map((at) => formatAxisTime(at * 1_000, step * 1_000, zone)),
  };
}

export function valueAxis(): uPlot.Axis {
  return {
    font: font(),
    stroke: cssToken("--text-dim"),
    size: 46,
    gap: 4,
    space: 28,
    grid: { stroke: cssToken("--line-faint"), width: 1 },
    ticks: { show: false },
    values: (_, splits) => splits.map((at) => formatCompact(at)),
  };
}
