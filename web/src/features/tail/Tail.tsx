import { useEffect, useMemo, useRef, useState } from "react";
import { ApiError } from "@/api/http";
import { useShortcuts } from "@/app/shortcuts";
import type { ChangeView, View } from "@/app/view";
import { Button } from "@/components/Button";
import { Banner, Notice } from "@/components/Notice";
import { ErrorState, NoQueryState } from "@/features/query/states";
import { RowOptions, Toolbar } from "@/features/query/Toolbar";
import { QueryScreen } from "@/features/query/QueryScreen";
import type { Panel } from "@/features/query/SidePanel";
import { RowList, type RowListHandle } from "@/features/rows/RowList";
import { useRowActions } from "@/features/rows/useRowActions";
import { readStored, writeStored } from "@/app/stored";
import { TAIL_SPEED, TAIL_SPEEDS } from "@/limits";
import { findNeedles, literalNeedle } from "@/logql/needles";
import { isMetricQuery } from "@/logql/shape";
import { strings } from "@/strings";
import { useTail } from "./useTail";

const text = strings.tail;
const SPEED_KEY = "bole.tail.speed";

interface Props {
  view: View;
  onChange: ChangeView;
  panel: Panel | undefined;
  onPanel: (panel: Panel | undefined) => void;
}

export function Tail({ view, onChange, panel, onPanel }: Props) {
  const [run, setRun] = useState(0);
  const isMetric = isMetricQuery(view.query);
  const [speed, setSpeed] = useState<number>(() => readStored(SPEED_KEY, TAIL_SPEED));
  const [filter, setFilter] = useState("");
  const [highlight, setHighlight] = useState("");
  const tail = useTail(view.query, run, view.query.trim() !== "" && !isMetric, speed);
  const { buffer, state } = tail;
  const marks = [literalNeedle(filter), literalNeedle(highlight)];
  const markKey = marks.map((mark) => mark?.source).join("\n");
  const needles = useMemo(
    () => [...findNeedles(view.query), ...marks.filter((mark) => mark !== undefined)],
    // eslint-disable-next-line react-hooks/exhaustive-deps -- expressions are equal when their sources are
    [view.query, markKey],
  );
  const rows = useMemo(() => {
    const wanted = literalNeedle(filter, "i");
    return wanted ? buffer.shown.filter((row) => wanted.test(row.line)) : buffer.shown;
  }, [buffer.shown, filter]);
  const actions = useRowActions(view, onChange);
  const list = useRef<RowListHandle>(null);
  const again = () => setRun((n) => n + 1);

  useEffect(() => {
    if (!buffer.paused) list.current?.scrollToBottom();
  }, [buffer.shown, buffer.paused, view.wrap]);

  const toggle = buffer.paused ? tail.resume : tail.pause;
  useShortcuts({
    p: toggle,
    r: again,
    w: () => onChange({ wrap: !view.wrap }, "replace"),
    z: () => onChange({ zone: view.zone === "utc" ? "local" : "utc" }, "replace"),
    j: () => list.current?.focus(),
    k: () => list.current?.focus(),
  });

  const body = () => {
    if (view.query.trim() === "") return <NoQueryState />;
    if (isMetric)
      return (
        <Notice icon="tail" title={strings.nav.tail}>
          <p>{text.metric}</p>
        </Notice>
      );
    if (tail.error) return <ErrorState error={tail.error} query={view.query} onAgain={again} />;
    if (buffer.shown.length === 0)
      return (
        <Notice icon="tail" title={text.waiting}>
          <p>{text.waitingHelp}</p>
        </Notice>
      );
    return (
      <div className="rows-frame">
        <RowList
          handle={list}
          rows={rows}
          zone={view.zone}
          wrap={view.wrap}
          needles={needles}
          columns={view.columns}
          actions={actions}
          onScrolledUp={tail.pause}
        />
        {buffer.waiting.length > 0 && (
          <Button kind="primary" className="tail-waiting" onClick={tail.resume}>
            {text.buffered(buffer.waiting.length, tail.held)}
          </Button>
        )}
      </div>
    );
  };

  const status = tail.error
    ? "stopped"
    : buffer.paused
      ? "paused"
      : state.kind === "open"
        ? "live"
        : state.kind === "waiting"
          ? "stopped"
          : "connecting";
  return (
    <QueryScreen
      view={view}
      onChange={onChange}
      panel={panel}
      onPanel={onPanel}
      running={false}
      onCancel={tail.pause}
      error={tail.error instanceof ApiError && tail.error.kind === "refused" ? tail.error.message : undefined}
      onRun={(query) => {
        if (query === view.query) again();
        else onChange({ query });
      }}
      controls={
        <Button
          icon={buffer.paused ? "play" : "pause"}
          className="tail-pause"
          title={buffer.paused ? text.resumeTitle : text.pauseTitle}
          onClick={toggle}
        >
          {buffer.paused ? text.resume : text.pause}
        </Button>
      }
    >
      {state.kind === "waiting" && !tail.error && <Banner icon="offline">{state.message}</Banner>}
      <Toolbar
        actions={
          <>
            <MarkInput label={text.filter} value={filter} onChange={setFilter} />
            <MarkInput label={text.highlight} value={highlight} onChange={setHighlight} />
            <label className="choice" title={text.speedTitle}>
              <select
                aria-label={text.speed}
                value={speed}
                onChange={(event) => {
                  const next = Number(event.target.value);
                  setSpeed(next);
                  writeStored(SPEED_KEY, next);
                }}
              >
                {TAIL_SPEEDS.map((one) => (
                  <option key={one} value={one}>
                    {text.atMost(one)}
                  </option>
                ))}
              </select>
            </label>
            <Button kind="quiet" icon="close" onClick={tail.clear}>
              {text.clear}
            </Button>
            <RowOptions view={view} onChange={onChange} ordered={false} />
          </>
        }
      >
        <p className="statistics" role="status">
          <b className={`tail-state tail-${status}`}>{text[status]}</b>
          <span>{text.held(buffer.shown.length)}</span>
          <span>{text.rate(tail.rate)}</span>
          {filter !== "" && <span>{text.matching(rows.length)}</span>}
          {buffer.paused && <span className="tail-count">{text.buffered(buffer.waiting.length, tail.held)}</span>}
          {buffer.leftOut > 0 && (
            <span className="problem" title={text.leftOutTitle}>
              {text.leftOut(buffer.leftOut)}
            </span>
          )}
          <span className={buffer.dropped > 0 ? "problem" : ""} title={text.droppedTitle}>
            {text.dropped(buffer.dropped)}
          </span>
        </p>
      </Toolbar>
      {body()}
    </QueryScreen>
  );
}

function MarkInput({ label, value, onChange }: { label: string; value: string; onChange: (value: string) => void }) {
  return (
    <input
      type="search"
      className="mark-input"
      placeholder={label}
      aria-label={label}
      value={value}
      onChange={(event) => onChange(event.target.value)}
    />
  );
}
