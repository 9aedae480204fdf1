import { useMemo, useState, type FormEvent } from "react";
import { REFRESH_CHOICES, type ChangeView, type View } from "@/app/view";
import { Button, Segments } from "@/components/Button";
import { Popover } from "@/components/Popover";
import { formatInputTime, zoneName, type Zone } from "@/lib/clock";
import { describeRange, QUICK_RANGES, readSide, resolveRange, shift, zoomOut, type TimeRange } from "@/lib/timeRange";
import { strings } from "@/strings";

const text = strings.range;

export function RangePicker({
  view,
  onChange,
  refreshable,
}: {
  view: View;
  onChange: ChangeView;
  refreshable: boolean;
}) {
  const { range, zone } = view;
  const setRange = (next: TimeRange) => onChange({ range: next });
  return (
    <div className="range-picker" role="group" aria-label={text.label}>
      <Button icon="left" title={text.earlier} onClick={() => setRange(shift(range, -1, Date.now()))} />
      <Popover
        icon="clock"
        title={text.label}
        className="range"
        text={
          <>
            <span className="range-name">{describeRange(range, zone)}</span>{" "}
            <span className="zone">{zoneName(Date.now(), zone)}</span>
            {refreshable && view.refreshSeconds > 0 && <span className="refreshing">↻ {view.refreshSeconds}s</span>}
          </>
        }
      >
        {(close) => (
          <div className="range-panel">
            <QuickRanges
              range={range}
              onPick={(next) => {
                setRange(next);
                close();
              }}
            />
            <div>
              <AbsoluteRange
                key={`${range.from} ${range.to} ${zone}`}
                range={range}
                zone={zone}
                onApply={(next) => {
                  setRange(next);
                  close();
                }}
              />
              <div className="range-option">
                <span>{text.zone}</span>
                <ZoneChoice zone={zone} onChange={(next) => onChange({ zone: next }, "replace")} />
              </div>
              {refreshable && (
                <div className="range-option">
                  <span>{strings.refresh.label}</span>
                  <Segments
                    label={strings.refresh.label}
                    value={view.refreshSeconds}
                    onChange={(refreshSeconds) => onChange({ refreshSeconds }, "replace")}
                    choices={REFRESH_CHOICES.map((value) => ({
                      value,
                      text: value === 0 ? strings.refresh.off : `${value}s`,
                    }))}
                  />
                </div>
              )}
            </div>
          </div>
        )}
      </Popover>
      <Button icon="right" title={text.later} onClick={() => setRange(shift(range, 1, Date.now()))} />
      <Button icon="zoomOut" title={text.zoomOut} onClick={() => setRange(zoomOut(range, Date.now()))} />
    </div>
  );
}

/* The two that are wanted most as buttons, every other zone by its name. */
export function ZoneChoice({ zone, onChange }: { zone: Zone; onChange: (zone: Zone) => void }) {
  const zones = useMemo(() => Intl.supportedValuesOf("timeZone"), []);
  const named = zone !== "local" && zone !== "utc";
  return (
    <span className="zone-choice">
      <Segments<Zone>
        label={text.zone}
        value={zone}
        onChange={onChange}
        choices={[
          { value: "local", text: text.local },
          { value: "utc", text: text.utc },
        ]}
      />
      <select
        aria-label={text.otherZone}
        value={named ? zone : ""}
        onChange={(event) => onChange(event.target.value === "" ? "local" : event.target.value)}
      >
        <option value="">{text.otherZone}</option>
        {named && !zones.includes(zone) && <option>{zone}</option>}
        {zones.map((name) => (
          <option key={name}>{name}</option>
        ))}
      </select>
    </span>
  );
}

function QuickRanges({ range, onPick }: { range: TimeRange; onPick: (range: TimeRange) => void }) {
  return (
    <ul className="menu quick-ranges" aria-label={text.quick}>
      {QUICK_RANGES.map((back) => {
        const quick = { from: `now-${back}`, to: "now" };
        return (
          <li key={back}>
            <button
              type="button"
              aria-current={range.from === quick.from && range.to === "now"}
              onClick={() => onPick(quick)}
            >
              {describeRange(quick, "utc")}
            </button>
          </li>
        );
      })}
    </ul>
  );
}

function AbsoluteRange({
  range,
  zone,
  onApply,
}: {
  range: TimeRange;
  zone: Zone;
  onApply: (range: TimeRange) => void;
}) {
  const shown = (side: string) => (side.startsWith("now") ? side : formatInputTime(Date.parse(side), zone));
  const [from, setFrom] = useState(shown(range.from));
  const [to, setTo] = useState(shown(range.to));
  const [problem, setProblem] = useState<string>();

  const apply = (event: FormEvent) => {
    event.preventDefault();
    const next = { from: readSide(from, zone), to: readSide(to, zone) };
    if (next.from === undefined || next.to === undefined)
      return setProblem(`${text.invalid}: ${next.from === undefined ? from : to}`);
    const chosen = { from: next.from, to: next.to };
    const now = Date.now();
    const order =
      resolveRange({ from: chosen.from, to: "now" }, now).startMs <
      resolveRange({ from: chosen.to, to: "now" }, now).startMs;
    if (!order && chosen.to !== "now") return setProblem(text.order);
    onApply(chosen);
  };

  return (
    <form className="absolute-range" onSubmit={apply}>
      <label>
        {text.from}
        <input
          className="mono"
          value={from}
          onChange={(event) => setFrom(event.target.value)}
          autoFocus
          spellCheck={false}
        />
      </label>
      <label>
        {text.to}
        <input className="mono" value={to} onChange={(event) => setTo(event.target.value)} spellCheck={false} />
      </label>
      <p className={problem === undefined ? "hint" : "hint problem"} role={problem === undefined ? undefined : "alert"}>
        {problem ?? text.hint}
      </p>
      <Button kind="primary" type="submit">
        {text.apply}
      </Button>
    </form>
  );
}
