import type uPlot from "uplot";
import { cssColor } from "@/app/theme";
import { formatAxisTime, type Zone } from "@/lib/clock";
import { formatCompact } from "@/lib/format";
import uPlotClass from "uplot";

const FONT = '11px system-ui, "Segoe UI", sans-serif';

/* Marks fall on round times of the zone that is shown. */
export function zonedDate(zone: Zone): (seconds: number) => Date {
  return (seconds) => (zone === "utc" ? uPlotClass.tzDate(new Date(seconds * 1_000), "Etc/UTC") : new Date(seconds * 1_000));
}

export function timeAxis(zone: Zone): uPlot.Axis {
  return {
    font: FONT, stroke: cssColor("--text-dim"), size: 22, gap: 3, space: 90,
    grid: { show: false }, ticks: { stroke: cssColor("--line"), width: 1, size: 4 },
    values: (_, splits, __, ___, step) => splits.map((at) => formatAxisTime(at * 1_000, step * 1_000, zone)),
  };
}

export function valueAxis(): uPlot.Axis {
  return {
    font: FONT, stroke: cssColor("--text-dim"), size: 46, gap: 4, space: 28,
    grid: { stroke: cssColor("--line-faint"), width: 1 }, ticks: { show: false },
    values: (_, splits) => splits.map((at) => formatCompact(at)),
  };
}
