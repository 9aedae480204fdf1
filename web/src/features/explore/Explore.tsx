import { useCallback, useMemo, useRef, type ReactNode, type RefObject } from "react";
import { ApiError } from "@/api/http";
import { useShortcuts } from "@/app/shortcuts";
import type { ChangeView, View } from "@/app/view";
import { Segments } from "@/components/Button";
import { Banner } from "@/components/Notice";
import { RangePicker } from "@/features/query/RangePicker";
import { QueryScreen } from "@/features/query/QueryScreen";
import { RowList, type RowListHandle } from "@/features/rows/RowList";
import { useQueryEdits } from "@/features/rows/useQueryEdits";
import { absoluteRange, shift, zoomOut, type TimeRange } from "@/lib/timeRange";
import { withLevels } from "@/logql/edit";
import { findNeedles } from "@/logql/needles";
import { strings } from "@/strings";
import { LevelHistogram } from "./LevelHistogram";
import { MetricView } from "./MetricView";
import { RowsFooter } from "./RowsFooter";
import { CancelledState, EmptyState, ErrorState, LoadingState, NoQueryState } from "@/features/query/states";
import { RowOptions, Statistics, Toolbar } from "@/features/query/Toolbar";
import { useCancel, useMetric, useRows, useRun, useVolume, type Run } from "./useExplore";

interface Props {
  view: View;
  onChange: ChangeView;
  labelsOpen: boolean;
  onLabels: (open: boolean) => void;
}

export function Explore({ view, onChange, labelsOpen, onLabels }: Props) {
  const list = useRef<RowListHandle>(null);
  const mayRefresh = useCallback(() => list.current?.atTop() ?? true, []);
  const [run, again] = useRun(view, mayRefresh);
  const rows = useRows(view, run);
  const volume = useVolume(view, run);
  const metric = useMetric(view, run);
  const cancel = useCancel();
  const shown = metric.enabled ? metric : rows;
  const setRange = (range: TimeRange) => onChange({ range });

  useShortcuts({
    r: again,
    w: () => onChange({ wrap: !view.wrap }, "replace"),
    o: () => onChange({ direction: view.direction === "backward" ? "forward" : "backward" }, "replace"),
    z: () => onChange({ zone: view.zone === "utc" ? "local" : "utc" }, "replace"),
    "[": () => setRange(shift(view.range, -1, Date.now())),
    "]": () => setRange(shift(view.range, 1, Date.now())),
    "-": () => setRange(zoomOut(view.range, Date.now())),
    Escape: () => {
      if (shown.running) cancel();
    },
  });

  const refused = shown.error instanceof ApiError && shown.error.kind === "refused";
  const body = () => {
    if (view.query.trim() === "") return <NoQueryState />;
    if (refused && shown.error) return <ErrorState error={shown.error} query={view.query} onAgain={again} />;
    const state = stateOf(
      shown,
      () => <ErrorState error={shown.error ?? new Error()} query={view.query} onAgain={again} />,
      () => <CancelledState onAgain={again} />,
    );
    return metric.enabled ? (
      (state ?? <MetricResult view={view} onChange={onChange} run={run} metric={metric} />)
    ) : (
      <LogResult view={view} onChange={onChange} run={run} rows={rows} volume={volume} list={list} state={state} />
    );
  };

  return (
    <QueryScreen
      view={view}
      onChange={onChange}
      labelsOpen={labelsOpen}
      onLabels={onLabels}
      running={shown.running}
      error={refused ? shown.error?.message : undefined}
      onCancel={cancel}
      onRun={(query) => {
        if (query === view.query) again();
        else onChange({ query });
      }}
      controls={<RangePicker view={view} onChange={onChange} refreshable />}
    >
      {shown.error && !refused && shown.answered && (
        <Banner icon="offline">
          {shown.error.message} {strings.states.stale}
        </Banner>
      )}
      {shown.stale && !shown.running && !shown.error && (
        <Banner icon="stop">
          {strings.states.cancelled} {strings.states.before}
        </Banner>
      )}
      {body()}
    </QueryScreen>
  );
}

interface Asked {
  answered: boolean;
  running: boolean;
  error: Error | null;
}

/* What stands in the place of an answer that has not arrived yet. */
function stateOf(asked: Asked, failed: () => ReactNode, cancelled: () => ReactNode): ReactNode {
  if (asked.answered) return undefined;
  if (asked.error) return failed();
  return asked.running ? <LoadingState /> : cancelled();
}

interface ResultProps {
  view: View;
  onChange: ChangeView;
  run: Run;
}

interface LogResultProps extends ResultProps {
  rows: ReturnType<typeof useRows>;
  volume: ReturnType<typeof useVolume>;
  list: RefObject<RowListHandle | null>;
  state: ReactNode;
}

function LogResult({ view, onChange, run, rows, volume: { volume, ...counted }, list, state }: LogResultProps) {
  const needles = useMemo(() => findNeedles(view.query), [view.query]);
  const { onFilter, onParse } = useQueryEdits(view, onChange);
  const { more } = rows;
  const { available, loading, error, load } = more;
  const loadMore = useCallback(() => {
    if (available && !loading && error === null) void load();
  }, [available, loading, error, load]);
  useShortcuts({ j: () => list.current?.focus(), k: () => list.current?.focus() });

  const loaded = strings.rows.loaded(rows.rows.length);
  const total =
    volume?.levels.reduce(
      (sum, one) => (counted.levels.length === 0 || counted.levels.includes(one.level) ? sum + one.total : sum),
      0,
    ) ?? 0;
  return (
    <>
      {volume ? (
        <LevelHistogram
          volume={volume}
          zone={view.zone}
          chosen={counted.levels}
          stale={counted.stale}
          onZoom={(startMs, endMs) => onChange({ range: absoluteRange(startMs, endMs) })}
          onChoose={(levels) => onChange({ query: withLevels(view.query, levels) })}
        />
      ) : (
        counted.error === null && <div className="histogram histogram-waiting" aria-hidden="true" />
      )}
      {counted.error && !rows.error && (
        <Banner icon="warning">
          {strings.histogram.failed}
          {counted.error.message}
        </Banner>
      )}
      {state ?? (
        <>
          <Toolbar actions={<RowOptions view={view} onChange={onChange} ordered />}>
            <Statistics
              found={total > rows.rows.length ? `${loaded} ${strings.rows.of(total)}` : loaded}
              {...rows.stats}
            />
          </Toolbar>
          {rows.rows.length === 0 ? (
            <EmptyState range={view.range} title={strings.states.emptyTitle} onRange={(range) => onChange({ range })} />
          ) : (
            <div className={`rows-frame${rows.stale ? " stale" : ""}`}>
              <RowList
                key={run.key}
                handle={list}
                rows={rows.rows}
                zone={view.zone}
                wrap={view.wrap}
                needles={needles}
                onFilter={onFilter}
                onParse={onParse}
                onNearEnd={loadMore}
                footer={<RowsFooter more={more} />}
              />
            </div>
          )}
        </>
      )}
    </>
  );
}

function MetricResult({
  view,
  onChange,
  run,
  metric: { metric, stale },
}: ResultProps & { metric: ReturnType<typeof useMetric> }) {
  if (!metric) return null;
  return (
    <>
      <Toolbar
        actions={
          <Segments
            label={strings.metric.label}
            value={view.instant ? "end" : "range"}
            onChange={(value) => onChange({ instant: value === "end" })}
            choices={[
              { value: "range", text: strings.metric.range },
              { value: "end", text: strings.metric.instant },
            ]}
          />
        }
      >
        <Statistics
          found={strings.metric.series(metric.series.length)}
          bytes={metric.stats.bytes}
          elapsedMs={metric.stats.elapsedMs}
        />
      </Toolbar>
      {metric.series.length === 0 ? (
        <EmptyState range={view.range} title={strings.metric.empty} onRange={(range) => onChange({ range })} />
      ) : (
        <MetricView
          metric={metric}
          zone={view.zone}
          instant={metric.instant}
          stale={stale}
          range={[run.range.startMs, run.range.endMs]}
          onZoom={(startMs, endMs) => onChange({ range: absoluteRange(Math.round(startMs), Math.round(endMs)) })}
        />
      )}
    </>
  );
}
