import { useRef } from "react";
import type { Metric } from "@/api/loki";
import type { ChangeView, View } from "@/app/view";
import { absoluteRange, type ResolvedRange } from "@/lib/timeRange";
import { later } from "@/stringsLater";
import type { Panel } from "./model";
import { formatUnit } from "./names";
import { BarsPanel } from "./panels/BarsPanel";
import { HeatPanel } from "./panels/HeatPanel";
import { LivePanel } from "./panels/LivePanel";
import { PanelState } from "./panels/PanelState";
import { SeriesPanel } from "./panels/SeriesPanel";
import { LogsPanel, TablePanel, tableOfRows, tableOfSeries } from "./panels/TablePanel";
import { HEAT_POINTS, panelQuery, usePanelInstant, usePanelRows, usePanelSeries, useSeen } from "./usePanel";
import type { Values } from "./variables";
import { isMetricQuery } from "@/logql/shape";

interface Props {
  panel: Panel;
  values: Values;
  view: View;
  range: ResolvedRange;
  height: number;
  onChange: ChangeView;
}

/* What is inside a panel's frame. */
export function PanelView(props: Props) {
  const box = useRef<HTMLDivElement>(null);
  const seen = useSeen(box);
  return (
    <div className="panel-body" ref={box}>
      <Body {...props} seen={seen} />
    </div>
  );
}

function Body(props: Props & { seen: boolean }) {
  const { panel, values, range } = props;
  const query = panelQuery(panel.query, values, range, panel.kind === "heat" ? HEAT_POINTS : undefined);
  if (query instanceof Error) return <PanelState pending={false} error={query} />;
  const asked = { ...props, query };
  switch (panel.kind) {
    case "alerts":
      return (
        <p className="panel-state">
          <b>{later.panel.noAlerts}</b>
          {later.panel.noAlertsHelp}
        </p>
      );
    case "live":
      return <LivePanel panel={panel} seen={props.seen} />;
    case "series":
    case "heat":
      return <OverTime {...asked} />;
    case "bars":
    case "stat":
      return <AtTheEnd {...asked} />;
    case "table":
      return isMetricQuery(asked.query) ? <AtTheEnd {...asked} /> : <Rows {...asked} />;
    case "logs":
      return <Rows {...asked} />;
  }
}

type Asked = Props & { seen: boolean; query: string };

interface Answer<T> {
  data: T | undefined;
  isPending: boolean;
  error: Error | null;
}

const isEmpty = (metric: Metric | undefined) => !metric || metric.series.length === 0;
const stateOf = (answer: Answer<unknown>) => (
  <PanelState pending={answer.isPending} error={answer.data === undefined || answer.error ? answer.error : null} />
);

function OverTime({ panel, query, view, range, height, seen, onChange }: Asked) {
  const answer = usePanelSeries(query, range, seen, panel.kind === "heat" ? HEAT_POINTS : undefined);
  if (answer.error || isEmpty(answer.data) || !answer.data) return stateOf(answer);
  const { series } = answer.data;
  const shared = { title: panel.title, series, unit: panel.unit, range, zone: view.zone, height };
  if (panel.kind === "heat") return <HeatPanel {...shared} />;
  return (
    <SeriesPanel
      {...shared}
      stacked={panel.stacked}
      onZoom={(startMs, endMs) => onChange({ range: absoluteRange(startMs, endMs) })}
    />
  );
}

function AtTheEnd({ panel, query, range, seen }: Asked) {
  const answer = usePanelInstant(query, range, seen);
  if (answer.error || isEmpty(answer.data) || !answer.data) return stateOf(answer);
  const { series } = answer.data;
  if (panel.kind === "bars") return <BarsPanel title={panel.title} series={series} unit={panel.unit} />;
  if (panel.kind === "table") return <TablePanel title={panel.title} table={tableOfSeries(series, panel.unit)} />;
  return (
    <div className="panel-stat">
      <b>{formatUnit(series[0]?.points.at(-1)?.[1] ?? NaN, panel.unit)}</b>
    </div>
  );
}

function Rows({ panel, query, view, range, seen }: Asked) {
  const answer = usePanelRows(query, range, seen);
  if (answer.error || !answer.data || answer.data.rows.length === 0) return stateOf(answer);
  const { rows, columns } = answer.data;
  if (panel.kind === "table" && columns) return <TablePanel title={panel.title} table={tableOfRows(columns, rows)} />;
  return <LogsPanel title={panel.title} rows={rows} zone={view.zone} />;
}
