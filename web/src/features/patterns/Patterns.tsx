import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useMemo, useState, type ReactNode } from "react";
import { ApiError } from "@/api/http";
import { patternsOfQuery, patternsOfSelector } from "@/api/patterns";
import { useShortcuts } from "@/app/shortcuts";
import { BASELINES, type Baseline, type ChangeView, type View } from "@/app/view";
import { Button, Segments } from "@/components/Button";
import { Notice } from "@/components/Notice";
import { Sparkline } from "@/components/Sparkline";
import { useRun } from "@/features/explore/useExplore";
import { QueryScreen } from "@/features/query/QueryScreen";
import { RangePicker } from "@/features/query/RangePicker";
import type { Panel } from "@/features/query/SidePanel";
import { EmptyState, ErrorState, LoadingState, NoQueryState } from "@/features/query/states";
import { Toolbar } from "@/features/query/Toolbar";
import { formatCompact, formatCount, formatPercent } from "@/lib/format";
import { addNs } from "@/lib/ns";
import { niceStep, type ResolvedRange } from "@/lib/timeRange";
import { PATTERNS_SHOWN, SPARKLINE_POINTS } from "@/limits";
import { appendStage } from "@/logql/edit";
import { quote } from "@/logql/lex";
import { findStages, isMetricQuery, isPlainWords, isSetQuery } from "@/logql/shape";
import { strings } from "@/strings";
import { compare, keyOf, piecesOf, type Compared } from "./compare";
import { PatternDetail } from "./PatternDetail";

const text = strings.patterns;
const DAY_MS = 86_400_000;

interface Props {
  view: View;
  onChange: ChangeView;
  panel: Panel | undefined;
  onPanel: (panel: Panel | undefined) => void;
}

const always = () => true;

/* What the lines look like, how often each, and what is new or spikes since an earlier time. */
export function Patterns({ view, onChange, panel, onPanel }: Props) {
  const [run, again] = useRun(view, always);
  const unfit = isMetricQuery(view.query) || isSetQuery(view.query);
  const enabled = view.query.trim() !== "" && !unfit;
  const now = usePatterns(view.query, run.range, enabled);
  const earlier = useMemo(() => baselineRange(run.range, view.baseline), [run.range, view.baseline]);
  const before = usePatterns(view.query, earlier ?? run.range, enabled && earlier !== undefined);
  const rows = useMemo(
    () => compare(now.data ?? [], earlier && before.data).sort((a, b) => order(b) - order(a)),
    [now.data, earlier, before.data],
  );
  useShortcuts({ r: again });

  const error = now.error ?? (earlier ? before.error : null);
  const refused = error instanceof ApiError && error.kind === "refused";
  const body = (): ReactNode => {
    if (view.query.trim() === "") return <NoQueryState />;
    if (unfit)
      return (
        <Notice icon="patterns" title={strings.nav.patterns}>
          <p>{text.unfit}</p>
        </Notice>
      );
    if (error) return <ErrorState error={error} query={view.query} onAgain={again} />;
    if (now.isPending) return <LoadingState />;
    if (rows.length === 0)
      return <EmptyState range={view.range} title={text.none} onRange={(range) => onChange({ range })} />;
    return <PatternList rows={rows} view={view} onChange={onChange} range={run.range} />;
  };
  const lines = now.data?.reduce((sum, one) => sum + one.count, 0) ?? 0;
  return (
    <QueryScreen
      view={view}
      onChange={onChange}
      panel={panel}
      onPanel={onPanel}
      running={now.isFetching || before.isFetching}
      error={refused ? error.message : undefined}
      onCancel={() => undefined}
      onRun={(query) => {
        if (query === view.query) again();
        else onChange({ query });
      }}
      controls={<RangePicker view={view} onChange={onChange} refreshable />}
    >
      <Toolbar
        actions={
          <>
            <span className="dim">{text.baseline}</span>
            <Segments<Baseline>
              label={text.baseline}
              value={view.baseline}
              onChange={(baseline) => onChange({ baseline }, "replace")}
              choices={BASELINES.map((value) => ({ value, text: text.baselines[value] }))}
            />
          </>
        }
      >
        <p className="statistics" role="status">
          <b>{text.found(rows.length)}</b>
          <span>{strings.fields.in(lines)}</span>
          {(["new", "more", "gone"] as const).map((change) => {
            const count = rows.filter((row) => row.change === change).length;
            return count > 0 && <span key={change}>{text.changed(change, count)}</span>;
          })}
        </p>
      </Toolbar>
      {body()}
    </QueryScreen>
  );
}

/* What is new or spikes comes first, then what is frequent. */
const FIRST = { new: 3, more: 2, gone: 1, less: 0, same: 0 };
const order = (row: Compared) => (row.change ? FIRST[row.change] : 0) * 1e15 + Math.max(row.count, row.before ?? 0);

function usePatterns(query: string, range: ResolvedRange, enabled: boolean) {
  const { start, end, startMs, endMs } = range;
  const isSelector = findStages(query).length === 0 && !isPlainWords(query);
  return useQuery({
    queryKey: ["patterns", query, start, end],
    queryFn: ({ signal }) =>
      isSelector
        ? patternsOfSelector({ query, start, end }, niceStep(endMs - startMs, SPARKLINE_POINTS), signal)
        : patternsOfQuery({ query, start, end }, signal),
    enabled,
    placeholderData: keepPreviousData,
  });
}

function baselineRange(range: ResolvedRange, baseline: Baseline): ResolvedRange | undefined {
  if (baseline === "none") return undefined;
  const backMs = { period: range.endMs - range.startMs, day: DAY_MS, week: 7 * DAY_MS }[baseline];
  const backNs = baseline === "period" ? BigInt(range.end) - BigInt(range.start) : BigInt(backMs) * 1_000_000n;
  return {
    start: addNs(range.start, -backNs),
    end: addNs(range.end, -backNs),
    startMs: range.startMs - backMs,
    endMs: range.endMs - backMs,
  };
}

interface ListProps {
  rows: readonly Compared[];
  view: View;
  onChange: ChangeView;
  range: ResolvedRange;
}

function PatternList({ rows, view, onChange, range }: ListProps) {
  const [openKey, setOpenKey] = useState<string>();
  const [shown, setShown] = useState(PATTERNS_SHOWN);
  const total = rows.reduce((sum, row) => sum + row.count, 0);
  const most = Math.max(1, ...rows.map((row) => row.count));
  const go = (op: "|>" | "!>", row: Compared, screen: View["screen"]) =>
    onChange({ query: appendStage(view.query, `${op} ${quote(row.text)}`), screen });
  return (
    <div className="patterns">
      <ul>
        {rows.slice(0, shown).map((row) => {
          const key = keyOf(row);
          const open = key === openKey;
          return (
            <li key={key} className={`level-${row.level}${open ? " pattern-open" : ""}`}>
              <button
                type="button"
                className="pattern"
                aria-expanded={open}
                onClick={() => setOpenKey(open ? undefined : key)}
              >
                <span className="pattern-trend">
                  <Sparkline samples={row.samples} startMs={range.startMs} endMs={range.endMs} points={SPARKLINE_POINTS} />
                </span>
                <span className="pattern-count" title={formatCount(row.count)}>
                  <i style={{ width: `${(100 * row.count) / most}%` }} />
                  <b>{formatCompact(row.count)}</b>
                </span>
                <span className="pattern-share">{total > 0 ? formatPercent(row.count / total) : ""}</span>
                {row.change && row.change !== "same" ? (
                  <span className={`pattern-change change-${row.change}`} title={text.before(row.before ?? 0)}>
                    {text.changes[row.change]}
                  </span>
                ) : (
                  row.change && <span className="pattern-change" />
                )}
                <code className="pattern-text">
                  {piecesOf(row.text).map((piece, i) =>
                    piece.varies ? <i key={i}>{"<_>"}</i> : <span key={i}>{piece.text}</span>,
                  )}
                </code>
              </button>
              {open && (
                <PatternDetail
                  query={appendStage(view.query, `|> ${quote(row.text)}`)}
                  range={range}
                  zone={view.zone}
                  actions={
                    <>
                      <Button icon="plus" onClick={() => go("|>", row, "explore")}>
                        {text.show}
                      </Button>
                      <Button icon="minus" onClick={() => go("!>", row, "patterns")}>
                        {text.hide}
                      </Button>
                    </>
                  }
                />
              )}
            </li>
          );
        })}
      </ul>
      {shown < rows.length && (
        <Button kind="quiet" onClick={() => setShown(shown * 4)}>
          {text.more(rows.length - shown)}
        </Button>
      )}
    </div>
  );
}
