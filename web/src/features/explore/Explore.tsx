import { lazy, Suspense, useCallback, useMemo, useRef, type ReactNode, type RefObject } from "react";
import { ApiError } from "@/api/http";
import { useShortcuts } from "@/app/shortcuts";
import { formatView, type ChangeView, type View } from "@/app/view";
import type { Row } from "@/api/rows";
import type { FieldSummary } from "@/api/search";
import { Button, Segments } from "@/components/Button";
import { Banner } from "@/components/Notice";
import { RangePicker } from "@/features/query/RangePicker";
import { QueryScreen } from "@/features/query/QueryScreen";
import type { Panel } from "@/features/query/SidePanel";
import { RowList, type RowListHandle } from "@/features/rows/RowList";
import { filterQuery } from "@/features/rows/filterQuery";
import { withParser } from "@/features/rows/parser";
import { toggled, useRowActions } from "@/features/rows/useRowActions";
import { dedupe } from "@/lib/dedupe";
import { nsFromMs } from "@/lib/ns";
import { absoluteRange, formatDuration, niceStep, shift, zoomOut, type TimeRange } from "@/lib/timeRange";
import { METRIC_POINTS } from "@/limits";
import { countBy, withLevels } from "@/logql/edit";
import { findNeedles } from "@/logql/needles";
import { isPlainWords, isSetQuery } from "@/logql/shape";
import { strings } from "@/strings";
import { RowsFooter } from "./RowsFooter";
import { CancelledState, EmptyState, ErrorState, LoadingState, NoQueryState } from "@/features/query/states";
import { DedupeChoice, RowOptions, Statistics, Toolbar } from "@/features/query/Toolbar";
import { ColumnHead } from "@/features/rows/ColumnHead";
import { FindBar, useFind } from "@/features/rows/FindBar";
import { ExportMenu } from "./ExportMenu";
import { placeAt } from "./rowWindow";
import { useCancelMetric, useMetric, useRetryWhileAway, useRun, useSearch, type Run } from "./useExplore";

/* Drawing is fetched while the first query already runs. */
const LevelHistogram = lazy(() => import("./LevelHistogram").then(({ LevelHistogram }) => ({ default: LevelHistogram })));
const MetricView = lazy(() => import("./MetricView").then(({ MetricView }) => ({ default: MetricView })));

interface Props {
  view: View;
  onChange: ChangeView;
  panel: Panel | undefined;
  onPanel: (panel: Panel | undefined) => void;
}

export function Explore({ view, onChange, panel, onPanel }: Props) {
  const list = useRef<RowListHandle>(null);
  const mayRefresh = useCallback(() => list.current?.atTop() ?? true, []);
  const [run, again] = useRun(view, mayRefresh);
  const search = useSearch(view, run);
  const metric = useMetric(view, run);
  const cancelMetric = useCancelMetric();
  useRetryWhileAway(search.enabled ? search.error : null, again);
  const shown = metric.enabled ? metric : search;
  const cancel = () => (metric.enabled ? cancelMetric() : search.session.cancel());
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

  const { rows } = search.window;
  const fields = useMemo(() => {
    if (!search.enabled || isSetQuery(view.query)) return undefined;
    /* What the panel found in the lines, the query must look for, too. */
    const query = (field: FieldSummary) => (field.origin === "parsed" ? withParser(view.query, rows) : view.query);
    return {
      scope: { query: view.query, start: run.range.start, end: run.range.end },
      columns: view.columns,
      onFilter: (field: FieldSummary, op: "=" | "!=", value: string) => {
        const origin = field.origin === "label" ? "stream" : field.origin;
        onChange({ query: filterQuery(query(field), { name: field.name, value, op, origin }) });
      },
      onOverTime: isPlainWords(view.query)
        ? undefined
        : (field: FieldSummary) => {
            const step = formatDuration(niceStep(run.range.endMs - run.range.startMs, METRIC_POINTS));
            onChange({ query: countBy(query(field), field.name, step), instant: false });
          },
      onColumn: (field: FieldSummary) =>
        onChange({ query: query(field), columns: toggled(view.columns, field.name) }, "replace"),
    };
  }, [search.enabled, view.query, view.columns, run, rows, onChange]);

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
      <LogResult view={view} onChange={onChange} run={run} search={search} list={list} state={state} />
    );
  };

  return (
    <QueryScreen
      view={view}
      onChange={onChange}
      panel={panel}
      onPanel={onPanel}
      running={shown.running}
      fields={fields}
      done={metric.enabled ? undefined : search.done}
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
      {!metric.enabled && search.cancelled && search.answered && (
        <Banner icon="stop">
          {strings.states.cancelled} {search.stale && strings.states.before}
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
  search: ReturnType<typeof useSearch>;
  list: RefObject<RowListHandle | null>;
  state: ReactNode;
}

function LogResult({ view, onChange, run, search, list, state }: LogResultProps) {
  const { session, window: held, volume, levels } = search;
  const isSet = useMemo(() => isSetQuery(view.query), [view.query]);
  const { rows, counts } = useMemo(() => dedupe(held.rows, view.dedupe), [held.rows, view.dedupe]);
  const find = useFind(rows);
  const needles = useMemo(
    () => [...findNeedles(view.query), ...(find.needle ? [find.needle] : [])],
    [view.query, find.needle],
  );
  const links = useMemo(
    () => ({
      scope: { query: view.query, start: run.range.start, end: run.range.end },
      /* A link stays: it names the range as it was. */
      linkTo: (row: Row) => {
        const range = absoluteRange(Math.floor(run.range.startMs), Math.ceil(run.range.endMs));
        const url = new URL(window.location.href);
        url.hash = formatView({ ...view, range, refreshSeconds: 0, row: row.id });
        return url.href;
      },
    }),
    [view, run],
  );
  const actions = useRowActions(view, onChange, isSet ? undefined : links);
  const onNearEnd = useCallback(() => void session.more("below"), [session]);
  const onNearStart = useCallback(() => void session.more("above"), [session]);
  useShortcuts({ j: () => list.current?.focus(), k: () => list.current?.focus(), f: find.show });
  const columns = search.columns ?? view.columns;
  const total =
    volume?.levels.reduce(
      (sum, one) => (levels.length === 0 || levels.includes(one.level) ? sum + one.total : sum),
      0,
    ) ?? 0;
  const loaded = strings.rows.loaded(held.rows.length);
  const jump = (ms: number) => void session.jump(placeAt(nsFromMs(ms)));
  return (
    <>
      <Suspense fallback={<HistogramSpace />}>
        {volume ? (
          <LevelHistogram
            volume={volume}
            zone={view.zone}
            chosen={levels}
            stale={search.stale}
            onZoom={(startMs, endMs) => onChange({ range: absoluteRange(startMs, endMs) })}
            onJump={jump}
            onChoose={(chosen) => onChange({ query: withLevels(view.query, chosen) })}
          />
        ) : (
          search.error === null && <HistogramSpace />
        )}
      </Suspense>
      {search.warnings.map((warning) => (
        <Banner key={warning} icon="warning">
          {warning}
        </Banner>
      ))}
      {state ?? (
        <>
          <Toolbar
            actions={
              <>
                <DedupeChoice view={view} onChange={onChange} />
                <Button kind="quiet" icon="search" title={strings.find.title} pressed={find.open} onClick={find.show} />
                <RowOptions view={view} onChange={onChange} ordered />
                <ExportMenu
                  key={run.key}
                  request={{ ...links.scope, direction: view.direction }}
                  columns={view.columns}
                />
              </>
            }
          >
            <Statistics
              found={!isSet && total > held.rows.length ? `${loaded} ${strings.rows.of(total)}` : loaded}
              {...search.cost}
            />
            {counts.size > 0 && <span className="dim">{strings.dedupe.left(rows.length)}</span>}
          </Toolbar>
          {find.open && <FindBar find={find} onReveal={(index) => list.current?.reveal(rows[index]?.id ?? "")} />}
          {view.row !== undefined && !search.running && !held.rows.some((row) => row.id === view.row) && (
            <Banner icon="warning">{strings.rows.pointedGone}</Banner>
          )}
          {columns.length > 0 && <ColumnHead columns={columns} isTable={search.columns !== undefined} view={view} onChange={onChange} />}
          {rows.length === 0 ? (
            <EmptyState range={view.range} title={strings.states.emptyTitle} onRange={(range) => onChange({ range })} />
          ) : (
            <div className={`rows-frame${search.stale ? " stale" : ""}`}>
              {search.loading && <p className="rows-loading">{strings.rows.loadingMore}</p>}
              <RowList
                key={run.key}
                handle={list}
                rows={rows}
                counts={counts}
                zone={view.zone}
                wrap={view.wrap}
                needles={needles}
                columns={columns}
                isTable={search.columns !== undefined}
                pointed={view.row}
                actions={actions}
                onNearEnd={onNearEnd}
                onNearStart={onNearStart}
                target={search.target}
                onHome={() => session.jumpTo("above")}
                onEnd={() => session.jumpTo("below")}
                footer={<RowsFooter search={search} isSet={isSet} />}
              />
            </div>
          )}
        </>
      )}
    </>
  );
}

const HistogramSpace = () => <div className="histogram histogram-waiting" aria-hidden="true" />;

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
        <Suspense fallback={<LoadingState />}>
          <MetricView
            metric={metric}
            zone={view.zone}
            instant={metric.instant}
            stale={stale}
            range={[run.range.startMs, run.range.endMs]}
            onZoom={(startMs, endMs) => onChange({ range: absoluteRange(Math.round(startMs), Math.round(endMs)) })}
          />
        </Suspense>
      )}
    </>
  );
}
